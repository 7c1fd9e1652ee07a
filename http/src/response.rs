//! What a handler gives back, step 6 of a request's walk. A response is data: the engine frames it, sends it and owns Date,
//! Content-Length, Connection and Transfer-Encoding. Next: `connection/answer.rs`.

mod fields;
mod plain;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use selvedge_runtime::{Chunk, SharedLease};

use crate::body::{BodyWriter, StreamBody};
use crate::fixed_fields::FixedFields;
use crate::h1::Version;
use crate::negotiation::Coding;
use crate::open_file::OpenFile;
use crate::range::Ranges;
use crate::upgrade::{AskedBy, Upgrade, Upgraded};

/// An answer to one request.
///
/// ```
/// use selvedge_http::{Request, Response, StatusCode, header, testing};
///
/// async fn create(request: Request<'_>) -> Response {
///     match request.body().text(1_000).await {
///         Ok(note) if note.is_empty() => Response::error(StatusCode::UNPROCESSABLE_ENTITY, "an empty note"),
///         Ok(note) => Response::text(note).with_status(StatusCode::CREATED).with_header(header::LOCATION, "/notes/1"),
///         Err(error) => Response::error(error.status(), error.reason()),
///     }
/// }
///
/// testing::run(|| create, async |client| {
///     client.post("/notes").send().await.assert_status(422);
///     client.post("/notes").body("milk").send().await.assert_status(201).assert_header("location", "/notes/1");
/// });
/// ```
#[derive(Debug)]
pub struct Response {
    pub(crate) head: ResponseHead,
    pub(crate) body: Body,
}

/// What follows a response's head.
///
/// ```
/// use selvedge_http::{Body, Response};
///
/// /// The octets that follow, where that is known before they are sent.
/// fn length(response: &Response) -> Option<u64> {
///     match response.body() {
///         Body::Empty => Some(0),
///         Body::Full(chunk) => Some(chunk.len() as u64),
///         Body::Stream(body) => body.length(),
///         Body::File(part) => Some(part.length),
///         _ => None,
///     }
/// }
/// assert_eq!(length(&Response::text("hello")), Some(5));
/// assert_eq!(length(&Response::stream(async |mut body| body.write(b"who knows").await)), None);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Body {
    /// Nothing, with a length of 0 where the status allows one.
    Empty,
    /// These bytes.
    Full(Chunk),
    /// These, one after the other.
    Segments(Vec<Chunk>),
    /// What is written while it is sent.
    Stream(Box<StreamBody>),
    /// Another protocol, or a tunnel: the head is that of a 101, or of a 200 to CONNECT.
    Upgrade(Box<Upgrade>),
    /// The file at this path of the machine, as the request's conditions and ranges want it.
    Path(Box<Path>),
    /// A part of a file.
    File(FilePart),
    /// Several parts of a file, as multipart/byteranges: the head's Content-Type is that of each part.
    Parts(Box<FileParts>),
    /// The error's own small text.
    Error {
        /// A few words after the status.
        reason: &'static str,
    },
    /// A head and body that stand ready in one block; of `ResponseHead` the status and the site's fields alone are used.
    Prepared(Prepared),
}

/// A part of an open file to send.
///
/// ```
/// use std::rc::Rc;
///
/// use selvedge_http::{FilePart, OpenFile, Request, Response, testing};
/// use selvedge_runtime::fs::{self, Access, Resolve};
///
/// # let directory = std::env::temp_dir().join(format!("selvedge-file-part-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// # std::fs::write(directory.join("log.txt"), "first line\nsecond line\n")?;
/// # let there = directory.clone();
/// # selvedge_runtime::block_on(move || async move {
/// let root = fs::open_directory(&there)?;
/// let file = fs::open(&root, c"log.txt".into(), Access::Read, Resolve::Beneath).await?;
/// let version = file.metadata()?;
/// let part = FilePart { start: 11, length: version.size_bytes - 11, file: Rc::new(OpenFile::new(file, version)) };
/// let client = testing::Client::new(async move |_: Request<'_>| Response::file_part(part.clone()));
/// client.get("/").send().await.assert_text("second line\n").await;
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # std::fs::remove_dir_all(directory)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct FilePart {
    /// The file.
    pub file: Rc<OpenFile>,
    /// Offset of the part's first octet.
    pub start: u64,
    /// Octets of the part.
    pub length: u64,
}

