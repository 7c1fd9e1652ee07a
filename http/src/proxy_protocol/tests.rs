use proptest::prelude::*;

use super::*;

/// A header of version 2 with `rest` behind its fixed part.
fn binary(version_and_command: u8, family_and_transport: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[version_and_command, family_and_transport], &length, rest].concat()
}

fn v4_rest() -> Vec<u8> {
    [&[192, 0, 2, 1, 198, 51, 100, 1][..], &56_324_u16.to_be_bytes(), &443_u16.to_be_bytes()].concat()
}

fn v6_rest() -> Vec<u8> {
    let address = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
    let ends = [address("2001:db8::1"), address("2001:db8::2")].concat();
    [&ends[..], &56_324_u16.to_be_bytes(), &443_u16.to_be_bytes()].concat()
}

fn ip(address: &str) -> Source<'static> {
    Source::Ip(address.parse().unwrap())
}

/// The source of `header`, which is complete with its last octet and not before, and which what follows does not change.
fn source(header: &[u8]) -> Source<'_> {
    for end in 0..header.len() {
        assert_eq!(
            parse(&header[..end]),
            Ok(Progress::Incomplete),
            "{end} octets of {}",
            header.escape_ascii()
        );
    }
    let followed = [header, b"GET / HTTP/1.1\r\n"].concat();
    let Ok(Progress::Complete { source, length }) = parse(header) else {
        panic!("{} is a header", header.escape_ascii())
    };
    assert_eq!(length, header.len());
    assert_eq!(parse(&followed), Ok(Progress::Complete { source, length }));
    source
}

#[test]
fn a_line_tells_the_client_s_address_and_port() {
    assert_eq!(source(b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"), ip("192.0.2.1:56324"));
    assert_eq!(source(b"PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n"), ip("[2001:db8::1]:0"));
    let longest = "ffff:f...f:ffff".replace("f...f", "ffff:ffff:ffff:ffff:ffff:ffff");
    let line = format!("PROXY TCP6 {longest} {longest} 65535 65535\r\n");
    assert_eq!(source(line.as_bytes()), ip(&format!("[{longest}]:65535")));
}

#[test]
fn an_unknown_client_is_the_connection_s_peer() {
    assert_eq!(source(b"PROXY UNKNOWN\r\n"), Source::Peer);
    assert_eq!(source(b"PROXY UNKNOWN whatever \x7f it is\r\n"), Source::Peer);
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LINE_BYTES_MAX - 16));
    assert_eq!(longest.len(), LINE_BYTES_MAX);
    assert_eq!(source(longest.as_bytes()), Source::Peer);
}

#[test]
fn what_is_no_line_is_malformed() {
    for line in [
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.1 56324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 056324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 +5 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1  443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.256 5 443\r\n",
        "PROXY TCP4 192.0.2.01 198.51.100.1 5 443\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 5 443\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.1 5 443\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 5 443\r\n",
        "PROXY TCP5 192.0.2.1 198.51.100.1 5 443\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.1 5 443\r\n",
        "PROXY \r\n",
        "PROXY UNKNOWN\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY\t",
        "proxy ",
        "GET / HTTP/1.1\r\n",
        "\r\n\r\nGET",
        "\n",
    ] {
        assert_eq!(parse(line.as_bytes()), Err(Malformed), "{line:?}");
    }
    assert_eq!(parse(b"PROXY UNKNOWN \xff\r\n"), Err(Malformed));
}

#[test]
fn a_line_beyond_its_limit_is_malformed_before_it_ends() {
    let line = format!("PROXY UNKNOWN {}", "x".repeat(LINE_BYTES_MAX));
    let line = line.as_bytes();
    assert_eq!(parse(&line[..LINE_BYTES_MAX - 1]), Ok(Progress::Incomplete));
    assert_eq!(parse(&line[..LINE_BYTES_MAX]), Err(Malformed));
}

#[test]
fn a_binary_header_tells_the_client_s_address_and_port() {
    assert_eq!(source(&binary(0x21, 0x11, &v4_rest())), ip("192.0.2.1:56324"));
    assert_eq!(source(&binary(0x21, 0x21, &v6_rest())), ip("[2001:db8::1]:56324"));
}

