//! Accepting by subscription: early ends and cancels that meet them.

use super::*;
use crate::sys::socket::More;

fn take_all(machine: &mut Machine, id: OpId) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    while let Poll::Ready(next) = machine.kernel.poll_accepted(id, Waiter::Nobody) {
        accepted.push(next.unwrap());
    }
    accepted
}

#[test]
fn an_accept_that_a_full_completion_queue_ends_keeps_its_last_connection_and_goes_on() {
    const CLIENTS: usize = 700;
    let mut machine = Machine::with_small_completion_queue(8, 64);
    let (address, id) = machine.accept(AcceptBatch::All);
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut accepted = Vec::new();
    machine.until("every client", |machine| {
        accepted.extend(take_all(machine, id));
        (accepted.len() >= CLIENTS).then_some(())
    });
    assert_eq!(accepted.len(), CLIENTS);
    let figures = machine.kernel.figures();
    assert!(figures.rearms > 0, "the test provokes an early end: {figures:?}");

    // Each accepted socket is the other end of one client: none was taken for another's.
    let mut ours: Vec<SocketAddr> = accepted
        .into_iter()
        .map(|accepted| TcpStream::from(accepted.into_fd().into_real()).peer_addr().unwrap())
        .collect();
    let mut theirs: Vec<SocketAddr> = clients.iter().map(|client| client.local_addr().unwrap()).collect();
    ours.sort_unstable();
    theirs.sort_unstable();
    assert_eq!(ours, theirs);

    let _late = TcpStream::connect(address).unwrap();
    machine.until("a late client", |machine| take_all(machine, id).pop());
    machine.kernel.release(id);
    machine.assert_idle();
}

#[test]
fn a_cancel_that_meets_an_early_end_ends_the_accept_all_the_same() {
    const CLIENTS: usize = 700;
    let mut machine = Machine::with_small_completion_queue(8, 64);
    let (address, id) = machine.accept(AcceptBatch::All);
    let _clients: Vec<TcpStream> = (0..CLIENTS).map(|_| TcpStream::connect(address).unwrap()).collect();
    // The overflow ends the subscription in this enter; the cancel is asked for before anybody knows.
    machine.kernel.wait(Wait::None);
    machine.kernel.cancel(id);
    let mut accepted = 0;
    let error = machine.until("the cancel's outcome", |machine| {
        loop {
            match machine.kernel.poll_accepted(id, Waiter::Nobody) {
                Poll::Ready(Ok(_)) => accepted += 1,
                Poll::Ready(Err(error)) => return Some(error),
                Poll::Pending => return None,
            }
        }
    });
    assert_eq!(error.raw_os_error(), Some(libc::ECANCELED));
    // The rest is in the backlog, where a direct accept finds it.
    while machine.kernel.accept_now(id).is_some() {
        accepted += 1;
    }
    assert_eq!(accepted, CLIENTS);
    machine.kernel.restart(id);
    let _late = TcpStream::connect(address).unwrap();
    machine.until("a late client", |machine| take_all(machine, id).pop());
    machine.kernel.release(id);
    machine.assert_idle();
}

