//! The last send of a connection, and the close that goes along with it.

use super::*;
use std::os::fd::FromRawFd;

use crate::sys::kernel;

/// Everything up to the end that the peer sees.
fn rest_of(peer: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    peer.read_to_end(&mut bytes).unwrap();
    bytes
}

/// A socket's number, and which socket it is: as soon as it is closed, the number may be another test's.
#[derive(Clone, Copy, PartialEq)]
struct Identity(i32, u64);

impl Identity {
    fn of(socket: &Socket) -> Self {
        Self(socket.raw(), inode(socket.raw()).unwrap())
    }

    fn is_open(self) -> bool {
        inode(self.0) == Some(self.1)
    }
}

fn inode(number: i32) -> Option<u64> {
    // SAFETY: fstat(2) only asks; where nothing has the number it says so.
    let stat = rustix::fs::fstat(unsafe { std::os::fd::BorrowedFd::borrow_raw(number) });
    stat.ok().map(|stat| stat.st_ino)
}

#[test]
fn the_last_send_closes_its_socket_with_the_same_enter() {
    let mut machine = Machine::new(8, 64);
    let (socket, mut peer) = machine.tcp_pair();
    let identity = Identity::of(&socket);
    let receive = machine.receive_in(&socket, ReceiveBatch::First);
    peer.write_all(b"a request").unwrap();
    let Received::Data(request) = machine.next_received(receive) else { panic!("it was sent") };
    assert_eq!(&request[..], b"a request");
    assert!(!machine.kernel.is_in_flight(receive), "it has received once");
    let before = machine.kernel.figures();
    let send = machine.send(&socket, "an answer", More::End);
    machine.turn();
    let after = machine.kernel.figures();
    assert_eq!((after.enters - before.enters, after.completions - before.completions), (1, 0));
    assert!(!identity.is_open());
    let Poll::Ready(outcome) = machine.kernel.poll(send, Waiter::Nobody) else { panic!("it is over") };
    assert_eq!(outcome.result.unwrap(), 9);
    // Whose number is taken by another is not closed, nor shut down, by who had it before.
    let (another, mut other_peer) = machine.tcp_pair();
    socket.shutdown_both();
    assert_eq!(socket.peer().unwrap_err().kind(), std::io::ErrorKind::NotConnected);
    assert_eq!(socket.unread_bytes().unwrap_err().kind(), std::io::ErrorKind::NotConnected);
    machine.kernel.release(receive);
    drop((socket, outcome.op, request));
    machine.assert_idle();
    assert_eq!(rest_of(&mut peer), b"an answer");
    assert!(another.peer().is_ok());
    let send = machine.send(&another, "still there", More::End);
    assert!(machine.outcome(send).result.is_ok());
    assert_eq!(rest_of(&mut other_peer), b"still there");
    machine.assert_idle();
}

#[test]
fn a_last_send_that_is_taken_in_part_leaves_the_socket_open_for_the_rest() {
    const BYTES: usize = 64 * 1024;
    let mut machine = Machine::new(8, 64);
    let (socket, mut peer) = machine.tcp_pair();
    let identity = Identity::of(&socket);
    socket.set_send_buffer_bytes(4_096).unwrap();
    let send = machine.send(&socket, vec![7; BYTES], More::End);
    let reader = std::thread::spawn(move || rest_of(&mut peer));
    let outcome = machine.outcome(send);
    assert!(outcome.result.is_ok(), "{outcome:?}");
    assert!(machine.kernel.figures().short_sends > 0, "{machine:?}");
    assert!(identity.is_open(), "who sent it ends it");
    assert!(socket.peer().is_ok());
    socket.shutdown_both();
    drop((socket, outcome));
    assert_eq!(reader.join().unwrap(), vec![7; BYTES]);
    machine.assert_idle();
    assert!(!identity.is_open());
}

#[test]
fn a_last_send_that_fails_leaves_the_close_to_its_owner() {
    let mut machine = Machine::new(8, 64);
    let (socket, peer) = machine.pair();
    let identity = Identity::of(&socket);
    drop(peer);
    let send = machine.send(&socket, "too late", More::End);
    let outcome = machine.outcome(send);
    assert_eq!(outcome.result.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    assert!(identity.is_open());
    drop((socket, outcome.op));
    machine.assert_idle();
    assert!(!identity.is_open());
}

#[test]
fn a_chain_that_was_torn_leaves_the_close_to_the_ring() {
    let mut machine = Machine::new(8, 64);
    let (socket, peer) = machine.pair();
    let identity = Identity::of(&socket);
    drop(peer);
    let send = machine.send(&socket, "too late", More::End);
    // As if the kernel had had no memory for the close's entry in the same enter.
    let kernel::Machine::Ring(ring) = &mut machine.kernel.machine else { panic!("it is the kernel's") };
    ring.pretend_tear();
    machine.turn();
    let outcome = machine.outcome(send);
    assert!(outcome.result.is_err());
    assert!(socket.peer().is_err(), "the number may be somebody else's by now");
    drop((socket, outcome.op));
    machine.assert_idle();
    // Here the chain was whole, so that nobody has closed it.
    assert!(identity.is_open());
    // SAFETY: it is the socket's, and nobody else's since then.
    drop(unsafe { std::os::fd::OwnedFd::from_raw_fd(identity.0) });
}

#[test]
fn a_last_send_without_room_for_the_close_beside_it_goes_alone() {
    let mut machine = Machine::new(8, 64);
    let (socket, mut peer) = machine.pair();
    let identity = Identity::of(&socket);
    // In line before it, as where the submission queue is full and takes nothing.
    machine.kernel.backlog.push_back(io_uring::opcode::Nop::new().build());
    let send = machine.send(&socket, "an answer", More::End);
    machine.kernel.backlog.pop_front();
    assert!(machine.outcome(send).result.is_ok());
    assert!(identity.is_open() && socket.peer().is_ok());
    drop(socket);
    machine.assert_idle();
    assert_eq!(rest_of(&mut peer), b"an answer");
}

#[test]
fn last_sends_of_one_turn_close_all_their_sockets() {
    // The kernel does only some of its deferred work in an enter.
    const SENDS: usize = 600;
    let mut machine = Machine::new(8, 64);
    let pairs: Vec<_> = (0..SENDS).map(|_| machine.pair()).collect();
    let identities: Vec<_> = pairs.iter().map(|(socket, _)| Identity::of(socket)).collect();
    let sends: Vec<OpId> =
        pairs.iter().map(|(socket, _)| machine.send(socket, "an answer", More::End)).collect();
    machine.turn();
    let open = identities.iter().filter(|identity| identity.is_open()).count();
    assert_eq!(open, 0, "after the turn that they are of");
    for send in sends {
        assert!(machine.outcome(send).result.is_ok());
    }
    let mut peers: Vec<_> = pairs.into_iter().map(|(_, peer)| peer).collect();
    for peer in &mut peers {
        assert_eq!(rest_of(peer), b"an answer");
    }
    machine.assert_idle();
}
