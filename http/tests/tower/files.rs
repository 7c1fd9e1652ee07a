//! Files behind layers and in routers: what stays a file, and that all of it comes.

use std::sync::mpsc::{self, Receiver, Sender};

use axum::Router;
use axum::routing::get;
use selvedge_http::files::FileOptions;
use selvedge_http::tower::{from_service, into_service, layer, transparent_layer};
use selvedge_http::{Application, Body, HeaderValue, Request, Response, header};
use selvedge_runtime::Worker;
use tower::ServiceBuilder;
use tower::layer::layer_fn;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use super::bridge;
use super::support::client::Asked;
use super::support::directory::Directory;
use super::support::site::{Site, site};
use super::support::{PATIENCE, TestServer, patient, pattern};

/// Tells what kind of body each answer has.
struct Told<A>(A, Sender<&'static str>);

impl<A: Application> Application for Told<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        let response = self.0.call(request).await;
        let _ = self.1.send(match response.body() {
            Body::Prepared(_) => "prepared",
            Body::Full(_) => "full",
            Body::File(_) => "file",
            Body::Stream(_) => "stream",
            Body::Empty => "empty",
            _ => "another",
        });
        response
    }
}

const SMALL: &[u8] = b"a small file";
const LARGE_BYTES: usize = 300_000;

/// A site of a small and a large file behind what `wrap` puts around it.
fn serves<A: Application>(
    name: &str,
    wrap: impl Fn(Site) -> A + Send + Sync + 'static,
) -> (TestServer, Receiver<&'static str>, Directory) {
    let directory = Directory::new(name);
    directory.write("small.txt", SMALL);
    directory.write("large.bin", pattern(LARGE_BYTES));
    let make = site(FileOptions::new(directory.path()));
    let (tell, told) = mpsc::channel();
    let server = TestServer::start(patient(), move |worker: &Worker| Told(wrap(make(worker)), tell.clone()));
    (server, told, directory)
}

