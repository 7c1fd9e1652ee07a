//! What `instructions` promises: the same figures each time, and a failure where they have grown.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test is an ordinary program")]

use std::fs;
use std::process::{Command, Output};

fn instructions(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_selvedge-benches"));
    command.args(["instructions", "--requests", "10"]).args(arguments).output().unwrap()
}

#[test]
fn the_same_instructions_are_counted_each_time_and_more_of_them_fail() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return eprintln!("SKIPPED: valgrind is missing: apt install valgrind");
    }
    let first = instructions(&[]);
    let said = String::from_utf8_lossy(&first.stderr);
    assert!(first.status.success(), "{said}");
    let table = String::from_utf8(first.stdout).unwrap();
    assert_eq!(table.lines().count(), 8, "{table}");

    // Of a development build, as the page's are not.
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.md");
    fs::write(&page, &table).unwrap();
    let again = instructions(&["--check", page.to_str().unwrap()]);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(String::from_utf8(again.stdout).unwrap(), table);

    let row = table.lines().find(|line| line.starts_with("| scan")).unwrap();
    let fewer = "| scan: find the head's end | 1 | 1 | 1 |";
    fs::write(&page, table.replace(row, fewer)).unwrap();
    let grown = instructions(&["--check", page.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&grown.stderr);
    assert!(!grown.status.success() && said.contains("instead of 1"), "{said}");
}

#[test]
fn a_page_without_the_table_is_refused_before_anything_is_counted() {
    let refused = instructions(&["--check", "/no/such/page.md"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cannot read /no/such/page.md"));
    let refused = instructions(&["--check", "/dev/null"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("print the table anew"));
}
