//! Who may ask, by origin, address and password, and what is asked elsewhere: the middleware for it on the real kernel.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

#[path = "../support/mod.rs"]
mod support;

mod address_rules;
#[cfg(feature = "basic-auth")]
mod basic_auth;
mod cors;
mod redirects;

use support::client::{Asked, Client, Reply};

/// The answer to a request with these field lines.
fn ask(client: &mut Client, method: &str, path: &str, fields: &[&str]) -> Reply {
    let lines: String = fields.iter().map(|line| format!("{line}\r\n")).collect();
    client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
    client.reply_to(if method == "HEAD" { Asked::Head } else { Asked::Get })
}
