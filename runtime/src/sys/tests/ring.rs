//! The ring itself: full queues, signals, doorbells.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;
use crate::sys::doorbell::RingAddress;

#[test]
fn more_ops_in_one_turn_than_the_submission_queue_holds_are_all_done() {
    let mut machine = Machine::new(8, 64);
    let pairs: Vec<_> = (0..100).map(|_| machine.pair()).collect();
    let before = machine.kernel.figures().submissions;
    let ids: Vec<OpId> = (0..2_000)
        .map(|op| machine.kernel.submit(Op::Writable { socket: pairs[op % 100].0.clone() }))
        .collect();
    assert_eq!(machine.kernel.figures().submissions - before, 2_000);
    for id in ids {
        assert!(machine.outcome(id).result.is_ok());
    }
    machine.assert_idle();
}

#[test]
fn ops_given_up_in_a_turn_that_fills_the_submission_queue_are_cancelled_after_they_were_submitted() {
    let mut machine = Machine::new(8, 64);
    let pairs: Vec<_> = (0..100).map(|_| machine.pair()).collect();
    for _ in 0..20 {
        let ids: Vec<OpId> = pairs.iter().map(|(socket, _)| machine.receive(socket)).collect();
        for id in ids {
            machine.kernel.release(id);
        }
    }
    machine.assert_idle();
}

#[test]
fn an_op_that_this_runtime_does_not_use_is_refused_by_its_ring() {
    let mut ring = Ring::new(None).unwrap();
    ring.enable().unwrap();
    assert!(ring.features().restricted_ops);
    let foreign = io_uring::opcode::Nop::new().build().user_data(1);
    // SAFETY: it points to nothing.
    unsafe { ring.push(&foreign) }.unwrap();
    // One that is used, with a flag that is not.
    let aside = io_uring::opcode::AsyncCancel::new(7).build().flags(io_uring::squeue::Flags::ASYNC);
    // SAFETY: it points to nothing.
    unsafe { ring.push(&aside.user_data(2)) }.unwrap();
    ring.enter(Wait::Forever).unwrap();
    let mut completions = Vec::new();
    ring.take_completions(&mut completions);
    let results: Vec<_> =
        completions.iter().map(|completion| (completion.token, completion.result)).collect();
    assert_eq!(results, [(1, -libc::EACCES), (2, -libc::EACCES)]);
    // Nor can anything be registered that was not meant to be.
    assert_eq!(ring.submitter().register_personality().unwrap_err().raw_os_error(), Some(libc::EACCES));
}

/// Handled signals of this thread, without SA_RESTART.
static INTERRUPTIONS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count_interruption(_: libc::c_int) {
    INTERRUPTIONS.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn a_signal_during_the_wait_ends_it_without_an_error() {
    // SAFETY: all zeroes is a valid sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = count_interruption as extern "C" fn(libc::c_int) as usize;
    // SAFETY: `action` is initialised, and its handler only stores to an atomic. No other test uses this signal.
    let result = unsafe { libc::sigaction(libc::SIGUSR2, &raw const action, std::ptr::null_mut()) };
    assert_eq!(result, 0);

    let mut machine = Machine::new(8, 64);
    machine.turn();
    // SAFETY: asks for the calling thread's own name.
    let this_thread = unsafe { libc::pthread_self() };
    let heard = AtomicBool::new(false);
    let started = std::time::Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Again and again, since the first ones may come before the wait begins.
            while !heard.load(Ordering::SeqCst) {
                // SAFETY: the scope keeps the signalled thread alive.
                unsafe { libc::pthread_kill(this_thread, libc::SIGUSR2) };
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        // Nothing will complete and nothing is submitted, which would hide the error: only a signal ends this wait.
        machine.kernel.wait(Wait::Forever);
        heard.store(true, Ordering::SeqCst);
    });
    assert!(INTERRUPTIONS.load(Ordering::SeqCst) > 0);
    assert!(started.elapsed() < PATIENCE);
    machine.kernel.reap(&mut machine.reaped);
    assert!(machine.reaped.woken.is_empty());

    // The ring is as good as before.
    let (socket, mut peer) = machine.pair();
    let id = machine.receive(&socket);
    peer.write_all(b"x").unwrap();
    assert!(matches!(machine.next_received(id), Received::Data(_)));
    machine.kernel.release(id);
    machine.assert_idle();
}

