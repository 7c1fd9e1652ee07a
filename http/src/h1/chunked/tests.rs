use proptest::prelude::*;

use super::*;

/// Data and count of consumed octets of a body given in pieces that end at `ends` and at the end; `None` while the body
/// has not ended.
fn decode_split(bytes: &[u8], ends: &[usize], limits: &Limits) -> Result<(Vec<u8>, Option<usize>), Reject> {
    let mut decoder = ChunkedDecoder::new(limits);
    let mut data = Vec::new();
    let mut at = 0;
    for &end in ends.iter().chain([&bytes.len()]) {
        loop {
            let piece = &bytes[at..end];
            let decoded = decoder.decode(piece)?;
            at += decoded.consumed;
            match decoded.event {
                ChunkEvent::Data(range) => {
                    assert!(!range.is_empty() && range.end == decoded.consumed);
                    data.extend_from_slice(&piece[range]);
                }
                ChunkEvent::End => return Ok((data, Some(at))),
                ChunkEvent::NeedMore => {
                    assert_eq!(at, end);
                    break;
                }
            }
        }
    }
    Ok((data, None))
}

fn decode(bytes: &[u8]) -> Result<(Vec<u8>, Option<usize>), Reject> {
    decode_split(bytes, &[], &Limits::default())
}

fn refused(bytes: &[u8]) -> Reject {
    decode(bytes).expect_err(&bytes.escape_ascii().to_string())
}

#[test]
fn chunks_are_joined_and_the_next_request_is_left() {
    let bytes = b"4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\nGET / HTTP/1.1";
    assert_eq!(decode(bytes), Ok((b"Wikipedia".to_vec(), Some(bytes.len() - 14))));
}

#[test]
fn sizes_are_hexadecimal_in_both_cases_with_leading_zeros() {
    assert_eq!(decode(b"00a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n").unwrap().0.len(), 20);
}

#[test]
fn body_without_its_end_needs_more() {
    let bytes = b"3\r\nabc\r\n0\r\n\r\n";
    for end in 0..bytes.len() {
        assert_eq!(decode(&bytes[..end]).unwrap().1, None, "{end}");
    }
}

#[test]
fn extensions_are_dropped_and_trailers_are_no_data() {
    let bytes = b"3;a=b;c=\"d \xff\"\r\nabc\r\n0 \t;x\r\nContent-Length: 5\r\nX:\r\n\r\n";
    assert_eq!(decode(bytes), Ok((b"abc".to_vec(), Some(bytes.len()))));
}

#[test]
fn trailers_are_there_after_the_end_however_they_are_split() {
    let bytes = b"1\r\na\r\n0\r\nSum: \xff1 \r\nX:\r\nsum:2\r\n\r\n";
    let lines = |decoder: &ChunkedDecoder| -> Vec<(Vec<u8>, Vec<u8>)> {
        decoder.trailers().map(|line| (line.name.to_vec(), line.value.to_vec())).collect()
    };
    for split in 0..bytes.len() {
        let mut decoder = ChunkedDecoder::new(&Limits::default());
        let mut rest = bytes.to_vec();
        for end in [split, bytes.len()] {
            assert!(lines(&decoder).is_empty(), "nothing before the end");
            let mut piece: Vec<u8> = rest.drain(..end - (bytes.len() - rest.len())).collect();
            loop {
                let decoded = decoder.decode(&piece).expect("a chunked body");
                piece.drain(..decoded.consumed);
                if !matches!(decoded.event, ChunkEvent::Data(_)) {
                    break;
                }
            }
        }
        let expected: [(&[u8], &[u8]); 3] = [(b"Sum", b"\xff1"), (b"X", b""), (b"sum", b"2")];
        assert_eq!(lines(&decoder), expected.map(|(name, value)| (name.to_vec(), value.to_vec())));
    }
}

#[test]
fn bad_sizes_are_refused() {
    for bytes in [
        &b"\r\n"[..],
        b"+3\r\nabc",
        b"-3\r\n",
        b" 3\r\n",
        b"0x3\r\n",
        b"3 \r\n",
        b"3\n",
        b"3\rabc",
        b"g\r\n",
        b";a\r\n",
        b"3 3\r\n",
        b"3_0\r\n",
        b"3\0\r\n",
        b"3,3\r\n",
        b"\n3\r\n",
        b"3\t\r\n",
        b"\xef\xbc\x93\r\n",
        b"00000000000000003\r\n",
        b"10000000000000000\r\n",
        b"fffffffffffffffff\r\n",
    ] {
        assert_eq!(refused(bytes), Reject::ChunkSize, "{:?}", bytes.escape_ascii());
    }
}

#[test]
fn extensions_refuse_bare_line_feeds_and_controls() {
    for bytes in [&b"3;a\nabc\r\n"[..], b"3;\0\r\n", b"3;a\x0b\r\n", b"3;\x7f\r\n"] {
        assert_eq!(refused(bytes), Reject::ChunkExtension, "{:?}", bytes.escape_ascii());
    }
    assert_eq!(refused(b"3;a\rb"), Reject::ChunkSize);
}

#[test]
fn data_must_end_where_its_size_says() {
    for bytes in [&b"3\r\nabcd\r\n"[..], b"3\r\nabc\n", b"3\r\nabc\rX", b"3\r\nabc0\r\n\r\n"] {
        assert_eq!(refused(bytes), Reject::ChunkEnd, "{:?}", bytes.escape_ascii());
    }
}

