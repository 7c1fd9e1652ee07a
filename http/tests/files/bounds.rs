//! What a worker keeps of many files stays within its bounds.

use std::time::Duration;

use selvedge_http::files::FileOptions;

use crate::support::directory::Directory;
use crate::support::site::{self, site};
use crate::support::{TestServer, patient, pattern, wait_until};
use crate::{FOR_EVER, fresh_for};

#[test]
fn no_more_paths_are_remembered_than_allowed() {
    let directory = Directory::new("bounds");
    for number in 0..50 {
        directory.write(&number.to_string(), number.to_string());
    }
    let options = FileOptions { entries_max: 10, misses_max: 10, ..fresh_for(&directory, FOR_EVER) };
    let server = TestServer::start(patient(), site(options));
    let mut client = server.connect();
    for number in 0..100 {
        let reply = client.get(&format!("/{number}"));
        if number < 50 {
            assert_eq!(reply.text(), number.to_string());
        } else {
            assert_eq!(reply.status, 404);
        }
        assert!(server.on_worker(site::usage).1 <= 20);
    }
}

#[test]
fn asking_for_what_is_not_there_does_not_drive_out_what_is() {
    let directory = Directory::new("bounds");
    directory.write("a", "before");
    let options = FileOptions { entries_max: 10, misses_max: 10, ..fresh_for(&directory, FOR_EVER) };
    let server = TestServer::start(patient(), site(options));
    let mut client = server.connect();
    assert_eq!(client.get("/a").text(), "before");
    directory.replace("a", "after");
    for number in 0..50 {
        assert_eq!(client.get(&format!("/missing-{number}")).status, 404);
    }
    // Were it not remembered any more, it would be read anew.
    assert_eq!(client.get("/a").text(), "before");
}

#[test]
fn a_path_too_long_to_remember_is_served_all_the_same() {
    let directory = Directory::new("bounds");
    let long = vec!["d".repeat(200); 10].join("/");
    directory.write(&format!("{long}/a"), "found");
    let server = TestServer::start(patient(), site(fresh_for(&directory, FOR_EVER)));
    let mut client = server.connect();
    for _ in 0..2 {
        assert_eq!(client.get(&format!("/{long}/a")).text(), "found");
        assert_eq!(client.get(&format!("/{long}/b")).status, 404);
    }
    assert_eq!(server.on_worker(site::usage).1, 0);
}

#[test]
fn no_more_descriptors_are_kept_than_allowed() {
    let directory = Directory::new("bounds");
    for number in 0..20 {
        directory.write(&number.to_string(), pattern(100_000 + number));
    }
    for descriptors_max in [1, 5] {
        let options = FileOptions { descriptors_max, ..fresh_for(&directory, FOR_EVER) };
        let server = TestServer::start(patient(), site(options));
        let mut client = server.connect();
        for number in (0..20).chain(0..20) {
            assert!(client.get(&format!("/{number}")).body == pattern(100_000 + number));
            assert!(server.on_worker(site::usage).0 <= descriptors_max);
        }
        assert_eq!(server.on_worker(site::usage), (descriptors_max, 20));
    }
}

#[test]
fn no_more_blocks_are_kept_than_allowed() {
    let directory = Directory::new("bounds");
    for number in 0..30 {
        directory.write(&format!("small-{number}"), pattern(100 + number));
        directory.write(&format!("medium-{number}"), pattern(10_000 + number));
        directory.write(&format!("large-{number}"), pattern(60_000 + number));
    }
    for (small, medium, large) in [(5, 4, 3), (0, 4, 3), (5, 0, 3), (5, 4, 0), (0, 4, 0), (0, 0, 0)] {
        let options = FileOptions {
            ready_small_max: small,
            ready_medium_max: medium,
            ready_large_max: large,
            ..fresh_for(&directory, FOR_EVER)
        };
        let server = TestServer::start(patient(), site(options));
        let mut client = server.connect();
        for number in (0..30).chain(0..30) {
            assert!(client.get(&format!("/small-{number}")).body == pattern(100 + number));
            assert!(client.get(&format!("/medium-{number}")).body == pattern(10_000 + number));
            assert!(client.get(&format!("/large-{number}")).body == pattern(60_000 + number));
        }
        drop(client);
        wait_until("only the cache holds blocks", || {
            let usage = server.usage();
            if usage.block_leases == small + medium + large { Ok(()) } else { Err(format!("{usage:?}")) }
        });
    }
}

