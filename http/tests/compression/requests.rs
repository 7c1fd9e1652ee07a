//! Requests' bodies that the client has compressed.

use std::io::Write;

use selvedge_http::middleware::decompression;
use selvedge_http::{Application, IntoResponse, Request, Response};

use super::app::text;
use super::support::client::Client;
use super::support::{TestServer, patient};

const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];

/// Says how a body begins and how long it is, of at most 500,000 octets, or 10 below `/short`; `/echo` sends it back;
/// `/ignore` does not read it.
async fn lengths(request: Request<'_>) -> Response {
    let bytes_max = match request.path() {
        b"/ignore" => return "ignored".into_response(),
        b"/echo" => {
            let mut body = request.body();
            return Response::stream(async move |mut writer| {
                while let Some(chunk) = body.chunk().await? {
                    writer.send(chunk).await?;
                }
                Ok(())
            });
        }
        b"/short" => {
            request.limit_body(10);
            500_000
        }
        _ => 500_000,
    };
    match request.body().bytes(bytes_max).await {
        Ok(bytes) if bytes == text(bytes.len()) => bytes.len().to_string().into_response(),
        Ok(_) => "other octets".into_response(),
        Err(error) => error.into_response(),
    }
}

fn server() -> TestServer {
    TestServer::start(patient(), |_| lengths.with(decompression()))
}

fn encode(coding: &str, content: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(content).and_then(|()| encoder.finish()).expect("memory")
        }
        "br" => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4_096, 4, 22);
            encoder.write_all(content).expect("memory");
            encoder.into_inner()
        }
        _ => zstd::encode_all(content, 3).expect("memory"),
    }
}

fn post(client: &mut Client, path: &str, coding: &str, body: &[u8]) {
    let length = body.len();
    client.send(format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
    ));
    client.send(body);
}

#[test]
fn a_compressed_body_is_read_as_what_it_says() {
    let server = server();
    let mut client = server.connect();
    for coding in CODINGS {
        for length in [0, 1, 100, 16 * 1024, 400_000] {
            post(&mut client, "/", coding, &encode(coding, &text(length)));
            assert_eq!(client.reply().text(), length.to_string(), "{coding}");
        }
    }
    post(&mut client, "/", "X-GZIP, identity", &encode("gzip", &text(100)));
    assert_eq!(client.reply().text(), "100");
    post(&mut client, "/", "identity", &text(100));
    assert_eq!(client.reply().text(), "100");
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n000");
    assert_eq!(client.reply().text(), "3");
    client.send("GET / HTTP/1.1\r\nHost: a\r\nContent-Encoding: unknown\r\n\r\n");
    assert_eq!(client.reply().text(), "0");
    drop(client);
    server.wait_until_at_rest();
}

#[test]
fn it_may_come_octet_by_octet_and_be_read_after_the_handler() {
    let server = server();
    let mut client = server.connect();
    for coding in CODINGS {
        client.send(format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\n\r\n"
        ));
        for octet in encode(coding, &text(300)) {
            client.send("1\r\n").send([octet]).send("\r\n");
        }
        client.send("0\r\n\r\n");
        assert_eq!(client.chunked_reply().body, text(300), "{coding}");
    }
}

#[test]
fn a_short_body_that_makes_a_long_one_is_refused() {
    let server = server();
    for coding in CODINGS {
        let bomb = encode(coding, &vec![0; 5_000_000]);
        assert!(bomb.len() < 100_000, "{coding}");
        let mut client = server.connect();
        post(&mut client, "/", coding, &bomb);
        assert_eq!(client.reply().status, 413, "{coding}");
        let mut client = server.connect();
        post(&mut client, "/short", coding, &encode(coding, &text(11)));
        assert_eq!(client.reply().status, 413, "{coding}");
    }
}

/// Says how many octets a body has that is read as it comes.
async fn octets(request: Request<'_>) -> Response {
    match request.body().bytes(500_000).await {
        Ok(bytes) => bytes.len().to_string().into_response(),
        Err(error) => error.into_response(),
    }
}

#[test]
fn without_the_middleware_nobody_inflates_a_body() {
    let server = TestServer::start(patient(), |_| octets);
    let mut client = server.connect();
    for coding in CODINGS {
        let bomb = encode(coding, &vec![0; 5_000_000]);
        post(&mut client, "/", coding, &bomb);
        assert_eq!(client.reply().text(), bomb.len().to_string(), "{coding}");
    }
}

#[test]
fn another_coding_is_refused_with_those_there_are() {
    let server = server();
    let mut client = server.connect();
    for coding in ["deflate", "gzip, br", "gzip;q=1", "compress"] {
        post(&mut client, "/", coding, b"abc");
        let reply = client.reply();
        assert_eq!((reply.status, reply.field("accept-encoding")), (415, Some("gzip, br, zstd")), "{coding}");
    }
}

#[test]
fn what_is_not_of_its_coding_or_not_whole_is_told_to_the_handler() {
    let server = server();
    for coding in CODINGS {
        let whole = encode(coding, &text(3_000));
        let (broken, cut) = ([&[0xff; 40][..], &whole].concat(), &whole[..whole.len() - 1]);
        for body in [&broken[..], cut] {
            let mut client = server.connect();
            post(&mut client, "/", coding, body);
            assert_eq!(client.reply().status, 400, "{coding}");
        }
    }
}

#[test]
fn a_body_that_is_not_read_is_not_decoded_and_the_connection_goes_on() {
    let server = server();
    let mut client = server.connect();
    for _ in 0..300 {
        post(&mut client, "/ignore", "gzip", b"not of its coding");
        assert_eq!(client.reply().text(), "ignored");
    }
}
