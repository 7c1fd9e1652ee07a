//! Who a client is by its address, and lists of addresses to judge it by: CIDR blocks (RFC 4632, RFC 4291 section 2.3).

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Most entries of one list. They are merged and looked through by halves, so this bounds memory and the start, not time.
pub const NETWORKS_MAX: usize = 10_000;

/// A client as lists of addresses see it.
///
/// ```
/// use selvedge_http::networks::ClientAddress;
///
/// # fn main() -> Result<(), std::net::AddrParseError> {
/// // As a socket for both families shows a client of IPv4.
/// let client = ClientAddress::ip("::ffff:192.0.2.1".parse()?);
/// assert_eq!(client, ClientAddress::ip("192.0.2.1".parse()?));
/// assert_eq!((client.to_string(), ClientAddress::Unix.to_string()), ("192.0.2.1".into(), "unix".into()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientAddress {
    /// An IP address. One of IPv4 that was mapped into IPv6 (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2), as sockets for both
    /// show it, stands here as IPv4; [`ClientAddress::ip`] sees to it.
    Ip(IpAddr),
    /// A process on this machine, at a unix socket. It has no address.
    Unix,
}

impl ClientAddress {
    /// The client of this IP address.
    pub fn ip(address: IpAddr) -> Self {
        Self::Ip(address.to_canonical())
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// A set of client addresses.
///
/// Written as entries between commas: an address, a block (`192.0.2.0/24`, `2001:db8::/32`), `unix` for the peers of unix
/// sockets, or `all` for everybody.
///
/// ```
/// use selvedge_http::networks::{ClientAddress, Networks};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let office: Networks = "192.0.2.0/24, 2001:db8::/32, unix".parse()?;
/// assert!(office.contains(ClientAddress::ip("192.0.2.77".parse()?)));
/// assert!(office.contains(ClientAddress::Unix));
/// assert!(!office.contains(ClientAddress::ip("198.51.100.1".parse()?)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    /// Whether peers of unix sockets are in it.
    unix: bool,
}

/// Ranges of numbers, both ends included: in order, apart from each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ranges<T>(Vec<(T, T)>);

impl Networks {
    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.v4.0.is_empty() && self.v6.0.is_empty() && !self.unix
    }

    /// Whether everybody is in it, so that it needs no address to tell.
    pub fn is_everybody(&self) -> bool {
        self.v4.0 == [(0, u32::MAX)] && self.v6.0 == [(0, u128::MAX)] && self.unix
    }

    /// Whether `client` is in it.
    pub fn contains(&self, client: ClientAddress) -> bool {
        match client {
            ClientAddress::Ip(IpAddr::V4(address)) => self.v4.contains(address.to_bits()),
            ClientAddress::Ip(IpAddr::V6(address)) => self.v6.contains(address.to_bits()),
            ClientAddress::Unix => self.unix,
        }
    }

    /// This set and `others` together.
    ///
    /// # Errors
    /// [`NetworkError::TooMany`].
    pub fn with(mut self, others: Self) -> Result<Self, NetworkError> {
        self.v4.0.extend(others.v4.0);
        self.v6.0.extend(others.v6.0);
        self.unix |= others.unix;
        self.v4 = Ranges::merged(self.v4.0);
        self.v6 = Ranges::merged(self.v6.0);
        if self.v4.0.len() + self.v6.0.len() > NETWORKS_MAX {
            return Err(NetworkError::TooMany);
        }
        Ok(self)
    }
}

impl FromStr for Networks {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        if text.split(',').count() > NETWORKS_MAX {
            return Err(NetworkError::TooMany);
        }
        let mut all = Self::default();
        for entry in text.split(',') {
            match entry.trim() {
                "all" => {
                    all.v4.0.push((0, u32::MAX));
                    all.v6.0.push((0, u128::MAX));
                    all.unix = true;
                }
                "unix" => all.unix = true,
                block => match parse_block(block)? {
                    (IpAddr::V4(address), bits) => all.v4.0.push(range_v4(address, bits)),
                    (IpAddr::V6(address), bits) => all.v6.0.push(range_v6(address, bits)),
                },
            }
        }
        Ok(Self { v4: Ranges::merged(all.v4.0), v6: Ranges::merged(all.v6.0), unix: all.unix })
    }
}

