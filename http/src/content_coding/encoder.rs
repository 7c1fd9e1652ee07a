//! Encoding. In: octets in pieces, and when they have to be decodable so far. Out: encoded octets.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::LazyLock;

use flate2::write::GzEncoder;
use xxhash_rust::xxh3::xxh3_64;

use crate::negotiation::Coding;

/// What an encoder's work is for, and so how hard it tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// What it makes is kept, and somebody waits once: beyond these levels the time doubles for a few hundredths.
    Kept,
    /// What it makes is sent once, by a worker that has others to serve.
    Once,
}

/// Levels and windows.
struct Settings {
    gzip_level: u32,
    brotli_level: u32,
    brotli_window_bits: u32,
    /// Brotli's output buffer, octets.
    brotli_buffer_bytes: usize,
    zstd_level: i32,
    /// `None`: what suits the level.
    zstd_window_bits: Option<u32>,
}

const KEPT: Settings = Settings {
    gzip_level: 6,
    brotli_level: 5,
    brotli_window_bits: 22,
    brotli_buffer_bytes: 64 * 1024,
    zstd_level: 9,
    zstd_window_bits: None,
};

/// Text at some 60 (brotli), 90 (gzip) and 270 MB/s (zstd) to 27 to 30 hundredths. The windows keep an encoder below 2 MiB:
/// brotli's has 1.9 MiB, zstd's 1.8 MiB, gzip's 0.5 MiB. Brotli's also keeps its longest step short: 2 ms.
const ONCE: Settings = Settings {
    gzip_level: 5,
    brotli_level: 4,
    brotli_window_bits: 16,
    brotli_buffer_bytes: 4 * 1024,
    zstd_level: 3,
    zstd_window_bits: Some(17),
};

/// An encoder of one body.
pub(crate) struct Encoder {
    codec: Codec,
    /// Octets taken in since the last flush.
    unflushed_bytes: usize,
}

enum Codec {
    Identity(Vec<u8>),
    Gzip(Box<GzEncoder<Vec<u8>>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(Box<zstd::stream::write::Encoder<'static, Vec<u8>>>),
}

impl Encoder {
    /// # Errors
    /// When there is no memory for it.
    pub(crate) fn new(coding: Coding, effort: Effort) -> io::Result<Self> {
        let settings = match effort {
            Effort::Kept => &KEPT,
            Effort::Once => &ONCE,
        };
        let encoded = Vec::new();
        let codec = match coding {
            Coding::Identity => Codec::Identity(encoded),
            // Without a time in its header: the same content is the same variant.
            Coding::Gzip => {
                let level = flate2::Compression::new(settings.gzip_level);
                Codec::Gzip(Box::new(GzEncoder::new(encoded, level)))
            }
            Coding::Brotli => Codec::Brotli(Box::new(brotli::CompressorWriter::new(
                encoded,
                settings.brotli_buffer_bytes,
                settings.brotli_level,
                settings.brotli_window_bits,
            ))),
            Coding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(encoded, settings.zstd_level)?;
                if let Some(bits) = settings.zstd_window_bits {
                    encoder.window_log(bits)?;
                }
                Codec::Zstd(Box::new(encoder))
            }
        };
        Ok(Self { codec, unflushed_bytes: 0 })
    }

    /// Takes in a piece of the body.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(crate) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.unflushed_bytes += piece.len();
        self.codec.writer().write_all(piece)
    }

    /// Brings out all that was taken in, so that it can be decoded without what follows. Costs a few octets, or nothing
    /// where all is out.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.unflushed_bytes) {
            0 => Ok(()),
            _ => self.codec.writer().flush(),
        }
    }

    /// What has come out so far; whoever reads it clears it.
    pub(crate) fn encoded(&mut self) -> &mut Vec<u8> {
        match &mut self.codec {
            Codec::Identity(encoded) => encoded,
            Codec::Gzip(encoder) => encoder.get_mut(),
            Codec::Brotli(encoder) => encoder.get_mut(),
            Codec::Zstd(encoder) => encoder.get_mut(),
        }
    }

    /// Ends the body: what is left of it.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        match self.codec {
            Codec::Identity(encoded) => Ok(encoded),
            Codec::Gzip(encoder) => encoder.finish(),
            Codec::Brotli(encoder) => Ok(encoder.into_inner()),
            Codec::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl Codec {
    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Codec::Identity(encoded) => encoded,
            Codec::Gzip(encoder) => encoder,
            Codec::Brotli(encoder) => encoder,
            Codec::Zstd(encoder) => encoder,
        }
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.codec {
            Codec::Identity(_) => "Encoder(identity)",
            Codec::Gzip(_) => "Encoder(gzip)",
            Codec::Brotli(_) => "Encoder(br)",
            Codec::Zstd(_) => "Encoder(zstd)",
        })
    }
}

/// All of `content` in `coding`, to be kept: work for a helper's thread.
///
/// # Errors
/// Those of reading it.
pub(crate) fn encode(coding: Coding, content: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut encoder = Encoder::new(coding, Effort::Kept)?;
    io::copy(content, encoder.codec.writer())?;
    encoder.finish()
}

/// What tells the variants of an encoder apart from those of other levels and versions, in a few letters: the hash of what
/// it makes of a sample. So a tag that a client got from another build is never mistaken for one of this.
pub(crate) fn fingerprint(coding: Coding) -> &'static str {
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
mod tests;
