//! An exchange without a connection, for tests: steps 4 to 7 of a request's walk. In: the octets of a head, and those behind it
//! as they are asked for. Out: the octets of the response's head, and its body, pulled. What is parsed, refused, framed and
//! checked is so by the code that serves connections; there are no deadlines, and nothing follows on the same connection. The
//! octets the observer is told of are those of the head and of the body without its framing.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use http::{HeaderName, HeaderValue, StatusCode};
use selvedge_runtime::{BlockClass, Chunk, Moment};

use super::answer::{Framing, Transfer, check_head, has_body, write_head};
use super::body::{Received, give_received};
use super::exchange::{acceptable, fit, own_answer, wish_of_refused};
use super::input::Input;
use super::underway::Octets;
use crate::application::Application;
use crate::body::{BodyError, BodyReader, Incoming};
use crate::h1::chunked::{SIZE_LINE_BYTES_MAX, last_chunk, size_line};
use crate::h1::{BodyWish, Method, Persistence, Reject, Version};
use crate::record::{CloseReason, ExchangeEnd, ExchangeRecord};
use crate::refusal::{Refusal, report_unusable};
use crate::request::{Peer, Request, RequestState};
use crate::response::{Body, Response, ResponseHead};
use crate::shared::Shared;

/// What a client sends behind its head.
#[derive(Debug)]
pub(crate) struct Sending {
    body: BodyReader,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Octet by octet as it is, then the end of the client's sending.
    AsItIs,
    /// In chunks, with the trailer fields that follow the body.
    Chunked,
    /// Nothing more.
    Over,
}

/// A response as a client gets it.
#[derive(Debug)]
pub(crate) struct Answered {
    /// Interim responses before it.
    pub(crate) interim: Vec<u8>,
    pub(crate) head: Vec<u8>,
    pub(crate) body: AnsweredBody,
}

/// A response's body without its framing. While it is pulled, the request's body goes on being given as it is asked for.
#[derive(Debug)]
pub(crate) struct AnsweredBody {
    /// `None` at the end.
    reader: Option<BodyReader>,
    transfer: Transfer,
    trailers: Vec<(HeaderName, HeaderValue)>,
    incoming: Option<Rc<Incoming>>,
    receiving: Receiving,
    record: Record,
}

/// What was received and not used, and what still comes.
#[derive(Debug)]
struct Receiving {
    input: Input,
    sending: Sending,
}

/// An exchange between its request and its response.
struct Answering {
    version: Version,
    wish: BodyWish,
    /// Why the connection would close after it.
    close: Option<CloseReason>,
    incoming: Option<Rc<Incoming>>,
    receiving: Receiving,
    tell: Tell,
}

/// A response that can be sent.
struct Sendable {
    status: StatusCode,
    head: Vec<u8>,
    /// `None` where no body follows.
    reader: Option<BodyReader>,
    transfer: Transfer,
}

/// Tells the observer, if there is one.
type Tell = Box<dyn FnOnce(StatusCode, Octets, ExchangeEnd)>;

/// What the observer will be told.
struct Record {
    /// `None` once it was.
    tell: Option<Tell>,
    status: StatusCode,
    octets: Octets,
    close: Option<CloseReason>,
}

