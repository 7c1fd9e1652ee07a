//! Receiving by subscription: early ends, and what happens when the buffers run out.

use super::super::slots::Phase;
use super::super::starvation::{RELIEF_AFTER, UNREAD_BUFFERS_MAX};
use super::*;

#[test]
fn bytes_then_the_end_then_nothing_is_left() {
    let mut machine = Machine::new(8, 64);
    let (socket, mut peer) = machine.pair();
    let id = machine.receive(&socket);
    peer.write_all(b"hello").unwrap();
    drop(peer);
    match machine.next_received(id) {
        Received::Data(lease) => assert_eq!(&*lease, b"hello"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(machine.next_received(id), Received::End));
    assert!(matches!(machine.next_received(id), Received::End), "the end stays the end");
    machine.kernel.release(id);
    machine.assert_idle();
}

#[test]
fn a_reset_is_an_error_after_the_bytes_before_it() {
    let mut machine = Machine::new(8, 64);
    let (socket, peer) = machine.tcp_pair();
    let id = machine.receive(&socket);
    machine.turn();
    socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
    match machine.next_received(id) {
        Received::Failed(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        other => panic!("{other:?}"),
    }
    machine.kernel.release(id);
    machine.assert_idle();
}

#[test]
fn more_data_than_buffers_arrives_whole_and_in_order_on_every_connection() {
    let mut machine = Machine::new(4, 64);
    let connections: Vec<_> = (0..6).map(|_| machine.pair()).collect();
    let ids: Vec<OpId> = connections.iter().map(|(socket, _)| machine.receive(socket)).collect();
    for (connection, (_, peer)) in connections.iter().enumerate() {
        let mut peer = peer;
        // 40 buffers' worth each: ten times what the ring has.
        let bytes: Vec<u8> = (0..2_560_u32).map(|position| (position as u8) ^ (connection as u8)).collect();
        peer.write_all(&bytes).unwrap();
    }
    let mut arrived = vec![Vec::new(); ids.len()];
    machine.until("all bytes", |machine| {
        for (connection, &id) in ids.iter().enumerate() {
            for lease in machine.received_now(id) {
                arrived[connection].extend_from_slice(&lease);
            }
        }
        arrived.iter().all(|bytes| bytes.len() >= 2_560).then_some(())
    });
    for (connection, bytes) in arrived.iter().enumerate() {
        assert_eq!(bytes.len(), 2_560);
        let first_wrong =
            bytes.iter().zip(0_u32..).position(|(&byte, at)| byte != (at as u8) ^ (connection as u8));
        assert_eq!(first_wrong, None, "connection {connection}");
    }
    let figures = machine.kernel.figures();
    assert!(figures.starvations > 0, "the test provokes ENOBUFS: {figures:?}");
    assert!(figures.rearms >= figures.starvations, "{figures:?}");
    for id in ids {
        machine.kernel.release(id);
    }
    drop(connections);
    machine.assert_idle();
}

#[test]
fn starved_connections_are_served_first_come_first_served_one_per_returned_buffer() {
    let mut machine = Machine::new(4, 64);
    // All are armed while there are buffers; they starve when data comes.
    let mut waiting: Vec<_> = (0..3).map(|_| machine.pair()).collect();
    let ids: Vec<OpId> = waiting.iter().map(|(socket, _)| machine.receive(socket)).collect();
    let (hungry, mut hungry_peer) = machine.pair();
    let hungry_id = machine.receive(&hungry);
    machine.turn();
    hungry_peer.write_all(&[0; 4 * 64]).unwrap();
    let mut held = Vec::new();
    machine.until("four leases", |machine| {
        held.extend(machine.received_now(hungry_id));
        (held.len() == 4).then_some(())
    });

    const ORDER: [usize; 3] = [2, 0, 1];
    for connection in ORDER {
        waiting[connection].1.write_all(&[connection as u8]).unwrap();
        machine.until("the starvation", |machine| {
            machine.kernel.starved.contains(&ids[connection]).then_some(())
        });
    }
    for (served, connection) in ORDER.into_iter().enumerate() {
        drop(held.pop());
        match machine.next_received(ids[connection]) {
            Received::Data(lease) => {
                assert_eq!(&*lease, [connection as u8]);
                // It stays out, so the next in line needs another one.
                held.insert(0, lease);
            }
            other => panic!("{other:?}"),
        }
        for later in &ORDER[served + 1..] {
            assert!(machine.kernel.poll_received(ids[*later], Waiter::Nobody).is_pending(), "out of turn");
        }
    }
    drop(held);
    for id in ids.into_iter().chain([hungry_id]) {
        machine.kernel.release(id);
    }
    machine.assert_idle();
}

#[test]
fn a_starvation_heard_of_after_the_buffers_came_back_is_not_forgotten() {
    let mut machine = Machine::new(2, 64);
    let (hungry, mut hungry_peer) = machine.pair();
    let (starved, mut starved_peer) = machine.pair();
    let hungry_id = machine.receive(&hungry);
    let starved_id = machine.receive(&starved);
    machine.turn();
    hungry_peer.write_all(&[1; 128]).unwrap();
    let mut held = Vec::new();
    machine.until("two leases", |machine| {
        held.extend(machine.received_now(hungry_id));
        (held.len() == 2).then_some(())
    });
    starved_peer.write_all(b"x").unwrap();
    // ENOBUFS is in the completion queue, but not reaped yet, when the buffers are given back.
    machine.kernel.wait(Wait::AtMost(PATIENCE));
    drop(held);
    machine.kernel.publish();
    match machine.next_received(starved_id) {
        Received::Data(lease) => assert_eq!(&*lease, b"x"),
        other => panic!("{other:?}"),
    }
    assert!(machine.kernel.figures().starvations > 0);
}

#[test]
fn a_starved_receive_can_be_given_up() {
    let mut machine = Machine::new(2, 64);
    let (hungry, mut hungry_peer) = machine.pair();
    let (starved, mut starved_peer) = machine.pair();
    let (hungry_id, starved_id) = (machine.receive(&hungry), machine.receive(&starved));
    machine.turn();
    hungry_peer.write_all(&[1; 128]).unwrap();
    let mut held = Vec::new();
    machine.until("two leases", |machine| {
        held.extend(machine.received_now(hungry_id));
        (held.len() == 2).then_some(())
    });
    starved_peer.write_all(b"x").unwrap();
    machine.until("the starvation", |machine| machine.kernel.starved.contains(&starved_id).then_some(()));
    machine.kernel.release(starved_id);
    machine.kernel.release(hungry_id);
    drop(held);
    machine.assert_idle();
}

#[test]
fn a_connection_nobody_reads_stops_taking_buffers_and_goes_on_when_it_is_read() {
    let mut machine = Machine::new(1_024, 64);
    let (socket, mut peer) = machine.pair();
    let id = machine.receive(&socket);
    let bytes: Vec<u8> = (0..200 * 64_u32).map(|position| (position / 64) as u8).collect();
    let (first, rest) = bytes.split_at(100 * 64);
    peer.write_all(first).unwrap();
    // The cancel takes hold in the turn after the one that asks for it.
    machine.until("the pause", |machine| (machine.kernel.figures().pauses > 0).then_some(()));
    machine.turn();
    let (_, with_kernel, _) = machine.kernel.receive_buffers();
    peer.write_all(rest).unwrap();
    for _ in 0..10 {
        machine.turn();
    }
    assert_eq!(machine.kernel.receive_buffers().1, with_kernel, "a paused connection takes no buffer");
    let mut arrived = Vec::new();
    machine.until("all bytes", |machine| {
        for lease in machine.received_now(id) {
            arrived.extend_from_slice(&lease);
        }
        (arrived.len() == bytes.len()).then_some(())
    });
    assert!(arrived == bytes);
    machine.kernel.release(id);
    machine.assert_idle();
}

#[test]
fn subscriptions_that_a_full_completion_queue_ends_early_are_started_again_and_nothing_is_lost() {
    // More completions at once than the queue holds.
    const CONNECTIONS: usize = 700;
    let mut machine = Machine::with_small_completion_queue(2_048, 64);
    let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| machine.pair()).collect();
    let ids: Vec<OpId> = connections.iter().map(|(socket, _)| machine.receive(socket)).collect();
    machine.turn();
    for round in 1..=3_u8 {
        for (_, peer) in &mut connections {
            peer.write_all(&[round]).unwrap();
        }
        // The kernel does a few at a time; nobody takes the completions meanwhile.
        for _ in 0..100 {
            machine.kernel.wait(Wait::None);
        }
        let mut arrived = vec![Vec::new(); CONNECTIONS];
        machine.until("every byte", |machine| {
            for (&id, arrived) in ids.iter().zip(&mut arrived) {
                for lease in machine.received_now(id) {
                    arrived.extend_from_slice(&lease);
                }
            }
            arrived.iter().all(|bytes| !bytes.is_empty()).then_some(())
        });
        assert!(arrived.iter().all(|bytes| *bytes == [round]));
    }
    let figures = machine.kernel.figures();
    assert!(figures.overflows > 0 && figures.rearms > 0, "the test provokes an overflow: {figures:?}");
    for id in ids {
        machine.kernel.release(id);
    }
    machine.assert_idle();
}

#[test]
fn whoever_reads_nothing_makes_way_when_all_buffers_are_out() {
    let mut machine = Machine::new(8, 64);
    let mut hoarders: Vec<_> = (0..8).map(|_| machine.pair()).collect();
    let mut ids: Vec<OpId> = hoarders.iter().map(|(socket, _)| machine.receive(socket)).collect();
    machine.turn();
    for (_, peer) in &mut hoarders {
        peer.write_all(&[1; 8 * 64]).unwrap();
    }
    machine.until("all buffers are out", |machine| (machine.kernel.receive_buffers().1 == 0).then_some(()));
    let (reader, mut reader_peer) = machine.pair();
    let reader_id = machine.receive(&reader);
    reader_peer.write_all(b"hello").unwrap();
    // On a machine that is busy for a second, it has been in line long enough by itself.
    machine.until("the reader is in line", |machine| {
        let is_starved = machine.kernel.slots.phase(reader_id) == Some(Phase::Starved);
        (is_starved || machine.kernel.figures().evictions > 0).then_some(())
    });
    machine.kernel.publish();
    if machine.kernel.relief_due().is_some() {
        machine.kernel.has_starved_for(RELIEF_AFTER);
    }
    match machine.next_received(reader_id) {
        Received::Data(lease) => assert_eq!(&*lease, b"hello"),
        other => panic!("{other:?}"),
    }
    let evictions = machine.kernel.figures().evictions;
    assert!((1..8).contains(&evictions), "as many as needed and no more: {evictions}");
    // Who was given up can send no more.
    let ended = hoarders.iter().filter(|(_, peer)| {
        let mut peer = peer;
        peer.write(b"x").is_err_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    });
    assert_eq!(ended.count() as u64, evictions);
    ids.push(reader_id);
    for id in ids {
        machine.kernel.release(id);
    }
    drop(hoarders);
    machine.assert_idle();
}

#[test]
fn a_burst_on_one_connection_leaves_most_buffers_to_the_others() {
    let mut machine = Machine::new(1_024, 64);
    let (socket, mut peer) = machine.pair();
    let id = machine.receive(&socket);
    machine.turn();
    // Less than a socket holds, so that all of it is there when the kernel looks.
    peer.write_all(&[1; 900 * 64]).unwrap();
    machine.until("the pause", |machine| (machine.kernel.figures().pauses > 0).then_some(()));
    machine.turn();
    let (_, with_kernel, buffers) = machine.kernel.receive_buffers();
    assert!(buffers - with_kernel < 256, "{} of {buffers} buffers", buffers - with_kernel);
    machine.kernel.release(id);
    machine.assert_idle();
}

#[test]
fn the_fewer_buffers_are_left_the_fewer_one_connection_may_keep() {
    let mut machine = Machine::new(64, 64);
    let mut kept = Vec::new();
    let mut pairs: Vec<_> = (0..7).map(|_| machine.pair()).collect();
    let ids: Vec<OpId> = pairs.iter().map(|(socket, _)| machine.receive(socket)).collect();
    machine.turn();
    for (_, peer) in &mut pairs {
        let before = machine.kernel.receive_buffers().1;
        // A buffer's worth at a time: the kernel fills up to 32 before it hears of a pause.
        for _ in 0..64 {
            peer.write_all(&[1; 64]).unwrap();
            machine.turn();
            machine.turn();
        }
        kept.push(before - machine.kernel.receive_buffers().1);
    }
    assert!(kept[0] >= usize::from(UNREAD_BUFFERS_MAX), "{kept:?}");
    assert!(kept[0] > kept[3] && kept[3] > kept[6], "{kept:?}");
    assert!(machine.kernel.receive_buffers().1 > 0, "one is left for whoever reads: {kept:?}");
    for id in ids {
        machine.kernel.release(id);
    }
    drop(pairs);
    machine.assert_idle();
}

#[test]
fn a_connection_given_up_hears_nothing_of_what_follows_the_gap() {
    let mut machine = Machine::new(8, 64);
    let (victim, mut victim_peer) = machine.tcp_pair();
    let victim_id = machine.receive(&victim);
    machine.turn();
    victim_peer.write_all(&[b'A'; 64]).unwrap();
    machine.until("the first bytes", |machine| (machine.kernel.receive_buffers().1 == 7).then_some(()));
    let mut hoarders: Vec<_> = (0..8).map(|_| machine.pair()).collect();
    let mut ids: Vec<OpId> = hoarders.iter().map(|(socket, _)| machine.receive(socket)).collect();
    machine.turn();
    for (_, peer) in &mut hoarders {
        peer.write_all(&[1; 8 * 64]).unwrap();
    }
    machine.until("a starvation", |machine| machine.kernel.relief_due().map(drop));
    machine.kernel.has_starved_for(RELIEF_AFTER);
    machine.kernel.publish();
    machine.kernel.wait(Wait::None);
    // Between the enter and the look at the completions: the kernel has it, and the given-up queue is gone.
    victim_peer.write_all(b"the rest").unwrap();
    machine.kernel.reap(&mut machine.reaped);
    assert!(machine.kernel.figures().evictions > 0);
    assert!(matches!(machine.next_received(victim_id), Received::Failed(_)));
    ids.push(victim_id);
    for id in ids {
        machine.kernel.release(id);
    }
    drop(hoarders);
    machine.assert_idle();
}
