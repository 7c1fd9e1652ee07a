#![no_main]
//! `cargo fuzz run path`; the body is `selvedge_http::fuzzing::path`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge_http::fuzzing::path(bytes));