#[test]
fn accepted_sockets_do_not_block_and_do_not_survive_an_exec() {
    let mut machine = Machine::new(8, 64);
    let (address, id) = machine.accept(AcceptBatch::All);
    for _ in 0..2 {
        let _client = TcpStream::connect(address).unwrap();
        let by_subscription = machine.until("a client", |machine| take_all(machine, id).pop());
        let fd = by_subscription.into_fd().into_real();
        let status = rustix::fs::fcntl_getfl(&fd).unwrap();
        assert!(status.contains(rustix::fs::OFlags::NONBLOCK));
        assert!(rustix::io::fcntl_getfd(&fd).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        assert!(socket2::SockRef::from(&fd).tcp_nodelay().unwrap(), "inherited from the listener");
    }
}

#[test]
fn few_octets_wait_for_a_client_with_a_tiny_window() {
    let mut machine = Machine::new(8, 64);
    let (address, id) = machine.accept(AcceptBatch::All);
    let client = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    client.set_recv_buffer_size(1).unwrap();
    client.connect(&address.into()).unwrap();
    let accepted = machine.until("the client", |machine| take_all(machine, id).pop());
    let socket = machine.kernel.adopt(accepted);
    assert!(socket.segment_bytes().unwrap() < 1_000, "half of the window at most");
    socket.bound_unsent().unwrap();
    let piece = [b'o'; 64 * 1024];
    let mut sent = 0;
    let end = loop {
        match socket.send_now(&piece, More::Nothing) {
            Ok(taken) => sent += taken,
            Err(error) => break error,
        }
    };
    assert_eq!(end.kind(), std::io::ErrorKind::WouldBlock);
    // Its window is some 1 KiB; without the bound, megabytes wait.
    assert!((64 * 1024..=160 * 1024).contains(&sent), "{sent}");
    machine.kernel.release(id);
    drop(socket);
    machine.assert_idle();
}

#[test]
fn connections_accepted_for_a_released_listener_are_closed() {
    let mut machine = Machine::new(8, 64);
    let (address, id) = machine.accept(AcceptBatch::All);
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    machine.turn();
    machine.kernel.release(id);
    machine.assert_idle();
    // The end or a reset, but no hanging.
    match client.read(&mut [0]) {
        Ok(0) => {}
        Ok(_) => panic!("nobody has sent anything"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

#[test]
fn one_by_one_takes_no_more_than_is_asked_for() {
    let mut machine = Machine::new(8, 64);
    let (address, id) = machine.accept(AcceptBatch::One);
    let clients: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(address).unwrap()).collect();
    for turn in 1..=5 {
        machine.until("a client", |machine| match machine.kernel.poll_accepted(id, Waiter::Nobody) {
            Poll::Ready(accepted) => accepted.ok(),
            Poll::Pending => None,
        });
        for _ in 0..5 {
            machine.turn();
        }
        assert_eq!(machine.kernel.figures().completions, turn, "one completion per connection asked for");
    }
    machine.kernel.set_accept_batch(id, AcceptBatch::All);
    let mut rest = 0;
    machine.until("the others", |machine| {
        rest += take_all(machine, id).len();
        (rest == clients.len() - 5).then_some(())
    });
    machine.kernel.release(id);
    machine.assert_idle();
}

#[test]
fn a_subscription_told_to_go_one_by_one_loses_nobody() {
    let mut machine = Machine::new(8, 64);
    let (address, id) = machine.accept(AcceptBatch::All);
    machine.turn();
    let _early: Vec<TcpStream> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
    machine.kernel.set_accept_batch(id, AcceptBatch::One);
    let _late: Vec<TcpStream> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut accepted = 0;
    machine.until("all clients", |machine| {
        accepted += take_all(machine, id).len();
        (accepted == 20).then_some(())
    });
    machine.kernel.cancel(id);
    let error = machine.until("the cancel's outcome", |machine| {
        match machine.kernel.poll_accepted(id, Waiter::Nobody) {
            Poll::Ready(outcome) => outcome.err(),
            Poll::Pending => None,
        }
    });
    assert_eq!(error.raw_os_error(), Some(libc::ECANCELED));
    machine.kernel.release(id);
    machine.assert_idle();
}

#[test]
fn a_listener_can_be_told_to_wait_for_first_octets() {
    let listening =
        || Listening::bind_ip((Ipv4Addr::LOCALHOST, 0).into(), 1, PortSharing::Exclusive).unwrap();
    assert_eq!(deferred_s(listening()), 0);
    let waiting = listening();
    waiting.await_first_octets().unwrap();
    assert!((1..=3).contains(&deferred_s(waiting)));
}

/// How long a connection without octets is not accepted. As read back, it is the time of the retransmissions that come first
/// (tcp(7)).
fn deferred_s(listening: Listening) -> i32 {
    let listener = listening.into_fd();
    let (mut seconds, mut length) = (0_i32, size_of::<i32>() as libc::socklen_t);
    // SAFETY: the listener is open; the kernel writes an i32 to `seconds` and its size to `length`, both live across the call.
    let result = unsafe {
        libc::getsockopt(
            listener.raw(),
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT,
            (&raw mut seconds).cast(),
            &raw mut length,
        )
    };
    assert_eq!(result, 0);
    seconds
}
