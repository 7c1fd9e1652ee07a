//! What befalls a machine while it serves: descriptors run out, another file system is mounted over the root, permissions go and
//! come back, the server is killed. It serves on with what it has, and all is well again without a restart.
#![allow(clippy::unwrap_used, reason = "a test's helpers end it as the test itself does")]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, prlimit};
use support::{
    Client, Server, Site, as_ordinary_user, binary, eventually, get, is_root, pattern, program, unshare,
};

/// The status of `target` on a connection of its own.
fn status(server: &Server, target: &str) -> u16 {
    get(server.address(), target).status
}

#[test]
fn without_a_free_descriptor_connections_wait_and_files_are_503_until_there_is_one() {
    let site = Site::with(&[("asked", "words"), ("new", "other words")]);
    let server = Server::with(site.path(), &["-j", "1"]);
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/asked").text(), "words");
    let set_limit = |current| {
        let limit = Rlimit { current: Some(current), ..getrlimit(Resource::Nofile) };
        prlimit(Some(server.pid()), Resource::Nofile, limit).unwrap();
    };
    // No number below 4 is free, so that no descriptor can be had any more.
    set_limit(4);
    let address = server.address();
    let waiting: Vec<_> =
        (0..5).map(|_| thread::spawn(move || get(address, "/asked").text().to_owned())).collect();
    assert_eq!(client.get("/new").status, 503);
    // What is in memory is served all the time, longer than it may go without a look at the disk.
    eventually("a word about it", || {
        assert_eq!(client.get("/asked").text(), "words");
        server.stderr().contains("Too many open files")
    });
    set_limit(1_000);
    for client in waiting {
        assert_eq!(client.join().unwrap(), "words");
    }
    assert_eq!(client.get("/new").text(), "other words");
    server.stop();
}

#[test]
fn what_is_mounted_over_the_root_is_served_and_when_it_is_gone_what_was_below() {
    let Some(nsenter) = program("nsenter", "util-linux") else { return };
    let Some(mut command) = unshare(&["-m", "--propagation", "private"]) else { return };
    let site = Site::with(&[("file", "below"), ("only-below", "words")]);
    command.arg(binary()).arg(site.path()).args(["-p", "0", "-a", "127.0.0.1", "-j", "2"]);
    let server = Server::of(command);
    let pid = server.pid().as_raw_nonzero().to_string();
    let there = |script: &str| {
        let mut command = Command::new(&nsenter);
        command.args(["-t", &pid, "-m", "/bin/sh", "-ec", script]).arg(site.path());
        assert!(command.status().unwrap().success(), "{script}");
    };
    let serves = |text: &str| {
        eventually(text, || {
            let response = get(server.address(), "/file");
            // 403: detached, a file system is beneath nothing that Landlock allows; the server looks for its root again in time.
            assert!([200, 403, 404].contains(&response.status), "{response:?}");
            response.status == 200 && response.text() == text
        });
    };
    serves("below");
    for round in ["first", "second"] {
        there(&format!("mount -t tmpfs none \"$0\" && printf {round} > \"$0\"/file"));
        serves(round);
        eventually("an answer that it is not there", || status(&server, "/only-below") == 404);
        // The server has it open: detached at once, it goes with the last user.
        there("umount -l \"$0\"");
        serves("below");
        eventually("an answer that it is there", || status(&server, "/only-below") == 200);
    }
    server.stop();
}

#[test]
fn what_may_not_be_read_any_more_is_403_until_it_may_again() {
    let scratch = Site::with(&[("root/file", "words"), ("root/directory/file", "words")]);
    for large in ["root/large", "root/directory/large"] {
        scratch.write(large, pattern(0, 3 << 20));
    }
    let root = scratch.join("root");
    let open_to_all = |path: &Path| fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    open_to_all(scratch.path());
    open_to_all(&root);
    if is_root() {
        open_to_all(&root.join("directory"));
    }
    let server = Server::of(as_ordinary_user(&scratch, "exec", &root));
    for (lost, asked) in [
        ("file", "/file"),
        ("large", "/large"),
        ("directory", "/directory/file"),
        ("directory", "/directory/large"),
        ("", "/file"),
    ] {
        let path = root.join(lost);
        assert_eq!(status(&server, asked), 200, "{asked}");
        fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
        eventually("a refusal", || status(&server, asked) == 403);
        open_to_all(&path);
        eventually("an answer", || status(&server, asked) == 200);
    }
    assert!(server.stderr().contains("403: \"file\" cannot be served: "), "{}", server.stderr());
    server.stop();
}

#[test]
fn killed_under_load_it_can_be_started_again_at_once_at_the_same_places() {
    let (site, sockets) = (Site::with(&[("file", "words")]), Site::new());
    site.write("large", pattern(0, 8 << 20));
    let socket = sockets.join("socket");
    let mut place = "127.0.0.1:0".to_owned();
    for _ in 0..5 {
        let listeners = ["-l", &place, "-l", &format!("unix:{}", socket.display()), "-j", "2"];
        let server = Server::with(site.path(), &listeners);
        place = server.address().to_string();
        let mut clients: Vec<_> = (0..8).map(|_| Client::connect(server.address())).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(support::request("GET", if number % 2 == 0 { "/large" } else { "/file" }, &[]));
            assert_eq!(client.try_head().unwrap().status, 200);
        }
        let mut local = Client::connect_unix(&socket);
        assert_eq!(local.get("/file").text(), "words");
        server.signal(Signal::KILL);
        let (status, stderr) = server.wait();
        assert_eq!(status.code(), None, "{stderr}");
        assert!(socket.exists(), "nobody could remove it");
    }
    let server = Server::with(site.path(), &["-l", &place, "-l", &format!("unix:{}", socket.display())]);
    assert_eq!(get(server.address(), "/file").text(), "words");
    server.stop();
    assert!(!socket.exists());
}