/// Several parts of a file to send, in their order.
///
/// ```
/// # use std::rc::Rc;
/// # use selvedge_http::files::{Answer, FileOptions, Files};
/// # use selvedge_http::path::SitePath;
/// # use selvedge_http::{Application, Request, StatusCode, testing};
/// use selvedge_http::middleware::map_response;
/// use selvedge_http::{Body, HeaderName, Response};
///
/// /// Middleware that says which answers of a site's files are in several parts.
/// fn mark(response: Response) -> Response {
///     let parts = match response.body() {
///         Body::Parts(_) => "several",
///         _ => "one",
///     };
///     response.with_header(HeaderName::from_static("x-parts"), parts)
/// }
/// # struct Public(Rc<Files>);
/// # impl Application for Public {
/// #     async fn call(&self, request: Request<'_>) -> Response {
/// #         let path = SitePath::decoded(b"digits.txt").expect("it holds no dots");
/// #         match self.0.answer(&request, &path).await {
/// #             Answer::File(response) | Answer::Refused(response) => response,
/// #             _ => Response::error(StatusCode::NOT_FOUND, ""),
/// #         }
/// #     }
/// # }
/// # let directory = std::env::temp_dir().join(format!("selvedge-file-parts-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// # std::fs::write(directory.join("digits.txt"), "0123456789")?;
/// # let root = directory.clone();
/// # let application = move || {
/// #     Public(Files::open(FileOptions::new(root)).expect("the root is there")).with(map_response(mark))
/// # };
/// # testing::run(application, async |client| {
/// client.get("/digits.txt").header("range", "bytes=0-3").send().await.assert_header("x-parts", "one");
/// let mut both = client.get("/digits.txt").header("range", "bytes=0-3,6-").send().await;
/// both.assert_header("x-parts", "several").assert_content_type("multipart/byteranges");
/// # both.assert_body_contains("content-range: bytes 6-9/10\r\n\r\n6789\r\n--").await;
/// # });
/// # std::fs::remove_dir_all(directory)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FileParts {
    pub(crate) content: FileContent,
    pub(crate) ranges: Ranges,
}

/// Where the octets of a file are that is sent in parts.
#[derive(Debug)]
pub(crate) enum FileContent {
    /// In this block, from this offset on.
    Ready(SharedLease, u32),
    /// In these bytes.
    Shared(Bytes),
    /// In an open file.
    Streamed(Rc<OpenFile>),
}

/// A whole response in memory: head with Date, without Connection, then the body.
///
/// ```
/// use selvedge_http::h1::HeadWriter;
/// use selvedge_http::h1::date::format_date;
/// use selvedge_http::{Prepared, Request, Response, StatusCode, testing};
/// use selvedge_runtime::{BlockClass, BufferPool};
///
/// # selvedge_runtime::block_on(|| async {
/// let mut block = BufferPool::lease(BlockClass::Small).expect("a free block");
/// let mut writer = HeadWriter::new(&mut block);
/// # let now_unix_s = 1_700_000_000;
/// let head = writer.status(StatusCode::OK).date(&format_date(now_unix_s)).content_length(5).finish()?;
/// block[head.len..head.len + 5].copy_from_slice(b"hello");
/// let head_bytes = head.len as u32;
/// let prepared = Prepared { block: block.share(), head_bytes, bytes: head_bytes + 5 };
/// let client = testing::Client::new(async move |_: Request<'_>| Response::prepared(prepared.clone()));
/// client.get("/").send().await.assert_header("content-length", "5").assert_text("hello").await;
/// # Ok::<(), selvedge_http::h1::HeadError>(())
/// # })?;
/// # Ok::<(), selvedge_http::h1::HeadError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The block, patched with the current Date.
    pub block: SharedLease,
    /// Octets of the head, its empty line included.
    pub head_bytes: u32,
    /// Octets of head and body.
    pub bytes: u32,
}

