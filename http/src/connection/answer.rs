//! Steps 7 and 8 of a request's walk, head and send. In: a response. Out: octets in order, in as few sends as can be: a
//! prepared response alone goes out as it stands, answers to pipelined requests are gathered in one block.
//! Next: release, which is the drop of what was sent.

use std::io;
use std::task::{Context, Poll};

use http::StatusCode;
use selvedge_runtime::net::{More, Stream};
use selvedge_runtime::{BlockClass, Chunk};

use super::Connection;
use super::pace::{Pace, RestingPace, paced};
use super::place::{Placed, prepared_head_pieces};
use crate::block::Block;
use crate::clock::Clock;
use crate::fixed_fields::{FixedFields, is_owned};
use crate::h1::{BodyWish, ErrorBody, HeadError, HeadWriter, Persistence, Version, WrittenHead};
use crate::record::CloseReason;
use crate::refusal::{Refusal, report_unusable};
use crate::response::{Body, Prepared, RangeField, Response, ResponseHead};
use crate::shared::Shared;

/// Octets of one send, and of one connection's answers in one turn.
pub(super) const SEND_BYTES_MAX: usize = 256 * 1024;

/// Room that a head gets at first; a longer one gets a block to itself.
pub(super) const HEAD_BYTES_USUAL: usize = 1_024;

/// Answers gathered and not yet handed to the kernel.
#[derive(Debug, Default)]
pub(super) struct Output {
    block: Option<Block>,
    filled: usize,
}

impl Output {
    pub(super) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// What is gathered.
    pub(super) fn bytes(&self) -> usize {
        self.filled
    }

    /// Takes back what was gathered behind so many octets.
    pub(super) fn cut(&mut self, bytes: usize) {
        self.filled = self.filled.min(bytes);
    }

    /// Hands what was gathered to the kernel as soon as the send before it is through; the task is woken then.
    pub(super) fn poll_start(&mut self, stream: &mut Stream, context: &Context<'_>) -> io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        if let Poll::Ready(sent) = stream.poll_sent(context) {
            sent?;
            self.start(stream, More::Nothing);
        }
        Ok(())
    }

    /// Hands what was gathered to the kernel. No send is in flight.
    pub(super) fn start(&mut self, stream: &mut Stream, more: More) {
        let length = std::mem::take(&mut self.filled);
        if let Some(block) = self.block.take()
            && length > 0
        {
            stream.start_send(block.into_chunk(0..length), more);
        }
    }

    /// The free room, at least `bytes` of it; `None` if that needs a flush first.
    pub(super) fn room(&mut self, bytes: usize, class: BlockClass) -> Option<&mut [u8]> {
        let filled = self.filled;
        let block = self.block.get_or_insert_with(|| Block::new(class, bytes));
        let room = &mut block.bytes()[filled..];
        (room.len() >= bytes).then_some(room)
    }

    /// Adds an interim response, if there is room for it.
    pub(super) fn gather_interim(&mut self, bytes: &[u8]) -> bool {
        let class = BlockClass::fitting(bytes.len()).unwrap_or(BlockClass::Large);
        let has_room = self.room(bytes.len(), class).is_some();
        if has_room {
            self.append(bytes);
        }
        has_room
    }

    /// So many octets were written into the [room](Self::room).
    pub(super) fn fill(&mut self, bytes: usize) {
        self.filled += bytes;
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        let room = self.room(bytes.len(), BlockClass::Small).expect("the caller has made room");
        room[..bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }
}

/// How a response's body is framed (RFC 9112 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transfer {
    /// By its length in octets.
    Length(u64),
    Chunked,
    /// By the connection's end.
    UntilClose,
    /// By another protocol, after a 101.
    Upgraded,
    /// By whom a tunnel leads to.
    Tunnel,
}

/// What the head of a response must say besides what the application said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Framing {
    pub(super) version: Version,
    pub(super) persistence: Persistence,
    pub(super) body: BodyWish,
}

