//! Who asks an application in its own process.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::request::TestRequest;
use super::response::TestResponse;
use crate::application::Application;
use crate::server::{ServerOptions, WorkerApplication};
use crate::shared::Shared;

/// Asks an application in its own process, in a worker: see [`run`]. A copy asks the same application.
///
/// ```
/// use selvedge_http::{Request, testing};
///
/// async fn length(request: Request<'_>) -> Result<String, selvedge_http::BodyError> {
///     Ok(request.body().bytes(1_000).await?.len().to_string())
/// }
///
/// selvedge_runtime::block_on(|| async {
///     let client = testing::Client::new(length);
///     client.post("/").body("four").send().await.assert_text("4").await;
/// });
/// ```
pub struct Client<A> {
    shared: Rc<Shared<A>>,
}

/// Runs a test on a worker of its own, with a client of the application that `make` makes there. Returns what the test does.
///
/// ```
/// use selvedge_http::{IntoResponse, Request, StatusCode, testing};
///
/// testing::run(|| async |_: Request<'_>| StatusCode::NOT_FOUND, async |client| {
///     client.get("/nothing").send().await.assert_status(404);
/// });
/// ```
///
/// # Panics
/// When the test does, with its message, and where the kernel gives no ring.
pub fn run<A, W, T>(
    make: impl FnOnce() -> W + Send + 'static,
    test: impl AsyncFnOnce(Client<A>) -> T + Send + 'static,
) -> T
where
    A: Application,
    W: Into<WorkerApplication<A>>,
    T: Send + 'static,
{
    selvedge_runtime::block_on(move || async move { test(Client::new(make())).await })
}

impl<A: Application> Client<A> {
    /// A client of `application`, under the default options of a server. If a [`WorkerApplication`] comes with an observer,
    /// that is told of every exchange.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn new(application: impl Into<WorkerApplication<A>>) -> Self {
        Self::with_options(application, &ServerOptions::default())
    }

    /// The same under other options: the limits of a request and the policies for TRACE and CONNECT; what is about
    /// connections has no effect.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn with_options(application: impl Into<WorkerApplication<A>>, options: &ServerOptions) -> Self {
        Self { shared: Shared::new(application.into(), options, Arc::default()) }
    }

    /// The application.
    pub fn application(&self) -> &A {
        &self.shared.application
    }

    /// A GET of `target`: a path, with its query if it has one, as it stands in a request line.
    pub fn get(&self, target: &str) -> TestRequest<A> {
        self.request("GET", target)
    }

    /// A HEAD.
    pub fn head(&self, target: &str) -> TestRequest<A> {
        self.request("HEAD", target)
    }

    /// A POST.
    pub fn post(&self, target: &str) -> TestRequest<A> {
        self.request("POST", target)
    }

    /// A PUT.
    pub fn put(&self, target: &str) -> TestRequest<A> {
        self.request("PUT", target)
    }

    /// A PATCH.
    pub fn patch(&self, target: &str) -> TestRequest<A> {
        self.request("PATCH", target)
    }

    /// A DELETE.
    pub fn delete(&self, target: &str) -> TestRequest<A> {
        self.request("DELETE", target)
    }

    /// An OPTIONS.
    pub fn options(&self, target: &str) -> TestRequest<A> {
        self.request("OPTIONS", target)
    }

    /// A request of any method, such as [`Method::TRACE`](crate::Method) or `"PURGE"`.
    pub fn request(&self, method: impl AsRef<str>, target: &str) -> TestRequest<A> {
        TestRequest::new(Rc::clone(&self.shared), method.as_ref(), target)
    }

    /// The answer to these octets, of which the first are a request's head and those behind it its body: for what the other
    /// ways can't say wrongly. A head that has no end is answered as that of a client that sends no more: 408.
    ///
    /// ```
    /// use selvedge_http::{Request, testing};
    ///
    /// testing::run(|| async |_: Request<'_>| "hello", async |client| {
    ///     client.raw("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(400);
    /// });
    /// ```
    pub async fn raw(&self, octets: impl AsRef<[u8]>) -> TestResponse {
        let octets = octets.as_ref();
        let line_end = octets.iter().position(|octet| matches!(octet, b'\r' | b'\n')).unwrap_or(octets.len());
        let line = String::from_utf8_lossy(&octets[..line_end]).into_owned();
        TestRequest::new(Rc::clone(&self.shared), "", &line).send_raw(octets).await
    }
}

impl<A> Clone for Client<A> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared) }
    }
}

impl<A> fmt::Debug for Client<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
