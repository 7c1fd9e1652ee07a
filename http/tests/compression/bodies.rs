//! Every kind of body in every coding, and what is left as it is.

use selvedge_http::files::FileOptions;
use selvedge_http::middleware::{CompressionOptions, compression};
use selvedge_http::{Application, Body, Request, Response};

use super::app::{ask, bodies, text};
use super::decoder::decode;
use super::support::directory::Directory;
use super::support::site::site;
use super::support::{TestServer, patient};

const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];

fn server() -> TestServer {
    TestServer::start(patient(), bodies(CompressionOptions::default()).1)
}

#[test]
fn every_kind_of_body_in_every_coding_decodes_to_what_was_answered() {
    let server = server();
    let mut client = server.connect();
    for (path, length) in [
        ("/full", 1_024),
        ("/full", 64 * 1024),
        ("/full", 64 * 1024 + 1),
        ("/full", 100_000),
        ("/static", 100_000),
        ("/segments", 30_000),
        ("/segments", 100_000),
        ("/stream", 0),
        ("/stream", 10),
        ("/stream", 100_000),
        ("/spawned", 100_000),
        ("/sized", 100_000),
    ] {
        for coding in CODINGS {
            let what = format!("{path}/{length} in {coding}");
            let reply = ask(&mut client, "GET", &format!("{path}/{length}"), &[("Accept-Encoding", coding)]);
            assert_eq!((reply.status, reply.field("content-encoding")), (200, Some(coding)), "{what}");
            assert_eq!(reply.field("vary"), Some("Accept-Encoding"), "{what}");
            assert!(decode(Some(coding), &reply.body) == text(length), "{what}");
            assert!(length < 100 || reply.body.len() < length * 2 / 3, "{what}: {}", reply.body.len());
        }
        let plain = ask(&mut client, "GET", &format!("{path}/{length}"), &[]);
        assert_eq!((plain.field("content-encoding"), plain.field("vary")), (None, Some("Accept-Encoding")));
        assert!(plain.body == text(length), "{path}/{length}");
    }
    drop(client);
    server.wait_until_at_rest();
}

#[test]
fn a_body_too_long_to_be_encoded_at_once_is_encoded_while_it_is_sent() {
    let server = server();
    let mut client = server.connect();
    for method in ["GET", "HEAD"] {
        let reply = ask(&mut client, method, "/static/5000000", &[("Accept-Encoding", "zstd")]);
        assert_eq!(reply.field("content-encoding"), Some("zstd"));
        assert_eq!(reply.field("transfer-encoding"), Some("chunked"));
        assert!(method == "HEAD" || decode(Some("zstd"), &reply.body) == text(5_000_000));
    }
}

#[test]
fn a_long_error_is_compressed_too() {
    let server = server();
    let mut client = server.connect();
    let plain = ask(&mut client, "GET", "/error/3000", &[]);
    for coding in CODINGS {
        let reply = ask(&mut client, "GET", "/error/3000", &[("Accept-Encoding", coding)]);
        assert_eq!((reply.status, reply.field("content-encoding")), (400, Some(coding)));
        assert!(decode(Some(coding), &reply.body) == plain.body);
    }
}

#[test]
fn what_is_not_to_be_compressed_passes_as_it_is() {
    let server = server();
    let mut client = server.connect();
    for path in [
        "/full/1023",
        "/segments/1023",
        "/sized/1023",
        "/error/100",
        "/empty",
        "/full/3000?content-type=image/png",
        "/full/3000?content-type=application/octet-stream",
        "/stream/3000?content-type=video/mp4",
        "/full/3000?cache-control=no-transform",
        "/stream/3000?cache-control=max-age=1,%20No-Transform",
        "/full/3000?content-encoding=deflate",
        "/stream/3000?content-encoding=br",
        "/full/3000?repr-digest=sha-256=:AAAA:",
        "/full/3000?status=206&content-range=bytes%200-2999/5000",
        "/full/3000?content-range=bytes%200-2999/5000",
    ] {
        let plain = ask(&mut client, "GET", path, &[]);
        let reply = ask(&mut client, "GET", path, &[("Accept-Encoding", "gzip, br, zstd")]);
        assert_eq!((reply.status, reply.field("vary")), (plain.status, None), "{path}");
        assert_eq!(reply.field("content-encoding"), plain.field("content-encoding"), "{path}");
        assert!(reply.body == plain.body, "{path}");
    }
}