#[test]
fn additional_fields_are_skipped_up_to_the_limit() {
    // PP2_TYPE_AUTHORITY.
    let with_field = [&v4_rest()[..], &[0x02, 0, 3, b'a', b'.', b'b']].concat();
    assert_eq!(source(&binary(0x21, 0x11, &with_field)), ip("192.0.2.1:56324"));
    let mut padded = v4_rest();
    padded.resize(HEADER_BYTES_MAX - FIXED_BYTES, 0);
    assert_eq!(source(&binary(0x21, 0x11, &padded)), ip("192.0.2.1:56324"));
    padded.push(0);
    let beyond = binary(0x21, 0x11, &padded);
    assert_eq!(parse(&beyond), Err(Malformed));
    assert_eq!(parse(&beyond[..FIXED_BYTES]), Err(Malformed), "as soon as its length is known");
}

#[test]
fn a_unix_socket_s_path_ends_at_its_nul() {
    let mut rest = vec![0; 2 * UNIX_PATH_BYTES];
    assert_eq!(source(&binary(0x21, 0x31, &rest)), Source::Unix(b""));
    rest[..6].copy_from_slice(b"/run/s");
    assert_eq!(source(&binary(0x21, 0x31, &rest)), Source::Unix(b"/run/s"));
    rest[..UNIX_PATH_BYTES].fill(b'x');
    assert_eq!(source(&binary(0x21, 0x31, &rest)), Source::Unix(&[b'x'; UNIX_PATH_BYTES]));
}

#[test]
fn a_local_command_is_about_the_peer_whatever_its_family() {
    for family in [0x00, 0x11, 0xff] {
        assert_eq!(source(&binary(0x20, family, &[])), Source::Peer);
    }
    assert_eq!(source(&binary(0x20, 0x11, &v4_rest())), Source::Peer);
    assert_eq!(source(&binary(0x21, 0x00, b"anything")), Source::Peer);
}

#[test]
fn what_is_no_binary_header_is_malformed() {
    for (version_and_command, family_and_transport, rest) in [
        (0x11, 0x11, v4_rest()),
        (0x31, 0x11, v4_rest()),
        (0x22, 0x11, v4_rest()),
        (0x2f, 0x11, v4_rest()),
        (0x21, 0x11, v4_rest()[..11].to_vec()),
        (0x21, 0x11, Vec::new()),
        (0x21, 0x21, v6_rest()[..35].to_vec()),
        (0x21, 0x31, vec![0; 2 * UNIX_PATH_BYTES - 1]),
        (0x21, 0x12, v4_rest()),
        (0x21, 0x22, v6_rest()),
        (0x21, 0x10, v4_rest()),
        (0x21, 0x01, v4_rest()),
        (0x21, 0x41, v4_rest()),
    ] {
        let header = binary(version_and_command, family_and_transport, &rest);
        assert_eq!(parse(&header), Err(Malformed), "{version_and_command:#x} {family_and_transport:#x}");
    }
}

proptest! {
    #[test]
    fn any_octets_behind_either_beginning_give_the_same_in_pieces(
        begin in prop_oneof![Just(LINE_START), Just(&SIGNATURE[..]), Just(&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0"[..])],
        rest in proptest::collection::vec(any::<u8>(), 0..160),
    ) {
        crate::fuzzing::proxy_protocol(&[begin, &rest].concat());
    }

    #[test]
    fn any_address_is_read_back_from_both_versions(
        address in prop_oneof![any::<Ipv4Addr>().prop_map(IpAddr::V4), any::<Ipv6Addr>().prop_map(IpAddr::V6)],
        port in any::<u16>(),
    ) {
        let (name, family, octets) = match address {
            IpAddr::V4(address) => ("TCP4", 0x11, address.octets().to_vec()),
            IpAddr::V6(address) => ("TCP6", 0x21, address.octets().to_vec()),
        };
        let expected = Source::Ip(SocketAddr::new(address, port));
        let line = format!("PROXY {name} {address} {address} {port} 1\r\n");
        prop_assert_eq!(source(line.as_bytes()), expected);
        let rest = [&octets[..], &octets, &port.to_be_bytes(), &[0, 1]].concat();
        let header = binary(0x21, family, &rest);
        prop_assert_eq!(source(&header), expected);
    }
}
