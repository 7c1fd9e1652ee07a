//! The connection loop on the real kernel: one server of one worker per test, clients over loopback.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

#[path = "../support/mod.rs"]
mod support;

mod at_once;
mod bodies;
mod deadlines;
mod descriptor_reuse;
mod drain;
mod fairness;
mod handlers;
mod heads;
mod keep_alive;
mod lost_clients;
mod pipelining;
mod proxied;
mod records;
mod responses;
mod unsent;
