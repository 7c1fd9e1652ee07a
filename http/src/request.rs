//! Step 5 of a request's walk, route: the engine's side of it. In: a parsed head and its octets. Out: a [`Request`] for the
//! application. Next: its [`Response`](crate::Response).

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::rc::Rc;

use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode;
use selvedge_runtime::net::{Address, Stream};
use selvedge_runtime::{AllocationBudget, Moment};

use crate::body::{Incoming, RequestBody};
use crate::budgets::{Allowance, Budgets};
use crate::extensions::Extensions;
use crate::h1::field::append_line;
use crate::h1::{
    BodyDecoder, BodyFraming, Field, FieldLine, FieldValues, KnownField, Limits, Method, RequestHead,
    Upgrade, Version,
};
use crate::networks::{ClientAddress, Networks};
use crate::real_address::{RealAddress, real_address};
use crate::router::Matched;
use crate::shared::{Drain, Draining};

/// Octets of all interim responses of one exchange.
const INTERIM_BYTES_MAX: usize = 16 * 1024;

/// A request: its head, read in place from the receive buffer, and the way to its body. A copy is as good as the original.
///
/// ```
/// use selvedge_http::{Request, testing};
///
/// async fn describe(request: Request<'_>) -> String {
///     let agent = request.header("user-agent").unwrap_or(b"somebody");
///     let query = request.query().unwrap_or_default();
///     let [path, query, agent] = [request.path(), query, agent].map(<[u8]>::escape_ascii);
///     format!("{} {path} ({query}), {agent}", request.method())
/// }
///
/// testing::run(|| describe, async |client| {
///     let request = client.get("/notes?page=2").header("user-agent", "curl/9");
///     request.send().await.assert_text("GET /notes (page=2), curl/9").await;
/// });
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    head: &'a RequestHead,
    bytes: &'a [u8],
    /// Instead of the head's own.
    method: Option<&'a http::Method>,
    path: &'a [u8],
    query: Option<&'a [u8]>,
    state: &'a RequestState<'a>,
    /// What stands in place of the body that is received.
    other_body: Option<&'a Rc<Incoming>>,
    peer: &'a Peer,
    /// `None` where no connection is.
    stream: Option<&'a RefCell<Stream>>,
    /// Of the innermost router that it has come through.
    matched: Option<&'a Matched<'a>>,
}

/// What an exchange holds for its request, for as long as it lasts.
#[derive(Debug)]
pub(crate) struct RequestState<'c> {
    received_at: Moment,
    framing: BodyFraming,
    limits: &'c Limits,
    /// `None` where no server is.
    drain: Option<&'c Drain>,
    /// Made when it is asked for.
    body: OnceCell<Rc<Incoming>>,
    body_bytes_max: Cell<u64>,
    /// Interim responses that wait to be sent, and how many octets there may still be.
    interim: RefCell<Vec<u8>>,
    interim_bytes_left: Cell<usize>,
    extensions: Extensions,
    allowance: Allowance<'c>,
    /// Its path as the program has written it.
    route: RefCell<Option<Rc<str>>>,
}

impl<'c> RequestState<'c> {
    pub(crate) fn new(received_at: Moment, framing: BodyFraming, limits: &'c Limits) -> Self {
        Self {
            received_at,
            framing,
            limits,
            drain: None,
            body: OnceCell::new(),
            body_bytes_max: Cell::new(limits.body_bytes_max),
            interim: RefCell::default(),
            interim_bytes_left: Cell::new(INTERIM_BYTES_MAX),
            extensions: Extensions::default(),
            allowance: Allowance::default(),
            route: RefCell::default(),
        }
    }

    /// The same of a server that may take leave.
    pub(crate) fn with_drain(self, drain: &'c Drain) -> Self {
        Self { drain: Some(drain), ..self }
    }

    /// The same of an exchange that may spend so much.
    pub(crate) fn with_allowance(self, allowance: Allowance<'c>) -> Self {
        Self { allowance, ..self }
    }

