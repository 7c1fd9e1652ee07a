//! Compressing what an application answers. In: its response and what the client accepts. Out: the same response in the
//! coding the client likes best, or as it is, and a Vary that says so.

mod encode;
mod fields;

use std::borrow::Cow;
use std::iter;

use http::{Method, StatusCode, header};

use crate::application::Application;
use crate::h1::ErrorBody;
use crate::media_type;
use crate::middleware::places::Places;
use crate::negotiation::{Acceptable, Coding};
use crate::request::Request;
use crate::response::{Body, Response, ResponseHead};

/// What is compressed, and how much of it at once.
///
/// ```
/// use selvedge_http::middleware::CompressionOptions;
/// use selvedge_http::negotiation::Coding;
///
/// let options = CompressionOptions {
///     codings: vec![Coding::Zstd, Coding::Gzip],
///     bytes_min: 256,
///     ..CompressionOptions::default()
/// };
/// assert_eq!(options.encoders_max, 64);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompressionOptions {
    /// The codings; among those that a client likes equally the first is used. By default `zstd`, `br`, `gzip`: a server
    /// that compresses while the client waits gains more by zstd's speed than by brotli's few hundredths.
    pub codings: Vec<Coding>,
    /// Answers of these types: such as `text/html`, or with a star at the end, `text/*`; empty for what gains by it
    /// ([`is_compressible`](crate::media_type::is_compressible)). One without a type is left as it is.
    pub types: Vec<String>,
    /// The shortest body that is compressed, in octets; by default 1 KiB. A stream of unknown length is compressed.
    pub bytes_min: u64,
    /// Most encoders of this worker at a time, of at most 2 MiB each; by default 64. What comes beyond them goes out as it
    /// is.
    pub encoders_max: usize,
}

impl Default for CompressionOptions {
    fn default() -> Self {
        Self {
            codings: vec![Coding::Zstd, Coding::Brotli, Coding::Gzip],
            types: Vec::new(),
            bytes_min: 1_024,
            encoders_max: 64,
        }
    }
}

/// Compresses answers for clients that take it (RFC 9110 section 12.5.3).
///
/// * A body in memory is sent with its new length, and as it is where it would get longer. Up to 64 KiB it is encoded by
///   the worker, up to 4 MiB by a helper thread, beyond that as a stream.
/// * A stream is encoded while it is sent. Whatever the application has written before it waits is flushed, so that an
///   event stream comes event by event. [`BodyWriter::flush`](crate::BodyWriter::flush) only waits until the encoder has
///   what was written.
/// * Files pass untouched: [`files`](crate::files) compresses them itself, once. So do parts (206), answers that have a
///   coding already, and those whose fields tell a digest of their octets.
/// * A strong entity tag becomes weak, as in nginx: the octets are others, what they mean is the same. `If-None-Match` goes
///   on working; `If-Match`, which compares strongly, does not for who was sent a compressed answer.
///
/// # Secrets
/// The length of a compressed answer tells something of its content. Where it has both a secret and something that the
/// client's request may choose, such as a search's words beside a token against forged requests, who sees the lengths of
/// many answers can find the secret out (the BREACH attack). Such an answer says `Cache-Control: no-transform`, and is left
/// as it is.
///
/// ```
/// use selvedge_http::middleware::{CompressionOptions, compression};
/// use selvedge_http::{Application, Request, Response, header};
///
/// async fn page(request: Request<'_>) -> Response {
///     match request.path() {
///         b"/account" => Response::html("with a secret").with_header(header::CACHE_CONTROL, "no-transform"),
///         _ => Response::html("<!doctype html>"),
///     }
/// }
///
/// let application = page.with(compression(CompressionOptions::default()));
/// ```
pub fn compression<A: Application>(options: CompressionOptions) -> impl FnOnce(A) -> Compression<A> {
    move |application| Compression { application, places: Places::new(options.encoders_max), options }
}

/// An application whose answers are compressed: see [`compression`].
///
/// ```
/// use selvedge_http::middleware::{Compression, CompressionOptions, compression};
/// use selvedge_http::{Application, Request};
///
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
/// let compressed: Compression<_> = hello.with(compression(CompressionOptions::default()));
/// ```
#[derive(Debug)]
pub struct Compression<A> {
    application: A,
    options: CompressionOptions,
    places: Places,
}

/// What a response is to compression.
enum Subject {
    /// Not to be compressed, for anybody.
    No,
    /// Octets that may be compressed.
    Octets,
    /// To HEAD, without the octets that GET would have.
    Unknown,
    /// What the client has is still right.
    NotModified,
}

impl<A: Application> Application for Compression<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        let mut response = self.application.call(request).await;
        match self.judge(request, &response) {
            Subject::No => {}
            Subject::Unknown => fields::add_vary(&mut response.head),
            Subject::NotModified => fields::not_modified(&mut response.head, request),
            Subject::Octets => {
                fields::add_vary(&mut response.head);
                let coding = self.choose(request);
                if coding != Coding::Identity
                    && let Some(place) = self.places.take()
                {
                    // Boxed, so that every other request's future has not its size.
                    return Box::pin(encode::encoded(response, coding, place)).await;
                }
            }
        }
        response
    }
}

impl<A> Compression<A> {
    fn judge(&self, request: Request<'_>, response: &Response) -> Subject {
        let subject = match (response.body(), response.status()) {
            (Body::Empty, StatusCode::NOT_MODIFIED) => return Subject::NotModified,
            (Body::Empty, _) if request.method() == Method::HEAD => Subject::Unknown,
            (body, _) if self.is_long_enough(response.status(), body) => Subject::Octets,
            _ => return Subject::No,
        };
        if may_be_encoded(&response.head) && self.is_selected(&response.head) { subject } else { Subject::No }
    }

    /// Whether these are octets that this middleware encodes, and enough of them.
    fn is_long_enough(&self, status: StatusCode, body: &Body) -> bool {
        let length = match body {
            Body::Full(chunk) => chunk.len() as u64,
            Body::Segments(segments) => segments.iter().map(|segment| segment.len() as u64).sum(),
            Body::Error { reason } => ErrorBody { status, reason }.bytes() as u64,
            Body::Stream(stream) => stream.length().unwrap_or(u64::MAX),
            _ => return false,
        };
        length > 0 && length >= self.options.bytes_min
    }

    fn is_selected(&self, head: &ResponseHead) -> bool {
        let content_type = match head.content_type {
            Some(content_type) => Some(Cow::Borrowed(content_type)),
            None => fields::values(head, &header::CONTENT_TYPE).next().map(String::from_utf8_lossy),
        };
        let is_selected =
            |given: Cow<'_, str>| media_type::is_selected(&self.options.types, &given.to_ascii_lowercase());
        content_type.is_some_and(is_selected)
    }

    /// The coding to send. Who accepts none of what there is gets the answer as it is: better than no answer.
    fn choose(&self, request: Request<'_>) -> Coding {
        let codings = self.options.codings.iter().copied().filter(|&coding| coding != Coding::Identity);
        Acceptable::of_request(request.head(), request.head_bytes())
            .choose_first(codings.chain(iter::once(Coding::Identity)))
            .unwrap_or(Coding::Identity)
    }
}

/// Whether nothing in a head stands against it.
fn may_be_encoded(head: &ResponseHead) -> bool {
    let has_whole_content = !head.status.is_informational()
        && ![StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::PARTIAL_CONTENT]
            .contains(&head.status);
    has_whole_content && !fields::speak_of_octets(head) && !fields::forbid_transform(head)
}
