//! A response, to look into and to assert about.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::Location;

use http::header::AsHeaderName;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::connection::{Answered, AnsweredBody};

/// Octets of a body that are read as a whole; longer ones are read by [`TestResponse::chunk`].
const BODY_BYTES_MAX: usize = 64 << 20;

/// A response as a client gets it: every field is there, also those that the engine writes. Asserts can be chained; those about
/// the body read the whole of it, once.
///
/// ```
/// use selvedge_http::{Request, Response, header, testing};
///
/// async fn page(_: Request<'_>) -> Response {
///     Response::html("<h1>Hello</h1>").with_header(header::CACHE_CONTROL, "no-cache")
/// }
///
/// testing::run(|| page, async |client| {
///     let mut response = client.get("/").send().await;
///     response.assert_status(200).assert_header("cache-control", "no-cache").assert_no_header("etag");
///     response.assert_body_contains("Hello").await.assert_header("content-length", "14");
/// });
/// ```
pub struct TestResponse {
    /// What was asked for, for messages.
    request: String,
    status: StatusCode,
    headers: HeaderMap,
    interim: Vec<(StatusCode, HeaderMap)>,
    body: AnsweredBody,
    /// The whole body, or what [`chunk`](Self::chunk) has left of it, once it was asked for.
    read: Option<Vec<u8>>,
    trailers: HeaderMap,
}

impl TestResponse {
    pub(super) fn new(request: String, answered: Answered) -> Self {
        let mut interim = Vec::new();
        let mut rest = &answered.interim[..];
        while !rest.is_empty() {
            let (status, headers, length) = read_head(rest);
            interim.push((status, headers));
            rest = &rest[length..];
        }
        let (status, headers, _) = read_head(&answered.head);
        let mut response = Self {
            request,
            status,
            headers,
            interim,
            body: answered.body,
            read: None,
            trailers: HeaderMap::new(),
        };
        response.take_trailers();
        response
    }

