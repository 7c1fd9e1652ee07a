#![no_main]
//! `cargo fuzz run proxy_protocol`; the body is `selvedge_http::fuzzing::proxy_protocol`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge_http::fuzzing::proxy_protocol(bytes));
