//! What a client makes of a body.

use std::io::Read;

/// All of a body; it must be whole.
pub(crate) fn decode(coding: Option<&str>, encoded: &[u8]) -> Vec<u8> {
    let (decoded, whole) = read(coding, encoded);
    whole.expect("it is whole and decodes");
    decoded
}

/// As much of it as has come.
pub(crate) fn decode_beginning(coding: &str, encoded: &[u8]) -> Vec<u8> {
    read(Some(coding), encoded).0
}

fn read(coding: Option<&str>, encoded: &[u8]) -> (Vec<u8>, std::io::Result<()>) {
    let mut decoder: Box<dyn Read + '_> = match coding {
        None => Box::new(encoded),
        Some("gzip") => Box::new(flate2::read::GzDecoder::new(encoded)),
        Some("br") => Box::new(brotli::Decompressor::new(encoded, 4_096)),
        Some("zstd") => Box::new(zstd::stream::read::Decoder::new(encoded).expect("a decoder")),
        Some(other) => panic!("{other} was not asked for"),
    };
    let (mut decoded, mut room) = (Vec::new(), vec![0; 64 * 1_024]);
    loop {
        match decoder.read(&mut room) {
            Ok(0) => return (decoded, Ok(())),
            Ok(read) => decoded.extend_from_slice(&room[..read]),
            Err(error) => return (decoded, Err(error)),
        }
    }
}
