//! Requests sent before the answers to those ahead of them.

use selvedge_http::CloseReason;
use selvedge_http::h1::Reject;

use crate::support::app::{paths, steered};
use crate::support::{TestServer, patient, pattern};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn a_thousand_requests_in_one_write_are_answered_in_order() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    // Texts, bodies around the sizes of blocks and sends, errors, answers without a body.
    let path = |number: usize| match number % 10 {
        0 => format!("/size/{}", 4_000 + number),
        1 => format!("/error/{}", 400 + number % 7),
        2 => "/status/204".to_owned(),
        3 if number % 100 == 3 => format!("/size/{}", 60_000 + 100 * number),
        _ => format!("/text/{number}"),
    };
    let requests: String = (0..1_000).map(|number| get(&path(number))).collect();
    let reading = std::thread::scope(|scope| {
        let mut sender = client.second_handle();
        scope.spawn(move || {
            sender.send(requests);
        });
        (0..1_000).map(|_| client.reply()).collect::<Vec<_>>()
    });
    for (number, reply) in reading.iter().enumerate() {
        match number % 10 {
            0 => assert!(reply.body == pattern(4_000 + number), "{number}"),
            1 => assert_eq!(reply.status as usize, 400 + number % 7, "{number}"),
            2 => assert_eq!(reply.status, 204, "{number}"),
            3 if number % 100 == 3 => assert!(reply.body == pattern(60_000 + 100 * number), "{number}"),
            _ => assert_eq!(reply.text(), number.to_string()),
        }
    }
    assert_eq!(client.get("/text/after").text(), "after");
}

#[test]
fn small_answers_to_one_write_share_a_send() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    client.send(get("/text/first"));
    client.reply();
    let sends_before = server.submissions();
    client.send((0..20).map(|number| get(&format!("/text/{number}"))).collect::<String>());
    for number in 0..20 {
        assert_eq!(client.reply().text(), number.to_string());
    }
    let sends = server.submissions() - sends_before;
    // A few for the doorbell that asked, one or two for the answers; 20 if each were sent alone.
    assert!(sends < 15, "{sends} submissions for 20 answers");
}

#[test]
fn a_refused_request_in_the_middle_closes_after_the_answers_before_it() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    let before: String = (0..100).map(|number| get(&format!("/text/{number}"))).collect();
    client.send(before + "GET / HTTP/1.1\r\nHost : a\r\n\r\n" + &get("/text/never"));
    for number in 0..100 {
        assert_eq!(client.reply().text(), number.to_string());
    }
    let reply = client.reply();
    assert_eq!((reply.status, reply.closes()), (400, true));
    client.expect_close();
    drop(client);
    let stopped = server.stop();
    assert_eq!((stopped.exchanges(2), stopped.exchanges(4)), (100, 1));
    assert_eq!(stopped.closes(CloseReason::Rejected(Reject::FieldName)), 1);
}

#[test]
fn an_answer_that_cannot_be_sent_closes_after_the_answers_before_it() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    client.send(
        get("/text/1") + &get("/size/100000") + &get("/text/3") + &get("/injected") + &get("/text/never"),
    );
    assert_eq!(client.reply().text(), "1");
    assert!(client.reply().body == pattern(100_000));
    assert_eq!(client.reply().text(), "3");
    let reply = client.reply();
    assert_eq!((reply.status, reply.closes(), reply.field("set-cookie")), (500, true, None));
    client.expect_close();
}

#[test]
fn an_answer_that_waits_holds_back_those_behind_it() {
    let (steering, factory) = steered();
    let server = TestServer::start(patient(), factory);
    let mut client = server.connect();
    client.send(get("/text/1") + &get("/wait/2") + &get("/text/3"));
    steering.wait_entered();
    steering.let_go();
    assert_eq!(client.reply().text(), "1");
    assert_eq!(client.reply().text(), "waited 2");
    assert_eq!(client.reply().text(), "3");
}

#[test]
fn an_answer_before_one_that_waits_is_not_held_back() {
    let (steering, factory) = steered();
    let server = TestServer::start(patient(), factory);
    let mut client = server.connect();
    client.send(get("/text/1") + &get("/wait/2"));
    assert_eq!(client.reply().text(), "1");
    steering.let_go();
    assert_eq!(client.reply().text(), "waited 2");
}

#[test]
fn a_client_that_pipelines_more_than_it_reads_is_held_back_and_served_in_the_end() {
    let server = TestServer::start(patient(), paths);
    let mut client = server.connect();
    let mut sender = client.second_handle();
    std::thread::scope(|scope| {
        // 40 MB of answers: more than all buffers between the two take.
        scope.spawn(move || {
            for _ in 0..400 {
                sender.send(get("/size/100000"));
            }
        });
        for _ in 0..400 {
            assert!(client.reply().body == pattern(100_000));
        }
    });
    drop(client);
    server.wait_until_at_rest();
}