/// Asks for everything a file can be asked for, and returns how the two files themselves were answered.
fn ask(server: &TestServer, told: &Receiver<&'static str>, prefix: &str) -> [&'static str; 2] {
    let mut client = server.connect();
    let mut get = |path: &str, fields: &str, asked: Asked| {
        let method = if asked == Asked::Head { "HEAD" } else { "GET" };
        client.send(format!("{method} {prefix}{path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        (client.reply_to(asked), told.recv_timeout(PATIENCE).expect("it was answered"))
    };
    let large = pattern(LARGE_BYTES);
    let (reply, small_kind) = get("/small.txt", "", Asked::Get);
    assert_eq!((reply.status, &reply.body[..]), (200, SMALL));
    assert_eq!(reply.field("content-type"), Some("text/plain; charset=utf-8"));
    let (reply, large_kind) = get("/large.bin", "", Asked::Get);
    assert!(reply.status == 200 && reply.body == large, "{} octets", reply.body.len());
    for path in ["/small.txt", "/large.bin"] {
        let (reply, _) = get(path, "", Asked::Head);
        let length = if path == "/small.txt" { SMALL.len() } else { LARGE_BYTES };
        assert_eq!(reply.field("content-length"), Some(&*length.to_string()));
    }
    let (reply, _) = get("/large.bin", "Range: bytes=1000-100999\r\n", Asked::Get);
    assert_eq!(reply.field("content-range"), Some("bytes 1000-100999/300000"));
    assert!(reply.status == 206 && reply.body == large[1_000..101_000]);
    let (reply, _) = get("/large.bin", "Range: bytes=0-9,200000-200009\r\n", Asked::Get);
    let content_type = reply.field("content-type").expect("a type");
    let boundary = content_type.strip_prefix("multipart/byteranges; boundary=").expect(content_type);
    let body = &reply.body;
    assert!(body.windows(boundary.len()).filter(|octets| *octets == boundary.as_bytes()).count() == 3);
    assert!(body.windows(10).any(|octets| *octets == large[200_000..200_010]));
    let (reply, _) = get("/none", "", Asked::Get);
    assert_eq!((reply.status, reply.text()), (404, "404 Not Found\n"));
    [small_kind, large_kind]
}

#[test]
fn layers_that_change_nothing_leave_a_response_as_it_is() {
    let (server, told, _directory) = serves("tower-same", |site| {
        let layers = ServiceBuilder::new()
            .layer(TimeoutLayer::with_status_code(http::StatusCode::REQUEST_TIMEOUT, PATIENCE))
            .map_request(|request| request)
            .map_response(|response| response);
        site.with(layer(layers)).with(bridge().context())
    });
    assert_eq!(ask(&server, &told, ""), ["prepared", "file"]);
}

#[test]
fn a_file_stays_a_file_when_its_head_changes() {
    let (server, told, _directory) = serves("tower-head", |site| {
        let cache = HeaderValue::from_static("max-age=60");
        site.with(layer(SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, cache)))
            .with(layer(CorsLayer::permissive()))
    });
    assert_eq!(ask(&server, &told, ""), ["full", "file"]);
    let reply = server.connect().get("/large.bin");
    assert_eq!(reply.field("cache-control"), Some("max-age=60"));
    assert_eq!(reply.field("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.field("accept-ranges"), Some("bytes"));
}

#[test]
fn layers_see_what_a_file_that_a_handler_names_is() {
    let directory = Directory::new("tower-named");
    let path = directory.write("large.bin", pattern(LARGE_BYTES));
    let (tell, told) = mpsc::channel();
    let server = TestServer::start(patient(), move |_| {
        let path = path.clone();
        let named = async move |request: Request<'_>| match request.path() {
            b"/here" => Response::file(&path),
            _ => Response::file(path.with_extension("none")),
        };
        let telling = layer_fn(|service| {
            tower::util::MapResponse::new(service, |mut response: http::Response<_>| {
                let status = HeaderValue::from(response.status().as_u16());
                response.headers_mut().insert("x-status", status);
                response
            })
        });
        Told(named.with(layer(telling)), tell.clone())
    });
    let mut client = server.connect();
    let reply = client.get("/here");
    assert_eq!((reply.field("x-status"), told.recv_timeout(PATIENCE)), (Some("200"), Ok("file")));
    assert!(reply.body == pattern(LARGE_BYTES), "{} octets", reply.body.len());
    assert_eq!(client.get("/away").field("x-status"), Some("404"));
}

#[test]
fn a_layer_that_wraps_bodies_has_them_read() {
    let (server, told, _directory) =
        serves("tower-wrapped", |site| site.with(layer(TraceLayer::new_for_http())));
    assert_eq!(ask(&server, &told, ""), ["full", "stream"]);
}

#[test]
fn a_transparent_layer_has_them_sent_as_they_are_and_sees_their_end() {
    let (tell, ends) = mpsc::channel();
    let (server, told, _directory) = serves("tower-transparent", move |site| {
        let tell = tell.clone();
        let on_end = move |_: Option<&http::HeaderMap>, _, _: &_| {
            let _ = tell.send("ended");
        };
        site.with(transparent_layer(TraceLayer::new_for_http().on_eos(on_end)))
    });
    assert_eq!(ask(&server, &told, ""), ["prepared", "file"]);
    assert_eq!(ends.recv_timeout(PATIENCE), Ok("ended"));
    // Nothing is taken for transparent that has compressed.
    let (server, told, _directory) =
        serves("tower-not-transparent", |site| site.with(transparent_layer(CompressionLayer::new())));
    let mut client = server.connect();
    client.send("GET /small.txt HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
    assert_eq!(client.reply().body, SMALL, "it is too short to compress");
    assert_eq!(told.recv_timeout(PATIENCE), Ok("prepared"));
    client.send("GET /large.bin HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
    assert!(client.head().contains("\r\ncontent-encoding: gzip\r\n"));
    assert_eq!(told.recv_timeout(PATIENCE), Ok("stream"));
}

#[test]
fn files_are_mounted_in_a_router() {
    let mount = |site: Site| {
        let files = into_service(site);
        Router::new().route("/", get(async || "the index")).nest_service("/files", files)
    };
    let (server, told, _directory) = serves("tower-mounted", move |site| from_service(mount(site)));
    assert_eq!(ask(&server, &told, "/files"), ["full", "stream"]);
    assert_eq!(server.connect().get("/").text(), "the index");
    let (server, told, _directory) =
        serves("tower-mounted-whole", move |site| from_service(mount(site)).with_transparent_bodies());
    let kinds = ask(&server, &told, "/files");
    // The router's fallbacks and its own answers are others' bodies.
    assert_eq!(kinds, ["prepared", "file"]);
    assert_eq!(server.connect().get("/").text(), "the index");
}

#[test]
fn compressed_files_are_what_they_were() {
    let text = b"again and ".repeat(20_000);
    let directory = Directory::new("tower-compressed");
    directory.write("text.txt", &text);
    let make = site(FileOptions::new(directory.path()));
    let server =
        TestServer::start(patient(), move |worker| make(worker).with(layer(CompressionLayer::new())));
    let mut client = server.connect();
    client.send("GET /text.txt HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
    let head = client.head();
    assert!(head.contains("\r\ncontent-encoding: gzip\r\n"), "{head}");
    let mut compressed = Vec::new();
    loop {
        match client.chunk() {
            chunk if chunk.is_empty() => break,
            chunk => compressed.extend_from_slice(&chunk),
        }
    }
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&compressed[..]), &mut plain)
        .expect("it is gzip");
    assert!(compressed.len() < 10_000 && plain == text, "{} octets", compressed.len());
}