#[test]
fn large_answers_do_not_drive_out_small_ones() {
    let directory = Directory::new("bounds");
    directory.write("small", "before");
    for number in 0..10 {
        directory.write(&format!("large-{number}"), pattern(60_000 + number));
    }
    let options = FileOptions { ready_large_max: 2, ..fresh_for(&directory, FOR_EVER) };
    let server = TestServer::start(patient(), site(options));
    let mut client = server.connect();
    assert_eq!(client.get("/small").text(), "before");
    directory.replace("small", "after");
    for number in 0..10 {
        assert!(client.get(&format!("/large-{number}")).body == pattern(60_000 + number));
    }
    // Were it not remembered any more, it would be read anew.
    assert_eq!(client.get("/small").text(), "before");
}

#[test]
fn many_requests_for_a_new_file_do_not_drive_out_the_others() {
    let directory = Directory::new("bounds");
    for name in ["a", "b", "c", "new"] {
        directory.write(name, "before");
    }
    let options = FileOptions { ready_small_max: 4, ..fresh_for(&directory, FOR_EVER) };
    let server = TestServer::start(patient(), site(options));
    let mut client = server.connect();
    for name in ["a", "b", "c"] {
        assert_eq!(client.get(&format!("/{name}")).text(), "before");
        directory.replace(name, "after");
    }
    let held = server.hold();
    let mut clients: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("GET /new HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    drop(held);
    for client in &mut clients {
        assert_eq!(client.reply().text(), "before");
    }
    for name in ["a", "b", "c"] {
        assert_eq!(client.get(&format!("/{name}")).text(), "before", "{name}");
    }
}

#[test]
fn descriptors_that_nobody_uses_are_closed_in_time_and_opened_again() {
    let directory = Directory::new("bounds");
    for number in 0..5 {
        directory.write(&number.to_string(), pattern(100_000 + number));
    }
    let options =
        FileOptions { idle_descriptor: Duration::from_millis(100), ..fresh_for(&directory, FOR_EVER) };
    let server = TestServer::start(patient(), site(options));
    let mut client = server.connect();
    for _ in 0..2 {
        for number in 0..5 {
            assert!(client.get(&format!("/{number}")).body == pattern(100_000 + number));
        }
        assert!(server.on_worker(site::usage).0 > 0);
        wait_until("descriptors are closed", || match server.on_worker(site::usage) {
            (0, 5) => Ok(()),
            usage => Err(format!("{usage:?}")),
        });
    }
}

#[test]
fn a_file_that_changed_while_its_descriptor_was_closed_is_looked_at_again() {
    let directory = Directory::new("bounds");
    directory.write("a", pattern(100_000));
    directory.write("b", pattern(100_000));
    let options =
        FileOptions { idle_descriptor: Duration::from_millis(100), ..fresh_for(&directory, FOR_EVER) };
    let server = TestServer::start(patient(), site(options));
    let mut client = server.connect();
    client.get("/a");
    client.get("/b");
    wait_until("descriptors are closed", || match server.on_worker(site::usage) {
        (0, 2) => Ok(()),
        usage => Err(format!("{usage:?}")),
    });
    directory.replace("a", pattern(100_001));
    std::fs::remove_file(directory.join("b")).unwrap();
    let reply = client.get("/a");
    assert_eq!(reply.status, 200);
    assert!(reply.body == pattern(100_001));
    assert_eq!(client.get("/b").status, 404);
}
