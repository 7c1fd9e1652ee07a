//! What other origins' scripts are told.

use std::time::Duration;

use selvedge_http::files::FileOptions;
use selvedge_http::middleware::{CorsPolicy, cors};
use selvedge_http::{Application, IntoResponse, Method, Request, Response, StatusCode, header};

use super::ask;
use crate::support::client::{Asked, Client, Reply};
use crate::support::directory::Directory;
use crate::support::site::site;
use crate::support::{TestServer, patient};

const APP: &str = "Origin: https://app.example";
const EVIL: &str = "Origin: https://evil.example";
const FOR_PUT: &str = "Access-Control-Request-Method: PUT";

/// An application that answers OPTIONS, and errors, of its own.
fn server(policy: CorsPolicy) -> TestServer {
    TestServer::start(patient(), move |_| {
        let answer = async |request: Request<'_>| match (request.method(), request.path()) {
            (Method::OPTIONS, _) => Response::text("options of its own"),
            (_, b"/none") => StatusCode::NOT_FOUND.into_response(),
            (_, b"/stream") => Response::stream(async |mut body| body.write(b"stream").await),
            _ => Response::text("hello").with_header(header::VARY, "Accept"),
        };
        answer.with(cors(policy.clone()))
    })
}

/// The values of all lines of this name.
fn all<'a>(reply: &'a Reply, name: &str) -> Vec<&'a str> {
    reply.fields.iter().filter(|field| field.0 == name).map(|field| field.1.as_str()).collect()
}

/// What a preflight is told: methods, fields and age.
fn told(reply: &Reply) -> [Option<&str>; 3] {
    ["access-control-allow-methods", "access-control-allow-headers", "access-control-max-age"]
        .map(|name| reply.field(name))
}

fn preflight(client: &mut Client, origin: &str, more: &[&str]) -> Reply {
    let reply = ask(client, "OPTIONS", "/a", &[&[origin, FOR_PUT], more].concat());
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    reply
}

