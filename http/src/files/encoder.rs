//! Compressing a file's content: work for a helper's thread.

use std::io::{self, Read, Write};
use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_64;

use crate::negotiation::Coding;

/// How hard each encoder tries. What it makes is kept, so these are the levels of somebody who waits once: beyond them the
/// time doubles for a few hundredths.
const GZIP_LEVEL: u32 = 6;
const BROTLI_LEVEL: u32 = 5;
const ZSTD_LEVEL: i32 = 9;

/// Brotli's window, 4 MiB, and its buffer.
const BROTLI_WINDOW_BITS: u32 = 22;
const BUFFER_BYTES: usize = 64 * 1024;

/// All of `content` in `coding`.
///
/// # Errors
/// Those of reading it.
pub(super) fn encode(coding: Coding, content: &mut impl Read) -> io::Result<Vec<u8>> {
    let encoded = Vec::new();
    match coding {
        Coding::Identity => {
            let mut whole = encoded;
            content.read_to_end(&mut whole)?;
            Ok(whole)
        }
        Coding::Gzip => {
            // Without a time in its header: the same content is the same variant.
            let level = flate2::Compression::new(GZIP_LEVEL);
            let mut encoder = flate2::write::GzEncoder::new(encoded, level);
            io::copy(content, &mut encoder)?;
            encoder.finish()
        }
        Coding::Brotli => {
            let mut encoder =
                brotli::CompressorWriter::new(encoded, BUFFER_BYTES, BROTLI_LEVEL, BROTLI_WINDOW_BITS);
            io::copy(content, &mut encoder)?;
            encoder.flush()?;
            Ok(encoder.into_inner())
        }
        Coding::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(encoded, ZSTD_LEVEL)?;
            io::copy(content, &mut encoder)?;
            encoder.finish()
        }
    }
}

/// What tells the variants of an encoder apart from those of other levels and versions, in a few letters: the hash of what
/// it makes of a sample. So a tag that a client got from another build is never mistaken for one of this.
pub(super) fn fingerprint(coding: Coding) -> &'static str {
    static FINGERPRINTS: LazyLock<[String; 4]> = LazyLock::new(|| {
        [Coding::Identity, Coding::Gzip, Coding::Brotli, Coding::Zstd].map(|coding| {
            // The level is not to be seen in what is made of something short.
            let sample: Vec<u8> = (0..20_000_u32).map(|at| (at.wrapping_mul(at) >> 7) as u8 & 0x3f).collect();
            let encoded = encode(coding, &mut sample.as_slice()).expect("memory can be read");
            format!("{:08x}", xxh3_64(&encoded) as u32)
        })
    });
    &FINGERPRINTS[coding as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(coding: Coding, encoded: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::new();
        match coding {
            Coding::Identity => decoded.extend_from_slice(encoded),
            Coding::Gzip => drop(flate2::read::GzDecoder::new(encoded).read_to_end(&mut decoded).unwrap()),
            Coding::Brotli => brotli::BrotliDecompress(&mut &*encoded, &mut decoded).unwrap(),
            Coding::Zstd => decoded = zstd::decode_all(encoded).unwrap(),
        }
        decoded
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same_and_is_shorter() {
        let text = "selvedge serves a warp of threads ".repeat(5_000);
        for content in [text.as_bytes(), b"", b"x"] {
            for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd] {
                let encoded = encode(coding, &mut &*content).unwrap();
                assert_eq!(decode(coding, &encoded), content, "{coding:?}");
                assert!(content.len() < 100 || encoded.len() < content.len() / 20, "{coding:?}");
                assert_eq!(encode(coding, &mut &*content).unwrap(), encoded, "the same each time");
            }
        }
    }

    #[test]
    fn encoders_have_fingerprints_of_their_own() {
        let all = [Coding::Gzip, Coding::Brotli, Coding::Zstd].map(fingerprint);
        assert!(all.iter().all(|fingerprint| fingerprint.len() == 8));
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    }
}
