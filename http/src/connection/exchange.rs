//! Steps 4 to 6 of a request's walk: parse, route, handler. In: what was received. Out: an answer for each complete request,
//! in order. Next: [`super::answer`].
//!
//! Runs in a pooled box while there is something to answer; the connection is parked in between.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use http::StatusCode;
use selvedge_runtime::Moment;
use selvedge_runtime::net::More;

use super::answer::{Framing, SEND_BYTES_MAX};
use super::body::Unread;
use super::input::HeadBytes;
use super::{After, Connection};
use crate::application::{Application, Request};
use crate::h1::{BodyWish, Expect, Persistence, Reject, RequestHead};
use crate::record::{CloseReason, ExchangeEnd, ExchangeRecord};
use crate::response::Response;
use crate::shared::{Draining, Shared};

/// Answers of one connection in one turn; then the others have theirs.
const ANSWERS_PER_TURN_MAX: u32 = 32;

/// Answers all complete requests that were received.
pub(crate) async fn run<A: Application>(
    mut connection: Box<Connection>,
    shared: Rc<Shared<A>>,
) -> (Box<Connection>, After) {
    let after = match exchanges(&mut connection, &shared).await {
        Ok(()) => After::Park,
        Err(Stop::Close(reason)) => After::Close(reason),
        Err(Stop::Abort(reason)) => After::Abort(reason),
    };
    (connection, after)
}

/// Why no further request of the connection is answered.
#[derive(Debug, Clone, Copy)]
enum Stop {
    /// After what was sent has been read.
    Close(CloseReason),
    /// At once.
    Abort(CloseReason),
}

async fn exchanges<A: Application>(connection: &mut Connection, shared: &Shared<A>) -> Result<(), Stop> {
    let mut answers = 0;
    let mut bytes = 0;
    loop {
        let (head, head_bytes) = match connection.input.next_head(shared.limits()) {
            Ok(Some(head)) => head,
            Ok(None) => return connection.flush(shared, More::Nothing).await.map_err(Stop::Abort),
            Err(reject) => return Err(refuse(connection, shared, reject, BodyWish::Send).await),
        };
        bytes += exchange(connection, shared, &head, &head_bytes).await?;
        drop(head_bytes);
        answers += 1;
        if answers == ANSWERS_PER_TURN_MAX || bytes >= SEND_BYTES_MAX as u64 {
            (answers, bytes) = (0, 0);
            connection.flush(shared, More::Nothing).await.map_err(Stop::Abort)?;
            selvedge_runtime::yield_now().await;
        }
    }
}

/// One request and its answer. Returns the octets answered; `Err` ends the connection.
async fn exchange<A: Application>(
    connection: &mut Connection,
    shared: &Shared<A>,
    head: &RequestHead,
    head_bytes: &HeadBytes,
) -> Result<u64, Stop> {
    let received_at = selvedge_runtime::now();
    connection.exchanges += 1;
    let body = if head.method().is_head() { BodyWish::Omit } else { BodyWish::Send };
    if let Err(reject) = acceptable(head, shared) {
        return Err(refuse(connection, shared, reject, body).await);
    }
    let response = handle(connection, shared, head, head_bytes).await?;
    let mut status = response.status();
    let unread = Unread::after(head);
    let mut close = close_reason(head, unread, shared);
    let persistence = if close.is_some() { Persistence::Close } else { Persistence::Reuse };
    let framing = Framing { version: head.version(), persistence, body };
    let mut answered = connection.answer(shared, response, framing).await;
    if let Err(CloseReason::InvalidResponse) = answered {
        // Nothing of it was sent, so the client can be told, after the answers before it.
        status = StatusCode::INTERNAL_SERVER_ERROR;
        close = Some(CloseReason::InvalidResponse);
        let framing = Framing { persistence: Persistence::Close, ..framing };
        answered = connection.answer(shared, Response::error(status, ""), framing).await;
    }
    let end = match (&answered, close) {
        (Err(reason), _) => ExchangeEnd::Closed(*reason),
        (Ok(_), Some(reason)) => ExchangeEnd::Closed(reason),
        (Ok(_), None) => ExchangeEnd::Kept,
    };
    shared.note_exchange(&record(status, *answered.as_ref().unwrap_or(&0), received_at, end));
    let bytes = answered.map_err(Stop::Abort)?;
    if let Some(reason) = close {
        connection.flush(shared, More::Nothing).await.map_err(Stop::Abort)?;
        return Err(Stop::Close(reason));
    }
    if unread == Unread::Drain {
        connection.flush(shared, More::Nothing).await.map_err(Stop::Abort)?;
        if let Err(reason) = connection.drain_body(shared, head.framing()).await {
            return Err(Stop::Close(reason));
        }
    }
    Ok(bytes)
}

