//! Steps 6 to 8 of a request's walk where a response is written while it is sent. In: what the application writes. Out: sends,
//! one at a time, framed. While the client does not read, the application waits; the request's body goes on being received
//! as far as it is asked for.

use std::future::poll_fn;
use std::task::{Context, Poll};

use http::{HeaderName, HeaderValue};
use selvedge_runtime::net::{More, Stream};
use selvedge_runtime::{BlockClass, Chunk, Moment};

use super::Connection;
use super::answer::{Framing, Transfer, has_body};
use super::body::{BodyPump, CONTINUE, PumpParts};
use super::exchange::over_budget;
use super::pace::{Pace, RestingPace};
use crate::body::{Ending, Incoming, Outgoing, Piece, StreamBody};
use crate::budgets::{Allowance, Stage, charge};
use crate::fixed_fields::is_owned;
use crate::h1::Version;
use crate::h1::chunked::{SIZE_LINE_BYTES_MAX, last_chunk, size_line};
use crate::record::CloseReason;
use crate::response::ResponseHead;
use crate::shared::Shared;

/// Rounds of writing, receiving and sending in one poll; then other connections have theirs.
pub(super) const ROUNDS_PER_TURN_MAX: u32 = 16;

/// A body on its way to the client.
struct Sending {
    transfer: Transfer,
    /// Taken, and not yet placed.
    next: Option<Piece>,
    /// Its framing is with the kernel or gathered, itself not.
    large: Option<Chunk>,
    pace: RestingPace,
}

impl Sending {
    /// The next piece, counted when it is taken.
    fn take_next(&mut self, outgoing: &Outgoing) -> Result<Option<Piece>, CloseReason> {
        if self.next.is_none()
            && let Some(piece) = outgoing.take()
        {
            self.transfer.count(piece.len())?;
            return Ok(Some(piece));
        }
        Ok(self.next.take())
    }
}

/// What a poll has brought about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// The body's end is gathered.
    Over,
    Moved,
    /// For the kernel, or for the application.
    Waiting,
}

impl Transfer {
    /// How a streamed body of `length` octets, if that is known, is framed for a client of `version`.
    pub(super) fn of_length(length: Option<u64>, version: Version) -> Self {
        match (length, version) {
            (Some(length), _) => Self::Length(length),
            (None, Version::Http11) => Self::Chunked,
            (None, Version::Http10) => Self::UntilClose,
        }
    }

    /// Counts octets of the body.
    ///
    /// # Errors
    /// When they are more than was said.
    pub(super) fn count(&mut self, bytes: usize) -> Result<(), CloseReason> {
        if let Self::Length(left) = self {
            *left = left.checked_sub(bytes as u64).ok_or(CloseReason::StreamFailed)?;
        }
        Ok(())
    }

    /// The body's end.
    ///
    /// # Errors
    /// When its octets were fewer than was said.
    pub(super) fn end(self) -> Result<(), CloseReason> {
        match self {
            Self::Length(1..) => Err(CloseReason::StreamFailed),
            Self::Length(0) | Self::Chunked | Self::UntilClose | Self::Upgraded | Self::Tunnel => Ok(()),
        }
    }

    /// The trailer fields that may be sent: none where nothing frames them, and not those of the engine.
    pub(super) fn trailers(
        self,
        fields: &[(HeaderName, HeaderValue)],
    ) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        fields.iter().filter(move |(name, _)| self == Self::Chunked && !is_owned(name))
    }
}

impl Connection {
    /// Answers with a body that is written meanwhile. A body that fails, or has not the length it was said to have, ends the
    /// connection so that the client can tell.
    pub(super) async fn answer_stream<A>(
        &mut self,
        shared: &Shared<A>,
        head: &ResponseHead,
        body: StreamBody,
        framing: Framing,
        allowance: &Allowance<'_>,
        reading: (Option<&Incoming>, &mut BodyPump),
    ) -> Result<(), CloseReason> {
        self.begin_answer(head.status);
        let transfer = Transfer::of_length(body.length(), framing.version);
        let (incoming, pump) = reading;
        if incoming.is_some() && has_body(head, framing) && pump.take_owed_continue() {
            // Behind the head it would stand within the body.
            self.make_room(shared, CONTINUE.len()).await?;
            self.output.append(CONTINUE);
        }
        self.answer_head(shared, head, transfer, framing).await?;
        if !has_body(head, framing) {
            return Ok(());
        }
        self.send_stream(shared, body, transfer, allowance, (incoming, pump)).await
    }

