//! What one route's exchanges may spend. In: a request. Out: what is behind answers, within its budgets.

use std::future::poll_fn;
use std::pin::pin;

use crate::application::Application;
use crate::budgets::Budgets;
use crate::request::Request;
use crate::response::Response;

/// Lowers the server's [`Budgets`] for what is behind it; where the server has none, these hold. A budget that is `None` here
/// stays what it was.
///
/// Times are reckoned from the request's whole head, and what is over budget ends as the server's own do. [`timeout`](super::timeout())
/// is for an answer of the application's own, and keeps the connection.
///
/// # Panics
/// Where allocated bytes are bounded and no [`CountingAllocator`](selvedge_runtime::CountingAllocator) counts them.
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_http::middleware::budgets;
/// use selvedge_http::{Application, Budgets, Request, Router};
///
/// async fn search(_: Request<'_>) -> &'static str {
///     "found"
/// }
///
/// fn application() -> Router {
///     let quick = Budgets { handler_time: Some(Duration::from_secs(2)), ..Budgets::default() };
///     Router::new().get("/search", search.with(budgets(quick)))
/// }
/// # application();
/// ```
pub fn budgets<A: Application>(budgets: Budgets) -> impl FnOnce(A) -> Budgeted<A> {
    assert!(
        budgets.allocated_bytes.is_none() || selvedge_runtime::counts_allocations(),
        "{}",
        Budgets::NOTHING_COUNTS
    );
    move |application| Budgeted { application, budgets }
}

/// What [`budgets`] makes.
///
/// ```
/// # use std::io::{Read, Write};
/// use std::time::Duration;
///
/// use selvedge_http::middleware::{Budgeted, budgets};
/// use selvedge_http::{Application, Budgets, Request, Server};
///
/// fn application() -> Budgeted<impl Application> {
///     let stuck = async |_: Request<'_>| std::future::pending::<String>().await;
///     stuck.with(budgets(Budgets { handler_time: Some(Duration::from_millis(50)), ..Budgets::default() }))
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::ephemeral(|_| application())?;
/// # let mut client = std::net::TcpStream::connect(server.address())?;
/// # client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
/// # let mut answer = String::new();
/// # client.read_to_string(&mut answer)?;
/// // The answer to a GET, which comes before the connection's end:
/// assert!(answer.starts_with("HTTP/1.1 503 "));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Budgeted<A> {
    application: A,
    budgets: Budgets,
}

impl<A: Application> Application for Budgeted<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        let Some(allocations) = request.lower_budgets(&self.budgets) else {
            return self.application.call(request).await;
        };
        let mut answering = pin!(self.application.call(request));
        poll_fn(|context| allocations.charge(|| answering.as_mut().poll(context))).await
    }
}
