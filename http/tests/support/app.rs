//! An application whose answers are in the path.

use std::sync::mpsc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use selvedge_http::{Application, Body, Request, Response, ResponseHead};
use selvedge_runtime::channel::{self, Receiver, Sender};

use super::{PATIENCE, pattern};

static ZEROS: [u8; 64 << 20] = [0; 64 << 20];

/// Answers by path:
/// * `/text/...`: the rest of the path and the query;
/// * `/size/N`: N octets of [`pattern`]; `/zeros/N`: N zeros, which cost no time to make;
/// * `/status/N`: an empty answer of that status; `/error/N`: an error's small text;
/// * `/fields/N`: N fields of 100 octets, `/fields/N/SIZE` with a body of so many octets; `/own/NAME`: a field the engine owns; `/injected`, `/location`: CR LF in a value;
/// * `/wait`: only after [`Steering::let_go`]; `/panic`: not at all.
pub(crate) struct Paths {
    entered: mpsc::Sender<()>,
    dropped: mpsc::Sender<()>,
    gate: Receiver<()>,
}

/// The test's end of the handlers that wait.
pub(crate) struct Steering {
    entered: mpsc::Receiver<()>,
    dropped: mpsc::Receiver<()>,
    gate: Sender<()>,
}

/// What each worker's application is made of.
pub(crate) fn steered() -> (Steering, impl Fn(&selvedge_runtime::Worker) -> Paths + Send + Sync + 'static) {
    let (entered, entered_there) = mpsc::channel();
    let (dropped, dropped_there) = mpsc::channel();
    let (gate, gate_there) = channel::bounded(1_024);
    let steering = Steering { entered: entered_there, dropped: dropped_there, gate };
    let factory = move |_: &selvedge_runtime::Worker| Paths {
        entered: entered.clone(),
        dropped: dropped.clone(),
        gate: gate_there.clone(),
    };
    (steering, factory)
}

/// For tests that let no handler wait.
pub(crate) fn paths(_: &selvedge_runtime::Worker) -> Paths {
    let (entered, _) = mpsc::channel();
    let (dropped, _) = mpsc::channel();
    Paths { entered, dropped, gate: channel::bounded(1).1 }
}

impl Steering {
    /// Waits until a handler of `/wait` has begun.
    pub(crate) fn wait_entered(&self) {
        self.entered.recv_timeout(PATIENCE).expect("a handler begins");
    }

    /// Whether a handler of `/wait` has begun that was not asked for yet.
    pub(crate) fn has_entered(&self) -> bool {
        self.entered.try_recv().is_ok()
    }

    /// Waits until a handler of `/wait` has ended, one way or the other.
    pub(crate) fn wait_dropped(&self) {
        self.dropped.recv_timeout(PATIENCE).expect("a handler ends");
    }

    /// Whether a handler of `/wait` has ended so far.
    pub(crate) fn has_dropped(&self) -> bool {
        self.dropped.try_recv().is_ok()
    }

    /// Lets one handler of `/wait` answer.
    pub(crate) fn let_go(&self) {
        self.gate.try_send(()).expect("the gate has room");
    }
}

struct Ended<'a>(&'a mpsc::Sender<()>);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

impl Application for Paths {
    async fn call(&self, request: Request<'_>) -> Response {
        let path = std::str::from_utf8(request.path()).expect("tests ask in ASCII").to_owned();
        let (kind, rest) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
        let number = || rest.parse::<usize>().expect("a number");
        let status = || StatusCode::from_u16(number() as u16).expect("a status");
        match kind {
            "text" => {
                let mut text = rest.as_bytes().to_vec();
                if let Some(query) = request.query() {
                    text.push(b'?');
                    text.extend_from_slice(query);
                }
                Response::text(text)
            }
            "size" => Response::text(pattern(number())),
            "zeros" => Response::text(&ZEROS[..number()]),
            "status" => Response::empty(status()),
            "full" => {
                Response::new(ResponseHead::new(status()), Body::Full(Bytes::from_static(b"body").into()))
            }
            "error" => Response::error(status(), "said so"),
            "fields" => {
                let field = |at| {
                    (HeaderName::from_bytes(format!("x-{at}").as_bytes()).expect("a name"), long_value())
                };
                let (fields, size) = rest.split_once('/').unwrap_or((rest, ""));
                let fields = 0..fields.parse().expect("a number of fields");
                let head = ResponseHead { fields: fields.map(field).collect::<Vec<_>>(), ..ok() };
                let body = size.parse().map_or_else(|_| "many".into(), |size| pattern(size).into());
                Response::new(head, Body::Full(body))
            }
            "own" => {
                let name = HeaderName::from_bytes(rest.as_bytes()).expect("a field name");
                let head = ResponseHead { fields: vec![(name, HeaderValue::from_static("7"))], ..ok() };
                Response::new(head, Body::Full("smuggled".into()))
            }
            "injected" => {
                let content_type = Some("text/plain\r\nset-cookie: b=c");
                Response::new(ResponseHead { content_type, ..ok() }, Body::Empty)
            }
            // A location is a field's value when it is made, so this one comes out as an error of its own.
            "location" => Response::redirect(StatusCode::FOUND, b"/a\r\nset-cookie: b=c".to_vec()),
            "peer" => Response::text(request.peer().expect("connected").to_string().into_bytes()),
            "wait" => {
                let _ended = Ended(&self.dropped);
                let _ = self.entered.send(());
                let _ = self.gate.recv().await;
                Response::text(format!("waited {rest}").into_bytes())
            }
            "panic" => panic!("the handler was asked to"),
            _ => Response::error(StatusCode::NOT_FOUND, ""),
        }
    }
}

fn ok() -> ResponseHead {
    ResponseHead::new(StatusCode::OK)
}

fn long_value() -> HeaderValue {
    HeaderValue::from_str(&"v".repeat(100)).expect("a field value")
}