/// Answers the request that begins with `octets`.
pub(crate) async fn exchange<A: Application>(
    shared: &Rc<Shared<A>>,
    octets: &[u8],
    sending: Sending,
    peer: Peer,
) -> Answered {
    let received_at = selvedge_runtime::now();
    let mut receiving = Receiving { input: Input::default(), sending };
    receiving.input.push_copy(octets);
    let (head, head_bytes) = match receiving.input.next_head(shared) {
        Ok(Some(head)) => head,
        // The rest does not come.
        Ok(None) => return refuse(shared, Reject::HeadTimeout, received_at, receiving),
        Err(reject) => return refuse(shared, reject, received_at, receiving),
    };
    let wish = if head.method().is_head() { BodyWish::Omit } else { BodyWish::Send };
    if let Err(reject) = acceptable(&head, shared) {
        return Answering::refused(shared, reject, received_at, wish, receiving)
            .refuse(shared, Refusal::Rejected(reject));
    }
    let state = RequestState::new(received_at, head.framing(), shared.limits());
    let mut response = match own_answer(&head, shared) {
        Some(response) => response,
        None => {
            let request = Request::new(&head, &head_bytes, &state, &peer, None);
            handle(shared, request, &state, &mut receiving).await
        }
    };
    if let Body::Path(path) = response.body {
        let request = Request::new(&head, &head_bytes, &state, &peer, None);
        response = shared.machine_files().answer(&request, &path, response.head).await;
    }
    let fits = fit(&mut response, &head);
    let transfer = match head.method() {
        Method::Connect => Transfer::Tunnel,
        _ => Transfer::Upgraded,
    };
    let mut interim = Vec::new();
    state.send_interim(|octets| {
        interim.extend_from_slice(octets);
        true
    });
    let incoming = state.incoming().cloned();
    let extensions = state.into_extensions();
    let there = Rc::clone(shared);
    let tell = Box::new(move |status, octets, end| {
        let state = RequestState::with_extensions(received_at, head.framing(), there.limits(), extensions);
        let request = Request::new(&head, &head_bytes, &state, &peer, None);
        there.note_exchange(&record(received_at, status, octets, end), Some(request));
    });
    let close = (head.persistence() == Persistence::Close).then_some(CloseReason::Requested);
    let answering = Answering { version: head.version(), wish, close, incoming, receiving, tell };
    let answered = match (fits, &response.body) {
        (Err(reason), _) => answering.fail(shared, reason),
        (Ok(()), Body::Upgrade(_)) => answering.upgrade(shared, response, transfer),
        (Ok(()), _) => answering.answer(shared, response),
    };
    Answered { interim, ..answered }
}

/// Runs the handler, and gives it what it asks for of the body.
async fn handle<A: Application>(
    shared: &Shared<A>,
    request: Request<'_>,
    state: &RequestState<'_>,
    receiving: &mut Receiving,
) -> Response {
    let mut call = pin!(shared.application.call(request));
    poll_fn(|context| {
        loop {
            if let Poll::Ready(response) = call.as_mut().poll(context) {
                return Poll::Ready(response);
            }
            match state.incoming() {
                Some(incoming) => ready!(receiving.poll(incoming, context)),
                None => return Poll::Pending,
            }
        }
    })
    .await
}

fn refuse<A: Application>(
    shared: &Rc<Shared<A>>,
    reject: Reject,
    received_at: Moment,
    receiving: Receiving,
) -> Answered {
    let wish = wish_of_refused(receiving.input.bytes());
    Answering::refused(shared, reject, received_at, wish, receiving).refuse(shared, Refusal::Rejected(reject))
}

fn record(
    received_at: Moment,
    status: StatusCode,
    Octets { bytes, head_bytes }: Octets,
    end: ExchangeEnd,
) -> ExchangeRecord {
    let (status, answered_at) = (Some(status), selvedge_runtime::now());
    // A request tells whose it was; and without a connection there is nobody else to ask.
    ExchangeRecord { client: None, status, bytes, head_bytes, received_at, answered_at, end }
}

impl Answering {
    /// That of a request which no application sees.
    fn refused<A: Application>(
        shared: &Rc<Shared<A>>,
        reject: Reject,
        received_at: Moment,
        wish: BodyWish,
        receiving: Receiving,
    ) -> Self {
        let there = Rc::clone(shared);
        let tell = Box::new(move |status, octets, end| {
            there.note_exchange(&record(received_at, status, octets, end), None);
        });
        let close = Some(CloseReason::Rejected(reject));
        Self { version: Version::Http11, wish, close, incoming: None, receiving, tell }
    }

    /// What is sent of a response.
    fn answer<A>(mut self, shared: &Shared<A>, response: Response) -> Answered {
        match self.prepare(shared, response) {
            Ok(sendable) => self.answered(sendable),
            Err(reason) => self.fail(shared, reason),
        }
    }

