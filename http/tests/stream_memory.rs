//! What one connection holds while much goes through it: counted, not believed.
#![allow(clippy::disallowed_methods, reason = "a client is an ordinary program")]

mod support;

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use selvedge_http::h1::Limits;
use selvedge_http::{Application, IntoResponse, Request, Response};
use selvedge_runtime::{
    BlockClass, BufferPool, CountingAllocator, KernelLimits, allocated_bytes_of_thread, timer,
};
use support::client::Client;
use support::{TestServer, options, wait_until_still};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator(std::alloc::System);

const MIB: u64 = 1 << 20;
const UPLOAD_BYTES: u64 = 4 << 30;

/// The most that this worker held at once: receive buffers, blocks, and heap beyond that of the beginning.
#[derive(Default)]
struct Peak {
    heap_begun: Cell<i64>,
    bytes: Cell<i64>,
}

impl Peak {
    fn begin(&self) {
        self.heap_begun.set(allocated_bytes_of_thread());
    }

    fn look(&self) {
        let usage = BufferPool::usage();
        // Those that wait unread too.
        let leases = usage.receive_buffers - usage.receive_with_kernel;
        let leases = leases * KernelLimits::default().receive_buffer_bytes;
        let blocks = usage.block_leases * BlockClass::Large.bytes();
        let heap = allocated_bytes_of_thread() - self.heap_begun.get();
        self.bytes.set(self.bytes.get().max((leases + blocks) as i64 + heap));
    }
}

/// `/upload`: pulls the body, and rests now and then; `/forever`: writes until nobody reads; `/held`: the peak so far;
/// `/written`: octets written by `/forever`.
#[derive(Default)]
struct Measured {
    peak: Rc<Peak>,
    written: Rc<Cell<u64>>,
}

impl Application for Measured {
    async fn call(&self, request: Request<'_>) -> Response {
        match request.path() {
            b"/upload" => {
                self.peak.begin();
                let mut body = request.body();
                let mut received = 0;
                while let Ok(Some(chunk)) = body.chunk().await {
                    self.peak.look();
                    let before = received / (64 * MIB);
                    received += chunk.len() as u64;
                    drop(chunk);
                    if received / (64 * MIB) > before {
                        // Long enough for the client to fill whatever it can fill.
                        timer::sleep(Duration::from_millis(5)).await;
                        self.peak.look();
                    }
                }
                received.to_string().into_response()
            }
            b"/forever" => {
                self.peak.begin();
                let (peak, written) = (Rc::clone(&self.peak), Rc::clone(&self.written));
                Response::stream(async move |mut writer| {
                    loop {
                        writer.write(&[b'x'; 3_000]).await?;
                        written.set(written.get() + 3_000);
                        peak.look();
                    }
                })
            }
            b"/held" => self.peak.bytes.get().to_string().into_response(),
            _ => self.written.get().to_string().into_response(),
        }
    }
}

fn server() -> TestServer {
    let limits = Limits { body_bytes_max: UPLOAD_BYTES, ..Limits::default() };
    TestServer::start(options(|options| options.limits = limits), |_| Measured::default())
}

fn number(client: &mut Client, path: &str) -> u64 {
    client.get(path).text().parse().expect("a number")
}

#[test]
fn an_upload_of_4_gib_through_a_slow_application_holds_less_than_1_mib() {
    let server = server();
    let mut client = TcpStream::connect(server.address()).expect("the backlog has room");
    let head = format!("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: {UPLOAD_BYTES}\r\n\r\n");
    client.write_all(head.as_bytes()).expect("the server reads");
    let piece = vec![b'x'; MIB as usize];
    for _ in 0..UPLOAD_BYTES / MIB {
        client.write_all(&piece).expect("the server reads");
    }
    let mut answer = [0; 1_024];
    let length = client.read(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.ends_with(&format!("\r\n\r\n{UPLOAD_BYTES}")), "{answer}");
    let held = number(&mut server.connect(), "/held");
    println!("held at most: {held} bytes");
    assert!(held > 0 && held < MIB, "{held} bytes held");
}

#[test]
fn a_response_to_a_client_that_stops_reading_holds_less_than_1_mib() {
    let server = server();
    let mut reader = Client::connect_narrow(server.address(), 4_096);
    reader.send("GET /forever HTTP/1.1\r\nHost: a\r\n\r\n");
    reader.take(100_000);
    let mut other = server.connect();
    let written = wait_until_still("the writer stands still", || number(&mut other, "/written"));
    let held = number(&mut other, "/held");
    println!("held at most: {held} bytes, {written} written");
    assert!(held > 0 && held < MIB, "{held} bytes held");
}