fn record(status: StatusCode, bytes: u64, received_at: Moment, end: ExchangeEnd) -> ExchangeRecord {
    ExchangeRecord { status, bytes, received_at, answered_at: selvedge_runtime::now(), end }
}

/// What the engine refuses before any application sees it.
fn acceptable<A>(head: &RequestHead, shared: &Shared<A>) -> Result<(), Reject> {
    head.framing().check(shared.limits())?;
    match head.expect() {
        // RFC 9110 section 10.1.1.
        Expect::Unsupported => Err(Reject::ExpectationUnsupported),
        Expect::None | Expect::Continue => Ok(()),
    }
}

/// Runs the handler. A connection that fails meanwhile drops it at its await; the end of the client's sending does not. The
/// answers gathered before it do not wait for a handler that does.
async fn handle<A: Application>(
    connection: &mut Connection,
    shared: &Shared<A>,
    head: &RequestHead,
    head_bytes: &HeadBytes,
) -> Result<Response, Stop> {
    let Connection { stream, peer, output, .. } = connection;
    let request = Request::new(head, head_bytes, peer, stream);
    let mut call = pin!(shared.application.call(request));
    poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Ready(response) => Poll::Ready(Ok(response)),
        Poll::Pending => {
            let mut stream = stream.borrow_mut();
            let failed = output.poll_start(&mut stream, context).is_err();
            match stream.poll_failure(context) {
                Poll::Pending if !failed => Poll::Pending,
                _ => Poll::Ready(Err(Stop::Abort(CloseReason::ClientFailure))),
            }
        }
    })
    .await
}

/// Why the connection closes after this exchange, if it does.
fn close_reason<A>(head: &RequestHead, unread: Unread, shared: &Shared<A>) -> Option<CloseReason> {
    if head.persistence() == Persistence::Close {
        Some(CloseReason::Requested)
    } else if unread == Unread::Leave {
        Some(CloseReason::UnreadBody)
    } else if shared.drain().state() == Draining::Yes {
        Some(CloseReason::Drain)
    } else {
        None
    }
}

async fn refuse<A>(connection: &mut Connection, shared: &Shared<A>, reject: Reject, body: BodyWish) -> Stop {
    let received_at = selvedge_runtime::now();
    let bytes = connection.refuse(shared, reject, body).await;
    let reason = CloseReason::Rejected(reject);
    shared.note_exchange(&record(reject.status(), bytes, received_at, ExchangeEnd::Closed(reason)));
    Stop::Close(reason)
}

impl Connection {
    /// 408 to a client whose head has begun and did not end in time.
    pub(super) async fn refuse_late_head<A>(&mut self, shared: &Shared<A>) {
        let begun_at = self.waits_since;
        let bytes = self.refuse(shared, Reject::HeadTimeout, BodyWish::Send).await;
        let end = ExchangeEnd::Closed(CloseReason::HeadTimeout);
        shared.note_exchange(&record(Reject::HeadTimeout.status(), bytes, begun_at, end));
    }
}
