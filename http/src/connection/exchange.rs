//! Steps 4 to 6 of a request's walk: parse, route, handler. In: what was received. Out: an answer for each complete request,
//! in order. Next: [`super::answer`].
//!
//! Runs in a pooled box while there is something to answer; the connection is parked in between.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use http::StatusCode;
use selvedge_runtime::BlockClass;
use selvedge_runtime::net::More;
use selvedge_runtime::timer::Deadline;

use super::answer::{Framing, SEND_BYTES_MAX, Transfer};
use super::body::{BodyPump, PumpParts, Unread};
use super::input::{HeadBytes, Received};
use super::stream::ROUNDS_PER_TURN_MAX;
use super::underway::{Readable, Underway, Unreadable};
use super::{After, Connection};
use crate::application::Application;
use crate::body::{BodyError, Incoming};
use crate::budgets::{Allowance, Budget, Stage, charge};
use crate::h1::{
    BodyDecoder, BodyFraming, BodyWish, Expect, Method, Persistence, Reject, RequestHead, TargetForm,
};
use crate::record::{CloseReason, ExchangeEnd};
use crate::refusal::Refusal;
use crate::request::{Request, RequestState};
use crate::response::{Body, Response};
use crate::server::TracePolicy;
use crate::shared::{Draining, Shared};

/// Answers of one connection in one turn; then the others have theirs.
const ANSWERS_PER_TURN_MAX: u32 = 32;

/// The longest answer behind which a connection ends without waiting for the client, where it may: what fits a block.
const SHORT_ANSWER_BYTES_MAX: u64 = BlockClass::Large.bytes() as u64;

/// What a connection has had since it last let others go on: runs of exchanges that follow each other without a wait count
/// together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Share {
    answers: u32,
    bytes: u32,
}

