#![no_main]
//! `cargo fuzz run chunked`; the body is `selvedge_http::fuzzing::chunked`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge_http::fuzzing::chunked(bytes));
