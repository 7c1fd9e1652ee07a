//! An application of streams, by path, and of tunnels.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use selvedge_http::{Application, IntoResponse, Method, Request, Response, StreamBody, header};
use selvedge_runtime::{Worker, timer};

use super::support::pattern;

/// Answers by path:
/// * `/length`: how many octets its body has; `/text`: the body as text of at most 64 octets; `/first`: the first piece's
///   length, and nothing of the rest is read; `/ignore`: nothing is read; `/wait`: as `/length` after 50 ms;
/// * `/echo`: the body, sent while it comes;
/// * `/ticks/N`: N octets, each sent by itself; `/given-up`: the body is waited for shortly, then 30 of them with pauses;
/// * `/numbers/N`: the numbers below N, written one by one; `/pieces/N`: pieces of N octets, of 1 MiB in all;
/// * `/exact/SAID/WRITTEN`: as many octets; `/fails`, `/panics`: breaks off after some; `/trailers`; `/spawned`: by another task;
/// * `/segments`; `/forever`: zeros until nobody reads; `/mixed`: small pieces, copied and not, until nobody reads; `/written`: what `/forever` has written so far; `/dropped`: how many
///   of its writers have ended; `/hints`: a 103 first; `/shout`: another protocol, that says all in capitals.
#[derive(Default)]
pub(crate) struct Streams {
    written: Rc<Cell<u64>>,
    dropped: Rc<Cell<u64>>,
}

pub(crate) fn streams(_: &Worker) -> Streams {
    Streams::default()
}

struct Ended(Rc<Cell<u64>>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

fn ticks(count: usize, pause: Duration) -> Response {
    Response::stream(async move |mut writer| {
        for _ in 0..count {
            writer.write(b".").await?;
            writer.flush().await?;
            timer::sleep(pause).await;
        }
        Ok(())
    })
}

impl Application for Streams {
    async fn call(&self, request: Request<'_>) -> Response {
        if request.method() == Method::CONNECT {
            return match request.authority() {
                Some(b"echo:7") => Response::tunnel(async |mut client| {
                    while let Some(said) = client.receive().await? {
                        client.send(said).await?;
                    }
                    Ok(())
                }),
                Some(b"plain:7") => "a body where a tunnel begins".into_response(),
                _ => StatusCode::FORBIDDEN.into_response(),
            };
        }
        let segments: Vec<_> = request.segments().collect();
        let number = |at: usize| segments[at].parse::<usize>().expect("a number");
        match &*segments[0] {
            "length" => self.length(request).await,
            "wait" => {
                timer::sleep(Duration::from_millis(50)).await;
                self.length(request).await
            }
            "text" => request.body().text(64).await.into_response(),
            "first" => match request.body().chunk().await {
                Ok(Some(chunk)) => chunk.len().to_string().into_response(),
                Ok(None) => "none".into_response(),
                Err(error) => error.into_response(),
            },
            "ignore" => "ignored".into_response(),
            "echo" => {
                let mut body = request.body();
                Response::stream(async move |mut writer| {
                    while let Some(chunk) = body.chunk().await? {
                        writer.send(chunk).await?;
                    }
                    Ok(())
                })
            }
            "numbers" => {
                let below = number(1);
                Response::stream(async move |mut writer| {
                    for number in 0..below {
                        writer.write(format!("{number}\n").as_bytes()).await?;
                    }
                    Ok(())
                })
            }
            "ticks" => ticks(number(1), Duration::ZERO),
            "given-up" => {
                let mut body = request.body();
                let _ = timer::timeout(Duration::from_secs(1), body.bytes(100)).await;
                drop(body);
                ticks(30, Duration::from_secs(1))
            }
            "pieces" => {
                let length = number(1);
                Response::stream(async move |mut writer| {
                    let whole = pattern(1 << 20);
                    for piece in whole.chunks(length) {
                        writer.send(piece.to_vec()).await?;
                    }
                    Ok(())
                })
            }
            "exact" => {
                let (said, written) = (number(1), number(2));
                let body = StreamBody::of(async move |mut writer| writer.write(&pattern(written)).await);
                Response::of_stream(body.with_length(said as u64))
            }
            "fails" => Response::stream(async |mut writer| {
                writer.write(b"the beginning").await?;
                writer.flush().await?;
                Err(io::Error::other("and no end"))
            }),
            "panics" => Response::stream(async |mut writer| {
                writer.write(b"the beginning").await?;
                writer.flush().await?;
                panic!("the writer was asked to")
            }),
            "trailers" => Response::stream(async |mut writer| {
                writer.write(b"body").await?;
                let name = HeaderName::from_static("x-checksum");
                writer.finish_with_trailers(vec![(name, HeaderValue::from_static("4"))]);
                Ok(())
            }),
            "spawned" => {
                let (mut writer, response) = Response::channel();
                selvedge_runtime::spawn_detached("writer", async move {
                    for _ in 0..3 {
                        timer::sleep(Duration::from_millis(2)).await;
                        writer.write(b"later ").await.expect("it is read");
                    }
                    writer.finish();
                });
                response
            }
            "segments" => {
                let large = pattern(100_000);
                Response::segments(vec![
                    "one ".into(),
                    "".into(),
                    "two ".into(),
                    large.into(),
                    " three".into(),
                ])
            }
            "forever" => {
                let (written, ended) = (Rc::clone(&self.written), Ended(Rc::clone(&self.dropped)));
                Response::stream(async move |mut writer| {
                    let _ended = ended;
                    loop {
                        writer.write(&[0; 1_000]).await?;
                        written.set(written.get() + 1_000);
                    }
                })
            }
            "mixed" => {
                let (written, ended) = (Rc::clone(&self.written), Ended(Rc::clone(&self.dropped)));
                Response::stream(async move |mut writer| {
                    let _ended = ended;
                    loop {
                        writer.write(b"copied").await?;
                        writer.send("as it is").await?;
                        written.set(written.get() + 14);
                    }
                })
            }
            "written" => self.written.get().to_string().into_response(),
            "dropped" => self.dropped.get().to_string().into_response(),
            "hints" => {
                let link = HeaderValue::from_static("</style.css>; rel=preload");
                request.early_hints([(&header::LINK, &link)]);
                timer::sleep(Duration::from_millis(2)).await;
                "after hints".into_response()
            }
            "shout" => Response::upgrade(HeaderValue::from_static("shout"), async |mut client| {
                while let Some(said) = client.receive().await? {
                    client.write(&said.to_ascii_uppercase()).await?;
                }
                client.write(b"BYE").await
            }),
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

impl Streams {
    async fn length(&self, request: Request<'_>) -> Response {
        let mut body = request.body();
        let mut length = 0;
        loop {
            match body.chunk().await {
                Ok(Some(chunk)) => length += chunk.len(),
                Ok(None) => return length.to_string().into_response(),
                Err(error) => return error.into_response(),
            }
        }
    }
}
