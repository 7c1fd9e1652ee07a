//! What handlers read and write beyond octets, on the real kernel.
#![cfg(all(feature = "json", feature = "form", feature = "websocket"))]
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

#[path = "../support/mod.rs"]
mod support;

mod app;
mod browser;
mod events;
mod forms;
mod json;
mod multipart;
mod trailers;
mod websockets;
