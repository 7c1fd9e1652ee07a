//! Middleware out of functions.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use selvedge_http::middleware::{Next, from_fn, map_response, map_response_async};
use selvedge_http::{
    Application, Body, BoxApplication, FilePart, IntoResponse, OpenFile, Request, Response, ResponseHead,
    header,
};
use selvedge_runtime::fs::{self, Access, Resolve};

use crate::support::directory::Directory;
use crate::support::{TestServer, patient, pattern};

async fn path(request: Request<'_>) -> Vec<u8> {
    request.path().to_vec()
}

async fn refuse_secrets<A: Application>(request: Request<'_>, next: Next<'_, A>) -> Response {
    match request.path() {
        b"/secret" => StatusCode::FORBIDDEN.into_response(),
        _ => next.call(request).await,
    }
}

#[test]
fn a_function_answers_or_lets_the_application_answer() {
    let server = TestServer::start(patient(), |_| path.with(from_fn(refuse_secrets)));
    let mut client = server.connect();
    assert_eq!(client.get("/open").text(), "/open");
    assert_eq!(client.get("/secret").status, 403);
    assert_eq!(client.get("/open").text(), "/open");
}

/// Hands the request on for a path that has `name` behind it.
fn adding<A: Application>(name: &'static str) -> impl FnOnce(A) -> BoxApplication {
    move |inner| {
        let add = from_fn(async move |request: Request<'_>, next: Next<'_, _>| {
            next.call(request.with_path(&[request.path(), name.as_bytes()].concat())).await
        });
        BoxApplication::new(inner.with(add))
    }
}

#[test]
fn the_last_that_is_added_is_the_first_to_see_a_request() {
    let server = TestServer::start(patient(), |_| {
        path.with(adding(" third")).with(adding(" second")).with(adding(" first"))
    });
    assert_eq!(server.connect().get("/").text(), "/ first second third");
}

#[test]
fn a_closure_keeps_what_it_knows_between_requests() {
    let server = TestServer::start(patient(), |_| {
        let seen = Rc::new(Cell::new(0));
        path.with(from_fn(async move |request: Request<'_>, next: Next<'_, _>| {
            seen.set(seen.get() + 1);
            let response = next.call(request).await;
            response.with_header(header::SERVER, HeaderValue::from(seen.get()))
        }))
    });
    let mut client = server.connect();
    for number in ["1", "2", "3"] {
        assert_eq!(client.get("/").field("server"), Some(number));
    }
}

#[test]
fn a_function_of_the_response_may_replace_it() {
    let server = TestServer::start(patient(), |_| {
        let shout = async |response: Response| {
            let (_, mut body) = response.into_reader();
            body.bytes(100).await.map(|said| said.to_ascii_uppercase()).map_err(|_| StatusCode::BAD_GATEWAY)
        };
        path.with(map_response_async(shout)).with(map_response(|response: Response| {
            let status =
                if response.status() == StatusCode::OK { StatusCode::ACCEPTED } else { StatusCode::GONE };
            (status, response)
        }))
    });
    let mut client = server.connect();
    let reply = client.get("/said");
    assert_eq!((reply.status, reply.text()), (202, "/SAID"));
    assert_eq!(client.get(&format!("/{}", "x".repeat(100))).status, 410);
}

#[test]
fn a_file_that_changes_while_it_is_read_pulled_has_no_end() {
    let directory = Directory::new("pulled");
    let path = directory.join("file");
    std::fs::write(&path, pattern(300_000)).expect("it is new");
    let root = directory.path().to_owned();
    selvedge_runtime::block_on(move || async move {
        let root = fs::open_directory(&root).expect("it is there");
        let file =
            fs::open(&root, c"file".into(), Access::Read, Resolve::Beneath).await.expect("it is there");
        let version = file.metadata().expect("it is open");
        let file = Rc::new(OpenFile::new(file, version));
        let pull = || {
            let part = FilePart { file: Rc::clone(&file), start: 0, length: 300_000 };
            let (_, body) = Response::new(ResponseHead::new(StatusCode::OK), Body::File(part)).into_reader();
            body
        };
        assert_eq!(pull().bytes(300_000).await.expect("it is as it was"), pattern(300_000));
        let mut body = pull();
        body.chunk().await.expect("it is as it was").expect("it has octets");
        // As long as before.
        std::fs::write(&path, vec![b'x'; 300_000]).expect("it may be written");
        let touched = std::time::SystemTime::now() + Duration::from_secs(1);
        let written = std::fs::File::options().write(true).open(&path).expect("it is there");
        written.set_modified(touched).expect("it is ours");
        assert!(body.bytes(300_000).await.is_err(), "its octets are of two versions");
    });
}
