//! Answers from files on the real disk: one server of one worker per test, clients over loopback.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

#[path = "../support/mod.rs"]
mod support;

mod bounds;
mod changes;
mod cold;
mod compressed;
mod contents;
mod directory_application;
mod forms;
mod freshness;
mod misses;
mod named;
mod ranges;

use std::time::Duration;

use selvedge_http::files::FileOptions;

use support::directory::Directory;

/// What is remembered stays for longer than any test.
const FOR_EVER: Duration = Duration::from_secs(3_600);

/// Files of `directory`, looked at again after `fresh_for`.
fn fresh_for(directory: &Directory, fresh_for: Duration) -> FileOptions {
    FileOptions { fresh_for, ..FileOptions::new(directory.path()) }
}
