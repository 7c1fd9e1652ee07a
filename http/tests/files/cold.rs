//! Files that are not in memory are read outside the worker's thread, in a bounded number of blocks.

use std::fs::File;
use std::path::Path;

use rustix::fs::{Advice, fadvise};
use selvedge_http::files::FileOptions;
use selvedge_runtime::{KernelLimits, WorkerLimits};

use crate::support::client::Client;
use crate::support::directory::Directory;
use crate::support::site::site;
use crate::support::{TestServer, multipart, patient, pattern, wait_until};

const SIZE: usize = 1_000_000;
const FILES: usize = 40;

/// Drops a file's pages, as far as its file system can do without them.
fn make_cold(path: &Path) {
    File::open(path).and_then(|file| file.sync_all()).expect("it was written just now");
    drop_pages(path);
}

fn drop_pages(path: &Path) {
    let file = File::open(path).expect("it is there");
    fadvise(file, 0, None, Advice::DontNeed).expect("advice is taken");
}

fn cold_files() -> Directory {
    let directory = Directory::new("cold");
    let whole = pattern(SIZE + FILES);
    for number in 0..FILES {
        make_cold(&directory.write(&number.to_string(), &whole[number..number + SIZE]));
    }
    directory
}

fn download_all(server: &TestServer, clients_per_file: usize) {
    let whole = pattern(SIZE + FILES);
    let held = server.hold();
    let mut clients: Vec<Client> = (0..FILES * clients_per_file).map(|_| server.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", number % FILES));
    }
    drop(held);
    for (number, client) in clients.iter_mut().enumerate() {
        let first = number % FILES;
        assert!(client.reply().body == whole[first..first + SIZE], "{number}");
    }
}

#[test]
fn more_downloads_than_blocks_all_complete() {
    let directory = cold_files();
    let server = TestServer::start(patient(), site(FileOptions::new(directory.path())));
    download_all(&server, 3);
}

#[test]
fn one_block_is_enough_for_many_downloads() {
    let directory = cold_files();
    let limits = WorkerLimits {
        kernel: KernelLimits { file_blocks: 1, file_block_bytes: 16_384, ..KernelLimits::default() },
        ..WorkerLimits::default()
    };
    let server = TestServer::start_with(patient(), limits, site(FileOptions::new(directory.path())));
    download_all(&server, 1);
}

#[test]
fn parts_of_a_cold_file_are_exact() {
    let directory = Directory::new("cold");
    let whole = pattern(SIZE);
    let path = directory.write("a", &whole);
    let server = TestServer::start(patient(), site(FileOptions::new(directory.path())));
    let mut client = server.connect();
    for count in 2..=16 {
        make_cold(&path);
        // From the end to the beginning, against the kernel's reading ahead.
        let named: Vec<_> = (0..count).rev().map(|at| at * 62_000..at * 62_000 + 61_000 - count).collect();
        let specs: Vec<_> =
            named.iter().map(|octets| format!("{}-{}", octets.start, octets.end - 1)).collect();
        client.send(format!("GET /a HTTP/1.1\r\nHost: a\r\nRange: bytes={}\r\n\r\n", specs.join(",")));
        let reply = client.reply();
        let boundary = multipart::boundary(reply.field("content-type").expect("a type"));
        let parts = multipart::split(&reply.body, boundary);
        assert_eq!(parts.iter().map(|part| part.octets().0).collect::<Vec<_>>(), named);
        assert!(parts.iter().all(|part| part.content == &whole[part.octets().0]), "{count} parts");
    }
}

#[test]
fn readers_that_stand_still_hold_up_no_cold_download() {
    let directory = cold_files();
    let long = directory.write("long", vec![b'x'; 20_000_000]);
    make_cold(&long);
    let limits = WorkerLimits {
        kernel: KernelLimits { file_blocks: 1, ..KernelLimits::default() },
        ..WorkerLimits::default()
    };
    let server = TestServer::start_with(patient(), limits, site(FileOptions::new(directory.path())));
    let mut stalled: Vec<Client> = (0..8)
        .map(|_| {
            let mut client = Client::connect_narrow(server.address(), 4_096);
            client.send("GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
            client
        })
        .collect();
    // Until they stand still, each where the disk would be next: what was read ahead is dropped all the time.
    let mut turns = 0;
    wait_until("all stand still", || {
        for _ in 0..100 {
            drop_pages(&long);
        }
        let (before, now) = (turns, server.turns());
        turns = now;
        // Our own question takes two.
        if now <= before + 2 { Ok(()) } else { Err(format!("{} turns more", now - before)) }
    });
    download_all(&server, 1);
    for client in &mut stalled {
        client.read_some(100).expect("it is not cut");
    }
}
