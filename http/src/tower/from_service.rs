//! A service as an application.

use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;

use http::{Extensions, StatusCode};
use http_body::Body;
use tower_service::Service;

use super::exchange::Exchange;
use super::response::{Bodies, of_http};
use super::{BoxError, RequestBody, body_error, request};
use crate::application::Application;
use crate::into_response::IntoResponse;
use crate::request::Request;
use crate::response::Response;
#[cfg(feature = "tokio")]
use crate::tokio_bridge::{InContext, TokioBridge};

/// A service as an application: an `axum::Router`, what `tower::ServiceBuilder` builds, `tower::service_fn`. No `Send` is asked of
/// it or of its futures.
///
/// Each request gets a clone of its own, which is called when it is ready. An error it gives is a 500 and a line on standard
/// error, or the status of what was wrong with the request's body, if that was it. A client that goes drops the future at its
/// await. What the response's body gives is sent as fast as the client reads; at most 64 KiB wait. One of known length, by its size
/// hint or by `Content-Length`, is sent with that length, others in chunks, with their trailers.
///
/// Services that use timers, sockets or files of tokio need [its context](super#threads).
///
/// ```
/// use axum::{Json, Router, extract::Path, routing::get};
/// use selvedge_http::tower::from_service;
///
/// let router: Router = Router::new().route("/users/{id}", get(async |Path(id): Path<u32>| Json(id)));
/// let application = from_service(router);
/// # let _ = application;
/// ```
pub fn from_service<S>(service: S) -> FromService<S> {
    FromService { service, tell: None, bodies: Bodies::Changed }
}

type Tell = Rc<dyn Fn(Request<'_>, &mut Extensions)>;

/// A service as an application; see [`from_service`].
///
/// ```
/// use axum::{Json, Router, extract::Path, routing::get};
/// use selvedge_http::testing;
/// use selvedge_http::tower::{FromService, from_service};
///
/// fn application() -> FromService<Router> {
///     from_service(Router::new().route("/users/{id}", get(async |Path(id): Path<u32>| Json([id]))))
/// }
///
/// testing::run(application, async |client| {
///     client.get("/users/7").send().await.assert_content_type("application/json").assert_text("[7]").await;
///     client.get("/users/me").send().await.assert_status(400);
/// });
/// ```
#[derive(Clone)]
pub struct FromService<S> {
    service: S,
    tell: Option<Tell>,
    bodies: Bodies,
}

impl<S> FromService<S> {
    /// Has `tell` put into each request's extensions what the service looks for there: what middleware has noted at the request,
    /// or the client's address in axum's terms.
    ///
    /// ```
    /// use axum::extract::ConnectInfo;
    /// use selvedge_http::tower::from_service;
    /// use selvedge_runtime::net::Address;
    ///
    /// let router: axum::Router = axum::Router::new();
    /// let application = from_service(router).with_extensions(|request, extensions| {
    ///     if let Ok(Address::Ip(address)) = request.peer() {
    ///         extensions.insert(ConnectInfo(*address));
    ///     }
    /// });
    /// # let _ = application;
    /// ```
    #[must_use]
    pub fn with_extensions(self, tell: impl Fn(Request<'_>, &mut Extensions) + 'static) -> Self {
        Self { tell: Some(Rc::new(tell)), ..self }
    }

    /// Lets it use tokio's timers, sockets and files, which the bridge's thread drives.
    ///
    /// ```no_run
    /// use selvedge_http::tokio_bridge::TokioBridge;
    /// use selvedge_http::tower::from_service;
    /// use tower_http::services::ServeDir;
    ///
    /// let bridge = TokioBridge::start()?;
    /// let application = from_service(ServeDir::new("public")).in_context(&bridge);
    /// # let _ = application;
    /// # Ok::<_, std::io::Error>(())
    /// ```
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn in_context(self, bridge: &TokioBridge) -> InContext<Self>
    where
        Self: Application,
    {
        bridge.context()(self)
    }

    /// Says that the service changes no octet of the bodies of [applications within it](super::into_service), though it gives them
    /// back in other types, so that files are sent as files. A wrapper around such a body is told that it has ended at once.
    ///
    /// For axum's router around files, if no handler or layer of it reads and changes their answers.
    #[must_use]
    pub fn with_transparent_bodies(self) -> Self {
        Self { bodies: Bodies::Transparent, ..self }
    }
}

impl<S, B> Application for FromService<S>
where
    S: Service<http::Request<RequestBody>, Response = http::Response<B>> + Clone + 'static,
    S::Error: Into<BoxError>,
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    async fn call(&self, request: Request<'_>) -> Response {
        let Ok(mut converted) = request::to_http(request) else {
            return Response::error(StatusCode::BAD_REQUEST, "request target malformed");
        };
        let method = converted.method().clone();
        let exchange = Rc::new(Exchange::default());
        let extensions = converted.extensions_mut();
        extensions.insert(exchange.key());
        if let Some(tell) = &self.tell {
            tell(request, extensions);
        }
        let mut service = self.service.clone();
        let answered = exchange.drive(request, async {
            poll_fn(|context| service.poll_ready(context)).await?;
            service.call(converted).await
        });
        match answered.await {
            Ok(response) => of_http(response, &method, self.bodies, &exchange).await,
            Err(error) => {
                let error: BoxError = error.into();
                if let Some(error) = body_error(&*error) {
                    return error.into_response();
                }
                selvedge_runtime::report("service", || format!("a service has failed: {error}"));
                Response::error(StatusCode::INTERNAL_SERVER_ERROR, "")
            }
        }
    }
}

impl<S> fmt::Debug for FromService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromService").field("bodies", &self.bodies).finish_non_exhaustive()
    }
}
