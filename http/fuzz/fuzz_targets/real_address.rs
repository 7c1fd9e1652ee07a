#![no_main]
//! `cargo fuzz run real_address`; the body is `selvedge_http::fuzzing::real_address`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge_http::fuzzing::real_address(bytes));