impl Share {
    pub(super) fn take(&mut self, bytes: u64) {
        self.answers += 1;
        self.bytes = self.bytes.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    pub(super) fn is_used_up(self) -> bool {
        self.answers >= ANSWERS_PER_TURN_MAX || self.bytes as usize >= SEND_BYTES_MAX
    }
}

/// Answers all complete requests that were received, `first` before them.
pub(crate) async fn run<A: Application>(
    mut connection: Box<Connection>,
    first: Option<Received>,
    shared: Rc<Shared<A>>,
) -> (Box<Connection>, After) {
    let after = match exchanges(&mut connection, first, &shared).await {
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

async fn exchanges<A: Application>(
    connection: &mut Connection,
    mut received: Option<Received>,
    shared: &Shared<A>,
) -> Result<(), Stop> {
    loop {
        if connection.share.is_used_up() {
            connection.share = Share::default();
            connection.flush(shared, More::Nothing).await.map_err(Stop::Abort)?;
            selvedge_runtime::yield_now().await;
        }
        let (head, head_bytes) = match &mut received {
            Some(received) => received,
            // In the same place, so that the future has room for one.
            none => match connection.input.next_head(shared) {
                Ok(Some(next)) => none.insert(next),
                Ok(None) => return connection.flush(shared, More::Nothing).await.map_err(Stop::Abort),
                Err(reject) => {
                    let received_at = selvedge_runtime::now();
                    let underway = Underway::begin(shared, connection, Unreadable, received_at);
                    let reason = CloseReason::Rejected(reject);
                    refuse(shared, underway, reject, reason).await;
                    return Err(Stop::Close(reason));
                }
            },
        };
        let bytes = exchange(connection, shared, head, head_bytes).await?;
        received = None;
        connection.share.take(bytes);
    }
}

/// One request and its answer. Returns the octets answered; `Err` ends the connection.
async fn exchange<A: Application>(
    connection: &mut Connection,
    shared: &Shared<A>,
    head: &RequestHead,
    head_bytes: &mut HeadBytes,
) -> Result<u64, Stop> {
    let received_at = selvedge_runtime::now();
    connection.exchanges += 1;
    let wish = if head.method().is_head() { BodyWish::Omit } else { BodyWish::Send };
    let state = RequestState::new(received_at, head.framing(), shared.limits())
        .with_drain(shared.drain())
        .with_allowance(shared.budgets().begin(received_at));
    let whose = Readable { head, head_bytes, state: &state };
    let underway = Underway::begin(shared, connection, whose, received_at);
    let mut pump = BodyPump::new(head);
    let handled = match acceptable(head, shared) {
        Ok(()) => {
            let parts = (head, &*underway.whose.head_bytes);
            handle(underway.connection, shared, parts, &state, &mut pump).await
        }
        Err(reject) => Err(CloseReason::Rejected(reject)),
    };
    let response = match handled {
        Ok(response) => response,
        Err(reason) => {
            if let Some(incoming) = state.incoming() {
                incoming.end(Err(BodyError::ExchangeOver));
            }
            let (mut bytes, mut stop) = (0, Stop::Abort(reason));
            if let Some(refusal) = Refusal::before_close(reason) {
                bytes = underway.connection.refuse(shared, refusal, wish).await;
                stop = Stop::Close(reason);
            }
            underway.end(bytes, ExchangeEnd::Closed(reason));
            return Err(stop);
        }
    };
    // What nobody waits for any more is nobody's delay.
    pump.rest();
    let mut response = match response.body {
        Body::Path(path) => {
            let request = underway.whose.request_on(underway.connection);
            // Boxed, so that every other request's future has not its size.
            Box::pin(shared.machine_files().answer(&request, &path, response.head)).await
        }
        _ => response,
    };
    let mut answered = fit(&mut response, head);
    state.send_interim(|interim| underway.connection.output.gather_interim(interim));
    let mut unread = match (&response.body, state.incoming()) {
        // Whoever writes the response has the body still, and reads on most likely: how it ends is seen then.
        (Body::Stream(_), Some(incoming)) if Rc::strong_count(incoming) > 1 => Unread::Nothing,
        (_, incoming) => Unread::after(head, incoming.map(Rc::as_ref), &pump),
    };
    let mut close = close_reason(head, unread, shared, underway.connection.exchanges);
    let is_framed_by_close = response.is_framed_by_close(head.version());
    if is_framed_by_close {
        close = close.or(Some(CloseReason::Requested));
    }
    let persistence = if close.is_some() { Persistence::Close } else { Persistence::Reuse };
    let framing = Framing { version: head.version(), persistence, body: wish };
    answered = match response.body {
        _ if answered.is_err() => answered,
        Body::Stream(_) | Body::Upgrade(_) => {
            let incoming = state.incoming().map(Rc::as_ref);
            // Who else holds it may ask for more of it.
            let held = state.incoming().filter(|held| Rc::strong_count(held) > 1).map(Rc::as_ref);
            // It may last for long, and then the head is in nobody's way.
            underway.whose.head_bytes.give_up_lease();
            let request = (head, state.allowance());
            let streamed =
                streamed(underway.connection, shared, response, framing, request, (held, &mut pump));
            // Boxed, so that every other request's future has not its size.
            let (answered, changed) = labelled(head, underway.whose.head_bytes, Box::pin(streamed)).await;
            // It may have been read meanwhile, or have failed.
            unread = Unread::after(head, incoming, &pump);
            close = close.or(changed).or(unread.close_reason());
            answered
        }
        _ => underway.connection.answer(shared, response, framing).await,
    };
    if let Err(CloseReason::InvalidResponse) = answered {
        // Nothing of it was sent, so the client can be told, after the answers before it.
        close = Some(CloseReason::InvalidResponse);
        let framing = Framing { persistence: Persistence::Close, ..framing };
        answered = underway.connection.answer_refusal(shared, Refusal::InvalidResponse, framing).await;
    }
    if let Some(incoming) = state.incoming() {
        incoming.end(Err(BodyError::ExchangeOver));
    }
    if let Err(reason) = answered
        && cuts_short(reason)
        && !is_framed_by_close
    {
        // What was sent shall be read, the answers before this one too: the end that is missing tells the client.
        (answered, close) = (Ok(()), Some(reason));
    }
    let (bytes, end) = match (answered, close) {
        (Err(reason), _) => {
            (underway.connection.answered_bytes_before_failure(), ExchangeEnd::Closed(reason))
        }
        (Ok(()), Some(reason)) => (underway.connection.answered_bytes, ExchangeEnd::Closed(reason)),
        (Ok(()), None) => (underway.connection.answered_bytes, ExchangeEnd::Kept),
    };
    underway.end(bytes, end);
    answered.map_err(Stop::Abort)?;
    if let Some(reason) = close {
        // The end of the sending follows, and goes along.
        let expects_nothing = connection.expects_nothing(reason, head);
        let more = if expects_nothing { More::End } else { More::Follows };
        connection.flush(shared, more).await.map_err(Stop::Abort)?;
        if expects_nothing {
            connection.sent(shared).await.map_err(Stop::Abort)?;
            connection.stream.get_mut().shutdown();
            return Err(Stop::Abort(reason));
        }
        return Err(Stop::Close(reason));
    }
    if unread == Unread::Drain {
        connection.flush(shared, More::Nothing).await.map_err(Stop::Abort)?;
        let decoder = match state.incoming() {
            Some(incoming) => incoming.decoder.borrow().clone(),
            None => BodyDecoder::new(head.framing(), shared.limits()),
        };
        if let Err(reason) = connection.drain_body(shared, decoder).await {
            return Err(Stop::Close(reason));
        }
    }
    Ok(bytes)
}

/// Whether it is the body that ends before its end, by no fault of the client's.
fn cuts_short(reason: CloseReason) -> bool {
    use CloseReason::{FileChanged, FileFailure, OverBudget, StreamFailed};
    matches!(reason, FileChanged | FileFailure | StreamFailed | OverBudget(_))
}

/// Answers with a body that is written meanwhile, or gives the connection to another protocol. Also says why the connection
/// closes after that, if it does for that.
async fn streamed<A>(
    connection: &mut Connection,
    shared: &Shared<A>,
    response: Response,
    framing: Framing,
    (head, allowance): (&RequestHead, &Allowance<'_>),
    (incoming, pump): (Option<&Incoming>, &mut BodyPump),
) -> (Result<(), CloseReason>, Option<CloseReason>) {
    match response.body {
        Body::Stream(body) => {
            let (head, reading) = (&response.head, (incoming, pump));
            (connection.answer_stream(shared, head, *body, framing, allowance, reading).await, None)
        }
        Body::Upgrade(upgrade) => {
            connection.begin_answer(response.head.status);
            let transfer = match head.method() {
                Method::Connect => Transfer::Tunnel,
                _ => Transfer::Upgraded,
            };
            let changed = connection.answer_head(shared, &response.head, transfer, framing).await;
            if changed.is_err() {
                return (changed, None);
            }
            let incoming = Rc::new(Incoming::until_close());
            let conversation = upgrade.begin(&incoming);
            let reading = (Some(&*incoming), pump);
            let unbounded = Allowance::default();
            let over = connection.send_stream(shared, conversation, transfer, &unbounded, reading).await;
            incoming.end(Err(BodyError::ExchangeOver));
            // No body is cut short by it: the other protocol has its own ends, bad ones too.
            let over = if over == Err(CloseReason::StreamFailed) { Ok(()) } else { over };
            (over, Some(CloseReason::UpgradeOver))
        }
        _ => (connection.answer(shared, response, framing).await, None),
    }
}

/// Makes a response one that fits its request.
///
/// # Errors
/// A tunnel for nobody who asked for one, or none where it was asked for.
#[inline]
pub(super) fn fit(response: &mut Response, head: &RequestHead) -> Result<(), CloseReason> {
    let is_success = response.head.status.is_success();
    match &response.body {
        Body::Upgrade(upgrade) if upgrade.is_for(head) => Ok(()),
        Body::Upgrade(_) if is_success => Err(CloseReason::InvalidResponse),
        // RFC 9110 section 15.5.22: what the client would have to offer is in the head.
        Body::Upgrade(_) => {
            response.head.status = StatusCode::UPGRADE_REQUIRED;
            response.body = Body::Error { reason: "" };
            Ok(())
        }
        // What follows a success is the tunnel (RFC 9110 section 9.3.6).
        _ if head.method() == Method::Connect && is_success => Err(CloseReason::InvalidResponse),
        _ => Ok(()),
    }
}

/// What the engine refuses before any application sees it.
pub(super) fn acceptable<A>(head: &RequestHead, shared: &Shared<A>) -> Result<(), Reject> {
    head.framing().check(shared.limits())?;
    match head.expect() {
        // RFC 9110 section 10.1.1.
        Expect::Unsupported => Err(Reject::ExpectationUnsupported),
        Expect::None | Expect::Continue => Ok(()),
    }
}

/// Runs the handler. A connection that fails meanwhile drops it at its await; the end of the client's sending does not. The
/// answers gathered before it do not wait for a handler that does. One that panics has no answer.
async fn handle<A: Application>(
    connection: &mut Connection,
    shared: &Shared<A>,
    (head, head_bytes): (&RequestHead, &HeadBytes),
    state: &RequestState<'_>,
    pump: &mut BodyPump,
) -> Result<Response, CloseReason> {
    if let Some(response) = own_answer(head, shared) {
        return Ok(response);
    }
    let Connection { stream, peer, input, output, deadline, .. } = connection;
    let request = Request::new(head, head_bytes, state, peer, Some(stream));
    let allowance = state.allowance();
    // What a route's own budget counts, that route charges.
    let allocations = allowance.allocations();
    // The call is foreign code as the polls are: it is made in the first of them.
    let mut call = pin!(async { shared.application.call(request).await });
    poll_fn(|context| {
        label(head, head_bytes);
        for _ in 0..ROUNDS_PER_TURN_MAX {
            // Unwind safe as a task is: it is not polled again, and the connection ends.
            match catch_unwind(AssertUnwindSafe(|| charge(allocations, || call.as_mut().poll(context)))) {
                Ok(Poll::Ready(response)) => {
                    let within = allowance.check_allocations().map_err(over_budget);
                    return Poll::Ready(within.map(|()| response));
                }
                Ok(Poll::Pending) => {}
                Err(panic) => {
                    selvedge_runtime::report_panic("a handler panicked", panic);
                    return Poll::Ready(Err(CloseReason::Panic));
                }
            }
            let stream = &mut *stream.borrow_mut();
            let parts = PumpParts { stream, input, output, timeouts: shared.timeouts() };
            match poll_meanwhile(parts, deadline, state, pump, context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(reason)) => return Poll::Ready(Err(reason)),
                Poll::Ready(Ok(())) => {}
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// Tells the operator, by the label of what is polled.
pub(super) fn over_budget(budget: Budget) -> CloseReason {
    selvedge_runtime::report_failure("a request was over its budget", &budget);
    CloseReason::OverBudget(budget)
}

/// What the application's code is run for, in the lines of the runtime: not for which query, which may hold secrets.
pub(super) fn label(head: &RequestHead, head_bytes: &[u8]) {
    selvedge_runtime::label_work(head.what_is_asked(head_bytes));
}

/// Runs what runs code of the application, under its label.
async fn labelled<T>(
    head: &RequestHead,
    head_bytes: &[u8],
    mut work: Pin<Box<impl Future<Output = T>>>,
) -> T {
    poll_fn(|context| {
        label(head, head_bytes);
        work.as_mut().poll(context)
    })
    .await
}

/// What the connection does while a handler waits. Ready when there is something for it, or the connection is over.
fn poll_meanwhile(
    parts: PumpParts<'_>,
    deadline: &Deadline,
    state: &RequestState<'_>,
    pump: &mut BodyPump,
    context: &mut Context<'_>,
) -> Poll<Result<(), CloseReason>> {
    let PumpParts { stream, input, output, timeouts } = parts;
    let allowance = state.allowance();
    if let Poll::Ready(budget) = allowance.poll_over(Stage::Handler, context) {
        return Poll::Ready(Err(over_budget(budget)));
    }
    state.send_interim(|interim| output.gather_interim(interim));
    if output.poll_start(stream, context).is_err() {
        return Poll::Ready(Err(CloseReason::ClientFailure));
    }
    if let Some(incoming) = state.incoming() {
        let parts = PumpParts { stream, input, output, timeouts };
        if pump.poll(incoming, parts, context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if output.poll_start(stream, context).is_err() {
            return Poll::Ready(Err(CloseReason::ClientFailure));
        }
    }
    loop {
        let allowed = allowance.due(Stage::Handler);
        let Some(due) = [allowed, pump.due()].into_iter().flatten().min() else { break };
        let now = selvedge_runtime::now();
        if due > now {
            deadline.wait_until(due, context);
            break;
        }
        // What is allowed was looked at: it is the body that is due, and somebody reads it.
        if let Some(incoming) = state.incoming()
            && pump.poll_too_slow(incoming, now).is_ready()
        {
            return Poll::Ready(Ok(()));
        }
    }
    stream.poll_failure(context).map(|_| Err(CloseReason::ClientFailure))
}

/// What the engine answers for every application.
pub(super) fn own_answer<A>(head: &RequestHead, shared: &Shared<A>) -> Option<Response> {
    match head.method() {
        // About the server and no resource of it (RFC 9110 section 9.3.7).
        Method::Options if head.target_form() == TargetForm::Asterisk => {
            Some(Response::empty(StatusCode::NO_CONTENT))
        }
        Method::Trace if shared.trace() == TracePolicy::Refused => {
            let refusal = Refusal::Trace;
            Some(shared.refusal_response(refusal).unwrap_or_else(|| refusal.response()))
        }
        _ => None,
    }
}

/// What an answer to a head that could not be read must leave out: a HEAD gets no content, whatever else is wrong with it
/// (RFC 9110 section 9.3.2). `received` begins with the head, perhaps behind an empty line.
pub(super) fn wish_of_refused(received: &[u8]) -> BodyWish {
    match received.strip_prefix(b"\r\n").unwrap_or(received) {
        [b'H', b'E', b'A', b'D', b' ', ..] => BodyWish::Omit,
        _ => BodyWish::Send,
    }
}

/// Why the connection closes after this exchange, if it does.
pub(super) fn close_reason<A>(
    head: &RequestHead,
    unread: Unread,
    shared: &Shared<A>,
    exchanges: u64,
) -> Option<CloseReason> {
    if head.persistence() == Persistence::Close {
        Some(CloseReason::Requested)
    } else if let Some(reason) = unread.close_reason() {
        Some(reason)
    } else if shared.drain().state() == Draining::Yes {
        Some(CloseReason::Drain)
    } else if shared.requests_max().is_some_and(|max| exchanges >= max.get()) {
        Some(CloseReason::RequestsMax)
    } else {
        None
    }
}

/// Answers a head that cannot be read, or did not come to its end.
async fn refuse<A>(
    shared: &Shared<A>,
    underway: Underway<'_, A, Unreadable>,
    reject: Reject,
    reason: CloseReason,
) {
    let connection = &mut *underway.connection;
    let body = wish_of_refused(connection.input.bytes());
    let bytes = connection.refuse(shared, Refusal::Rejected(reject), body).await;
    underway.end(bytes, ExchangeEnd::Closed(reason));
}

impl Connection {
    /// Whether the end need not be waited for of a client that was answered. A long answer is read for a while, in which the
    /// connection counts among those that are open.
    fn expects_nothing(&self, reason: CloseReason, head: &RequestHead) -> bool {
        self.is_the_last(reason, head) && self.answered_bytes <= SHORT_ANSWER_BYTES_MAX
    }

    /// Whether the client has said that it sends nothing more, and has sent nothing more so far, not even octets behind a body.
    pub(super) fn is_the_last(&self, reason: CloseReason, head: &RequestHead) -> bool {
        reason == CloseReason::Requested
            && head.persistence() == Persistence::Close
            && head.framing() == BodyFraming::None
            && self.input.is_empty()
    }

    /// 408 to a client whose head has begun and did not end in time.
    pub(super) async fn refuse_late_head<A>(&mut self, shared: &Shared<A>) {
        let received_at = self.waits_since;
        let underway = Underway::begin(shared, self, Unreadable, received_at);
        refuse(shared, underway, Reject::HeadTimeout, CloseReason::HeadTimeout).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_32_answers_or_256_kib_of_them() {
        let answers_of = |bytes| {
            let mut share = Share::default();
            (1..=100).find(|_| {
                share.take(bytes);
                share.is_used_up()
            })
        };
        assert_eq!([0, 8_192, 8_193, 65_536, 1 << 30].map(answers_of), [32, 32, 32, 4, 1].map(Some));
        assert_eq!(answers_of(10_000), Some(27));
    }
}
