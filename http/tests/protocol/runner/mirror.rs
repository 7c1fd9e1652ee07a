//! An application that answers with what it was told.

use http::{HeaderName, HeaderValue, StatusCode};
use selvedge_http::{Application, Body, Request, Response, ResponseHead};
use selvedge_runtime::Worker;

use crate::runner::row::{describe, describe_lines};

/// The field that holds the description of the request, and the field of which each of its lines has one.
pub(crate) const REQUEST: &str = "x-request";
pub(crate) const LINE: &str = "x-line";

pub(crate) struct Mirror;

/// What each worker's application is made of.
pub(crate) fn mirror(_: &Worker) -> Mirror {
    Mirror
}

impl Application for Mirror {
    async fn call(&self, request: Request<'_>) -> Response {
        let value = |text: &str| HeaderValue::from_str(text).expect("escaped to visible ASCII");
        let (head, bytes) = (request.head(), request.head_bytes());
        let mut fields = vec![(HeaderName::from_static(REQUEST), value(&describe(head, bytes)))];
        fields.extend(
            describe_lines(head, bytes).iter().map(|line| (HeaderName::from_static(LINE), value(line))),
        );
        let head = ResponseHead { fields, ..ResponseHead::new(StatusCode::OK) };
        Response::new(head, Body::Full("mirrored".into()))
    }
}
