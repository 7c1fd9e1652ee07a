//! Redirects before an application.

use selvedge_http::middleware::{Redirect, redirects};
use selvedge_http::{Application, Request, StatusCode};

use super::ask;
use crate::support::{TestServer, patient};

#[test]
fn paths_lead_elsewhere_and_all_others_to_the_application() {
    let rules = [
        Redirect::new("/blog/*", "https://blog.example/*", StatusCode::PERMANENT_REDIRECT),
        Redirect::new("/blog/old/*", "/archive", StatusCode::FOUND),
        Redirect::new("/blog/now", "/today?from=blog", StatusCode::TEMPORARY_REDIRECT),
        Redirect::new("/a b", "/c", StatusCode::MOVED_PERMANENTLY),
    ]
    .map(|rule| rule.unwrap());
    let server = TestServer::start(patient(), move |_| {
        let echo = async |request: Request<'_>| request.path().to_vec();
        echo.with(redirects(rules.clone()))
    });
    let mut client = server.connect();
    for (path, status, location) in [
        ("/blog/a/b?q=1", 308, "https://blog.example/a/b?q=1"),
        ("/blog/a/", 308, "https://blog.example/a/"),
        ("/blog/old/x", 302, "/archive"),
        ("/blog/now?q=1", 307, "/today?from=blog"),
        ("/a%20b?q", 301, "/c?q"),
    ] {
        let reply = ask(&mut client, "GET", path, &[]);
        assert_eq!((reply.status, reply.field("location")), (status, Some(location)), "{path}");
    }
    // Those that are no path of a site too: who is behind decides.
    for path in ["/", "/blog", "/a%20b/", "/c", "/blog/%00", "/blog/%2e%2e%2fevil"] {
        let reply = ask(&mut client, "GET", path, &[]);
        assert_eq!((reply.status, reply.text()), (200, path));
    }
}
