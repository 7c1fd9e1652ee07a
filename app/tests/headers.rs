//! What answers say besides their content.

mod support;

use support::{Client, Response, Server, Site};

#[test]
fn by_default_nothing_is_kept_unasked_and_no_type_is_guessed() {
    let site = Site::with(&[("index.html", "page"), ("a.js", "script")]);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    for path in ["/", "/a.js"] {
        let whole = client.get(path);
        let tag = whole.field("etag").expect("a tag").to_owned();
        let same = client.get_with(path, &[("if-none-match", &tag)]);
        let part = client.get_with(path, &[("range", "bytes=0-1")]);
        for (response, status) in [(&whole, 200), (&same, 304), (&part, 206)] {
            assert_eq!(response.status, status, "{path}");
            assert_eq!(response.field("cache-control"), Some("no-cache"));
            assert_eq!(response.field("x-content-type-options"), Some("nosniff"));
            assert_eq!(response.field("server"), Some("selvedge"));
        }
    }
    let missing = client.get("/none");
    assert_eq!((missing.field("cache-control"), missing.field("server")), (None, Some("selvedge")));
    assert_eq!(missing.field("x-content-type-options"), Some("nosniff"));
    assert_eq!(missing.field("access-control-allow-origin"), None);
    server.stop();
}

