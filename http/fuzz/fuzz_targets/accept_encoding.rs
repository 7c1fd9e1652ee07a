#![no_main]
//! `cargo fuzz run accept_encoding`; the body is `selvedge_http::fuzzing::accept_encoding`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge_http::fuzzing::accept_encoding(bytes));
