use std::io::ErrorKind;

use selvedge_runtime::StartError;

use super::*;
use crate::rights_config::{AccountName, RightsConfig, SandboxPolicy};

fn root(path: &str, error: impl Into<io::Error>) -> String {
    let failure = Failure::root(Path::new(path), &error.into());
    assert_eq!(failure.exit_status(), 1);
    failure.to_string()
}

fn os(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

#[test]
fn misuse_exits_with_2_and_all_else_with_1() {
    assert_eq!(Failure::usage("a", "b").exit_status(), 2);
    assert_eq!(Failure::fatal("a", "b").exit_status(), 1);
    assert_eq!(Failure::usage("a", "b").kind(), FailureKind::Usage);
}

#[test]
fn the_message_stays_one_line_and_sends_nothing_to_the_terminal() {
    let failure = Failure::fatal("no 'a\nb\u{1b}[2J\u{9b}é'", "try\tmore");
    assert_eq!(failure.to_string(), r"no 'a\nb\u{1b}[2J\u{9b}é'; try\tmore");
}

#[test]
fn a_value_found_wrong_later_names_its_option() {
    let bad = BadValue::new("CPU 7 is not there", "choose from 0-1");
    let failure = Failure::bad_value("--cpus", &bad);
    assert_eq!(failure.to_string(), "--cpus: CPU 7 is not there; choose from 0-1");
    assert_eq!(failure.exit_status(), 2);
}

#[test]
fn each_trouble_with_the_root_is_told_with_its_remedy() {
    for (error, wanted) in [
        (ErrorKind::NotFound.into(), "directory './public' does not exist; create it, or name another one"),
        (ErrorKind::NotADirectory.into(), "'./public' is not a directory; name the directory"),
        (ErrorKind::PermissionDenied.into(), "directory './public' may not be read by this user; run as"),
        (ErrorKind::InvalidFilename.into(), "directory name './public' is too long; "),
        (os(40), "'./public' leads through too many symbolic links; "),
        (os(5), "cannot open directory './public': Input/output error (os error 5); name another"),
    ] {
        let message = root("./public", error);
        assert!(message.starts_with(wanted), "{message}");
    }
}

#[test]
fn what_capabilities_alone_could_read_is_told_with_who_could() {
    let message = Failure::root_out_of_reach(Path::new("/home/site")).to_string();
    let what = "'/home/site' may not be read without capabilities, which this server gives up; become its owner with --user";
    assert!(message.starts_with(what) && message.ends_with(", or write --sandbox off"), "{message}");
}

#[test]
fn rings_for_the_privileged_are_told_by_what_becomes_of_privileges() {
    let told = |sysctl, user: Option<&str>, sandbox| {
        let user = user.map(|user| AccountName { user: user.to_owned(), group: None });
        Failure::start(&StartError::Forbidden { sysctl }, &RightsConfig { user, sandbox }).to_string()
    };
    let (off, auto) = (SandboxPolicy::Off, SandboxPolicy::Auto);
    for (message, wanted) in [
        (
            told(Some(1), None, auto),
            "=1), and a server that root starts gives its privileges up first; set kernel.io_uring_group to",
        ),
        (
            told(Some(1), Some("www-data"), auto),
            "=1), and --user www-data is none; set kernel.io_uring_group to a group of that user",
        ),
        (
            told(Some(1), Some("www-data"), off),
            "=1), and --user www-data is none; set kernel.io_uring_group to a group of that user",
        ),
        (
            told(Some(1), None, off),
            "=1); run `sysctl -w kernel.io_uring_disabled=0` as root, or add this user",
        ),
        (told(Some(2), None, auto), "switched off on this machine (kernel.io_uring_disabled=2); run"),
    ] {
        assert!(message.contains(wanted), "{message}");
    }
    assert!(told(Some(1), None, auto).contains(", as root write --sandbox off, or run `sysctl"));
}

#[test]
fn a_missing_directory_named_like_a_port_suggests_the_option() {
    assert!(root("8000", ErrorKind::NotFound).ends_with("write -p 8000 if you meant the port"));
}

#[test]
fn the_errors_of_this_kernel_are_recognised() {
    let error = std::fs::read_dir("/nonexistent-selvedge").unwrap_err();
    assert!(root("/nonexistent-selvedge", error).contains("does not exist"));

    let error = std::fs::read_dir("/proc/self/exe").unwrap_err();
    assert!(root("/proc/self/exe", error).contains("is not a directory"));
}
