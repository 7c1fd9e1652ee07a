//! Where the server listens, as options and variables say.
#![allow(clippy::unwrap_used, reason = "a test's helpers end it as the test itself does")]

mod support;

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use support::{Client, Server, Site, eventually, get, run, shell, skipped};

fn unix_uri(site: &Site, rest: &str) -> String {
    format!("unix:{}{rest}", site.join("socket").display())
}

#[test]
fn a_unix_socket_is_served_with_its_mode_and_removed_at_the_end() {
    let (site, sockets) = (Site::with(&[("file", "words")]), Site::new());
    for (rest, mode) in [("", 0o660), ("?mode=600", 0o600), ("?mode=666", 0o666)] {
        let server = Server::with(site.path(), &["-l", &unix_uri(&sockets, rest)]);
        let path = sockets.join("socket");
        let metadata = fs::metadata(&path).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o777, mode);
        assert!(server.banner().contains(&format!(" {} ", unix_uri(&sockets, ""))), "{}", server.banner());
        let mut client = Client::connect_unix(&path);
        assert_eq!(client.get("/file").text(), "words");
        assert_eq!(client.get("/nothing").status, 404);
        drop(client);
        server.stop();
        assert!(!path.exists());
    }
}

#[test]
fn a_stale_unix_socket_is_replaced() {
    let (site, sockets) = (Site::with(&[("file", "words")]), Site::new());
    let path = sockets.join("socket");
    drop(UnixListener::bind(&path).unwrap());
    // A child of another test has a copy of the listening socket between its fork and its exec.
    eventually("the end of the listener", || {
        UnixStream::connect(&path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    });
    let _server = Server::with(site.path(), &["-l", &unix_uri(&sockets, "")]);
    assert_eq!(Client::connect_unix(&path).get("/file").text(), "words");
}

#[test]
fn a_unix_socket_somebody_listens_at_is_left_alone() {
    let (site, sockets) = (Site::new(), Site::new());
    let listener = UnixListener::bind(sockets.join("socket")).unwrap();
    let output = run(&[site.path().to_str().unwrap(), "-l", &unix_uri(&sockets, "")]);
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(line.contains("another server listens at unix socket"), "{line}");
    // It still works, and the probe's connection is all it saw.
    drop(UnixStream::connect(sockets.join("socket")).unwrap());
    drop(listener);
}

#[test]
fn what_is_no_socket_is_never_removed() {
    let (site, sockets) = (Site::new(), Site::with(&[("socket", "precious")]));
    let output = run(&[site.path().to_str().unwrap(), "-l", &unix_uri(&sockets, "")]);
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(line.contains("exists and is not a socket; move it away"), "{line}");
    assert_eq!(fs::read_to_string(sockets.join("socket")).unwrap(), "precious");
}

#[test]
fn an_inherited_socket_is_served() {
    let site = Site::with(&[("file", "words")]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let mut command = shell(
        "exec \"$0\" \"$@\" 3<&0 </dev/null",
        &[site.path().to_str().unwrap(), "-l", "fd:3", "-j", "2"],
    );
    command.stdin(OwnedFd::from(listener));
    let server = Server::of(command);
    assert_eq!(server.address(), address);
    assert_eq!(get(address, "/file").text(), "words");
    server.stop();
}

#[test]
fn a_descriptor_that_is_no_listening_socket_is_refused() {
    let site = Site::new();
    let root = site.path().to_str().unwrap();
    let connected = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let connected = TcpStream::connect(connected.local_addr().unwrap()).unwrap();
    for (stdin, script, wanted) in [
        (Stdio::null(), "exec \"$0\" \"$@\" 9<&-", "descriptor 9 is not open; pass"),
        (Stdio::null(), "exec \"$0\" \"$@\" 9<&0", "descriptor 9 is not a socket; pass"),
        (
            OwnedFd::from(connected).into(),
            "exec \"$0\" \"$@\" 9<&0",
            "descriptor 9 is a socket that does not listen; ",
        ),
    ] {
        let mut command: Command = shell(script, &[root, "-l", "fd:9"]);
        let output = support::finish(command.stdin(stdin));
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(line.contains(wanted), "{line}");
    }
}

#[test]
fn several_listeners_are_served_alike() {
    let (site, sockets) = (Site::with(&[("file", "words")]), Site::new());
    for accept in ["shared", "dedicated", "reuseport"] {
        let options =
            ["-l", "127.0.0.1:0", "-l", "127.0.0.2:0", "-l", &unix_uri(&sockets, ""), "--accept", accept];
        let server = Server::with(site.path(), &options);
        assert!(server.banner().contains(&format!("accept={accept}")), "{}", server.banner());
        let addresses = server.addresses();
        assert_eq!(addresses.len(), 2);
        for _ in 0..10 {
            for &address in &addresses {
                assert_eq!(get(address, "/file").text(), "words", "{accept}");
            }
            assert_eq!(
                Client::connect_unix(&sockets.join("socket")).get("/file").text(),
                "words",
                "{accept}"
            );
        }
        server.stop();
    }
}

#[test]
fn all_addresses_are_one_socket_of_both_families() {
    let site = Site::with(&[("file", "words")]);
    let server = Server::with(site.path(), &["-l", ":0"]);
    let port = server.address().port();
    assert_eq!(get((Ipv4Addr::LOCALHOST, port).into(), "/file").text(), "words");
    if server.banner().contains("http://[::]:") {
        assert_eq!(get((std::net::Ipv6Addr::LOCALHOST, port).into(), "/file").text(), "words");
    } else {
        support::skipped("needs IPv6 (IPv4 was tested)");
    }
}

#[test]
fn variables_are_honoured_below_flags() {
    let site = Site::with(&[("start.html", "start")]);
    let mut command = Command::new(support::binary());
    command
        .env_clear()
        .env("SELVEDGE_DIR", site.path())
        .env("SELVEDGE_ADDRESS", "127.0.0.1")
        .env("SELVEDGE_PORT", "0")
        .env("SELVEDGE_INDEX", "start.html")
        .env("SELVEDGE_THREADS", "2")
        .env("SELVEDGE_ACCEPT", "dedicated");
    let server = Server::of(command);
    assert!(server.banner().contains("workers=2") && server.banner().contains("accept=dedicated"));
    assert_eq!(get(server.address(), "/").text(), "start");

    let mut command = Command::new(support::binary());
    command.args(["-j", "1", "--accept", "shared"]).env_clear();
    command.env("SELVEDGE_DIR", site.path()).env("SELVEDGE_LISTEN", "127.0.0.1:0 127.0.0.2:0");
    command.env("SELVEDGE_THREADS", "2").env("SELVEDGE_ACCEPT", "dedicated");
    let server = Server::of(command);
    assert!(server.banner().contains("workers=1") && server.banner().contains("accept=shared"));
    assert_eq!(server.addresses().len(), 2);
}

#[test]
fn the_port_of_a_platform_is_honoured_and_an_injected_url_ignored() {
    let site = Site::new();
    // An address that no other test uses, so that what is free stays free.
    let address = Ipv4Addr::new(127, 0, 0, 77);
    let free = TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port();
    let mut command = Command::new(support::binary());
    command.args([site.path().to_str().unwrap(), "-a", &address.to_string(), "-j", "1"]).env_clear();
    command.env("PORT", free.to_string()).env("SELVEDGE_PORT", "tcp://10.0.0.1:80");
    let server = Server::of(command);
    assert_eq!(server.address().port(), free);
    server.signal(Signal::TERM);
    let (_, stderr) = server.wait();
    assert_eq!(stderr, "selvedge: SELVEDGE_PORT holds a URL, as orchestrators inject it; it is ignored\n");
}

#[test]
fn beyond_the_connection_limit_the_next_waits_and_is_served_later() {
    let site = Site::with(&[("file", "words")]);
    for options in [&["-j", "1"][..], &["-j", "2"], &["-j", "2", "--accept", "dedicated"]] {
        let server = Server::with(site.path(), &[options, &["--max-connections", "2", "--metrics"]].concat());
        let mut first = Client::connect(server.address());
        let mut second = Client::connect(server.address());
        assert_eq!(first.get("/file").text(), "words");
        assert_eq!(second.get("/file").text(), "words");
        // It is in the backlog, and its request in its socket.
        let mut third = Client::connect(server.address());
        third.send("GET /file HTTP/1.1\r\nhost: h\r\n\r\n");
        for _ in 0..50 {
            assert_eq!(first.get("/file").text(), "words");
            assert_eq!(second.get("/file").text(), "words");
        }
        third.stream().set_nonblocking(true).unwrap();
        let mut stream = third.stream();
        let early = stream.read(&mut [0]);
        assert_eq!(early.expect_err("it waits").kind(), ErrorKind::WouldBlock, "{options:?}");
        third.stream().set_nonblocking(false).unwrap();
        // The operator can see it, on the page of numbers and on standard error.
        let mut tells = |line: &str| first.get("/metrics").text().contains(&format!("\n{line}\n"));
        eventually("the pause", || tells("selvedge_accept_pauses_total 1"));
        assert!(tells("selvedge_connections_open 2") && tells("selvedge_connections_max 2"));
        let line =
            "connections: 2 of 2; new ones wait in the backlog until one closes; --max-connections raises it";
        eventually("the word of it", || server.stderr().contains(line));
        drop(first);
        assert_eq!(third.response().text(), "words");
        // And with the limit reached again, the next one still.
        let mut fourth = Client::connect(server.address());
        fourth.send("GET /file HTTP/1.1\r\nhost: h\r\n\r\n");
        drop(second);
        assert_eq!(fourth.response().text(), "words");
        drop((third, fourth));
        server.stop();
    }
}

#[test]
fn a_backlog_that_the_kernel_cuts_is_warned_of() {
    let granted: u32 =
        std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap().trim().parse().unwrap();
    let site = Site::new();
    for (backlog, is_cut) in [(granted, false), (granted + 1, true)] {
        if backlog > 65_535 {
            skipped("net.core.somaxconn is as large as a backlog can be");
            return;
        }
        let server = Server::with(site.path(), &["--backlog", &backlog.to_string()]);
        let said = format!("the kernel cuts the backlog of {backlog} to {granted}; raise it with `sysctl -w");
        server.signal(Signal::TERM);
        let (_, stderr) = server.wait();
        assert_eq!(stderr.contains(&said), is_cut, "{stderr}");
    }
}
