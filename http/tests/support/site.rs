//! A directory of files and the application that serves it.

use std::rc::Rc;

use http::StatusCode;
use selvedge_http::files::{Answer, FileOptions, Files};
use selvedge_http::path::SitePath;
use selvedge_http::{Application, Request, Response};
use selvedge_runtime::Worker;

/// Serves the files of one root; a redirect is a 301 without a location.
pub(crate) struct Site {
    files: Rc<Files>,
}

thread_local! {
    /// This worker's files, for tests that look at them by a job.
    static FILES: std::cell::RefCell<Option<Rc<Files>>> = const { std::cell::RefCell::new(None) };
}

/// What each worker's application is made of.
pub(crate) fn site(options: FileOptions) -> impl Fn(&Worker) -> Site + Send + Sync + 'static {
    move |_| {
        let files = Files::open(options.clone()).expect("the root is a directory");
        FILES.with(|place| *place.borrow_mut() = Some(Rc::clone(&files)));
        Site { files }
    }
}

/// The worker's open descriptors and remembered paths; to be called on the worker.
pub(crate) fn usage() -> (usize, usize) {
    FILES.with(|files| files.borrow().as_ref().expect("a site is served").usage())
}

impl Application for Site {
    async fn call(&self, request: Request<'_>) -> Response {
        let mut decoded = Vec::new();
        let path = match SitePath::resolve(request.path(), &mut decoded) {
            Ok(path) => path,
            Err(error) => return Response::error(error.status(), error.reason()),
        };
        match self.files.answer(&request, &path).await {
            Answer::File(response) | Answer::Refused(response) => response,
            Answer::NeedsSlash | Answer::NeedsNoSlash => Response::empty(StatusCode::MOVED_PERMANENTLY),
            Answer::Directory | Answer::Missing => Response::error(StatusCode::NOT_FOUND, ""),
        }
    }

    fn at_once(&self, request: &Request<'_>) -> Option<Response> {
        let mut decoded = Vec::new();
        let path = SitePath::resolve(request.path(), &mut decoded).ok()?;
        match self.files.at_once(request, &path)? {
            Answer::File(response) => Some(response),
            Answer::Missing => Some(Response::error(StatusCode::NOT_FOUND, "")),
            _ => None,
        }
    }
}