#[test]
fn a_body_that_would_get_longer_is_sent_as_it_is() {
    let options = CompressionOptions { bytes_min: 1, ..CompressionOptions::default() };
    let server = TestServer::start(patient(), bodies(options).1);
    let mut client = server.connect();
    for coding in CODINGS {
        let reply = ask(&mut client, "GET", "/full/3", &[("Accept-Encoding", coding)]);
        assert_eq!((reply.field("content-encoding"), reply.text()), (None, "000"));
        assert_eq!(reply.field("vary"), Some("Accept-Encoding"));
    }
}

#[test]
fn types_may_be_chosen_and_are_the_same_in_any_case() {
    let types = vec!["image/*".to_owned(), "application/x-own".to_owned()];
    let options = CompressionOptions { types, ..CompressionOptions::default() };
    let server = TestServer::start(patient(), bodies(options).1);
    let mut client = server.connect();
    for (media_type, coding) in
        [("image/png", Some("gzip")), ("Application/X-Own;%20a=b", Some("gzip")), ("text/plain", None)]
    {
        let path = format!("/full/3000?content-type={media_type}");
        let reply = ask(&mut client, "GET", &path, &[("Accept-Encoding", "gzip")]);
        assert_eq!(reply.field("content-encoding"), coding, "{media_type}");
    }
}

#[test]
fn nothing_is_compressed_twice() {
    let server = TestServer::start(patient(), |_| {
        let page = async |_: Request<'_>| Response::text(text(5_000));
        let once = page.with(compression(CompressionOptions::default()));
        once.with(compression(CompressionOptions::default()))
    });
    let mut client = server.connect();
    let reply = ask(&mut client, "GET", "/", &[("Accept-Encoding", "gzip")]);
    assert_eq!(
        (reply.field("content-encoding"), reply.field("vary")),
        (Some("gzip"), Some("Accept-Encoding"))
    );
    assert!(decode(Some("gzip"), &reply.body) == text(5_000));
}

/// Answers with the kind of the body behind it.
struct Telling<A>(A);

impl<A: Application> Application for Telling<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        let response = self.0.call(request).await;
        Response::text(match response.body() {
            Body::Prepared(_) => "prepared",
            Body::File(_) => "file",
            Body::Parts(_) => "parts",
            Body::Full(_) if response.head().content_coding.is_none() => "part in memory",
            _ => "another",
        })
    }
}

#[test]
fn files_pass_untouched() {
    let directory = Directory::new("compression");
    directory.write("small.txt", text(5_000));
    directory.write("large.txt", text(100_000));
    let site = site(FileOptions::new(directory.path()));
    let server = TestServer::start(patient(), move |worker| {
        Telling(site(worker).with(compression(CompressionOptions::default())))
    });
    let mut client = server.connect();
    let accepted = ("Accept-Encoding", "gzip");
    for (path, range, kind) in [
        ("/small.txt", "", "prepared"),
        ("/small.txt", "bytes=0-1999", "part in memory"),
        ("/large.txt", "", "file"),
        ("/large.txt", "bytes=0-99999", "file"),
        ("/large.txt", "bytes=0-9,20-29", "parts"),
    ] {
        let fields = [accepted, ("Range", range)];
        let fields = if range.is_empty() { &fields[..1] } else { &fields };
        let reply = ask(&mut client, "GET", path, fields);
        assert_eq!(reply.text(), kind, "{path} {range}");
    }
}
