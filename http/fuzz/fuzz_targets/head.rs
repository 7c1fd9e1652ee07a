#![no_main]
//! `cargo fuzz run head`; the body is `selvedge_http::fuzzing::head`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge_http::fuzzing::head(bytes));
