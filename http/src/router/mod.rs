//! Step 5 of a request's walk, route, for applications made of several. In: methods and paths, each with what answers it. Out:
//! an [`Application`] that gives each request to the one it is for. The matching is in `serve.rs`.

mod endpoint;
mod error;
mod parameters;
mod pattern;
mod serve;
mod tree;

#[cfg(test)]
mod tests;

use std::any::Any;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use http::Method;

use crate::application::Application;
use crate::boxed::{BoxApplication, Rooms};
use endpoint::{Endpoint, Route, Scoped};
use error::placed;
use pattern::Pattern;
use tree::Tree;

pub use error::RouteError;
pub(crate) use parameters::Matched;
pub use parameters::{ParamError, Parameters};

/// Applications by method and path.
///
/// ```
/// use selvedge_http::{Request, Response, Router, StatusCode};
///
/// async fn list(_: Request<'_>) -> &'static str {
///     "all users"
/// }
///
/// async fn show(request: Request<'_>) -> String {
///     format!("user {}", request.param("id").unwrap_or_default())
/// }
///
/// async fn add(request: Request<'_>) -> StatusCode {
///     match request.body().text(1_024).await {
///         Ok(_) => StatusCode::CREATED,
///         Err(error) => error.status(),
///     }
/// }
///
/// let users = Router::new().get("/", list).post("/", add).get("/{id}", show);
/// let application = Router::new()
///     .get("/", async |_: Request<'_>| Response::html("<h1>Welcome</h1>"))
///     .nest("/users", users)
///     .fallback(async |_: Request<'_>| (StatusCode::NOT_FOUND, "nothing here"));
/// ```
///
/// # Paths
///
/// A path begins with a slash. A segment of it is a literal, `{name}` or, as the last one, `{*name}`. `{name}` stands for one
/// segment that is not empty, `{*name}` for all the rest of the path, which may be empty: `/files/{*path}` is `/files/` too,
/// but not `/files`. A brace itself is written twice. There are up to 8 parameters. [`Request::param`](crate::Request::param)
/// and [`param_as`](crate::Request::param_as) tell their values.
///
/// Of the routes a path is of, the most certain answers, at the first segment where they differ: a literal before a
/// parameter, a parameter before a rest. The order in which they were added does not matter.
///
/// A request's path is split at its slashes as it was sent, and each segment is then compared decoded. So `%2F` is part of a
/// segment and never a slash, and `/%61` is `/a`, which RFC 3986 section 6.2.2.2 holds for the same. Otherwise all that
/// differs is another path: case, a slash at the end, a slash that is doubled, `.` and `..`. A parameter that is not UTF-8
/// when it is decoded is answered with 400.
///
/// # Methods
///
/// * HEAD is answered by GET's route where it has none of its own; the server leaves the body out.
/// * OPTIONS is answered with 204 and `Allow` where it has no route. (`OPTIONS *` is the server's own and comes to no router.)
/// * A method for which this path has no route is answered with 405 and `Allow`, as is GET for a path that has POST.
/// * A method that no path of this router has a route for, and that is not one of GET, HEAD, POST, PUT, PATCH, DELETE and
///   OPTIONS, is answered with 501 (RFC 9110 section 15.6.2).
/// * [`any`](Self::any) takes all methods that have no route of their own here.
///
/// What has no path here goes to the [`fallback`](Self::fallback), whatever its method is.
///
/// # Routes that are wrong
///
/// A path that is none and a second route for the same requests are mistakes of the program, and no request is needed to
/// find them. So the methods panic, at the start, with a [`RouteError`] that names both routes and the lines that added them;
/// those whose names begin with `try_` return it, for routes that come from somewhere else.
///
/// # Cost
///
/// A request is matched in a walk down a tree of segments. Neither that nor the call of the handler allocates, once as many
/// requests have been in handlers at the same time ([`BoxApplication`]).
#[derive(Default)]
pub struct Router {
    endpoints: Tree<Endpoint>,
    /// Methods that have routes and are not among the usual ones.
    unusual: Vec<Method>,
    /// Its own, and those of the routers that were nested.
    fallbacks: Vec<Fallback>,
    not_allowed: Option<Scoped>,
    rooms: Rc<Rooms>,
}

