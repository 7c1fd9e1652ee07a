//! HTTP/1.1 for the Selvedge runtime.
//!
//! Semantics without I/O, bytes in, events and bytes out, so that each can be tested and fuzzed without a kernel:
//! * [`h1`]: HTTP/1.x message syntax and framing (RFC 9112): the end of a head, the request head, chunked bodies,
//!   response heads.
//! * [`path`]: a request path as a path below a site's root, safe by type.
//! * [`validators`], [`conditional`], [`range`]: what RFC 9110 says about entity tags, preconditions and byte ranges.
//! * [`multipart_ranges`]: several byte ranges in one body.
//! * [`media_type`]: the content type of a file by its extension.
//! * [`negotiation`]: what RFC 9110 says about choosing among representations: codings, languages, media types.
//! * [`networks`], [`real_address`], [`proxy_protocol`]: lists of addresses, and who a client behind proxies is.
//!
//! And on the runtime: the connection loop ([`Server`]), what it runs ([`Application`]), what that answers
//! ([`Response`]), which of several applications a request is for ([`Router`]), answers from files ([`files`]),
//! and what is told of all that ([`access_log`], [`metrics`]). [`testing`] asks an application without a socket.
//!
//! ```no_run
//! use selvedge_http::{Request, Response, Server, StartError};
//!
//! fn main() -> Result<(), StartError> {
//!     Server::builder().listen("[::]:8080").serve(|_worker| async |_: Request<'_>| Response::text("hello"))
//! }
//! ```
//!
//! What handlers read and write beyond octets stands at [`Request`] and [`Response`]: JSON ([`Json`], feature `json`),
//! forms and queries by serde (feature `form`), forms with files ([`Multipart`]), cookies ([`SetCookie`]), server-sent
//! events ([`Event`]), WebSocket connections ([`WebSocket`], feature `websocket`). The features are on by default.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod application;
mod block;
mod body;
mod boxed;
mod budgets;
mod clock;
mod connection;
mod content_coding;
mod extensions;
mod fixed_fields;
mod into_response;
mod open_file;
mod pairs;
mod record;
mod refusal;
mod request;
mod response;
mod router;
mod server;
mod server_sent_events;
mod set_cookie;
mod shared;
mod upgrade;
#[cfg(feature = "websocket")]
mod websocket;
mod with_state;

pub mod access_log;
pub mod address_limits;
pub mod conditional;
pub mod files;
pub mod h1;
pub mod media_type;
pub mod metrics;
pub mod middleware;
pub mod multipart_ranges;
pub mod negotiation;
pub mod networks;
pub mod path;
pub mod proxy_protocol;
pub mod range;
pub mod real_address;
pub mod testing;
#[cfg(feature = "tokio")]
pub mod tokio_bridge;
#[cfg(feature = "tower")]
pub mod tower;
pub mod validators;

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
#[cfg(any(test, feature = "fuzzing"))]
#[path = "../tests/support/multipart.rs"]
mod multipart_reader;

mod syntax;

#[cfg(test)]
mod test_support;

pub use ::http::{HeaderName, HeaderValue, Method, StatusCode, header};
pub use application::Application;
#[cfg(feature = "json")]
pub use body::Json;
#[cfg(feature = "form")]
pub use body::QueryError;
pub use body::{
    BodyError, BodyReader, BodyWriter, Multipart, MultipartField, MultipartLimits, RequestBody, StreamBody,
};
pub use boxed::BoxApplication;
pub use budgets::{Budget, Budgets};
pub use clock::Clock;
pub use connection::Timeouts;
pub use extensions::Extensions;
pub use fixed_fields::{FixedFields, OwnedField};
pub use into_response::IntoResponse;
pub use open_file::OpenFile;
pub use record::{CloseReason, ExchangeEnd, ExchangeRecord};
pub use refusal::{OnRefusal, Refusal};
pub use request::Request;
pub use response::{Body, FilePart, FileParts, Prepared, RangeField, Response, ResponseHead};
pub use router::{ParamError, Parameters, RouteError, Router};
pub use selvedge_runtime::net::AcceptPolicy;
pub use server::{
    Control, ListenTarget, Server, ServerBuilder, ServerOptions, StartError, TracePolicy, WorkerApplication,
};
pub use server_sent_events::{Event, EventWriter};
pub use set_cookie::{InvalidCookie, SameSite, SetCookie};
pub use shared::{DURATION_BOUNDS, Draining, Figures, Observer};
pub use upgrade::{Upgrade, Upgraded};
#[cfg(feature = "websocket")]
pub use websocket::{CloseCode, HandshakeError, Message, WebSocket, WebSocketUpgrade};
pub use with_state::{WithState, with_state};

/// The guides' code is compiled and run with the documentation's.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../docs/guides/first-application.md")]
    struct FirstApplication;
    #[cfg(feature = "json")]
    #[doc = include_str!("../../docs/guides/json.md")]
    struct Json;
    #[cfg(feature = "json")]
    #[doc = include_str!("../../docs/guides/state.md")]
    struct State;
    #[doc = include_str!("../../docs/guides/middleware.md")]
    struct Middleware;
    #[doc = include_str!("../../docs/guides/budgets.md")]
    struct Budgets;
    #[doc = include_str!("../../docs/guides/streaming.md")]
    struct Streaming;
    #[doc = include_str!("../../docs/guides/files.md")]
    struct Files;
    #[doc = include_str!("../../docs/guides/from-warp.md")]
    struct FromWarp;
    #[doc = include_str!("../../docs/guides/from-hyper-and-axum.md")]
    struct FromHyperAndAxum;
}
