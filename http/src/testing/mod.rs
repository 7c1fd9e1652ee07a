//! Testing applications without a socket. In: requests, built call by call. Out: responses, to look into and to assert about.
//!
//! A request is written out and goes through the parser and the rules of the engine that serves connections; the handler's
//! response is checked, framed and given its head by that engine too. So a test sees the 400 of a repeated Content-Length, the
//! `content-length` of a page, and the 500 in place of a response that can't be sent, as a client would. Bodies are pulled, both
//! ways: nothing runs ahead of who asks for it.
//!
//! What a connection is needed for is not there: deadlines, pipelining, what becomes of the connection afterwards. For that
//! there is [`Server::ephemeral`](crate::Server::ephemeral).
//!
//! ```
//! use selvedge_http::{Request, testing};
//!
//! testing::run(|| async |_: Request<'_>| "hello", async |client| {
//!     client.get("/").send().await.assert_status(200).assert_text("hello").await;
//! });
//! ```

mod client;
mod request;
mod response;

pub use client::{Client, run};
pub use request::TestRequest;
pub use response::TestResponse;