/// What answers where no route does.
#[derive(Debug)]
struct Fallback {
    /// For what is below it.
    prefix: Pattern,
    scoped: Scoped,
    added_at: &'static Location<'static>,
}

/// Methods that a server is expected to know.
const USUAL: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

impl Router {
    /// One without routes: it answers everything with 404.
    pub fn new() -> Self {
        Self::default()
    }

    /// `application` answers GET, and HEAD where that has no route of its own, for `path`.
    ///
    /// # Panics
    /// As [`on`](Self::on).
    #[must_use]
    #[track_caller]
    pub fn get(self, path: &str, application: impl Application) -> Self {
        self.on(Method::GET, path, application)
    }

    /// `application` answers POST for `path`.
    ///
    /// # Panics
    /// As [`on`](Self::on).
    #[must_use]
    #[track_caller]
    pub fn post(self, path: &str, application: impl Application) -> Self {
        self.on(Method::POST, path, application)
    }

    /// `application` answers PUT for `path`.
    ///
    /// # Panics
    /// As [`on`](Self::on).
    #[must_use]
    #[track_caller]
    pub fn put(self, path: &str, application: impl Application) -> Self {
        self.on(Method::PUT, path, application)
    }

    /// `application` answers PATCH for `path`.
    ///
    /// # Panics
    /// As [`on`](Self::on).
    #[must_use]
    #[track_caller]
    pub fn patch(self, path: &str, application: impl Application) -> Self {
        self.on(Method::PATCH, path, application)
    }

    /// `application` answers DELETE for `path`.
    ///
    /// # Panics
    /// As [`on`](Self::on).
    #[must_use]
    #[track_caller]
    pub fn delete(self, path: &str, application: impl Application) -> Self {
        self.on(Method::DELETE, path, application)
    }

    /// `application` answers `method` for `path`, alone or in middleware:
    ///
    /// ```
    /// use selvedge_http::{Application, Method, Request, Response, Router, StatusCode};
    ///
    /// /// Lets nothing through, for now.
    /// struct Closed<A>(A);
    ///
    /// impl<A: Application> Application for Closed<A> {
    ///     async fn call(&self, _: Request<'_>) -> Response {
    ///         Response::empty(StatusCode::FORBIDDEN)
    ///     }
    /// }
    ///
    /// async fn lock(_: Request<'_>) {}
    ///
    /// let method = Method::from_bytes(b"LOCK").expect("a token");
    /// let router = Router::new().on(method, "/files/{name}", Closed(lock));
    /// // Around all of it, what no route answers included:
    /// let application = router.with(Closed);
    /// ```
    ///
    /// # Panics
    /// When `path` is none, or the same requests have a route already.
    #[must_use]
    #[track_caller]
    pub fn on(mut self, method: Method, path: &str, application: impl Application) -> Self {
        match self.try_on(method, path, application) {
            Ok(()) => self,
            Err(error) => panic!("{error}"),
        }
    }

    /// `application` answers every method that has no route of its own for `path`.
    ///
    /// # Panics
    /// As [`on`](Self::on).
    #[must_use]
    #[track_caller]
    pub fn any(mut self, path: &str, application: impl Application) -> Self {
        match self.try_any(path, application) {
            Ok(()) => self,
            Err(error) => panic!("{error}"),
        }
    }

