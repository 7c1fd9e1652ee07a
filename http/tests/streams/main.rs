//! Bodies that are not there at once, on the real kernel: requests' pulled, responses' written, both at a time.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

#[path = "../support/mod.rs"]
mod support;

mod app;
mod request_bodies;
mod response_bodies;
mod upgrades;
