//! A request, built call by call and sent to an application in the same process.

use std::collections::VecDeque;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use selvedge_runtime::Chunk;
use selvedge_runtime::net::Address;

use super::response::TestResponse;
use crate::application::Application;
use crate::body::{BodyReader, Part, StreamBody};
use crate::connection::{Sending, exchange_in_process};
use crate::request::Peer;
use crate::shared::Shared;

/// The port of a client that was given no address.
const CLIENT_PORT: u16 = 49_152;

/// A request to be sent to an application in the same process: of HTTP/1.1, for the host `localhost`, from 127.0.0.1, without a
/// body, until it is told otherwise.
///
/// ```
/// use selvedge_http::{Request, header, testing};
///
/// testing::run(|| async |request: Request<'_>| request.body().text(100).await, async |client| {
///     let request = client.post("/notes?draft").header(header::ACCEPT, "text/plain");
///     request.chunks(["first, ", "second"]).send().await.assert_text("first, second").await;
/// });
/// ```
#[must_use = "a request does nothing until it is sent"]
pub struct TestRequest<A> {
    shared: Rc<Shared<A>>,
    method: String,
    target: String,
    version: &'static str,
    /// Names and values as they are written.
    fields: Vec<(String, Vec<u8>)>,
    sending: Sending,
    peer: Address,
}

impl<A: Application> TestRequest<A> {
    pub(super) fn new(shared: Rc<Shared<A>>, method: &str, target: &str) -> Self {
        Self {
            shared,
            method: method.to_owned(),
            target: target.to_owned(),
            version: "HTTP/1.1",
            fields: vec![("host".to_owned(), b"localhost".to_vec())],
            sending: Sending::as_it_is(whole("".into())),
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, CLIENT_PORT)).into(),
        }
    }

    /// One more field line, written as it is given: a value with a line break makes two lines. A Host replaces the one before.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        let name = name.as_ref().to_owned();
        if name.eq_ignore_ascii_case("host") {
            self.fields.retain(|(other, _)| !other.eq_ignore_ascii_case("host"));
        }
        self.fields.push((name, value.as_ref().to_vec()));
        self
    }

    /// The same in HTTP/1.0.
    pub fn http10(mut self) -> Self {
        self.version = "HTTP/1.0";
        self
    }

    /// From this client. Default: 127.0.0.1.
    pub fn peer(mut self, address: impl Into<Address>) -> Self {
        self.peer = address.into();
        self
    }

    /// With this body, and its Content-Length.
    pub fn body(mut self, body: impl Into<Chunk>) -> Self {
        let body = body.into();
        self.fields.push(("content-length".to_owned(), body.len().to_string().into_bytes()));
        self.sending = Sending::as_it_is(whole(body));
        self
    }

    /// With this value as JSON, and its Content-Type.
    ///
    /// ```
    /// use selvedge_http::{BodyError, Request, testing};
    ///
    /// async fn sum(request: Request<'_>) -> Result<String, BodyError> {
    ///     let numbers: Vec<u32> = request.json(1_000).await?;
    ///     Ok(numbers.iter().sum::<u32>().to_string())
    /// }
    ///
    /// testing::run(|| sum, async |client| {
    ///     client.post("/").json(&[1, 2]).send().await.assert_text("3").await;
    /// });
    /// ```
    ///
    /// # Panics
    /// When JSON cannot say it, such as a map whose keys are no strings.
    #[cfg(feature = "json")]
    #[track_caller]
    pub fn json<T: serde::Serialize + ?Sized>(self, value: &T) -> Self {
        let text =
            serde_json::to_vec(value).unwrap_or_else(|error| panic!("no JSON says this value: {error}"));
        self.header("content-type", "application/json").body(text)
    }

    /// With a form as its body: names and values encoded already, as in `name=value&other=1`; and its Content-Type.
    pub fn form(self, encoded: impl Into<Chunk>) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded").body(encoded)
    }

    /// With a chunked body of these pieces. Each is taken from the iterator when the application asks for it, so that a test
    /// can see how far it has read.
    pub fn chunks<P>(self, pieces: impl IntoIterator<Item = P, IntoIter: 'static>) -> Self
    where
        P: Into<Chunk> + 'static,
    {
        let pieces = pieces.into_iter();
        self.stream(StreamBody::of(move |mut writer| async move {
            for piece in pieces {
                writer.send(piece).await?;
                writer.flush().await?;
            }
            Ok(())
        }))
    }

    /// With a chunked body that is written while the application reads it, trailer fields included. With
    /// [`StreamBody::channel`] the test writes it, while it reads the response. An abort is a client that goes away.
    pub fn stream(mut self, body: StreamBody) -> Self {
        self.fields.push(("transfer-encoding".to_owned(), b"chunked".to_vec()));
        self.sending = Sending::chunked(streamed(body));
        self
    }

    /// Offers to go on in `protocol`. If the application accepts, what `says` writes is what it receives, and the body of the
    /// response is what it says.
    pub fn upgrade(mut self, protocol: &str, says: StreamBody) -> Self {
        self.fields.push(("connection".to_owned(), b"upgrade".to_vec()));
        self.fields.push(("upgrade".to_owned(), protocol.as_bytes().to_vec()));
        self.sending = Sending::as_it_is(streamed(says));
        self
    }

    /// Has the application answer it. The response is there when its head is; the body is pulled through it.
    pub async fn send(self) -> TestResponse {
        let mut octets = format!("{} {} {}\r\n", self.method, self.target, self.version).into_bytes();
        for (name, value) in &self.fields {
            for piece in [name.as_bytes(), b": ", value, b"\r\n"] {
                octets.extend_from_slice(piece);
            }
        }
        octets.extend_from_slice(b"\r\n");
        self.send_raw(&octets).await
    }

    /// Has the application answer these octets, and what is sent behind them.
    pub(super) async fn send_raw(self, octets: &[u8]) -> TestResponse {
        let peer = Peer::default();
        peer.set(self.peer);
        let answered = exchange_in_process(&self.shared, octets, self.sending, peer).await;
        let line = format!("{} {}", self.method, self.target);
        TestResponse::new(line.trim_start().to_owned(), answered)
    }
}

fn whole(body: Chunk) -> BodyReader {
    BodyReader::new(Some(body.len() as u64), VecDeque::from([Part::Chunk(body)]))
}

fn streamed(body: StreamBody) -> BodyReader {
    BodyReader::new(body.length(), VecDeque::from([Part::Stream(Box::new(body))]))
}

impl<A> fmt::Debug for TestRequest<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestRequest")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}
