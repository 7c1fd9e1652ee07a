//! What answers a request. In: its method and path. Out: what the application of its route answers, or what there is to say
//! where it has none.

use http::{HeaderValue, Method, StatusCode, header};
use percent_encoding::percent_decode;

use super::endpoint::Scoped;
use super::parameters::Matched;
use super::tree::Values;
use super::{Fallback, Router};
use crate::application::Application;
use crate::request::Request;
use crate::response::Response;

/// What becomes of a request.
enum Decision<'r> {
    /// An application answers it. The names are those of the path's parameters. Where the method is not allowed, `allow` has
    /// those that are.
    Call { scoped: &'r Scoped, names: &'r [Box<str>], allow: Option<&'r HeaderValue> },
    /// The router itself does.
    Answer(StatusCode, &'static str, Option<&'r HeaderValue>),
}

impl Application for Router {
    async fn call(&self, request: Request<'_>) -> Response {
        let mut values = Values::default();
        match self.decide(&request, &mut values) {
            Decision::Call { scoped, names, allow } => {
                let values = values.as_slice();
                let matched = Matched { names, values, outer: request.matched() };
                let request = request.with_path(scoped.visible(request.path())).with_matched(&matched);
                let response = scoped.application.call(request).await;
                match allow {
                    Some(allow) => with_allow(response, allow),
                    None => response,
                }
            }
            Decision::Answer(status, reason, allow) => {
                let response = match status {
                    StatusCode::NO_CONTENT => Response::empty(status),
                    _ => Response::error(status, reason),
                };
                match allow {
                    Some(allow) => response.with_header(header::ALLOW, allow.clone()),
                    None => response,
                }
            }
        }
    }
}

impl Router {
    fn decide<'p>(&self, request: &Request<'p>, values: &mut Values<'p>) -> Decision<'_> {
        let Some(endpoint) = self.endpoints.find(request.path(), values) else {
            return match self.fallback_of(request.path()) {
                Some(fallback) => Decision::Call { scoped: &fallback.scoped, names: &[], allow: None },
                None => Decision::Answer(StatusCode::NOT_FOUND, "", None),
            };
        };
        let method = request.method();
        if let Some(route) = endpoint.choose(&method) {
            let names = route.pattern.names();
            if !values.as_slice().iter().zip(names).all(|(value, _)| is_utf8(value)) {
                return Decision::Answer(
                    StatusCode::BAD_REQUEST,
                    "a parameter in the path is not UTF-8",
                    None,
                );
            }
            request.note_route(route.pattern.source());
            return Decision::Call { scoped: &route.scoped, names, allow: None };
        }
        let allow = endpoint.allow();
        if method == Method::OPTIONS {
            return Decision::Answer(StatusCode::NO_CONTENT, "", Some(allow));
        }
        match endpoint.not_allowed.as_ref().or(self.not_allowed.as_ref()) {
            Some(scoped) => Decision::Call { scoped, names: &[], allow: Some(allow) },
            None if self.knows(&method) => Decision::Answer(StatusCode::METHOD_NOT_ALLOWED, "", Some(allow)),
            None => Decision::Answer(StatusCode::NOT_IMPLEMENTED, "unknown method", None),
        }
    }

    /// The fallback of the longest prefix that `path` is below, of two such the one with more literals.
    fn fallback_of(&self, path: &[u8]) -> Option<&Fallback> {
        let of_path = self.fallbacks.iter().filter(|fallback| fallback.prefix.covers(path));
        of_path.max_by_key(|fallback| fallback.prefix.certainty())
    }
}

/// Whether it is UTF-8 when it is decoded.
fn is_utf8(value: &[u8]) -> bool {
    percent_decode(value).decode_utf8().is_ok()
}

fn with_allow(mut response: Response, allow: &HeaderValue) -> Response {
    let says_it = response.head_mut().fields.iter().any(|(name, _)| *name == header::ALLOW);
    if says_it { response } else { response.with_header(header::ALLOW, allow.clone()) }
}
