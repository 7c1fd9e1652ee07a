//! The binary as a shell sees it: exit status, standard output and standard error.

use std::process::{Command, Output, Stdio};

/// Without variables of the developer's own shell.
fn selvedge(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_selvedge"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> Output {
    command.output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("output is UTF-8")
}

#[test]
fn misuse_ends_with_status_2_and_one_line() {
    for arguments in [&["--no-such-option"][..], &["--port", "x"], &["--listen", ":1", "--port", "1"]] {
        let output = output(&mut selvedge(arguments));
        let line = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(line.starts_with("selvedge: ") && line.contains("; "), "{line}");
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_bad_variable_ends_with_status_2() {
    let output = output(selvedge(&[]).env("SELVEDGE_DRAIN", "soon"));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("selvedge: invalid value 'soon' for SELVEDGE_DRAIN: "));
}

#[test]
fn help_and_version_go_to_standard_output_with_status_0() {
    for argument in ["--help", "-h", "--version", "-V"] {
        let output = output(&mut selvedge(&[argument]));
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("elvedge"));
        assert!(output.stderr.is_empty());
    }
}
