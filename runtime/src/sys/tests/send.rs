//! Sends: in pieces, in order, failed and given up.

use super::*;
use crate::sys::sends::Sent;

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|position| (position % 251) as u8).collect()
}

#[test]
fn a_send_to_a_slow_reader_goes_out_in_pieces_whole_and_in_order() {
    const BYTES: usize = 1 << 20;
    let mut machine = Machine::new(8, 64);
    let (socket, mut peer) = machine.tcp_pair();
    socket.set_send_buffer_bytes(4_096).unwrap();
    let id = machine.send(&socket, pattern(BYTES), More::Nothing);
    let reader = std::thread::spawn(move || {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 3_000]);
        while bytes.len() < BYTES {
            let read = peer.read(&mut buffer).unwrap();
            assert!(read > 0, "the stream ended early");
            bytes.extend_from_slice(&buffer[..read]);
        }
        bytes
    });
    let mut progress = vec![0];
    let outcome = machine.until("the send", |machine| {
        if machine.kernel.is_in_flight(id) {
            progress.push(machine.kernel.sent_bytes(id));
        }
        match machine.kernel.poll(id, Waiter::Nobody) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        }
    });
    assert!(outcome.result.is_ok(), "{outcome:?}");
    let Op::Send { sent, .. } = outcome.op else { panic!("a send comes back") };
    assert_eq!(sent as usize, BYTES);
    assert!(progress.is_sorted(), "progress never goes back");
    assert!(machine.kernel.figures().short_sends > 0, "{machine:?}");
    assert!(reader.join().unwrap() == pattern(BYTES));
    machine.assert_idle();
}

#[test]
fn a_send_that_fails_ends_the_receive_that_waits() {
    let mut machine = Machine::new(8, 64);
    let (socket, peer) = machine.pair();
    let receive = machine.receive(&socket);
    machine.turn();
    // It reads no more, but might still write: only the failed send tells that the connection is of no more use.
    peer.shutdown(std::net::Shutdown::Read).unwrap();
    machine.turn();
    assert!(machine.kernel.poll_received(receive, Waiter::Nobody).is_pending());
    let send = machine.send(&socket, "too late", More::Nothing);
    let outcome = machine.outcome(send);
    assert_eq!(outcome.result.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    assert!(matches!(machine.next_received(receive), Received::End | Received::Failed(_)));
    machine.kernel.release(receive);
    machine.assert_idle();
}

#[test]
fn a_lease_that_is_sent_is_free_once_the_send_is_done_and_not_before() {
    let mut machine = Machine::new(8, 64);
    let (socket, mut peer) = machine.pair();
    socket.set_send_buffer_bytes(4_096).unwrap();
    let pool = crate::sys::pool::Pool::new(1, 1 << 20).unwrap();
    let id = machine.send(&socket, pool.lease().unwrap(), More::Nothing);
    for _ in 0..5 {
        machine.turn();
    }
    assert!(machine.kernel.is_in_flight(id), "the peer has not read");
    assert!(pool.lease().is_none(), "the kernel still reads from it");
    let reader = std::thread::spawn(move || {
        let mut bytes = vec![0; 1 << 20];
        peer.read_exact(&mut bytes).unwrap();
        peer
    });
    machine.until("the send", |machine| (!machine.kernel.is_in_flight(id)).then_some(()));
    assert!(pool.lease().is_some(), "free before anybody asks for the outcome");
    assert!(machine.outcome(id).result.is_ok());
    drop(reader.join().unwrap());
    machine.assert_idle();
}

#[test]
fn bytes_whose_drop_runs_foreign_code_are_dropped_outside_the_kernel() {
    struct Owner(std::sync::Arc<std::sync::atomic::AtomicBool>);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            b"owned"
        }
    }
    impl Drop for Owner {
        fn drop(&mut self) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let dropped = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut machine = Machine::new(8, 64);
    let (socket, _peer) = machine.pair();
    let chunk = Chunk::from(bytes::Bytes::from_owner(Owner(std::sync::Arc::clone(&dropped))));
    let id = machine.send(&socket, chunk, More::Nothing);
    assert!(machine.outcome(id).result.is_ok());
    assert!(!dropped.load(std::sync::atomic::Ordering::Relaxed), "the kernel is held");
    drop(machine.kernel.take_discarded());
    assert!(dropped.load(std::sync::atomic::Ordering::Relaxed));
    machine.assert_idle();
}

#[test]
fn a_send_that_the_socket_takes_at_once_completes_without_a_word() {
    let mut machine = Machine::new(8, 64);
    let (socket, mut peer) = machine.pair();
    machine.turn();
    let before = machine.kernel.figures();
    let send = machine.send(&socket, "hello", More::Nothing);
    machine.turn();
    let after = machine.kernel.figures();
    assert_eq!((after.enters - before.enters, after.completions - before.completions), (1, 0));
    let Poll::Ready(outcome) = machine.kernel.poll(send, Waiter::Nobody) else { panic!("it is over") };
    assert_eq!(outcome.result.unwrap(), 5);
    let mut bytes = [0; 5];
    peer.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"hello");
    machine.assert_idle();
}

