//! State for handlers that are functions. In: a state, and a function of it and a request. Out: an [`Application`].

use std::fmt;

use crate::application::Application;
use crate::into_response::IntoResponse;
use crate::request::Request;
use crate::response::Response;

/// An application of a function that gets a state beside the request. It holds a clone of `state`: an `Rc` of what one worker's
/// routes share, an `Arc` of what all workers do, or a struct of several of these.
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
///
/// use selvedge_http::{BodyError, Request, Router, StatusCode, testing, with_state};
///
/// type Lines = Rc<RefCell<Vec<String>>>;
///
/// async fn read(lines: &Lines, _: Request<'_>) -> String {
///     lines.borrow().join("\n")
/// }
///
/// async fn add(lines: &Lines, request: Request<'_>) -> Result<StatusCode, BodyError> {
///     let line = request.body().text(1_000).await?;
///     lines.borrow_mut().push(line);
///     Ok(StatusCode::CREATED)
/// }
///
/// fn application() -> Router {
///     let lines = Lines::default();
///     Router::new().get("/lines", with_state(&lines, read)).post("/lines", with_state(&lines, add))
/// }
///
/// testing::run(application, async |client| {
///     client.post("/lines").body("a line").send().await.assert_status(201);
///     client.get("/lines").send().await.assert_text("a line").await;
/// });
/// ```
pub fn with_state<S, F, R>(state: &S, handler: F) -> WithState<S, F>
where
    S: Clone + 'static,
    F: for<'a> AsyncFn(&'a S, Request<'a>) -> R + 'static,
    R: IntoResponse,
{
    WithState { state: state.clone(), handler }
}

/// The application of [`with_state`].
///
/// ```
/// use std::sync::Arc;
///
/// use selvedge_http::{Request, WithState, testing, with_state};
///
/// async fn greet(greeting: &Arc<str>, request: Request<'_>) -> String {
///     format!("{greeting}, {}", request.segments().next().unwrap_or_default())
/// }
///
/// // Made once for all workers.
/// let greeting: Arc<str> = "hello".into();
/// testing::run(move || -> WithState<_, _> { with_state(&greeting, greet) }, async |client| {
///     client.get("/you").send().await.assert_text("hello, you").await;
/// });
/// ```
pub struct WithState<S, F> {
    state: S,
    handler: F,
}

impl<S, F, R> Application for WithState<S, F>
where
    S: 'static,
    F: for<'a> AsyncFn(&'a S, Request<'a>) -> R + 'static,
    R: IntoResponse,
{
    async fn call(&self, request: Request<'_>) -> Response {
        (self.handler)(&self.state, request).await.into_response()
    }
}

impl<S, F> fmt::Debug for WithState<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithState").finish_non_exhaustive()
    }
}
