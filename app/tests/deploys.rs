//! A new version of a site put in place at once while it is served: nobody sees an error, or a mixture.
#![allow(clippy::unwrap_used, reason = "a test's helpers end it as the test itself does")]

mod support;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use support::{Client, Server, Site, eventually, get};

/// Clients that ask all the time.
const CLIENTS: usize = 6;
/// The version no deploy has: the load ends.
const OVER: u64 = u64::MAX;

/// Small and kept in memory; large and streamed; behind an index.
const FILES: [(&str, usize); 3] = [("small.txt", 10), ("large.txt", 300_000), ("sub/index.html", 70_000)];

fn write_version(directory: &Path, version: u64) {
    for (name, length) in FILES {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text(version, length)).unwrap();
    }
}

fn text(version: u64, length: usize) -> String {
    format!("{version} ").repeat(length / 2)
}

/// Deploys four versions, one after the other, under load. A version is deployed when every client has seen the one before.
fn deploy_under_load(address: SocketAddr, prefix: &str, deploy: impl Fn(u64)) {
    let wanted = AtomicU64::new(1);
    // What each client saw everywhere.
    let seen: Vec<AtomicU64> = (0..CLIENTS).map(|_| AtomicU64::new(0)).collect();
    thread::scope(|scope| {
        for seen in &seen {
            let wanted = &wanted;
            scope.spawn(move || {
                let mut client = Client::connect(address);
                let mut versions = [0; FILES.len()];
                while wanted.load(Ordering::Acquire) != OVER {
                    for ((name, length), version) in FILES.iter().zip(&mut versions) {
                        let response =
                            client.get(&format!("{prefix}/{}", name.trim_end_matches("index.html")));
                        assert_eq!(response.status, 200, "{name}");
                        let now: u64 = response.text().split(' ').next().unwrap().parse().unwrap();
                        assert!(response.text() == text(now, *length), "{name} is a mixture");
                        assert!(now >= *version, "{name}: {now} comes after {version}");
                        *version = now;
                    }
                    seen.store(*versions.iter().min().unwrap(), Ordering::Release);
                }
            });
        }
        // A client that fails ends the rest, and its panic is told by the scope.
        let _end = End(&wanted);
        for version in 1..=4 {
            if version > 1 {
                deploy(version);
                wanted.store(version, Ordering::Release);
            }
            eventually("the new version", || seen.iter().all(|seen| seen.load(Ordering::Acquire) == version));
        }
    });
}

struct End<'a>(&'a AtomicU64);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(OVER, Ordering::Release);
    }
}

/// `link` becomes a link to `target`, at once.
fn switch_link(link: &Path, target: &str) {
    let new = link.with_extension("new");
    symlink(target, &new).unwrap();
    fs::rename(&new, link).unwrap();
}

#[test]
fn a_root_that_is_a_link_is_switched() {
    let site = Site::new();
    write_version(&site.join("v1"), 1);
    symlink("v1", site.join("current")).unwrap();
    let server = Server::start(site.join("current"));
    deploy_under_load(server.address(), "", |version| {
        write_version(&site.join(&format!("v{version}")), version);
        switch_link(&site.join("current"), &format!("v{version}"));
    });
    server.stop();
}

#[test]
fn a_link_inside_the_root_is_switched() {
    let site = Site::new();
    write_version(&site.join("v1"), 1);
    symlink("v1", site.join("current")).unwrap();
    let server = Server::start(site.path());
    deploy_under_load(server.address(), "/current", |version| {
        write_version(&site.join(&format!("v{version}")), version);
        // Relative and absolute links in turn.
        let target = format!("v{version}");
        let absolute = site.join(&target);
        switch_link(
            &site.join("current"),
            if version % 2 == 0 { absolute.to_str().unwrap() } else { &target },
        );
    });
    server.stop();
}

#[test]
fn a_root_that_is_renamed_is_replaced() {
    let site = Site::new();
    write_version(&site.join("root"), 1);
    let server = Server::start(site.join("root"));
    deploy_under_load(server.address(), "", |version| {
        write_version(&site.join("new"), version);
        // In two steps: for a moment there is no root.
        fs::rename(site.join("root"), site.join(&format!("old{version}"))).unwrap();
        fs::rename(site.join("new"), site.join("root")).unwrap();
    });
    server.stop();
}

#[test]
fn files_renamed_one_by_one_are_replaced() {
    let site = Site::new();
    write_version(&site.join("root"), 1);
    let server = Server::start(site.join("root"));
    deploy_under_load(server.address(), "", |version| {
        write_version(&site.join("new"), version);
        for (name, _) in FILES {
            fs::rename(site.join("new").join(name), site.join("root").join(name)).unwrap();
        }
    });
    server.stop();
}

#[test]
fn without_its_root_the_server_serves_the_old_one_on() {
    let site = Site::new();
    write_version(&site.join("root"), 1);
    fs::write(site.join("root/unasked.txt"), "words").unwrap();
    let server = Server::start(site.join("root"));
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/small.txt").text(), text(1, 10));
    fs::rename(site.join("root"), site.join("elsewhere")).unwrap();
    // Changed in the old place, it is seen: the look at the disk has taken place meanwhile.
    fs::write(site.join("elsewhere/new.txt"), "new").unwrap();
    fs::rename(site.join("elsewhere/new.txt"), site.join("elsewhere/small.txt")).unwrap();
    eventually("the look at the old root", || {
        let response = client.get("/small.txt");
        assert_eq!(response.status, 200);
        response.text() == "new"
    });
    assert_eq!(client.get("/unasked.txt").text(), "words");
    assert!(server.stderr().contains("the directory that was there before is served"), "{}", server.stderr());
    // A file in its place is no root either.
    fs::write(site.join("root"), "a file").unwrap();
    fs::write(site.join("elsewhere/newer.txt"), "newer").unwrap();
    fs::rename(site.join("elsewhere/newer.txt"), site.join("elsewhere/small.txt")).unwrap();
    eventually("the look at the old root", || {
        let response = client.get("/small.txt");
        assert_eq!(response.status, 200);
        response.text() == "newer"
    });
    fs::remove_file(site.join("root")).unwrap();
    write_version(&site.join("root"), 2);
    // Where the disk took longer over that than a connection may be idle, the client's is closed by now.
    drop(client);
    eventually("the new root", || {
        let response = get(server.address(), "/small.txt");
        assert_eq!(response.status, 200);
        response.text() == text(2, 10)
    });
    server.stop();
}

#[test]
fn a_root_that_was_removed_and_made_anew_is_served() {
    let site = Site::new();
    write_version(&site.join("root"), 1);
    let server = Server::start(site.join("root"));
    assert_eq!(get(server.address(), "/small.txt").text(), text(1, 10));
    fs::remove_dir_all(site.join("root")).unwrap();
    let mut client = Client::connect(server.address());
    eventually("the look at nothing", || client.get("/small.txt").status == 404);
    write_version(&site.join("root"), 2);
    eventually("the new root", || client.get("/small.txt").status == 200);
    assert_eq!(client.get("/large.txt").text(), text(2, 300_000));
    server.stop();
}