    /// What is sent in place of a response that can't be.
    fn fail<A>(mut self, shared: &Shared<A>, reason: CloseReason) -> Answered {
        shared.note_close(reason);
        self.close = Some(reason);
        self.refuse(shared, Refusal::InvalidResponse)
    }

    /// What the application wants said of a refusal, or the engine's own text.
    fn refuse<A>(mut self, shared: &Shared<A>, refusal: Refusal) -> Answered {
        if let Some(response) = shared.refusal_response(refusal) {
            match self.prepare(shared, response) {
                Ok(sendable) => return self.answered(sendable),
                Err(_) => report_unusable(),
            }
        }
        let own = self.prepare(shared, refusal.response()).expect("the engine's own text can be sent");
        self.answered(own)
    }

    fn prepare<A>(&mut self, shared: &Shared<A>, response: Response) -> Result<Sendable, CloseReason> {
        if response.is_framed_by_close(self.version) {
            self.close = self.close.or(Some(CloseReason::Requested));
        }
        let (head, reader) = response.into_reader();
        let transfer = Transfer::of_length(reader.length(), self.version);
        let octets = self.head_octets(shared, &head, transfer)?;
        let reader = has_body(&head, self.framing()).then_some(reader);
        Ok(Sendable { status: head.status, head: octets, reader, transfer })
    }

    /// A 101, or a 200 to CONNECT, and the conversation behind it.
    fn upgrade<A>(mut self, shared: &Shared<A>, response: Response, transfer: Transfer) -> Answered {
        let (head, Body::Upgrade(upgrade)) = response.into_parts() else {
            unreachable!("the caller has looked")
        };
        match self.head_octets(shared, &head, transfer) {
            Ok(octets) => {
                let incoming = Rc::new(Incoming::until_close());
                let (_, conversation) = Response::of_stream(upgrade.begin(&incoming)).into_reader();
                self.incoming = Some(incoming);
                self.close = Some(CloseReason::UpgradeOver);
                let reader = Some(conversation);
                self.answered(Sendable { status: head.status, head: octets, reader, transfer })
            }
            Err(reason) => self.fail(shared, reason),
        }
    }

    fn framing(&self) -> Framing {
        let persistence = if self.close.is_some() { Persistence::Close } else { Persistence::Reuse };
        Framing { version: self.version, persistence, body: self.wish }
    }

    fn head_octets<A>(
        &self,
        shared: &Shared<A>,
        head: &ResponseHead,
        transfer: Transfer,
    ) -> Result<Vec<u8>, CloseReason> {
        check_head(head, transfer)?;
        let mut room = vec![0; BlockClass::Large.bytes()];
        let written = write_head(&mut room, head, transfer, self.framing(), &mut shared.clock());
        room.truncate(written.map_err(|_| CloseReason::InvalidResponse)?.len);
        Ok(room)
    }

    fn answered(self, sendable: Sendable) -> Answered {
        let Sendable { status, head, reader, transfer } = sendable;
        let octets = Octets { bytes: head.len() as u64, head_bytes: head.len() as u64 };
        let mut body = AnsweredBody {
            reader,
            transfer,
            trailers: Vec::new(),
            incoming: self.incoming,
            receiving: self.receiving,
            record: Record { tell: Some(self.tell), status, octets, close: self.close },
        };
        match &body.reader {
            None => body.end(None),
            Some(reader) if reader.is_stream() => {}
            // A connection sends what is there whether its client reads it or not.
            Some(reader) => {
                body.record.octets.bytes += reader.length().unwrap_or(0);
                body.record.tell();
            }
        }
        Answered { interim: Vec::new(), head, body }
    }
}

impl Record {
    fn tell(&mut self) {
        if let Some(tell) = self.tell.take() {
            tell(self.status, self.octets, self.close.map_or(ExchangeEnd::Kept, ExchangeEnd::Closed));
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("status", &self.status)
            .field("octets", &self.octets)
            .finish_non_exhaustive()
    }
}

impl Sending {
    /// These octets.
    pub(crate) fn as_it_is(body: BodyReader) -> Self {
        Self { body, form: Form::AsItIs }
    }

