//! Passwords before an application.

use selvedge_http::middleware::{CorsPolicy, Credentials, SignIn, SignedIn, basic_auth, cors};
use selvedge_http::{Application, Request};
use selvedge_runtime::yield_now;

use super::ask;
use crate::support::{TestServer, patient};

/// `al:open sesame`, `al:open`, `busy:`.
const RIGHT: &str = "Authorization: Basic YWw6b3BlbiBzZXNhbWU=";
const WRONG: &str = "Authorization: Basic YWw6b3Blbg==";
const BUSY: &str = "Authorization: Basic YnVzeTo=";

async fn hello(request: Request<'_>) -> String {
    let user = request.extensions().get::<SignedIn>().expect("nobody else comes here");
    format!("hello, {}", String::from_utf8_lossy(user.name()))
}

async fn check(credentials: &Credentials) -> SignIn {
    yield_now().await;
    match credentials.user() {
        b"busy" => SignIn::Busy,
        _ => credentials.are("al", "open sesame").into(),
    }
}

#[test]
fn a_function_says_who_may_ask() {
    let server = TestServer::start(patient(), |_| hello.with(basic_auth("the \"cave\"", check)));
    let mut client = server.connect();
    let challenge = Some("Basic realm=\"the \\\"cave\\\"\", charset=\"UTF-8\"");
    for (fields, status, text) in [
        (&[RIGHT][..], 200, "hello, al"),
        (&[], 401, "401 Unauthorized\n"),
        (&[WRONG], 401, "401 Unauthorized\n"),
        (&[RIGHT, RIGHT], 401, "401 Unauthorized\n"),
        (&["Authorization: Bearer x"], 401, "401 Unauthorized\n"),
        (&[BUSY], 503, "503 Service Unavailable\n"),
        (&[RIGHT], 200, "hello, al"),
    ] {
        let reply = ask(&mut client, "GET", "/", fields);
        assert_eq!((reply.status, reply.text()), (status, text), "{fields:?}");
        assert_eq!(reply.field("www-authenticate"), challenge.filter(|_| status == 401), "{fields:?}");
        assert_eq!(reply.field("retry-after").is_some(), status == 503);
    }
}

#[test]
fn preflights_need_no_password_where_cors_is_added_after() {
    let server = TestServer::start(patient(), |_| {
        let check = async |credentials: &Credentials| credentials.are("al", "open sesame");
        hello.with(basic_auth("x", check)).with(cors(CorsPolicy::any_origin()))
    });
    let mut client = server.connect();
    let asked = ["Origin: https://app.example", "Access-Control-Request-Method: GET"];
    assert_eq!(ask(&mut client, "OPTIONS", "/", &asked).status, 204);
    for (method, fields, status) in
        [("OPTIONS", &asked[..1], 401), ("GET", &asked[..], 401), ("GET", &[asked[0], RIGHT], 200)]
    {
        let reply = ask(&mut client, method, "/", fields);
        assert_eq!(reply.status, status, "{method} {fields:?}");
        assert_eq!(reply.field("access-control-allow-origin"), Some("*"), "a script may read the refusal");
    }
}

#[cfg(feature = "password-files")]
#[test]
fn the_users_of_a_password_file_may_ask_on_every_worker() {
    use selvedge_http::middleware::PasswordFile;

    let file = PasswordFile::parse(b"bob:$apr1$BhbxCujg$zYmbLyvEM92NOuTccTh.x/").unwrap();
    let server = TestServer::start(patient(), move |_| hello.with(basic_auth("x", file.sign_ins())));
    let mut client = server.connect();
    for _ in 0..2 {
        let reply = ask(&mut client, "GET", "/", &["Authorization: Basic Ym9iOnNlY3JldA=="]);
        assert_eq!((reply.status, reply.text()), (200, "hello, bob"));
        assert_eq!(ask(&mut client, "GET", "/", &[WRONG]).status, 401);
    }
}
