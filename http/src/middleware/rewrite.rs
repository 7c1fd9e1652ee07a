//! Paths that are others inside. In: a request. Out: the answer of what is behind to the same request for another path.

use super::path_match::{behind, is_path, path_of, prefix_of};
use crate::application::Application;
use crate::request::Request;
use crate::response::Response;

/// Hands requests on for other paths, as `rewrites` say; the client sees nothing of it. The query stays.
pub fn rewrite<A: Application>(rewrites: Rewrites) -> impl FnOnce(A) -> Rewrite<A> {
    move |application| Rewrite { application, rewrites }
}

/// Which paths are others: the first rule that fits counts, and it alone. A request is compared with each rule in turn,
/// so they are meant to be few.
///
/// ```
/// use selvedge_http::middleware::{Rewrites, rewrite};
/// use selvedge_http::{Application, Request};
///
/// async fn which(request: Request<'_>) -> Vec<u8> {
///     request.path().to_vec()
/// }
///
/// fn application() -> impl Application {
///     // /manual/install is /docs/v2/install, /manual is /docs/v2.
///     let rewrites = Rewrites::new().exact("/", "/home.html").prefix("/manual", "/docs/v2");
///     which.with(rewrite(rewrites))
/// }
/// # application();
/// ```
#[derive(Debug, Clone, Default)]
pub struct Rewrites(Vec<Rule>);

#[derive(Debug, Clone)]
struct Rule {
    from: Pattern,
    to: String,
}

#[derive(Debug, Clone)]
enum Pattern {
    Exact(String),
    /// Without a slash at its end.
    Prefix(String),
}

impl Rewrites {
    /// None.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The path `from` is `to`. `from` is written as it is read, `to` as it would be sent: encoded.
    ///
    /// # Panics
    /// When one of them does not begin with a slash, or `to` holds an octet that stands in no path.
    #[must_use]
    pub fn exact(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.0.push(Rule { from: Pattern::Exact(path_of(from)), to: sendable(path_of(to)) });
        self
    }

    /// The paths from `from` on downwards are those from `to` on: what stands behind `from` stands behind `to`.
    ///
    /// # Panics
    /// As [`exact`](Self::exact).
    #[must_use]
    pub fn prefix(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.0.push(Rule { from: Pattern::Prefix(prefix_of(from)), to: sendable(prefix_of(to)) });
        self
    }

    /// What `path` is; `None` if it stays.
    fn apply(&self, path: &[u8]) -> Option<Vec<u8>> {
        self.0.iter().find_map(|rule| match &rule.from {
            Pattern::Exact(from) => is_path(path, from).then(|| rule.to.clone().into_bytes()),
            Pattern::Prefix(from) => {
                let rest = behind(path, from)?;
                let whole = [rule.to.as_bytes(), rest].concat();
                Some(if whole.is_empty() { b"/".to_vec() } else { whole })
            }
        })
    }
}

/// `path`, if it holds nothing but `pchar` and slashes (RFC 3986 section 3.3).
fn sendable(path: String) -> String {
    let is_pchar = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:@".contains(&byte);
    assert!(path.bytes().all(is_pchar), "the path {path:?} cannot be sent as it stands");
    path
}

/// What [`rewrite`] makes.
///
/// ```
/// use selvedge_http::middleware::{Rewrite, Rewrites, rewrite};
/// use selvedge_http::{Application, Request, testing};
///
/// fn application() -> Rewrite<impl Application> {
///     let rewrites = Rewrites::new().exact("/", "/home.html").prefix("/manual", "/docs/v2");
///     (async |request: Request<'_>| request.path().to_vec()).with(rewrite(rewrites))
/// }
///
/// testing::run(application, async |client| {
///     client.get("/").send().await.assert_body("/home.html").await;
///     client.get("/manual/install").send().await.assert_body("/docs/v2/install").await;
///     client.get("/manuals").send().await.assert_body("/manuals").await;
/// });
/// ```
#[derive(Debug, Clone)]
pub struct Rewrite<A> {
    application: A,
    rewrites: Rewrites,
}

impl<A: Application> Application for Rewrite<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        match self.rewrites.apply(request.path()) {
            None => self.application.call(request).await,
            Some(path) => self.application.call(request.with_path(&path)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_counts() {
        let rewrites = Rewrites::new()
            .exact("/", "/home.html")
            .exact("/docs/old", "/gone")
            .prefix("/docs/", "/manual/v2/")
            .prefix("/up", "/")
            .prefix("/manual", "/never/after/another");
        for (path, to) in [
            ("/", Some("/home.html")),
            ("/docs/old", Some("/gone")),
            ("/docs/old/", Some("/manual/v2/old/")),
            ("/docs", Some("/manual/v2")),
            ("/docs/a%20b", Some("/manual/v2/a%20b")),
            ("/docsy", None),
            ("/up", Some("/")),
            ("/up/", Some("/")),
            ("/up/x", Some("/x")),
            ("/other", None),
        ] {
            let rewritten =
                rewrites.apply(path.as_bytes()).map(|path| String::from_utf8(path).expect("ASCII"));
            assert_eq!(rewritten.as_deref(), to, "{path}");
        }
    }

    #[test]
    #[should_panic(expected = "cannot be sent")]
    fn a_path_that_could_not_be_sent_is_refused_at_the_start() {
        let _ = Rewrites::new().exact("/a", "/b?c");
    }
}
