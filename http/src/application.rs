//! Step 6 of a request's walk, handler: what answers requests. In: a [`Request`]. Out: a [`Response`].

use std::future::Future;

use crate::into_response::IntoResponse;
use crate::request::Request;
use crate::response::Response;

/// What answers requests: an async function or closure, a router, files, or one of these in middleware.
///
/// It is built once per worker by a factory, so it need not be `Send` and may hold `Rc`, `Cell` and caches. `&self` is used by
/// all requests of the worker, several of which may be in their handlers at once.
///
/// ```
/// use selvedge_http::{Application, Request, Response};
///
/// // A function is one,
/// async fn hello(request: Request<'_>) -> String {
///     format!("hello, {}", request.peer().map_or("you".into(), |peer| peer.to_string()))
/// }
///
/// // and so is whatever says how it answers.
/// struct Greeting(&'static str);
///
/// impl Application for Greeting {
///     async fn call(&self, _: Request<'_>) -> Response {
///         Response::text(self.0)
///     }
/// }
///
/// fn is_one(_: impl Application) {}
/// is_one(hello);
/// is_one(async |_: Request<'_>| "hello");
/// is_one(Greeting("hello"));
/// ```
pub trait Application: 'static {
    /// Answers one request. Dropped at its await when the client is gone or the server's drain is over.
    fn call(&self, request: Request<'_>) -> impl Future<Output = Response>;

    /// The answer, where there is one that needs no wait: asked before [`call`](Self::call), as far as a request is plain (a GET
    /// or HEAD without a body on a connection that stays). With `None`, which is what it says by itself, `call` is asked, and so it
    /// is where the answer turns out to have to wait for the connection.
    ///
    /// It is a shortcut and changes nothing: what is answered here, `call` would answer in the same way. What stands before an
    /// application, as middleware does, is asked in its place, and has no shortcut unless it says so itself.
    ///
    /// ```
    /// use selvedge_http::{Application, Request, Response, testing};
    ///
    /// struct Greeting(&'static str);
    ///
    /// impl Application for Greeting {
    ///     async fn call(&self, _: Request<'_>) -> Response {
    ///         Response::text(self.0)
    ///     }
    ///
    ///     fn at_once(&self, _: &Request<'_>) -> Option<Response> {
    ///         Some(Response::text(self.0))
    ///     }
    /// }
    ///
    /// testing::run(|| Greeting("hello"), async |client| {
    ///     client.get("/").send().await.assert_text("hello").await;
    /// });
    /// ```
    fn at_once(&self, request: &Request<'_>) -> Option<Response> {
        let _ = request;
        None
    }

    /// The application that `middleware` makes of this one. The last that is added is the first to see a request.
    fn with<B: Application>(self, middleware: impl FnOnce(Self) -> B) -> B
    where
        Self: Sized,
    {
        middleware(self)
    }
}

impl<F, R> Application for F
where
    F: for<'a> AsyncFn(Request<'a>) -> R + 'static,
    R: IntoResponse,
{
    async fn call(&self, request: Request<'_>) -> Response {
        self(request).await.into_response()
    }
}
