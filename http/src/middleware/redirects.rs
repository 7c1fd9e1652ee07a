//! Paths that lead elsewhere.
//!
//! In: a request. Out: a redirect, or the response of the application behind it.

use std::error::Error;
use std::fmt;

use http::StatusCode;

use crate::application::Application;
use crate::path::SitePath;
use crate::request::Request;
use crate::response::Response;

/// Redirects what one of `rules` is about; everything else is for the application. They are looked through for each request:
/// some hundred are nothing, many thousand are for a table of one's own.
///
/// ```
/// use selvedge_http::middleware::{Redirect, redirects};
/// use selvedge_http::{Application, Request, StatusCode};
///
/// # fn main() -> Result<(), selvedge_http::middleware::BadRedirect> {
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
///
/// let application = hello.with(redirects([
///     Redirect::new("/feed", "/rss.xml", StatusCode::MOVED_PERMANENTLY)?,
///     Redirect::new("/blog/*", "https://blog.example/*", StatusCode::PERMANENT_REDIRECT)?,
/// ]));
/// # Ok(())
/// # }
/// ```
pub fn redirects<A: Application>(rules: impl Into<Vec<Redirect>>) -> impl FnOnce(A) -> Redirected<A> {
    let redirects = Redirects::new(rules);
    move |application| Redirected { redirects, application }
}

/// An application some of whose paths lead elsewhere: [`redirects`] makes one.
///
/// ```
/// use selvedge_http::middleware::{Redirect, Redirected, redirects};
/// use selvedge_http::{Application, Request, StatusCode, testing};
///
/// fn application() -> Redirected<impl Application> {
///     let moved = Redirect::new("/blog/*", "https://blog.example/*", StatusCode::PERMANENT_REDIRECT);
///     (async |_: Request<'_>| "hello").with(redirects([moved.expect("both are well formed")]))
/// }
///
/// testing::run(application, async |client| {
///     let mut redirect = client.get("/blog/a%20b?page=2").send().await;
///     redirect.assert_status(308).assert_header("location", "https://blog.example/a%20b?page=2");
///     client.get("/").send().await.assert_text("hello").await;
/// });
/// ```
#[derive(Debug)]
pub struct Redirected<A> {
    redirects: Redirects,
    application: A,
}

impl<A: Application> Application for Redirected<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        match self.redirects.answer_request(&request) {
            Some(response) => response,
            None => self.application.call(request).await,
        }
    }
}

/// Redirects, those of whole paths first, then the longest beginnings: for applications that know the path's meaning already.
///
/// ```
/// use selvedge_http::middleware::{Redirect, Redirects};
/// use selvedge_http::{StatusCode, path::SitePath};
///
/// # fn main() -> Result<(), selvedge_http::middleware::BadRedirect> {
/// let rules = Redirects::new([Redirect::new("/old/*", "/new/*", StatusCode::FOUND)?]);
/// # async fn answer(rules: selvedge_http::middleware::Redirects, request: selvedge_http::Request<'_>) {
/// let mut decoded = Vec::new();
/// if let Ok(path) = SitePath::resolve(request.path(), &mut decoded) {
///     let response = rules.answer(&request, &path);
/// }
/// # }
/// # drop(rules);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Redirects(Vec<Redirect>);

impl Redirects {
    /// These, in whatever order.
    pub fn new(redirects: impl Into<Vec<Redirect>>) -> Self {
        let mut redirects = redirects.into();
        redirects
            .sort_by_key(|redirect| (redirect.rest != Rest::None, std::cmp::Reverse(redirect.from.len())));
        Self(redirects)
    }

    fn answer_request(&self, request: &Request<'_>) -> Option<Response> {
        let mut decoded = Vec::new();
        let path = SitePath::resolve(request.path(), &mut decoded).ok()?;
        self.answer(request, &path)
    }

