//! Routed requests on connections.

use selvedge_http::files::FileOptions;
use selvedge_http::{Application, IntoResponse, Request, Response, Router};
use selvedge_runtime::channel::{self, Receiver};

use super::support::app::steered;
use super::support::client::Asked;
use super::support::directory::Directory;
use super::support::site::site;
use super::support::{TestServer, patient};

async fn show(request: Request<'_>) -> String {
    format!("user {}", request.param("id").unwrap_or_default())
}

async fn length(request: Request<'_>) -> Response {
    match request.body().text(1_024).await {
        Ok(text) => format!("{} of {}", text.len(), request.param("id").unwrap_or_default()).into_response(),
        Err(error) => error.into_response(),
    }
}

fn users() -> Router {
    Router::new().get("/", async |_: Request<'_>| "all").get("/{id}", show).post("/{id}", length)
}

#[test]
fn pipelined_requests_are_answered_in_order_each_by_its_route() {
    let server = TestServer::start(patient(), |_| Router::new().nest("/users", users()));
    let mut client = server.connect();
    let mut sent = String::new();
    for number in 0..100 {
        sent.push_str(&format!(
            "GET /users/{number} HTTP/1.1\r\nHost: a\r\n\r\n\
             POST /users/{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\
             HEAD /users HTTP/1.1\r\nHost: a\r\n\r\n\
             PUT /users/{number} HTTP/1.1\r\nHost: a\r\n\r\n\
             GET /users/{number}/ HTTP/1.1\r\nHost: a\r\n\r\n\
             OPTIONS /users HTTP/1.1\r\nHost: a\r\n\r\n\
             OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n\
             BREW /users HTTP/1.1\r\nHost: a\r\n\r\n"
        ));
    }
    let mut sender = client.duplicate();
    let sending = std::thread::spawn(move || sender.send(sent.into_bytes()));
    for number in 0..100 {
        assert_eq!(client.reply().text(), format!("user {number}"));
        assert_eq!(client.reply().text(), format!("5 of {number}"));
        let head = client.reply_to(Asked::Head);
        assert_eq!((head.status, head.field("content-length")), (200, Some("3")));
        let put = client.reply();
        assert_eq!((put.status, put.field("allow")), (405, Some("GET, HEAD, OPTIONS, POST")));
        assert_eq!(client.reply().status, 404);
        let options = client.reply();
        assert_eq!((options.status, options.field("allow")), (204, Some("GET, HEAD, OPTIONS")));
        let server_s_own = client.reply();
        assert_eq!((server_s_own.status, server_s_own.field("allow")), (204, None));
        assert_eq!(client.reply().status, 501);
    }
    sending.join().expect("it is all read");
}

#[test]
fn files_below_a_prefix_are_sent_as_files() {
    let directory = Directory::new("routed");
    directory.write("a.txt", b"a file");
    directory.write("large.bin", [b'x'; 300_000]);
    let make_site = site(FileOptions::new(directory.path()));
    let server = TestServer::start(patient(), move |worker| {
        Router::new().get("/", async |_: Request<'_>| "home").nest("/static", make_site(worker))
    });
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "home");
    for _ in 0..3 {
        assert_eq!(client.get("/static/a.txt").text(), "a file");
        assert_eq!(client.get("/static/large.bin").body, [b'x'; 300_000]);
    }
    assert_eq!(client.get("/static/none").status, 404);
    assert_eq!(client.get("/static/%2e%2e/a.txt").status, 400);
    assert_eq!(client.get("/a.txt").status, 404);
    let reply = client.get("/static/a.txt");
    assert!(reply.field("etag").is_some(), "{reply:?}");
}

/// Waits at a gate, then says its parameter.
struct Waits(Receiver<()>);

impl Application for Waits {
    async fn call(&self, request: Request<'_>) -> Response {
        let _ = self.0.recv().await;
        format!("waited for {}", request.param("id").unwrap_or_default()).into_response()
    }
}

#[test]
fn handlers_wait_side_by_side_and_keep_their_own_parameters() {
    let (gate, gate_there) = channel::bounded(1_024);
    let server =
        TestServer::start(patient(), move |_| Router::new().get("/wait/{id}", Waits(gate_there.clone())));
    for _ in 0..3 {
        let mut clients: Vec<_> = (0..50).map(|_| server.connect()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(format!("GET /wait/{number} HTTP/1.1\r\nHost: a\r\n\r\n"));
        }
        for _ in &clients {
            gate.try_send(()).expect("the gate has room");
        }
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.reply().text(), format!("waited for {number}"));
        }
    }
}

#[test]
fn a_handler_ends_with_its_client_and_its_room_is_used_again() {
    let (steering, factory) = steered();
    let server = TestServer::start(patient(), move |worker| Router::new().nest("/app", factory(worker)));
    for _ in 0..10 {
        let mut client = server.connect();
        client.send("GET /app/wait/gone HTTP/1.1\r\nHost: a\r\n\r\n");
        steering.wait_entered();
        assert!(!steering.has_dropped());
        client.reset();
        steering.wait_dropped();
        let mut client = server.connect();
        client.send("GET /app/wait/here HTTP/1.1\r\nHost: a\r\n\r\n");
        steering.wait_entered();
        steering.let_go();
        assert_eq!(client.reply().text(), "waited here");
        steering.wait_dropped();
    }
    server.wait_until_at_rest();
}

#[test]
fn a_handler_that_panics_takes_its_connection_and_nothing_else() {
    let (steering, factory) = steered();
    let server = TestServer::start(patient(), move |worker| Router::new().nest("/app", factory(worker)));
    let mut waiting = server.connect();
    waiting.send("GET /app/wait/on HTTP/1.1\r\nHost: a\r\n\r\n");
    steering.wait_entered();
    for _ in 0..5 {
        let mut client = server.connect();
        client.send("GET /app/panic HTTP/1.1\r\nHost: a\r\n\r\n");
        client.expect_end();
        assert_eq!(server.connect().get("/app/text/after").text(), "after");
    }
    steering.let_go();
    assert_eq!(waiting.reply().text(), "waited on");
}
