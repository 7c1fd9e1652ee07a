//! What the observer is told and the figures count, case by case.

use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge_http::h1::Reject;
use selvedge_http::{CloseReason, ExchangeEnd, Observer, WorkerApplication};
use selvedge_runtime::WorkerLimits;

use crate::support::app::{paths, steered};
use crate::support::{Records, TestServer, options, patient, status as status_of};

#[test]
fn a_record_has_status_octets_times_and_what_comes_next() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    let mut received = 0;
    let requests: [(&str, u16, ExchangeEnd); 9] = [
        ("GET /text/x HTTP/1.1\r\nHost: a\r\n\r\n", 200, ExchangeEnd::Kept),
        ("HEAD /size/100000 HTTP/1.1\r\nHost: a\r\n\r\n", 200, ExchangeEnd::Kept),
        ("GET /size/100000 HTTP/1.1\r\nHost: a\r\n\r\n", 200, ExchangeEnd::Kept),
        ("GET /status/204 HTTP/1.1\r\nHost: a\r\n\r\n", 204, ExchangeEnd::Kept),
        ("GET /error/404 HTTP/1.1\r\nHost: a\r\n\r\n", 404, ExchangeEnd::Kept),
        (
            "GET /text/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            200,
            ExchangeEnd::Closed(CloseReason::Requested),
        ),
        ("GET /injected HTTP/1.1\r\nHost: a\r\n\r\n", 500, ExchangeEnd::Closed(CloseReason::InvalidResponse)),
        ("GET / HTTP/1.1\r\n\r\n", 400, ExchangeEnd::Closed(CloseReason::Rejected(Reject::HostMissing))),
        (
            "POST /text/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
            200,
            ExchangeEnd::Closed(CloseReason::UnreadBody),
        ),
    ];
    for (number, (request, status, end)) in requests.into_iter().enumerate() {
        client.send(request);
        let record = server.records(number + 1)[number];
        assert_eq!((status_of(&record), record.end), (status, end), "{request:?}");
        assert!(record.received_at <= record.answered_at);
        let octets = if end == ExchangeEnd::Kept {
            client.take(record.bytes as usize)
        } else {
            let (octets, _) = client.read_to_end();
            client = server.connect();
            octets
        };
        assert_eq!(octets.len() as u64, record.bytes, "{request:?}");
        assert!(octets.starts_with(format!("HTTP/1.1 {status} ").as_bytes()), "{request:?}");
        received += record.bytes;
    }
    drop(client);
    let stopped = server.stop();
    assert_eq!(stopped.bytes_sent(), received);
    assert_eq!((1..=5).map(|class| stopped.exchanges(class)).collect::<Vec<_>>(), [0, 6, 0, 2, 1]);
}

#[test]
fn a_late_head_is_an_exchange_of_status_408() {
    let server =
        TestServer::start(options(|options| options.timeouts.head = Duration::from_millis(200)), paths);
    let mut client = server.connect();
    client.send("GET /");
    let (octets, _) = client.read_to_end();
    let record = server.records(1)[0];
    assert_eq!((status_of(&record), record.bytes), (408, octets.len() as u64));
    assert_eq!(record.end, ExchangeEnd::Closed(CloseReason::HeadTimeout));
    assert!(record.received_at < record.answered_at);
}

#[test]
fn an_answer_that_is_cut_short_is_recorded_with_its_reason_and_what_was_taken_of_it() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    client.send("GET /zeros/60000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    let received = client.read_some(1_000).expect("the answer begins").len() as u64;
    client.reset();
    let record = server.records(1)[0];
    assert_eq!((status_of(&record), record.end), (200, ExchangeEnd::Closed(CloseReason::ClientFailure)));
    assert!((received..60_000_000).contains(&record.bytes), "{}", record.bytes);
    let stopped = server.stop();
    assert_eq!((stopped.closes(CloseReason::ClientFailure), stopped.bytes_sent()), (1, record.bytes));
}

#[test]
fn a_handler_whose_client_is_gone_is_an_exchange_without_an_answer() {
    let (steering, factory) = steered();
    let server = TestServer::start(patient(), factory);
    let mut client = server.connect();
    client.send("GET /wait/x HTTP/1.1\r\nHost: a\r\n\r\n");
    steering.wait_entered();
    client.reset();
    steering.wait_dropped();
    let record = server.records(1)[0];
    let end = ExchangeEnd::Closed(CloseReason::ClientFailure);
    assert_eq!((record.status, record.bytes, record.end), (None, 0, end));
    server.wait_until_at_rest();
    let stopped = server.stop();
    assert_eq!((stopped.exchanges(0), stopped.closes(CloseReason::ClientFailure)), (1, 1));
}

