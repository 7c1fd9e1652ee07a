use proptest::prelude::*;

use super::*;

const CODINGS: [Coding; 3] = [Coding::Gzip, Coding::Brotli, Coding::Zstd];

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

/// What a client makes of the beginning of a body.
fn decode_beginning(coding: Coding, encoded: &[u8]) -> Vec<u8> {
    let mut decoder: Box<dyn Read + '_> = match coding {
        Coding::Identity => Box::new(encoded),
        Coding::Gzip => Box::new(flate2::read::GzDecoder::new(encoded)),
        Coding::Brotli => Box::new(brotli::Decompressor::new(encoded, 4_096)),
        Coding::Zstd => Box::new(zstd::stream::read::Decoder::new(encoded).unwrap()),
    };
    let (mut decoded, mut room) = (Vec::new(), [0; 1_024]);
    // The end that is missing is an error, after all that is there.
    while let Ok(read @ 1..) = decoder.read(&mut room) {
        decoded.extend_from_slice(&room[..read]);
    }
    decoded
}

#[test]
fn what_is_encoded_decodes_to_the_same_and_is_shorter() {
    let text = "selvedge serves a warp of threads ".repeat(5_000);
    for content in [text.as_bytes(), b"", b"x"] {
        for coding in CODINGS {
            let encoded = encode(coding, &mut &*content).unwrap();
            assert_eq!(decode(coding, &encoded), content, "{coding:?}");
            assert!(content.len() < 100 || encoded.len() < content.len() / 20, "{coding:?}");
            assert_eq!(encode(coding, &mut &*content).unwrap(), encoded, "the same each time");
        }
    }
}

#[test]
fn encoders_have_fingerprints_of_their_own() {
    let all = CODINGS.map(fingerprint);
    assert!(all.iter().all(|fingerprint| fingerprint.len() == 8));
    assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
}

/// Something to do with an encoder.
#[derive(Debug, Clone)]
enum Step {
    Write(Vec<u8>),
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    let text = (proptest::collection::vec(0_u8..4, 0..300), 1_usize..60)
        .prop_map(|(letters, times)| Step::Write(letters.repeat(times)));
    let noise = proptest::collection::vec(any::<u8>(), 0..3_000).prop_map(Step::Write);
    prop_oneof![3 => text, 1 => noise, 2 => Just(Step::Flush)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_pieces_and_flushes_decode_to_the_same_octets(steps in proptest::collection::vec(step(), 0..24)) {
        for coding in CODINGS {
            for effort in [Effort::Kept, Effort::Once] {
                let mut encoder = Encoder::new(coding, effort).unwrap();
                let (mut content, mut encoded) = (Vec::new(), Vec::new());
                for step in &steps {
                    match step {
                        Step::Write(piece) => {
                            encoder.write(piece).unwrap();
                            content.extend_from_slice(piece);
                        }
                        Step::Flush => encoder.flush().unwrap(),
                    }
                    encoded.append(encoder.encoded());
                    if matches!(step, Step::Flush) {
                        prop_assert!(decode_beginning(coding, &encoded) == content, "{coding:?}, flushed");
                    }
                }
                encoded.append(&mut encoder.finish().unwrap());
                prop_assert!(decode(coding, &encoded) == content, "{coding:?}");
            }
        }
    }
}
