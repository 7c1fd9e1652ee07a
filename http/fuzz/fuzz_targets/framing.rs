#![no_main]
//! `cargo fuzz run framing`; the body is `selvedge_http::fuzzing::framing`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge_http::fuzzing::framing(bytes));
