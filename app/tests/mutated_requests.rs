//! Random and mutated requests, each with the answers that are allowed, and a probe behind each: see
//! benches/src/attack/requests, which sends a million of them.

#[allow(dead_code, reason = "the bench uses all of it")]
#[path = "../../benches/src/reply.rs"]
mod reply;
#[allow(dead_code, unused_imports, reason = "the bench uses all of it")]
#[path = "../../benches/src/attack/requests/mod.rs"]
mod requests;
mod support;

use support::{Server, Site};

#[test]
fn every_request_is_answered_as_a_strict_reading_allows_and_so_is_what_follows() {
    let site = Site::new();
    requests::write_site(site.path()).unwrap();
    let server = Server::start(site.path());
    let figures = requests::run(server.address(), 0..20_000, 1).unwrap_or_else(|failure| panic!("{failure}"));
    // Of everything there was something.
    for status in [200, 204, 206, 301, 304, 400, 404, 405, 412, 413, 414, 416, 417, 431, 501, 505] {
        assert!(figures.by_status.contains_key(&status), "no {status} among {:?}", figures.by_status);
    }
    assert_eq!((figures.requests, figures.by_end.len()), (20_000, 3), "{:?}", figures.by_end);
    assert_eq!(server.stderr(), "");
    server.stop();
}
