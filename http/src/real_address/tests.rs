use proptest::prelude::*;

use super::*;

fn networks(text: &str) -> Networks {
    text.parse().unwrap()
}

fn client(address: &str) -> ClientAddress {
    match address {
        "unix" => ClientAddress::Unix,
        _ => ClientAddress::ip(address.parse().unwrap()),
    }
}

/// Proxies of these tests.
const TRUSTED: &str = "10.0.0.0/8,fd00::/8,unix";
const PEER: &str = "10.0.0.1";

fn by(peer: &str, forwarded: &[&str], x_forwarded_for: &[&str]) -> RealAddress {
    real_address(
        client(peer),
        &networks(TRUSTED),
        forwarded.iter().map(|line| line.as_bytes()),
        x_forwarded_for.iter().map(|line| line.as_bytes()),
    )
}

fn known(address: &str) -> RealAddress {
    RealAddress::Known(client(address))
}

fn hidden(behind: &str) -> RealAddress {
    RealAddress::Unknown { behind: client(behind) }
}

#[test]
fn an_untrusted_peer_s_fields_are_not_looked_at() {
    for peer in ["203.0.113.5", "::1"] {
        assert_eq!(by(peer, &["for=192.0.2.1"], &[]), known(peer));
        assert_eq!(by(peer, &[], &["192.0.2.1"]), known(peer));
        assert_eq!(by(peer, &["\""], &["nonsense"]), known(peer));
    }
    let nobody = Networks::default();
    let found = real_address(ClientAddress::Unix, &nobody, [], [&b"192.0.2.1"[..]]);
    assert_eq!(found, known("unix"));
}

#[test]
fn a_trusted_proxy_that_asks_for_itself_is_the_client() {
    assert_eq!(by(PEER, &[], &[]), known(PEER));
    assert_eq!(by(PEER, &[""], &[" , ,"]), known(PEER));
}

#[test]
fn the_walk_goes_from_the_right_past_trusted_proxies() {
    for (x_forwarded_for, expected) in [
        (&["192.0.2.1"][..], known("192.0.2.1")),
        (&["198.51.100.9, 192.0.2.1"], known("192.0.2.1")),
        (&["198.51.100.9,192.0.2.1 ,\t10.0.0.2"], known("192.0.2.1")),
        (&["198.51.100.9", "192.0.2.1", "10.0.0.2, fd00::2"], known("192.0.2.1")),
        (&["nonsense, 192.0.2.1, 10.0.0.2"], known("192.0.2.1")),
        (&["10.0.0.3, 10.0.0.2"], known("10.0.0.3")),
        (&["192.0.2.1, nonsense, 10.0.0.3, 10.0.0.2"], hidden("10.0.0.3")),
        (&["192.0.2.1, unknown"], hidden(PEER)),
        (&["192.0.2.1,, 10.0.0.2,"], known("192.0.2.1")),
    ] {
        assert_eq!(by(PEER, &[], x_forwarded_for), expected, "{x_forwarded_for:?}");
        assert_eq!(by("unix", &[], &["192.0.2.1"]), known("192.0.2.1"));
    }
}

#[test]
fn every_form_of_an_address_in_x_forwarded_for_is_read() {
    for (entry, address) in [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ] {
        assert_eq!(by(PEER, &[], &[entry]), known(address), "{entry}");
    }
    for entry in
        ["192.0.2", "192.0.2.1:", "192.0.2.1:x", "[2001:db8::1", "2001:db8::1]", "\"192.0.2.1\"", "a b"]
    {
        assert_eq!(by(PEER, &[], &[entry]), hidden(PEER), "{entry}");
    }
}

