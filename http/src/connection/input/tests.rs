use std::rc::Rc;
use std::sync::Arc;

use super::*;
use crate::h1::{ConnectPolicy, Limits};
use crate::request::Request;
use crate::server::ServerOptions;

async fn hello(_: Request<'_>) -> &'static str {
    "hello"
}

/// What comes out of an input that receives `pieces`: heads with their octets, and why it ends, if it does.
fn heads<'p, A>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    mut server: impl FnMut() -> Rc<Shared<A>>,
) -> (Vec<(RequestHead, Vec<u8>)>, Option<Reject>) {
    let (mut input, mut found) = (Input::default(), Vec::new());
    for piece in pieces {
        input.push_copy(piece);
        loop {
            match input.next_head(&server()) {
                Ok(Some((head, octets))) => found.push((head, octets.to_vec())),
                Ok(None) => break,
                Err(reject) => return (found, Some(reject)),
            }
        }
    }
    (found, None)
}

#[test]
fn a_server_that_remembers_sections_sees_the_same_heads_as_one_that_has_none() {
    const LINES: [&str; 12] = [
        "GET / HTTP/1.1\r\n",
        "GET /a?b HTTP/1.1\r\n",
        "HEAD /%41 HTTP/1.0\r\n",
        "POST /a HTTP/1.7\r\n",
        "OPTIONS * HTTP/1.1\r\n",
        "GET http://b?c HTTP/1.0\r\n",
        "CONNECT a:1 HTTP/1.1\r\n",
        "\r\nGET / HTTP/1.1\r\n",
        "GET / HTTP/1.0\r\n",
        "GET /0123456789012345678901234567890123456789 HTTP/1.1\r\n",
        "GET / HTTP/1.1\n",
        "METHOD / HTTP/1.1\r\n",
    ];
    const SECTIONS: [&str; 10] = [
        "Host: a\r\n\r\n",
        "\r\n",
        "Host: a\r\nConnection: close\r\n\r\n",
        "Host: a\r\nContent-Length: 0\r\n\r\n",
        "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "Host: a\r\nAccept: b\r\nAccept: c\r\n\r\n",
        "Host: a\r\nConnection: x, upgrade\r\nConnection: keep-alive\r\nUpgrade: y\r\n\r\n",
        "Host:\r\nExpect: 100-continue\r\n\r\n",
        "Host: a\r\nHost: a\r\n\r\n",
        "Host: a\r\nCookie: b\r\n\r\n",
    ];
    selvedge_runtime::block_on(|| async {
        let mut seed = 1_u64;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % below
        };
        for _ in 0..2_000 {
            let limits = Limits {
                head_bytes_max: [100, 16_384][random(2)],
                target_bytes_max: [30, 8_192][random(2)],
                fields_max: [2, 100][random(2)],
                ..Limits::default()
            };
            let connect = [ConnectPolicy::Refused, ConnectPolicy::Application][random(2)];
            let options = ServerOptions { limits, connect, ..ServerOptions::default() };
            let new = || Shared::new(hello.into(), &options, Arc::default());
            let one = new();
            for _ in 0..8 {
                let stream: String = (0..1 + random(8))
                    .flat_map(|_| [LINES[random(LINES.len())], SECTIONS[random(SECTIONS.len())]])
                    .collect();
                let piece_bytes = 1 + random(2 * stream.len());
                let remembered = heads(stream.as_bytes().chunks(piece_bytes), || Rc::clone(&one));
                assert_eq!(remembered, heads([stream.as_bytes()], new), "{stream:?} by {piece_bytes}");
            }
        }
    });
}
