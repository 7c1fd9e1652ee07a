use std::io::Write;
use std::net::TcpListener;
use std::thread;

use super::*;

const ANSWER: &[u8] = b"here you are";

fn visitors(listener: &TcpListener, coming: Coming) -> Visitors<'static> {
    let port = listener.local_addr().unwrap().port();
    Visitors { port, request: b"please", answer_bytes: ANSWER.len() as u64, coming }
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    stream.read_exact(&mut [0; 6]).unwrap();
    stream
}

#[test]
fn visitors_that_stay_are_all_there_at_once() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let visitors = visitors(&listener, Coming::Together);
    let server = thread::spawn(move || {
        let streams: Vec<_> = (0..100).map(|_| accept(&listener)).collect();
        streams.iter().for_each(|mut stream| stream.write_all(ANSWER).unwrap());
        streams
    });
    let visits = visitors.send(100).unwrap();
    assert!(visits.latencies.quantile(1.0) <= visits.took && !visits.latencies.is_empty());
    let mut streams = server.join().unwrap();
    streams[0].set_nonblocking(true).unwrap();
    let nothing = streams[0].read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(nothing, Err(io::ErrorKind::WouldBlock), "they stay with what came of it");
    drop(visits);
    streams[0].set_nonblocking(false).unwrap();
    let end = streams[0].read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(end, Err(io::ErrorKind::ConnectionReset), "and leave with it");
}

#[test]
fn visitors_leave_when_they_are_dismissed_and_others_come() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let visitors = visitors(&listener, Coming::InTurn { at_a_time: 3 });
    let server = thread::spawn(move || (0..10).for_each(|_| accept(&listener).write_all(ANSWER).unwrap()));
    visitors.send(10).unwrap();
    server.join().unwrap();
}

#[test]
fn one_that_gets_no_whole_answer_is_an_error() {
    for (coming, answer, reason) in [
        (Coming::InTurn { at_a_time: 2 }, &b"here"[..], "ended after 4 octets of 12"),
        (Coming::Together, ANSWER, "was to stay"),
        (Coming::InTurn { at_a_time: 2 }, b"here you are, and more", "22 octets instead of 12"),
    ] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        // A second one is never answered: the first one's connection ends before.
        let visitors = visitors(&listener, coming);
        let server = thread::spawn(move || {
            accept(&listener).write_all(answer).unwrap();
            listener
        });
        let error = format!("{:#}", visitors.send(2).unwrap_err());
        assert!(error.contains(reason), "{error}");
        server.join().unwrap();
    }
}

#[test]
fn a_server_that_is_not_there_refuses() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let visitors = visitors(&listener, Coming::InTurn { at_a_time: 1 });
    drop(listener);
    let error = format!("{:#}", visitors.send(1).unwrap_err());
    assert!(error.contains("refused"), "{error}");
}
