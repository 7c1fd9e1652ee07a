//! How much one client address may have at once, and how often it may come.
//!
//! In: addresses of clients that come. Out: a place for each that may stay, given back by its drop, or why it may not. One
//! [`AddressLimiter`] is for all workers: it knows no lock, and what it writes is written when connections begin and end.

mod block;
mod counts;
mod rates;
mod rows;

use std::fmt;
use std::net::IpAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use selvedge_runtime::Moment;

use crate::networks::{ClientAddress, Networks};
use crate::real_address::RealAddress;
use crate::request::Request;
use block::AddressBlock;
use counts::Counts;
use rates::Rates;
use rows::Rows;

/// Addresses of a limiter that was told nothing else.
const ADDRESSES_DEFAULT: usize = 65_536;

/// What one address may have. An IPv6 client has a whole network, so there an address is a block of them.
///
/// ```
/// use std::num::NonZero;
///
/// use selvedge_http::address_limits::{AddressLimiter, AddressLimits, ConnectionRate};
/// use selvedge_http::{Request, Server, StartError};
///
/// fn main() -> Result<(), StartError> {
///     let limiter = AddressLimiter::new(AddressLimits {
///         connections_max: NonZero::new(20),
///         new_connections: ConnectionRate::per_second(10, 50),
///         ..AddressLimits::default()
///     });
///     let server = Server::builder().listen("127.0.0.1:0").workers(1).address_limiter(limiter);
///     let server = server.start(|_| async |_: Request<'_>| "hello")?;
///     server.control().stop();
///     server.join();
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressLimits {
    /// Connections of an address at once, and behind [`trusted_proxies`](Self::trusted_proxies) its exchanges. One more is
    /// answered with 503. `None`: as many as there may be in all.
    pub connections_max: Option<NonZero<u32>>,
    /// How often an address may connect. Who comes more often is answered with 429. `None`: as often as it likes.
    pub new_connections: Option<ConnectionRate>,
    /// How many bits of an IPv4 address tell clients apart: up to 32, which is the default.
    pub v4_prefix_bits: u8,
    /// How many bits of an IPv6 address tell clients apart: up to 128. Default: 64, the smallest network that anybody is given
    /// (RFC 6177 section 2).
    pub v6_prefix_bits: u8,
    /// Whose connections carry other people's requests. They are not limited themselves: whose a request is that comes through
    /// them is told by `Forwarded` or `X-Forwarded-For`, and
    /// [`exchanges_per_address`](crate::middleware::exchanges_per_address()) limits those.
    pub trusted_proxies: Networks,
    /// Addresses that are there at once, about: as many as connections. With more of them, one may be taken for several others
    /// together. Sets what the limiter takes: rounded up to a power of two, and at most 2^24, 64 octets for each with
    /// [`connections_max`](Self::connections_max), and 128 with [`new_connections`](Self::new_connections). Default: 65,536.
    pub addresses_max: usize,
}

impl Default for AddressLimits {
    fn default() -> Self {
        Self {
            connections_max: None,
            new_connections: None,
            v4_prefix_bits: 32,
            v6_prefix_bits: 64,
            trusted_proxies: Networks::default(),
            addresses_max: ADDRESSES_DEFAULT,
        }
    }
}

impl AddressLimits {
    /// Octets that a limiter of these limits takes.
    pub fn memory_bytes(&self) -> usize {
        let cells = Rows::cells_of(self.addresses_max);
        let counts = self.connections_max.map_or(0, |_| Counts::CELL_BYTES);
        let rates = self.new_connections.map_or(0, |_| Rates::CELL_BYTES);
        cells * (counts + rates)
    }
}

/// How often something may happen: a bucket of `burst` tokens, which fills at a rate.
///
/// ```
/// use selvedge_http::address_limits::ConnectionRate;
///
/// let rate = ConnectionRate::per_second(10, 50).expect("both are above 0");
/// assert_eq!((rate.connections_per_second.get(), rate.burst.get()), (10, 50));
/// assert_eq!(ConnectionRate::per_second(10, 0), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionRate {
    /// Connections per second in the long run.
    pub connections_per_second: NonZero<u32>,
    /// Connections at once of an address that has not come for a while.
    pub burst: NonZero<u32>,
}