impl Connection {
    /// Answers, up to the kernel being given the last octets. They are counted in `answered_bytes`.
    pub(super) async fn answer<A>(
        &mut self,
        shared: &Shared<A>,
        response: Response,
        framing: Framing,
    ) -> Result<(), CloseReason> {
        let mut placed = self.place(shared, &response, framing);
        if placed == Placed::NeedsSocket {
            self.sent(shared).await?;
            placed = self.place(shared, &response, framing);
        }
        if placed == Placed::NeedsRoom {
            self.flush(shared, More::Nothing).await?;
            placed = self.place(shared, &response, framing);
        }
        if placed == Placed::Whole {
            return Ok(());
        }
        self.begin_answer(response.head.status);
        match response.body {
            Body::Prepared(Prepared { block, head_bytes, bytes }) => {
                let (head, fields) = (&block[..head_bytes as usize], &response.head.site_fields);
                self.answer_prepared_head(shared, head, fields, framing).await?;
                if framing.body == BodyWish::Send {
                    self.answer_chunk(shared, Chunk::Shared(block, head_bytes..bytes)).await?;
                }
                Ok(())
            }
            Body::Error { reason } => {
                let error = ErrorBody { status: response.head.status, reason };
                self.answer_head(shared, &response.head, Transfer::Length(error.bytes() as u64), framing)
                    .await?;
                if has_body(&response.head, framing) {
                    self.make_room(shared, error.bytes()).await?;
                    error.pieces().iter().for_each(|piece| self.output.append(piece));
                    self.answered_bytes += error.bytes() as u64;
                }
                Ok(())
            }
            Body::Empty => self.answer_head(shared, &response.head, Transfer::Length(0), framing).await,
            // A send has at most as many.
            Body::Full(chunk) if u32::try_from(chunk.len()).is_err() => Err(CloseReason::InvalidResponse),
            Body::Full(chunk) => {
                self.answer_head(shared, &response.head, Transfer::Length(chunk.len() as u64), framing)
                    .await?;
                if has_body(&response.head, framing) && !chunk.is_empty() {
                    self.answer_chunk(shared, chunk).await?;
                }
                Ok(())
            }
            Body::File(part) => {
                self.answer_head(shared, &response.head, Transfer::Length(part.length), framing).await?;
                if has_body(&response.head, framing) && part.length > 0 {
                    self.answer_file(shared, &part, &mut 0).await?;
                }
                Ok(())
            }
            Body::Parts(parts) => self.answer_parts(shared, response.head, &parts, framing).await,
            Body::Segments(segments)
                if segments.iter().any(|segment| u32::try_from(segment.len()).is_err()) =>
            {
                Err(CloseReason::InvalidResponse)
            }
            Body::Segments(segments) => {
                let length = segments.iter().map(|segment| segment.len() as u64).sum();
                self.answer_head(shared, &response.head, Transfer::Length(length), framing).await?;
                if has_body(&response.head, framing) {
                    for segment in segments.into_iter().filter(|segment| !segment.is_empty()) {
                        self.answer_chunk(shared, segment).await?;
                    }
                }
                Ok(())
            }
            // They need a request: see `exchange`.
            Body::Path(_) | Body::Stream(_) | Body::Upgrade(_) => Err(CloseReason::InvalidResponse),
        }
    }

    /// From here on what is sent is counted as that of an answer with this status.
    pub(super) fn begin_answer(&mut self, status: StatusCode) {
        self.answered_status = Some(status);
        (self.answered_bytes, self.answered_head_bytes) = (0, 0);
    }

    /// The head of a prepared response whose body follows by itself, as it is too long for a block with what was added.
    async fn answer_prepared_head<A>(
        &mut self,
        shared: &Shared<A>,
        prepared_head: &[u8],
        fields: &FixedFields,
        framing: Framing,
    ) -> Result<(), CloseReason> {
        let pieces = prepared_head_pieces(prepared_head, fields, framing);
        let length = pieces.iter().map(|piece| piece.len()).sum();
        self.make_room(shared, length).await?;
        pieces.iter().for_each(|piece| self.output.append(piece));
        self.answered_bytes += length as u64;
        self.answered_head_bytes = length as u64;
        Ok(())
    }

    pub(super) async fn answer_chunk<A>(
        &mut self,
        shared: &Shared<A>,
        chunk: Chunk,
    ) -> Result<(), CloseReason> {
        if chunk.len() <= BlockClass::Small.bytes() {
            self.make_room(shared, chunk.len()).await?;
            self.output.append(&chunk);
            self.answered_bytes += chunk.len() as u64;
            return Ok(());
        }
        self.flush(shared, More::Follows).await?;
        self.sent(shared).await?;
        let length = chunk.len();
        self.stream.get_mut().start_send(chunk, More::Nothing);
        self.answered_bytes += length as u64;
        // A parked connection's last send is judged as a whole, so what takes long is waited for here.
        if length > SEND_BYTES_MAX { self.sent(shared).await } else { Ok(()) }
    }

