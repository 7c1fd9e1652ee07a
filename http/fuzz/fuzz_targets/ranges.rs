#![no_main]
//! `cargo fuzz run ranges`; the body is `selvedge_http::fuzzing::ranges`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge_http::fuzzing::ranges(bytes));
