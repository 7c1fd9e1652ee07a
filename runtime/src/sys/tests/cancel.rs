//! Ops that are given up: before they reach the kernel, while it has them, and when it is done with them.

use super::*;

#[test]
fn a_receive_given_up_at_any_moment_gives_its_buffers_back() {
    let mut machine = Machine::new(8, 64);
    for moment in 0..400 {
        let (socket, mut peer) = machine.pair();
        let id = machine.receive(&socket);
        // 0: not submitted; 1: waiting; 2: completed but not reaped; 3: reaped but not taken.
        if moment % 4 >= 1 {
            machine.turn();
        }
        if moment % 4 >= 2 {
            peer.write_all(&[7; 100]).unwrap();
            machine.kernel.wait(Wait::None);
        }
        if moment % 4 >= 3 {
            machine.kernel.reap(&mut machine.reaped);
        }
        machine.kernel.release(id);
        drop(socket);
        machine.turn();
    }
    machine.assert_idle();
}

#[test]
fn a_send_given_up_at_any_moment_frees_its_chunk_and_its_socket() {
    let mut machine = Machine::new(8, 64);
    let pool = crate::sys::pool::Pool::new(1, 1 << 20).unwrap();
    for moment in 0..400 {
        let (socket, mut peer) = machine.pair();
        let lease = machine.until("the block", |_| pool.lease());
        let id = machine.send(&socket, lease, More::Nothing);
        if moment % 4 >= 1 {
            machine.turn();
        }
        if moment % 4 >= 2 {
            // Makes room, so that a completion is on its way when the cancel comes.
            let mut bytes = [0; 65_536];
            let _ = peer.read(&mut bytes).unwrap();
            machine.kernel.wait(Wait::None);
        }
        if moment % 4 >= 3 {
            machine.kernel.reap(&mut machine.reaped);
        }
        machine.kernel.release(id);
        drop(socket);
        machine.until("the socket's close", |machine| (machine.kernel.ops() == 0).then_some(()));
        machine.turn();
        // The peer sees what was sent, then the end.
        while peer.read(&mut [0; 65_536]).unwrap() > 0 {}
    }
    assert!(pool.lease().is_some());
    machine.assert_idle();
}

#[test]
fn an_op_that_is_done_is_released_without_a_cancel() {
    let mut machine = Machine::new(8, 64);
    let (socket, _peer) = machine.pair();
    let id = machine.send(&socket, "x", More::Nothing);
    machine.until("the send", |machine| (!machine.kernel.is_in_flight(id)).then_some(()));
    let before = machine.kernel.figures().submissions;
    machine.kernel.release(id);
    assert_eq!(machine.kernel.ops(), 0);
    assert_eq!(machine.kernel.figures().submissions, before);
    machine.assert_idle();
}

#[test]
fn a_writable_that_is_given_up_ends() {
    let mut machine = Machine::new(8, 64);
    let (socket, _peer) = machine.pair();
    while socket.send_now(&[0; 65_536], More::Nothing).is_ok() {}
    let id = machine.kernel.submit(Op::Writable { socket: socket.clone() });
    for _ in 0..3 {
        machine.turn();
    }
    assert!(machine.kernel.is_in_flight(id));
    machine.kernel.release(id);
    machine.assert_idle();
}
