//! Decoding. In: encoded octets in pieces, and room. Out: as many decoded octets as there is room for.

use std::fmt;

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Operation};

use crate::negotiation::Coding;

/// Deflate's only window, 32 KiB.
const GZIP_WINDOW_BITS: u8 = 15;
/// Windows of up to 8 MiB, as RFC 9659 asks of who decodes `zstd`. Brotli's own bound is 16 MiB.
const ZSTD_WINDOW_BITS_MAX: u32 = 23;

/// A decoder of one body.
pub(crate) struct Decoder {
    codec: Codec,
    position: Position,
}

enum Codec {
    Gzip(Decompress),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    Zstd(zstd::stream::raw::Decoder<'static>),
}

/// Where in the body it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Inside,
    /// Of the body, or of a member of it after which another may come.
    End,
}

/// Octets that are not of the coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// How far a step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// Encoded octets that were taken in.
    pub(crate) taken: usize,
    /// Decoded octets that came out.
    pub(crate) made: usize,
}

impl Decoder {
    /// `None` for [`Coding::Identity`], and where there is no memory for it.
    pub(crate) fn new(coding: Coding) -> Option<Self> {
        let codec = match coding {
            Coding::Identity => return None,
            Coding::Gzip => Codec::Gzip(Decompress::new_gzip(GZIP_WINDOW_BITS)),
            Coding::Brotli => {
                let allocators = [(); 3].map(|()| StandardAlloc::default());
                let [bytes, words, codes] = allocators;
                Codec::Brotli(Box::new(BrotliState::new(bytes, words, codes)))
            }
            Coding::Zstd => {
                let mut decoder = zstd::stream::raw::Decoder::new().ok()?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_BITS_MAX)).ok()?;
                Codec::Zstd(decoder)
            }
        };
        Some(Self { codec, position: Position::Inside })
    }

    /// Decodes from the front of `encoded` into the front of `room`. Where the room is filled, more may follow without more
    /// input.
    ///
    /// # Errors
    /// [`Broken`]; it is of no use any more then.
    pub(crate) fn decode(&mut self, encoded: &[u8], room: &mut [u8]) -> Result<Step, Broken> {
        if self.position == Position::End && encoded.is_empty() {
            return Ok(Step { taken: 0, made: 0 });
        }
        let (step, position) = match &mut self.codec {
            Codec::Gzip(decoder) => {
                // Another member follows (RFC 1952 section 2.2).
                if self.position == Position::End {
                    *decoder = Decompress::new_gzip(GZIP_WINDOW_BITS);
                }
                gzip(decoder, encoded, room)?
            }
            Codec::Brotli(_) if self.position == Position::End => return Err(Broken),
            Codec::Brotli(state) => brotli(state, encoded, room)?,
            Codec::Zstd(decoder) => {
                let status = decoder.run_on_buffers(encoded, room).map_err(|_| Broken)?;
                let position = if status.remaining == 0 { Position::End } else { Position::Inside };
                (Step { taken: status.bytes_read, made: status.bytes_written }, position)
            }
        };
        self.position = position;
        Ok(step)
    }

    /// Whether the body may end here.
    ///
    /// # Errors
    /// [`Broken`] if it may not.
    pub(crate) fn finish(&self) -> Result<(), Broken> {
        match self.position {
            Position::End => Ok(()),
            Position::Inside => Err(Broken),
        }
    }
}

fn gzip(decoder: &mut Decompress, encoded: &[u8], room: &mut [u8]) -> Result<(Step, Position), Broken> {
    let (taken_before, made_before) = (decoder.total_in(), decoder.total_out());
    let status = decoder.decompress(encoded, room, FlushDecompress::None).map_err(|_| Broken)?;
    let position = match status {
        Status::StreamEnd => Position::End,
        Status::Ok | Status::BufError => Position::Inside,
    };
    let taken = (decoder.total_in() - taken_before) as usize;
    let made = (decoder.total_out() - made_before) as usize;
    Ok((Step { taken, made }, position))
}

fn brotli(
    state: &mut BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    encoded: &[u8],
    room: &mut [u8],
) -> Result<(Step, Position), Broken> {
    let (mut encoded_left, mut room_left) = (encoded.len(), room.len());
    let (mut taken, mut made, mut made_in_all) = (0, 0, 0);
    let result = BrotliDecompressStream(
        &mut encoded_left,
        &mut taken,
        encoded,
        &mut room_left,
        &mut made,
        room,
        &mut made_in_all,
        state,
    );
    let position = match result {
        BrotliResult::ResultSuccess => Position::End,
        BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => Position::Inside,
        BrotliResult::ResultFailure => return Err(Broken),
    };
    Ok((Step { taken, made }, position))
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coding = match self.codec {
            Codec::Gzip(_) => "gzip",
            Codec::Brotli(_) => "br",
            Codec::Zstd(_) => "zstd",
        };
        write!(f, "Decoder({coding}, {:?})", self.position)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::content_coding::encode;

    const CODINGS: [Coding; 3] = [Coding::Gzip, Coding::Brotli, Coding::Zstd];

    /// Decodes with input in pieces and room of these sizes.
    fn decode(coding: Coding, encoded: &[u8], piece: usize, room: usize) -> Result<Vec<u8>, Broken> {
        let mut decoder = Decoder::new(coding).unwrap();
        let (mut decoded, mut room) = (Vec::new(), vec![0; room]);
        for mut piece in encoded.chunks(piece) {
            loop {
                let step = decoder.decode(piece, &mut room)?;
                piece = &piece[step.taken..];
                decoded.extend_from_slice(&room[..step.made]);
                if piece.is_empty() && step.made < room.len() {
                    break;
                }
                assert!(step.taken > 0 || step.made > 0, "it goes on");
            }
        }
        decoder.finish().map(|()| decoded)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_encoded_comes_out_however_it_is_cut(
            letters in proptest::collection::vec(any::<u8>(), 0..2_000),
            times in 1_usize..20,
            piece in 1_usize..3_000,
            room in 1_usize..3_000,
        ) {
            let content = letters.repeat(times);
            for coding in CODINGS {
                let encoded = encode(coding, &mut content.as_slice()).unwrap();
                prop_assert!(decode(coding, &encoded, piece, room).as_ref() == Ok(&content), "{coding:?}");
                let cut = &encoded[..encoded.len() - 1];
                prop_assert_eq!(decode(coding, cut, piece, room), Err(Broken));
            }
        }

        #[test]
        fn any_octets_are_decoded_or_broken(
            octets in proptest::collection::vec(any::<u8>(), 1..300),
            at in any::<prop::sample::Index>(),
        ) {
            for coding in CODINGS {
                let _ = decode(coding, &octets, 100, 1_000);
                // Broken in one place.
                let mut encoded = encode(coding, &mut octets.as_slice()).unwrap();
                let at = at.index(encoded.len());
                encoded[at] ^= 0x40;
                let _ = decode(coding, &encoded, 100, 1_000);
            }
        }
    }

    #[test]
    fn members_follow_one_another_where_the_coding_has_them() {
        for (coding, decoded) in [
            (Coding::Gzip, Ok(b"abab".to_vec())),
            (Coding::Zstd, Ok(b"abab".to_vec())),
            (Coding::Brotli, Err(Broken)),
        ] {
            let member = encode(coding, &mut &b"ab"[..]).unwrap();
            for piece in [1, 1_000] {
                assert_eq!(decode(coding, &member.repeat(2), piece, 100), decoded, "{coding:?}");
            }
        }
    }
}