    /// The redirect of a request for `path`; `None` where it leads nowhere else.
    pub fn answer(&self, request: &Request<'_>, path: &SitePath<'_>) -> Option<Response> {
        let redirect = self.0.iter().find(|redirect| redirect.rest_of(path).is_some())?;
        let rest = redirect.rest_of(path)?;
        let mut location = redirect.to.clone().into_bytes();
        // Encoded anew, and never the first segment of the target: it cannot become a host's name.
        rest.encode_into(&mut location);
        if rest.key().ends_with(b"/") {
            location.push(b'/');
        }
        // What the target says itself is kept; its own query or fragment stands for the request's.
        if let Some(query) = request.query()
            && !redirect.to.contains(['?', '#'])
        {
            location.push(b'?');
            location.extend_from_slice(query);
        }
        Some(Response::redirect(redirect.status, location))
    }
}

/// A path that leads elsewhere.
///
/// ```
/// use selvedge_http::StatusCode;
/// use selvedge_http::middleware::Redirect;
///
/// # fn main() -> Result<(), selvedge_http::middleware::BadRedirect> {
/// let old = Redirect::new("/blog/*", "https://blog.example/*", StatusCode::PERMANENT_REDIRECT)?;
/// let new = Redirect::new("/blog/*", "/news/*", StatusCode::FOUND)?;
/// assert_eq!(old.from(), b"blog/");
/// assert!(old.is_about_the_same(&new), "a configuration with both is a mistake");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The path, decoded, without its first slash and with its last if it has one; before `rest` if that is there.
    from: Vec<u8>,
    /// Whether what follows `from` goes along.
    rest: Rest,
    /// Where it leads: a path or a URL, as it will stand in `Location`.
    to: String,
    /// 301, 302, 307 or 308.
    status: StatusCode,
}

/// What of a path a redirect is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// All of it.
    None,
    /// Its beginning; the rest goes to the end of the target.
    Appended,
    /// Its beginning; the rest is dropped.
    Dropped,
}

impl Redirect {
    /// From a path to a path or a URL by 301, 302, 307 or 308. With `/*` at its end, `from` is about all below it; with `/*` at
    /// the end of `to` too, what stood for the star goes along. A request's query goes along unless `to` has a query or a
    /// fragment.
    ///
    /// ```
    /// use selvedge_http::StatusCode;
    /// use selvedge_http::middleware::{BadRedirect, Redirect};
    ///
    /// let status = StatusCode::FOUND;
    /// assert!(Redirect::new("/a", "https://b.example/c?d=e", status).is_ok());
    /// assert!(Redirect::new("/a/*", "/b/*", status).is_ok());
    /// assert!(Redirect::new("/a/*", "/b", status).is_ok());
    /// assert_eq!(Redirect::new("/a", "//evil.example", status), Err(BadRedirect::Target));
    /// ```
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(from: &str, to: &str, status: StatusCode) -> Result<Self, BadRedirect> {
        if ![301, 302, 307, 308].contains(&status.as_u16()) {
            return Err(BadRedirect::Status);
        }
        let (from, rest) = match (from.strip_suffix('*'), to.ends_with('*')) {
            (Some(from), true) if from.ends_with('/') && to.ends_with("/*") => (from, Rest::Appended),
            // What is appended behind anything else could become a part of the host's name.
            (Some(_), true) if !to.ends_with("/*") => return Err(BadRedirect::TargetStar),
            (Some(from), false) if from.ends_with('/') => (from, Rest::Dropped),
            (Some(_), _) => return Err(BadRedirect::StarInSegment),
            (None, true) => return Err(BadRedirect::StarInTargetAlone),
            (None, false) => (from, Rest::None),
        };
        let to = if rest == Rest::Appended { to.trim_end_matches('*') } else { to };
        let from = site_path(from).ok_or(BadRedirect::Path)?;
        check_target(to)?;
        if site_path(to).is_some_and(|to| match rest {
            Rest::None => to == from,
            Rest::Appended | Rest::Dropped => to.starts_with(&from),
        }) {
            return Err(BadRedirect::ToItself);
        }
        Ok(Self { from, rest, to: to.to_owned(), status })
    }

    /// The path it is about, decoded, without its first slash and its star.
    pub fn from(&self) -> &[u8] {
        &self.from
    }

