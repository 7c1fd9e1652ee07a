//! An application that finds a tokio runtime wherever it is polled.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::TokioBridge;
use crate::application::Application;
use crate::request::Request;
use crate::response::{Body, Response};

/// An application in a bridge's context: see [`TokioBridge::context`].
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_http::tokio_bridge::{InContext, TokioBridge};
/// use selvedge_http::{Application, Request, testing};
///
/// /// Timers of tokio, which panic where no runtime is.
/// async fn lookup(_: Request<'_>) -> &'static str {
///     let found = tokio::time::timeout(Duration::from_secs(5), async { "found" });
///     found.await.unwrap_or("it takes too long")
/// }
///
/// # fn main() -> std::io::Result<()> {
/// let bridge = TokioBridge::start()?;
/// testing::run(move || -> InContext<_> { lookup.with(bridge.context()) }, async |client| {
///     client.get("/").send().await.assert_text("found").await;
/// });
/// # Ok(())
/// # }
/// ```
pub struct InContext<A> {
    application: A,
    bridge: TokioBridge,
}

impl<A> InContext<A> {
    pub(super) fn new(application: A, bridge: TokioBridge) -> Self {
        Self { application, bridge }
    }
}

impl<A: Application> Application for InContext<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        let calling = Box::pin(self.application.call(request));
        let mut response = Entering::new(calling, &self.bridge).await;
        match &mut response.body {
            Body::Stream(body) => {
                body.around(|producing| Box::pin(Entering::new(producing, &self.bridge)));
            }
            Body::Upgrade(_) => {
                if let Body::Upgrade(upgrade) = std::mem::replace(&mut response.body, Body::Empty) {
                    let bridge = self.bridge.clone();
                    let upgrade =
                        upgrade.around(move |conversing| Box::pin(Entering::new(conversing, &bridge)));
                    response.body = Body::Upgrade(Box::new(upgrade));
                }
            }
            _ => {}
        }
        response
    }
}

/// A future that is polled, and dropped, in the bridge's context.
struct Entering<'f, T> {
    /// Taken by its drop alone.
    future: Option<Pin<Box<dyn Future<Output = T> + 'f>>>,
    bridge: TokioBridge,
}

impl<'f, T> Entering<'f, T> {
    fn new(future: Pin<Box<dyn Future<Output = T> + 'f>>, bridge: &TokioBridge) -> Self {
        Self { future: Some(future), bridge: bridge.clone() }
    }
}

impl<T> Future for Entering<'_, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = self.get_mut();
        let _entered = this.bridge.enter();
        let future = this.future.as_mut().expect("only its drop takes it");
        future.as_mut().poll(context)
    }
}

impl<T> Drop for Entering<'_, T> {
    fn drop(&mut self) {
        let _entered = self.bridge.enter();
        drop(self.future.take());
    }
}

impl<A> fmt::Debug for InContext<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InContext").field("bridge", &self.bridge).finish_non_exhaustive()
    }
}
