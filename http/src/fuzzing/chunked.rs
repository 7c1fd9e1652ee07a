//! `chunked`: the body's decoder alone.

use crate::h1::{ChunkEvent, ChunkedDecoder, Limits};

/// Decodes a chunked body: the same data, end or error however it is split; never more data than input.
pub fn chunked(bytes: &[u8]) {
    let limits = Limits {
        body_bytes_max: 4096,
        chunk_extension_bytes_max: 64,
        trailer_bytes_max: 64,
        ..Limits::default()
    };
    let decode = |piece_len: usize| {
        let mut decoder = ChunkedDecoder::new(&limits);
        let (mut data, mut at) = (Vec::new(), 0);
        for piece in bytes.chunks(piece_len.max(1)) {
            let mut rest = piece;
            loop {
                let decoded = match decoder.decode(rest) {
                    Ok(decoded) => decoded,
                    Err(reject) => return (data, Err(reject)),
                };
                at += decoded.consumed;
                match decoded.event {
                    ChunkEvent::Data(range) => {
                        assert!(!range.is_empty() && range.end == decoded.consumed);
                        data.extend_from_slice(&rest[range]);
                    }
                    ChunkEvent::End => return (data, Ok(Some(at))),
                    ChunkEvent::NeedMore => {
                        assert_eq!(decoded.consumed, rest.len());
                        break;
                    }
                }
                rest = &rest[decoded.consumed..];
            }
        }
        (data, Ok(None))
    };
    let whole = decode(bytes.len());
    assert_eq!(decode(1), whole, "octet by octet");
    assert_eq!(decode(7), whole, "in pieces of seven");
    assert!(whole.0.len() <= bytes.len() && whole.0.len() <= 4096);
}
