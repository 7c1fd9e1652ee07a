//! Starts that fail say in one line what is wrong and what helps, and end with 2 (misuse) or 1 (all else).

mod support;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use support::{Client, Server, Site, as_ordinary_user, finish, get, is_root, run, shell, skipped, unshare};

/// The one line of a failed start.
#[track_caller]
fn failure(output: &Output, status: i32) -> String {
    let line = String::from_utf8(output.stderr.clone()).expect("messages are UTF-8");
    assert_eq!(output.status.code(), Some(status), "{line}");
    assert!(line.starts_with("selvedge: ") && line.contains("; ") && line.ends_with('\n'), "{line:?}");
    assert_eq!(line.matches('\n').count(), 1, "{line:?}");
    line
}

#[test]
fn a_missing_directory_ends_with_1() {
    let site = Site::new();
    let path = site.join("nothing");
    let line = failure(&run(&[path.to_str().unwrap(), "-p", "0"]), 1);
    assert!(line.contains("does not exist; create it"), "{line}");
}

#[test]
fn what_is_neither_file_nor_directory_ends_with_1() {
    let line = failure(&run(&["/dev/null", "-p", "0"]), 1);
    assert!(line.contains("is not a directory; name"), "{line}");
    let site = Site::with(&[("file", "words")]);
    let mount = format!("/docs={}", site.join("file").display());
    let line = failure(&run(&[site.path().to_str().unwrap(), "-p", "0", "--mount", &mount]), 1);
    assert!(line.contains("/file' is not a directory; name"), "{line}");
}

