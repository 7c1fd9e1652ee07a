//! Paths that are others inside.

use selvedge_http::middleware::{Rewrites, rewrite, strip_prefix};
use selvedge_http::{Application, Request};

use crate::support::{TestServer, patient};

/// What it sees: path, query, and the path as it was sent.
async fn seen(request: Request<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let query = request.query().map_or("-".to_owned(), text);
    format!("{} {query} {}", text(request.path()), text(request.original_path()))
}

#[test]
fn below_its_prefix_an_application_sees_the_rest() {
    let server = TestServer::start(patient(), |_| seen.with(strip_prefix("/api")));
    let mut client = server.connect();
    for (path, expected) in [
        ("/api/users?q=1", "/users q=1 /api/users"),
        ("/api", "/ - /api"),
        ("/api/", "/ - /api/"),
        ("/api?q", "/ q /api"),
        ("/%61pi/x%2Fy", "/x%2Fy - /%61pi/x%2Fy"),
    ] {
        assert_eq!(client.get(path).text(), expected);
    }
    for path in ["/", "/apix", "/ap", "/API/x", "/other/api"] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
}

#[test]
fn prefixes_may_be_stripped_one_after_the_other() {
    let server =
        TestServer::start(patient(), |_| seen.with(strip_prefix("/inner/")).with(strip_prefix("/outer")));
    let mut client = server.connect();
    assert_eq!(client.get("/outer/inner/x").text(), "/x - /outer/inner/x");
    assert_eq!(client.get("/inner/x").status, 404);
}

#[test]
fn a_rewritten_path_keeps_its_query() {
    let server = TestServer::start(patient(), |_| {
        seen.with(rewrite(Rewrites::new().exact("/", "/home.html").prefix("/old", "/new")))
    });
    let mut client = server.connect();
    for (path, expected) in [
        ("/?q", "/home.html q /"),
        ("/old/x?q", "/new/x q /old/x"),
        ("/old", "/new - /old"),
        ("/older", "/older - /older"),
    ] {
        assert_eq!(client.get(path).text(), expected);
    }
}