#[test]
fn a_doorbell_rung_by_a_thread_without_a_ring_ends_the_wait_each_time() {
    let mut machine = Machine::new(8, 64);
    let bell = machine.doorbell.try_clone().unwrap();
    for _ in 0..100 {
        let bell = &bell;
        std::thread::scope(|scope| {
            scope.spawn(|| bell.ring());
            machine.until("the bell", |machine| std::mem::take(&mut machine.reaped.rung).then_some(()));
        });
    }
}

#[test]
fn more_rings_than_the_completion_queue_holds_are_all_heard() {
    const RINGS: u64 = 2_000;
    let mut machine = Machine::with_small_completion_queue(8, 64);
    machine.turn();
    let before = machine.kernel.figures().completions;
    let address = machine.kernel.ring_address();
    std::thread::spawn(move || {
        let mut other = Machine::new(8, 64);
        for _ in 0..RINGS {
            other.kernel.ring_other(address, 0);
        }
        other.turn();
        assert!(other.reaped.unreached.is_empty());
    })
    .join()
    .unwrap();
    // The kernel does a few at a time; nobody takes the completions meanwhile.
    for _ in 0..150 {
        machine.kernel.wait(Wait::None);
    }
    machine.until("every ring", |machine| {
        (machine.kernel.figures().completions - before >= RINGS).then_some(())
    });
    assert!(machine.reaped.rung);
    assert!(machine.kernel.figures().overflows > 0, "the test provokes an overflow: {machine:?}");
}

#[test]
fn a_ring_that_does_not_exist_is_reported_as_unreached() {
    let mut machine = Machine::new(8, 64);
    let (socket, _peer) = machine.pair();
    // A descriptor that is no ring: what a number becomes after its worker has ended.
    machine.kernel.ring_other(RingAddress(socket.raw()), 42);
    machine.until("the failure", |machine| machine.reaped.unreached.pop().filter(|inbox| *inbox == 42));
}

#[test]
fn a_wait_with_a_deadline_ends_at_it_also_when_it_submits_something() {
    let mut machine = Machine::new(8, 64);
    let (socket, _peer) = machine.pair();
    let id = machine.receive(&socket);
    let started = std::time::Instant::now();
    machine.turn_waiting(Wait::AtMost(Duration::from_millis(50)));
    let elapsed = started.elapsed();
    assert!(elapsed >= Duration::from_millis(45) && elapsed < PATIENCE, "{elapsed:?}");
    machine.kernel.release(id);
    machine.assert_idle();
}

#[test]
fn shutting_down_with_ops_of_every_kind_in_flight_comes_to_rest() {
    let mut machine = Machine::new(8, 64);
    let (socket, _peer) = machine.pair();
    let (_, accept) = machine.accept(AcceptBatch::All);
    let receive = machine.receive(&socket);
    while socket.send_now(&[0; 65_536], crate::sys::socket::More::Nothing).is_ok() {}
    let writable = machine.kernel.submit(Op::Writable { socket: socket.clone() });
    let op = machine.kernel.sending(&socket, "never sent".into(), crate::sys::socket::More::Nothing);
    let send = machine.kernel.submit(op);
    machine.turn();
    for id in [accept, receive, writable, send] {
        assert!(machine.kernel.is_in_flight(id));
    }
    let started = std::time::Instant::now();
    assert_eq!(machine.kernel.shut_down(&mut Reaped::default()), AtRest::Yes);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[test]
fn memory_of_an_op_in_flight_outlives_a_kernel_that_was_not_shut_down() {
    // Dropped in the middle of a receive: if its buffers were unmapped, the bytes that come now would be written into
    // whatever is mapped there next.
    let doorbell = Doorbell::new().unwrap();
    let mut kernel = Kernel::new(&KernelLimits::default(), &doorbell).unwrap();
    let (mut theirs, ours) = std::os::unix::net::UnixStream::pair().unwrap();
    let socket = kernel.adopt(crate::sys::Accepted::new(ours.into()));
    let id = kernel.submit(Op::Receive {
        socket: socket.clone(),
        received: crate::sys::ReceivedQueue::new(),
        batch: crate::sys::ReceiveBatch::All,
    });
    kernel.wait(Wait::None);
    assert!(kernel.is_in_flight(id));
    let memory = kernel.buffers.memory_address();
    drop(kernel);
    // SAFETY: msync only asks about the range; ENOMEM says that it is not mapped (msync(2)).
    let mapped = unsafe { libc::msync(memory.as_ptr().cast(), 4_096, libc::MS_ASYNC) };
    assert_eq!(mapped, 0, "the receive ring was unmapped under a receive in flight");
    std::io::Write::write_all(&mut theirs, &[7; 4_096]).unwrap();
    drop(socket);
}
