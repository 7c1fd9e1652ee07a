//! An application whose type is not told: for whoever holds several of different types. In: a request. Out: what the
//! application behind it answers, by one allocation for its future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use crate::application::Application;
use crate::request::Request;
use crate::response::Response;

/// An application of any type: a clone is the same one.
///
/// Each call allocates the future of the application behind it, and nothing else.
///
/// ```
/// use selvedge_http::{Application, BoxApplication, Request, Response};
///
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
///
/// /// As many as one likes, each answering for the paths that begin with it.
/// struct Mounts(Vec<(&'static [u8], BoxApplication)>);
///
/// impl Application for Mounts {
///     async fn call(&self, request: Request<'_>) -> Response {
///         match self.0.iter().find(|(prefix, _)| request.path().starts_with(prefix)) {
///             Some((_, application)) => application.call(request).await,
///             None => Response::error(selvedge_http::StatusCode::NOT_FOUND, ""),
///         }
///     }
/// }
///
/// let hello = BoxApplication::new(hello);
/// let _mounts = Mounts(vec![(b"/en", hello.clone()), (b"/", hello)]);
/// ```
#[derive(Clone)]
pub struct BoxApplication(Rc<dyn ErasedApplication>);

impl BoxApplication {
    /// The same application, its type not told.
    pub fn new(application: impl Application) -> Self {
        Self(Rc::new(application))
    }
}

impl Application for BoxApplication {
    async fn call(&self, request: Request<'_>) -> Response {
        self.0.call_boxed(request).await
    }
}

impl fmt::Debug for BoxApplication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxApplication").finish_non_exhaustive()
    }
}

type Answering<'a> = Pin<Box<dyn Future<Output = Response> + 'a>>;

/// [`Application`] as a trait that can be behind a pointer.
trait ErasedApplication: 'static {
    fn call_boxed<'a>(&'a self, request: Request<'a>) -> Answering<'a>;
}

impl<A: Application> ErasedApplication for A {
    fn call_boxed<'a>(&'a self, request: Request<'a>) -> Answering<'a> {
        Box::pin(self.call(request))
    }
}
