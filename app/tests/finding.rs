//! Which file answers for a path: pages, fallbacks, mounts, redirects, one file alone.

mod support;

use support::{Client, Response, Server, Site, eventually};

/// A browser's own words for a navigation.
const NAVIGATION: (&str, &str) =
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");

fn location(response: &Response) -> &str {
    response.field("location").expect("a redirect leads somewhere")
}

#[test]
fn a_single_page_application_answers_for_navigations_alone() {
    let site = Site::with(&[("index.html", "the application"), ("a.txt", "a"), ("app.html", "another")]);
    let server = Server::with(site.path(), &["--spa", "--cache", "public, max-age=9, immutable"]);
    let mut client = Client::connect(server.address());
    for path in ["/orders", "/orders/7", "/deep/er/", "/a%20b"] {
        let page = client.get_with(path, &[NAVIGATION]);
        assert_eq!((page.status, page.text()), (200, "the application"), "{path}");
        assert_eq!(page.field("cache-control"), Some("no-cache"), "{path}");
        assert_eq!(page.field("vary"), Some("Accept"));
        let tag = page.field("etag").expect("it has a version");
        assert_eq!(client.get_with(path, &[NAVIGATION, ("if-none-match", tag)]).status, 304);
        assert_eq!(client.get_with(path, &[("accept", "application/json")]).status, 404);
        assert_eq!(client.get_with(path, &[("accept", "*/*")]).status, 404);
        let other = client.get(path);
        assert_eq!((other.status, other.field("vary")), (404, Some("Accept")));
    }
    for path in ["/missing.js", "/d/missing.png", "/.git/config", "/.env"] {
        assert_eq!(client.get_with(path, &[NAVIGATION]).status, 404, "{path}");
    }
    let there = client.get_with("/a.txt", &[NAVIGATION]);
    assert_eq!((there.text(), there.field("cache-control")), ("a", Some("public, max-age=9, immutable")));
    server.stop();

    let server = Server::with(site.path(), &["--spa=/app.html"]);
    assert_eq!(Client::connect(server.address()).get_with("/x", &[NAVIGATION]).text(), "another");
    server.stop();
}

#[test]
fn clean_urls_can_be_the_only_ones() {
    let site =
        Site::with(&[("a.html", "a"), ("index.html", "home"), ("d/index.html", "d"), ("d/b.html", "b")]);
    let server = Server::with(site.path(), &["--clean-urls"]);
    let mut client = Client::connect(server.address());
    assert_eq!((client.get("/a").text(), client.get("/a.html").text()), ("a", "a"));
    assert_eq!(location(&client.get("/a/?q=1")), "/a?q=1");
    server.stop();

    let server = Server::with(site.path(), &["--clean-urls=redirect"]);
    let mut client = Client::connect(server.address());
    for (path, target) in [
        ("/a.html", "/a"),
        ("/a.html?q=%2F", "/a?q=%2F"),
        ("/index.html", "/"),
        ("/d/index.html", "/d/"),
        ("/d/b.html", "/d/b"),
        ("//d//b.html", "/d/b"),
    ] {
        let response = client.get(path);
        assert_eq!((response.status, location(&response)), (308, target), "{path}");
    }
    for (path, text) in [("/a", "a"), ("/", "home"), ("/d/", "d"), ("/d/b", "b")] {
        assert_eq!(client.get(path).text(), text);
    }
    assert_eq!(client.get("/none.html").status, 404);
    // The redirect comes before the request's conditions: RFC 9110 section 13.2.1.
    assert_eq!(client.get_with("/a.html", &[("if-match", "\"x\"")]).status, 308);
    // Only where the short path leads to the same file.
    for (name, text) in [("a", "another"), ("n.html.html", "twice")] {
        site.write(name, text);
    }
    eventually("the file without .html is found", || client.get("/a").text() == "another");
    assert_eq!(client.get("/a.html").text(), "a");
    assert_eq!(client.get("/n.html").text(), "twice");
    server.stop();
}

#[test]
fn a_slash_is_taken_away_from_a_file_on_this_host() {
    let site = Site::with(&[("a.txt", "a"), ("evil.example", "file")]);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    for (path, target) in [
        ("/a.txt/", "/a.txt"),
        ("/a.txt/?q", "/a.txt?q"),
        ("//evil.example/", "/evil.example"),
        ("/%2e/evil.example//", "/evil.example"),
    ] {
        let response = client.get(path);
        assert_eq!((response.status, location(&response)), (301, target), "{path}");
    }
    assert_eq!(client.get("/a.txt/b").status, 404);
    server.stop();
}

