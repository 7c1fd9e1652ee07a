//! Layers as middleware: what they change reaches the application, and what it answers reaches them.

use std::io::Write;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};

use axum::Router;
use http::StatusCode;
use selvedge_http::h1::ConnectPolicy;
use selvedge_http::tower::{from_service, into_service, layer};
use selvedge_http::{
    Application, BodyError, HeaderName, HeaderValue, IntoResponse, Request, Response, header,
};
use tower::{Layer, Service, layer::layer_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::normalize_path::NormalizePathLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetRequestHeaderLayer;

use super::support::app::steered;
use super::support::{TestServer, options, patient, pattern};

fn post(path: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let mut request =
        format!("POST {path} HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: {}\r\n\r\n", body.len())
            .into_bytes();
    request.extend_from_slice(body);
    request
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).expect("into memory");
    encoder.finish().expect("into memory")
}

#[test]
fn the_application_sees_the_request_as_layers_have_left_it() {
    let told = async |request: Request<'_>| {
        let name = HeaderName::from_static("x-added");
        assert_eq!(request.extensions().get::<&str>(), Some("noted"));
        let added = request.header(&name).unwrap_or(b"none").escape_ascii().to_string();
        let body = request.body().text(100).await?;
        let path = request.path().escape_ascii();
        Ok::<_, BodyError>(format!("{} {path} {:?} {added} {body}", request.method(), request.query()))
    };
    struct Noting<A>(A);
    impl<A: Application> Application for Noting<A> {
        async fn call(&self, request: Request<'_>) -> Response {
            request.extensions().insert("noted");
            self.0.call(request).await
        }
    }
    let server = TestServer::start(patient(), move |_| {
        let added = HeaderValue::from_bytes(b"\xe9").expect("a value");
        let added = SetRequestHeaderLayer::if_not_present(HeaderName::from_static("x-added"), added);
        Noting(told.with(layer(added)).with(layer(NormalizePathLayer::trim_trailing_slash())))
    });
    let mut client = server.connect();
    client.send(post("/a/?q", "", b"body"));
    assert_eq!(client.reply().text(), r#"POST /a Some([113]) \xe9 body"#);
    client.send(post("/a", "X-Added: mine\r\n", b""));
    assert_eq!(client.reply().text(), "POST /a None mine ");
}

#[test]
fn ids_go_both_ways() {
    let id = async |request: Request<'_>| {
        let id = request.header("x-request-id");
        String::from_utf8_lossy(id.unwrap_or_default()).into_owned()
    };
    let server = TestServer::start(patient(), move |_| {
        let ids = tower::ServiceBuilder::new()
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
            .layer(PropagateRequestIdLayer::x_request_id());
        id.with(layer(ids))
    });
    let reply = server.connect().get("/");
    assert_eq!(reply.field("x-request-id"), Some(reply.text()));
    assert_eq!(reply.body.len(), 36);
}

#[test]
fn a_preflight_is_answered_before_the_application() {
    let server = TestServer::start(patient(), |_| {
        (async |_: Request<'_>| -> &str { panic!("it is not asked") }).with(layer(CorsLayer::permissive()))
    });
    let mut client = server.connect();
    client.send(
        "OPTIONS /a HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
    );
    let reply = client.reply();
    assert_eq!((reply.status, reply.field("access-control-allow-methods")), (200, Some("*")));
}

#[test]
fn a_body_that_a_layer_changes_is_the_application_s_body() {
    let server = TestServer::start(patient(), |_| {
        let echo = async |request: Request<'_>| match request.path() {
            b"/text" => request.body().text(1 << 20).await.into_response(),
            // Read while it is answered, when the handler is done.
            _ => {
                let mut body = request.body();
                Response::stream(async move |mut writer| {
                    while let Some(chunk) = body.chunk().await? {
                        writer.send(chunk).await?;
                    }
                    Ok(())
                })
            }
        };
        echo.with(layer(RequestDecompressionLayer::new()))
    });
    let mut client = server.connect();
    let plain: Vec<u8> = pattern(100_000).into_iter().map(|octet| octet % 26 + b'a').collect();
    client.send(post("/text", "Content-Encoding: gzip\r\n", &gzip(&plain)));
    assert_eq!(client.reply().body, plain);
    client.send(post("/echo", "Content-Encoding: gzip\r\n", &gzip(&plain)));
    assert_eq!(client.chunked_reply().body, plain);
    client.send(post("/text", "Content-Encoding: gzip\r\n", b"not gzip"));
    assert_eq!(client.reply().status, 400);
    // 1 MiB of body at most, decompressed too.
    client.send(post("/text", "Content-Encoding: gzip\r\n", &gzip(&vec![b'x'; (1 << 20) + 1])));
    assert_eq!(client.reply().status, 413);
}

