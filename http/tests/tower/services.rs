//! Services as applications: axum's router with its extractors, readiness, errors, clients that go.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use axum::extract::{ConnectInfo, Path, Query};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use http_body_util::BodyExt;
use selvedge_http::tower::{FromService, Peer, RequestBody, from_service};
use selvedge_http::{Application, Request};
use selvedge_runtime::net::Address;
use tower::{Service, ServiceBuilder, service_fn};

use super::support::{PATIENCE, TestServer, patient};

fn router() -> FromService<Router> {
    let sum = async |Path(name): Path<String>,
                     Query(query): Query<HashMap<String, u32>>,
                     Json(numbers): Json<Vec<u32>>| {
        let sum: u32 = numbers.iter().sum::<u32>() * query.get("times").copied().unwrap_or(1);
        Json(HashMap::from([(name, sum)]))
    };
    from_service(Router::new().route("/sums/{name}", post(sum)).route("/", get(async || "index")))
}

#[test]
fn a_router_s_extractors_find_what_they_look_for() {
    let server = TestServer::start(patient(), |_| router());
    let mut client = server.connect();
    let json = "Host: a\r\nContent-Type: application/json\r\n";
    let post = |target: &str, body: &str| {
        format!("POST {target} HTTP/1.1\r\n{json}Content-Length: {}\r\n\r\n{body}", body.len())
    };
    client.send(post("/sums/a%20b?times=2", "[1, 2, 3]"));
    let reply = client.reply();
    assert_eq!((reply.status, reply.text()), (200, r#"{"a b":12}"#));
    assert_eq!(reply.field("content-type"), Some("application/json"));
    // Each is answered on the same connection.
    client.send(post("/sums/a", "[1, 2")).send(post("/sums/a?times=x", "[]"));
    assert_eq!((client.reply().status, client.reply().status), (400, 400));
    let wrong = client.get("/sums/a");
    assert_eq!((wrong.status, wrong.field("allow")), (405, Some("POST")));
    assert_eq!((client.get("/none").status, client.get("/").text()), (404, "index"));
    // The engine's own limit is 1 MiB.
    client.send(format!("POST /sums/a HTTP/1.1\r\n{json}Content-Length: 2000000\r\n\r\n"));
    assert_eq!(client.reply().status, 413);
}

#[test]
fn a_service_learns_who_its_client_is() {
    #[derive(Clone)]
    struct User(&'static str);
    let told = async |Extension(Peer(peer)): Extension<Peer>,
                      Extension(User(user)): Extension<User>,
                      ConnectInfo(address): ConnectInfo<std::net::SocketAddr>| {
        assert_eq!(peer, Address::Ip(address));
        format!("{user} at {address}")
    };
    let server = TestServer::start(patient(), move |_| {
        let service = from_service(Router::new().route("/", get(told))).with_extensions(
            |request: Request<'_>, extensions| {
                if let Ok(Address::Ip(address)) = request.peer() {
                    extensions.insert(ConnectInfo(*address));
                }
                extensions.extend(
                    request
                        .extensions()
                        .get::<User>()
                        .map(|user| {
                            let mut one = http::Extensions::new();
                            one.insert(user);
                            one
                        })
                        .unwrap_or_default(),
                );
            },
        );
        Noting(service, User("ann"))
    });
    struct Noting<A, T>(A, T);
    impl<A: Application, T: Clone + 'static> Application for Noting<A, T> {
        async fn call(&self, request: Request<'_>) -> selvedge_http::Response {
            request.extensions().insert(self.1.clone());
            self.0.call(request).await
        }
    }
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), format!("ann at {}", client.local()));
}

/// Ready when the test says so.
#[derive(Clone)]
struct Gated(Arc<Mutex<Gate>>);

struct Gate {
    open: bool,
    waiting: Option<Waker>,
    asked: mpsc::Sender<()>,
}

impl Service<http::Request<RequestBody>> for Gated {
    type Response = http::Response<String>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        let mut gate = self.0.lock().expect("no holder panics");
        if gate.open {
            return Poll::Ready(Ok(()));
        }
        gate.waiting = Some(context.waker().clone());
        let _ = gate.asked.send(());
        Poll::Pending
    }

    fn call(&mut self, _: http::Request<RequestBody>) -> Self::Future {
        assert!(self.0.lock().expect("no holder panics").open, "called before it was ready");
        std::future::ready(Ok(http::Response::new("called".to_owned())))
    }
}