    /// Whether another is about the very same paths.
    pub fn is_about_the_same(&self, other: &Self) -> bool {
        self.from == other.from && self.rest == other.rest
    }

    /// What of the path goes to the end of the target; `None` if the redirect is not about this path.
    fn rest_of<'a>(&self, path: &SitePath<'a>) -> Option<SitePath<'a>> {
        match self.rest {
            Rest::None => (path.key() == self.from).then_some(b"".as_slice()),
            Rest::Appended => path.key().strip_prefix(self.from.as_slice()),
            Rest::Dropped => path.key().strip_prefix(self.from.as_slice()).map(|_| b"".as_slice()),
        }
        .and_then(SitePath::decoded)
    }
}

/// A path as a browser would ask for it, decoded, without its first slash.
fn site_path(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    SitePath::resolve(text.as_bytes(), &mut decoded).ok().map(|path| path.key().to_vec())
}

/// Where a redirect may lead: a path that cannot be read as another host's name, or a URL of the web.
fn check_target(to: &str) -> Result<(), BadRedirect> {
    let is_path = to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\");
    let is_url = ["http://", "https://"]
        .iter()
        .any(|scheme| to.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')));
    if !is_path && !is_url {
        return Err(BadRedirect::Target);
    }
    match to.bytes().any(|byte| byte <= b' ' || byte >= 0x7f || b"\"<>\\".contains(&byte)) {
        true => Err(BadRedirect::TargetCharacter),
        false => Ok(()),
    }
}

/// What is wrong with a redirect.
///
/// ```
/// use selvedge_http::StatusCode;
/// use selvedge_http::middleware::Redirect;
///
/// let bad = Redirect::new("/a", "/b c", StatusCode::FOUND).unwrap_err();
/// assert_eq!(bad.to_string(), "the target holds a character that a URL cannot");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadRedirect {
    /// It is not 301, 302, 307 or 308.
    Status,
    /// The first part is not a path of a site.
    Path,
    /// The target is neither a path nor a URL.
    Target,
    /// The target is to be percent-encoded.
    TargetCharacter,
    /// The target's star does not stand behind a slash.
    TargetStar,
    /// The path's star does not stand behind a slash.
    StarInSegment,
    /// There is a star in the target and none in the path.
    StarInTargetAlone,
    /// Browsers would go round in circles.
    ToItself,
}

impl fmt::Display for BadRedirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status => "a redirect has another status",
            Self::Path => "the first part is not a path of a site",
            Self::Target => "the target is neither a path nor a URL",
            Self::TargetCharacter => "the target holds a character that a URL cannot",
            Self::TargetStar => "the star of the target does not stand behind a slash",
            Self::StarInSegment => "a star stands within a segment",
            Self::StarInTargetAlone => "there is a star in the target alone",
            Self::ToItself => "it leads to itself",
        })
    }
}

impl Error for BadRedirect {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_lead_astray_is_refused() {
        for (from, to, expected) in [
            ("/a", "b", BadRedirect::Target),
            ("/a", "//evil.example", BadRedirect::Target),
            ("/a", "/\\evil.example", BadRedirect::Target),
            ("/a", "https:///b", BadRedirect::Target),
            ("/a", "javascript:1", BadRedirect::Target),
            ("/a", "/b\r\nx", BadRedirect::TargetCharacter),
            ("/a/*", "https://b.example*", BadRedirect::TargetStar),
            ("/a*", "/b", BadRedirect::StarInSegment),
            ("/a*", "/b/*", BadRedirect::StarInSegment),
            ("/a", "/b/*", BadRedirect::StarInTargetAlone),
            ("/%00", "/b", BadRedirect::Path),
            ("/a", "/a", BadRedirect::ToItself),
            ("/a/*", "/a/b/*", BadRedirect::ToItself),
        ] {
            assert_eq!(Redirect::new(from, to, StatusCode::FOUND), Err(expected), "{from} to {to}");
        }
        assert_eq!(Redirect::new("/a", "/b", StatusCode::SEE_OTHER), Err(BadRedirect::Status));
    }
}