impl ConnectionRate {
    /// A rate with its burst; `None` if one of them is 0.
    pub fn per_second(connections: u32, burst: u32) -> Option<Self> {
        Some(Self { connections_per_second: NonZero::new(connections)?, burst: NonZero::new(burst)? })
    }
}

/// Keeps addresses within their limits, for all workers of a server. A clone is the same one.
///
/// It holds no addresses: each has a cell in four rows of numbers, chosen by a hash with a secret of the process. What is
/// known of an address is the least of its four cells, so it is never less than what is true, and more only where others
/// fill all four: for a limit of 10 connections that is less than one address in two million, while all places are taken by
/// addresses at their limit.
///
/// ```
/// use std::num::NonZero;
///
/// use selvedge_http::address_limits::{AddressLimiter, AddressLimits};
/// use selvedge_http::networks::ClientAddress;
///
/// # fn main() -> Result<(), std::net::AddrParseError> {
/// let limits = AddressLimits { connections_max: NonZero::new(1), ..AddressLimits::default() };
/// let limiter = AddressLimiter::new(limits);
/// let client = ClientAddress::ip("2001:db8::1".parse()?);
/// let neighbour = ClientAddress::ip("2001:db8::2".parse()?);
/// selvedge_runtime::block_on(move || async move {
///     let now = selvedge_runtime::now();
///     let place = limiter.claim(client, now).expect("it is the first");
///     assert!(limiter.claim(neighbour, now).is_err(), "it is in the same network");
///     drop(place);
///     assert!(limiter.claim(neighbour, now).is_ok());
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AddressLimiter(Arc<Limiter>);

struct Limiter {
    limits: AddressLimits,
    rows: Rows,
    counts: Option<Counts>,
    rates: Option<Rates>,
    refused_exchanges: AtomicU64,
}

/// Why an address gets nothing now.
///
/// ```
/// use selvedge_http::address_limits::AddressRefusal;
///
/// assert_eq!(AddressRefusal::Connections.status(), 503);
/// assert_eq!(AddressRefusal::Rate.status(), 429);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressRefusal {
    /// It has as many connections as it may have.
    Connections,
    /// It comes too often.
    Rate,
}

