//! Paths that lead to nothing, or to nothing that is served; only that nothing is there is remembered.

use std::os::unix::fs::{PermissionsExt, symlink};

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use crate::support::directory::Directory;
use crate::support::site::site;
use crate::support::{TestServer, patient};
use crate::{FOR_EVER, fresh_for};

/// A server on whose worker file permissions count, also for root (capabilities(7) are per thread).
fn start(directory: &Directory) -> TestServer {
    let make_site = site(fresh_for(directory, FOR_EVER));
    TestServer::start(patient(), move |worker| {
        let mut sets = capabilities(None).expect("the thread's own");
        sets.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
        set_capabilities(None, sets).expect("dropping is allowed");
        make_site(worker)
    })
}

fn set_mode(directory: &Directory, name: &str, mode: u32) {
    std::fs::set_permissions(directory.join(name), std::fs::Permissions::from_mode(mode))
        .expect("it is ours");
}

#[test]
fn what_is_not_there_is_remembered() {
    let directory = Directory::new("misses");
    let server = start(&directory);
    let mut client = server.connect();
    assert_eq!(client.get("/a").status, 404);
    directory.write("a", "now it is");
    assert_eq!(client.get("/a").status, 404);
    assert_eq!(client.get("/%61").status, 404);
}

#[test]
fn a_file_that_may_not_be_read_is_403_and_not_remembered() {
    let directory = Directory::new("misses");
    directory.write("a", "secret");
    directory.write("d/b", "hidden");
    set_mode(&directory, "a", 0o000);
    set_mode(&directory, "d", 0o000);
    let server = start(&directory);
    let mut client = server.connect();
    assert_eq!(client.get("/a").status, 403);
    assert_eq!(client.get("/d/b").status, 403);
    set_mode(&directory, "a", 0o644);
    set_mode(&directory, "d", 0o755);
    assert_eq!(client.get("/a").text(), "secret");
    assert_eq!(client.get("/d/b").text(), "hidden");
}

#[test]
fn links_that_lead_nowhere_served_are_404_and_not_remembered() {
    let directory = Directory::new("misses");
    let outside = Directory::new("outside");
    outside.write("a", "outside");
    symlink("loop", directory.join("loop")).unwrap();
    symlink(outside.join("a"), directory.join("out")).unwrap();
    let server = start(&directory);
    let mut client = server.connect();
    for name in ["loop", "out"] {
        assert_eq!(client.get(&format!("/{name}")).status, 404, "{name}");
        directory.replace(name, "a file");
        assert_eq!(client.get(&format!("/{name}")).text(), "a file", "{name}");
    }
}

#[test]
fn a_directory_needs_its_slash_and_an_index() {
    let directory = Directory::new("misses");
    directory.write("with/index.html", "index");
    std::fs::create_dir(directory.join("without")).unwrap();
    let server = start(&directory);
    let mut client = server.connect();
    assert_eq!(client.get("/with").status, 301);
    assert_eq!(client.get("/with/").text(), "index");
    assert_eq!(client.get("/without/").status, 404);
    assert_eq!(client.get("/with/index.html/").status, 301);
}
