//! `real_address`: what a client says of itself in the fields about forwarding.

use crate::networks::{ClientAddress, Networks};
use crate::real_address::{self, RealAddress};

/// Takes any octets as the client's own lines of `Forwarded` and `X-Forwarded-For`, split at line feeds: whatever they are,
/// what the trusted proxy appends decides.
pub fn real_address(bytes: &[u8]) {
    let [proxy, client] =
        ["10.0.0.1", "203.0.113.9"].map(|address| ClientAddress::ip(address.parse().expect("an address")));
    let trusted: Networks = "10.0.0.0/8".parse().expect("a block");
    let lines = || bytes.split(|&byte| byte == b'\n');
    let known = RealAddress::Known(client);

    assert_eq!(real_address::real_address(client, &trusted, lines(), lines()), known);
    // Each field alone, then behind the client's lines one of the proxy's, then the proxy's words on the client's last line.
    for found in [
        real_address::real_address(proxy, &trusted, lines(), []),
        real_address::real_address(proxy, &trusted, [], lines()),
    ] {
        assert!(found == RealAddress::Known(found.address()) || trusted.contains(found.address()));
    }
    let forwarded = lines().chain([&b"for=203.0.113.9;proto=https"[..]]);
    assert_eq!(real_address::real_address(proxy, &trusted, forwarded, []), known);
    let x_forwarded_for = lines().chain([&b"203.0.113.9"[..]]);
    assert_eq!(real_address::real_address(proxy, &trusted, [], x_forwarded_for), known);

    let appended = |words: &[u8]| [bytes, &b", "[..], words].concat();
    let last_line = appended(b"203.0.113.9, 10.0.0.2");
    let x_forwarded_for = last_line.split(|&byte| byte == b'\n');
    assert_eq!(real_address::real_address(proxy, &trusted, [], x_forwarded_for), known);
    for words in [&b"for=203.0.113.9"[..], b"for=\"203.0.113.9:80\";by=_a", b"proto=http;for=\"203.0.113.9\""]
    {
        let last_line = appended(words);
        let forwarded = last_line.split(|&byte| byte == b'\n');
        let found = real_address::real_address(proxy, &trusted, forwarded, []);
        assert!(found == known || found == RealAddress::Unknown { behind: proxy }, "{found:?}");
    }
}
