//! The PROXY protocol, versions 1 and 2: what a proxy says of the client before the client's own first octet.
//!
//! After HAProxy's "The PROXY protocol", sections 2.1 and 2.2. In: what was received so far. Out: the header and its length,
//! or that more is needed. The same octets give the same header however they arrive in pieces.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest line of version 1, with its CRLF (section 2.1).
const LINE_BYTES_MAX: usize = 107;
/// The longest header of version 2 that is taken, its additional fields (TLVs) included. The format allows 64 KiB; what
/// proxies add is some hundred octets.
const HEADER_BYTES_MAX: usize = 4 * 1024;
const LINE_START: &[u8] = b"PROXY ";
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, length of the rest.
const FIXED_BYTES: usize = 16;
/// A path of a unix socket, NUL at its end unless it fills its place.
const UNIX_PATH_BYTES: usize = 108;

/// How far a header has come.
///
/// ```
/// use selvedge_http::proxy_protocol::{Progress, Source, parse};
///
/// # fn main() -> Result<(), selvedge_http::proxy_protocol::Malformed> {
/// let received = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nGET / HTTP/1.1\r\n";
/// assert_eq!(parse(&received[..20])?, Progress::Incomplete);
/// let Progress::Complete { source, length } = parse(received)? else { panic!("it is all there") };
/// assert_eq!(source, Source::Ip(([192, 0, 2, 1], 56324).into()));
/// assert!(received[length..].starts_with(b"GET / "));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// What is there may become a header.
    Incomplete,
    /// A whole header. What follows it is the client's.
    Complete {
        /// Who the client is.
        source: Source<'a>,
        /// Octets of the header.
        length: usize,
    },
}

/// Who a proxy says the client is.
///
/// ```
/// use selvedge_http::networks::ClientAddress;
/// use selvedge_http::proxy_protocol::Source;
///
/// /// The client, of a connection that a proxy has made.
/// fn client(source: Source<'_>, peer: ClientAddress) -> ClientAddress {
///     match source {
///         Source::Peer => peer,
///         Source::Ip(address) => ClientAddress::ip(address.ip()),
///         Source::Unix(_) => ClientAddress::Unix,
///     }
/// }
/// let address = ([192, 0, 2, 1], 56324).into();
/// assert_eq!(client(Source::Ip(address), ClientAddress::Unix).to_string(), "192.0.2.1");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// Whoever the connection is from: the proxy itself, as when it looks whether the server lives, or one that does not know
    /// (LOCAL, UNSPEC, UNKNOWN).
    Peer,
    /// An address and port.
    Ip(SocketAddr),
    /// The path of a unix socket, mostly empty.
    Unix(&'a [u8]),
}

/// What was received is no header of the PROXY protocol, and does not become one.
///
/// ```
/// use selvedge_http::proxy_protocol::{Malformed, parse};
///
/// // A client that has come past the proxy: nothing it sends can make this a header.
/// assert_eq!(parse(b"GET / HTTP/1.1\r\n"), Err(Malformed));
/// assert_eq!(parse(b"PROXY TCP4 192.0.2.1 198.51.100.1 0x1f 443\r\n"), Err(Malformed));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no header of the PROXY protocol")
    }
}

impl Error for Malformed {}

/// Reads a header from the beginning of `bytes`.
///
/// # Errors
/// [`Malformed`], as soon as it is certain; a header beyond the limits too.
pub fn parse(bytes: &[u8]) -> Result<Progress<'_>, Malformed> {
    if bytes.starts_with(LINE_START) {
        parse_line(bytes)
    } else if bytes.starts_with(SIGNATURE) {
        parse_binary(bytes)
    } else if LINE_START.starts_with(bytes) || SIGNATURE.starts_with(bytes) {
        Ok(Progress::Incomplete)
    } else {
        Err(Malformed)
    }
}

/// Version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443` and CRLF.
fn parse_line(bytes: &[u8]) -> Result<Progress<'_>, Malformed> {
    let window = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let Some(line_feed) = memchr::memchr(b'\n', window) else {
        return if window.len() < LINE_BYTES_MAX { Ok(Progress::Incomplete) } else { Err(Malformed) };
    };
    let line = window[LINE_START.len()..line_feed].strip_suffix(b"\r").ok_or(Malformed)?;
    let line = std::str::from_utf8(line).map_err(|_| Malformed)?;
    Ok(Progress::Complete { source: line_source(line)?, length: line_feed + 1 })
}

