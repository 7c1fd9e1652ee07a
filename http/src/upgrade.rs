//! A connection that goes on in another protocol (RFC 9110 section 7.8), or as a tunnel (section 9.3.6): its octets, both ways,
//! in the application's hands.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;

use selvedge_runtime::Chunk;

use crate::body::{BodyWriter, Incoming, RequestBody, StreamBody};
use crate::h1::{self, BodyFraming, Method, RequestHead};

pub(crate) type Conversing = Pin<Box<dyn Future<Output = io::Result<()>>>>;

/// Who has the connection after the response's head.
///
/// ```
/// use selvedge_http::middleware::map_response;
/// use selvedge_http::{Application, Body, HeaderValue, Request, Response, StatusCode, StreamBody, testing};
///
/// /// Middleware that lets nobody have a connection for good.
/// fn no_upgrades(response: Response) -> Response {
///     match response.body() {
///         Body::Upgrade(_) => Response::error(StatusCode::FORBIDDEN, "no other protocols here"),
///         _ => response,
///     }
/// }
/// # async fn silent(_: Request<'_>) -> Response {
/// #     Response::upgrade(HeaderValue::from_static("silence"), async |_| Ok(()))
/// # }
///
/// testing::run(|| silent.with(map_response(no_upgrades)), async |client| {
///     let nothing = StreamBody::of(async |_| Ok(()));
///     client.get("/").upgrade("silence", nothing).send().await.assert_status(403);
/// });
/// ```
pub struct Upgrade {
    asked_by: AskedBy,
    converse: Box<dyn FnOnce(Upgraded) -> Conversing>,
}

/// What a request must be for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskedBy {
    /// One that offers to change the protocol.
    Offer,
    Connect,
}

/// A connection in another protocol.
///
/// ```
/// use selvedge_http::{HeaderValue, Request, Response, StreamBody, testing};
///
/// async fn shout(_: Request<'_>) -> Response {
///     Response::upgrade(HeaderValue::from_static("shout"), async |mut client| {
///         while let Some(said) = client.receive().await? {
///             client.write(&said.to_ascii_uppercase()).await?;
///         }
///         Ok(())
///     })
/// }
///
/// testing::run(|| shout, async |client| {
///     let says = StreamBody::of(async |mut writer| writer.write(b"hello").await);
///     client.get("/").upgrade("shout", says).send().await.assert_status(101).assert_text("HELLO").await;
/// });
/// ```
#[derive(Debug)]
pub struct Upgraded {
    reader: RequestBody,
    writer: BodyWriter,
}

impl Upgrade {
    pub(crate) fn new<F>(asked_by: AskedBy, converse: impl FnOnce(Upgraded) -> F + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        Self { asked_by, converse: Box::new(move |upgraded| Box::pin(converse(upgraded))) }
    }

    /// Whether the request asks for it, and has no body in the way.
    pub(crate) fn is_for(&self, head: &RequestHead) -> bool {
        let is_asked_for = match self.asked_by {
            AskedBy::Offer => head.upgrade() == h1::Upgrade::Offered && head.method() != Method::Connect,
            AskedBy::Connect => head.method() == Method::Connect,
        };
        is_asked_for && head.framing() == BodyFraming::None
    }

    /// The same with `wrap` around the conversation.
    #[cfg(feature = "tokio")]
    pub(crate) fn around(self, wrap: impl FnOnce(Conversing) -> Conversing + 'static) -> Self {
        Self { converse: Box::new(move |upgraded| wrap((self.converse)(upgraded))), ..self }
    }

    /// Begins the conversation: what is sent of it.
    pub(crate) fn begin(self, incoming: &Rc<Incoming>) -> StreamBody {
        let reader = RequestBody::new(Some(Rc::clone(incoming)));
        StreamBody::of(move |writer| (self.converse)(Upgraded { reader, writer }))
    }
}

impl Upgraded {
    /// The next octets from the client, `None` when it has ended its sending.
    ///
    /// # Errors
    /// When the connection has failed.
    pub async fn receive(&mut self) -> io::Result<Option<Chunk>> {
        Ok(self.reader.chunk().await?)
    }

    /// As [`BodyWriter::write`].
    ///
    /// # Errors
    /// As there.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write(bytes).await
    }

    /// As [`BodyWriter::send`].
    ///
    /// # Errors
    /// As there.
    pub async fn send(&mut self, chunk: impl Into<Chunk>) -> io::Result<()> {
        self.writer.send(chunk).await
    }

    /// As [`BodyWriter::flush`].
    ///
    /// # Errors
    /// As there.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.writer.flush().await
    }

    /// Both directions, each on its own.
    pub fn into_parts(self) -> (RequestBody, BodyWriter) {
        (self.reader, self.writer)
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").finish_non_exhaustive()
    }
}
