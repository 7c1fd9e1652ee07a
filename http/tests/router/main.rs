//! Routers on the real kernel: what a client sees of them, and what they cost.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

#[path = "../support/mod.rs"]
mod support;

mod allocations;
mod exchanges;
