//! Many connections: shared out evenly, cheap while idle, gone without a trace.
#![allow(clippy::unwrap_used, reason = "a test's helpers end it as the test itself does")]

mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use selvedge::site::{Site as SiteApplication, SiteOptions};
use selvedge_http::files::{FileOptions, Files};
use selvedge_http::{Server as LibraryServer, ServerOptions};
use selvedge_runtime::net::{AcceptPolicy, Address, Intake, IntakeOptions, Listening, PortSharing};
use selvedge_runtime::{BufferPool, BufferUsage, Runtime};
use support::{Client, Server, Site, eventually, skipped};

const REQUEST: &str = "GET /file HTTP/1.1\r\nhost: h\r\n\r\n";

/// The server as a part of this process, so that its workers can be asked.
fn library_server(site: &Site, workers: usize, policy: AcceptPolicy) -> (LibraryServer, SocketAddr) {
    let listening =
        Listening::bind_ip((Ipv4Addr::LOCALHOST, 0).into(), 1_024, PortSharing::Exclusive).unwrap();
    let Address::Ip(address) = *listening.address() else { panic!("it is bound to an IP address") };
    let options = IntakeOptions { policy, connections_max: 4_000 };
    let intake = Intake::new(vec![vec![listening]], workers, &options).unwrap();
    let runtime = Runtime::builder().workers(workers).build().unwrap();
    let root = site.path().to_owned();
    let server = LibraryServer::start(runtime, &intake, ServerOptions::default(), move |_worker| {
        SiteApplication::new(Files::open(FileOptions::new(&root)).unwrap(), SiteOptions::default())
    });
    (server.unwrap(), address)
}

fn usage(server: &LibraryServer, worker: usize) -> BufferUsage {
    let (tell, told) = mpsc::channel();
    server.running().handle().run_on(worker, move || tell.send(BufferPool::usage()).unwrap()).unwrap();
    told.recv().unwrap()
}

/// Opens connections, of which each has one request answered.
fn served(address: SocketAddr, connections: usize) -> Vec<Client> {
    let mut clients: Vec<_> = (0..connections).map(|_| Client::connect(address)).collect();
    for client in &mut clients {
        client.send(REQUEST);
    }
    for client in &mut clients {
        assert_eq!(client.response().text(), "words");
    }
    clients
}

/// Room for the connections of this process; false where the machine does not give it.
fn raise_descriptor_limit(wanted: u64) -> bool {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let has_room = raised.is_ok() && maximum.is_none_or(|maximum| maximum >= wanted);
    if !has_room {
        skipped(&format!("needs a hard limit of {wanted} descriptors (ulimit -Hn)"));
    }
    has_room
}

#[test]
fn a_thousand_connections_are_shared_out_evenly_and_leave_nothing_behind() {
    // Two servers in this process, and both ends of every connection.
    if !raise_descriptor_limit(6_000) {
        return;
    }
    let site = Site::with(&[("file", "words")]);
    for (policy, servers) in [(AcceptPolicy::Shared, 0..4), (AcceptPolicy::Dedicated, 1..4)] {
        let (server, address) = library_server(&site, 4, policy);
        let intake = server.control().intake().clone();
        // What a first request leaves behind, such as the cached file, is there already on each.
        drop(served(address, 12));
        eventually("the end of the first connections", || intake.open().iter().sum::<u64>() == 0);
        let before: Vec<_> = (0..4).map(|worker| usage(&server, worker)).collect();
        let assigned_before = intake.assigned();

        let clients = served(address, 1_000);
        let assigned: Vec<u64> =
            intake.assigned().iter().zip(&assigned_before).map(|(now, before)| now - before).collect();
        println!("{policy:?}: {assigned:?}");
        assert_eq!(assigned.iter().sum::<u64>(), 1_000);
        let shares = &assigned[servers];
        assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{policy:?}: {assigned:?}");
        assert_eq!(assigned.len() - shares.len(), assigned.iter().filter(|&&share| share == 0).count());
        for (worker, before) in before.iter().enumerate() {
            let held = usage(&server, worker);
            assert_eq!(held.receive_leases, 0, "an idle connection holds no buffer");
            assert_eq!(held.block_leases, before.block_leases);
        }

        drop(clients);
        eventually("the end of all connections", || intake.open().iter().sum::<u64>() == 0);
        for (worker, before) in before.iter().enumerate() {
            // The slots of a connection's last ops are freed a moment after it.
            eventually("the workers' rest", || usage(&server, worker) == *before);
        }
        server.control().stop();
        server.join();
    }
}

#[test]
fn an_idle_connection_costs_less_than_a_kilobyte_and_a_closed_one_nothing() {
    if !raise_descriptor_limit(10_600) {
        return;
    }
    let site = Site::with(&[("file", "words")]);
    let server = Server::start(site.path());
    let address = server.address();
    let (listeners, _) = server.descriptors();

    let mut clients = served(address, 1_000);
    let thousand_kib = server.memory_kib("Anonymous");
    let (_, others) = server.descriptors();
    for _ in 1..10 {
        clients.extend(served(address, 1_000));
    }
    let ten_thousand_kib = server.memory_kib("Anonymous");
    assert_eq!(server.descriptors(), (listeners + 10_000, others));
    let bytes = (ten_thousand_kib.saturating_sub(thousand_kib)) * 1024 / 9_000;
    println!("{bytes} bytes per connection ({thousand_kib} KiB at 1,000, {ten_thousand_kib} KiB at 10,000)");
    assert!(bytes < 1_024, "{bytes} bytes per connection");

    // All of them still work.
    for client in &mut clients {
        client.send(REQUEST);
    }
    for client in &mut clients {
        assert_eq!(client.response().text(), "words");
    }
    drop(clients);
    eventually("the end of all connections", || server.descriptors() == (listeners, others));
    server.stop();
}

#[test]
fn beyond_the_limit_connections_wait_in_the_backlog_and_take_no_descriptor() {
    let site = Site::with(&[("file", "words")]);
    let server = Server::with(site.path(), &["--max-connections", "10"]);
    let (listeners, others) = server.descriptors();
    let mut clients: Vec<_> = (0..300).map(|_| Client::connect(server.address())).collect();
    for client in &mut clients {
        client.send(REQUEST);
    }
    let mut most = 0;
    // Served one leaves, and its place is the next one's.
    for mut client in clients {
        assert_eq!(client.response().text(), "words");
        most = most.max(server.descriptors().0 - listeners);
    }
    // The listener has one more in hand while all are busy, and a place is free some time before its socket is closed.
    assert!((10..=30).contains(&most), "{most} connections at once");
    eventually("the end of all connections", || {
        // What the start had still to close may have been among the first count.
        let (sockets, files) = server.descriptors();
        sockets <= listeners && files <= others
    });
    server.stop();
}
