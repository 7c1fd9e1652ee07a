//! Answers compressed by middleware, on the real kernel.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

#[path = "../support/mod.rs"]
mod support;

mod app;
mod bodies;
mod decoder;
mod heads;
mod negotiation;
mod requests;
mod streams;
