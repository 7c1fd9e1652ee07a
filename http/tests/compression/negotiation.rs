//! Which coding a client is sent.

use selvedge_http::middleware::CompressionOptions;
use selvedge_http::negotiation::Coding;

use super::app::{ask, bodies, text};
use super::decoder::decode;
use super::support::{TestServer, patient};

#[test]
fn the_coding_is_the_one_the_client_likes_best() {
    let server = TestServer::start(patient(), bodies(CompressionOptions::default()).1);
    let mut client = server.connect();
    for (accepted, coding) in [
        ("gzip", Some("gzip")),
        ("x-gzip", Some("gzip")),
        ("GZIP", Some("gzip")),
        ("gzip, deflate, br", Some("br")),
        ("gzip, deflate, br, zstd", Some("zstd")),
        ("*", Some("zstd")),
        ("zstd;q=0.5, gzip", Some("gzip")),
        ("br;q=0.8, zstd;q=0.8, gzip;q=0.2", Some("zstd")),
        ("zstd;q=0, *", Some("br")),
        ("identity;q=0, gzip;q=0.1", Some("gzip")),
        ("identity, gzip;q=0.5", None),
        ("gzip;q=0", None),
        ("identity", None),
        ("", None),
        ("deflate, compress", None),
        // None that is acceptable is there: the answer as it is.
        ("identity;q=0", None),
        ("*;q=0", None),
        ("gzip;q=broken, br", Some("br")),
    ] {
        for path in ["/full/3000", "/stream/3000"] {
            let reply = ask(&mut client, "GET", path, &[("Accept-Encoding", accepted)]);
            assert_eq!((reply.status, reply.field("content-encoding")), (200, coding), "{accepted:?}");
            assert_eq!(reply.field("vary"), Some("Accept-Encoding"), "{accepted:?}");
            assert!(decode(coding, &reply.body) == text(3_000), "{accepted:?}");
        }
    }
}

#[test]
fn codings_are_those_that_were_chosen_in_their_order() {
    let codings = vec![Coding::Identity, Coding::Gzip, Coding::Brotli];
    let options = CompressionOptions { codings, ..CompressionOptions::default() };
    let server = TestServer::start(patient(), bodies(options).1);
    let mut client = server.connect();
    for (accepted, coding) in
        [("br, zstd, gzip", Some("gzip")), ("br, zstd", Some("br")), ("zstd", None), ("*", Some("gzip"))]
    {
        let reply = ask(&mut client, "GET", "/full/3000", &[("Accept-Encoding", accepted)]);
        assert_eq!(reply.field("content-encoding"), coding, "{accepted}");
    }
}
