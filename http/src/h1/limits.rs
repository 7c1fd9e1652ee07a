//! What a client may make the server hold, per request.

/// Bounds of one request. The types hold the caps: offsets into a head are 16 bits wide.
///
/// ```
/// use selvedge_http::h1::Limits;
/// use selvedge_http::{Request, ServerOptions, testing::Client};
///
/// selvedge_runtime::block_on(|| async {
///     let limits = Limits { target_bytes_max: 20, fields_max: 3, ..Limits::default() };
///     let options = ServerOptions { limits, ..ServerOptions::default() };
///     let client = Client::with_options(async |_: Request<'_>| "hello", &options);
///     client.get("/short").send().await.assert_status(200);
///     client.get(&"/long".repeat(100)).send().await.assert_status(414);
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a head: a leading empty line, request line, field lines and the empty line. More is 431, or 414 while
    /// the request line has not ended.
    pub head_bytes_max: u16,
    /// Octets of a request target. More is 414.
    pub target_bytes_max: u16,
    /// Field lines of a head. More is 431. Values above [`Limits::FIELDS_CAP`] mean that cap.
    pub fields_max: u16,
    /// Octets of a request body; the application may ask for less. More is 413.
    pub body_bytes_max: u64,
    /// Octets of all chunk extensions of one body together, since they are read and dropped. More is 400.
    pub chunk_extension_bytes_max: u32,
    /// Octets of a chunked body's trailer section. More is 431.
    pub trailer_bytes_max: u32,
}

impl Limits {
    /// The most field lines a head may have, whatever `fields_max` says: the parser's table stands on the stack.
    pub const FIELDS_CAP: u16 = 256;

    /// What a request line may hold beside its target: a method, two spaces, the version, CRLF.
    const METHOD_AND_VERSION_BYTES_MAX: usize = 32 + 2 + 8 + 2;

    /// Octets of a request line with its CRLF.
    pub(crate) fn request_line_bytes_max(&self) -> usize {
        usize::from(self.target_bytes_max) + Self::METHOD_AND_VERSION_BYTES_MAX
    }

    /// `fields_max` under its cap.
    pub(crate) fn fields_max_capped(&self) -> usize {
        usize::from(self.fields_max.min(Self::FIELDS_CAP))
    }
}

impl Default for Limits {
    /// 16 KiB of head, 8 KiB of target, 100 field lines, 1 MiB of body, 4 KiB each of extensions and trailers.
    fn default() -> Self {
        Limits {
            head_bytes_max: 16 * 1024,
            target_bytes_max: 8 * 1024,
            fields_max: 100,
            body_bytes_max: 1024 * 1024,
            chunk_extension_bytes_max: 4 * 1024,
            trailer_bytes_max: 4 * 1024,
        }
    }
}