#[test]
fn errors_have_pages_of_their_own_with_their_status() {
    let site = Site::with(&[("404.html", "<h1>not here</h1>"), ("e/405.txt", "no"), ("a.txt", "a")]);
    let options = ["--not-found", "404.html", "--error-page", "405=e/405.txt", "--header", "X-A: b"];
    let server = Server::with(site.path(), &options);
    let mut client = Client::connect(server.address());
    for fields in [&[][..], &[("if-none-match", "*")], &[("range", "bytes=0-1")]] {
        let page = client.get_with("/none", fields);
        assert_eq!((page.status, page.text()), (404, "<h1>not here</h1>"), "{fields:?}");
        assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
        for name in ["etag", "last-modified", "accept-ranges", "content-range", "cache-control"] {
            assert_eq!(page.field(name), None, "{name}");
        }
        assert_eq!(page.field("x-a"), Some("b"));
    }
    client.send("POST /a.txt HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
    let refused = client.response();
    assert_eq!((refused.status, refused.text()), (405, "no"));
    assert_eq!(refused.field("allow"), Some("GET, HEAD, OPTIONS"));
    let head = client.head("/none");
    assert_eq!((head.status, head.content_length()), (404, 17));
    assert_eq!(client.get("/404.html").status, 200);
    assert_eq!(client.get("/.hidden").text(), "<h1>not here</h1>");
    server.stop();

    let server = Server::with(site.path(), &["--error-page", "416=404.html"]);
    let beyond = Client::connect(server.address()).get_with("/a.txt", &[("range", "bytes=9-")]);
    assert_eq!((beyond.status, beyond.text()), (416, "<h1>not here</h1>"));
    assert_eq!(beyond.field("content-range"), Some("bytes */1"));
    server.stop();

    // A page that is not there is no reason for another error, but the operator is told.
    std::fs::remove_file(site.join("404.html")).expect("it is there");
    let server = Server::with(site.path(), &options);
    assert_eq!(Client::connect(server.address()).get("/none").text(), "404 Not Found\n");
    eventually("the operator is told", || server.stderr().contains("the page for 404 is not there"));
    server.stop();
}

#[test]
fn other_directories_are_served_below_their_paths() {
    let site = Site::with(&[("index.html", "root"), ("docs/shadowed.txt", "shadowed"), ("docsx", "beside")]);
    let docs = Site::with(&[("index.html", "docs"), ("a b/c.txt", "c")]);
    let api = Site::with(&[("v1.json", "{}")]);
    let mounts = [
        format!("/docs={}", docs.path().display()),
        format!("/docs/api/={}", api.path().display()),
        format!("/with%20space={}", api.path().display()),
    ];
    let options = ["--mount", &mounts[0], "--mount", &mounts[1], "--mount", &mounts[2]];
    let server = Server::with(site.path(), &options);
    let mut client = Client::connect(server.address());
    for (path, text) in [
        ("/", "root"),
        ("/docs/", "docs"),
        ("/docs/a%20b/c.txt", "c"),
        ("/docs/api/v1.json", "{}"),
        ("/docsx", "beside"),
        ("/with%20space/v1.json", "{}"),
    ] {
        assert_eq!(client.get(path).text(), text, "{path}");
    }
    for (path, target) in
        [("/docs", "/docs/"), ("/docs/api?q", "/docs/api/?q"), ("/docs/a%20b", "/docs/a%20b/")]
    {
        assert_eq!(location(&client.get(path)), target);
    }
    for path in
        ["/docs/shadowed.txt", "/docs/api", "/docs/../docs/../../etc/passwd", "/docs/%2e%2e/index.html/x"]
    {
        assert_ne!(client.get(path).status, 200, "{path}");
    }
    server.stop();
}

#[test]
fn redirects_lead_where_the_operator_says() {
    let site = Site::with(&[("new.txt", "new")]);
    let server = Server::with(
        site.path(),
        &[
            "--redirect",
            "/old=/new.txt",
            "--redirect",
            "302:/go/*=https://example.org/there/*",
            "--redirect",
            "/blog/*=/new.txt",
            "--redirect",
            "/blog/keep=/kept?fixed=1",
            "--redirect",
            "308:/s/*=/*",
        ],
    );
    let mut client = Client::connect(server.address());
    for (path, status, target) in [
        ("/old", 301, "/new.txt"),
        ("/old?q=1", 301, "/new.txt?q=1"),
        ("/go/a%20b/c", 302, "https://example.org/there/a%20b/c"),
        ("/go/", 302, "https://example.org/there/"),
        ("/blog/2020/x", 301, "/new.txt"),
        ("/blog/keep?q=1", 301, "/kept?fixed=1"),
        ("/s/a/", 308, "/a/"),
        // What is appended never names a host.
        ("/s//evil.example", 308, "/evil.example"),
        ("/s/%2e%2e/s/%5cevil.example", 308, "/%5Cevil.example"),
        ("/s/a%0d%0aX:%20b", 308, "/a%0D%0AX:%20b"),
    ] {
        let response = client.get(path);
        assert_eq!((response.status, location(&response)), (status, target), "{path}");
    }
    assert_eq!(client.get("/old/").status, 404);
    assert_eq!(client.get("/go").status, 404);
    client.send("POST /s/a HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
    let kept = client.response();
    assert_eq!((kept.status, location(&kept)), (308, "/a"));
    server.stop();
}

#[test]
fn a_file_can_be_served_alone() {
    let site = Site::with(&[
        ("page.html", "alone"),
        ("secret.txt", "secret"),
        ("page.html.br", "br"),
        ("index.html", "another"),
    ]);
    let server = Server::start(site.join("page.html"));
    let mut client = Client::connect(server.address());
    for path in ["/", "/page.html", "/?q"] {
        let response = client.get(path);
        assert_eq!((response.status, response.text()), (200, "alone"), "{path}");
        assert_eq!(response.field("content-type"), Some("text/html; charset=utf-8"));
    }
    let spa = Server::with(site.join("page.html"), &["--spa"]);
    let mut navigating = Client::connect(spa.address());
    assert_eq!(navigating.get_with("/deep/link", &[NAVIGATION]).text(), "alone");
    spa.stop();
    for path in ["/secret.txt", "/page.html/x", "/page.html.br", "/page.html/", "/x/../secret.txt"] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
    server.stop();
}

#[test]
fn languages_are_negotiated() {
    let site = Site::with(&[("index.html", "english"), ("index.html.ja", "nihongo")]);
    let server = Server::with(site.path(), &["--languages", "ja"]);
    let mut client = Client::connect(server.address());
    let response = client.get_with("/", &[("accept-language", "ja,en;q=0.5")]);
    assert_eq!((response.text(), response.field("content-language")), ("nihongo", Some("ja")));
    assert_eq!(client.get_with("/", &[("accept-language", "en")]).text(), "english");
    server.stop();
}