#[test]
fn a_send_that_somebody_waits_for_ends_the_wait() {
    let mut machine = Machine::new(8, 64);
    let (socket, _peer) = machine.pair();
    machine.turn();
    let send = machine.send(&socket, "hello", More::Nothing);
    let waiter = Waiter::Foreign(Box::new(std::task::Waker::noop().clone()));
    assert!(machine.kernel.poll(send, waiter).is_pending());
    // Nothing else comes that would end it.
    machine.turn_waiting(Wait::Forever);
    assert_eq!(machine.reaped.woken.len(), 1);
    assert!(machine.kernel.poll(send, Waiter::Nobody).is_ready());
    machine.assert_idle();
}

#[test]
fn what_a_full_socket_does_not_take_at_once_follows_in_order_when_it_has_room() {
    const BYTES: usize = 100_000;
    for filled in [true, false] {
        let mut machine = Machine::new(8, 64);
        let (socket, mut peer) = machine.tcp_pair();
        socket.set_send_buffer_bytes(4_096).unwrap();
        let mut before = 0;
        while filled && let Ok(sent) = socket.send_now(&[b'x'; 4_096], More::Nothing) {
            before += sent;
        }
        let send = machine.send(&socket, pattern(BYTES), More::Nothing);
        machine.turn();
        assert!(machine.kernel.is_in_flight(send), "a small buffer does not take it all");
        let reader = std::thread::spawn(move || {
            let mut bytes = vec![0; before + BYTES];
            peer.read_exact(&mut bytes).unwrap();
            bytes
        });
        let outcome = machine.outcome(send);
        assert!(outcome.result.is_ok(), "{outcome:?}");
        assert!(reader.join().unwrap()[before..] == pattern(BYTES));
        machine.assert_idle();
    }
}

#[test]
fn a_failure_that_no_completion_queue_has_room_for_is_not_taken_for_success() {
    const SENDS: usize = 4 * FULL_SIZE.submissions as usize;
    let mut machine = Machine::with_small_completion_queue(8, 64);
    let (socket, peer) = machine.pair();
    drop(peer);
    let sends: Vec<OpId> = (0..SENDS)
        .map(|_| {
            let op = machine.kernel.sending(&socket, Chunk::from("nobody reads this"), More::Nothing);
            machine.kernel.submit(op)
        })
        .collect();
    for send in sends {
        let outcome = machine.outcome(send);
        assert_eq!(outcome.result.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    }
    assert!(machine.kernel.figures().overflows > 0, "{machine:?}");
    machine.assert_idle();
}

#[test]
fn a_send_of_a_stream_that_was_taken_has_no_slot_and_is_not_taken_for_a_later_one_in_its_place() {
    let mut machine = Machine::new(8, 64);
    let ((socket, mut peer), (another, _other_peer)) = (machine.pair(), machine.pair());
    let first = machine.kernel.start_sending(&socket, Chunk::from("hello"), More::Nothing);
    assert!(machine.kernel.is_sending(first, &socket));
    machine.until("the send", |machine| (!machine.kernel.is_sending(first, &socket)).then_some(()));
    assert_eq!(machine.kernel.ops(), 0);
    let mut read = [0; 5];
    peer.read_exact(&mut read).unwrap();
    assert_eq!((&read, machine.kernel.taken_bytes(first, &socket)), (b"hello", None));
    let later = machine.kernel.start_sending(&another, Chunk::from("later"), More::Nothing);
    // As where generations have begun anew.
    let as_later = OpId { generation: later.generation, ..first };
    assert_eq!(as_later, later);
    assert!(!machine.kernel.is_sending(as_later, &socket) && machine.kernel.is_sending(later, &another));
    assert!(matches!(machine.kernel.poll_sent(as_later, &socket, Waiter::Nobody), Poll::Ready(Sent::Whole)));
    machine.kernel.release_send(as_later, &socket);
    machine.until("the later send", |machine| (!machine.kernel.is_sending(later, &another)).then_some(()));
    machine.assert_idle();
}

#[test]
fn a_send_of_a_stream_that_fails_keeps_its_slot_for_its_outcome() {
    let mut machine = Machine::new(8, 64);
    let (socket, peer) = machine.pair();
    peer.shutdown(std::net::Shutdown::Both).unwrap();
    let id = machine.kernel.start_sending(&socket, Chunk::from("too late"), More::Nothing);
    let sent =
        machine.until("its end", |machine| match machine.kernel.poll_sent(id, &socket, Waiter::Nobody) {
            Poll::Ready(sent) => Some(sent),
            Poll::Pending => None,
        });
    let Sent::Otherwise(outcome) = sent else { panic!("it was not taken") };
    assert_eq!(outcome.result.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    machine.assert_idle();
}