/// The fields of a response. Everything a file's answer needs is in place, so that it allocates nothing.
///
/// ```
/// use selvedge_http::{Body, Response, ResponseHead, StatusCode, header};
///
/// let head = ResponseHead {
///     content_type: Some("text/csv; charset=utf-8"),
///     fields: vec![(header::CONTENT_DISPOSITION, "attachment".parse()?)],
///     ..ResponseHead::new(StatusCode::OK)
/// };
/// let response = Response::new(head, Body::Full("a,b\n1,2\n".into()));
/// let fields = response.head().to_header_map();
/// assert_eq!(fields[header::CONTENT_TYPE], "text/csv; charset=utf-8");
/// assert_eq!(fields[header::CONTENT_DISPOSITION], "attachment");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// Content-Type.
    pub content_type: Option<&'static str>,
    /// Last-Modified and ETag.
    pub version_fields: FixedFields,
    /// Content-Range and Accept-Ranges.
    pub range: RangeField,
    /// Content-Encoding.
    pub content_coding: Option<Coding>,
    /// Fields of what is answered with.
    pub resource_fields: FixedFields,
    /// Fields of the site, or for this request.
    pub site_fields: FixedFields,
    /// Any others. Names the engine owns are refused when it is sent.
    pub fields: Vec<(HeaderName, HeaderValue)>,
}

/// What a response says of ranges (RFC 9110 section 14).
///
/// ```
/// use selvedge_http::{RangeField, Response, StatusCode, header};
///
/// // The last 400 of 1,000 octets.
/// let mut response = Response::octets(vec![0; 400]).with_status(StatusCode::PARTIAL_CONTENT);
/// response.head_mut().range = RangeField::Part(600, 400, 1_000);
/// assert_eq!(response.head().to_header_map()[header::CONTENT_RANGE], "bytes 600-999/1000");
/// response.head_mut().range = RangeField::Unsatisfied(1_000);
/// assert_eq!(response.head().to_header_map()[header::CONTENT_RANGE], "bytes */1000");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeField {
    /// Nothing.
    None,
    /// `Accept-Ranges: bytes`.
    Accepted,
    /// `Content-Range` of a part, its first octet, length and the size of the whole.
    Part(u64, u64, u64),
    /// `Content-Range: bytes */size`.
    Unsatisfied(u64),
}

impl ResponseHead {
    /// A head of a status alone.
    pub const fn new(status: StatusCode) -> Self {
        Self {
            status,
            content_type: None,
            version_fields: FixedFields::NONE,
            range: RangeField::None,
            content_coding: None,
            resource_fields: FixedFields::NONE,
            site_fields: FixedFields::NONE,
            fields: Vec::new(),
        }
    }
}

/// Each await on the way of an answer moves one.
const _: () = assert!(size_of::<Response>() <= 176);

impl Response {
    /// A response of `head` and `body`: what [`into_parts`](Self::into_parts) has taken apart, or others.
    pub const fn new(head: ResponseHead, body: Body) -> Self {
        Self { head, body }
    }

    /// An empty answer of `status`.
    pub const fn empty(status: StatusCode) -> Self {
        Self::new(ResponseHead::new(status), Body::Empty)
    }

    /// 200 with a text in UTF-8.
    pub fn text(text: impl Into<Chunk>) -> Self {
        let head = ResponseHead {
            content_type: Some("text/plain; charset=utf-8"),
            ..ResponseHead::new(StatusCode::OK)
        };
        Self::new(head, Body::Full(text.into()))
    }

