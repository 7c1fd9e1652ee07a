//! What one connection may do in one turn of its worker, so that others have theirs: on a simulated machine, where a worker's
//! turns are the only thing that takes place.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

mod support;

use std::sync::{Arc, Mutex, PoisonError};

use selvedge_http::{Request, Response, ServerOptions};
use selvedge_runtime::sim::{Peer, PeerEnd};
use selvedge_runtime::{Counters, Worker};
use support::simulated::SimulatedServer;

/// Answers of one connection in one turn (`connection/exchange.rs`).
const ANSWERS_PER_TURN_MAX: u64 = 32;
/// Pieces that one who reads gets in one turn (`connection/stream.rs`).
const ROUNDS_PER_TURN_MAX: u64 = 16;
/// What a body's writer is ahead of its client (`body/outgoing.rs`).
const QUEUE_BYTES: u64 = 64 * 1024;
/// Octets of one piece that the endless body is written in.
const PIECE_BYTES: u64 = 16 * 1024;

/// How much of something there was in each turn that had some.
#[derive(Debug, Clone)]
struct Ledger {
    turns: Arc<Counters>,
    entries: Arc<Mutex<Vec<(u64, u64)>>>,
}

impl Ledger {
    fn add(&self, amount: u64) {
        let turn = self.turns.turns.get();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.last_mut() {
            Some((last, sum)) if *last == turn => *sum += amount,
            _ => entries.push((turn, amount)),
        }
    }
}

/// Answers by path: `/endless` is a body without end, of which the octets count; of `/pieces` the pieces of the request's body
/// count that the handler reads, of `/streamed` those that the body's writer reads; the rest are texts, which count.
async fn answer(request: Request<'_>, ledger: &Ledger) -> Response {
    match request.path() {
        b"/endless" => {
            let ledger = ledger.clone();
            Response::stream(async move |mut body| {
                loop {
                    body.write(&[b'x'; PIECE_BYTES as usize]).await?;
                    ledger.add(PIECE_BYTES);
                }
            })
        }
        b"/pieces" => {
            let mut body = request.body();
            while let Ok(Some(_)) = body.chunk().await {
                ledger.add(1);
            }
            Response::text("read")
        }
        b"/streamed" => {
            let (ledger, mut body) = (ledger.clone(), request.body());
            Response::stream(async move |mut writer| {
                while let Ok(Some(_)) = body.chunk().await {
                    ledger.add(1);
                }
                writer.write(b"read").await
            })
        }
        _ => {
            ledger.add(1);
            Response::text("small")
        }
    }
}

/// What one client has in each turn, that sends this again and again, behind `first`, and reads all it gets, until it
/// had something in `turns` turns.
fn amounts(first: &str, again: &str, turns: usize) -> Vec<u64> {
    let entries = Arc::<Mutex<Vec<(u64, u64)>>>::default();
    let there = Arc::clone(&entries);
    let server = SimulatedServer::start_on(
        11,
        |_| (),
        ServerOptions::default(),
        move |worker: &Worker| {
            let ledger = Ledger { turns: Arc::clone(worker.counters()), entries: Arc::clone(&there) };
            async move |request: Request<'_>| answer(request, &ledger).await
        },
    );
    let peer = server.connect_peer(1 << 20, 1 << 20);
    assert_eq!(peer.send(first.as_bytes()), first.len());
    let again = again.repeat(1_000).into_bytes();
    let mut sent = 0;
    server.wait_until(|| {
        sent = go_on(&peer, &again, sent);
        entries.lock().unwrap_or_else(PoisonError::into_inner).len() >= turns
    });
    let entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
    entries.iter().map(|(_, amount)| *amount).collect()
}

/// Sends what the connection takes of `again`, and reads what is there. Returns how much of it was sent so far.
fn go_on(peer: &Peer, again: &[u8], sent: usize) -> usize {
    let mut received = Vec::new();
    assert_eq!(peer.receive(&mut received, 1 << 20), PeerEnd::Open);
    if again.is_empty() { 0 } else { (sent + peer.send(&again[sent..])) % again.len() }
}

/// No turn has more than `most`; many have as much, or nothing is shown.
fn expect_at_most(most: u64, amounts: &[u64]) {
    let largest = amounts.iter().max();
    assert!(largest.is_some_and(|largest| *largest <= most), "{largest:?} in one turn");
    let full = amounts.iter().filter(|amount| **amount == most).count();
    assert!(full > 100, "{full} of {} turns with as many as may be: {amounts:?}", amounts.len());
}

#[test]
fn a_connection_that_pipelines_has_32_answers_in_a_turn() {
    expect_at_most(ANSWERS_PER_TURN_MAX, &amounts("", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400));
}

#[test]
fn a_handler_has_16_pieces_of_its_request_s_body_in_a_turn() {
    for path in ["/pieces", "/streamed"] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        expect_at_most(ROUNDS_PER_TURN_MAX, &amounts(&head, "1\r\nx\r\n", 400));
    }
}

#[test]
fn a_body_without_end_fills_its_queue_twice_in_a_turn_at_most() {
    let amounts = amounts("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n", "", 400);
    let largest = amounts.iter().max();
    assert!(largest.is_some_and(|most| *most <= 2 * (QUEUE_BYTES + PIECE_BYTES)), "{largest:?} in one turn");
}
