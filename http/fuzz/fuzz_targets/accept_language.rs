#![no_main]
//! `cargo fuzz run accept_language`; the body is `selvedge_http::fuzzing::accept_language`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| selvedge_http::fuzzing::accept_language(bytes));