#[test]
fn every_form_of_a_node_in_forwarded_is_read() {
    for (line, address) in [
        ("for=192.0.2.43", "192.0.2.43"),
        ("For=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ("proto=http;by=203.0.113.43;for=192.0.2.60", "192.0.2.60"),
        ("for=\"192.0.2.43\"", "192.0.2.43"),
        ("for=\"192.0.2.43:47011\"", "192.0.2.43"),
        ("for=\"192.0.2.43:_port.1\"", "192.0.2.43"),
        ("FOR=\"[2001:db8:cafe::17]\"", "2001:db8:cafe::17"),
        ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("for=\"192.0.2.\\43\"", "192.0.2.43"),
        ("for=192.0.2.43 ; proto=http", "192.0.2.43"),
        (";for=192.0.2.43;;", "192.0.2.43"),
        ("for=192.0.2.1, for=192.0.2.43", "192.0.2.43"),
        ("for=192.0.2.1,,for=192.0.2.43, for=10.0.0.2, ", "192.0.2.43"),
        ("for=192.0.2.1;by=\"a, for=10.0.0.9\"", "192.0.2.1"),
    ] {
        assert_eq!(by(PEER, &[line], &[]), known(address), "{line}");
    }
}

#[test]
fn what_a_trusted_proxy_hides_is_unknown() {
    for line in
        ["for=unknown", "for=_hidden", "for=\"_SEVKISEK\"", "for=\"_gazonk:80\"", "proto=https", "by=_x"]
    {
        assert_eq!(by(PEER, &["for=192.0.2.1, ".to_owned().as_str(), line], &[]), hidden(PEER), "{line}");
        let behind = format!("for=192.0.2.1, {line}, for=10.0.0.2");
        assert_eq!(by(PEER, &[&behind], &[]), hidden("10.0.0.2"), "{line}");
    }
}

#[test]
fn a_malformed_line_of_forwarded_tells_nothing_and_the_lines_behind_it_do() {
    for line in [
        "for=192.0.2.1, for=\"",
        "for=192.0.2.1, for=\"192.0.2.2\\",
        "for=192.0.2.1 for=192.0.2.2",
        "for=\"192.0.2.1\"x",
        "for = 192.0.2.1",
        "for=",
        "for",
        "=192.0.2.1",
        "for=192.0.2.1:80",
        "for=[2001:db8::1]",
        "for=192.0.2.1;for=192.0.2.2",
        "192.0.2.1",
        "for=192.0.2.1, \u{e9}=1",
    ] {
        assert_eq!(by(PEER, &[line], &[]), hidden(PEER), "{line}");
        assert_eq!(by(PEER, &[line, "for=198.51.100.7"], &[]), known("198.51.100.7"), "{line}");
        assert_eq!(by(PEER, &[line, "for=10.0.0.2"], &[]), hidden("10.0.0.2"), "{line}");
    }
    for line in
        ["for=\"2001:db8::1\"", "for=2001", "for=\"192.0.2.1:123456\"", "for=\"192.0.2.1:\"", "for=\"\""]
    {
        assert_eq!(by(PEER, &[line], &[]), hidden(PEER), "{line}");
    }
    let long = format!("for=\"{}\"", "1".repeat(NODE_BYTES_MAX + 1));
    assert_eq!(by(PEER, &[&long], &[]), hidden(PEER));
}

#[test]
fn a_client_s_quote_never_swallows_what_the_proxy_appends() {
    for begun in ["for=192.0.2.1;x=\"", "for=192.0.2.1;x=\"\\", "\"", "for=\"", "for=192.0.2.1;x=\"a\\\""] {
        for appended in ["for=198.51.100.7", "for=\"[2001:db8::7]\"", "for=\"198.51.100.7:80\";proto=http"] {
            let line = format!("{begun}, {appended}");
            assert_eq!(by(PEER, &[&line], &[]), hidden(PEER), "{line}");
        }
    }
}

#[test]
fn both_fields_must_tell_the_same() {
    assert_eq!(by(PEER, &["for=192.0.2.1"], &["192.0.2.1"]), known("192.0.2.1"));
    assert_eq!(by(PEER, &["for=198.51.100.7, for=192.0.2.1"], &["192.0.2.1, 10.0.0.2"]), known("192.0.2.1"));
    assert_eq!(by(PEER, &["for=198.51.100.7"], &["192.0.2.1"]), hidden(PEER));
    assert_eq!(by(PEER, &["for=_x"], &["192.0.2.1"]), hidden(PEER));
    assert_eq!(by(PEER, &[" "], &["192.0.2.1"]), known("192.0.2.1"));
}

/// The same by a walk from the right over a collected list.
fn by_walk_from_the_right(trusted: &Networks, entries: &[&str]) -> RealAddress {
    let mut behind = client(PEER);
    for entry in entries.iter().rev() {
        match entry.parse::<IpAddr>().map(ClientAddress::ip) {
            Ok(address) if trusted.contains(address) => behind = address,
            Ok(address) => return RealAddress::Known(address),
            Err(_) => return RealAddress::Unknown { behind },
        }
    }
    RealAddress::Known(behind)
}

fn entry() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "192.0.2.1",
        "198.51.100.7",
        "2001:db8::1",
        "10.0.0.2",
        "10.9.0.3",
        "fd00::4",
        "unknown",
    ])
}

proptest! {
    #[test]
    fn both_fields_give_what_a_walk_from_the_right_gives(
        entries in prop::collection::vec(entry(), 0..7),
        lines in 1_usize..4,
    ) {
        let expected = by_walk_from_the_right(&networks(TRUSTED), &entries);
        let per_line = entries.len().div_ceil(lines).max(1);
        let plain: Vec<String> = entries.chunks(per_line).map(|line| line.join(", ")).collect();
        let plain: Vec<&str> = plain.iter().map(String::as_str).collect();
        prop_assert_eq!(by(PEER, &[], &plain), expected, "{:?}", plain);
        let element = |entry: &&str| match entry.contains(':') {
            true => format!("for=\"[{entry}]\";proto=http"),
            false => format!("for={entry}"),
        };
        let rich: Vec<String> = entries
            .chunks(per_line)
            .map(|line| line.iter().map(element).collect::<Vec<_>>().join(","))
            .collect();
        let rich: Vec<&str> = rich.iter().map(String::as_str).collect();
        prop_assert_eq!(by(PEER, &rich, &[]), expected, "{:?}", rich);
    }

    #[test]
    fn no_octets_of_a_client_outdo_what_the_proxy_appends(bytes in prop::collection::vec(
        prop_oneof![any::<u8>(), prop::sample::select(b"for=\"\\,; [:]10.".to_vec())], 0..60,
    )) {
        crate::fuzzing::real_address(&bytes);
    }
}