    /// 200 with octets of no certain type.
    pub fn octets(octets: impl Into<Chunk>) -> Self {
        let head = ResponseHead {
            content_type: Some("application/octet-stream"),
            ..ResponseHead::new(StatusCode::OK)
        };
        Self::new(head, Body::Full(octets.into()))
    }

    /// 200 with a page.
    pub fn html(page: impl Into<Chunk>) -> Self {
        let head = ResponseHead {
            content_type: Some("text/html; charset=utf-8"),
            ..ResponseHead::new(StatusCode::OK)
        };
        Self::new(head, Body::Full(page.into()))
    }

    /// 200 with a body of several pieces, which are not joined before they are sent.
    pub const fn segments(segments: Vec<Chunk>) -> Self {
        Self::new(ResponseHead::new(StatusCode::OK), Body::Segments(segments))
    }

    /// The file at `path`, with its type, its validators, and as far as the request's conditions and ranges want it: 200,
    /// 206, 304, 412 or 416; 404 where there is none. Relative paths are below the working directory. The worker remembers
    /// 1,024 of them, and looks again after a second.
    ///
    /// Nothing is checked about where the path leads: never make it of what a client sent. For the files below a directory
    /// there is [`Files`](crate::files::Files).
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path: PathBuf = path.into();
        Self::new(ResponseHead::new(StatusCode::OK), Body::Path(path.into_boxed_path()))
    }

    /// 200 with a part of an open file, as it is: conditions and ranges are the caller's.
    pub const fn file_part(part: FilePart) -> Self {
        Self::new(ResponseHead::new(StatusCode::OK), Body::File(part))
    }

    /// 200 with a body that `produce` writes while it is sent, as fast as the client reads. An error it gives back ends the
    /// connection, so that the client sees that the body is not whole. It is dropped at its await when the client is gone.
    ///
    /// ```
    /// use selvedge_http::{Request, Response};
    ///
    /// async fn numbers(_: Request<'_>) -> Response {
    ///     Response::stream(async |mut body| {
    ///         for number in 0..1_000_000 {
    ///             body.write(format!("{number}\n").as_bytes()).await?;
    ///         }
    ///         Ok(())
    ///     })
    /// }
    /// ```
    pub fn stream<F>(produce: impl FnOnce(BodyWriter) -> F) -> Self
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        Self::of_stream(StreamBody::of(produce))
    }

    /// 200 with a body that another task of this worker writes.
    pub fn channel() -> (BodyWriter, Self) {
        let (writer, body) = StreamBody::channel();
        (writer, Self::of_stream(body))
    }

    /// 200 with a body that is written while it is sent.
    pub fn of_stream(body: StreamBody) -> Self {
        Self::new(ResponseHead::new(StatusCode::OK), Body::Stream(Box::new(body)))
    }

    /// 101: the connection goes on in `protocol`, which the request must have offered. `converse` has it to the end; then it
    /// closes.
    pub fn upgrade<F>(protocol: HeaderValue, converse: impl FnOnce(Upgraded) -> F + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        let mut head = ResponseHead::new(StatusCode::SWITCHING_PROTOCOLS);
        head.fields.push((header::UPGRADE, protocol));
        Self::new(head, Body::Upgrade(Box::new(Upgrade::new(AskedBy::Offer, converse))))
    }

    /// 200 to CONNECT: the connection is a tunnel, whose client's end `converse` has. CONNECT reaches an application only
    /// where [`ServerOptions::connect`](crate::ServerOptions::connect) lets it; the request's authority says where to.
    pub fn tunnel<F>(converse: impl FnOnce(Upgraded) -> F + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        let upgrade = Upgrade::new(AskedBy::Connect, converse);
        Self::new(ResponseHead::new(StatusCode::OK), Body::Upgrade(Box::new(upgrade)))
    }

    /// An error with its small text body.
    pub const fn error(status: StatusCode, reason: &'static str) -> Self {
        let mut head = ResponseHead::new(status);
        head.content_type = Some("text/plain; charset=utf-8");
        Self::new(head, Body::Error { reason })
    }

    /// A redirect to `location`, a URI reference; 500 if that holds what no field can.
    pub fn redirect(status: StatusCode, location: Vec<u8>) -> Self {
        let Ok(location) = HeaderValue::from_maybe_shared(Bytes::from(location)) else {
            return Self::error(StatusCode::INTERNAL_SERVER_ERROR, "");
        };
        let mut head = ResponseHead::new(status);
        head.fields.push((header::LOCATION, location));
        Self::new(head, Body::Empty)
    }

    /// 503, to be tried again after so many seconds (RFC 9110 section 10.2.3).
    pub fn unavailable(reason: &'static str, retry_after_s: u32) -> Self {
        let mut response = Self::error(StatusCode::SERVICE_UNAVAILABLE, reason);
        response.head.fields.push((header::RETRY_AFTER, retry_after_s.into()));
        response
    }

    /// 405 with the methods that are allowed, such as `GET, HEAD` (RFC 9110 section 15.5.6).
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let mut response = Self::error(StatusCode::METHOD_NOT_ALLOWED, "");
        response.head.fields.push((header::ALLOW, HeaderValue::from_static(allow)));
        response
    }

    /// 200 of a prepared block.
    pub const fn prepared(prepared: Prepared) -> Self {
        Self::new(ResponseHead::new(StatusCode::OK), Body::Prepared(prepared))
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.head_mut().status = status;
        self
    }

    /// The same with one more field; a Content-Type replaces the one before. A value that holds what no field may makes it a
    /// 500, as what it was meant to say cannot be said.
    #[must_use]
    pub fn with_header<V>(mut self, name: HeaderName, value: V) -> Self
    where
        V: TryInto<HeaderValue>,
    {
        let Ok(value) = value.try_into() else {
            selvedge_runtime::report("header", || {
                format!(
                    "a response's field {name} has a value that no field can have; 500 is answered instead"
                )
            });
            return Self::error(StatusCode::INTERNAL_SERVER_ERROR, "");
        };
        let head = self.head_mut();
        if name == header::CONTENT_TYPE {
            head.content_type = None;
            head.fields.retain(|(other, _)| *other != header::CONTENT_TYPE);
        }
        head.fields.push((name, value));
        self
    }

    /// The same with more field lines, which cost no allocation if there were none before. A prepared response stays one.
    ///
    /// ```
    /// use selvedge_http::{FixedFields, HeaderValue, Response, header};
    ///
    /// let server = HeaderValue::from_static("hello/1");
    /// let fields = FixedFields::new([(&header::SERVER, &server)]).expect("it is not the engine's");
    /// let response = Response::text("hello").with_fixed_fields(&fields);
    /// assert_eq!(response.head().to_header_map()[header::SERVER], server);
    /// ```
    #[must_use]
    pub fn with_fixed_fields(mut self, fields: &FixedFields) -> Self {
        self.head.site_fields = self.head.site_fields.and(fields);
        self
    }

    /// The head. That of a prepared response has its status and the fields of the site alone: see [`head_mut`](Self::head_mut).
    pub fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// The body.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Head and body, each on its own.
    pub fn into_parts(self) -> (ResponseHead, Body) {
        (self.head, self.body)
    }

    /// Whether a client of `version` can tell its end by the connection's alone.
    pub(crate) fn is_framed_by_close(&self, version: Version) -> bool {
        matches!(&self.body, Body::Stream(body) if body.length().is_none() && version == Version::Http10)
    }

    /// The head, to change it.
    pub fn head_mut(&mut self) -> &mut ResponseHead {
        self.make_plain();
        &mut self.head
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }
}