#[test]
fn a_layer_s_limit_is_413_whether_the_length_is_said_or_not() {
    let server = TestServer::start(patient(), |_| {
        (async |request: Request<'_>| request.body().text(1_000).await.into_response())
            .with(layer(RequestBodyLimitLayer::new(10)))
    });
    let mut client = server.connect();
    client.send(post("/", "", b"0123456789"));
    assert_eq!(client.reply().text(), "0123456789");
    client.send(post("/", "", b"0123456789a"));
    assert_eq!(client.reply().status, 413);
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n",
    );
    assert_eq!(client.reply().status, 413);
}

#[test]
fn another_protocol_goes_through_layers_and_routers() {
    let shout = async |_: Request<'_>| {
        Response::upgrade(HeaderValue::from_static("shout"), async |mut upgraded| {
            while let Some(chunk) = upgraded.receive().await? {
                upgraded.write(&chunk.to_ascii_uppercase()).await?;
            }
            Ok(())
        })
    };
    let added = SetRequestHeaderLayer::overriding(header::ACCEPT, HeaderValue::from_static("*/*"));
    let server = TestServer::start(patient(), move |_| {
        let router = Router::new().route_service("/shout", into_service(shout.with(layer(added.clone()))));
        from_service(router.layer(tower_http::trace::TraceLayer::new_for_http()))
    });
    let mut client = server.connect();
    client.send("GET /shout HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\nearly");
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("\r\nupgrade: shout\r\n"), "{head}");
    assert_eq!(client.take(5), b"EARLY");
    let reply = server.connect().get("/shout");
    assert_eq!((reply.status, reply.field("upgrade")), (426, Some("shout")));
}

#[test]
fn a_tunnel_goes_through_layers() {
    let tunnel = async |request: Request<'_>| {
        let authority = request.authority().map(<[u8]>::to_vec).unwrap_or_default();
        Response::tunnel(async move |mut upgraded| upgraded.write(&authority).await)
    };
    let server =
        TestServer::start(options(|options| options.connect = ConnectPolicy::Application), move |_| {
            let added = SetRequestHeaderLayer::overriding(header::ACCEPT, HeaderValue::from_static("*/*"));
            tunnel.with(layer(added))
        });
    let mut client = server.connect();
    client.send("CONNECT b:81 HTTP/1.1\r\nHost: b:81\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    assert_eq!(client.take(4), b"b:81");
}

#[test]
fn a_panic_is_caught_by_the_layer_that_does() {
    let server = TestServer::start(patient(), |_| {
        let panics = async |request: Request<'_>| match request.path() {
            b"/panic" => panic!("the test's own"),
            _ => "calm",
        };
        panics.with(layer(CatchPanicLayer::new()))
    });
    let mut client = server.connect();
    assert_eq!(client.get("/panic").status, 500);
    assert_eq!(client.get("/").text(), "calm");
}

/// Asks twice, at once or one after the other, and answers with the last.
#[derive(Clone)]
struct Twice<S>(S, Order);

#[derive(Clone, Copy)]
enum Order {
    AtOnce,
    OneByOne,
}