    /// `application` answers for `prefix` and all below it, and does not see the prefix: for `/static`, a request for
    /// `/static/a/b` is one for `/a/b`, and `/static` itself and `/static/` are `/`. `/staticx` is another path. A prefix that
    /// ends with a slash does not include itself without it. It may have parameters, but no rest.
    ///
    /// A [`Router`] is taken in route by route, so that both are one: routes at odds are found, `/` in it is the prefix itself
    /// as it was written, its handlers see the parameters of the prefix too, what it has no route for goes to its own fallback
    /// or else to this one's, and so do methods that it does not allow. A router in middleware is an application as any other.
    ///
    /// ```
    /// use selvedge_http::{Request, Router};
    ///
    /// async fn member(request: Request<'_>) -> String {
    ///     format!("{:?} of {:?}", request.param("name"), request.param("team"))
    /// }
    ///
    /// let team = Router::new().get("/members/{name}", member);
    /// let router = Router::new().nest("/teams/{team}", team);
    /// ```
    ///
    /// # Panics
    /// When `prefix` is no path or has a rest, or the same requests have a route already.
    #[must_use]
    #[track_caller]
    pub fn nest(mut self, prefix: &str, application: impl Application) -> Self {
        match self.try_nest(prefix, application) {
            Ok(()) => self,
            Err(error) => panic!("{error}"),
        }
    }

    /// The routes of both. So is the fallback, which one of them may have.
    ///
    /// ```
    /// use selvedge_http::{Request, Router};
    ///
    /// async fn page(_: Request<'_>) -> &'static str {
    ///     "page"
    /// }
    ///
    /// let public = Router::new().get("/", page);
    /// let internal = Router::new().get("/figures", page);
    /// let router = public.merge(internal);
    /// ```
    ///
    /// # Panics
    /// When the same requests have a route in both, or both have a fallback.
    #[must_use]
    #[track_caller]
    pub fn merge(mut self, other: Self) -> Self {
        match self.try_merge(other) {
            Ok(()) => self,
            Err(error) => panic!("{error}"),
        }
    }

    /// `application` answers what has no route here, instead of a 404. Below the prefix of a router that is nested and has a
    /// fallback, that one's does; it sees what the routes of that router see.
    ///
    /// # Panics
    /// When there is one already.
    #[must_use]
    #[track_caller]
    pub fn fallback(mut self, application: impl Application) -> Self {
        let prefix = Pattern::parse("/").expect("a path");
        let scoped = self.scoped(application, 0);
        match self.add_fallback(Fallback { prefix, scoped, added_at: Location::caller() }) {
            Ok(()) => self,
            Err(error) => panic!("{error}"),
        }
    }

    /// `application` answers, instead of a 405 or 501, methods for which a path has no route, though it has others. `Allow` is
    /// added to what it answers unless it says that itself. Routers that are nested may have their own. Of two that are set,
    /// the last counts.
    #[must_use]
    pub fn method_not_allowed_fallback(mut self, application: impl Application) -> Self {
        self.not_allowed = Some(self.scoped(application, 0));
        self
    }

    /// As [`on`](Self::on), for a route that comes from outside the program.
    ///
    /// # Errors
    /// When `path` is none, or the same requests have a route already. Nothing was added then.
    #[track_caller]
    pub fn try_on(
        &mut self,
        method: Method,
        path: &str,
        application: impl Application,
    ) -> Result<(), RouteError> {
        self.try_at(Some(method), path, application, Location::caller())
    }

    /// As [`any`](Self::any), for a route that comes from outside the program.
    ///
    /// # Errors
    /// As [`try_on`](Self::try_on).
    #[track_caller]
    pub fn try_any(&mut self, path: &str, application: impl Application) -> Result<(), RouteError> {
        self.try_at(None, path, application, Location::caller())
    }

    /// As [`nest`](Self::nest), for a prefix that comes from outside the program.
    ///
    /// # Errors
    /// When `prefix` is no path or has a rest, or the same requests have a route already. A part of a router's routes may have
    /// been added then.
    #[track_caller]
    pub fn try_nest<A: Application>(&mut self, prefix: &str, application: A) -> Result<(), RouteError> {
        let added_at = Location::caller();
        let fault = |reason| RouteError::path(prefix, added_at, reason);
        let pattern = Pattern::parse(prefix).map_err(fault)?;
        if pattern.has_rest() {
            return Err(fault("nothing can be below the rest of a path"));
        }
        let mut application = Some(application);
        if let Some(router) = (&mut application as &mut dyn Any).downcast_mut::<Option<Self>>() {
            let router = router.take().expect("it was put there");
            let below = |inner: &Pattern| {
                let path = format!("{}{}", pattern.source(), inner.source());
                pattern.joined(inner).map_err(|reason| RouteError::path(&path, added_at, reason))
            };
            return self.take_in(router, pattern.depth(), below);
        }
        let application = application.expect("it was not taken");
        let scoped = self.scoped(application, pattern.depth());
        for pattern in pattern.and_below().map_err(fault)? {
            self.add(Route { method: None, pattern, scoped: scoped.clone(), added_at })?;
        }
        Ok(())
    }