#[test]
fn fields_and_caching_follow_the_file_that_is_served() {
    let site =
        Site::with(&[("index.html", "page"), ("assets/a.1f3.js", "script"), ("assets/old.txt", "old")]);
    let options = [
        "--cache",
        "max-age=60",
        "--cache",
        "/assets/**=public, max-age=31536000, immutable",
        "--cache",
        "*.txt=",
        "--header",
        "X-All: 1",
        "--header",
        "*.js=X-Script: a=b",
        "--header",
        "Link: </a.css>; rel=preload",
        "--header",
        "*.html=Link: </b.css>; rel=preload",
        "--header",
        "X-Content-Type-Options:",
        "--server-name",
        "off",
    ];
    let server = Server::with(site.path(), &options);
    let mut client = Client::connect(server.address());
    let page = client.get("/");
    assert_eq!(page.field("cache-control"), Some("max-age=60"));
    assert_eq!((page.field("x-all"), page.field("x-script")), (Some("1"), None));
    assert_eq!(page.fields.iter().filter(|(name, _)| name == "link").count(), 2);
    let script = client.get("/assets/a.1f3.js");
    assert_eq!(script.field("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(script.field("x-script"), Some("a=b"));
    assert_eq!(client.get("/assets/old.txt").field("cache-control"), None);
    for path in ["/none", "/assets"] {
        let other = client.get(path);
        assert_eq!((other.field("x-all"), other.field("cache-control")), (Some("1"), None), "{path}");
    }
    for path in ["/", "/none"] {
        let response = client.get(path);
        assert_eq!((response.field("x-content-type-options"), response.field("server")), (None, None));
    }
    server.stop();
}

/// What a browser asks before a request of a script that is not a simple one.
fn preflight(client: &mut Client, origin: &str) -> Response {
    let fields = format!("origin: {origin}\r\naccess-control-request-method: GET");
    client.send(format!("OPTIONS /a.json HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n"));
    client.response_to("OPTIONS")
}

#[test]
fn scripts_of_any_origin_may_read_where_that_is_asked_for() {
    let site = Site::with(&[("a.json", "{}")]);
    let server = Server::with(site.path(), &["--cors"]);
    let mut client = Client::connect(server.address());
    for path in ["/a.json", "/none"] {
        let response = client.get_with(path, &[("origin", "https://app.example")]);
        assert_eq!(response.field("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(response.field("vary"), None);
    }
    let asked = preflight(&mut client, "https://app.example");
    assert_eq!(asked.status, 204);
    assert_eq!(asked.field("access-control-allow-origin"), Some("*"));
    assert_eq!(asked.field("access-control-allow-methods"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(asked.field("access-control-max-age"), Some("86400"));
    assert_eq!(asked.field("access-control-allow-headers"), Some("*"), "and no password");
    server.stop();
}

#[test]
fn scripts_of_listed_origins_may_read_and_others_may_not() {
    let site = Site::with(&[("a.json", "{}")]);
    let server = Server::with(site.path(), &["--cors=https://app.example, http://localhost:3000"]);
    let mut client = Client::connect(server.address());
    for path in ["/a.json", "/none", "/a.json"] {
        for (origin, allowed) in [
            (Some("https://app.example"), true),
            (Some("http://localhost:3000"), true),
            (Some("https://evil.example"), false),
            (Some("https://app.example.evil"), false),
            (Some("null"), false),
            (None, false),
        ] {
            let fields: Vec<_> = origin.map(|origin| ("origin", origin)).into_iter().collect();
            let response = client.get_with(path, &fields);
            let told = response.field("access-control-allow-origin");
            assert_eq!(told, origin.filter(|_| allowed), "{path} from {origin:?}");
            assert_eq!(response.field("vary"), Some("Origin"), "{path} from {origin:?}");
        }
    }
    for (origin, allowed) in [("https://app.example", true), ("https://evil.example", false)] {
        let asked = preflight(&mut client, origin);
        assert_eq!(asked.field("access-control-allow-methods").is_some(), allowed, "{origin}");
    }
    server.stop();
}

#[test]
fn what_an_answer_varies_by_is_said_whatever_else_is() {
    let site = Site::with(&[("a.js", "plain"), ("a.js.br", "br"), ("b.js.gz", "gz")]);
    for vary in ["Vary:", "Vary: X-Own"] {
        let options = ["--cors=https://app.example", "--header", vary, "--precompressed-only"];
        let server = Server::with(site.path(), &options);
        let mut client = Client::connect(server.address());
        for (path, status, varies) in [
            ("/a.js", 200, &["Accept-Encoding", "Origin"][..]),
            ("/b.js", 404, &["Accept-Encoding", "Origin"]),
            ("/none", 404, &["Origin"]),
        ] {
            let fields = [("origin", "https://app.example"), ("accept-encoding", "br")];
            let response = client.get_with(path, &fields);
            assert_eq!(response.status, status, "{path}");
            let said: Vec<_> = response.fields.iter().filter(|(name, _)| name == "vary").collect();
            for name in varies {
                assert!(said.iter().any(|(_, value)| value.contains(name)), "{path}, {vary}: {said:?}");
            }
        }
        server.stop();
    }
}

#[test]
fn security_fields_are_said_where_they_are_asked_for() {
    let site = Site::with(&[("index.html", "page")]);
    let server = Server::with(site.path(), &["--security-headers", "--header", "X-Frame-Options: DENY"]);
    let mut client = Client::connect(server.address());
    for path in ["/", "/none"] {
        let response = client.get(path);
        assert_eq!(response.field("x-frame-options"), Some("DENY"), "the operator's own goes first");
        assert_eq!(response.field("content-security-policy"), Some("frame-ancestors 'self'"));
        assert_eq!(response.field("referrer-policy"), Some("strict-origin-when-cross-origin"));
        assert_eq!(response.field("cross-origin-opener-policy"), Some("same-origin"));
    }
    server.stop();
}

#[test]
fn types_and_charset_can_be_given() {
    let site = Site::with(&[("a.data", "d"), ("a.log", "l"), ("a.txt", "t"), ("a.json", "{}")]);
    let options =
        ["--type", ".data=application/x-data", "--type", "LOG=text/plain", "--charset", "iso-8859-1"];
    let server = Server::with(site.path(), &options);
    let mut client = Client::connect(server.address());
    for (path, expected) in [
        ("/a.data", "application/x-data"),
        ("/a.log", "text/plain; charset=iso-8859-1"),
        ("/a.txt", "text/plain; charset=iso-8859-1"),
        ("/a.json", "application/json"),
    ] {
        assert_eq!(client.get(path).field("content-type"), Some(expected), "{path}");
    }
    server.stop();
}

#[test]
fn siblings_compressed_beforehand_are_sent_unless_they_are_switched_off() {
    let site = Site::with(&[("a.js", "plain"), ("a.js.br", "br"), ("b.js.gz", "gz")]);
    let br = [("accept-encoding", "gzip, br")];
    for (options, a, b) in [
        (&[][..], "br", 404),
        (&["--precompressed=off"], "plain", 404),
        (&["--precompressed-only"], "br", 200),
    ] {
        let server = Server::with(site.path(), options);
        let mut client = Client::connect(server.address());
        assert_eq!(client.get_with("/a.js", &br).text(), a, "{options:?}");
        assert_eq!(client.get_with("/b.js", &br).status, b, "{options:?}");
        server.stop();
    }
}

#[test]
fn files_are_compressed_where_that_is_asked_for() {
    let site = Site::with(&[("a.js", &"let selvedge = 1;\n".repeat(500)), ("b.txt", &"words ".repeat(500))]);
    let all = [("accept-encoding", "gzip, deflate, br, zstd")];
    for (options, script, words) in [
        (&[][..], None, None),
        (&["--compress"], Some("br"), Some("br")),
        (&["--compress=gzip"], Some("gzip"), Some("gzip")),
        (&["--compress", "--compress-types", "text/plain"], None, Some("br")),
        (&["--compress", "--compress-min", "5000"], Some("br"), None),
    ] {
        let server = Server::with(site.path(), options);
        let mut client = Client::connect(server.address());
        for (path, coding) in [("/a.js", script), ("/b.txt", words)] {
            let response = client.get_with(path, &all);
            assert_eq!(response.field("content-encoding"), coding, "{path} with {options:?}");
        }
        server.stop();
    }
}

#[test]
fn tags_can_be_made_of_contents() {
    let site = Site::with(&[("a.txt", "same"), ("b.txt", "same")]);
    let server = Server::with(site.path(), &["--etag", "hash"]);
    let mut client = Client::connect(server.address());
    let tag = client.get("/a.txt").field("etag").expect("a tag").to_owned();
    assert_eq!(client.get("/b.txt").field("etag"), Some(tag.as_str()));
    server.stop();
}
