//! Who the client is, for everybody behind. In: a request, maybe from a trusted proxy. Out: the same, with a
//! [`RealAddress`](crate::real_address::RealAddress) in its extensions.

use crate::application::Application;
use crate::networks::Networks;
use crate::request::Request;
use crate::response::Response;

/// Notes at each request who its client is, as [`Request::real_address`] finds it out: by `Forwarded` and
/// `X-Forwarded-For` as far as `trusted` proxies wrote them, else by the connection. Nothing is noted where the client
/// is gone already.
///
/// ```
/// use selvedge_http::middleware::real_ip;
/// use selvedge_http::networks::NetworkError;
/// use selvedge_http::real_address::RealAddress;
/// use selvedge_http::{Application, Request};
///
/// async fn who(request: Request<'_>) -> String {
///     match request.extensions().get::<RealAddress>() {
///         Some(RealAddress::Known(address)) => address.to_string(),
///         _ => "nobody knows".to_owned(),
///     }
/// }
///
/// fn application() -> Result<impl Application, NetworkError> {
///     Ok(who.with(real_ip("10.0.0.0/8, 192.0.2.1".parse()?)))
/// }
/// # application().unwrap();
/// ```
pub fn real_ip<A: Application>(trusted: Networks) -> impl FnOnce(A) -> RealIp<A> {
    move |application| RealIp { application, trusted }
}

/// What [`real_ip`] makes.
///
/// ```
/// use selvedge_http::middleware::{RealIp, real_ip};
/// use selvedge_http::real_address::RealAddress;
/// use selvedge_http::{Application, Request, testing};
/// # async fn who(request: Request<'_>) -> String {
/// #     request.extensions().get::<RealAddress>().map_or_else(String::new, |real| real.address().to_string())
/// # }
///
/// fn application() -> RealIp<impl Application> {
///     who.with(real_ip("127.0.0.1".parse().expect("a list of blocks")))
/// }
///
/// testing::run(application, async |client| {
///     let passed_on = || client.get("/").header("x-forwarded-for", "198.51.100.7");
///     passed_on().send().await.assert_text("198.51.100.7").await;
///     // Anybody may write that field: of a stranger it is not believed.
///     let stranger = std::net::SocketAddr::from(([192, 0, 2, 1], 50_000));
///     passed_on().peer(stranger).send().await.assert_text("192.0.2.1").await;
/// });
/// ```
#[derive(Debug, Clone)]
pub struct RealIp<A> {
    application: A,
    trusted: Networks,
}

impl<A: Application> Application for RealIp<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        if let Ok(address) = request.real_address(&self.trusted) {
            request.extensions().insert(address);
        }
        self.application.call(request).await
    }
}
