//! The client behind trusted proxies: `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! In: who the connection is from, who is trusted to tell the truth, and the fields' lines. Out: the client's address, or
//! that nobody trusted tells it.
//!
//! Each proxy appends who asked it, so what is written furthest to the right was written last. It is believed as far as
//! those are trusted who wrote it: from the right, past the trusted ones, to the first that is not. What stands left of that
//! one is the client's own word and is never looked at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::networks::{ClientAddress, Networks};
use crate::syntax::{is_token, trim_ows};

/// What is known of a client's address.
///
/// ```
/// use selvedge_http::networks::ClientAddress;
/// use selvedge_http::real_address::{RealAddress, real_address};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (proxy, trusted) = (ClientAddress::ip("10.0.0.1".parse()?), "10.0.0.0/8".parse()?);
/// let of = |line: &'static str| real_address(proxy, &trusted, [line.as_bytes()], []);
/// assert_eq!(of("for=192.0.2.1"), RealAddress::Known(ClientAddress::ip("192.0.2.1".parse()?)));
/// // The proxy does not tell: all that can be written down is its own address.
/// assert_eq!(of("for=unknown"), RealAddress::Unknown { behind: proxy });
/// assert_eq!(of("for=unknown").address(), proxy);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RealAddress {
    /// The client's address, or of several proxies in a row that are all trusted the furthest.
    Known(ClientAddress),
    /// A trusted proxy hides it (`unknown`, `_name`), writes what cannot be read, or leaves open which of two fields is its
    /// own. Whoever decides on access by address must take this for anybody.
    Unknown {
        /// The last trusted address: that of the proxy whose word is missing.
        behind: ClientAddress,
    },
}

impl RealAddress {
    /// The address to write down: the client's, or that of the last who is known.
    pub fn address(self) -> ClientAddress {
        match self {
            Self::Known(address) | Self::Unknown { behind: address } => address,
        }
    }
}

/// The client of a request that came from `peer`, by the values of all lines of the two fields, each in order.
///
/// A field is looked at if `peer` is in `trusted`. Where both are there they must tell the same: a proxy that writes one of
/// them passes the other on as the client sent it, and nobody can see which (RFC 7239 section 7.4 leaves it open).
pub fn real_address<'a>(
    peer: ClientAddress,
    trusted: &Networks,
    forwarded: impl IntoIterator<Item = &'a [u8]>,
    x_forwarded_for: impl IntoIterator<Item = &'a [u8]>,
) -> RealAddress {
    if !trusted.contains(peer) {
        return RealAddress::Known(peer);
    }
    let mut by_forwarded = Walk::new(trusted);
    forwarded.into_iter().for_each(|line| by_forwarded.forwarded_line(line));
    let mut by_x_forwarded_for = Walk::new(trusted);
    x_forwarded_for.into_iter().for_each(|line| by_x_forwarded_for.x_forwarded_for_line(line));
    match (by_forwarded.end(peer), by_x_forwarded_for.end(peer)) {
        // The proxy asks for itself.
        (None, None) => RealAddress::Known(peer),
        (Some(found), None) | (None, Some(found)) => found,
        (Some(one), Some(other)) if one == other => one,
        (Some(_), Some(_)) => RealAddress::Unknown { behind: peer },
    }
}

/// A walk over the entries of one field. They come from the left, and each is taken as if it were the last one: that gives
/// what a walk from the right would, and needs no room for those before.
struct Walk<'t> {
    trusted: &'t Networks,
    found: Found,
}

#[derive(Clone, Copy)]
enum Found {
    /// No entry so far.
    Nothing,
    /// The last entry that is no trusted proxy's.
    Client(ClientAddress),
    /// All entries are trusted proxies'; the first of them.
    TrustedOnly(ClientAddress),
    /// The last entry that is no trusted proxy's tells no address; the trusted one behind it, if there is one.
    Hidden(Option<ClientAddress>),
}

impl Walk<'_> {
    fn new(trusted: &Networks) -> Walk<'_> {
        Walk { trusted, found: Found::Nothing }
    }

    /// Takes one entry more: an address, or none that is told.
    fn entry(&mut self, address: Option<IpAddr>) {
        let Some(address) = address.map(ClientAddress::ip) else {
            self.found = Found::Hidden(None);
            return;
        };
        self.found = match self.found {
            _ if !self.trusted.contains(address) => Found::Client(address),
            Found::Nothing => Found::TrustedOnly(address),
            Found::Hidden(None) => Found::Hidden(Some(address)),
            found => found,
        };
    }

    fn end(self, peer: ClientAddress) -> Option<RealAddress> {
        match self.found {
            Found::Nothing => None,
            Found::Client(address) | Found::TrustedOnly(address) => Some(RealAddress::Known(address)),
            Found::Hidden(behind) => Some(RealAddress::Unknown { behind: behind.unwrap_or(peer) }),
        }
    }

    /// Addresses between commas. Some proxies write the port too.
    fn x_forwarded_for_line(&mut self, line: &[u8]) {
        for entry in line.split(|&byte| byte == b',').map(trim_ows) {
            // Empty entries of a list are to be skipped (RFC 9110 section 5.6.1.2).
            if !entry.is_empty() {
                self.entry(unbracketed_v6(entry).or_else(|| node_address(entry)));
            }
        }
    }

    /// `forwarded-element`s between commas. A line that is not well formed is one entry that tells nothing: where its
    /// quotes begin and end, and so which part the trusted proxy wrote, is anybody's guess.
    fn forwarded_line(&mut self, line: &[u8]) {
        let before = self.found;
        let mut rest = line;
        loop {
            match take_element(rest) {
                Ok((element, after)) => {
                    if element != Element::Empty {
                        self.entry(element.address());
                    }
                    match after {
                        Some(after) => rest = after,
                        None => return,
                    }
                }
                Err(MalformedElement) => {
                    self.found = before;
                    return self.entry(None);
                }
            }
        }
    }
}

