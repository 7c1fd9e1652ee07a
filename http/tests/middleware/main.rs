//! Middleware around applications, on the real kernel.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod functions;
mod hosts;
mod limits;
mod methods;
mod panics;
mod paths;
mod refusals;
mod responses;
