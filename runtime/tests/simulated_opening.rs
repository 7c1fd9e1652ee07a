//! How connections of the simulated machine begin, or come to nothing: addresses, backlogs, silence.

#[path = "support/simulated.rs"]
mod support;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use selvedge_runtime::JoinHandle;
use selvedge_runtime::net::{
    AcceptPolicy, Address, Intake, IntakeOptions, Listening, PortSharing, Stream, TcpListener,
};
use selvedge_runtime::process::{Account, listen_backlog_max};
use selvedge_runtime::sim::Fault;
use support::{ALWAYS, address, calm, only, outcome, simulation};

#[test]
fn who_connects_is_refused_waits_for_ever_or_finds_no_descriptor() {
    for (fault, kind) in [
        (Fault::ConnectRefused, io::ErrorKind::ConnectionRefused),
        (Fault::ConnectTimedOut, io::ErrorKind::TimedOut),
    ] {
        let simulation = simulation(only(fault, ALWAYS));
        let _listening = Listening::bind_ip(address(), 16, PortSharing::Exclusive).unwrap();
        let error =
            outcome(&simulation, || async { Stream::connect(&address().into()).await.unwrap_err().kind() });
        assert_eq!(error, kind);
        assert_eq!(simulation.elapsed() > Duration::from_secs(126), fault == Fault::ConnectTimedOut);
    }
    let simulation = simulation(only(Fault::SocketWithoutDescriptor, ALWAYS));
    let error = outcome(&simulation, || async { Stream::connect(&address().into()).await.unwrap_err() });
    assert_eq!(error.raw_os_error(), Some(24), "EMFILE");
    assert_eq!(simulation.descriptors_open(), 0);
}

#[test]
fn who_connects_to_silence_hears_so_after_two_minutes() {
    let simulation = calm(1);
    simulation.silence(address());
    let error =
        outcome(&simulation, || async { Stream::connect(&address().into()).await.unwrap_err().kind() });
    assert_eq!(error, io::ErrorKind::TimedOut);
    assert_eq!(simulation.elapsed().as_secs(), 127);
    assert_eq!(simulation.descriptors_open(), 0);
}

/// A listener whose backlog is full, who waits in it, and one more, 10 s after it has come: whether it is connected.
async fn third_at_a_full_backlog() -> (Listening, [Stream; 2], JoinHandle<bool>) {
    let listening = Listening::bind_ip(address(), 1, PortSharing::Exclusive).expect("a port");
    let address = Address::from(self::address());
    let waiting =
        [Stream::connect(&address).await.expect("room"), Stream::connect(&address).await.expect("room")];
    // They are in the backlog when their last word has come.
    selvedge_runtime::timer::sleep(Duration::from_secs(1)).await;
    let third = selvedge_runtime::spawn("third", async move { Stream::connect(&address).await.is_ok() });
    selvedge_runtime::timer::sleep(Duration::from_secs(10)).await;
    (listening, waiting, third)
}

#[test]
fn who_connects_to_a_full_backlog_asks_again_until_it_is_answered() {
    let simulation = calm(1);
    let connected = outcome(&simulation, || async {
        let (listening, _waiting, third) = third_at_a_full_backlog().await;
        let options = IntakeOptions { policy: AcceptPolicy::Shared, connections_max: 10 };
        let mut door = Intake::new(vec![vec![listening]], 1, &options).expect("it can be").open_door(0);
        let _first = door.next().await.expect("two wait there");
        third.await.unwrap()
    });
    assert!(connected);
    // It asks after 1, 3, 7 and 15 s.
    assert_eq!(simulation.elapsed().as_secs(), 16);
}

#[test]
fn who_asks_again_at_a_full_backlog_is_refused_when_nobody_listens_any_more() {
    let simulation = calm(1);
    let connected = outcome(&simulation, || async {
        let (listening, _waiting, third) = third_at_a_full_backlog().await;
        drop(listening);
        // Nobody listens any more: now it is refused.
        third.await.unwrap()
    });
    assert!(!connected);
    assert!(simulation.elapsed() > Duration::from_secs(10));
}

#[test]
fn who_never_finds_room_in_a_backlog_is_given_up() {
    let simulation = calm(1);
    let _listening = Listening::bind_ip(address(), 1, PortSharing::Exclusive).unwrap();
    let connect = || simulation.connect(address(), 100, 100).unwrap();
    let peers = [(); 3].map(|()| connect());
    simulation.run_while(|| true);
    assert_eq!(peers.iter().filter(|peer| peer.is_reset()).count(), 1, "a backlog of one holds two");
    assert_eq!(simulation.elapsed().as_secs(), 63);
    // Who has gone asks no more.
    connect().reset();
    simulation.run_while(|| true);
    assert_eq!(simulation.elapsed().as_secs(), 64);
}

#[test]
fn a_port_that_somebody_has_is_not_chosen() {
    let _simulation = calm(1);
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let next = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let taken = Listening::bind_ip(next(40_000), 16, PortSharing::Exclusive).unwrap();
    let chosen = Listening::bind_ip(any, 16, PortSharing::Exclusive).unwrap();
    assert_eq!(chosen.address().socket_addr(), Some(next(40_001)));
    drop(taken);
}

#[test]
fn the_file_of_a_unix_socket_is_the_simulated_machines() {
    let _simulation = calm(1);
    let path = std::path::Path::new("/no such directory/socket");
    let mut listening = Listening::bind_unix(path, 0o600, 16).unwrap();
    let nobody = Account::find("65534", Some("65534")).expect("a number needs no entry");
    listening.give_file_to(&nobody).unwrap();
    let file = listening.socket_file().expect("it has one");
    assert!(file.may_be_removed());
    file.remove();
    assert!(Listening::bind_unix(path, 0o600, 16).is_ok(), "it was removed");
}

#[test]
fn no_descriptor_for_an_accept_is_told_although_nobody_has_come() {
    let simulation = simulation(only(Fault::AcceptWithoutDescriptor, ALWAYS));
    let error =
        outcome(&simulation, || async { TcpListener::bind(address()).unwrap().accept().await.unwrap_err() });
    assert_eq!(error.raw_os_error(), Some(24), "EMFILE");
}

#[test]
fn the_longest_backlog_is_the_simulated_machines() {
    let _simulation = calm(1);
    assert_eq!(listen_backlog_max(), Some(4_096));
}

#[test]
fn an_address_that_is_taken_is_refused_unless_both_share_it() {
    let _simulation = calm(1);
    let bind = |address: SocketAddr, sharing| Listening::bind_ip(address, 16, sharing);
    let any: SocketAddr = ([0, 0, 0, 0], 80).into();
    let first = bind(address(), PortSharing::Exclusive).unwrap();
    for taken in [address(), any] {
        assert_eq!(bind(taken, PortSharing::Shared).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
    drop(first);
    let _both = [(); 2].map(|()| bind(address(), PortSharing::Shared).unwrap());
}
