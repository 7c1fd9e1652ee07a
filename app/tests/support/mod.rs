//! What the tests of the binary share: a server to start and stop, a client, directories, and other programs.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test binary uses a part of it")]

mod client;
mod content;
mod program;
mod server;

pub use client::{Client, Response, get, request};
pub use content::{SIZES, Site, age, expect_content, pattern, write_pattern, write_sparse};
pub use program::{as_ordinary_user, is_root, program, shell, skipped, unshare};
pub use server::{Server, binary, finish, run};

use std::time::{Duration, Instant};

/// How long anything may take that must come: a guard against hanging, never a measure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again until it is so: for what announces itself to nobody.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what} did not happen within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