    pub(super) async fn answer_head<A>(
        &mut self,
        shared: &Shared<A>,
        head: &ResponseHead,
        transfer: Transfer,
        framing: Framing,
    ) -> Result<(), CloseReason> {
        check_head(head, transfer)?;
        self.bound_unsent(transfer);
        let room = self.make_room(shared, HEAD_BYTES_USUAL).await?;
        let mut written = write_head(room, head, transfer, framing, &mut shared.clock());
        if written == Err(HeadError::Full) {
            // Many fields: once more, with the largest block to itself.
            self.flush(shared, More::Nothing).await?;
            let room = self.output.room(BlockClass::Large.bytes(), BlockClass::Large);
            let room = room.ok_or(CloseReason::InvalidResponse)?;
            written = write_head(room, head, transfer, framing, &mut shared.clock());
        }
        let written = written.map_err(|_| CloseReason::InvalidResponse)?.len;
        self.output.fill(written);
        self.answered_bytes += written as u64;
        self.answered_head_bytes = written as u64;
        Ok(())
    }

    /// Adds to the gathered answers what `write` writes into room for `bytes_max` octets, as many as it returns.
    pub(super) async fn gather<A>(
        &mut self,
        shared: &Shared<A>,
        bytes_max: usize,
        write: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<(), CloseReason> {
        let written = write(self.make_room(shared, bytes_max).await?);
        self.output.fill(written);
        self.answered_bytes += written as u64;
        Ok(())
    }

    /// Room for `bytes` more in the gathered answers, after a flush if need be.
    pub(super) async fn make_room<A>(
        &mut self,
        shared: &Shared<A>,
        bytes: usize,
    ) -> Result<&mut [u8], CloseReason> {
        if self.room(bytes).is_none() {
            self.flush(shared, More::Nothing).await?;
        }
        self.room(bytes).ok_or(CloseReason::InvalidResponse)
    }

    /// The same, where that needs no flush.
    pub(super) fn room(&mut self, bytes: usize) -> Option<&mut [u8]> {
        // Whoever has sent several requests at once gets one large block for the answers.
        let class = match self.input.is_empty() {
            true => BlockClass::fitting(bytes).unwrap_or(BlockClass::Large),
            false => BlockClass::Large,
        };
        self.output.room(bytes, class)
    }

    /// Hands what was gathered to the kernel, once the send before it is through.
    pub(super) async fn flush<A>(&mut self, shared: &Shared<A>, more: More) -> Result<(), CloseReason> {
        if self.output.is_empty() {
            self.output.block = None;
            return Ok(());
        }
        self.sent(shared).await?;
        self.output.start(self.stream.get_mut(), more);
        Ok(())
    }

    /// Hands what was gathered to the socket at once, held back to share a packet with the file that follows inline.
    pub(super) async fn flush_before_file<A>(&mut self, shared: &Shared<A>) -> Result<(), CloseReason> {
        self.sent(shared).await?;
        let length = self.output.filled;
        let Some(block) = &mut self.output.block else { return Ok(()) };
        let sent = match self.stream.get_mut().send_now(&block.bytes()[..length], More::Follows) {
            Ok(sent) => sent,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => return Err(CloseReason::ClientFailure),
        };
        self.output.filled = 0;
        if let Some(block) = self.output.block.take()
            && sent < length
        {
            self.stream.get_mut().start_send(block.into_chunk(sent..length), More::Follows);
            self.sent(shared).await?;
        }
        Ok(())
    }

    /// Waits until the send in flight is through. Ready at once where the client has read the last answer.
    pub(super) async fn sent<A>(&mut self, shared: &Shared<A>) -> Result<(), CloseReason> {
        let mut pace = RestingPace::default();
        let stream = self.stream.get_mut();
        let sent = paced(
            &self.deadline,
            &mut pace,
            |now| Pace::writing(now, shared.timeouts()),
            stream,
            |stream, context| stream.poll_sent(context),
            |stream| i64::from(stream.sent_bytes()) - i64::from(stream.unread_bytes()),
        );
        match sent.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(CloseReason::ClientFailure),
            Err(_) => {
                self.stream.get_mut().reset_on_drop();
                Err(CloseReason::WriteTimeout)
            }
        }
    }

