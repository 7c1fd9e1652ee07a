//! What the engine refuses by itself. In: why. Out: the response that says so: the engine's own line of text, or what
//! the application has for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use http::StatusCode;

use crate::budgets::Budget;
use crate::fixed_fields::is_owned;
use crate::h1::Reject;
use crate::record::CloseReason;
use crate::response::{Body, Response};

/// Says what a client gets that is refused; on its worker, while nobody else is served.
///
/// Its body must be in memory. A status that is no error's is replaced by the refusal's. If it panics, or its response
/// cannot be sent, the engine's own is, and that is reported.
///
/// ```
/// use std::rc::Rc;
///
/// use selvedge_http::{OnRefusal, Refusal, Request, Response, WorkerApplication, testing};
///
/// fn on_each_worker() -> WorkerApplication<impl selvedge_http::Application> {
///     let in_html: OnRefusal = Rc::new(|refusal: &Refusal| {
///         Response::html(format!("<h1>{}</h1>", refusal.reason())).with_status(refusal.status())
///     });
///     WorkerApplication { on_refusal: Some(in_html), ..WorkerApplication::from(async |_: Request<'_>| "hello") }
/// }
///
/// selvedge_runtime::block_on(|| async {
///     let client = testing::Client::new(on_each_worker());
///     let mut refusal = client.raw("GET / HTTP/1.1\r\n\r\n").await;
///     refusal.assert_status(400).assert_content_type("text/html").assert_body_contains("<h1>").await;
/// });
/// ```
pub type OnRefusal = Rc<dyn Fn(&Refusal) -> Response>;

/// What the engine answers for by itself, since no application could or did.
///
/// ```
/// use selvedge_http::h1::Reject;
/// use selvedge_http::{Refusal, Response};
///
/// fn in_json(refusal: &Refusal) -> Response {
///     let body = format!(r#"{{"status":{},"reason":"{}"}}"#, refusal.status().as_u16(), refusal.reason());
///     Response::text(body.into_bytes())
///         .with_header(selvedge_http::header::CONTENT_TYPE, "application/json")
///         .with_status(refusal.status())
/// }
///
/// let response = in_json(&Refusal::Rejected(Reject::HostMissing));
/// assert_eq!(response.status(), selvedge_http::StatusCode::BAD_REQUEST);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The request is none, is longer than the limits allow, or did not come in time. The connection closes.
    Rejected(Reject),
    /// What the application answered breaks the rules of framing: 500. The connection closes.
    InvalidResponse,
    /// A TRACE, which the server does not take: 501.
    Trace,
    /// The application has spent more on it than it may: 503. The connection closes.
    OverBudget(Budget),
}

impl Refusal {
    /// The status that tells the client.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Rejected(reject) => reject.status(),
            Self::InvalidResponse => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Trace => StatusCode::NOT_IMPLEMENTED,
            Self::OverBudget(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// A few words about it, maybe none; never what the client sent.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Rejected(reject) => reject.reason(),
            Self::InvalidResponse => "",
            Self::Trace => "TRACE not supported",
            Self::OverBudget(budget) => budget.reason(),
        }
    }

    /// What a client is told before its connection closes for `reason`, if it is told anything.
    pub(crate) const fn before_close(reason: CloseReason) -> Option<Self> {
        match reason {
            CloseReason::Rejected(reject) => Some(Self::Rejected(reject)),
            CloseReason::OverBudget(budget) => Some(Self::OverBudget(budget)),
            _ => None,
        }
    }

    /// The engine's own line of text.
    pub(crate) const fn response(self) -> Response {
        Response::error(self.status(), self.reason())
    }
}

/// What `on_refusal` says; `None` if that is of no use.
pub(crate) fn ask(on_refusal: &OnRefusal, refusal: Refusal) -> Option<Response> {
    // Unwind safe as an application is: what it holds is in the state in which a panic of a handler would leave it.
    let response = match catch_unwind(AssertUnwindSafe(|| on_refusal(&refusal))) {
        Ok(response) => response,
        Err(panic) => {
            selvedge_runtime::report_panic("the answer to a refusal panicked", panic);
            return None;
        }
    };
    if !is_in_memory(response.body()) || response.head().fields.iter().any(|(name, _)| is_owned(name)) {
        report_unusable();
        return None;
    }
    let status = response.status();
    match status.is_client_error() || status.is_server_error() {
        true => Some(response),
        false => Some(response.with_status(refusal.status())),
    }
}

/// What would have to be read or waited for has no place where a connection ends.
fn is_in_memory(body: &Body) -> bool {
    match body {
        Body::Empty | Body::Full(_) | Body::Segments(_) | Body::Error { .. } | Body::Prepared(_) => true,
        Body::Stream(_) | Body::Upgrade(_) | Body::Path(_) | Body::File(_) | Body::Parts(_) => false,
    }
}

/// Tells the operator that the engine's own words were used.
pub(crate) fn report_unusable() {
    let text = "the application's answer to a refusal cannot be sent; the server's own was";
    selvedge_runtime::report(text, || text.to_owned());
}
