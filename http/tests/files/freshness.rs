//! What is remembered follows the disk by path.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use selvedge_http::files::FileOptions;

use crate::support::directory::Directory;
use crate::support::site::site;
use crate::support::{TestServer, patient, wait_until};
use crate::{FOR_EVER, fresh_for};

/// Every look at a path is a look at the disk.
fn start(directory: &Directory) -> TestServer {
    TestServer::start(patient(), site(fresh_for(directory, Duration::ZERO)))
}

fn switch(link: &Path, target: &str) {
    let fresh = link.with_extension("fresh");
    symlink(target, &fresh).expect("the directory is writable");
    std::fs::rename(fresh, link).expect("within one directory");
}

#[test]
fn within_its_period_nothing_is_looked_at() {
    let directory = Directory::new("freshness");
    directory.write("a", "before");
    let server = TestServer::start(patient(), site(fresh_for(&directory, FOR_EVER)));
    let mut client = server.connect();
    assert_eq!(client.get("/a").text(), "before");
    directory.replace("a", "after");
    assert_eq!(client.get("/a").text(), "before");
}

#[test]
fn by_default_a_change_is_seen_in_time() {
    let directory = Directory::new("freshness");
    directory.write("a", "before");
    let server = TestServer::start(patient(), site(FileOptions::new(directory.path())));
    let mut client = server.connect();
    assert_eq!(client.get("/a").text(), "before");
    directory.replace("a", "after");
    wait_until("the change is seen", || match client.get("/a").text() {
        "after" => Ok(()),
        text => Err(text.to_owned()),
    });
}

#[test]
fn a_file_replaced_by_rename_is_followed_and_so_is_its_end() {
    let directory = Directory::new("freshness");
    let server = start(&directory);
    let mut client = server.connect();
    // Small and streamed, one in place of the other.
    for content in ["1".to_owned(), "2".repeat(100_000), "3".repeat(100_000), "4".to_owned(), String::new()] {
        directory.replace("a", &content);
        assert_eq!(client.get("/a").text(), content);
    }
    std::fs::remove_file(directory.join("a")).unwrap();
    assert_eq!(client.get("/a").status, 404);
    directory.write("a", "again");
    assert_eq!(client.get("/a").text(), "again");
}

#[test]
fn a_rewrite_in_place_changes_the_tag() {
    let directory = Directory::new("freshness");
    let server = start(&directory);
    let mut client = server.connect();
    directory.write("a", "before");
    let before = client.get("/a");
    directory.write("a", "and after");
    let after = client.get("/a");
    assert_eq!((before.text(), after.text()), ("before", "and after"));
    assert_ne!(before.field("etag"), after.field("etag"));
}

#[test]
fn a_switched_link_is_followed() {
    let directory = Directory::new("freshness");
    for version in ["v1", "v2"] {
        directory.write(&format!("{version}/small"), version);
        directory.write(&format!("{version}/large"), version.repeat(50_000));
    }
    let link = directory.join("current");
    let server = start(&directory);
    let mut client = server.connect();
    for version in ["v1", "v2", "v1"] {
        switch(&link, version);
        assert_eq!(client.get("/current/small").text(), version);
        assert!(client.get("/current/large").text() == version.repeat(50_000), "{version}");
    }
    // Absolute links are held against the root by where they lead.
    switch(&link, directory.join("v2").to_str().unwrap());
    assert_eq!(client.get("/current/small").text(), "v2");
}

#[test]
fn a_root_that_is_renamed_and_replaced_is_followed() {
    let directory = Directory::new("freshness");
    directory.write("root/a", "before");
    directory.write("next/a", "after");
    let options = FileOptions { fresh_for: Duration::ZERO, ..FileOptions::new(directory.join("root")) };
    let server = TestServer::start(patient(), site(options));
    let mut client = server.connect();
    assert_eq!(client.get("/a").text(), "before");
    std::fs::rename(directory.join("root"), directory.join("last")).unwrap();
    // With its path leading nowhere for the moment, the old root serves on.
    assert_eq!(client.get("/a").text(), "before");
    std::fs::rename(directory.join("next"), directory.join("root")).unwrap();
    assert_eq!(client.get("/a").text(), "after");
}

#[test]
fn a_root_that_is_a_link_is_followed() {
    let directory = Directory::new("freshness");
    for version in ["v1", "v2"] {
        directory.write(&format!("{version}/a"), version);
    }
    switch(&directory.join("root"), "v1");
    let options = FileOptions { fresh_for: Duration::ZERO, ..FileOptions::new(directory.join("root")) };
    let server = TestServer::start(patient(), site(options));
    let mut client = server.connect();
    assert_eq!(client.get("/a").text(), "v1");
    switch(&directory.join("root"), "v2");
    assert_eq!(client.get("/a").text(), "v2");
}

