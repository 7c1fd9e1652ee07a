//! Lines for the operator, where nobody reads them.
#![allow(clippy::disallowed_methods, reason = "the test starts an ordinary program")]

use std::io::Read;
use std::process::{Command, Stdio};

use selvedge_runtime::report_line;

const AS_WRITER: &str = "SELVEDGE_TEST_WRITES_LINES";
const LINES: usize = 10_000;

/// Not a test: what the test below starts.
#[test]
fn a_program_that_reports() {
    if std::env::var_os(AS_WRITER).is_some() {
        for number in 0..LINES {
            report_line(&format!("line {number}"));
        }
    }
}

#[test]
fn lines_that_nobody_reads_hold_nobody_up() {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_program_that_reports", "--nocapture"])
        .env(AS_WRITER, "yes")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its standard error is left alone until it has ended.
    let mut said = String::new();
    writer.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(writer.wait().unwrap().success(), "{said}");
    let mut lines = String::new();
    writer.stderr.take().unwrap().read_to_string(&mut lines).unwrap();
    assert!(lines.starts_with("selvedge: line 0\nselvedge: line 1\n"), "{lines}");
    // What a pipe holds is whole lines, and fewer than were written.
    assert!(lines.ends_with('\n') && lines.lines().count() < LINES, "{} lines", lines.lines().count());
}