/// An address with the length of its prefix: all of it where none is given.
fn parse_block(text: &str) -> Result<(IpAddr, u8), NetworkError> {
    let malformed = || NetworkError::Malformed(text.to_owned());
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| malformed())?;
    let address_bits = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => address_bits,
        // The parser of numbers takes a sign too.
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|&bits| bits <= address_bits).ok_or_else(malformed)?
        }
        Some(_) => return Err(malformed()),
    };
    let first = match address {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(range_v4(address, bits).0)),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(range_v6(address, bits).0)),
    };
    if first != address {
        // A slip of the pen in either of its parts; which one is for the writer to say.
        return Err(NetworkError::BeyondPrefix {
            written: text.to_owned(),
            block: format!("{first}/{bits}"),
        });
    }
    match (first.to_canonical(), bits.checked_sub(96)) {
        (mapped @ IpAddr::V4(_), Some(bits)) if address.is_ipv6() => Ok((mapped, bits)),
        _ => Ok((first, bits)),
    }
}

fn range_v4(address: Ipv4Addr, bits: u8) -> (u32, u32) {
    let rest = u32::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
    (address.to_bits() & !rest, address.to_bits() | rest)
}

fn range_v6(address: Ipv6Addr, bits: u8) -> (u128, u128) {
    let rest = u128::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
    (address.to_bits() & !rest, address.to_bits() | rest)
}

impl<T: Copy + Ord> Ranges<T> {
    /// Those that overlap become one.
    fn merged(mut ranges: Vec<(T, T)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(before) if first <= before.1 => before.1 = before.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    fn contains(&self, number: T) -> bool {
        let after = self.0.partition_point(|range| range.0 <= number);
        after > 0 && number <= self.0[after - 1].1
    }
}

/// Why a text is no list of addresses.
///
/// ```
/// use selvedge_http::networks::{NetworkError, Networks};
///
/// let error = "192.0.2.7/24".parse::<Networks>().unwrap_err();
/// assert!(matches!(&error, NetworkError::BeyondPrefix { block, .. } if block == "192.0.2.0/24"));
/// // For whoever has written it: what is wrong, and what helps.
/// assert!(error.to_string().contains("; write 192.0.2.0/24 for the block"));
/// assert_eq!("localhost".parse::<Networks>(), Err(NetworkError::Malformed("localhost".to_owned())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkError {
    /// This entry is none of the forms.
    Malformed(String),
    /// A block's address goes on behind its prefix.
    BeyondPrefix {
        /// The entry as it was written.
        written: String,
        /// The block that has this prefix.
        block: String,
    },
    /// More than [`NETWORKS_MAX`] entries.
    TooMany,
}

impl fmt::Display for NetworkError {
    /// What is wrong, then what to write, with `; ` between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(entry) => write!(
                f,
                "'{entry}' is no address and no block of addresses; \
                 write them as in 192.0.2.0/24,2001:db8::/32,203.0.113.7, or unix, or all"
            ),
            Self::BeyondPrefix { written, block } => write!(
                f,
                "the address in {written} goes on behind its prefix; \
                 write {block} for the block, or leave the prefix out for the one address"
            ),
            Self::TooMany => write!(f, "these are too many; give at most {NETWORKS_MAX}"),
        }
    }
}

impl Error for NetworkError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(text: &str) -> Networks {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn client(address: &str) -> ClientAddress {
        ClientAddress::ip(address.parse().unwrap())
    }

    #[test]
    fn a_block_holds_its_first_and_last_address_and_no_neighbour() {
        for (block, inside, outside) in [
            ("192.0.2.0/24", ["192.0.2.0", "192.0.2.255"], ["192.0.1.255", "192.0.3.0"]),
            ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
            ("203.0.113.7", ["203.0.113.7", "::ffff:203.0.113.7"], ["203.0.113.6", "203.0.113.8"]),
            ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db7:ffff::", "2001:db9::"]),
            ("::1", ["::1", "::1"], ["::", "::2"]),
            ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1"]),
            ("::/0", ["::1", "ffff::"], ["0.0.0.0", "::ffff:192.0.2.1"]),
        ] {
            let networks = networks(block);
            assert!(inside.iter().all(|address| networks.contains(client(address))), "{block}");
            assert!(!outside.iter().any(|address| networks.contains(client(address))), "{block}");
            assert!(!networks.contains(ClientAddress::Unix), "{block}");
        }
    }