impl AddressRefusal {
    /// The status that tells the client: 503, or 429 for a rate (RFC 6585 section 4).
    pub const fn status(self) -> http::StatusCode {
        match self {
            Self::Connections => http::StatusCode::SERVICE_UNAVAILABLE,
            Self::Rate => http::StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

/// What an address has of its number, given back by its drop.
///
/// ```
/// use selvedge_http::address_limits::{AddressLimiter, AddressLimits, AddressPlace};
/// use selvedge_http::networks::ClientAddress;
///
/// selvedge_runtime::block_on(|| async {
///     let limiter = AddressLimiter::new(AddressLimits::default());
///     let place: AddressPlace = limiter.claim(ClientAddress::Unix, selvedge_runtime::now()).expect("nothing is limited");
///     drop(place);
/// });
/// ```
#[must_use = "it is given back by its drop"]
pub struct AddressPlace(Option<Held>);

struct Held {
    limiter: AddressLimiter,
    hash: u64,
}

impl AddressLimiter {
    /// A limiter of these limits, with all numbers at 0.
    ///
    /// # Panics
    /// With more than 32 bits of an IPv4 address, or 128 of an IPv6 address.
    pub fn new(limits: AddressLimits) -> Self {
        assert!(limits.v4_prefix_bits <= 32, "an IPv4 address has 32 bits");
        assert!(limits.v6_prefix_bits <= 128, "an IPv6 address has 128 bits");
        let rows = Rows::new(limits.addresses_max);
        let counts = limits.connections_max.map(|max| Counts::new(&rows, max));
        let rates = limits.new_connections.map(|rate| Rates::new(&rows, rate));
        Self(Arc::new(Limiter { limits, rows, counts, rates, refused_exchanges: AtomicU64::new(0) }))
    }

    /// What it was made with.
    pub fn limits(&self) -> &AddressLimits {
        &self.0.limits
    }

    /// Exchanges that [`exchanges_per_address`](crate::middleware::exchanges_per_address()) has refused.
    pub fn refused_exchanges(&self) -> u64 {
        self.0.refused_exchanges.load(Ordering::Relaxed)
    }

    /// A place for a connection of `client`'s that comes at `now`. Clients without an IP address, and trusted proxies, have no
    /// limit.
    ///
    /// Two that come at the same time, to different workers, for the last place of an address may both be refused. They never
    /// both get it; of two for the last token of a rate both may.
    ///
    /// # Errors
    /// The limit that it is at.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn claim(&self, client: ClientAddress, now: Moment) -> Result<AddressPlace, AddressRefusal> {
        let Some(address) = self.limited(client) else { return Ok(AddressPlace(None)) };
        let hash = self.hash(address);
        let place = self.count(hash)?;
        match &self.0.rates {
            // A place that was counted goes back by its drop.
            Some(rates) if !rates.take(self.0.rows.cells(hash), now) => Err(AddressRefusal::Rate),
            _ => Ok(place),
        }
    }

    /// A place for an exchange that came through a trusted proxy; none is needed for others, whose connections have one, and
    /// for those of whom the proxy does not tell.
    pub(crate) fn claim_exchange(&self, request: &Request<'_>) -> Result<AddressPlace, AddressRefusal> {
        let trusted = &self.limits().trusted_proxies;
        let peer = request.peer().map(ClientAddress::from);
        if !peer.is_ok_and(|peer| trusted.contains(peer)) {
            return Ok(AddressPlace(None));
        }
        let address = match request.real_address(trusted) {
            Ok(RealAddress::Known(client)) => self.limited(client),
            Ok(RealAddress::Unknown { .. }) | Err(_) => None,
        };
        let Some(address) = address else { return Ok(AddressPlace(None)) };
        self.count(self.hash(address)).inspect_err(|_| {
            self.0.refused_exchanges.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn limited(&self, client: ClientAddress) -> Option<IpAddr> {
        match client {
            ClientAddress::Ip(address) if !self.limits().trusted_proxies.contains(client) => Some(address),
            ClientAddress::Ip(_) | ClientAddress::Unix => None,
        }
    }

    fn hash(&self, address: IpAddr) -> u64 {
        let limits = self.limits();
        self.0.rows.hash(AddressBlock::of(address, limits.v4_prefix_bits, limits.v6_prefix_bits))
    }

    fn count(&self, hash: u64) -> Result<AddressPlace, AddressRefusal> {
        match &self.0.counts {
            None => Ok(AddressPlace(None)),
            Some(counts) if counts.enter(self.0.rows.cells(hash)) => {
                Ok(AddressPlace(Some(Held { limiter: self.clone(), hash })))
            }
            Some(_) => Err(AddressRefusal::Connections),
        }
    }
}

impl AddressPlace {
    pub(crate) fn is_counted(&self) -> bool {
        self.0.is_some()
    }

    /// Whether this limiter counts it.
    pub(crate) fn is_of(&self, limiter: &AddressLimiter) -> bool {
        self.0.as_ref().is_some_and(|held| Arc::ptr_eq(&held.limiter.0, &limiter.0))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let limiter = &self.limiter.0;
        if let Some(counts) = &limiter.counts {
            counts.leave(limiter.rows.cells(self.hash));
        }
    }
}

impl fmt::Debug for AddressLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AddressLimiter").field(&self.0.limits).finish()
    }
}

impl fmt::Debug for AddressPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressPlace").field("is_counted", &self.0.is_some()).finish()
    }
}

#[cfg(test)]
mod tests;
