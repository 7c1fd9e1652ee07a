//! The way to the tower ecosystem: its services as applications, applications as its services, and its layers as middleware.
//! In: requests in this library's terms. Out: requests, responses and bodies in those of `http`, `http-body` and tower, and
//! back.
//!
//! * [`from_service()`]: an `axum::Router`, or any other service, answers requests.
//! * [`layer()`] and [`transparent_layer`]: a layer of tower-http is middleware.
//! * [`into_service`]: an application, such as a site's files, is mounted in a router that takes services.
//!
//! # Threads
//! A service runs on the worker that its request came to. No `Send` is asked of it. Bodies, and the futures of applications,
//! are `Send` by their type, because axum asks for it, but belong to their worker: polled on another thread they panic with a
//! message that says so; dropped there, they are lost with a line on standard error. Whoever needs a body on another thread
//! sends it there by a [`channel`](selvedge_runtime::channel).
//!
//! Nothing of tokio runs on a worker. Services that only compute, read the body and answer need nothing of it: routing,
//! extractors, JSON. Those that use its timers, sockets or files (`TimeoutLayer`, `ServeDir`, a keep-alive of server-sent
//! events) need a tokio runtime's context, which the `tokio_bridge` of this library gives them.
//!
//! # Which layers keep a file a file
//! A file's answer is sent by the kernel or from a block that stands ready. It stays so through a layer that gives the body back
//! as it came, whatever it does to the head: `SetResponseHeaderLayer`, `CorsLayer`, `TimeoutLayer`, `SetRequestIdLayer`,
//! `PropagateHeaderLayer`, `NormalizePathLayer`, `AddExtensionLayer`, `map_response`. If the head is unchanged too, the
//! response is the very one that the application gave.
//!
//! Layers that wrap every body in one of their own have it read piece by piece and copied: `CompressionLayer`, `TraceLayer`,
//! `CatchPanicLayer`, `RequestBodyLimitLayer`, and axum's router around [`into_service`]. Of these, the ones that change no
//! octet can be given to [`transparent_layer`], or [`FromService::with_transparent_bodies`]: then files stay files here too.
//! Answers of several ranges are always read.
//!
//! # What does not go through
//! * axum's `WebSocketUpgrade` answers 426: it needs `hyper::upgrade::OnUpgrade`, which only hyper's own connections can
//!   make. [`Response::upgrade`](crate::Response::upgrade) of an application does go through layers and routers.
//! * Trailer fields of requests: the engine reads over them.
//! * Interim responses are an application's ([`Request::early_hints`](crate::Request::early_hints)).

mod application_service;
mod exchange;
mod feed;
mod from_service;
mod layer;
mod request;
mod request_body;
mod response;
mod response_body;
mod worker_bound;

pub use application_service::{ApplicationFuture, ApplicationService, into_service};
pub use from_service::{FromService, from_service};
pub use layer::{layer, transparent_layer};
pub use request::Peer;
pub use request_body::RequestBody;
pub use response_body::ResponseBody;

/// Any error, as tower has it.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong with a request's body, if that is at the root of `error`.
fn body_error(error: &(dyn std::error::Error + 'static)) -> Option<crate::BodyError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<crate::BodyError>() {
            return Some(error.clone());
        }
        if error.is::<http_body_util::LengthLimitError>() {
            return Some(crate::BodyError::TooLarge);
        }
        cause = error.source();
    }
    None
}

/// A chunk as bytes that may go anywhere. What lies in a worker's own buffers is copied.
fn bytes_of(chunk: selvedge_runtime::Chunk) -> bytes::Bytes {
    match chunk {
        selvedge_runtime::Chunk::Static(bytes) => bytes::Bytes::from_static(bytes),
        selvedge_runtime::Chunk::Bytes(bytes) => bytes,
        other => bytes::Bytes::copy_from_slice(&other),
    }
}
