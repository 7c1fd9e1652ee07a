//! Services and layers of other people on the real kernel: axum, tower, tower-http; and tokio beside the workers.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod bridge;
mod example;
mod files;
mod layers;
mod requests;
mod services;

use std::sync::OnceLock;

use selvedge_http::tokio_bridge::TokioBridge;

/// One bridge for all tests: what a process would have.
fn bridge() -> TokioBridge {
    static BRIDGE: OnceLock<TokioBridge> = OnceLock::new();
    BRIDGE.get_or_init(|| TokioBridge::start().expect("a thread can be started")).clone()
}