    /// Sends what is written, up to its end being gathered.
    pub(super) async fn send_stream<A>(
        &mut self,
        shared: &Shared<A>,
        mut body: StreamBody,
        transfer: Transfer,
        allowance: &Allowance<'_>,
        (incoming, pump): (Option<&Incoming>, &mut BodyPump),
    ) -> Result<(), CloseReason> {
        let mut sending = Sending { transfer, next: None, large: None, pace: RestingPace::default() };
        let mut rounds = 0;
        let sent = poll_fn(|context| {
            loop {
                charge(allowance.allocations(), || body.poll_produce(context));
                if let Poll::Ready(budget) = allowance.poll_over(Stage::Body, context) {
                    return Poll::Ready(Err(over_budget(budget)));
                }
                body.outgoing().wait(context);
                let mut received = Poll::Pending;
                if let Some(incoming) = incoming {
                    let parts = PumpParts {
                        stream: self.stream.get_mut(),
                        input: &mut self.input,
                        output: &mut self.output,
                        timeouts: shared.timeouts(),
                    };
                    received = pump.poll(incoming, parts, context);
                }
                match self.poll_pieces(context, body.outgoing(), &mut sending) {
                    Err(reason) => return Poll::Ready(Err(reason)),
                    Ok(Progress::Over) => return Poll::Ready(Ok(())),
                    Ok(Progress::Waiting) if received.is_pending() => {
                        let reading = (incoming, &mut *pump);
                        let due = allowance.due(Stage::Body);
                        match self.poll_stream_waiting(context, shared, &mut sending, due, reading) {
                            Poll::Pending => return Poll::Pending,
                            Poll::Ready(Err(reason)) => return Poll::Ready(Err(reason)),
                            Poll::Ready(Ok(())) => {}
                        }
                    }
                    Ok(Progress::Moved | Progress::Waiting) => {}
                }
                rounds += 1;
                if rounds == ROUNDS_PER_TURN_MAX {
                    rounds = 0;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        })
        .await;
        let reset = match sent {
            // To this client the connection's end is the body's.
            Err(CloseReason::StreamFailed | CloseReason::OverBudget(_)) => transfer == Transfer::UntilClose,
            Err(CloseReason::WriteTimeout) => true,
            _ => false,
        };
        if reset {
            self.stream.get_mut().reset_on_drop();
        }
        sent
    }

    /// Brings what was written to the kernel, as far as that takes it.
    fn poll_pieces(
        &mut self,
        context: &Context<'_>,
        outgoing: &Outgoing,
        sending: &mut Sending,
    ) -> Result<Progress, CloseReason> {
        let mut progress = Progress::Waiting;
        loop {
            match self.stream.get_mut().poll_sent(context) {
                Poll::Pending => return Ok(progress),
                Poll::Ready(Ok(())) => sending.pace.rest(selvedge_runtime::now),
                Poll::Ready(Err(_)) => return Err(CloseReason::ClientFailure),
            }
            if let Some(chunk) = sending.large.take() {
                self.answered_bytes += chunk.len() as u64;
                self.stream.get_mut().start_send(chunk, More::Nothing);
                if sending.transfer == Transfer::Chunked {
                    self.append_to_stream(b"\r\n");
                }
                progress = Progress::Moved;
                continue;
            }
            let placed = self.place_pieces(outgoing, sending)?;
            if placed == Placed::Alone || sending.large.is_some() && self.output.is_empty() {
                progress = Progress::Moved;
                continue;
            }
            let ending = match placed {
                Placed::All => outgoing.take_ending(),
                _ => Ending::Open,
            };
            match ending {
                Ending::Finished(trailers) => return self.end_stream(sending.transfer, &trailers),
                Ending::Aborted => return Err(CloseReason::StreamFailed),
                Ending::Open => {}
            }
            if self.output.is_empty() {
                outgoing.note_sent();
                return Ok(progress);
            }
            let more = if sending.large.is_some() { More::Follows } else { More::Nothing };
            self.output.start(self.stream.get_mut(), more);
            progress = Progress::Moved;
        }
    }

    /// Gathers pieces behind what is gathered, as many as there is room for.
    fn place_pieces(&mut self, outgoing: &Outgoing, sending: &mut Sending) -> Result<Placed, CloseReason> {
        while let Some(piece) = sending.take_next(outgoing)? {
            let is_chunked = sending.transfer == Transfer::Chunked;
            let mut room = [0; SIZE_LINE_BYTES_MAX];
            let (front, back): (&[u8], &[u8]) = match is_chunked {
                true => (size_line(piece.len(), &mut room), b"\r\n"),
                false => (b"", b""),
            };
            let framed_len = front.len() + piece.len() + back.len();
            let piece = match piece {
                Piece::Copied(framable) if self.output.is_empty() => {
                    self.answered_bytes += framed_len as u64;
                    self.stream.get_mut().start_send(framable.framed(front, back), More::Nothing);
                    return Ok(Placed::Alone);
                }
                piece => piece,
            };
            let large = matches!(piece, Piece::Whole(_)) && piece.len() > BlockClass::Small.bytes();
            let needed = if large { front.len() } else { framed_len };
            let class = BlockClass::fitting(needed).unwrap_or(BlockClass::Large);
            if needed > 0 && self.output.room(needed, class).is_none() {
                sending.next = Some(piece);
                return Ok(Placed::Some);
            }
            self.append_to_stream(front);
            match piece {
                Piece::Whole(chunk) if large => {
                    sending.large = Some(chunk);
                    return Ok(Placed::Some);
                }
                Piece::Whole(chunk) => self.append_to_stream(&chunk),
                Piece::Copied(mut framable) => self.append_to_stream(framable.bytes()),
            }
            self.append_to_stream(back);
        }
        Ok(Placed::All)
    }

    fn append_to_stream(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.output.append(bytes);
            self.answered_bytes += bytes.len() as u64;
        }
    }

    /// Gathers what ends the body.
    fn end_stream(
        &mut self,
        transfer: Transfer,
        trailers: &[(HeaderName, HeaderValue)],
    ) -> Result<Progress, CloseReason> {
        transfer.end()?;
        if transfer == Transfer::Chunked {
            let end = last_chunk(transfer.trailers(trailers));
            let class = BlockClass::fitting(end.len()).ok_or(CloseReason::StreamFailed)?;
            if self.output.room(end.len(), class).is_none() {
                // No send is in flight here.
                self.output.start(self.stream.get_mut(), More::Follows);
                self.output.room(end.len(), class).ok_or(CloseReason::StreamFailed)?;
            }
            self.append_to_stream(&end);
        }
        Ok(Progress::Over)
    }

    /// Waits for whatever comes first. Ready when there is something to go on with, or the connection is over.
    fn poll_stream_waiting<A>(
        &mut self,
        context: &Context<'_>,
        shared: &Shared<A>,
        sending: &mut Sending,
        allowed: Option<Moment>,
        (incoming, pump): (Option<&Incoming>, &mut BodyPump),
    ) -> Poll<Result<(), CloseReason>> {
        let stream = self.stream.get_mut();
        if stream.poll_failure(context).is_ready() {
            return Poll::Ready(Err(CloseReason::ClientFailure));
        }
        if stream.is_sending() {
            let begin = |now| Pace::writing(now, shared.timeouts()).begun_at(read_bytes(stream));
            sending.pace.wait(selvedge_runtime::now, begin);
        }
        loop {
            // Without a body that somebody reads, nobody would move its due time.
            let body_due = incoming.and_then(|_| pump.due());
            let Some(due) = [sending.pace.due_so_far(), body_due, allowed].into_iter().flatten().min() else {
                self.deadline.clear();
                return Poll::Pending;
            };
            let now = selvedge_runtime::now();
            if due > now {
                self.deadline.wait_until(due, context);
                return Poll::Pending;
            }
            if sending.pace.judge(|| read_bytes(stream), now).is_err() {
                return Poll::Ready(Err(CloseReason::WriteTimeout));
            }
            if let Some(incoming) = incoming
                && pump.poll_too_slow(incoming, now).is_ready()
            {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Octets that the client has read, as far as its kernel tells: a count to take differences of.
fn read_bytes(stream: &Stream) -> i64 {
    stream.taken_bytes() as i64 - i64::from(stream.unread_bytes())
}

/// What became of the pieces that were there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Placed {
    /// One is being sent by itself.
    Alone,
    /// There is no room for the next, or it follows by itself.
    Some,
    All,
}
