//! Step 5 of a request's walk, route: the engine's side of it. In: a parsed head and its octets. Out: a [`Request`] for the
//! application. Next: its [`Response`].

use std::cell::{OnceCell, RefCell};
use std::future::Future;
use std::io;

use selvedge_runtime::net::{Address, Stream};

use crate::h1::{Field, KnownField, Method, RequestHead, Version};
use crate::networks::{ClientAddress, Networks};
use crate::real_address::{RealAddress, real_address};
use crate::response::Response;

/// An application: built once per worker by a factory, so it need not be `Send` and may hold `Rc`, `Cell` and caches.
///
/// `&self` is used by all requests of the worker, several of which may be in their handlers at once.
pub trait Application: 'static {
    /// Answers one request. Dropped at its await when the client is gone or the server's drain is over.
    fn call(&self, request: Request<'_>) -> impl Future<Output = Response>;
}

/// A request's head, read in place from the receive buffer.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    head: &'a RequestHead,
    bytes: &'a [u8],
    peer: &'a Peer,
    stream: &'a RefCell<Stream>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(
        head: &'a RequestHead,
        bytes: &'a [u8],
        peer: &'a Peer,
        stream: &'a RefCell<Stream>,
    ) -> Self {
        Self { head, bytes, peer, stream }
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.head.method()
    }

    /// The version; a minor above 1 is served as 1.1.
    pub fn version(&self) -> Version {
        self.head.version()
    }

    /// The path as it was sent: not decoded, without the query.
    pub fn path(&self) -> &'a [u8] {
        self.head.path(self.bytes)
    }

    /// The query as it was sent, without its question mark; `None` where there is none.
    pub fn query(&self) -> Option<&'a [u8]> {
        self.head.query(self.bytes)
    }

    /// The authority: of an absolute-form target, else Host's value (RFC 9112 section 3.2).
    pub fn authority(&self) -> Option<&'a [u8]> {
        self.head.authority(self.bytes)
    }

    /// A field whose place was noted while the head was parsed.
    pub fn field(&self, field: KnownField) -> Field<'a> {
        self.head.field(self.bytes, field)
    }

    /// Any field, found by going through the head.
    pub fn field_named(&self, name: &'a str) -> Field<'a> {
        self.head.field_named(self.bytes, name)
    }

    /// The parsed head.
    pub fn head(&self) -> &'a RequestHead {
        self.head
    }

    /// The head's octets, which the parsed head's offsets are into.
    pub fn head_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The client's address: one system call per connection, made when it is first asked for. Where the server expects the
    /// PROXY protocol, the address that the proxy has told.
    ///
    /// # Errors
    /// `NotConnected` when the client is gone.
    pub fn peer(&self) -> io::Result<&'a Address> {
        self.peer.get(&self.stream.borrow())
    }

    /// The client's address as far as `trusted` proxies tell it, by `Forwarded` and `X-Forwarded-For`.
    ///
    /// # Errors
    /// As [`peer`](Self::peer).
    pub fn real_address(&self, trusted: &Networks) -> io::Result<RealAddress> {
        let peer = ClientAddress::from(self.peer()?);
        let lines = |name| self.head.values_named(self.bytes, name);
        Ok(real_address(peer, trusted, lines("forwarded"), lines("x-forwarded-for")))
    }
}

impl From<&Address> for ClientAddress {
    fn from(address: &Address) -> Self {
        match address {
            Address::Ip(address) => Self::ip(address.ip()),
            Address::Unix(_) | Address::Unnamed => Self::Unix,
        }
    }
}

/// A connection's peer, asked at most once.
#[derive(Debug, Default)]
pub(crate) struct Peer(OnceCell<Address>);

impl Peer {
    fn get(&self, stream: &Stream) -> io::Result<&Address> {
        if let Some(address) = self.0.get() {
            return Ok(address);
        }
        let address = stream.peer()?;
        Ok(self.0.get_or_init(|| address))
    }

    /// Whom a proxy has told it to be, before anybody asks.
    pub(crate) fn set(&self, address: Address) {
        let set = self.0.set(address);
        debug_assert!(set.is_ok(), "a connection has one PROXY header");
    }
}
