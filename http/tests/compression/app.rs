//! An application of bodies of all kinds, by path, and a client that asks for them.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::LazyLock;

use http::{HeaderName, HeaderValue, StatusCode};
use selvedge_http::middleware::{Compression, CompressionOptions, compression};
use selvedge_http::{Application, Body, BodyWriter, Request, Response, StreamBody, header};
use selvedge_runtime::Worker;
use selvedge_runtime::channel::{self, Receiver, Sender};

use super::support::client::{Client, Reply};
use super::support::pattern;

/// The longest body, made once.
static TEXT: LazyLock<Vec<u8>> = LazyLock::new(|| text(5_000_000));

/// Answers by path, of type text/plain:
/// * `/full/N`, `/static/N`, `/segments/N`: N octets of [`text`] in memory; `/error/N` an error, about as long;
/// * `/stream/N`, `/spawned/N`: written piece by piece, by the connection's task or another; `/sized/N`: its length is said;
/// * `/events`, `/pushed`: what the test lets go, one by one, until it lets go nothing; `/forever`: until nobody reads;
///   `/written`: octets that it has written so far;
/// * `/fails`, `/short`, `/trailers`: streams that break off, lack an octet, have a trailer field; `/empty`: no octets;
/// * `/tagged`: 304 for who has it, else as `/full/3000` with `ETag: "v"`.
///
/// The query adds fields, `name=value&name=value`; `status` is the status.
pub(crate) struct Bodies {
    gate: Receiver<&'static str>,
    written: Rc<Cell<u64>>,
}

/// Bodies behind compression, and the gate of `/events`.
pub(crate) fn bodies(
    options: CompressionOptions,
) -> (Sender<&'static str>, impl Fn(&Worker) -> Compression<Bodies> + Send + Sync + 'static) {
    let (gate, gate_there) = channel::bounded(16);
    let factory = move |_: &Worker| {
        let bodies = Bodies { gate: gate_there.clone(), written: Rc::default() };
        bodies.with(compression(options.clone()))
    };
    (gate, factory)
}

/// Text that compresses, but not to nothing.
pub(crate) fn text(length: usize) -> Vec<u8> {
    let words = pattern(length / 4 + 1);
    words.iter().flat_map(|byte| format!("{byte:03} ").into_bytes()).take(length).collect()
}

impl Application for Bodies {
    async fn call(&self, request: Request<'_>) -> Response {
        let mut response = self.answer(request);
        if response.status() == StatusCode::OK && !matches!(response.body(), Body::Empty) {
            response = response.with_header(header::CONTENT_TYPE, "text/plain");
        }
        let query = std::str::from_utf8(request.query().unwrap_or_default()).expect("tests ask in ASCII");
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            if name == "status" {
                response = response.with_status(value.parse().expect("a status"));
            } else {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a field name");
                response = response.with_header(name, value.replace("%20", " ").replace("%22", "\""));
            }
        }
        response
    }
}

impl Bodies {
    fn answer(&self, request: Request<'_>) -> Response {
        let segments: Vec<_> = request.segments().collect();
        let text = || &TEXT[..segments[1].parse::<usize>().expect("a number")];
        match &*segments[0] {
            "full" => Response::text(text().to_vec()),
            "static" => Response::text(text()),
            "segments" => {
                Response::segments(text().chunks(1_000).map(|piece| piece.to_vec().into()).collect())
            }
            "error" => {
                let reason = std::str::from_utf8(text()).expect("ASCII");
                Response::error(StatusCode::BAD_REQUEST, reason)
            }
            "stream" => {
                let text = text();
                Response::stream(async move |mut writer| write(&mut writer, text).await)
            }
            "spawned" => {
                let (mut writer, response) = Response::channel();
                let text = text();
                selvedge_runtime::spawn_detached("writer", async move {
                    write(&mut writer, text).await.expect("it is read");
                    writer.finish();
                });
                response
            }
            "sized" => Response::of_stream(sized(text(), 0)),
            "short" => Response::of_stream(sized(&TEXT[..3_000], 1)),
            "events" => {
                let gate = self.gate.clone();
                Response::stream(async move |mut writer| write_events(&mut writer, &gate).await)
            }
            "pushed" => {
                let (mut writer, response) = Response::channel();
                let gate = self.gate.clone();
                selvedge_runtime::spawn_detached("writer", async move {
                    write_events(&mut writer, &gate).await.expect("it is read");
                    writer.finish();
                });
                response
            }
            "forever" => {
                let written = Rc::clone(&self.written);
                Response::stream(async move |mut writer| {
                    loop {
                        for piece in TEXT.chunks(10_000) {
                            writer.write(piece).await?;
                            written.set(written.get() + piece.len() as u64);
                        }
                    }
                })
            }
            "written" => Response::text(self.written.get().to_string().into_bytes()),
            "fails" => Response::stream(async |mut writer| {
                writer.write(&TEXT[..5_000]).await?;
                Err(io::Error::other("and no end"))
            }),
            "trailers" => Response::stream(async |mut writer| {
                writer.write(b"body").await?;
                let name = HeaderName::from_static("x-checksum");
                writer.finish_with_trailers(vec![(name, HeaderValue::from_static("4"))]);
                Ok(())
            }),
            "empty" => Response::empty(StatusCode::OK),
            "tagged" => {
                let asked = request.header(header::IF_NONE_MATCH).unwrap_or_default();
                let response = match asked {
                    b"\"v\"" | b"W/\"v\"" => Response::empty(StatusCode::NOT_MODIFIED),
                    _ => Response::text(&TEXT[..3_000]),
                };
                response.with_header(header::ETAG, "\"v\"")
            }
            _ => Response::empty(StatusCode::NOT_FOUND),
        }
    }
}

async fn write(writer: &mut BodyWriter, text: &[u8]) -> io::Result<()> {
    for (number, piece) in text.chunks(777).enumerate() {
        match number % 3 {
            0 => writer.send(piece.to_vec()).await?,
            1 => writer.write(piece).await?,
            _ => {
                writer.write(piece).await?;
                selvedge_runtime::yield_now().await;
            }
        }
    }
    Ok(())
}

async fn write_events(writer: &mut BodyWriter, gate: &Receiver<&'static str>) -> io::Result<()> {
    while let Ok(event) = gate.recv().await
        && !event.is_empty()
    {
        writer.write(event.as_bytes()).await?;
    }
    Ok(())
}

/// A stream that is said to be longer than it is by `lacking` octets.
fn sized(text: &'static [u8], lacking: usize) -> StreamBody {
    let body = StreamBody::of(async move |mut writer| write(&mut writer, &text[lacking..]).await);
    body.with_length(text.len() as u64)
}

/// Asks for `path` and reads the answer, however it is framed.
pub(crate) fn ask(client: &mut Client, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
    let lines: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
    let mut reply = head(client);
    if method == "HEAD" || reply.status == 304 || reply.status == 204 {
        return reply;
    }
    if reply.field("transfer-encoding") == Some("chunked") {
        while let data = client.chunk()
            && !data.is_empty()
        {
            reply.body.extend_from_slice(&data);
        }
    } else {
        let length = reply.field("content-length").expect("a length").parse().expect("a number");
        reply.body = client.take(length);
    }
    reply
}

/// The head of an answer.
pub(crate) fn head(client: &mut Client) -> Reply {
    let head = client.head();
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next().expect("a status line")[9..12].parse().expect("a status");
    let field = |line: &str| {
        let (name, value) = line.split_once(": ").expect("a field line");
        (name.to_owned(), value.to_owned())
    };
    Reply { status, fields: lines.map(field).collect(), body: Vec::new() }
}
