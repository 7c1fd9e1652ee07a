//! Descriptor numbers that are used again.

use std::os::fd::AsRawFd;

use super::*;
use crate::sys::chunk::Chunk;
use crate::sys::socket::More;

#[test]
fn a_queued_send_never_reaches_the_connection_that_gets_its_descriptor_number() {
    const STALE: u8 = 0xee;
    let mut machine = Machine::new(64, 64);
    let mut reused = 0;
    for moment in 0..600 {
        let (socket, mut stale_peer) = machine.pair();
        let number = socket.raw();
        if moment % 3 > 0 {
            // The send has to wait in the kernel.
            while socket.send_now(&[STALE; 65_536], More::Nothing).is_ok() {}
        }
        let op = machine.kernel.sending(&socket, Chunk::from(vec![STALE; 65_536]), More::Nothing);
        let send = machine.kernel.submit(op);
        let receive = machine.receive(&socket);
        if moment % 3 == 2 {
            machine.turn();
        }
        machine.kernel.release(send);
        machine.kernel.release(receive);
        drop(socket);

        // New connections in the same turn and in the following ones: sooner or later one gets the number.
        let mut fresh = Vec::new();
        for _ in 0..4 {
            fresh.push(UnixStream::pair().unwrap());
            machine.turn();
        }
        for (one, other) in &fresh {
            if [one.as_raw_fd(), other.as_raw_fd()].contains(&number) {
                reused += 1;
            }
            for end in [one, other] {
                end.set_nonblocking(true).unwrap();
                let mut end = end;
                let error = end.read(&mut [0; 16]).expect_err("a stale send reached a new connection");
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
            }
        }
        // Its own peer sees nothing else, and then the end.
        let mut bytes = vec![0; 65_536];
        loop {
            let read = stale_peer.read(&mut bytes).unwrap();
            if read == 0 {
                break;
            }
            assert!(bytes[..read].iter().all(|&byte| byte == STALE));
        }
    }
    assert!(reused > 100, "the test makes the kernel use numbers again: {reused}");
    machine.assert_idle();
}

#[test]
fn more_descriptors_dropped_in_a_turn_than_the_close_queue_holds_are_all_closed() {
    let mut machine = Machine::new(8, 64);
    let (ours, mut theirs): (Vec<_>, Vec<_>) = (0..600).map(|_| machine.pair()).unzip();
    drop(ours);
    machine.turn();
    for peer in &mut theirs {
        assert_eq!(peer.read(&mut [0]).unwrap(), 0, "closed");
    }
    machine.assert_idle();
}
