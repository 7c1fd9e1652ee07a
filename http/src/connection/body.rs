//! Step 6 of a request's walk, the body's side of it. In: what was received behind a head. Out: the pieces the application
//! asks for. What it leaves is drained where that is cheap, so that the connection can go on.

use std::task::{Context, Poll};

use selvedge_runtime::net::Stream;
use selvedge_runtime::{Lease, Moment};

use super::Connection;
use super::answer::Output;
use super::input::Input;
use super::pace::{Pace, RestingPace, Timeouts, paced};
use crate::body::{BodyError, Incoming};
use crate::h1::{BodyDecoder, BodyFraming, ChunkEvent, Expect, RequestHead};
use crate::record::CloseReason;
use crate::shared::Shared;

/// Octets of a body that are read and thrown away; a longer one closes the connection.
const DRAIN_BYTES_MAX: u64 = 64 * 1024;

/// The answer to who waits for it before the body is sent (RFC 9110 section 15.2.1).
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Receives a body as it is asked for.
#[derive(Debug)]
pub(super) struct BodyPump {
    expects: Expects,
    pace: RestingPace,
    /// Octets received for it, framing included.
    received_bytes: i64,
}

/// Whether the client waits before it sends the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    Nothing,
    /// `100 Continue`, which it did not get yet.
    Continue,
}

/// What a pump works with.
pub(super) struct PumpParts<'p> {
    pub(super) stream: &'p mut Stream,
    pub(super) input: &'p mut Input,
    pub(super) output: &'p mut Output,
    pub(super) timeouts: &'p Timeouts,
}

impl BodyPump {
    pub(super) fn new(head: &RequestHead) -> Self {
        let expects = match head.expect() {
            Expect::Continue if head.framing() != BodyFraming::None => Expects::Continue,
            Expect::Continue | Expect::None | Expect::Unsupported => Expects::Nothing,
        };
        Self { expects, pace: RestingPace::default(), received_bytes: 0 }
    }

    /// Whether the client waits for a 100 still; from now on it is the caller's to send.
    pub(super) fn take_owed_continue(&mut self) -> bool {
        std::mem::replace(&mut self.expects, Expects::Nothing) == Expects::Continue
    }

    /// Nothing is asked for: that time is not the client's.
    pub(super) fn rest(&mut self) {
        self.pace.rest(selvedge_runtime::now);
    }

    /// Ready when the application has got what it asked for: a piece, the end, or why there is none.
    pub(super) fn poll(
        &mut self,
        incoming: &Incoming,
        parts: PumpParts<'_>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        if incoming.poll_asked(context).is_pending() {
            self.rest();
            return Poll::Pending;
        }
        let PumpParts { stream, input, output, timeouts } = parts;
        loop {
            match give_received(incoming, input, context) {
                Received::Given => {
                    self.expects = Expects::Nothing;
                    self.rest();
                    return Poll::Ready(());
                }
                Received::Over => return Poll::Ready(()),
                Received::TooLittle => {}
            }
            if self.expects == Expects::Continue {
                // No room now: it goes with the next poll, after what is being sent.
                if !output.gather_interim(CONTINUE) {
                    return Poll::Pending;
                }
                self.expects = Expects::Nothing;
            }
            let received = match stream.poll_receive(context) {
                Poll::Ready(received) => received,
                Poll::Pending => {
                    if incoming.is_paced() {
                        let begin = |now| Pace::reading(now, timeouts).begun_at(self.received_bytes);
                        self.pace.wait(selvedge_runtime::now, begin);
                    }
                    return Poll::Pending;
                }
            };
            match received {
                Ok(Some(lease)) => {
                    self.received_bytes += lease.len() as i64;
                    input.push(lease);
                }
                Ok(None) => {
                    incoming.end_of_input();
                    return Poll::Ready(());
                }
                Err(_) => {
                    incoming.end(Err(BodyError::CutShort));
                    return Poll::Ready(());
                }
            }
        }
    }

    /// When a piece that is waited for must be there.
    pub(super) fn due(&self) -> Option<Moment> {
        self.pace.due_so_far()
    }

    /// Judges a piece that is waited for by its progress; ready when it was given up.
    pub(super) fn poll_too_slow(&mut self, incoming: &Incoming, now: Moment) -> Poll<()> {
        if self.pace.judge(|| self.received_bytes, now).is_err() {
            self.pace = RestingPace::default();
            incoming.end(Err(BodyError::TooSlow));
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

/// Whether what was received is enough for who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    /// For a piece, which is given.
    Given,
    /// For the end, or for why there is no more.
    Over,
    TooLittle,
}

/// Gives the application the piece it asked for, out of what was received.
pub(super) fn give_received(incoming: &Incoming, input: &mut Input, context: &Context<'_>) -> Received {
    let decoded = match incoming.decoder.borrow_mut().decode(input.bytes()) {
        Ok(decoded) => decoded,
        Err(reject) => {
            incoming.end(Err(BodyError::Malformed(reject)));
            return Received::Over;
        }
    };
    match decoded.event {
        ChunkEvent::Data(range) => {
            let chunk = input.take(range);
            input.consume(decoded.consumed);
            input.give_up_lease_if_scarce();
            incoming.give(chunk, context);
            Received::Given
        }
        ChunkEvent::End => {
            input.consume(decoded.consumed);
            incoming.end(Ok(()));
            Received::Over
        }
        ChunkEvent::NeedMore => {
            input.consume(decoded.consumed);
            Received::TooLittle
        }
    }
}

/// What is done with a body, or its rest, that was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// There is none.
    Nothing,
    /// It is read and thrown away.
    Drain,
    /// The connection closes after the answer, for this reason.
    Leave(CloseReason),
}