    #[test]
    fn ipv4_mapped_into_ipv6_counts_as_ipv4_in_clients_and_in_blocks() {
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_eq!(networks("::ffff:192.0.2.0/120"), networks("192.0.2.0/24"));
        assert_eq!(networks("::ffff:192.0.2.1"), networks("192.0.2.1"));
        assert_eq!(networks("::ffff:0:0/96"), networks("0.0.0.0/0"));
    }

    #[test]
    fn unix_sockets_are_named_by_unix_and_by_all() {
        assert!(networks("unix").contains(ClientAddress::Unix) && !networks("unix").contains(client("::1")));
        assert!(networks("all").contains(ClientAddress::Unix) && networks("all").is_everybody());
        assert!(networks("0.0.0.0/0, ::/0,unix").is_everybody());
        assert!(!networks("0.0.0.0/0,::/0").is_everybody());
        assert!(Networks::default().is_empty() && !networks("unix").is_empty());
    }

    #[test]
    fn entries_may_overlap_and_stand_in_any_order() {
        let list = networks("10.1.0.0/16,192.0.2.1,10.0.0.0/8, ::1 ,10.0.0.0/8");
        assert_eq!(list, networks("192.0.2.1,::1,10.0.0.0/8"));
        assert_eq!(networks("10.0.0.0/8").with(networks("::1,192.0.2.1")).unwrap(), list);
    }

    #[test]
    fn what_is_no_list_is_told_with_its_remedy() {
        for malformed in [
            "",
            ",",
            "10.0.0.0/8,",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "10.0.0/8",
            "10.1",
            "010.0.0.1",
            "localhost",
            "All",
            "unix:",
            "10.0.0.0/8/8",
            "[::1]",
            "10.0.0.1:80",
            "fe80::1%eth0",
            "10.0.0.0-10.0.0.9",
        ] {
            let error = malformed.parse::<Networks>().unwrap_err();
            assert!(matches!(error, NetworkError::Malformed(_)), "{malformed}: {error:?}");
            assert!(error.to_string().contains("; write them as in "), "{error}");
        }
        let error = "10.0.0.1/8".parse::<Networks>().unwrap_err().to_string();
        assert!(error.contains("the address in 10.0.0.1/8 goes on") && error.contains("; write 10.0.0.0/8 "));
        let many = vec!["192.0.2.1"; NETWORKS_MAX + 1].join(",");
        assert_eq!(many.parse::<Networks>(), Err(NetworkError::TooMany));
        assert!(many[10..].parse::<Networks>().is_ok());
    }

    #[test]
    fn lists_that_are_too_long_together_are_refused() {
        let list = |octet: u32| {
            let odd = |at: u32| Ipv4Addr::from_bits(octet << 24 | at << 1).to_string();
            networks(&(0..NETWORKS_MAX as u32).map(odd).collect::<Vec<_>>().join(","))
        };
        assert_eq!(list(10).with(list(11)), Err(NetworkError::TooMany));
        assert!(list(10).with(list(10)).is_ok());
    }

    proptest! {
        #[test]
        fn a_list_holds_what_one_of_its_blocks_holds(
            blocks in proptest::collection::vec((any::<u32>(), 0_u8..=32), 1..8),
            asked in any::<u32>(),
            near in any::<proptest::sample::Index>(),
        ) {
            let text: Vec<String> = blocks
                .iter()
                .map(|&(address, bits)| {
                    format!("{}/{bits}", Ipv4Addr::from_bits(range_v4(address.into(), bits).0))
                })
                .collect();
            let list = networks(&text.join(","));
            let beside = near.get(&blocks).0;
            for asked in [asked, beside, beside.wrapping_add(1), beside.wrapping_sub(1)] {
                let expected = blocks.iter().any(|&(address, bits)| {
                    bits == 0 || (address ^ asked).checked_shr(32 - u32::from(bits)).unwrap_or(0) == 0
                });
                let client = ClientAddress::ip(Ipv4Addr::from_bits(asked).into());
                prop_assert_eq!(list.contains(client), expected, "{} in {:?}", asked, text);
            }
        }
    }
}