#[test]
fn trailers_must_be_field_lines() {
    for bytes in [
        &b"0\r\n\n"[..],
        b"0\r\n\rX",
        b"0\r\nA\r\n",
        b"0\r\nA : b\r\n",
        b"0\r\n: b\r\n",
        b"0\r\nA: b\n",
        b"0\r\nA: b\rc",
        b"0\r\n A: b\r\n",
        b"0\r\nA: b\r\n c\r\n",
        b"0\r\nA: \0\r\n",
        b"0\r\nGET / HTTP/1.1\r\n",
    ] {
        assert_eq!(refused(bytes), Reject::Trailer, "{:?}", bytes.escape_ascii());
    }
}

#[test]
fn extensions_are_bounded_over_the_whole_body() {
    let limits = Limits { chunk_extension_bytes_max: 10, ..Limits::default() };
    let exact = b"1;abcd\r\nx\r\n1;efgh\r\nx\r\n0\r\n\r\n";
    assert!(decode_split(exact, &[], &limits).is_ok());
    let beyond = b"1;abcd\r\nx\r\n1;efgh\r\nx\r\n0;\r\n\r\n";
    assert_eq!(decode_split(beyond, &[], &limits), Err(Reject::ChunkExtensionsTooLong));
}

#[test]
fn trailers_are_bounded() {
    let limits = Limits { trailer_bytes_max: 12, ..Limits::default() };
    assert!(decode_split(b"0\r\nA: b\r\nC: d\r\n\r\n", &[], &limits).is_ok());
    assert_eq!(decode_split(b"0\r\nA: b\r\nC: de\r\n\r\n", &[], &limits), Err(Reject::TrailersTooLong));
}

#[test]
fn body_beyond_the_limit_is_refused_when_its_size_is_announced() {
    let limits = Limits { body_bytes_max: 5, ..Limits::default() };
    assert!(decode_split(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", &[], &limits).is_ok());
    assert_eq!(decode_split(b"3\r\nabc\r\n3\r\n", &[], &limits), Err(Reject::BodyTooLarge));
    let unbounded = Limits { body_bytes_max: u64::MAX, ..Limits::default() };
    assert_eq!(decode_split(b"1\r\na\r\nffffffffffffffff\r\n", &[], &unbounded), Err(Reject::BodyTooLarge));
}

#[test]
fn end_and_error_stay() {
    let mut decoder = ChunkedDecoder::new(&Limits::default());
    assert_eq!(decoder.decode(b"0\r\n\r\nX"), Ok(Decoded { consumed: 5, event: ChunkEvent::End }));
    assert_eq!(decoder.decode(b"X"), Ok(Decoded { consumed: 0, event: ChunkEvent::End }));
    let mut decoder = ChunkedDecoder::new(&Limits::default());
    assert_eq!(decoder.decode(b"x"), Err(Reject::ChunkSize));
    assert_eq!(decoder.decode(b"0\r\n\r\n"), Err(Reject::ChunkSize));
}

/// Bodies that are nearly right.
fn nearly_chunked() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 1..20)
            .prop_map(|data| [format!("{:x}\r\n", data.len()).as_bytes(), &data, b"\r\n"].concat()),
        1 => proptest::collection::vec(any::<u8>(), 1..20)
            .prop_map(|data| [format!("{:x};e=1\r\n", data.len()).as_bytes(), &data, b"\r\n"].concat()),
        1 => Just(b"0\r\n\r\n".to_vec()),
        1 => Just(b"0\r\nA: b\r\n\r\n".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..3),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn splitting_anywhere_changes_nothing(
        bytes in nearly_chunked(),
        ends in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
        chunk_extension_bytes_max in 0u32..8,
        trailer_bytes_max in 0u32..8,
        body_bytes_max in 0u64..60,
    ) {
        let limits =
            Limits { chunk_extension_bytes_max, trailer_bytes_max, body_bytes_max, ..Limits::default() };
        let mut ends: Vec<usize> = ends.iter().map(|end| end.index(bytes.len() + 1)).collect();
        ends.sort_unstable();
        let whole = decode_split(&bytes, &[], &limits);
        prop_assert_eq!(&decode_split(&bytes, &ends, &limits), &whole);
        let one_by_one: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(&decode_split(&bytes, &one_by_one, &limits), &whole);
    }

    #[test]
    fn what_was_encoded_is_decoded(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..8)) {
        let mut bytes = Vec::new();
        for chunk in &chunks {
            bytes.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        prop_assert_eq!(decode(&bytes), Ok((chunks.concat(), Some(bytes.len()))));
    }
}

#[test]
fn the_line_before_a_chunk_has_its_size_in_hexadecimal() {
    for (size, line) in [(0, "0\r\n"), (9, "9\r\n"), (10, "a\r\n"), (16, "10\r\n"), (0xfe_dc09, "fedc09\r\n")]
    {
        assert_eq!(size_line(size, &mut [0; SIZE_LINE_BYTES_MAX]), line.as_bytes(), "{size}");
    }
    let longest = size_line(usize::MAX, &mut [0; SIZE_LINE_BYTES_MAX]).to_vec();
    assert_eq!(longest, b"ffffffffffffffff\r\n");
    assert_eq!(longest.len(), SIZE_LINE_BYTES_MAX);
}

#[test]
fn the_last_chunk_has_the_trailer_fields_behind_it() {
    assert_eq!(last_chunk(&[]), b"0\r\n\r\n");
    assert_eq!(last_chunk(&[]).len(), LAST_CHUNK_BYTES);
    let field = (HeaderName::from_static("x-sum"), HeaderValue::from_static("4"));
    assert_eq!(last_chunk(&[field]), b"0\r\nx-sum: 4\r\n\r\n");
}
