#![no_main]
//! `cargo fuzz run multipart_form`; the body is `selvedge_http::fuzzing::multipart_form`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge_http::fuzzing::multipart_form(bytes));
