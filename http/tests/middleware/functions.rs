//! Middleware out of functions.

use std::cell::Cell;
use std::rc::Rc;

use http::{HeaderValue, StatusCode};
use selvedge_http::middleware::{Next, from_fn, map_response, map_response_async};
use selvedge_http::{Application, BoxApplication, IntoResponse, Request, Response, header};

use crate::support::{TestServer, patient};

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
