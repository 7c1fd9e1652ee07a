//! What the heads of compressed answers say.

use selvedge_http::middleware::CompressionOptions;

use super::app::{ask, bodies};
use super::support::client::Reply;
use super::support::{TestServer, patient};

fn server() -> TestServer {
    TestServer::start(patient(), bodies(CompressionOptions::default()).1)
}

/// All fields but the time.
fn fields(reply: &Reply) -> Vec<(String, String)> {
    let mut fields = reply.fields.clone();
    fields.retain(|(name, _)| name != "date");
    fields.sort();
    fields
}

#[test]
fn head_has_the_head_of_get() {
    let server = server();
    let mut client = server.connect();
    for path in [
        "/full/3000",
        "/full/100000",
        "/segments/3000",
        "/stream/3000",
        "/sized/3000",
        "/error/3000",
        "/full/10",
        "/full/3000?content-type=image/png",
        "/tagged",
    ] {
        for accepted in ["gzip", "br", "zstd", "identity"] {
            let accepted = [("Accept-Encoding", accepted)];
            let get = ask(&mut client, "GET", path, &accepted);
            let head = ask(&mut client, "HEAD", path, &accepted);
            assert_eq!((head.status, fields(&head)), (get.status, fields(&get)), "{path} {accepted:?}");
        }
    }
    drop(client);
    server.wait_until_at_rest();
}

#[test]
fn a_head_without_the_octets_says_what_they_depend_on() {
    let server = server();
    let mut client = server.connect();
    let accepted = [("Accept-Encoding", "gzip")];
    let reply = ask(&mut client, "HEAD", "/empty?content-type=text/html", &accepted);
    assert_eq!((reply.field("vary"), reply.field("content-encoding")), (Some("Accept-Encoding"), None));
    for path in ["/empty", "/empty?content-type=image/png", "/empty?content-type=text/html&status=204"] {
        assert_eq!(ask(&mut client, "HEAD", path, &accepted).field("vary"), None, "{path}");
    }
}

#[test]
fn vary_is_merged_and_ranges_are_not_promised() {
    let server = server();
    let mut client = server.connect();
    let path = "/full/3000?vary=Origin&accept-ranges=bytes&x-other=kept";
    let reply = ask(&mut client, "GET", path, &[("Accept-Encoding", "gzip")]);
    assert_eq!(reply.field("vary"), Some("Origin, Accept-Encoding"));
    assert_eq!((reply.field("accept-ranges"), reply.field("x-other")), (None, Some("kept")));
    let reply = ask(&mut client, "GET", path, &[]);
    assert_eq!(reply.field("vary"), Some("Origin, Accept-Encoding"));
    assert_eq!(reply.field("accept-ranges"), Some("bytes"));
}

#[test]
fn a_tag_is_weak_where_the_octets_are_others_and_the_client_can_ask_by_it() {
    let server = server();
    let mut client = server.connect();
    let accepted = ("Accept-Encoding", "gzip");
    let plain = ask(&mut client, "GET", "/tagged", &[]);
    assert_eq!(plain.field("etag"), Some("\"v\""));
    let reply = ask(&mut client, "GET", "/tagged", &[accepted]);
    assert_eq!((reply.status, reply.field("etag")), (200, Some("W/\"v\"")));
    for (asked, tag) in [("\"v\"", "\"v\""), ("W/\"v\"", "W/\"v\"")] {
        let reply = ask(&mut client, "GET", "/tagged", &[accepted, ("If-None-Match", asked)]);
        assert_eq!((reply.status, reply.field("etag")), (304, Some(tag)));
        assert_eq!((reply.field("vary"), reply.field("content-encoding")), (Some("Accept-Encoding"), None));
    }
    let reply = ask(&mut client, "GET", "/full/3000?etag=W/%22w%22", &[accepted]);
    assert_eq!(reply.field("etag"), Some("W/\"w\""));
}