/// What stands behind `PROXY `.
fn line_source(line: &str) -> Result<Source<'static>, Malformed> {
    let mut words = line.split(' ');
    let source = match words.next() {
        // Whatever follows is to be ignored.
        Some("UNKNOWN") => return Ok(Source::Peer),
        Some("TCP4") => tcp_source(&mut words, |word| word.parse::<Ipv4Addr>().ok().map(IpAddr::V4))?,
        Some("TCP6") => tcp_source(&mut words, |word| word.parse::<Ipv6Addr>().ok().map(IpAddr::V6))?,
        _ => return Err(Malformed),
    };
    if words.next().is_none() { Ok(source) } else { Err(Malformed) }
}

/// Addresses and ports of both ends, the client's first.
fn tcp_source<'a>(
    words: &mut impl Iterator<Item = &'a str>,
    address: impl Fn(&str) -> Option<IpAddr>,
) -> Result<Source<'static>, Malformed> {
    let mut next_address = || words.next().and_then(&address).ok_or(Malformed);
    let (source, _destination) = (next_address()?, next_address()?);
    let mut next_port = || words.next().and_then(port).ok_or(Malformed);
    let (source_port, _destination_port) = (next_port()?, next_port()?);
    Ok(Source::Ip(SocketAddr::new(source, source_port)))
}

/// A port in decimal, without leading zeros.
fn port(word: &str) -> Option<u16> {
    let well_formed =
        word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    if well_formed { word.parse().ok() } else { None }
}

/// Version 2: the signature, what it is, how long it is, both ends' addresses, and fields that nobody here reads.
fn parse_binary(bytes: &[u8]) -> Result<Progress<'_>, Malformed> {
    let Some(&version_and_command) = bytes.get(SIGNATURE.len()) else { return Ok(Progress::Incomplete) };
    let command = match version_and_command {
        0x20 => Command::Local,
        0x21 => Command::Proxy,
        _ => return Err(Malformed),
    };
    let Some(fixed) = bytes.first_chunk::<FIXED_BYTES>() else { return Ok(Progress::Incomplete) };
    let rest_bytes = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    let length = FIXED_BYTES + rest_bytes;
    if length > HEADER_BYTES_MAX {
        return Err(Malformed);
    }
    let Some(header) = bytes.get(..length) else { return Ok(Progress::Incomplete) };
    let source = match command {
        // The family is to be ignored then.
        Command::Local => Source::Peer,
        Command::Proxy => binary_source(fixed[13], &header[FIXED_BYTES..])?,
    };
    Ok(Progress::Complete { source, length })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Local,
    Proxy,
}

/// The source address in `rest`, which begins with that of the client, then that of the proxy's own end, then both ports.
fn binary_source(family_and_transport: u8, rest: &[u8]) -> Result<Source<'_>, Malformed> {
    let port = |at: usize| u16::from_be_bytes([rest[at], rest[at + 1]]);
    match family_and_transport {
        0x00 => Ok(Source::Peer),
        0x11 => {
            let octets: [u8; 4] = *rest.first_chunk().ok_or(Malformed)?;
            if rest.len() < 12 {
                return Err(Malformed);
            }
            Ok(Source::Ip((Ipv4Addr::from(octets), port(8)).into()))
        }
        0x21 => {
            let octets: [u8; 16] = *rest.first_chunk().ok_or(Malformed)?;
            if rest.len() < 36 {
                return Err(Malformed);
            }
            Ok(Source::Ip((Ipv6Addr::from(octets), port(32)).into()))
        }
        0x31 => {
            let path = rest.get(..2 * UNIX_PATH_BYTES).ok_or(Malformed)?;
            let path = &path[..UNIX_PATH_BYTES];
            let end = memchr::memchr(0, path).unwrap_or(path.len());
            Ok(Source::Unix(&path[..end]))
        }
        // Datagrams carry no HTTP/1; anything else is to be rejected.
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests;
