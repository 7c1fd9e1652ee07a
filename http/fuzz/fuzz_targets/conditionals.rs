#![no_main]
//! `cargo fuzz run conditionals`; the body is `selvedge_http::fuzzing::conditionals`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge_http::fuzzing::conditionals(bytes));