impl Unread {
    /// What becomes of the body when the application is done with its request.
    pub(super) fn after(head: &RequestHead, incoming: Option<&Incoming>, pump: &BodyPump) -> Self {
        let bytes_left = match incoming {
            Some(incoming) => match incoming.failure() {
                Some(error) => return Self::Leave(reason_of(&error)),
                None => incoming.decoder.borrow().bytes_left(),
            },
            None => match head.framing() {
                BodyFraming::None => Some(0),
                BodyFraming::Length(length) => Some(length),
                BodyFraming::Chunked => None,
            },
        };
        match (bytes_left, pump.expects) {
            (Some(0), _) => Self::Nothing,
            // It waits for a 100 that does not come; whether it sends the body now cannot be known (RFC 9110 10.1.1).
            (_, Expects::Continue) => Self::Leave(CloseReason::UnreadBody),
            (Some(left), _) if left > DRAIN_BYTES_MAX => Self::Leave(CloseReason::UnreadBody),
            (_, Expects::Nothing) => Self::Drain,
        }
    }

    /// Why the connection closes for it, if it does.
    pub(super) fn close_reason(self) -> Option<CloseReason> {
        match self {
            Self::Leave(reason) => Some(reason),
            Self::Nothing | Self::Drain => None,
        }
    }
}

/// Why a connection closes whose request's body has failed.
fn reason_of(error: &BodyError) -> CloseReason {
    match error {
        BodyError::Malformed(reject) => CloseReason::Rejected(*reject),
        BodyError::TooSlow => CloseReason::BodyTimeout,
        BodyError::CutShort => CloseReason::ClientCutShort,
        _ => CloseReason::UnreadBody,
    }
}

impl Connection {
    /// Reads to the end of the body, so that the next head follows in the input.
    pub(super) async fn drain_body<A>(
        &mut self,
        shared: &Shared<A>,
        mut decoder: BodyDecoder,
    ) -> Result<(), CloseReason> {
        let mut pace = RestingPace::default();
        let mut received = 0;
        loop {
            let decoded = decoder.decode(self.input.bytes()).map_err(CloseReason::Rejected)?;
            self.input.consume(decoded.consumed);
            match decoded.event {
                ChunkEvent::Data(_) => {}
                ChunkEvent::End => return Ok(()),
                ChunkEvent::NeedMore if received > DRAIN_BYTES_MAX => return Err(CloseReason::UnreadBody),
                ChunkEvent::NeedMore => self.receive_body(shared, &mut pace, &mut received).await?,
            }
        }
    }

    async fn receive_body<A>(
        &mut self,
        shared: &Shared<A>,
        pace: &mut RestingPace,
        received: &mut u64,
    ) -> Result<(), CloseReason> {
        let so_far = *received as i64;
        let waiting = paced(
            &self.deadline,
            pace,
            |now| Pace::reading(now, shared.timeouts()),
            self.stream.get_mut(),
            |stream, context| stream.poll_receive(context),
            |_| so_far,
        );
        let lease: Lease = waiting
            .await
            .map_err(|_| CloseReason::BodyTimeout)?
            .map_err(|_| CloseReason::ClientFailure)?
            .ok_or(CloseReason::ClientCutShort)?;
        *received += lease.len() as u64;
        self.input.push(lease);
        Ok(())
    }
}
