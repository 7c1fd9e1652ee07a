//! What clients behind a proxy have at once. In: a request. Out: the response of the application behind it, or 503.

use std::cell::RefCell;
use std::rc::Rc;

use http::{HeaderValue, StatusCode, header};

use crate::address_limits::{AddressLimiter, AddressPlace};
use crate::application::Application;
use crate::request::Request;
use crate::response::Response;

/// Limits how many exchanges an address has at once that come through the trusted proxies of `limiter`'s limits, by the
/// address that these tell. One more is answered with 503 and `Retry-After`; the connection, which is the proxy's, stays.
///
/// An exchange counts until its answer, or the last 256 KiB of it, was handed to the kernel, and as much as a connection that
/// the same address has by itself. It counts once with each limiter, however often that is asked for it. How
/// often an address may connect is not asked here: what a proxy passes on are requests, of which a page needs many. Clients
/// whose address the proxy does not tell have no limit.
///
/// ```
/// use std::num::NonZero;
///
/// use selvedge_http::address_limits::{AddressLimiter, AddressLimits};
/// use selvedge_http::middleware::exchanges_per_address;
/// use selvedge_http::{Application, Request, Server, StartError};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let limiter = AddressLimiter::new(AddressLimits {
///         connections_max: NonZero::new(20),
///         trusted_proxies: "10.0.0.0/8".parse()?,
///         ..AddressLimits::default()
///     });
///     let server = Server::builder().listen("127.0.0.1:0").workers(1).address_limiter(limiter.clone());
///     let server = server.start(move |_| {
///         let hello = async |_: Request<'_>| "hello";
///         hello.with(exchanges_per_address(&limiter))
///     })?;
///     server.control().stop();
///     server.join();
///     Ok(())
/// }
/// ```
pub fn exchanges_per_address<A: Application>(
    limiter: &AddressLimiter,
) -> impl FnOnce(A) -> ExchangesPerAddress<A> + use<A> {
    let limiter = limiter.clone();
    move |application| ExchangesPerAddress { limiter, application }
}

/// What [`exchanges_per_address`] makes.
///
/// ```
/// use std::num::NonZero;
///
/// use selvedge_http::address_limits::{AddressLimiter, AddressLimits};
/// use selvedge_http::middleware::{ExchangesPerAddress, exchanges_per_address};
/// use selvedge_http::{Application, Request, testing};
///
/// fn application() -> ExchangesPerAddress<impl Application> {
///     let limits = AddressLimits { connections_max: NonZero::new(1), ..AddressLimits::default() };
///     (async |_: Request<'_>| "hello").with(exchanges_per_address(&AddressLimiter::new(limits)))
/// }
///
/// testing::run(application, async |client| {
///     client.get("/").send().await.assert_status(200);
/// });
/// ```
#[derive(Debug, Clone)]
pub struct ExchangesPerAddress<A> {
    limiter: AddressLimiter,
    application: A,
}

/// Kept at the request until its exchange is over: a place of each limiter that it has come by.
#[derive(Clone)]
struct Kept(Rc<RefCell<Vec<AddressPlace>>>);

impl Kept {
    fn has_one_of(&self, limiter: &AddressLimiter) -> bool {
        self.0.borrow().iter().any(|place| place.is_of(limiter))
    }
}

impl<A: Application> Application for ExchangesPerAddress<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        let kept = request.extensions().get::<Kept>();
        if kept.as_ref().is_some_and(|kept| kept.has_one_of(&self.limiter)) {
            // What is in front of this one has called it before.
            return self.application.call(request).await;
        }
        match self.limiter.claim_exchange(&request) {
            Ok(place) if place.is_counted() => match kept {
                Some(Kept(places)) => places.borrow_mut().push(place),
                None => request.extensions().insert(Kept(Rc::new(RefCell::new(vec![place])))),
            },
            Ok(_) => {}
            Err(_) => {
                return Response::error(StatusCode::SERVICE_UNAVAILABLE, "too many requests of one client")
                    .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
        }
        self.application.call(request).await
    }
}