    /// These octets, framed as chunks.
    pub(crate) fn chunked(body: BodyReader) -> Self {
        Self { body, form: Form::Chunked }
    }

    /// The next octets, `None` at the end of the client's sending.
    fn poll_octets(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Vec<u8>>>> {
        if self.form == Form::Over {
            return Poll::Ready(Ok(None));
        }
        let Some(piece) = ready!(self.body.poll_chunk(context))? else {
            let ended = std::mem::replace(&mut self.form, Form::Over);
            return Poll::Ready(Ok((ended == Form::Chunked).then(|| last_chunk(&self.body.take_trailers()))));
        };
        let mut octets = Vec::with_capacity(SIZE_LINE_BYTES_MAX + piece.len() + 2);
        if self.form == Form::Chunked {
            octets.extend_from_slice(size_line(piece.len(), &mut [0; SIZE_LINE_BYTES_MAX]));
        }
        octets.extend_from_slice(&piece);
        if self.form == Form::Chunked {
            octets.extend_from_slice(b"\r\n");
        }
        Poll::Ready(Ok(Some(octets)))
    }
}

impl Receiving {
    /// Ready when the application has got what it asked for.
    fn poll(&mut self, incoming: &Incoming, context: &mut Context<'_>) -> Poll<()> {
        ready!(incoming.poll_asked(context));
        while give_received(incoming, &mut self.input, context) == Received::TooLittle {
            match ready!(self.sending.poll_octets(context)) {
                Ok(Some(octets)) => self.input.push_copy(&octets),
                Ok(None) => {
                    incoming.end_of_input();
                    break;
                }
                Err(_) => {
                    incoming.end(Err(BodyError::CutShort));
                    break;
                }
            }
        }
        Poll::Ready(())
    }
}

impl AnsweredBody {
    /// The next piece, `None` at the end.
    pub(crate) fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Chunk>>> {
        loop {
            let Some(reader) = &mut self.reader else { return Poll::Ready(Ok(None)) };
            if let Poll::Ready(pulled) = reader.poll_chunk(context) {
                let counted = pulled.and_then(|piece| self.count(piece));
                match &counted {
                    Ok(Some(_)) => {}
                    Ok(None) => self.end(None),
                    Err(_) => self.end(Some(CloseReason::StreamFailed)),
                }
                return Poll::Ready(counted);
            }
            match &self.incoming {
                Some(incoming) => ready!(self.receiving.poll(incoming, context)),
                None => return Poll::Pending,
            }
        }
    }

    /// The trailer fields, once the end was pulled.
    pub(crate) fn take_trailers(&mut self) -> Vec<(HeaderName, HeaderValue)> {
        std::mem::take(&mut self.trailers)
    }

    fn count(&mut self, piece: Option<Chunk>) -> io::Result<Option<Chunk>> {
        let failed = |kind, what| move |_: CloseReason| io::Error::new(kind, what);
        match &piece {
            Some(piece) => {
                let longer = failed(io::ErrorKind::InvalidData, "the body is longer than was said");
                self.transfer.count(piece.len()).map_err(longer)?;
                self.record.octets.bytes += piece.len() as u64;
            }
            None => {
                let shorter = failed(io::ErrorKind::UnexpectedEof, "the body is shorter than was said");
                self.transfer.end().map_err(shorter)?;
            }
        }
        Ok(piece)
    }

    /// Nothing more is pulled; `failed` says why the connection would close for that.
    fn end(&mut self, failed: Option<CloseReason>) {
        if let Some(mut reader) = self.reader.take() {
            let trailers = reader.take_trailers();
            self.trailers = self.transfer.trailers(&trailers).cloned().collect();
        }
        if let Some(incoming) = &self.incoming {
            incoming.end(Err(BodyError::ExchangeOver));
        }
        self.record.close = failed.or(self.record.close);
        self.record.tell();
    }
}

impl Drop for AnsweredBody {
    fn drop(&mut self) {
        // What nobody pulls to its end has lost its client.
        self.end(self.reader.is_some().then_some(CloseReason::ClientFailure));
    }
}