#[test]
fn all_origins_are_told_by_a_field_that_never_differs() {
    let server = server(CorsPolicy::any_origin().exposed([header::ETAG, header::LOCATION]));
    let mut client = server.connect();
    for (path, fields) in [("/", &[APP][..]), ("/", &[]), ("/none", &[EVIL])] {
        let reply = ask(&mut client, "GET", path, fields);
        assert_eq!(reply.field("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(reply.field("access-control-expose-headers"), Some("etag, location"));
        assert_eq!(reply.field("access-control-allow-credentials"), None);
        assert!(!all(&reply, "vary").contains(&"Origin"));
    }
    assert_eq!(told(&preflight(&mut client, EVIL, &[])), [None; 3]);
}

#[test]
fn listed_origins_are_told_by_name_and_answers_vary_by_origin() {
    let origins = ["https://app.example", "http://localhost:3000"];
    let server = server(CorsPolicy::origins(origins).unwrap().exposed([header::ETAG]));
    let mut client = server.connect();
    for path in ["/", "/none"] {
        for (fields, expected) in [
            (&[APP][..], Some("https://app.example")),
            (&["Origin: http://localhost:3000"], Some("http://localhost:3000")),
            (&[EVIL], None),
            (&["Origin: https://app.example.evil"], None),
            (&["Origin: HTTPS://app.example"], None),
            (&["Origin: null"], None),
            (&[APP, APP], None),
            (&[], None),
        ] {
            let reply = ask(&mut client, "GET", path, fields);
            assert_eq!(reply.field("access-control-allow-origin"), expected, "{path} {fields:?}");
            let exposed = expected.map(|_| "etag");
            assert_eq!(reply.field("access-control-expose-headers"), exposed, "{path} {fields:?}");
            let varies = all(&reply, "vary");
            assert!(varies.contains(&"Origin"), "{path} {fields:?}");
            assert_eq!(varies.contains(&"Accept"), path == "/", "the application's own stays");
        }
    }
}

#[test]
fn a_body_that_is_written_while_it_is_sent_has_the_fields_in_its_head() {
    let server = server(CorsPolicy::origins(["https://app.example"]).unwrap());
    let mut client = server.connect();
    client.send(format!("GET /stream HTTP/1.1\r\nHost: a\r\n{APP}\r\n\r\n"));
    let head = client.head();
    assert!(head.contains("\r\naccess-control-allow-origin: https://app.example\r\n"), "{head}");
    assert_eq!((client.chunk(), client.chunk()), (b"stream".to_vec(), Vec::new()));
}

#[test]
fn origins_may_be_those_for_which_a_function_says_so() {
    let server = server(CorsPolicy::origins_where(|origin| origin.ends_with(b".preview.example")));
    let mut client = server.connect();
    for (origin, expected) in [("https://a.preview.example", true), ("https://preview.example.evil", false)] {
        let field = format!("Origin: {origin}");
        for reply in [ask(&mut client, "GET", "/", &[&field]), preflight(&mut client, &field, &[])] {
            assert_eq!(reply.field("access-control-allow-origin"), Some(origin).filter(|_| expected));
            assert!(all(&reply, "vary").contains(&"Origin"));
        }
    }
}

#[test]
fn a_preflight_is_told_what_the_policy_allows_and_no_more() {
    let origin = || CorsPolicy::origins(["https://app.example"]).unwrap();
    let asked = ["Access-Control-Request-Headers: x-one, x-two"];
    for (policy, expected) in [
        (origin(), [None; 3]),
        (
            origin().methods([Method::PUT, Method::DELETE]).headers([header::AUTHORIZATION]),
            [Some("PUT, DELETE"), Some("authorization"), None],
        ),
        (
            origin().any_method().any_header().age_max(Duration::from_millis(7_999)),
            [Some("*"), Some("*"), Some("7")],
        ),
        (origin().any_header().headers([header::AUTHORIZATION]), [None, Some("*, authorization"), None]),
        // A star would be a name like any other.
        (origin().any_method().any_header().credentials(), [Some("PUT"), Some("x-one, x-two"), None]),
        (origin().methods([Method::PATCH]).credentials(), [Some("PATCH"), None, None]),
    ] {
        let server = server(policy.clone());
        let mut client = server.connect();
        let reply = preflight(&mut client, APP, &asked);
        assert_eq!(told(&reply), expected, "{policy:?}");
        assert_eq!(reply.field("access-control-allow-origin"), Some("https://app.example"));
        let of_another = preflight(&mut client, EVIL, &asked);
        assert_eq!(told(&of_another), [None; 3], "{policy:?}");
        assert_eq!(of_another.field("access-control-allow-origin"), None);
    }
}

#[test]
fn credentials_are_allowed_where_the_policy_says_so() {
    let server = server(CorsPolicy::origins(["https://app.example"]).unwrap().credentials());
    let mut client = server.connect();
    for (origin, expected) in [(APP, Some("true")), (EVIL, None)] {
        for reply in [ask(&mut client, "GET", "/", &[origin]), preflight(&mut client, origin, &[])] {
            assert_eq!(reply.field("access-control-allow-credentials"), expected);
        }
    }
}

#[test]
fn options_that_ask_for_nothing_are_the_application_s() {
    let server = server(CorsPolicy::any_origin());
    let reply = ask(&mut server.connect(), "OPTIONS", "/", &[APP]);
    assert_eq!((reply.status, reply.text()), (200, "options of its own"));
    assert_eq!(reply.field("access-control-allow-origin"), Some("*"));
}

#[test]
fn prepared_files_of_all_sizes_have_the_fields_too() {
    let directory = Directory::new("cors");
    let sizes = [0, 1, 3_000, 4_096, 60_000, 65_536, 65_537];
    for size in sizes {
        directory.write(&format!("{size}"), vec![b'x'; size]);
    }
    let make_site = site(FileOptions::new(directory.path()));
    let policy = CorsPolicy::origins(["https://app.example"]).unwrap();
    let server = TestServer::start(patient(), move |worker| make_site(worker).with(cors(policy.clone())));
    let mut client = server.connect();
    for size in sizes {
        // Again from memory, alone and in a pipeline.
        for copies in [1, 1, 3] {
            for (method, asked, length) in [("GET", Asked::Get, size), ("HEAD", Asked::Head, 0)] {
                let request = format!("{method} /{size} HTTP/1.1\r\nHost: a\r\n{APP}\r\n\r\n");
                client.send(request.repeat(copies));
                for _ in 0..copies {
                    let reply = client.reply_to(asked);
                    assert_eq!((reply.status, reply.body.len()), (200, length), "{method} {size}");
                    assert_eq!(reply.field("content-length"), Some(size.to_string().as_str()));
                    assert_eq!(reply.field("access-control-allow-origin"), Some("https://app.example"));
                    assert_eq!(reply.field("vary"), Some("Origin"));
                    assert!(reply.field("etag").is_some() && reply.field("date").is_some());
                }
            }
        }
    }
    client.send(format!("GET /60000 HTTP/1.0\r\n{APP}\r\n\r\n"));
    let last = client.reply();
    assert_eq!((last.body.len(), last.closes()), (60_000, true));
    assert_eq!(last.field("access-control-allow-origin"), Some("https://app.example"));
    client.expect_close();
}
