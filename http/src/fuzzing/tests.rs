use std::path::Path;

use proptest::prelude::*;

/// A corpus is cloned with the sources and replayed with every run of the tests.
const FILES_MAX: usize = 64;
const BYTES_MAX: usize = 64 * 1024;

/// Runs a target on each file of its corpus, and on each beginning of it.
#[allow(clippy::disallowed_methods, reason = "the corpus is files; the library itself reads none")]
fn replay(target: &str, run: fn(&[u8]), files_min: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let (mut files, mut total_bytes) = (0, 0);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for end in 0..=bytes.len().min(512) {
            run(&bytes[..end]);
        }
        run(&bytes);
        files += 1;
        total_bytes += bytes.len();
    }
    assert!((files_min..FILES_MAX).contains(&files), "{files} files in {}", folder.display());
    assert!(total_bytes <= BYTES_MAX, "{total_bytes} bytes in {}", folder.display());
}

#[test]
fn head_corpus_keeps_its_promises() {
    replay("head", super::head, 30);
}

#[test]
fn chunked_corpus_keeps_its_promises() {
    replay("chunked", super::chunked, 15);
}

#[test]
fn framing_corpus_keeps_its_promises() {
    replay("framing", super::framing, 20);
}

#[test]
fn path_corpus_keeps_its_promises() {
    replay("path", super::path, 15);
}

#[test]
fn ranges_corpus_keeps_its_promises() {
    replay("ranges", super::ranges, 20);
}

#[test]
fn conditionals_corpus_keeps_its_promises() {
    replay("conditionals", super::conditionals, 20);
}

#[test]
fn accept_encoding_corpus_keeps_its_promises() {
    replay("accept_encoding", super::accept_encoding, 20);
}

#[test]
fn accept_language_corpus_keeps_its_promises() {
    replay("accept_language", super::accept_language, 20);
}

#[test]
fn proxy_protocol_corpus_keeps_its_promises() {
    replay("proxy_protocol", super::proxy_protocol, 10);
}

#[test]
fn real_address_corpus_keeps_its_promises() {
    replay("real_address", super::real_address, 10);
}

#[test]
fn multipart_form_corpus_keeps_its_promises() {
    replay("multipart_form", super::multipart_form, 10);
}

proptest! {
    /// The corpora reach every branch; these reach what is chosen from a table.
    #[test]
    fn any_octets_keep_the_promises(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        super::framing(&bytes);
        super::conditionals(&bytes);
        super::accept_encoding(&bytes);
        super::accept_language(&bytes);
        super::proxy_protocol(&bytes);
        super::real_address(&bytes);
        super::multipart_form(&bytes);
    }
}
