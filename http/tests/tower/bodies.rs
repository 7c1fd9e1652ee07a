//! Bodies through services: in and out, at the pace of who reads.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use selvedge_http::CloseReason;
use selvedge_http::tower::{RequestBody, from_service};
use selvedge_runtime::channel;
use tower::service_fn;

use super::support::client::{Asked, Client};
use super::support::{PATIENCE, TestServer, patient, pattern, wait_until};

/// Frames that are there, then their end.
struct Frames(VecDeque<Result<Frame<Bytes>, io::Error>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(self.0.pop_front())
    }
}

fn data(bytes: impl Into<Bytes>) -> Result<Frame<Bytes>, io::Error> {
    Ok(Frame::data(bytes.into()))
}

/// A server that answers every request with these frames.
fn serves(frames: impl Fn() -> Vec<Result<Frame<Bytes>, io::Error>> + Send + Sync + 'static) -> TestServer {
    let frames = Arc::new(frames);
    TestServer::start(patient(), move |_| {
        let frames = Arc::clone(&frames);
        from_service(service_fn(move |_: http::Request<RequestBody>| {
            let response = http::Response::new(Frames(frames().into()));
            async move { Ok::<_, Infallible>(response) }
        }))
    })
}

#[test]
fn an_upload_is_read_at_the_handler_s_pace() {
    let (go, gate) = channel::bounded::<()>(1);
    let (entered, enters) = mpsc::channel();
    let server = TestServer::start(patient(), move |_| {
        let (gate, entered) = (gate.clone(), entered.clone());
        let count = move |mut body: Body| async move {
            let first = body.frame().await.expect("a body").expect("a frame");
            let mut length = first.data_ref().map_or(0, Bytes::len);
            let _ = entered.send(());
            let _ = gate.recv().await;
            while let Some(frame) = body.frame().await {
                length += frame.expect("a frame").data_ref().map_or(0, Bytes::len);
            }
            length.to_string()
        };
        from_service(Router::new().route("/", post(count)))
    });
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n");
    client.send(pattern(200_000));
    enters.recv_timeout(PATIENCE).expect("the handler has the beginning");
    // 16 unread buffers, the rest of the last one's lease and the request's own.
    assert!(server.usage().receive_leases <= 18, "{:?}", server.usage());
    go.try_send(()).expect("room");
    client.send(pattern(700_000));
    assert_eq!(client.reply().text(), "900000");
    drop(client);
    server.wait_until_at_rest();
}

#[test]
fn a_body_is_echoed_while_it_comes() {
    let server = TestServer::start(patient(), |_| {
        from_service(Router::new().route("/", post(async |body: Body| body)))
    });
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let head = client.head();
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    for said in ["hello", "again", "and again"] {
        client.send(format!("{:x}\r\n{said}\r\n", said.len()));
        assert_eq!(client.chunk(), said.as_bytes());
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.chunk(), b"");
    // Of a known length, it is sent with that.
    let mut sender = client.duplicate();
    let sending = std::thread::spawn(move || {
        sender.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n".to_vec());
        sender.send(pattern(1_000_000));
    });
    assert_eq!(client.reply().body, pattern(1_000_000));
    sending.join().expect("everything is sent");
}

#[test]
fn a_body_that_is_there_at_once_has_its_length() {
    let whole = pattern(100_000);
    let there = whole.clone();
    let server = TestServer::start(patient(), move |_| {
        let whole = Bytes::from(there.clone());
        from_service(Router::new().route(
            "/",
            get(move || {
                let body = Body::new(Full::new(whole.clone()));
                async move { body }
            }),
        ))
    });
    let mut client = server.connect();
    assert_eq!(client.get("/").body, whole);
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    let reply = client.reply_to(Asked::Head);
    assert_eq!(reply.field("content-length"), Some("100000"));
    assert_eq!(client.get("/").body, whole);
}

#[test]
fn frames_come_in_chunks_with_the_trailers_behind_them() {
    let server = serves(|| {
        let trailer = (HeaderName::from_static("x-checksum"), HeaderValue::from_static("1"));
        let trailers = HeaderMap::from_iter([trailer.clone(), trailer]);
        vec![data("one"), data(""), data("two"), Ok(Frame::trailers(trailers))]
    });
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.head();
    let rest = "3\r\none\r\n3\r\ntwo\r\n0\r\nx-checksum: 1\r\nx-checksum: 1\r\n\r\n";
    assert_eq!(client.take(rest.len()), rest.as_bytes());
    // Without frames there is nothing but the end.
    let server = serves(Vec::new);
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.chunked_reply().text(), "");
}