#[test]
fn an_unreadable_directory_ends_with_1() {
    let site = Site::with(&[("closed/file", "words")]);
    fs::set_permissions(site.join("closed"), Permissions::from_mode(0o700)).unwrap();
    if !is_root() {
        fs::set_permissions(site.join("closed"), Permissions::from_mode(0o000)).unwrap();
    }
    let output = finish(&mut as_ordinary_user(&site, "exec", &site.join("closed")));
    let line = failure(&output, 1);
    assert!(line.contains("may not be read by this user; run as"), "{line}");
    // It can be removed again.
    fs::set_permissions(site.join("closed"), Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_directory_that_may_be_entered_and_not_listed_is_served() {
    let site = Site::with(&[("closed/file", "words")]);
    fs::set_permissions(site.join("closed"), Permissions::from_mode(0o711)).unwrap();
    if !is_root() {
        fs::set_permissions(site.join("closed"), Permissions::from_mode(0o311)).unwrap();
    }
    let server = Server::of(as_ordinary_user(&site, "exec", &site.join("closed")));
    assert_eq!(get(server.address(), "/file").text(), "words");
    server.stop();
    // It can be removed again.
    fs::set_permissions(site.join("closed"), Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_taken_port_ends_with_1() {
    let site = Site::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for accept in ["shared", "reuseport"] {
        let arguments = [site.path().to_str().unwrap(), "-a", "127.0.0.1", "-p", &port, "--accept", accept];
        let line = failure(&run(&arguments), 1);
        assert!(line.contains(&format!("port {port} of 127.0.0.1 is taken; stop whoever")), "{line}");
        assert!(
            line.ends_with("or choose another port; --port, --address or --listen says where\n"),
            "{line}"
        );
    }
}

#[test]
fn a_port_another_server_of_ours_has_is_taken_too() {
    let site = Site::new();
    let server = Server::start(site.path());
    let port = server.address().port().to_string();
    let line = failure(&run(&[site.path().to_str().unwrap(), "-a", "127.0.0.1", "-p", &port]), 1);
    assert!(line.contains("is taken"), "{line}");
}

#[test]
fn a_cpu_outside_the_mask_ends_with_2() {
    let site = Site::new();
    let line = failure(&run(&[site.path().to_str().unwrap(), "-p", "0", "--cpus", "0,8191"]), 2);
    assert!(line.starts_with("selvedge: --cpus: ") && line.contains("8191"), "{line}");
}

#[test]
fn more_connections_than_descriptors_end_with_1() {
    let site = Site::new();
    let mut command = shell(
        "ulimit -n 256; exec \"$0\" \"$@\"",
        &[site.path().to_str().unwrap(), "-p", "0", "--max-connections", "1000"],
    );
    let line = failure(&finish(&mut command), 1);
    assert!(
        line.contains("1000 connections need more descriptors than the limit of 256; raise it"),
        "{line}"
    );
}

/// Number of io_uring_setup(2), the same on every architecture this runs on (<asm-generic/unistd.h>).
const IO_URING_SETUP: i64 = 425;

/// Not a test: what the test below starts, to become the server under a filter that refuses io_uring.
#[test]
fn filtered_server() {
    let (Some(root), Some(error)) = (std::env::var_os("TEST_ROOT"), std::env::var_os("TEST_ERRNO")) else {
        return;
    };
    let error: u32 = error.to_str().unwrap().parse().unwrap();
    let filter = SeccompFilter::new(
        BTreeMap::from([(IO_URING_SETUP, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(error),
        std::env::consts::ARCH.try_into().expect("the filter's library knows this processor"),
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
    let error = Command::new(support::binary()).arg(root).args(["-p", "0"]).exec();
    panic!("{error}");
}

const EPERM: u32 = 1;
const ENOSYS: u32 = 38;
const EOPNOTSUPP: u32 = 95;

/// Whether io_uring can be refused by a filter.
fn may_filter() -> bool {
    let may = ["x86_64", "aarch64", "riscv64"].contains(&std::env::consts::ARCH);
    if !may {
        skipped("needs an architecture that the seccomp library knows");
    }
    may
}

#[test]
fn forbidden_io_uring_ends_with_1_and_the_way_out() {
    if !may_filter() {
        return;
    }
    let site = Site::new();
    for (error, cause) in [
        (EPERM, "io_uring is forbidden to this process, most likely by a container's seccomp profile; "),
        (ENOSYS, "this kernel offers no io_uring (Function not implemented (os error 38))"),
        (EOPNOTSUPP, "this kernel offers no io_uring (Operation not supported (os error 95))"),
    ] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "filtered_server", "--nocapture", "--test-threads", "1"]);
        command.env("TEST_ROOT", site.path()).env("TEST_ERRNO", error.to_string());
        let line = failure(&finish(&mut command), 1);
        assert!(line.contains(cause), "{line}");
        assert!(line.contains("--security-opt seccomp=unconfined"), "{line}");
    }
}

#[test]
fn io_uring_for_the_privileged_is_told_to_root_with_what_became_of_its_privileges() {
    let Some(mut command) = unshare(&["-m", "--propagation", "private"]).filter(|_| may_filter()) else {
        return;
    };
    let site = Site::with(&[("one", "1\n")]);
    // As the kernel refuses rings with kernel.io_uring_disabled=1, which is for all of the machine: it is not set here.
    let script = "mount --bind \"$0\" /proc/sys/kernel/io_uring_disabled || exit 77; exec \"$@\"";
    command.args(["/bin/sh", "-c", script]).arg(site.join("one")).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "filtered_server", "--nocapture", "--test-threads", "1"]);
    command.env("TEST_ROOT", site.path()).env("TEST_ERRNO", EPERM.to_string());
    let output = finish(&mut command);
    if output.status.code() == Some(77) {
        return skipped("needs kernel.io_uring_disabled (Linux 6.6 or newer)");
    }
    let line = failure(&output, 1);
    assert!(
        line.contains("a server that root starts gives its privileges up first; set kernel.io_uring_group"),
        "{line}"
    );
}

#[test]
fn little_lockable_memory_is_said_and_served_without() {
    let site = Site::with(&[("file", "words")]);
    support::write_pattern(&site.join("large"), 1 << 20);
    let server = Server::of(as_ordinary_user(&site, "ulimit -l 64; exec", site.path()));
    assert!(!server.banner().contains("registered blocks"), "{}", server.banner());
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/file").text(), "words");
    assert!(client.get("/large").body == support::pattern(0, 1 << 20));
    server.signal(rustix::process::Signal::TERM);
    drop(client);
    let (status, stderr) = server.wait();
    assert_eq!(status.code(), Some(0));
    assert!(
        stderr.contains("the limit of locked memory is 64 KiB; it serves all the same. `ulimit -l"),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn a_low_descriptor_limit_is_raised_and_connections_follow_it() {
    let site = Site::with(&[("file", "words")]);
    let root = site.path().to_str().unwrap();
    let start = |limits: &str| {
        let script = format!("{limits}; exec \"$0\" \"$@\"");
        Server::of(shell(&script, &[root, "-p", "0", "-a", "127.0.0.1", "-j", "1"]))
    };
    let limits_of = |server: &Server| {
        let path = format!("/proc/{}/limits", server.pid().as_raw_nonzero());
        let text = fs::read_to_string(path).unwrap();
        let line = text.lines().find(|line| line.starts_with("Max open files")).unwrap().to_owned();
        let mut numbers = line.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
        (numbers.next().unwrap(), numbers.next().unwrap())
    };
    // The soft limit alone is no limit.
    let server = start("ulimit -Sn 20; ulimit -Hn 600");
    assert_eq!(limits_of(&server), (600, 600));
    // Of 100 descriptors half are for connections.
    let server = start("ulimit -n 100");
    assert_eq!(limits_of(&server), (100, 100));
    let mut clients: Vec<_> = (0..80).map(|_| Client::connect(server.address())).collect();
    for client in &mut clients {
        client.send("GET /file HTTP/1.1\r\nhost: h\r\n\r\n");
    }
    // Those beyond the limit wait in the backlog and are served when others leave.
    for client in clients {
        let mut client = client;
        assert_eq!(client.response().text(), "words");
    }
    server.stop();
}

#[test]
fn with_few_descriptors_every_file_is_served_on_as_many_connections_as_there_may_be() {
    let site = Site::new();
    for number in 0..100 {
        site.write(&number.to_string(), vec![number; 100_000]);
    }
    let script = "ulimit -n 64; exec \"$0\" \"$@\"";
    let root = site.path().to_str().unwrap();
    let server = Server::of(shell(script, &[root, "-p", "0", "-a", "127.0.0.1", "-j", "1"]));
    // Of 64 descriptors half are in reserve, 24 are for connections.
    let mut clients: Vec<_> = (0..24).map(|_| Client::connect(server.address())).collect();
    for number in (0..100).chain(0..100) {
        // Another connection each time, so that all of them stay open.
        let response = clients[usize::from(number) % 24].get(&format!("/{number}"));
        assert_eq!(response.status, 200, "{}", server.stderr());
        assert!(response.body == vec![number; 100_000]);
    }
    server.stop();
}
