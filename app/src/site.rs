//! Step 5 of a request's walk, route: a site of files. In: a request. Out: the file its path leads to, a redirect, or an error. Next:
//! [`selvedge_http::files`].

use std::rc::Rc;

use http::StatusCode;
use selvedge_http::files::{Answer, Files};
use selvedge_http::h1::Method;
use selvedge_http::path::{SitePath, TrailingSlash, Visibility};
use selvedge_http::{Application, Body, Request, Response, ResponseHead};

use crate::config::HiddenPolicy;

/// What a site allows (RFC 9110 section 10.2.1).
const ALLOWED: &str = "GET, HEAD, OPTIONS";

/// No path of a file has so many bytes (PATH_MAX, limits.h(0p)).
const PATH_BYTES_MAX: usize = 4_096;

/// A site on one worker.
#[derive(Debug)]
pub struct Site {
    files: Rc<Files>,
    hidden: HiddenPolicy,
}

impl Site {
    /// A site of these files.
    pub fn new(files: Rc<Files>, hidden: HiddenPolicy) -> Self {
        Self { files, hidden }
    }
}

impl Application for Site {
    async fn call(&self, request: Request<'_>) -> Response {
        match request.method() {
            Method::Get | Method::Head => {}
            Method::Options => {
                let head = ResponseHead { allow: Some(ALLOWED), ..ResponseHead::new(StatusCode::NO_CONTENT) };
                return Response::new(head, Body::Empty);
            }
            Method::Other(_) => return Response::error(StatusCode::NOT_IMPLEMENTED, "unknown method"),
            _ => return Response::method_not_allowed(ALLOWED),
        }
        let mut decoded = Vec::new();
        let path = match SitePath::resolve(request.path(), &mut decoded) {
            Ok(path) => path,
            Err(error) => return Response::error(error.status(), error.reason()),
        };
        if path.relative().len() >= PATH_BYTES_MAX {
            return Response::error(StatusCode::URI_TOO_LONG, "path too long");
        }
        if path.visibility() == Visibility::Hidden && self.hidden == HiddenPolicy::Hide {
            return Response::error(StatusCode::NOT_FOUND, "");
        }
        match self.files.answer(&request, &path).await {
            Answer::File(response) | Answer::Refused(response) => response,
            Answer::NeedsSlash => redirect_to_slash(&request, &path),
            Answer::NeedsNoSlash | Answer::Directory | Answer::Missing => {
                Response::error(StatusCode::NOT_FOUND, "")
            }
        }
    }
}

/// 301 to the same path with a slash, never to another host.
fn redirect_to_slash(request: &Request<'_>, path: &SitePath<'_>) -> Response {
    let mut location = Vec::new();
    if path.redirect_location(TrailingSlash::Present, request.query(), &mut location).is_err() {
        return Response::error(StatusCode::BAD_REQUEST, "invalid query");
    }
    let head = ResponseHead { location: Some(location), ..ResponseHead::new(StatusCode::MOVED_PERMANENTLY) };
    Response::new(head, Body::Empty)
}
