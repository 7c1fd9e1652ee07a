//! No request leaves the root, and nothing in it is served that is not meant to be.
#![allow(clippy::unwrap_used, reason = "a test's helpers end it as the test itself does")]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use support::{Client, Server, Site, eventually, get, is_root, shell, skipped};

#[test]
fn paths_are_decoded_and_dots_resolved_within_the_root() {
    let site = Site::with(&[
        ("a b.txt", "space"),
        ("prozent%41.txt", "percent"),
        ("grüße.txt", "umlauts"),
        ("sub/file.txt", "file"),
        ("question?.txt", "question"),
    ]);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    for (target, text) in [
        ("/a%20b.txt", "space"),
        ("/prozent%2541.txt", "percent"),
        ("/gr%C3%BC%c3%9fe.txt", "umlauts"),
        ("/question%3F.txt", "question"),
        ("/sub/../sub/./file.txt", "file"),
        ("/sub/%2e%2E/sub/%2e/file.txt", "file"),
        ("//sub///file.txt", "file"),
        ("/%73ub/file.txt?query#no", "file"),
        ("/sub/file.txt?../../..", "file"),
        ("http://other.example/sub/file.txt", "file"),
    ] {
        // A number sign stands in no target.
        let status = if target.contains('#') { 400 } else { 200 };
        let mut one = Client::connect(server.address());
        let response = one.get(target);
        assert_eq!(response.status, status, "{target}");
        if status == 200 {
            assert_eq!(response.text(), text, "{target}");
        }
    }
    assert_eq!(client.get("/sub/file.txt").text(), "file");
}

#[test]
fn no_path_climbs_out_of_the_root() {
    let outer = Site::with(&[("secret.txt", "secret"), ("root/index.html", "index"), ("root/sub/x", "x")]);
    let server = Server::start(outer.join("root"));
    for (target, status) in [
        ("/../secret.txt", 400),
        ("/%2e%2e/secret.txt", 400),
        ("/.%2e/secret.txt", 400),
        ("/sub/../../secret.txt", 400),
        ("/sub/%2e%2e/%2e%2e/secret.txt", 400),
        ("/..%2fsecret.txt", 404),
        ("/%2e%2e%2fsecret.txt", 404),
        ("/sub%2Fx", 404),
        ("/%2f%2fetc/passwd", 404),
        ("/..%5csecret.txt", 404),
        ("/..\\secret.txt", 404),
        ("/sub/x%00.html", 400),
        ("/%", 400),
        ("/%zz", 400),
        ("/%2", 400),
        ("//etc/passwd", 404),
        ("/sub/x/../../index.html", 200),
    ] {
        let response = get(server.address(), target);
        assert!(!response.text().contains("secret\n") && response.text() != "secret", "{target}");
        assert_eq!(response.status, status, "{target}");
    }
}

#[test]
fn hidden_files_are_not_there_except_the_well_known() {
    let site = Site::with(&[
        (".env", "secret"),
        (".git/config", "secret"),
        ("sub/.hidden/file", "secret"),
        ("sub/.swp", "secret"),
        (".well-known/security.txt", "shown"),
        (".well-known/.hidden", "secret"),
        ("sub/.well-known/x", "secret"),
        ("..name", "secret"),
    ]);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    for target in [
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/.git/",
        "/.git",
        "/sub/.hidden/file",
        "/sub/.swp",
        "/.well-known/.hidden",
        "/sub/.well-known/x",
        "/..name",
    ] {
        assert_eq!(client.get(target).status, 404, "{target}");
    }
    assert_eq!(client.get("/.well-known/security.txt").text(), "shown");
    assert_eq!(client.get("/.well-known").status, 301);

    let server = Server::with(site.path(), &["--hidden", "show"]);
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/.env").text(), "secret");
    assert_eq!(client.get("/.well-known/.hidden").text(), "secret");
    assert_eq!(client.get("/sub/.well-known/x").text(), "secret");
    assert_eq!(client.get("/.git").status, 301);
}

