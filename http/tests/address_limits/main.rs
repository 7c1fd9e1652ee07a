//! What one address may have, on the real kernel.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

#[path = "../support/mod.rs"]
mod support;

mod connections;
mod exchanges;
