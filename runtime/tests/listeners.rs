//! Listening sockets: addresses, permissions, and why there is none.

mod support;

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use selvedge_runtime::net::{
    AcceptPolicy, Address, Intake, IntakeOptions, Listening, PortSharing, Stream, TcpListener, TcpStream,
};
use selvedge_runtime::{block_on, spawn};
use support::directory::Directory;
use support::{any_port, ip};

/// Whether `listening` takes a connection to `address`; the peer it sees.
fn connects(listening: Listening, address: Address) -> Address {
    block_on(move || async move {
        let options = IntakeOptions { policy: AcceptPolicy::Shared, connections_max: 8 };
        let intake = Intake::new(vec![vec![listening]], 1, &options).expect("an intake");
        let mut door = Arc::clone(&intake).open_door(0);
        let client = spawn("client", async move { Stream::connect(&address).await });
        let (stream, _, _slot) = door.next().await.expect("a connection");
        let peer = stream.peer().expect("it is connected");
        client.await.expect("the client has not panicked").expect("it connects");
        intake.stop();
        peer
    })
}

#[test]
fn an_unspecified_ipv6_address_takes_ipv4_too() {
    let any: SocketAddr = (Ipv6Addr::UNSPECIFIED, 0).into();
    for client in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        let listening = match Listening::bind_ip(any, 16, PortSharing::Exclusive) {
            Ok(listening) => listening,
            Err(error) => {
                // IPv6 is off on this machine: then that is what the error says.
                let code = error.raw_os_error();
                assert!([Some(libc::EAFNOSUPPORT), Some(libc::EADDRNOTAVAIL)].contains(&code), "{error}");
                return;
            }
        };
        let port = ip(listening.address()).port();
        let peer = connects(listening, Address::Ip((client, port).into()));
        let IpAddr::V6(peer) = ip(&peer).ip() else { panic!("an IPv6 socket sees IPv6 addresses") };
        assert_eq!(peer.to_canonical(), client);
    }
}

#[test]
fn a_unix_listener_has_the_mode_asked_for_and_takes_the_place_of_a_stale_one_only() {
    let directory = Directory::new("unix");
    let path = directory.join("socket");
    for mode in [0o600, 0o660, 0o666] {
        let listening = Listening::bind_unix(&path, mode, 16).unwrap();
        assert_eq!(*listening.address(), Address::Unix(path.clone()));
        let metadata = std::fs::metadata(&path).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o777, mode);
        // Somebody lives there.
        let error = Listening::bind_unix(&path, mode, 16).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert_eq!(connects(listening, Address::Unix(path.clone())), Address::Unnamed);
        // Whoever stops takes its path away. One who dies leaves it: a stale one for the next round.
        assert!(!path.exists());
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
    }
    // Nothing but a stale socket is ever removed.
    let file = directory.join("file");
    std::fs::write(&file, "precious").unwrap();
    assert_eq!(Listening::bind_unix(&file, 0o600, 16).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(&file).unwrap(), b"precious");
}

#[test]
fn an_inherited_listener_accepts() {
    let given = std::net::TcpListener::bind(any_port()).unwrap();
    let listening = Listening::inherit(given.as_raw_fd()).unwrap();
    let address = given.local_addr().unwrap();
    assert_eq!(*listening.address(), Address::Ip(address));
    let peer = connects(listening, Address::Ip(address));
    assert!(ip(&peer).ip().is_loopback());
}

#[test]
fn what_is_not_a_listener_is_not_inherited() {
    for standard_stream in 0..3 {
        let error = Listening::inherit(standard_stream).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    }
    let file = std::fs::File::open("/dev/null").unwrap();
    let listener = std::net::TcpListener::bind(any_port()).unwrap();
    let connected = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let datagrams = std::net::UdpSocket::bind(any_port()).unwrap();
    for (number, expected) in [
        (file.as_raw_fd(), libc::ENOTSOCK),
        (connected.as_raw_fd(), libc::EINVAL),
        (datagrams.as_raw_fd(), libc::EINVAL),
        (1_000_000_000, libc::EBADF),
    ] {
        let error = Listening::inherit(number).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(expected), "{error}");
    }
}

#[test]
fn a_listener_that_cannot_be_says_why() {
    let taken = Listening::bind_ip(any_port(), 16, PortSharing::Exclusive).unwrap();
    let bind = |address| Listening::bind_ip(address, 16, PortSharing::Exclusive).unwrap_err().kind();
    assert_eq!(bind(ip(taken.address())), ErrorKind::AddrInUse);
    // TEST-NET-3 (RFC 5737) is nobody's address.
    assert_eq!(bind((Ipv4Addr::new(203, 0, 113, 1), 0).into()), ErrorKind::AddrNotAvailable);
    let directory = Directory::new("no-listener");
    let unix = |path: &std::path::Path| Listening::bind_unix(path, 0o600, 16).unwrap_err().kind();
    assert_eq!(unix(&directory.join("missing/socket")), ErrorKind::NotFound);
    assert_eq!(unix(&directory.join(&"long".repeat(100))), ErrorKind::InvalidInput);
}

#[test]
fn a_second_handle_keeps_the_port() {
    let listening = Listening::bind_ip(any_port(), 16, PortSharing::Exclusive).unwrap();
    let address = ip(listening.address());
    let second = listening.try_clone().unwrap();
    drop(listening);
    assert!(ip(&connects(second, Address::Ip(address))).ip().is_loopback());
    assert_eq!(std::net::TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_worker_may_listen_by_itself() {
    block_on(|| async {
        let mut listener = TcpListener::bind(any_port()).unwrap();
        let address = ip(listener.address());
        for _ in 0..50 {
            let client = TcpStream::connect(address).await.unwrap();
            let server = listener.accept().await.unwrap();
            assert_eq!(server.peer().unwrap(), client.local().unwrap());
            assert_eq!(server.local().unwrap(), client.peer().unwrap());
        }
        drop(listener);
        let refused = async {
            loop {
                // The listener closes with the end of the turn, after its subscription.
                match TcpStream::connect(address).await {
                    Ok(_) => selvedge_runtime::yield_now().await,
                    Err(error) => return error.kind(),
                }
            }
        };
        assert_eq!(refused.await, ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_socket_s_file_is_removed_by_who_made_it_and_by_nobody_else() {
    let directory = Directory::new("socket-file");
    let path = directory.join("socket");
    let first = Listening::bind_unix(&path, 0o600, 8).expect("the path is free");
    let made_by_first = first.socket_file().expect("it has made a file").clone();
    drop(first);
    let second = Listening::bind_unix(&path, 0o600, 8).expect("nobody listens there any more");
    made_by_first.remove();
    assert!(path.exists(), "the successor's file was removed");
    second.socket_file().expect("it has made a file").remove();
    assert!(!path.exists());
    assert!(second.try_clone().expect("a second handle").socket_file().is_none());
}