#[test]
fn a_handler_that_panics_is_an_exchange_and_a_close_for_that_reason() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    client.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n");
    client.read_to_end();
    let record = server.records(1)[0];
    let end = ExchangeEnd::Closed(CloseReason::Panic);
    assert_eq!((record.status, record.bytes, record.end), (None, 0, end));
    let stopped = server.stop();
    assert_eq!((stopped.records.len(), stopped.closes(CloseReason::Panic)), (1, 1));
}

#[test]
fn the_record_of_a_panic_has_its_request() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let server =
        TestServer::start_observed(patient(), WorkerLimits::default(), Arc::new(Records::default()), {
            move |worker| {
                let noted = Arc::clone(&noted);
                let observer: Observer = Rc::new(move |record, request| {
                    let path = request.map(|request| request.path().to_vec());
                    noted.lock().expect("nobody panicked").push((record.end, path));
                });
                WorkerApplication { observer: Some(observer), ..paths(worker).into() }
            }
        });
    let mut client = server.connect();
    client.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n");
    client.read_to_end();
    server.stop();
    let panicked = ExchangeEnd::Closed(CloseReason::Panic);
    assert_eq!(*seen.lock().expect("nobody panicked"), [(panicked, Some(b"/panic".to_vec()))]);
}

#[test]
fn what_the_drain_s_end_cuts_off_is_recorded_with_its_request_and_what_was_sent_of_its_answer() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let (steering, factory) = steered();
    let options = options(|options| options.drain = Duration::from_millis(100));
    let server =
        TestServer::start_observed(options, WorkerLimits::default(), Arc::new(Records::default()), {
            move |worker| {
                let noted = Arc::clone(&noted);
                let observer: Observer = Rc::new(move |record, request| {
                    let request = request.expect("its head was read");
                    let client = request.peer().expect("its address is known").socket_addr();
                    let path = String::from_utf8_lossy(request.path()).into_owned();
                    noted.lock().expect("nobody panicked").push((path, client, *record));
                });
                WorkerApplication { observer: Some(observer), ..factory(worker).into() }
            }
        });
    let (mut waiting, mut reading) = (server.connect(), server.connect());
    assert_eq!(waiting.get("/text/before").text(), "before");
    waiting.send("GET /wait/x HTTP/1.1\r\nHost: a\r\n\r\n");
    steering.wait_entered();
    reading.send("GET /zeros/60000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    let received = reading.read_some(1_000).expect("the answer begins").len() as u64;
    // Without a whole head there is nothing to record.
    let (_silent, mut begun) = (server.connect(), server.connect());
    begun.send("GET /text/x HTTP/1.1\r\n");
    server.wait_for_accepted(4);
    let clients = [&waiting, &reading].map(|client| Some(client.local()));
    let stopped = server.stop();
    let mut seen = seen.lock().expect("nobody panicked");
    // What was answered before on the same connection is no part of it.
    seen.retain(|(_, _, record)| record.end != ExchangeEnd::Kept);
    seen.sort_by(|one, other| one.0.cmp(&other.0));
    let [(of_waiting, _, unanswered), (of_reading, _, cut)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((&**of_waiting, &**of_reading), ("/wait/x", "/zeros/60000000"));
    assert_eq!([seen[0].1, seen[1].1], clients);
    let end = ExchangeEnd::Closed(CloseReason::CutOff);
    assert_eq!((unanswered.status, unanswered.bytes, unanswered.end), (None, 0, end));
    assert_eq!((status_of(cut), cut.end), (200, end));
    assert!((received..60_000_000).contains(&cut.bytes) && cut.head_bytes > 0, "{cut:?}");
    assert_eq!((stopped.closes(CloseReason::CutOff), stopped.exchanges(0)), (4, 1));
}

#[test]
fn an_observer_that_panics_ends_its_connection_and_nothing_else() {
    let server = TestServer::start_observed(
        patient(),
        WorkerLimits::default(),
        Arc::new(Records::default()),
        |worker| {
            let observer: Observer = Rc::new(|_, _| panic!("the observer was asked to"));
            WorkerApplication { observer: Some(observer), ..paths(worker).into() }
        },
    );
    // With an answer, and without one.
    for target in ["/text/x", "/panic", "/text/x"] {
        let mut client = server.connect();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        client.read_to_end();
    }
    assert_eq!(server.stop().closes(CloseReason::Panic), 3);
}
