//! Layers of tower as middleware.

use tower_layer::Layer;

use super::{ApplicationService, FromService, from_service, into_service};

/// A layer of tower as middleware: one of tower-http, or a stack of them by `tower::ServiceBuilder`.
///
/// [The module](super#which-layers-keep-a-file-a-file) says which of them keep a file a file.
///
/// ```
/// use selvedge_http::{Application, Request, header, HeaderValue};
/// use selvedge_http::tower::layer;
/// use tower_http::set_header::SetResponseHeaderLayer;
///
/// let cache = SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
/// let application = (async |_: Request<'_>| "hello").with(layer(cache));
/// # fn is_one(_: impl Application) {}
/// # is_one(application);
/// ```
pub fn layer<L, A>(layer: L) -> impl FnOnce(A) -> FromService<L::Service>
where
    L: Layer<ApplicationService<A>>,
    A: crate::Application,
{
    move |application| from_service(layer.layer(into_service(application)))
}

/// The same for a layer that wraps bodies but changes no octet of them, such as `TraceLayer`, `CatchPanicLayer` or
/// `RequestBodyLimitLayer`: an application's files and prepared responses are sent as if it were not there, and its wrapper is told
/// that the body has ended at once. An answer of the layer's own is sent as it is.
///
/// ```
/// use selvedge_http::{Application, Request};
/// use selvedge_http::tower::transparent_layer;
/// use tower_http::trace::TraceLayer;
///
/// let application = (async |_: Request<'_>| "hello").with(transparent_layer(TraceLayer::new_for_http()));
/// # fn is_one(_: impl Application) {}
/// # is_one(application);
/// ```
pub fn transparent_layer<L, A>(layer: L) -> impl FnOnce(A) -> FromService<L::Service>
where
    L: Layer<ApplicationService<A>>,
    A: crate::Application,
{
    move |application| from_service(layer.layer(into_service(application))).with_transparent_bodies()
}
