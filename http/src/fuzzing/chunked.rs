//! `chunked`: the body's decoder alone.

use crate::h1::{ChunkEvent, ChunkedDecoder, Limits};

/// Decodes a chunked body: the same data, trailers, end or error however it is split; never more data than input.
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
                    ChunkEvent::End => {
                        let lines = decoder.trailers();
                        let trailers: Vec<_> =
                            lines.map(|line| (line.name.to_vec(), line.value.to_vec())).collect();
                        return (data, Ok(Some((at, trailers))));
                    }
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
    if let Ok(Some((_, trailers))) = whole.1 {
        let kept: usize = trailers.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(kept <= 64);
    }
}