    /// As [`merge`](Self::merge), for routes that come from outside the program.
    ///
    /// # Errors
    /// When the same requests have a route in both, or both have a fallback. A part of the routes may have been added then.
    pub fn try_merge(&mut self, other: Self) -> Result<(), RouteError> {
        self.take_in(other, 0, |path| Ok(path.clone()))
    }

    fn try_at(
        &mut self,
        method: Option<Method>,
        path: &str,
        application: impl Application,
        added_at: &'static Location<'static>,
    ) -> Result<(), RouteError> {
        let fault = |reason| RouteError::path(path, added_at, reason);
        let pattern = Pattern::parse(path).map_err(fault)?;
        let scoped = self.scoped(application, 0);
        self.add(Route { method, pattern, scoped, added_at }).map(drop)
    }

    fn scoped(&self, application: impl Application, hidden: usize) -> Scoped {
        let application = BoxApplication::with_rooms(application, Rc::clone(&self.rooms));
        Scoped { application, hidden }
    }

    /// Adds what `inner` has, each path `moved`, which hides so many segments more.
    fn take_in(
        &mut self,
        inner: Self,
        hidden: usize,
        moved: impl Fn(&Pattern) -> Result<Pattern, RouteError>,
    ) -> Result<(), RouteError> {
        for mut endpoint in inner.endpoints.into_values() {
            let not_allowed = endpoint.not_allowed.take().or_else(|| inner.not_allowed.clone());
            let not_allowed = not_allowed.map(|scoped| scoped.behind(hidden));
            for route in endpoint.into_routes() {
                let (pattern, scoped) = (moved(&route.pattern)?, route.scoped.behind(hidden));
                let endpoint = self.add(Route { pattern, scoped, ..route })?;
                if endpoint.not_allowed.is_none() {
                    endpoint.not_allowed.clone_from(&not_allowed);
                }
            }
        }
        for fallback in inner.fallbacks {
            let (prefix, scoped) = (moved(&fallback.prefix)?, fallback.scoped.behind(hidden));
            self.add_fallback(Fallback { prefix, scoped, ..fallback })?;
        }
        Ok(())
    }

    /// Returns where it was added.
    fn add(&mut self, route: Route) -> Result<&mut Endpoint, RouteError> {
        if let Some(method) = &route.method
            && !self.knows(method)
        {
            self.unusual.push(method.clone());
        }
        let endpoint = self.endpoints.place(&route.pattern).get_or_insert_with(Endpoint::new);
        endpoint.add(route)?;
        Ok(endpoint)
    }

    fn add_fallback(&mut self, fallback: Fallback) -> Result<(), RouteError> {
        let mut others = self.fallbacks.iter();
        if let Some(before) = others.find(|other| other.prefix.segments() == fallback.prefix.segments()) {
            return Err(RouteError::Conflict { added: fallback.to_string(), before: before.to_string() });
        }
        self.fallbacks.push(fallback);
        Ok(())
    }

    /// Whether some path may have a route for `method`.
    fn knows(&self, method: &Method) -> bool {
        USUAL.contains(method) || self.unusual.contains(method)
    }
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&placed(&format!("the fallback of {}", self.prefix.source()), self.added_at))
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("endpoints", &self.endpoints)
            .field("fallbacks", &self.fallbacks)
            .finish_non_exhaustive()
    }
}
