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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use crate::middleware::head_from_get;
    use crate::router::Router;
    use crate::testing;

    async fn count(counter: &Rc<Cell<u32>>, _: Request<'_>) -> String {
        // Others run meanwhile: the state is borrowed, not held.
        selvedge_runtime::yield_now().await;
        counter.set(counter.get() + 1);
        counter.get().to_string()
    }

    #[test]
    fn functions_closures_and_nested_routes_share_one_state() {
        let application = || {
            let counter = Rc::default();
            let inner = Router::new().get("/function", with_state(&counter, count).with(head_from_get()));
            let closure = async |counter: &Rc<Cell<u32>>, request: Request<'_>| {
                format!("{} after {}", request.param("what").unwrap_or_default(), counter.get())
            };
            Router::new().nest("/inner", inner).get("/{what}", with_state(&counter, closure))
        };
        testing::run(application, async |client| {
            client.get("/inner/function").send().await.assert_text("1").await;
            client.get("/inner/function").send().await.assert_text("2").await;
            client.get("/nothing").send().await.assert_text("nothing after 2").await;
        });
    }
}
