use std::io::{self, ErrorKind};
use std::path::PathBuf;

use super::{ListenError, ListenSpec, UNIX_PATH_BYTES_MAX};

fn listen(spec: &str, error: impl Into<io::Error>) -> String {
    ListenError::of(&spec.parse().unwrap(), &error.into()).to_string()
}

fn os(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

#[test]
fn each_trouble_with_a_port_is_told_with_its_remedy() {
    for (spec, error, wanted) in [
        (
            ":8080",
            ErrorKind::AddrInUse.into(),
            "port 8080 of [::] is taken; stop whoever listens there (`sudo ss -ltnp 'sport = :8080'` says who), \
             or choose another port",
        ),
        (
            "localhost:0",
            ErrorKind::AddrInUse.into(),
            "the kernel has no port that is free on localhost; try again",
        ),
        (
            ":80",
            ErrorKind::PermissionDenied.into(),
            "port 80 needs a privilege; choose one from 1024 up, or `sudo",
        ),
        (":8080", ErrorKind::PermissionDenied.into(), "the system forbids listening on [::]:8080; allow"),
        ("10.9.9.9:1", ErrorKind::AddrNotAvailable.into(), "this machine has no address 10.9.9.9; choose"),
        (
            "[::1]:1",
            os(97),
            "the kernel has no IPv6, so [::1] can't be listened on; choose an IPv4 address, as in 127",
        ),
        (
            "[2001:db8::1]:1",
            os(97),
            "the kernel has no IPv6, so [2001:db8::1] can't be listened on; choose an IPv4",
        ),
        ("[fe80::1]:1", os(22), "[fe80::1] is link-local"),
        ("[::1]:1", os(12), "cannot listen on [::1]:1: Cannot allocate memory (os error 12); choose"),
    ] {
        let message = listen(spec, error);
        assert!(message.starts_with(wanted), "{message}");
    }
}

#[test]
fn each_trouble_with_a_unix_socket_is_told_with_its_remedy() {
    for (spec, error, wanted) in [
        ("unix:/r/s", ErrorKind::AddrInUse.into(), "another server listens at unix socket '/r/s'; stop it"),
        (
            "unix:/r/s",
            ErrorKind::NotFound.into(),
            "directory '/r' of unix socket '/r/s' does not exist; create",
        ),
        (
            "unix:s",
            ErrorKind::PermissionDenied.into(),
            "this user may not make unix socket 's'; choose a path",
        ),
        ("unix:/r/s", ErrorKind::NotADirectory.into(), "'/r' is no directory to make unix socket '/r/s' in"),
        ("unix:/r/s", os(30), "unix socket '/r/s' would lie on a read-only file system; "),
        ("unix:/r/s", os(36), "the path of unix socket '/r/s' is not possible: File name too long"),
        ("unix:/r/s", os(5), "cannot listen at unix socket '/r/s': Input/output error"),
    ] {
        let message = listen(spec, error);
        assert!(message.starts_with(wanted), "{message}");
    }
    let message = listen("unix:/r/s", ErrorKind::AlreadyExists);
    assert!(message.starts_with("'/r/s' exists and is not a socket; move it away"));
}

#[test]
fn whatever_a_path_holds_the_message_is_one_line() {
    let message = listen("unix:/r/a\nb\u{1b}[2J", ErrorKind::AddrInUse);
    assert!(
        message.starts_with(r"another server listens at unix socket '/r/a\nb\u{1b}[2J'; stop"),
        "{message}"
    );
}

#[test]
fn each_trouble_with_an_inherited_descriptor_is_told() {
    for (error, wanted) in [
        (os(9), "descriptor 3 is not open; pass a listening"),
        (os(88), "descriptor 3 is not a socket; pass"),
        (os(22), "descriptor 3 is a socket that does not listen; pass"),
        (os(1), "cannot use descriptor 3: Operation not permitted"),
    ] {
        let message = listen("fd:3", error);
        assert!(message.starts_with(wanted), "{message}");
    }
}

#[test]
fn the_errors_of_this_kernel_are_recognised() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = std::net::TcpListener::bind(address).unwrap_err();
    assert!(listen(&address.to_string(), error).contains("is taken"));

    // 192.0.2.0/24 is for documentation (RFC 5737), so no machine has it.
    let error = std::net::TcpListener::bind("192.0.2.1:0").unwrap_err();
    assert!(listen("192.0.2.1:0", error).contains("this machine has no address 192.0.2.1"));

    let long = PathBuf::from("/".repeat(UNIX_PATH_BYTES_MAX + 1));
    let error = std::os::unix::net::UnixListener::bind(&long).unwrap_err();
    let error = ListenError::of(&ListenSpec::Unix { path: long, mode: None }, &error);
    assert!(error.to_string().contains("at most 107 bytes"), "{error}");

    let error = std::os::unix::net::UnixListener::bind("/nonexistent-selvedge/s").unwrap_err();
    assert!(listen("unix:/nonexistent-selvedge/s", error).contains("does not exist"));
}