#[test]
fn a_service_is_called_when_it_is_ready() {
    let (asked, asks) = mpsc::channel();
    let gate = Arc::new(Mutex::new(Gate { open: false, waiting: None, asked }));
    let there = Arc::clone(&gate);
    let server = TestServer::start(patient(), move |_| from_service(Gated(Arc::clone(&there))));
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    asks.recv_timeout(PATIENCE).expect("it is asked");
    let waiting = {
        let mut gate = gate.lock().expect("no holder panics");
        gate.open = true;
        gate.waiting.take()
    };
    // From another thread, as a service of tokio's would.
    waiting.expect("it waits").wake();
    assert_eq!(client.reply().text(), "called");
}

#[test]
fn clones_of_a_service_share_its_limit() {
    let (entered, enters) = mpsc::channel();
    let (go, gate) = selvedge_runtime::channel::bounded::<()>(2);
    let server = TestServer::start(patient(), move |_| {
        let (entered, gate) = (entered.clone(), gate.clone());
        let slow = service_fn(move |_: http::Request<RequestBody>| {
            let (entered, gate) = (entered.clone(), gate.clone());
            async move {
                let _ = entered.send(());
                let _ = gate.recv().await;
                Ok::<_, Infallible>(http::Response::new(String::new()))
            }
        });
        from_service(ServiceBuilder::new().concurrency_limit(1).service(slow))
    });
    let (mut one, mut other) = (server.connect(), server.connect());
    one.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    enters.recv_timeout(PATIENCE).expect("the first is called");
    other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    server.wait_for_accepted(2);
    let turns = server.turns();
    assert!(server.turns() > turns && enters.try_recv().is_err(), "the second waits");
    go.try_send(()).expect("room");
    assert_eq!(one.reply().status, 200);
    enters.recv_timeout(PATIENCE).expect("the second is called");
    go.try_send(()).expect("room");
    assert_eq!(other.reply().status, 200);
}

#[test]
fn a_service_that_fails_is_answered_for() {
    let server = TestServer::start(patient(), |_| {
        from_service(service_fn(async |request: http::Request<RequestBody>| {
            let body = request.into_body().collect().await?.to_bytes();
            match &body[..] {
                b"" => Err::<http::Response<String>, tower::BoxError>("out of order".into()),
                _ => Ok(http::Response::new(body.len().to_string())),
            }
        }))
    });
    let mut client = server.connect();
    assert_eq!(client.get("/").status, 500);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!(client.reply().text(), "4");
    // What was wrong with the body is the client's to know.
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n");
    assert_eq!(client.reply().status, 400);
}

#[test]
fn a_handler_whose_client_goes_is_dropped() {
    struct Tells(mpsc::Sender<&'static str>);
    impl Drop for Tells {
        fn drop(&mut self) {
            let _ = self.0.send("dropped");
        }
    }
    let (tell, told) = mpsc::channel();
    let server = TestServer::start(patient(), move |_| {
        let tell = tell.clone();
        let wait = move || {
            let tells = Tells(tell.clone());
            async move {
                let _ = tells.0.send("entered");
                let _tells = tells;
                pending::<String>().await
            }
        };
        from_service(Router::new().route("/", get(wait)))
    });
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(told.recv_timeout(PATIENCE), Ok("entered"));
    client.reset();
    assert_eq!(told.recv_timeout(PATIENCE), Ok("dropped"));
}

#[test]
fn a_service_may_be_of_its_worker_alone() {
    let server = TestServer::start(patient(), |_| {
        let count = std::rc::Rc::new(std::cell::Cell::new(0));
        from_service(service_fn(move |_: http::Request<RequestBody>| {
            count.set(count.get() + 1);
            let count = std::rc::Rc::clone(&count);
            async move {
                poll_fn(|_| Poll::Ready(())).await;
                Ok::<_, Infallible>(http::Response::new(count.get().to_string()))
            }
        }))
    });
    let mut client = server.connect();
    assert_eq!((client.get("/").text(), client.get("/").text()), ("1", "2"));
}