#[test]
fn what_a_switched_root_has_is_found_although_the_one_before_was_removed_at_once() {
    let directory = Directory::new("freshness");
    for version in ["v1", "v2"] {
        directory.write(&format!("{version}/a"), version);
    }
    switch(&directory.join("root"), "v1");
    let options = FileOptions { fresh_for: FOR_EVER, ..FileOptions::new(directory.join("root")) };
    let server = TestServer::start(patient(), site(options));
    let mut client = server.connect();
    assert_eq!(client.get("/nothing").status, 404);
    switch(&directory.join("root"), "v2");
    std::fs::remove_dir_all(directory.join("v1")).unwrap();
    assert_eq!(client.get("/a").text(), "v2");
}

#[test]
fn an_index_that_comes_first_is_found_later_too() {
    let directory = Directory::new("freshness");
    directory.write("second.html", "second");
    let index = vec!["first.html".to_owned(), "second.html".to_owned()];
    let mut options = fresh_for(&directory, Duration::ZERO);
    options.trees[0].index = index;
    let server = TestServer::start(patient(), site(options));
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "second");
    directory.write("first.html", "first");
    assert_eq!(client.get("/").text(), "first");
}

#[test]
fn deploys_under_load_make_no_error_and_mix_nothing() {
    let directory = Directory::new("freshness");
    for version in ["v1", "v2"] {
        directory.write(&format!("{version}/small"), version.repeat(1_000));
        directory.write(&format!("{version}/large"), version.repeat(50_000));
    }
    switch(&directory.join("root"), "v1");
    let options = FileOptions {
        fresh_for: Duration::from_millis(5),
        idle_descriptor: Duration::from_millis(100),
        ..FileOptions::new(directory.join("root"))
    };
    let server = TestServer::start(patient(), site(options));
    let goes_on = AtomicBool::new(true);
    std::thread::scope(|scope| {
        for path in ["/small", "/large"] {
            let (server, goes_on) = (&server, &goes_on);
            scope.spawn(move || {
                let mut client = server.connect();
                while goes_on.load(Ordering::Relaxed) {
                    let reply = client.get(path);
                    let text = reply.text();
                    assert_eq!(reply.status, 200);
                    assert!(text == text[..2].repeat(text.len() / 2), "one version in each answer");
                }
            });
        }
        for round in 0..50 {
            let version = ["v2", "v1"][round % 2];
            switch(&directory.join("root"), version);
            let mut client = server.connect();
            wait_until("the deploy is seen", || match &client.get("/small").text()[..2] {
                seen if seen == version => Ok(()),
                seen => Err(seen.to_owned()),
            });
        }
        goes_on.store(false, Ordering::Relaxed);
    });
}

/// Sets a file's time of change.
fn change(path: &Path, time: SystemTime) {
    let file = std::fs::File::options().append(true).open(path).expect("it was written");
    file.set_modified(time).expect("its owner may");
}

#[test]
fn a_file_that_has_just_changed_has_no_validators_until_it_has_settled() {
    let directory = Directory::new("freshness");
    for size in [5, 100_000] {
        let path = directory.write_now("a", vec![b'x'; size]);
        let server = start(&directory);
        let mut client = server.connect();
        for time in [SystemTime::now(), SystemTime::now() + Duration::from_secs(1)] {
            change(&path, time);
            let reply = client.get("/a");
            let now = reply.field("date").expect("a date").to_owned();
            if SystemTime::now().duration_since(time).is_ok_and(|age| age > Duration::from_secs(1)) {
                println!("too slow to see a recent file");
                continue;
            }
            assert_eq!((reply.status, reply.body.len()), (200, size));
            assert_eq!((reply.field("etag"), reply.field("last-modified")), (None, None));
            client.send(format!("GET /a HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: {now}\r\n\r\n"));
            assert_eq!(client.reply().status, 200);
            client.send("GET /a HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2\r\n\r\n");
            assert_eq!(client.reply().status, 206);
        }
        // Nothing of it changes but the time that has gone by.
        wait_until("it settles", || match client.get("/a").field("etag") {
            Some(_) => Ok(()),
            None => Err("no tag yet".to_owned()),
        });
        let reply = client.get("/a");
        let tag = reply.field("etag").expect("a tag");
        assert!(reply.field("last-modified").is_some());
        client.send(format!("GET /a HTTP/1.1\r\nHost: a\r\nIf-None-Match: {tag}\r\n\r\n"));
        assert_eq!(client.reply().status, 304);
    }
}
