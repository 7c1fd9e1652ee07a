//! Accepts, cancels of every kind, and messages to other rings.

use super::*;
use crate::sys::doorbell::RingAddress;

pub(super) const CASES: &[(&str, Case)] = &[
    ("accept, all of them", |bench| {
        let (listening, address) = bench.listening(16);
        let accept = bench.accept(listening, AcceptBatch::All);
        for _ in 0..3 {
            let client = bench.connect(&address).unwrap();
            let server = bench.next_accepted(accept).unwrap();
            assert_eq!(server.peer().unwrap(), client.local().unwrap());
            assert_eq!((server.local().unwrap(), client.peer().unwrap()), (address.clone(), address.clone()));
        }
        assert_eq!(bench.machine.kernel.figures().rearms, 0);
    }),
    ("accept, one, and the next when it is asked for", |bench| {
        let (listening, address) = bench.listening(16);
        let accept = bench.accept(listening, AcceptBatch::One);
        let _clients = [(); 3].map(|()| bench.connect(&address).unwrap());
        for rearms in 0..3 {
            bench.next_accepted(accept).unwrap();
            bench.machine.turn();
            assert_eq!(bench.machine.kernel.figures().rearms, rearms);
        }
    }),
    ("accept, one as it was submitted although all are wanted since", |bench| {
        let (listening, address) = bench.listening(16);
        let accept = bench.accept(listening, AcceptBatch::One);
        bench.machine.turn();
        bench.machine.kernel.set_accept_batch(accept, AcceptBatch::All);
        let _clients = [(); 3].map(|()| bench.connect(&address).unwrap());
        let _servers = [(); 3].map(|()| bench.next_accepted(accept).unwrap());
        assert_eq!(bench.machine.kernel.figures().rearms, 1, "the first one ended what was submitted");
    }),
    ("accept, cancelled", |bench| {
        let (listening, address) = bench.listening(16);
        let accept = bench.accept(listening, AcceptBatch::All);
        bench.machine.turn();
        bench.machine.kernel.cancel(accept);
        assert_eq!(bench.next_accepted(accept).err(), Some(libc::ECANCELED));
        // Its listener goes on.
        let _client = bench.connect(&address).unwrap();
        bench.until("the client", |machine| machine.kernel.accept_now(accept));
    }),
    ("accept, the listener closed: who waits there is reset, who comes is refused", |bench| {
        let (listening, address) = bench.listening(16);
        let client = bench.connect(&address).unwrap();
        drop(listening);
        assert_eq!(bench.read(&client), (0, failed(libc::ECONNRESET)));
        assert_eq!(bench.connect(&address).err(), Some(libc::ECONNREFUSED));
    }),
    ("cancel, of a receive that waits", |bench| {
        let (client, _server) = bench.pair();
        let id = bench.machine.receive(&client);
        bench.machine.turn();
        bench.machine.kernel.cancel(id);
        assert_eq!(bench.next_received(id).err(), Some(libc::ECANCELED));
    }),
    ("cancel, of a wait for room", |bench| {
        let (client, _server) = bench.pair();
        bench.fill(&client);
        let id = bench.machine.kernel.submit(Op::Writable { socket: client });
        bench.machine.turn();
        bench.machine.kernel.cancel(id);
        let outcome = bench.outcome(id);
        assert_eq!(outcome.result.unwrap_err().raw_os_error(), Some(libc::ECANCELED));
    }),
    ("cancel, of an op that is done, and of none", |bench| {
        let (client, _server) = bench.pair();
        let id = bench.machine.kernel.submit(Op::Writable { socket: client });
        bench.until("its end", |machine| (!machine.kernel.is_in_flight(id)).then_some(()));
        // The close of the listener has its completion too.
        bench.let_pass();
        let word_of_a_cancel = |bench: &mut Bench| {
            let before = bench.machine.kernel.figures().completions;
            bench.machine.kernel.cancel_entry(id);
            bench.until("a word of the cancel", |machine| {
                (machine.kernel.figures().completions > before).then_some(())
            });
        };
        word_of_a_cancel(bench);
        assert!(bench.outcome(id).result.is_ok(), "what is done is done");
        word_of_a_cancel(bench);
        assert_eq!(bench.machine.kernel.ops(), 0);
    }),
    ("message, to a ring", |bench| {
        // Of the same machine: a simulation belongs to the thread.
        let mut other = Bench::new(None);
        other.machine.turn();
        bench.machine.kernel.ring_other(other.machine.kernel.ring_address(), 3);
        bench.machine.turn();
        other.machine.turn();
        assert!(other.machine.reaped.rung);
        assert!(bench.machine.reaped.unreached.is_empty());
    }),
    ("message, to what is no ring any more", |bench| {
        let (client, _server) = bench.pair();
        // What the number of a ring may become when its worker has ended.
        bench.machine.kernel.ring_other(RingAddress(client.raw()), 42);
        bench.until("the failure", |machine| machine.reaped.unreached.pop().filter(|inbox| *inbox == 42));
    }),
];