#[test]
fn a_body_that_fails_ends_the_connection() {
    let server = serves(|| vec![data("the beginning"), Err(io::Error::other("no more"))]);
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let (all, _) = client.read_to_end();
    assert!(all.ends_with(b"d\r\nthe beginning\r\n"), "{}", all.escape_ascii());
    drop(client);
    assert_eq!(server.stop().closes(CloseReason::StreamFailed), 1);
}

#[test]
fn events_come_one_by_one() {
    let (send, events) = channel::bounded::<Result<Event, Infallible>>(1);
    let server = TestServer::start(patient(), move |_| {
        let events = events.clone();
        from_service(Router::new().route("/", get(move || async move { Sse::new(events) })))
    });
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.head().contains("\r\ncontent-type: text/event-stream\r\n"));
    for text in ["one", "two", "three"] {
        send.try_send(Ok(Event::default().data(text))).expect("room");
        assert_eq!(client.chunk(), format!("data: {text}\n\n").as_bytes());
    }
    drop(send);
    assert_eq!(client.chunk(), b"");
}

#[test]
fn a_client_that_does_not_read_holds_the_body_back() {
    let written = Arc::new(AtomicU64::new(0));
    let ended = Arc::new(AtomicU64::new(0));
    struct Ends(Arc<AtomicU64>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    /// Zeros for ever.
    struct Zeros(Arc<AtomicU64>, #[expect(dead_code, reason = "its drop tells")] Ends);
    impl http_body::Body for Zeros {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            static ZEROS: [u8; 10_000] = [0; 10_000];
            self.0.fetch_add(10_000, Ordering::SeqCst);
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&ZEROS)))))
        }
    }
    let (there, ends) = (Arc::clone(&written), Arc::clone(&ended));
    let server = TestServer::start(patient(), move |_| {
        let (written, ended) = (Arc::clone(&there), Arc::clone(&ends));
        let zeros = move || {
            let body = Body::new(Zeros(Arc::clone(&written), Ends(Arc::clone(&ended))));
            async move { body }
        };
        from_service(Router::new().route("/zeros", get(zeros)).route("/", get(async || "here")))
    });
    let mut client = Client::connect_narrow(server.address(), 4_096);
    client.send("GET /zeros HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut other = server.connect();
    let mut before = 0;
    wait_until("the body stands still", || {
        for _ in 0..100 {
            assert_eq!(other.get("/").text(), "here");
        }
        let now = written.load(Ordering::SeqCst);
        let stands = now == before && now > 0;
        before = now;
        if stands { Ok(()) } else { Err(format!("{now} written")) }
    });
    assert!(before < 8 << 20, "{before} written");
    client.take(before as usize / 2);
    wait_until("the body goes on", || {
        if written.load(Ordering::SeqCst) > before { Ok(()) } else { Err("not yet".into()) }
    });
    client.reset();
    wait_until("the body is dropped", || {
        if ended.load(Ordering::SeqCst) == 1 { Ok(()) } else { Err("not yet".into()) }
    });
}

#[test]
fn a_length_that_was_said_is_kept_or_the_connection_ends() {
    let server = TestServer::start(patient(), |_| {
        from_service(service_fn(async |request: http::Request<RequestBody>| {
            let frames = VecDeque::from([data("four")]);
            let length = HeaderValue::from_bytes(&request.uri().path().as_bytes()[1..]).expect("a number");
            let mut response = http::Response::new(Frames(frames));
            response.headers_mut().insert(http::header::CONTENT_LENGTH, length);
            Ok::<_, Infallible>(response)
        }))
    });
    let mut client = server.connect();
    assert_eq!(client.get("/4").text(), "four");
    client.send("HEAD /1234 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.reply_to(Asked::Head).field("content-length"), Some("1234"));
    client.send("GET /5 HTTP/1.1\r\nHost: a\r\n\r\n");
    let (all, _) = client.read_to_end();
    assert!(all.ends_with(b"\r\n\r\nfour"), "{}", all.escape_ascii());
}

#[test]
fn a_stream_of_another_task_of_the_worker_is_a_body() {
    let server = TestServer::start(patient(), |_| {
        from_service(service_fn(async |_: http::Request<RequestBody>| {
            let (send, frames) = channel::bounded::<Result<Frame<Bytes>, Infallible>>(1);
            selvedge_runtime::spawn_detached("numbers", async move {
                for number in 0..100 {
                    let _ = send.send(Ok(Frame::data(format!("{number} ").into()))).await;
                }
            });
            Ok::<_, Infallible>(http::Response::new(StreamBody::new(Box::pin(frames))))
        }))
    });
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let expected: String = (0..100).map(|number| format!("{number} ")).collect();
    assert_eq!(client.chunked_reply().text(), expected);
}
