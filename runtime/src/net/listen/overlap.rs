//! Places that the kernel would refuse because a place before them has them already. In: all places of a server. Out: the
//! first two that are at odds, in place of a port that is taken by nobody else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::error::ListenError;
use super::spec::{ListenSpec, TcpAddress};

/// Refuses places that are the same or have an address and port in common, whatever order they stand in.
///
/// ```
/// use selvedge_runtime::net::listen::{ListenSpec, refuse_overlaps};
///
/// let specs = [":80", "127.0.0.1:80"].map(|text| text.parse::<ListenSpec>().expect("a place"));
/// let error = refuse_overlaps(&specs).unwrap_err();
/// assert_eq!(error.what, "tcp:[::]:80 and tcp:127.0.0.1:80 both listen at 127.0.0.1:80");
/// ```
///
/// # Errors
/// Which two they are, and what they have in common.
pub fn refuse_overlaps<'a>(specs: impl IntoIterator<Item = &'a ListenSpec>) -> Result<(), ListenError> {
    let mut before: Vec<&ListenSpec> = Vec::new();
    for spec in specs {
        before.iter().try_for_each(|other| refuse_overlap(other, spec))?;
        before.push(spec);
    }
    Ok(())
}

fn refuse_overlap(one: &ListenSpec, other: &ListenSpec) -> Result<(), ListenError> {
    match (one, other) {
        // Each gets a free port of its own.
        (ListenSpec::Tcp { port: 0, .. }, _) => Ok(()),
        _ if one == other => Err(ListenError::new(format!("{one} is listened at twice"), "name it once")),
        (ListenSpec::Tcp { address: first, port }, ListenSpec::Tcp { address: second, port: same_port })
            if port == same_port =>
        {
            match in_common(*first, *second) {
                Some(address) => Err(ListenError::new(
                    format!("{one} and {other} both listen at {address}:{port}"),
                    "leave one of them out, or give it another port",
                )),
                None => Ok(()),
            }
        }
        (ListenSpec::Unix { path: first, .. }, ListenSpec::Unix { path: second, .. }) if first == second => {
            Err(ListenError::new(format!("{one} and {other} are the same socket"), "leave one of them out"))
        }
        _ => Ok(()),
    }
}

fn in_common(one: TcpAddress, other: TcpAddress) -> Option<TcpAddress> {
    const ALL_V4: TcpAddress = TcpAddress::Ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    const LOOPBACK_V4: TcpAddress = TcpAddress::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    const LOOPBACK_V6: TcpAddress = TcpAddress::Ip(IpAddr::V6(Ipv6Addr::LOCALHOST));
    match (one, other) {
        _ if one == other => Some(one),
        (TcpAddress::DualStack, narrower) | (narrower, TcpAddress::DualStack) => Some(narrower),
        (ALL_V4, TcpAddress::Loopback) | (TcpAddress::Loopback, ALL_V4) => Some(LOOPBACK_V4),
        (ALL_V4, v4 @ TcpAddress::Ip(IpAddr::V4(_))) | (v4 @ TcpAddress::Ip(IpAddr::V4(_)), ALL_V4) => {
            Some(v4)
        }
        (TcpAddress::Loopback, one @ (LOOPBACK_V4 | LOOPBACK_V6))
        | (one @ (LOOPBACK_V4 | LOOPBACK_V6), TcpAddress::Loopback) => Some(one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::PortSharing;

    fn specs(texts: [&str; 2]) -> [ListenSpec; 2] {
        texts.map(|text| text.parse().unwrap())
    }

    fn message(texts: [&str; 2]) -> Option<String> {
        refuse_overlaps(&specs(texts)).err().map(|error| error.to_string())
    }

    #[test]
    fn places_that_have_an_address_in_common_are_refused_in_either_order() {
        for (one, other, wanted) in [
            ("[::]:1", "127.0.0.1:1", "both listen at 127.0.0.1:1; leave one"),
            (":1", "localhost:1", "both listen at localhost:1; leave"),
            (":1", "0.0.0.0:1", "both listen at 0.0.0.0:1; leave"),
            (":1", "[2001:db8::1]:1", "both listen at [2001:db8::1]:1; leave"),
            ("0.0.0.0:1", "10.0.0.1:1", "both listen at 10.0.0.1:1; leave"),
            ("0.0.0.0:1", "localhost:1", "both listen at 127.0.0.1:1; leave"),
            ("127.0.0.1:1", "localhost:1", "both listen at 127.0.0.1:1; leave"),
            ("[::1]:1", "localhost:1", "both listen at [::1]:1; leave"),
            ("unix:/s", "unix:/s?mode=600", "are the same socket; leave"),
        ] {
            for texts in [[one, other], [other, one]] {
                let message = message(texts).expect("they overlap");
                assert!(message.contains(wanted), "{texts:?}: {message}");
            }
        }
    }

    #[test]
    fn the_same_place_twice_is_told_by_its_name() {
        for text in ["127.0.0.1:1", ":1", "unix:/s", "fd:3"] {
            let message = message([text, text]).expect("it is the same");
            assert!(message.ends_with("is listened at twice; name it once"), "{message}");
        }
    }

    #[test]
    fn different_places_are_not_refused() {
        for texts in [
            [":1", ":2"],
            [":0", ":0"],
            ["0.0.0.0:1", "[::1]:1"],
            ["10.0.0.1:1", "localhost:1"],
            ["10.0.0.1:1", "10.0.0.2:1"],
            ["unix:/s", "unix:/t"],
            ["fd:3", "fd:4"],
        ] {
            assert_eq!(message(texts), None, "{texts:?}");
        }
    }

    #[test]
    fn the_kernel_refuses_what_is_refused_here() {
        let bind = |spec: &ListenSpec| spec.bind(1, PortSharing::Exclusive);
        for second in ["127.0.0.1", "0.0.0.0", "localhost", "[::]"] {
            let bound = bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
            let crate::net::Address::Ip(address) = bound[0].address() else { panic!("an IP address") };
            let texts = ["127.0.0.1", second].map(|host| format!("{host}:{}", address.port()));
            assert!(message([&texts[0], &texts[1]]).is_some(), "{texts:?}");
            assert!(bind(&texts[1].parse().unwrap()).is_err(), "{texts:?}");
        }
    }
}
