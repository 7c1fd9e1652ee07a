//! A directory as an application. In: a request. Out: the file its path leads to, a redirect of its slash, or what answers for
//! paths where nothing is.

use std::rc::Rc;

use http::{Method, StatusCode};

use super::{Answer, Files};
use crate::application::Application;
use crate::path::{PathError, SitePath, TrailingSlash, Visibility};
use crate::request::Request;
use crate::response::Response;

/// What a directory answers to (RFC 9110 section 10.2.1).
const ALLOWED: &str = "GET, HEAD, OPTIONS";

/// Answers GET and HEAD with the first root's files, with 301 where a slash at the end is missing or too many, and with 404
/// where nothing is. Names that begin with a dot are not served, `.well-known` at the front excepted. Below a prefix that a router or
/// [`strip_prefix`](crate::middleware::strip_prefix) has taken off, redirects keep it.
///
/// ```
/// use selvedge_http::files::{FileOptions, Files, serve_files};
/// use selvedge_http::{Router, testing};
///
/// fn application() -> Router {
///     let files = Files::open(FileOptions::new("src")).expect("the directory can be opened");
///     Router::new().nest("/static", serve_files(files))
/// }
///
/// testing::run(application, async |client| {
///     client.get("/static/lib.rs").send().await.assert_status(200);
///     client.get("/static/files").send().await.assert_header("location", "/static/files/");
///     client.get("/static/%2e%2e/Cargo.toml").send().await.assert_status(400);
/// });
/// ```
pub fn serve_files(files: Rc<Files>) -> ServeFiles<NotFound> {
    ServeFiles { files, hidden: Visibility::Shown, fallback: NotFound }
}

/// What [`serve_files`] makes.
///
/// ```
/// use selvedge_http::files::{FileOptions, Files, ServeFiles, serve_files};
/// use selvedge_http::{Application, Request, testing};
///
/// fn single_page(root: &str) -> ServeFiles<impl Application> {
///     let files = Files::open(FileOptions::new(root)).expect("the directory can be opened");
///     serve_files(files).fallback(async |_: Request<'_>| "the page")
/// }
///
/// testing::run(|| single_page("src"), async |client| {
///     client.get("/lib.rs").send().await.assert_status(200);
///     client.get("/users/7").send().await.assert_text("the page").await;
/// });
/// ```
#[derive(Debug, Clone)]
pub struct ServeFiles<A> {
    files: Rc<Files>,
    /// The least visible that is served.
    hidden: Visibility,
    fallback: A,
}

/// Answers 404 to everything.
///
/// ```
/// use selvedge_http::files::NotFound;
/// use selvedge_http::testing;
///
/// testing::run(|| NotFound, async |client| {
///     client.get("/").send().await.assert_status(404);
/// });
/// ```
#[derive(Debug, Clone, Copy)]
pub struct NotFound;

impl<A> ServeFiles<A> {
    /// With `application` where there is no file: for GET and HEAD, as a single-page application wants it.
    pub fn fallback<B: Application>(self, application: B) -> ServeFiles<B> {
        ServeFiles { files: self.files, hidden: self.hidden, fallback: application }
    }

    /// With names that begin with a dot.
    pub fn with_hidden(self) -> Self {
        Self { hidden: Visibility::Hidden, ..self }
    }
}

impl<A: Application> Application for ServeFiles<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        if request.method() == Method::OPTIONS {
            return Response::empty(StatusCode::NO_CONTENT).with_header(http::header::ALLOW, ALLOWED);
        }
        if !request.is_get_or_head() {
            return Response::method_not_allowed(ALLOWED);
        }
        let mut decoded = Vec::new();
        // Whatever a client sends, this path stays below the root.
        let path = match SitePath::resolve(request.path(), &mut decoded) {
            Ok(path) => path,
            // It names no file, and may name something else.
            Err(PathError::EncodedSlash) => return self.fallback.call(request).await,
            Err(error) => return Response::error(error.status(), error.reason()),
        };
        if path.visibility() == Visibility::Hidden && self.hidden == Visibility::Shown {
            return self.fallback.call(request).await;
        }
        if is_root_without_slash(&request) {
            return redirect(&request, &path, TrailingSlash::Present);
        }
        match self.files.answer(&request, &path).await {
            Answer::File(response) | Answer::Refused(response) => response,
            Answer::NeedsSlash => redirect(&request, &path, TrailingSlash::Present),
            Answer::NeedsNoSlash => redirect(&request, &path, TrailingSlash::Absent),
            Answer::Directory | Answer::Missing => self.fallback.call(request).await,
        }
    }
}

impl Application for NotFound {
    async fn call(&self, _: Request<'_>) -> Response {
        Response::error(StatusCode::NOT_FOUND, "")
    }
}

/// Whether what was taken off the front leaves nothing, not even the slash by which the root's relative links are right.
fn is_root_without_slash(request: &Request<'_>) -> bool {
    request.path() == b"/" && !request.original_path().ends_with(b"/")
}

fn redirect(request: &Request<'_>, path: &SitePath<'_>, slash: TrailingSlash) -> Response {
    let sent = request.original_path();
    let mut decoded = Vec::new();
    // The client knows the path with what was taken off its front.
    let is_longer = sent.ends_with(request.path()) || is_root_without_slash(request);
    let whole = is_longer.then(|| SitePath::resolve(sent, &mut decoded));
    let path = whole.as_ref().and_then(|whole| whole.as_ref().ok()).unwrap_or(path);
    let mut location = Vec::new();
    match path.redirect_location(slash, request.query(), &mut location) {
        Ok(()) => Response::redirect(StatusCode::MOVED_PERMANENTLY, location),
        Err(_) => Response::error(StatusCode::BAD_REQUEST, "invalid query"),
    }
}
