//! A page of numbers at a path. In: a request. Out: the page for those who may read it; every other path is the application's.

use http::{HeaderValue, StatusCode, header};

use super::path_match::{is_path, path_of};
use crate::application::Application;
use crate::metrics::{CONTENT_TYPE, Metrics};
use crate::networks::{ClientAddress, Networks};
use crate::real_address::RealAddress;
use crate::request::Request;
use crate::response::{Body, Response, ResponseHead};

/// Who may read the page; everybody else gets 403.
///
/// ```
/// use selvedge_http::metrics::Metrics;
/// use selvedge_http::middleware::{MetricsReaders, metrics};
/// use selvedge_http::{Application, Request, testing};
///
/// fn application() -> impl Application {
///     let allow = "10.0.0.0/8".parse().expect("a list of blocks");
///     let readers = MetricsReaders { allow, ..MetricsReaders::default() };
///     (async |_: Request<'_>| "hello").with(metrics("/metrics", &Metrics::new(), readers))
/// }
///
/// testing::run(application, async |client| {
///     client.get("/metrics").send().await.assert_status(403);
///     let monitor = std::net::SocketAddr::from(([10, 0, 0, 7], 50_000));
///     // 200, once the numbers are those of a server.
///     client.get("/metrics").peer(monitor).send().await.assert_status(503);
/// });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsReaders {
    /// These.
    pub allow: Networks,
    /// Who is believed about whose request it is.
    pub trusted_proxies: Networks,
}

/// Who is on this machine, and asks by no proxy.
///
/// ```
/// use selvedge_http::middleware::MetricsReaders;
///
/// let local = MetricsReaders::default();
/// assert!(local.allow.contains("127.0.0.1".parse().map(selvedge_http::networks::ClientAddress::ip).unwrap()));
/// assert!(!local.allow.contains("192.0.2.1".parse().map(selvedge_http::networks::ClientAddress::ip).unwrap()));
/// ```
impl Default for MetricsReaders {
    fn default() -> Self {
        let allow = "127.0.0.0/8,::1,unix".parse().expect("a list of blocks");
        Self { allow, trusted_proxies: Networks::default() }
    }
}

impl MetricsReaders {
    /// Whether they are the request's client. A request that has come by a proxy that nobody trusts is anybody's.
    fn include(&self, request: &Request<'_>) -> bool {
        if self.allow.is_everybody() {
            return true;
        }
        let (Ok(peer), Ok(RealAddress::Known(client))) =
            (request.peer(), request.real_address(&self.trusted_proxies))
        else {
            return false;
        };
        let is_passed_on = ["forwarded", "x-forwarded-for"]
            .into_iter()
            .any(|name| request.head().values_named(request.head_bytes(), name).next().is_some());
        let is_believed = !is_passed_on || self.trusted_proxies.contains(ClientAddress::from(peer));
        is_believed && self.allow.contains(client)
    }
}

/// Puts the page of `metrics` at `path`, for `readers`. See [`Metrics`] for how a server comes to be told of.
///
/// # Panics
/// When `path` does not begin with a slash.
pub fn metrics<A: Application, P: Into<String>>(
    path: P,
    metrics: &Metrics,
    readers: MetricsReaders,
) -> impl FnOnce(A) -> MetricsPage<A> + use<A, P> {
    let (path, metrics) = (path_of(path), metrics.clone());
    move |application| MetricsPage { path, metrics, readers, application }
}

/// An application with a page of numbers, made by [`metrics()`].
///
/// ```
/// # use std::io::{Read, Write};
/// use selvedge_http::metrics::Metrics;
/// use selvedge_http::middleware::{MetricsPage, MetricsReaders, metrics};
/// use selvedge_http::{Application, Request, Server};
///
/// fn application(numbers: &Metrics) -> MetricsPage<impl Application + use<>> {
///     (async |_: Request<'_>| "hello").with(metrics("/metrics", numbers, MetricsReaders::default()))
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let numbers = Metrics::new();
/// let numbers_there = numbers.clone();
/// let server = Server::ephemeral(move |_| application(&numbers_there))?;
/// numbers.watch(&server);
/// # let mut client = std::net::TcpStream::connect(server.address())?;
/// # client.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
/// # let mut page = String::new();
/// # client.read_to_string(&mut page)?;
/// // What a client of this machine gets at /metrics:
/// assert!(page.contains("\nselvedge_workers 1\n"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MetricsPage<A> {
    path: String,
    metrics: Metrics,
    readers: MetricsReaders,
    application: A,
}

impl<A: Application> Application for MetricsPage<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        if !is_path(request.path(), &self.path) {
            return self.application.call(request).await;
        }
        // Boxed, so that every other request's future has not its size.
        Box::pin(self.answer(request)).await
    }
}

impl<A> MetricsPage<A> {
    async fn answer(&self, request: Request<'_>) -> Response {
        if !self.readers.include(&request) {
            return Response::error(StatusCode::FORBIDDEN, "");
        }
        if !request.is_get_or_head() {
            return Response::method_not_allowed("GET, HEAD");
        }
        let Some(page) = self.metrics.page().await else {
            return Response::error(StatusCode::SERVICE_UNAVAILABLE, "the server is about to start");
        };
        let head = ResponseHead { content_type: Some(CONTENT_TYPE), ..ResponseHead::new(StatusCode::OK) };
        let response = Response::new(head, Body::Full(page.into_bytes().into()));
        response.with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }
}