impl<S, B> Service<http::Request<selvedge_http::tower::RequestBody>> for Twice<S>
where
    S: Service<http::Request<http_body_util::Empty<bytes::Bytes>>, Response = http::Response<B>>
        + Clone
        + 'static,
{
    type Response = http::Response<B>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<selvedge_http::tower::RequestBody>) -> Self::Future {
        let (parts, _) = request.into_parts();
        let again = || http::Request::from_parts(parts.clone(), http_body_util::Empty::new());
        let (one, other) = (self.0.call(again()), self.0.clone().call(again()));
        match self.1 {
            Order::AtOnce => Box::pin(async { tokio::join!(one, other).1 }),
            Order::OneByOne => Box::pin(async {
                drop(one.await);
                other.await
            }),
        }
    }
}

#[test]
fn a_layer_may_ask_the_application_again() {
    let count = async |request: Request<'_>| {
        let count = request.extensions().get::<u32>().unwrap_or(0) + 1;
        request.extensions().insert(count);
        selvedge_runtime::yield_now().await;
        count.to_string()
    };
    for order in [Order::AtOnce, Order::OneByOne] {
        let twice = move || layer_fn(move |service| Twice(service, order));
        let server = TestServer::start(patient(), move |_| count.with(layer(twice())));
        assert_eq!(server.connect().get("/").text(), "2");
    }
}

#[test]
fn an_application_whose_layer_gives_up_is_dropped() {
    /// Answers by itself when the application has begun to wait.
    #[derive(Clone)]
    struct GivesUp<S>(S);
    impl<S, R> Service<R> for GivesUp<S>
    where
        S: Service<R, Response = http::Response<selvedge_http::tower::ResponseBody>>,
        S::Future: Unpin + 'static,
    {
        type Response = S::Response;
        type Error = S::Error;
        type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>>>>;

        fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
            self.0.poll_ready(context)
        }

        fn call(&mut self, request: R) -> Self::Future {
            let mut answered = self.0.call(request);
            let mut polls = 0;
            Box::pin(std::future::poll_fn(move |context| {
                polls += 1;
                if polls > 2 {
                    let mut response = http::Response::new(Default::default());
                    *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
                    return Poll::Ready(Ok(response));
                }
                context.waker().wake_by_ref();
                Pin::new(&mut answered).poll(context)
            }))
        }
    }
    let (steering, factory) = steered();
    let server = TestServer::start(patient(), move |worker| factory(worker).with(layer(layer_fn(GivesUp))));
    assert_eq!(server.connect().get("/wait").status, 504);
    steering.wait_entered();
    steering.wait_dropped();
}

#[test]
fn a_request_that_layers_have_broken_is_their_500() {
    let server = TestServer::start(patient(), |_| {
        let without_host = layer_fn(|service| {
            tower::util::MapRequest::new(service, |mut request: http::Request<_>| {
                request.headers_mut().remove(header::HOST);
                request
            })
        });
        let without_extensions = layer_fn(|service| {
            tower::util::MapRequest::new(service, |mut request: http::Request<_>| {
                request.extensions_mut().clear();
                request
            })
        });
        let router = Router::new()
            .route_service("/host", without_host.layer(into_service(async |_: Request<'_>| "host")))
            .route_service("/lost", without_extensions.layer(into_service(async |_: Request<'_>| "lost")));
        from_service(router)
    });
    let mut client = server.connect();
    assert_eq!((client.get("/host").status, client.get("/lost").status), (500, 500));
}

#[test]
fn what_leaves_its_worker_is_lost_and_nothing_else() {
    let (tell, told) = mpsc::channel();
    let server = TestServer::start(patient(), move |_| {
        let tell = tell.clone();
        from_service(tower::service_fn(move |request: http::Request<selvedge_http::tower::RequestBody>| {
            let tell = tell.clone();
            async move {
                std::thread::spawn(move || {
                    drop(request);
                    let _ = tell.send(());
                });
                Ok::<_, std::convert::Infallible>(http::Response::new("away".to_owned()))
            }
        }))
    });
    let mut client = server.connect();
    client.send(post("/", "", b"body"));
    assert_eq!(client.reply().text(), "away");
    told.recv_timeout(super::support::PATIENCE).expect("its drop does no harm");
    assert_eq!(client.get("/").text(), "away");
}