    /// What is left of `answered_bytes` where the connection has failed: what the kernel had not taken by then is lost.
    pub(super) fn answered_bytes_before_failure(&mut self) -> u64 {
        let lost = self.output.filled as u64 + u64::from(self.stream.get_mut().unsent_bytes());
        self.answered_bytes.saturating_sub(lost)
    }

    /// Answers a request that is refused; the connection closes after it. Returns the octets of the answer.
    pub(super) async fn refuse<A>(&mut self, shared: &Shared<A>, refusal: Refusal, body: BodyWish) -> u64 {
        let framing = Framing { version: Version::Http11, persistence: Persistence::Close, body };
        let answered = self.answer_refusal(shared, refusal, framing).await;
        // A client that is gone needs no answer.
        let answered = match answered {
            // The end of the sending goes along.
            Ok(()) => self.flush(shared, More::Follows).await,
            Err(reason) => Err(reason),
        };
        match answered {
            Ok(()) => self.answered_bytes,
            Err(_) => self.answered_bytes_before_failure(),
        }
    }

    /// Answers with what the application wants said of a refusal, or with the engine's own text.
    pub(super) async fn answer_refusal<A>(
        &mut self,
        shared: &Shared<A>,
        refusal: Refusal,
        framing: Framing,
    ) -> Result<(), CloseReason> {
        if let Some(response) = shared.refusal_response(refusal) {
            // Boxed, so that every other request's future has not its size.
            match Box::pin(self.answer(shared, response, framing)).await {
                // Nothing of it was sent.
                Err(CloseReason::InvalidResponse) => report_unusable(),
                answered => return answered,
            }
        }
        self.answer(shared, refusal.response(), framing).await
    }
}

/// Refuses a head that would break the framing: with fields of the engine's, or with a status that is not final, so that the
/// client would wait on and take the next answer for this one.
pub(super) fn check_head(head: &ResponseHead, transfer: Transfer) -> Result<(), CloseReason> {
    let is_valid_status = match transfer {
        Transfer::Upgraded => head.status == StatusCode::SWITCHING_PROTOCOLS,
        Transfer::Tunnel => head.status.is_success(),
        _ => !head.status.is_informational(),
    };
    match is_valid_status && !head.fields.iter().any(|(name, _)| is_owned(name)) {
        true => Ok(()),
        false => Err(CloseReason::InvalidResponse),
    }
}

/// Writes a whole head that is [checked](check_head); 1xx, 204 and 304 without a length of their own (RFC 9110 sections 8.6
/// and 15.4.5).
pub(super) fn write_head(
    room: &mut [u8],
    head: &ResponseHead,
    transfer: Transfer,
    framing: Framing,
    clock: &mut Clock,
) -> Result<WrittenHead, HeadError> {
    let mut writer = HeadWriter::new(room);
    writer.status(head.status).date(clock.date());
    if let Some(content_type) = head.content_type {
        writer.content_type(content_type);
    }
    match transfer {
        Transfer::Length(length) if may_have_body(head.status) => drop(writer.content_length(length)),
        Transfer::Chunked if may_have_body(head.status) => drop(writer.chunked()),
        _ => {}
    }
    writer.fixed(&head.version_fields);
    match head.range {
        RangeField::None => {}
        RangeField::Accepted => drop(writer.accept_ranges()),
        RangeField::Part(start, length, size) => drop(writer.content_range(start, length, size)),
        RangeField::Unsatisfied(size) => drop(writer.content_range_unsatisfied(size)),
    }
    if let Some(coding) = head.content_coding {
        writer.content_coding(coding);
    }
    writer.fixed(&head.resource_fields).fixed(&head.site_fields);
    for (name, value) in &head.fields {
        writer.header(name, value);
    }
    match transfer {
        Transfer::Upgraded => drop(writer.connection_upgrade()),
        Transfer::Tunnel => {}
        _ if head.status == StatusCode::UPGRADE_REQUIRED => {
            writer.connection_upgrade_required(framing.version, framing.persistence);
        }
        _ => drop(writer.connection(framing.version, framing.persistence)),
    }
    writer.finish()
}

pub(super) fn has_body(head: &ResponseHead, framing: Framing) -> bool {
    framing.body == BodyWish::Send && may_have_body(head.status)
}

fn may_have_body(status: StatusCode) -> bool {
    !(status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED)
}