    /// What the exchange may spend.
    pub(crate) fn allowance(&self) -> &Allowance<'c> {
        &self.allowance
    }

    /// The state of a request that has had one before, from which `extensions` are.
    pub(crate) fn with_extensions(
        received_at: Moment,
        framing: BodyFraming,
        limits: &'c Limits,
        extensions: Extensions,
    ) -> Self {
        Self { extensions, ..Self::new(received_at, framing, limits) }
    }

    /// What was noted at it.
    pub(crate) fn into_extensions(self) -> Extensions {
        self.extensions
    }

    /// The body, if it was asked for.
    pub(crate) fn incoming(&self) -> Option<&Rc<Incoming>> {
        self.body.get()
    }

    /// Gives `send` the interim responses that wait; those it does not take wait on.
    pub(crate) fn send_interim(&self, send: impl FnOnce(&[u8]) -> bool) {
        let mut interim = self.interim.borrow_mut();
        if !interim.is_empty() && send(&interim) {
            *interim = Vec::new();
        }
    }

    fn body(&self) -> RequestBody {
        let length = match self.framing {
            BodyFraming::None => return RequestBody::new(None),
            BodyFraming::Length(length) => Some(length),
            BodyFraming::Chunked => None,
        };
        let incoming = self.body.get_or_init(|| {
            let decoder = BodyDecoder::new(self.framing, self.limits);
            Rc::new(Incoming::new(length, decoder, self.body_bytes_max.get()))
        });
        RequestBody::new(Some(Rc::clone(incoming)))
    }
}

impl<'a> Request<'a> {
    pub(crate) fn new(
        head: &'a RequestHead,
        bytes: &'a [u8],
        state: &'a RequestState<'a>,
        peer: &'a Peer,
        stream: Option<&'a RefCell<Stream>>,
    ) -> Self {
        let (path, query) = (head.path(bytes), head.query(bytes));
        let (method, matched, other_body) = (None, None, None);
        Self { head, bytes, method, path, query, state, other_body, peer, stream, matched }
    }

    /// The same request with another head.
    #[cfg(feature = "tower")]
    pub(crate) fn with_head<'b>(self, head: &'b RequestHead, bytes: &'b [u8]) -> Request<'b>
    where
        'a: 'b,
    {
        let (method, matched) = (None, None);
        Request { head, bytes, method, matched, path: head.path(bytes), query: head.query(bytes), ..self }
    }

    // ---- the request line ----

    /// The method as it was sent, or as middleware has changed it.
    pub fn method(&self) -> http::Method {
        if let Some(method) = self.method {
            return method.clone();
        }
        match self.head.method() {
            Method::Get => http::Method::GET,
            Method::Head => http::Method::HEAD,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Delete => http::Method::DELETE,
            Method::Connect => http::Method::CONNECT,
            Method::Options => http::Method::OPTIONS,
            Method::Trace => http::Method::TRACE,
            Method::Patch => http::Method::PATCH,
            Method::Other(name) => {
                http::Method::from_bytes(name.of(self.bytes)).expect("a parsed method is a token")
            }
        }
    }

    /// Whether it is GET or HEAD.
    pub fn is_get_or_head(&self) -> bool {
        match self.method {
            Some(method) => *method == http::Method::GET || *method == http::Method::HEAD,
            None => self.head.method().is_get_or_head(),
        }
    }

    /// The version; a minor above 1 is served as 1.1.
    pub fn version(&self) -> Version {
        self.head.version()
    }

