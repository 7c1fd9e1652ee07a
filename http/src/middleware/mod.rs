//! What stands between a server and an application.
//!
//! Each is an application around another one, put there by [`Application::with`](crate::Application::with); the last
//! that is added is the first to see a request. What needs no change passes through as it is: files stay without a
//! copy.
//!
//! Of those that many use, this order serves, from the innermost to the outermost: `body_limit`, `timeout`, `recover`,
//! `headers`, `health`, `request_id`. Then a handler's panic or lack of time is answered with the fields of all
//! responses, and everything has a name.
//!
//! ```
//! use std::time::Duration;
//!
//! use selvedge_http::middleware::{body_limit, recover, timeout};
//! use selvedge_http::{Application, Request};
//!
//! async fn hello(_: Request<'_>) -> &'static str {
//!     "hello"
//! }
//!
//! fn application() -> impl Application {
//!     hello.with(body_limit(64 * 1024)).with(timeout(Duration::from_secs(10))).with(recover())
//! }
//! # application();
//! ```

mod address_rules;
#[cfg(feature = "basic-auth")]
mod basic_auth;
mod body_limit;
mod budgets;
mod cache_control;
mod compression;
mod cors;
mod decompression;
mod exchanges_per_address;
mod from_fn;
mod head_from_get;
mod headers;
mod health;
mod map_response;
mod metrics;
mod optional;
mod path_match;
mod places;
mod real_ip;
mod recover;
mod redirects;
mod request_id;
mod rewrite;
mod strip_prefix;
mod timeout;
mod virtual_hosts;

pub use address_rules::{AddressFilter, AddressRules, address_rules};
#[cfg(feature = "basic-auth")]
pub use basic_auth::{Authenticator, BasicAuth, BasicAuthGate, Credentials, SignIn, SignedIn, basic_auth};
#[cfg(feature = "password-files")]
pub use basic_auth::{BadPasswordFile, PasswordFile, SignIns};
pub use body_limit::{BodyLimit, body_limit};
pub use budgets::{Budgeted, budgets};
pub use cache_control::{CacheControl, cache_control};
pub use compression::{Compression, CompressionOptions, compression};
pub use cors::{BadOrigin, Cors, CorsAnswers, CorsPolicy, cors};
pub use decompression::{Decompression, decompression};
pub use exchanges_per_address::{ExchangesPerAddress, exchanges_per_address};
pub use from_fn::{FromFn, Next, from_fn};
pub use head_from_get::{HeadFromGet, head_from_get};
pub use headers::{HeaderChanges, Headers, headers};
pub use health::{Health, health};
pub use map_response::{MapResponse, MapResponseAsync, map_response, map_response_async};
pub use metrics::{MetricsPage, MetricsReaders, metrics};
pub use optional::{Optional, optional};
pub use real_ip::{RealIp, real_ip};
pub use recover::{Recover, recover, recover_with};
pub use redirects::{BadRedirect, Redirect, Redirected, Redirects, redirects};
pub use request_id::{RequestId, RequestIds, request_id};
pub use rewrite::{Rewrite, Rewrites, rewrite};
pub use strip_prefix::{StripPrefix, strip_prefix};
pub use timeout::{Timeout, timeout, timeout_with_status};
pub use virtual_hosts::{HostPattern, HostPatternError, VirtualHosts};