struct MalformedElement;

/// What an element of `Forwarded` says of who asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    /// No parameter at all: a list's empty entry.
    Empty,
    /// Parameters, but no `for`.
    WithoutFor,
    /// `for`, and the address in it, if it is one.
    For(Option<IpAddr>),
}

impl Element {
    fn address(self) -> Option<IpAddr> {
        match self {
            Self::Empty | Self::WithoutFor => None,
            Self::For(address) => address,
        }
    }
}

/// Reads one element, and gives what follows the comma behind it, if there is one (RFC 7239 section 4). Whitespace around
/// `;`, which the grammar does not have and several proxies write, is taken too.
fn take_element(mut rest: &[u8]) -> Result<(Element, Option<&[u8]>), MalformedElement> {
    let mut element = Element::Empty;
    loop {
        rest = trim_ows(rest);
        if !matches!(rest, [] | [b',' | b';', ..]) {
            let name = take_token(&mut rest);
            rest = rest.strip_prefix(b"=").filter(|_| !name.is_empty()).ok_or(MalformedElement)?;
            let mut unquoted = [0; NODE_BYTES_MAX];
            let value = take_value(&mut rest, &mut unquoted)?;
            element = match (element, name.eq_ignore_ascii_case(b"for")) {
                // Once per element at most.
                (Element::For(_), true) => return Err(MalformedElement),
                (_, true) => Element::For(value.and_then(node_address)),
                (Element::Empty, false) => Element::WithoutFor,
                (element, false) => element,
            };
            rest = trim_ows(rest);
        }
        match rest {
            [] => return Ok((element, None)),
            [b',', after @ ..] => return Ok((element, Some(after))),
            [b';', after @ ..] => rest = after,
            _ => return Err(MalformedElement),
        }
    }
}

/// More than `[IPv6]:port` needs; a longer value is no address.
const NODE_BYTES_MAX: usize = 64;

fn take_token<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let length = rest.iter().position(|&byte| !is_token(byte)).unwrap_or(rest.len());
    let (token, after) = rest.split_at(length);
    *rest = after;
    token
}

/// A token or a quoted string (RFC 9110 section 5.6.4), unquoted into `room`; `None` for one that is too long for it.
fn take_value<'a: 'r, 'r>(
    rest: &mut &'a [u8],
    room: &'r mut [u8; NODE_BYTES_MAX],
) -> Result<Option<&'r [u8]>, MalformedElement> {
    let Some(mut quoted) = rest.strip_prefix(b"\"") else {
        let token = take_token(rest);
        return if token.is_empty() { Err(MalformedElement) } else { Ok(Some(token)) };
    };
    let mut length = 0;
    loop {
        let (octet, after) = match quoted {
            [b'"', after @ ..] => {
                *rest = after;
                return Ok(room.get(..length));
            }
            [b'\\', octet, after @ ..] => (*octet, after),
            [b'\\'] | [] => return Err(MalformedElement),
            [octet, after @ ..] => (*octet, after),
        };
        if let Some(place) = room.get_mut(length) {
            *place = octet;
        }
        length += 1;
        quoted = after;
    }
}

/// The address in a `node` (RFC 7239 section 6): IPv4, or IPv6 in brackets, with a port or without. `None` for `unknown`, for
/// an obfuscated identifier and for what is no node.
fn node_address(node: &[u8]) -> Option<IpAddr> {
    let node = std::str::from_utf8(node).ok()?;
    let (address, port) = match node.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)?, port)
        }
        None => {
            let (address, port) = node.split_at(node.find(':').unwrap_or(node.len()));
            (address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)?, port)
        }
    };
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_node_port)).then_some(address)
}

/// `X-Forwarded-For` has IPv6 addresses as they are.
fn unbracketed_v6(entry: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(entry).ok()?.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// Up to five digits, or an obfuscated port.
fn is_node_port(port: &str) -> bool {
    let is_obfuscated = |rest: &str| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    match port.strip_prefix('_') {
        Some(rest) => is_obfuscated(rest),
        None => (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests;
