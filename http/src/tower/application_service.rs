//! An application as a service, to be mounted in a router of services or wrapped by layers.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use http::StatusCode;
use http::request::Parts;
use http_body::Body;
use tower_service::Service;

use super::exchange::{Answer, Call, Exchange, ExchangeKey, Handler};
use super::feed::OtherBody;
use super::request::ChangedHead;
use super::worker_bound::WorkerBound;
use super::{BoxError, ResponseBody, response};
use crate::application::Application;
use crate::files::MachineFiles;
use crate::request::Request;
use crate::response::{Body as ApplicationBody, Response};

/// `application` as a service: a site's files in an axum router, say. It answers requests that come through
/// [`from_service`](super::from_service()), and others with 500: an application's request is its connection's.
///
/// The application sees the request as layers have left it: method, target, fields and body; peer, limits, hints and upgrades are
/// the connection's.
///
/// ```
/// use selvedge_http::Request;
/// use selvedge_http::tower::{from_service, into_service};
///
/// let hello = async |request: Request<'_>| format!("hello, {}", request.path().escape_ascii());
/// let router: axum::Router = axum::Router::new()
///     .route("/", axum::routing::get(async || "the index"))
///     .nest_service("/hello", into_service(hello));
/// let application = from_service(router);
/// # let _ = application;
/// ```
pub fn into_service<A: Application>(application: A) -> ApplicationService<A> {
    let application = Shared { application, files: MachineFiles::default() };
    ApplicationService(WorkerBound::new(Rc::new(application)))
}

/// An application as a service; see [`into_service`]. Always ready; clones share the application.
///
/// ```
/// use axum::Router;
/// use selvedge_http::tower::{ApplicationService, from_service, into_service};
/// use selvedge_http::{Application, Request, testing};
///
/// fn pages() -> ApplicationService<impl Application> {
///     into_service(async |request: Request<'_>| request.path().to_vec())
/// }
///
/// let router = || from_service(Router::new().nest_service("/pages", pages()));
/// testing::run(router, async |client| {
///     client.get("/pages/a").send().await.assert_body("/a").await;
///     client.get("/elsewhere").send().await.assert_status(404);
/// });
/// ```
pub struct ApplicationService<A>(WorkerBound<Rc<Shared<A>>>);

/// What clones of a service share.
struct Shared<A> {
    application: A,
    /// Those its handlers name by their path: layers are to see what they are.
    files: MachineFiles,
}

impl<A> Clone for ApplicationService<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A> fmt::Debug for ApplicationService<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplicationService").finish_non_exhaustive()
    }
}

impl<A, B> Service<http::Request<B>> for ApplicationService<A>
where
    A: Application,
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<ResponseBody>;
    type Error = Infallible;
    type Future = ApplicationFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> ApplicationFuture {
        let (mut parts, body) = request.into_parts();
        let key: Option<ExchangeKey> = parts.extensions.remove();
        let Some(exchange) = key.as_ref().and_then(ExchangeKey::exchange) else {
            selvedge_runtime::report_line(
                "an application within a service is asked for what is no request of its worker: answered with 500",
            );
            return ApplicationFuture(WorkerBound::new(None));
        };
        let shared = Rc::clone(&self.0);
        let call = exchange.ask(Box::new(ServiceRequest { shared, parts, body: OtherBody::of(body) }));
        ApplicationFuture(WorkerBound::new(Some((Rc::clone(exchange), call))))
    }
}

impl<A: Application> Shared<A> {
    async fn answer(&self, request: Request<'_>) -> Response {
        let response = self.application.call(request).await;
        match response.into_parts() {
            (head, ApplicationBody::Path(path)) => self.files.answer(&request, &path, head).await,
            (head, body) => Response::new(head, body),
        }
    }
}

/// A request as the layers have left it.
struct ServiceRequest<A> {
    shared: Rc<Shared<A>>,
    parts: Parts,
    body: Option<OtherBody>,
}

impl<A: Application> Handler for ServiceRequest<A> {
    fn handle<'r>(self: Box<Self>, request: Request<'r>) -> Pin<Box<dyn Future<Output = Answer> + 'r>> {
        Box::pin(async move {
            let Self { shared, parts, body } = *self;
            let changed = match ChangedHead::of(request, &parts) {
                Ok(changed) => changed,
                Err(reject) => {
                    selvedge_runtime::report("layer", || {
                        format!("layers made a request that is none, {}: answered with 500", reject.reason())
                    });
                    let response = Response::error(StatusCode::INTERNAL_SERVER_ERROR, "");
                    return Answer { response, feed: None };
                }
            };
            drop(parts);
            let request = match &changed {
                Some(changed) => request.with_head(&changed.head, &changed.bytes),
                None => request,
            };
            let Some(body) = body else {
                return Answer { response: shared.answer(request).await, feed: None };
            };
            let mut feed = body.feed(request.body_bytes_max());
            let incoming = feed.incoming();
            let response = feed.run(shared.answer(request.with_body(&incoming))).await;
            Answer { response, feed: Some(feed) }
        })
    }
}

/// The answer of an application that is a service. Dropped, it drops the application's future.
///
/// ```
/// use selvedge_http::tower::{ApplicationFuture, RequestBody, from_service, into_service};
/// use selvedge_http::{Request, testing};
/// use tower::Service;
///
/// let make = || {
///     let pages = into_service(async |request: Request<'_>| request.path().to_vec());
///     // A service around it that need not box its future.
///     from_service(tower::service_fn(move |mut request: http::Request<RequestBody>| -> ApplicationFuture {
///         *request.uri_mut() = http::Uri::from_static("/index.html");
///         pages.clone().call(request)
///     }))
/// };
/// testing::run(make, async |client| {
///     client.get("/").send().await.assert_body("/index.html").await;
/// });
/// ```
pub struct ApplicationFuture(WorkerBound<Option<(Rc<Exchange>, Rc<Call>)>>);

impl Future for ApplicationFuture {
    type Output = Result<http::Response<ResponseBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((exchange, call)) = &*self.0 else {
            return Poll::Ready(Ok(response::unanswered()));
        };
        let Some(mut answer) = ready!(call.poll_answer(context)) else {
            return Poll::Ready(Ok(response::unanswered()));
        };
        if let ApplicationBody::Upgrade(_) = answer.response.body
            && let ApplicationBody::Upgrade(upgrade) =
                std::mem::replace(&mut answer.response.body, ApplicationBody::Empty)
        {
            exchange.put_aside(upgrade);
        }
        let response = response::to_http(answer.response, answer.feed);
        exchange.note_body(response.body().held());
        Poll::Ready(Ok(response))
    }
}

impl Drop for ApplicationFuture {
    fn drop(&mut self) {
        if let Some(Some((exchange, call))) = self.0.get() {
            call.end();
            exchange.wake_driver();
        }
    }
}

impl fmt::Debug for ApplicationFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplicationFuture").finish_non_exhaustive()
    }
}