/// A root with links of every kind, and things outside for them to lead to.
fn linked_site() -> Site {
    let site = Site::with(&[
        ("outside/file", "outside"),
        ("root/inside/file", "inside"),
        ("root/index.html", "index"),
        ("root-too/file", "outside"),
    ]);
    let root = site.join("root");
    symlink("inside/file", root.join("relative")).unwrap();
    symlink(root.join("inside/file"), root.join("absolute")).unwrap();
    symlink("inside", root.join("relative-directory")).unwrap();
    symlink(root.join("inside"), root.join("absolute-directory")).unwrap();
    symlink("../inside/file", root.join("inside/up-and-down")).unwrap();
    symlink("relative", root.join("link-to-link")).unwrap();
    symlink("../root/inside/file", root.join("out-and-in")).unwrap();
    symlink("../outside/file", root.join("relative-out")).unwrap();
    symlink(site.join("outside/file"), root.join("absolute-out")).unwrap();
    symlink("../outside", root.join("directory-out")).unwrap();
    // A neighbour whose path begins like the root's.
    symlink(site.join("root-too/file"), root.join("neighbour")).unwrap();
    symlink("/proc/self/root/etc/hostname", root.join("magic")).unwrap();
    symlink("nothing", root.join("dangling")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    site
}

const LINKS_INSIDE: [&str; 7] = [
    "/relative",
    "/absolute",
    "/relative-directory/file",
    "/absolute-directory/file",
    "/inside/up-and-down",
    "/link-to-link",
    "/out-and-in",
];
const LINKS_OUTSIDE: [&str; 4] = ["/relative-out", "/absolute-out", "/directory-out/file", "/neighbour"];
const LINKS_NOWHERE: [&str; 2] = ["/dangling", "/loop"];

#[test]
fn links_that_stay_inside_are_followed_by_default() {
    let site = linked_site();
    let server = Server::start(site.join("root"));
    let mut client = Client::connect(server.address());
    // Twice: found, and from the cache.
    for _ in 0..2 {
        for target in LINKS_INSIDE {
            let response = client.get(target);
            assert_eq!((response.status, response.text()), (200, "inside"), "{target}");
        }
        for target in [&LINKS_OUTSIDE[..], &LINKS_NOWHERE, &["/magic", "/directory-out"]].concat() {
            assert_eq!(client.get(target).status, 404, "{target}");
        }
    }
}

#[test]
fn a_link_turned_outwards_is_not_followed_any_more() {
    let site = linked_site();
    let server = Server::start(site.join("root"));
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/absolute").text(), "inside");
    assert_eq!(client.get("/relative").text(), "inside");
    for name in ["absolute", "relative"] {
        symlink(site.join("outside/file"), site.join("root/new")).unwrap();
        fs::rename(site.join("root/new"), site.join(&format!("root/{name}"))).unwrap();
        eventually("the look at the link", || {
            let response = client.get(&format!("/{name}"));
            assert!(response.status == 404 || response.text() == "inside");
            response.status == 404
        });
    }
}

#[test]
fn all_links_are_followed_on_request() {
    let site = linked_site();
    let server = Server::with(site.join("root"), &["--symlinks", "all"]);
    let mut client = Client::connect(server.address());
    for target in LINKS_INSIDE {
        assert_eq!(client.get(target).text(), "inside", "{target}");
    }
    for target in LINKS_OUTSIDE {
        assert_eq!(client.get(target).text(), "outside", "{target}");
    }
    for target in LINKS_NOWHERE {
        assert_eq!(client.get(target).status, 404, "{target}");
    }
}

#[test]
fn no_link_is_followed_on_request() {
    let site = linked_site();
    // The root's own path is not a request's.
    symlink("root", site.join("link-to-root")).unwrap();
    let server = Server::with(site.join("link-to-root"), &["--symlinks", "none"]);
    let mut client = Client::connect(server.address());
    for target in [&LINKS_INSIDE[..], &LINKS_OUTSIDE, &LINKS_NOWHERE].concat() {
        assert_eq!(client.get(target).status, 404, "{target}");
    }
    assert_eq!(client.get("/inside/file").text(), "inside");
}

#[test]
fn what_is_no_file_is_refused_without_blocking() {
    let site = Site::with(&[("file", "words"), ("sub/x", "x")]);
    mknodat(CWD, site.join("fifo"), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    mknodat(CWD, site.join("sub/index.html"), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    let _socket = UnixListener::bind(site.join("socket")).unwrap();
    let mut targets = vec!["/fifo", "/sub/", "/socket"];
    let devices = is_root()
        && [("zero", 1, 5), ("tty", 5, 0)].into_iter().all(|(name, major, minor)| {
            let mode = Mode::from_raw_mode(0o644);
            mknodat(CWD, site.join(name), FileType::CharacterDevice, mode, makedev(major, minor)).is_ok()
        });
    if devices {
        targets.extend(["/zero", "/tty"]);
    } else {
        skipped("needs the right to make device files (the rest was tested)");
    }
    // One worker: if it blocked, nobody would answer.
    let server = Server::with(site.path(), &["-j", "1"]);
    let mut client = Client::connect(server.address());
    for target in targets {
        assert_eq!(client.get(target).status, 404, "{target}");
        assert_eq!(client.get("/file").text(), "words");
    }
}

#[test]
fn an_unreadable_file_is_forbidden() {
    let site = Site::with(&[("secret", "secret"), ("closed/file", "secret"), ("file", "words")]);
    fs::set_permissions(site.join("secret"), Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(site.join("closed"), Permissions::from_mode(0o000)).unwrap();
    let server = Server::of(support::as_ordinary_user(&site, "exec", site.path()));
    let mut client = Client::connect(server.address());
    for target in ["/secret", "/closed/file", "/closed/"] {
        assert_eq!(client.get(target).status, 403, "{target}");
    }
    assert_eq!(client.get("/file").text(), "words");
    // Allowed by now, it is served: a refusal is not remembered.
    fs::set_permissions(site.join("secret"), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(client.get("/secret").text(), "secret");
    fs::set_permissions(site.join("closed"), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(client.get("/closed/file").text(), "secret");
}

#[test]
fn names_of_every_length_are_found_and_paths_no_file_can_have_are_414() {
    let longest = "n".repeat(255);
    let site = Site::with(&[(longest.as_str(), "longest")]);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    assert_eq!(client.get(&format!("/{longest}")).text(), "longest");
    assert_eq!(client.get(&format!("/{longest}n")).status, 404);
    assert_eq!(client.get(&format!("/{}", "d/".repeat(2_048))).status, 404);
    assert_eq!(client.get(&format!("/{}", "d/".repeat(2_049))).status, 414);
    // What counts is what the escapes stand for.
    assert_eq!(client.get(&format!("/{}", "%64/".repeat(2_000))).status, 404);
    assert_eq!(client.get(&format!("/{longest}")).text(), "longest");
}

#[test]
fn a_directory_without_its_slash_is_redirected_on_this_host() {
    let site = Site::with(&[
        ("sub/index.html", "index"),
        ("evil.example/x", "x"),
        ("\\evil.example/x", "x"),
        ("a b/x", "x"),
        ("grüße/x", "x"),
        ("semi;colon/x", "x"),
        ("http:/evil.example/x", "x"),
    ]);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    for (target, location) in [
        ("/sub", "/sub/"),
        ("/sub?a=b&c", "/sub/?a=b&c"),
        ("/sub?", "/sub/?"),
        ("/sub?//evil.example/%2e%2e", "/sub/?//evil.example/%2e%2e"),
        ("//sub", "/sub/"),
        ("//evil.example", "/evil.example/"),
        ("//evil.example/..//evil.example", "/evil.example/"),
        ("///evil.example", "/evil.example/"),
        ("/./evil.example", "/evil.example/"),
        ("/%5cevil.example", "/%5Cevil.example/"),
        ("/a%20b", "/a%20b/"),
        ("/gr%C3%BC%C3%9Fe", "/gr%C3%BC%C3%9Fe/"),
        ("/semi;colon", "/semi;colon/"),
        ("/http:/evil.example", "/http:/evil.example/"),
        ("http://evil.example/sub", "/sub/"),
    ] {
        client.send(format!("GET {target} HTTP/1.1\r\nhost: evil.example\r\n\r\n"));
        let response = client.response();
        assert_eq!(response.status, 301, "{target}");
        assert_eq!(response.field("location"), Some(location), "{target}");
    }
    // These name the root, which needs no redirect and has no index here.
    for target in ["//evil.example/%2e%2e", "//evil.example/..", "/evil.example/../"] {
        let response = client.get(target);
        assert_eq!((response.status, response.field("location")), (404, None), "{target}");
    }
    assert_eq!(client.get("/sub/").text(), "index");
}

#[test]
fn names_longer_than_any_file_system_has_are_not_there() {
    let site = Site::with(&[("file", "words")]);
    let server = Server::start(site.path());
    let mut client = Client::connect(server.address());
    assert_eq!(client.get(&format!("/{}", "a".repeat(256))).status, 404);
    assert_eq!(client.get("/file/below").status, 404);
    assert_eq!(client.get("/file/below/").status, 404);
}

#[test]
fn a_current_directory_served_without_being_named_is_for_this_machine_alone() {
    let site = Site::with(&[("file", "words")]);
    let mut command: Command = shell("exec \"$0\" -p 0 -j 1", &[]);
    command.current_dir(site.path());
    let server = Server::of(command);
    assert!(!server.addresses().is_empty());
    for address in server.addresses() {
        assert!(address.ip().is_loopback(), "{}", server.banner());
        assert_eq!(get(address, "/file").text(), "words");
    }
}
