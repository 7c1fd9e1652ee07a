//! Steps 4 to 8 of a request's walk for plain requests whose answers need no wait. In: what was received. Out: their answers, in
//! order, and what is left. Next: [`super::exchange`] for that, which has a box to wait in.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use selvedge_runtime::net::More;

use super::Connection;
use super::answer::Framing;
use super::body::Unread;
use super::exchange::{close_reason, label};
use super::input::Received;
use super::place::Placed;
use super::underway::{Readable, Underway};
use crate::application::Application;
use crate::h1::{BodyFraming, BodyWish, Expect, Persistence, RequestHead};
use crate::record::{CloseReason, ExchangeEnd};
use crate::request::RequestState;
use crate::response::Response;
use crate::shared::Shared;

/// What of the received is not answered.
#[derive(Debug)]
pub(super) enum Left {
    /// Nothing; or the beginning of a head; or what is for another turn.
    Nothing,
    /// This request, and what else was received.
    Exchanges(Option<Received>),
    /// All of it: the last answer could not be sent, and no other could.
    Failure,
    /// Nothing, and nothing is to come: the last answer is on its way.
    End,
}

/// What comes after a request that was answered.
enum Next {
    Request,
    End,
}

impl Connection {
    /// Answers the complete requests at the front, as far as that needs no wait.
    pub(super) fn answer_at_once<A: Application>(&mut self, shared: &Shared<A>) -> Left {
        match self.stream.get_mut().look_at_sent() {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Left::Failure,
            // One send at a time: what waits for another does so in an exchange.
            Poll::Pending => return Left::Exchanges(None),
        }
        loop {
            if self.share.is_used_up() {
                return if self.start_gathered() { Left::Nothing } else { Left::Exchanges(None) };
            }
            match self.input.next_head(shared) {
                Ok(Some(received)) => match self.exchange_at_once(shared, received) {
                    ControlFlow::Continue(Next::Request) => {}
                    ControlFlow::Continue(Next::End) => {
                        self.output.start(self.stream.get_mut(), More::End);
                        return Left::End;
                    }
                    ControlFlow::Break(received) => return Left::Exchanges(Some(received)),
                },
                Ok(None) if self.start_gathered() => return Left::Nothing,
                // A head that is refused is read once more there, which answers it.
                Ok(None) | Err(_) => return Left::Exchanges(None),
            }
        }
    }

    /// Hands what was gathered to the kernel, unless that has to wait for another send.
    fn start_gathered(&mut self) -> bool {
        let stream = self.stream.get_mut();
        if !self.output.is_empty() && !stream.may_start_send() {
            return false;
        }
        self.output.start(stream, More::Nothing);
        true
    }

    /// One request and its answer, or the request back.
    fn exchange_at_once<A: Application>(
        &mut self,
        shared: &Shared<A>,
        (head, mut head_bytes): Received,
    ) -> ControlFlow<Received, Next> {
        let close = close_reason(&head, Unread::Nothing, shared, self.exchanges + 1);
        if !is_plain(&head)
            || close.is_some_and(|reason| !self.may_end_at_once(reason, &head))
            || shared.budgets().are_bounded()
        {
            return ControlFlow::Break((head, head_bytes));
        }
        let received_at = selvedge_runtime::now();
        let state =
            RequestState::new(received_at, BodyFraming::None, shared.limits()).with_drain(shared.drain());
        let whose = Readable { head: &head, head_bytes: &mut head_bytes, state: &state };
        let gathered_before = self.output.bytes();
        let underway = Underway::begin(shared, self, whose, received_at);
        let response = underway.whose.ask(shared, underway.connection);
        let answered = response.as_ref().is_some_and(|response| {
            state.send_interim(|interim| underway.connection.output.gather_interim(interim));
            let body = if head.method().is_head() { BodyWish::Omit } else { BodyWish::Send };
            let persistence = if close.is_some() { Persistence::Close } else { Persistence::Reuse };
            let framing = Framing { version: head.version(), persistence, body };
            underway.connection.place(shared, response, framing) == Placed::Whole
        });
        if answered {
            let bytes = underway.connection.answered_bytes;
            underway.connection.exchanges += 1;
            underway.connection.share.take(bytes);
            let (end, next) = match close {
                None => (ExchangeEnd::Kept, Next::Request),
                Some(reason) => (ExchangeEnd::Closed(reason), Next::End),
            };
            underway.end(bytes, end);
            return ControlFlow::Continue(next);
        }
        underway.connection.output.cut(gathered_before);
        underway.abandon();
        drop(state);
        ControlFlow::Break((head, head_bytes))
    }

    /// Whether the answer to this request may be followed by nothing but the end. What is placed in memory is short enough.
    fn may_end_at_once(&self, reason: CloseReason, head: &RequestHead) -> bool {
        self.is_the_last(reason, head) && self.stream.borrow().may_start_send()
    }
}

/// Whether the request is all there, and asks for nothing but an answer.
fn is_plain(head: &RequestHead) -> bool {
    head.method().is_get_or_head() && head.framing() == BodyFraming::None && head.expect() == Expect::None
}

impl Readable<'_> {
    /// The application's answer, if it has one at once. One that panics over that is asked as if it had none.
    fn ask<A: Application>(&self, shared: &Shared<A>, connection: &Connection) -> Option<Response> {
        label(self.head, self.head_bytes);
        let request = self.request_on(connection);
        catch_unwind(AssertUnwindSafe(|| shared.application.at_once(&request))).unwrap_or_else(|panic| {
            selvedge_runtime::report_panic("a handler panicked", panic);
            None
        })
    }
}