    /// The path as it was sent, or as middleware has rewritten it: not decoded, without the query.
    pub fn path(&self) -> &'a [u8] {
        self.path
    }

    /// The path as it was sent, whatever middleware has made of it.
    pub fn original_path(&self) -> &'a [u8] {
        self.head.path(self.bytes)
    }

    /// The path's segments between its slashes, each decoded: `/a%20b/` has `a b` and an empty one. What is not UTF-8 is
    /// replaced.
    pub fn segments(&self) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        let path = self.path.strip_prefix(b"/").unwrap_or(self.path);
        path.split(|&byte| byte == b'/').map(|segment| percent_decode(segment).decode_utf8_lossy())
    }

    /// The query as it was sent, without its question mark; `None` where there is none.
    pub fn query(&self) -> Option<&'a [u8]> {
        self.query
    }

    /// The same request with another method. What the client gets stays what its own method asks for: the answer to a
    /// HEAD goes out without its body.
    pub fn with_method<'b>(self, method: &'b http::Method) -> Request<'b>
    where
        'a: 'b,
    {
        Request { method: Some(method), ..self }
    }

    /// The same request for another path.
    pub fn with_path<'b>(self, path: &'b [u8]) -> Request<'b>
    where
        'a: 'b,
    {
        Request { path, ..self }
    }

    /// The same request with another query, or none.
    pub fn with_query<'b>(self, query: Option<&'b [u8]>) -> Request<'b>
    where
        'a: 'b,
    {
        Request { query, ..self }
    }

    /// The path of the route that a router has found for it, as the program has written it: `/users/{id}`. Routers in routers
    /// note one after the other, so that an observer sees the innermost's; `None` where none has found one.
    pub fn route(&self) -> Option<Rc<str>> {
        self.state.route.borrow().clone()
    }

    /// The same request with another body.
    pub(crate) fn with_body<'b>(self, body: &'b Rc<Incoming>) -> Request<'b>
    where
        'a: 'b,
    {
        Request { other_body: Some(body), ..self }
    }

    /// The authority: of an absolute-form target, else Host's value (RFC 9112 section 3.2).
    pub fn authority(&self) -> Option<&'a [u8]> {
        self.head.authority(self.bytes)
    }

    // ---- fields ----

    /// The value of a field, if it came on exactly one line. The name is a text in any case, or a [`HeaderName`]; what is no
    /// field's name is absent.
    ///
    /// ```
    /// use selvedge_http::{Request, Response, header, testing};
    ///
    /// async fn show(request: Request<'_>) -> Response {
    ///     assert_eq!(request.header("Accept"), request.header(header::ACCEPT));
    ///     Response::octets(request.header("x-color").unwrap_or(b"none").to_vec())
    /// }
    ///
    /// testing::run(|| show, async |client| {
    ///     client.get("/").header("X-Color", "blue").send().await.assert_text("blue").await;
    ///     let twice = client.get("/").header("x-color", "blue").header("x-color", "red");
    ///     twice.send().await.assert_text("none").await;
    /// });
    /// ```
    pub fn header(&self, name: impl AsRef<str>) -> Option<&'a [u8]> {
        self.field_named(name).one()
    }

    /// All field lines in order.
    pub fn headers(&self) -> impl Iterator<Item = FieldLine<'a>> + use<'a> {
        self.head.field_lines(self.bytes)
    }

    /// A field whose place was noted while the head was parsed.
    pub fn field(&self, field: KnownField) -> Field<'a> {
        self.head.field(self.bytes, field)
    }

    /// Any field: as [`header`](Self::header), where it matters whether it is absent or came on several lines.
    pub fn field_named(&self, name: impl AsRef<str>) -> Field<'a> {
        self.head.field_named(self.bytes, name.as_ref())
    }

    /// The values of all lines of a known field.
    pub fn values(&self, field: KnownField) -> FieldValues<'a> {
        self.head.values(self.bytes, field)
    }

    /// The parsed head.
    pub fn head(&self) -> &'a RequestHead {
        self.head
    }

    /// The head's octets, which the parsed head's offsets are into.
    pub fn head_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    // ---- the body ----

    /// The body, to be pulled. Every call gives the same one.
    pub fn body(&self) -> RequestBody {
        match self.other_body {
            Some(body) => RequestBody::new(Some(Rc::clone(body))),
            None => self.state.body(),
        }
    }

    /// Refuses a body of more than `bytes_max` octets, for everybody who reads it; a limit that was lower stays.
    pub fn limit_body(&self, bytes_max: u64) {
        let state = self.state;
        state.body_bytes_max.set(state.body_bytes_max.get().min(bytes_max));
        for incoming in [state.incoming(), self.other_body].into_iter().flatten() {
            incoming.limit(bytes_max);
        }
    }

    /// Lowers what its exchange may spend. Returns what the caller has to charge itself.
    pub(crate) fn lower_budgets(&self, budgets: &Budgets) -> Option<&'a AllocationBudget> {
        self.state.allowance.lower(self.state.received_at, budgets)
    }

    /// Octets of the body that are read at most.
    pub fn body_bytes_max(&self) -> u64 {
        self.state.body_bytes_max.get()
    }

    // ---- the exchange ----

    /// Tells the client before the response which fields it will probably have, `Link` mostly: a 103 (RFC 8297). Clients of
    /// HTTP/1.0 are told nothing, nor is anybody more than 16 KiB in all.
    pub fn early_hints<'h>(&self, fields: impl IntoIterator<Item = (&'h HeaderName, &'h HeaderValue)>) {
        if self.version() == Version::Http10 {
            return;
        }
        let mut hints = b"HTTP/1.1 103 Early Hints\r\n".to_vec();
        for (name, value) in fields {
            append_line(&mut hints, name, value);
        }
        hints.extend_from_slice(b"\r\n");
        let left = &self.state.interim_bytes_left;
        if let Some(still) = left.get().checked_sub(hints.len()) {
            left.set(still);
            self.state.interim.borrow_mut().extend_from_slice(&hints);
        }
    }

    /// What middleware has noted at it.
    pub fn extensions(&self) -> &'a Extensions {
        &self.state.extensions
    }

    /// The protocols the client offers to change to (RFC 9110 section 7.8), `websocket` among them; nothing where it offers
    /// none or may not.
    pub fn upgrades(&self) -> FieldValues<'a> {
        match self.head.upgrade() {
            Upgrade::Offered => self.values(KnownField::Upgrade),
            Upgrade::None => FieldValues::known(None),
        }
    }

    /// When its head was complete.
    pub fn received_at(&self) -> Moment {
        self.state.received_at
    }

    /// Whether the server takes leave: it answers what has come, and takes no further connections.
    pub fn draining(&self) -> Draining {
        self.state.drain.map_or(Draining::No, Drain::state)
    }

    // ---- the client ----

    /// The client's address: one system call per connection, made when it is first asked for. Where the server expects the
    /// PROXY protocol, the address that the proxy has told.
    ///
    /// # Errors
    /// `NotConnected` when the client is gone.
    pub fn peer(&self) -> io::Result<&'a Address> {
        self.peer.get(self.stream)
    }

    /// This end's address: a system call.
    ///
    /// # Errors
    /// Those of getsockname(2).
    pub fn local(&self) -> io::Result<Address> {
        match self.stream {
            Some(stream) => stream.borrow().local(),
            None => Ok(Address::Unnamed),
        }
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

impl<'a> Request<'a> {
    pub(crate) fn matched(&self) -> Option<&'a Matched<'a>> {
        self.matched
    }

    pub(crate) fn with_matched<'b>(self, matched: &'b Matched<'b>) -> Request<'b>
    where
        'a: 'b,
    {
        Request { matched: Some(matched), ..self }
    }

    pub(crate) fn note_route(&self, route: &Rc<str>) {
        self.state.route.replace(Some(Rc::clone(route)));
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

/// A connection's peer, asked at most once. In a box, as it is rarely asked for.
#[derive(Debug, Default)]
pub(crate) struct Peer(OnceCell<Box<Address>>);

impl Peer {
    /// The client's address, if it was asked for.
    pub(crate) fn known(&self) -> Option<&Address> {
        self.0.get().map(Box::as_ref)
    }

    pub(crate) fn get(&self, stream: Option<&RefCell<Stream>>) -> io::Result<&Address> {
        if let Some(address) = self.0.get() {
            return Ok(address);
        }
        let address = match stream {
            Some(stream) => stream.borrow().peer()?,
            None => Address::Unnamed,
        };
        Ok(self.0.get_or_init(|| Box::new(address)))
    }

    /// Whom a proxy has told it to be, before anybody asks.
    pub(crate) fn set(&self, address: Address) {
        let set = self.0.set(Box::new(address));
        debug_assert!(set.is_ok(), "a connection has one PROXY header");
    }
}
