//! Routers asked without a connection. A row of a table is a request, and who answers it with what.

mod matching;
mod methods;
mod mistakes;
mod model;
mod nesting;
mod parameters;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::{Method, header};
use selvedge_runtime::Moment;

use super::Router;
use crate::application::Application;
use crate::h1::Limits;
use crate::into_response::IntoResponse;
use crate::request::{Peer, Request, RequestState};
use crate::response::{Body, Response};
use crate::test_support::parse_head;

/// Answers with its name, the parameters and the path that it sees.
pub(super) struct Says(pub(super) String);

impl Application for Says {
    async fn call(&self, request: Request<'_>) -> Response {
        let parameters = request.parameters().map(|(name, value)| format!(" {name}={value}"));
        let path = request.path().escape_ascii();
        format!("{}{} at {path}", self.0, parameters.collect::<String>()).into_response()
    }
}

pub(super) fn says(name: &str) -> Says {
    Says(name.to_owned())
}

/// A router of these routes, such as `GET /users/{id}`, each of which says its own name; `any /` for all methods.
pub(super) fn router_of(routes: &[&str]) -> Router {
    let mut router = Router::new();
    for route in routes {
        let (method, path) = route.split_once(' ').expect("a method and a path");
        let added = match method {
            "any" => router.try_any(path, says(route)),
            _ => router.try_on(Method::from_bytes(method.as_bytes()).expect("a token"), path, says(route)),
        };
        added.unwrap_or_else(|error| panic!("{error}"));
    }
    router
}

/// What becomes of a request, such as `GET /users/7`: what the application says, or the status, and the methods of Allow.
pub(super) fn answer(application: &impl Application, request: &str) -> String {
    asked(application, request, |_| ()).0
}

/// [`answer`], and what `look` finds in the request when it is over.
pub(super) fn asked<T>(
    application: &impl Application,
    request: &str,
    look: impl FnOnce(Request<'_>) -> T,
) -> (String, T) {
    let bytes = format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes();
    let head = parse_head(&bytes).unwrap_or_else(|reject| panic!("{request}: {reject:?}"));
    let (limits, peer) = (Limits::default(), Peer::default());
    let state = RequestState::new(Moment::from_nanoseconds(0), head.framing(), &limits);
    let request = Request::new(&head, &bytes, &state, &peer, None);
    let mut call = pin!(application.call(request));
    let Poll::Ready(response) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("no handler of these tests waits");
    };
    (said(response), look(request))
}

fn said(response: Response) -> String {
    let (head, body) = response.into_parts();
    let allow = head.fields.iter().find(|(name, _)| *name == header::ALLOW);
    let allow =
        allow.map_or(String::new(), |(_, value)| format!(" allow {}", value.to_str().expect("tokens")));
    let text = match &body {
        Body::Full(text) => String::from_utf8(text.to_vec()).expect("a text"),
        _ => head.status.as_u16().to_string(),
    };
    format!("{text}{allow}")
}

/// Checks a table: each row has a request and its [`answer`], with ` -> ` between them.
pub(super) fn check(application: &impl Application, rows: &str) {
    let rows: Vec<_> = rows.lines().map(str::trim).filter(|row| !row.is_empty()).collect();
    assert!(!rows.is_empty(), "a table has rows");
    for row in rows {
        let (request, expected) = row.split_once(" -> ").unwrap_or_else(|| panic!("not a row: {row}"));
        assert_eq!(answer(application, request.trim()), expected.trim(), "{row}");
    }
}