    // ---- the head ----

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A field's value as text, of the first line if there are several: see [`headers`](Self::headers).
    ///
    /// # Panics
    /// When it is not UTF-8.
    #[track_caller]
    pub fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        let value = self.headers.get(name)?;
        match std::str::from_utf8(value.as_bytes()) {
            Ok(text) => Some(text),
            Err(_) => panic!("{self}: a field's value is not UTF-8: {value:?}"),
        }
    }

    /// All fields.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Interim responses before it, in their order: 103 with its hints.
    pub fn interim(&self) -> &[(StatusCode, HeaderMap)] {
        &self.interim
    }

    // ---- the body ----

    /// The next piece of the body, as one write of the application made it; `None` at the end. Nothing is made before it is
    /// asked for.
    ///
    /// # Errors
    /// When the body is not brought to its end, or has another length than was said: its client sees the connection close.
    pub async fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let pulled = poll_fn(|context| self.body.poll_chunk(context)).await;
        if !matches!(pulled, Ok(Some(_))) {
            self.take_trailers();
        }
        pulled.map(|piece| piece.map(|piece| piece.to_vec()))
    }

    /// The whole body, or what [`chunk`](Self::chunk) has left of it.
    ///
    /// # Panics
    /// When it does not come to its end, or is longer than 64 MiB.
    #[track_caller]
    pub fn body(&mut self) -> impl Future<Output = &[u8]> {
        let caller = Location::caller();
        async move {
            self.read(caller).await;
            self.read.as_deref().unwrap_or_default()
        }
    }

    /// The same as text.
    ///
    /// # Panics
    /// As [`body`](Self::body), and when it is not UTF-8.
    #[track_caller]
    pub fn text(&mut self) -> impl Future<Output = &str> {
        let caller = Location::caller();
        async move {
            self.read(caller).await;
            let body = self.read.as_deref().unwrap_or_default();
            match std::str::from_utf8(body) {
                Ok(text) => text,
                Err(_) => panic!("{} at {caller}: the body is not UTF-8: {}", self.request, Excerpt(body)),
            }
        }
    }

    /// The same as a value, read as JSON.
    ///
    /// ```
    /// use selvedge_http::{Json, Request, testing};
    ///
    /// testing::run(|| async |_: Request<'_>| Json([1, 2]), async |client| {
    ///     let numbers: Vec<u32> = client.get("/").send().await.json().await;
    ///     assert_eq!(numbers, [1, 2]);
    /// });
    /// ```
    ///
    /// # Panics
    /// As [`body`](Self::body), and when it is no JSON of that value.
    #[cfg(feature = "json")]
    #[track_caller]
    pub fn json<T: serde::de::DeserializeOwned>(&mut self) -> impl Future<Output = T> {
        let caller = Location::caller();
        async move {
            self.read(caller).await;
            let body = self.read.as_deref().unwrap_or_default();
            serde_json::from_slice(body).unwrap_or_else(|error| {
                panic!(
                    "{self} at {caller}: the body is not this value as JSON: {error}; it is {}",
                    Excerpt(body)
                )
            })
        }
    }

    /// The trailer fields, once the whole body was read.
    pub fn trailers(&self) -> &HeaderMap {
        &self.trailers
    }

    // ---- asserts ----

    /// The status is `status`: `200`, or [`StatusCode::OK`].
    #[track_caller]
    pub fn assert_status(&mut self, status: impl PartialEq<StatusCode> + fmt::Debug) -> &mut Self {
        assert!(status == self.status, "{self}: the status is not {status:?}\n{:#?}", self.headers);
        self
    }

    /// A field `name` is there, on one line, with this value.
    #[track_caller]
    pub fn assert_header(&mut self, name: impl AsHeaderName, value: impl AsRef<[u8]>) -> &mut Self {
        let (name, value) = (name.as_str().to_owned(), value.as_ref());
        let found: Vec<_> = self.headers.get_all(&*name).iter().collect();
        assert!(
            found.len() == 1 && found[0].as_bytes() == value,
            "{self}: the field {name} is not {:?} but {found:?}",
            String::from_utf8_lossy(value)
        );
        self
    }

    /// No field `name` is there.
    #[track_caller]
    pub fn assert_no_header(&mut self, name: impl AsHeaderName) -> &mut Self {
        let name = name.as_str().to_owned();
        let found: Vec<_> = self.headers.get_all(&*name).iter().collect();
        assert!(found.is_empty(), "{self}: there is a field {name}: {found:?}");
        self
    }

    /// The media type is this one, whatever its parameters.
    #[track_caller]
    pub fn assert_content_type(&mut self, media_type: &str) -> &mut Self {
        let content_type = self.header("content-type").unwrap_or_default();
        let found = content_type.split(';').next().unwrap_or_default().trim();
        assert!(
            found.eq_ignore_ascii_case(media_type),
            "{self}: the media type is not {media_type:?} but {found:?}"
        );
        self
    }

    /// The whole body is this text.
    ///
    /// # Panics
    /// When it is another, and as [`text`](Self::text).
    #[track_caller]
    pub fn assert_text(&mut self, text: &str) -> impl Future<Output = &mut Self> {
        self.assert_body(text)
    }

    /// The whole body are these octets.
    ///
    /// # Panics
    /// When they are others, and as [`body`](Self::body).
    #[track_caller]
    pub fn assert_body(&mut self, octets: impl AsRef<[u8]>) -> impl Future<Output = &mut Self> {
        let caller = Location::caller();
        async move {
            self.read(caller).await;
            let (body, octets) = (self.read.as_deref().unwrap_or_default(), octets.as_ref());
            assert!(
                body == octets,
                "{self} at {caller}: the body is not {}\nbut {}",
                Excerpt(octets),
                Excerpt(body)
            );
            self
        }
    }

    /// The body has this text in it.
    ///
    /// # Panics
    /// When it has not, and as [`body`](Self::body).
    #[track_caller]
    pub fn assert_body_contains(&mut self, text: &str) -> impl Future<Output = &mut Self> {
        let caller = Location::caller();
        async move {
            self.read(caller).await;
            let body = self.read.as_deref().unwrap_or_default();
            assert!(
                memchr::memmem::find(body, text.as_bytes()).is_some(),
                "{self} at {caller}: {text:?} is not in the body {}",
                Excerpt(body)
            );
            self
        }
    }

    /// Reads what was not read.
    async fn read(&mut self, caller: &Location<'_>) {
        if self.read.is_some() {
            return;
        }
        let mut body = Vec::new();
        loop {
            match self.chunk().await {
                Ok(Some(piece)) => body.extend_from_slice(&piece),
                Ok(None) => break,
                Err(error) => panic!(
                    "{self} at {caller}: the body breaks off after {} octets: {error}; they are {}",
                    body.len(),
                    Excerpt(&body)
                ),
            }
            assert!(
                body.len() <= BODY_BYTES_MAX,
                "{self} at {caller}: the body is longer than {BODY_BYTES_MAX} octets; read it by chunk()"
            );
        }
        self.read = Some(body);
    }

    fn take_trailers(&mut self) {
        self.trailers.extend(self.body.take_trailers());
    }
}

/// A head that the engine wrote: its status, its fields, and its length in octets.
fn read_head(octets: &[u8]) -> (StatusCode, HeaderMap, usize) {
    let lines = octets.iter().filter(|&&octet| octet == b'\n').count();
    let mut fields = vec![httparse::EMPTY_HEADER; lines];
    let mut head = httparse::Response::new(&mut fields);
    let Ok(httparse::Status::Complete(length)) = head.parse(octets) else {
        panic!("the engine wrote a head that is none: {}", Excerpt(octets))
    };
    let status = head.code.and_then(|code| StatusCode::from_u16(code).ok()).expect("a head has a status");
    let mut headers = HeaderMap::new();
    for field in head.headers {
        let name = HeaderName::from_bytes(field.name.as_bytes()).expect("a field's name was parsed");
        headers.append(name, HeaderValue::from_bytes(field.value).expect("a field's value was parsed"));
    }
    (status, headers, length)
}

/// The beginning of a body, for a message.
struct Excerpt<'b>(&'b [u8]);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(1_000)];
        write!(f, "{:?}", String::from_utf8_lossy(shown))?;
        match self.0.len() - shown.len() {
            0 => Ok(()),
            more => write!(f, " and {more} octets more"),
        }
    }
}

/// What was asked for, and the status.
impl fmt::Display for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was answered {}", self.request, self.status)
    }
}

impl fmt::Debug for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestResponse")
            .field("request", &self.request)
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
