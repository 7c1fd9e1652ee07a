//! All routes of one path. In: a method. Out: the route that answers it, or the methods that are answered here.

use crate::boxed::BoxApplication;
use std::panic::Location;

use http::{HeaderValue, Method};

use super::error::{RouteError, placed};
use super::pattern::Pattern;

/// The routes of one path.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// Of one method each.
    routes: Vec<Route>,
    /// Of all other methods.
    any: Option<Route>,
    /// Answers the other methods where there is no such route.
    pub(super) not_allowed: Option<Scoped>,
    allow: HeaderValue,
}

/// One route.
#[derive(Debug)]
pub(super) struct Route {
    /// `None`: whatever it is.
    pub(super) method: Option<Method>,
    pub(super) pattern: Pattern,
    pub(super) scoped: Scoped,
    pub(super) added_at: &'static Location<'static>,
}

/// An application that does not see the first segments of a path.
#[derive(Debug, Clone)]
pub(super) struct Scoped {
    pub(super) application: BoxApplication,
    /// How many.
    pub(super) hidden: usize,
}

impl Endpoint {
    pub(super) fn new() -> Self {
        let allow = HeaderValue::from_static("OPTIONS");
        Self { routes: Vec::new(), any: None, not_allowed: None, allow }
    }

    pub(super) fn add(&mut self, route: Route) -> Result<(), RouteError> {
        if let Some(before) = self.routes.iter().chain(&self.any).find(|other| other.method == route.method) {
            return Err(RouteError::Conflict { added: route.to_string(), before: before.to_string() });
        }
        if route.method.is_some() {
            self.routes.push(route);
            self.allow = self.allow_of_routes();
        } else {
            self.any = Some(route);
        }
        Ok(())
    }

    /// The route of a method: its own, GET's for HEAD (RFC 9110 section 9.3.2), that for all methods.
    pub(super) fn choose(&self, method: &Method) -> Option<&Route> {
        let of = |method| self.routes.iter().find(|route| route.method.as_ref() == Some(method));
        let of_get = || if method == Method::HEAD { of(&Method::GET) } else { None };
        of(method).or_else(of_get).or(self.any.as_ref())
    }

    /// The methods that have an answer here, sorted, as Allow says them (RFC 9110 section 10.2.1).
    pub(super) fn allow(&self) -> &HeaderValue {
        &self.allow
    }

    pub(super) fn into_routes(self) -> impl Iterator<Item = Route> {
        self.routes.into_iter().chain(self.any)
    }

    fn allow_of_routes(&self) -> HeaderValue {
        let mut methods: Vec<&str> =
            self.routes.iter().flat_map(|route| &route.method).map(Method::as_str).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.push("OPTIONS");
        methods.sort_unstable();
        methods.dedup();
        HeaderValue::try_from(methods.join(", ")).expect("methods are tokens")
    }
}

impl Scoped {
    /// The same, which sees so many segments less.
    pub(super) fn behind(self, hidden: usize) -> Self {
        Self { hidden: self.hidden + hidden, ..self }
    }

    /// What it sees of a path: all from the slash on behind the hidden segments, `/` where none is there.
    pub(super) fn visible<'p>(&self, path: &'p [u8]) -> &'p [u8] {
        match self.hidden {
            0 => path,
            hidden => memchr::memchr_iter(b'/', path).nth(hidden).map_or(b"/", |slash| &path[slash..]),
        }
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let method = self.method.as_ref().map_or("any method", Method::as_str);
        f.write_str(&placed(&format!("the route {method} {}", self.pattern.source()), self.added_at))
    }
}
