//! Steps 7 and 8 of a request's walk, head and send. In: a response. Out: octets in order, in as few sends as can be: a
//! prepared response alone goes out as it stands, answers to pipelined requests are gathered in one block.
//! Next: release, which is the drop of what was sent.

use std::io;
use std::ops::Range;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderName, StatusCode, header};
use selvedge_runtime::net::{More, Stream};
use selvedge_runtime::{BlockClass, BufferPool, Chunk, Lease};

use super::Connection;
use super::pace::{Pace, Step, paced};
use crate::clock::Clock;
use crate::h1::{BodyWish, ErrorResponse, HeadError, HeadWriter, Persistence, Reject, Version};
use crate::record::CloseReason;
use crate::response::{Body, Prepared, RangeField, Response, ResponseHead};
use crate::shared::Shared;

/// Octets of one send, and of one connection's answers in one turn.
pub(super) const SEND_BYTES_MAX: usize = 256 * 1024;
/// Room for answers on the heap: a head, or an error with its body.
const HEAP_BLOCK_BYTES_MIN: usize = 1_024;
/// Fields the engine owns: an application's would contradict the framing.
const OWNED: [HeaderName; 4] =
    [header::DATE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];

/// Answers gathered and not yet handed to the kernel.
#[derive(Debug, Default)]
pub(super) struct Output {
    block: Option<Block>,
    filled: usize,
}

/// Room for answers: from the pool, or from the heap where slow readers hold the whole pool.
#[derive(Debug)]
enum Block {
    Pooled(Lease),
    Heap(Vec<u8>),
}

impl Block {
    /// One of the class; where there is none, room for `bytes` and little more.
    fn new(class: BlockClass, bytes: usize) -> Self {
        let lease =
            BufferPool::lease(class).or_else(|| BlockClass::fitting(bytes).and_then(BufferPool::lease));
        match lease {
            Some(lease) => Self::Pooled(lease),
            None => Self::Heap(vec![0; bytes.max(HEAP_BLOCK_BYTES_MIN)]),
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        match self {
            Self::Pooled(lease) => lease,
            Self::Heap(bytes) => bytes,
        }
    }

    fn into_chunk(self, range: Range<usize>) -> Chunk {
        match self {
            Self::Pooled(lease) => Chunk::Shared(lease.share(), range.start as u32..range.end as u32),
            Self::Heap(bytes) => Bytes::from(bytes).slice(range).into(),
        }
    }
}

impl Output {
    pub(super) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Hands what was gathered to the kernel as soon as the send before it is through; the task is woken then.
    pub(super) fn poll_start(&mut self, stream: &mut Stream, context: &Context<'_>) -> io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        if let Poll::Ready(sent) = stream.poll_sent(context) {
            sent?;
            let length = std::mem::take(&mut self.filled);
            if let Some(block) = self.block.take() {
                stream.start_send(block.into_chunk(0..length), More::Nothing);
            }
        }
        Ok(())
    }

    /// The free room, at least `bytes` of it; `None` if that needs a flush first.
    fn room(&mut self, bytes: usize, class: BlockClass) -> Option<&mut [u8]> {
        let filled = self.filled;
        let block = self.block.get_or_insert_with(|| Block::new(class, bytes));
        let room = &mut block.bytes()[filled..];
        (room.len() >= bytes).then_some(room)
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = self.room(bytes.len(), BlockClass::Small).expect("the caller has made room");
        room[..bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }
}

/// What the head of a response must say besides what the application said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Framing {
    pub(super) version: Version,
    pub(super) persistence: Persistence,
    pub(super) body: BodyWish,
}

impl Connection {
    /// Answers, up to the kernel taking the last octets. Returns how many octets the answer has.
    pub(super) async fn answer<A>(
        &mut self,
        shared: &Shared<A>,
        response: Response,
        framing: Framing,
    ) -> Result<u64, CloseReason> {
        // An interim response would leave the client waiting for the final one, and take the next answer for it.
        if response.head.status.is_informational() {
            return Err(CloseReason::InvalidResponse);
        }
        match response.body {
            Body::Prepared(prepared) => self.answer_prepared(shared, prepared, framing).await,
            Body::Error { reason } => {
                let error =
                    ErrorResponse { status: response.head.status, reason, allow: response.head.allow };
                let room = self.make_room(shared, 1_024).await?;
                let written = error.write(
                    room,
                    shared.clock().date(),
                    framing.version,
                    framing.persistence,
                    framing.body,
                );
                let written = written.map_err(|_| CloseReason::InvalidResponse)?;
                self.output.filled += written;
                Ok(written as u64)
            }
            Body::Empty => self.answer_head(shared, &response.head, 0, framing).await,
            // A send has at most as many.
            Body::Full(chunk) if u32::try_from(chunk.len()).is_err() => Err(CloseReason::InvalidResponse),
            Body::Full(chunk) => {
                let head = self.answer_head(shared, &response.head, chunk.len() as u64, framing).await?;
                if framing.body == BodyWish::Omit || chunk.is_empty() || !may_have_body(response.head.status)
                {
                    return Ok(head);
                }
                let total = head + chunk.len() as u64;
                self.answer_chunk(shared, chunk).await?;
                Ok(total)
            }
            Body::File(part) => {
                let head = self.answer_head(shared, &response.head, part.length, framing).await?;
                if framing.body == BodyWish::Omit || part.length == 0 || !may_have_body(response.head.status)
                {
                    return Ok(head);
                }
                self.answer_file(shared, &part).await?;
                Ok(head + part.length)
            }
        }
    }

    /// The hot path: nothing gathered, nothing more received: the block goes out as it stands.
    async fn answer_prepared<A>(
        &mut self,
        shared: &Shared<A>,
        prepared: Prepared,
        framing: Framing,
    ) -> Result<u64, CloseReason> {
        let Prepared { block, head_bytes, bytes } = prepared;
        let length = if framing.body == BodyWish::Send { bytes } else { head_bytes };
        let plain = framing.version == Version::Http11 && framing.persistence == Persistence::Reuse;
        if plain && self.output.is_empty() && self.input.is_empty() {
            self.sent(shared).await?;
            self.stream.get_mut().start_send(Chunk::Shared(block, 0..length), More::Nothing);
            return Ok(u64::from(length));
        }
        let before_end = &block[..head_bytes as usize - 2];
        let connection: &[u8] = match (framing.persistence, framing.version) {
            (Persistence::Close, _) => b"connection: close\r\n\r\n",
            (Persistence::Reuse, Version::Http10) => b"connection: keep-alive\r\n\r\n",
            (Persistence::Reuse, Version::Http11) => b"\r\n",
        };
        let body = head_bytes..length.max(head_bytes);
        let total = before_end.len() + connection.len() + body.len();
        if total <= BlockClass::Large.bytes() {
            self.make_room(shared, total).await?;
            self.output.append(before_end);
            self.output.append(connection);
            self.output.append(&block[body.start as usize..body.end as usize]);
        } else {
            self.make_room(shared, before_end.len() + connection.len()).await?;
            self.output.append(before_end);
            self.output.append(connection);
            self.answer_chunk(shared, Chunk::Shared(block, body)).await?;
        }
        Ok(total as u64)
    }

    async fn answer_chunk<A>(&mut self, shared: &Shared<A>, chunk: Chunk) -> Result<(), CloseReason> {
        if chunk.len() <= BlockClass::Small.bytes() {
            self.make_room(shared, chunk.len()).await?;
            self.output.append(&chunk);
            return Ok(());
        }
        self.flush(shared, More::Follows).await?;
        self.sent(shared).await?;
        let length = chunk.len();
        self.stream.get_mut().start_send(chunk, More::Nothing);
        // A parked connection's last send is judged as a whole, so what takes long is waited for here.
        if length > SEND_BYTES_MAX { self.sent(shared).await } else { Ok(()) }
    }

    async fn answer_head<A>(
        &mut self,
        shared: &Shared<A>,
        head: &ResponseHead,
        length: u64,
        framing: Framing,
    ) -> Result<u64, CloseReason> {
        if head.fields.iter().any(|(name, _)| OWNED.contains(name)) {
            return Err(CloseReason::InvalidResponse);
        }
        let room = self.make_room(shared, 1_024).await?;
        let mut written = write_head(room, head, length, framing, &mut shared.clock());
        if written == Err(HeadError::Full) {
            // Many fields: once more, with the largest block to itself.
            self.flush(shared, More::Nothing).await?;
            let room = self.output.room(BlockClass::Large.bytes(), BlockClass::Large);
            let room = room.ok_or(CloseReason::InvalidResponse)?;
            written = write_head(room, head, length, framing, &mut shared.clock());
        }
        let written = written.map_err(|_| CloseReason::InvalidResponse)?;
        self.output.filled += written;
        Ok(written as u64)
    }

    /// Room for `bytes` more in the gathered answers, after a flush if need be.
    async fn make_room<A>(&mut self, shared: &Shared<A>, bytes: usize) -> Result<&mut [u8], CloseReason> {
        // Whoever has sent several requests at once gets one large block for the answers.
        let class = match self.input.is_empty() {
            true => BlockClass::fitting(bytes).unwrap_or(BlockClass::Large),
            false => BlockClass::Large,
        };
        if self.output.room(bytes, class).is_none() {
            self.flush(shared, More::Nothing).await?;
        }
        self.output.room(bytes, class).ok_or(CloseReason::InvalidResponse)
    }

    /// Hands what was gathered to the kernel, once the send before it is through.
    pub(super) async fn flush<A>(&mut self, shared: &Shared<A>, more: More) -> Result<(), CloseReason> {
        if self.output.is_empty() {
            self.output.block = None;
            return Ok(());
        }
        self.sent(shared).await?;
        let length = std::mem::take(&mut self.output.filled);
        if let Some(block) = self.output.block.take() {
            self.stream.get_mut().start_send(block.into_chunk(0..length), more);
        }
        Ok(())
    }

    /// Hands what was gathered to the socket at once, held back to share a packet with the file that follows inline.
    pub(super) async fn flush_before_file<A>(&mut self, shared: &Shared<A>) -> Result<(), CloseReason> {
        self.sent(shared).await?;
        let length = std::mem::take(&mut self.output.filled);
        let Some(mut block) = self.output.block.take() else { return Ok(()) };
        let sent = match self.stream.get_mut().send_now(&block.bytes()[..length], More::Follows) {
            Ok(sent) => sent,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => return Err(CloseReason::ClientFailure),
        };
        if sent < length {
            self.stream.get_mut().start_send(block.into_chunk(sent..length), More::Follows);
            self.sent(shared).await?;
        }
        Ok(())
    }

    /// Waits until the send in flight is through. Ready at once where the client has read the last answer.
    pub(super) async fn sent<A>(&mut self, shared: &Shared<A>) -> Result<(), CloseReason> {
        let mut pace = Pace::writing(selvedge_runtime::now(), shared.timeouts());
        let stream = self.stream.get_mut();
        let sent = paced(&self.deadline, &mut pace, |context| {
            let poll = stream.poll_sent(context);
            Step::of(poll, || u64::from(stream.sent_bytes()))
        });
        match sent.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(CloseReason::ClientFailure),
            Err(_) => {
                self.stream.get_mut().reset_on_drop();
                Err(CloseReason::WriteTimeout)
            }
        }
    }

    /// Answers a request that is refused; the connection closes after it. Returns the octets of the answer.
    pub(super) async fn refuse<A>(&mut self, shared: &Shared<A>, reject: Reject, body: BodyWish) -> u64 {
        let response = Response::error(reject.status(), reject.reason());
        let framing = Framing { version: Version::Http11, persistence: Persistence::Close, body };
        // A client that is gone needs no answer.
        let Ok(bytes) = self.answer(shared, response, framing).await else { return 0 };
        match self.flush(shared, More::Nothing).await {
            Ok(()) => bytes,
            Err(_) => 0,
        }
    }
}

/// Writes a whole head; 1xx, 204 and 304 without a length of their own (RFC 9110 sections 8.6 and 15.4.5).
fn write_head(
    room: &mut [u8],
    head: &ResponseHead,
    length: u64,
    framing: Framing,
    clock: &mut Clock,
) -> Result<usize, HeadError> {
    let unix_s = clock.unix_s();
    let mut writer = HeadWriter::new(room);
    writer.status(head.status).date(clock.date());
    if let Some(content_type) = head.content_type {
        writer.field("content-type", content_type.as_bytes());
    }
    if may_have_body(head.status) {
        writer.content_length(length);
    }
    if let Some(modified_unix_s) = head.modified_unix_s {
        writer.last_modified(&crate::h1::date::format_date(modified_unix_s.min(unix_s)));
    }
    if let Some(tag) = &head.entity_tag {
        writer.field("etag", tag.as_bytes());
    }
    match head.range {
        RangeField::None => {}
        RangeField::Accepted => drop(writer.accept_ranges()),
        RangeField::Part(start, length, size) => drop(writer.content_range(start, length, size)),
        RangeField::Unsatisfied(size) => drop(writer.content_range_unsatisfied(size)),
    }
    if let Some(allow) = head.allow {
        writer.field("allow", allow.as_bytes());
    }
    if let Some(location) = &head.location {
        writer.field("location", location);
    }
    for (name, value) in &head.fields {
        writer.header(name, value);
    }
    writer.connection(framing.version, framing.persistence);
    writer.finish().map(|written| written.len)
}

fn may_have_body(status: StatusCode) -> bool {
    !(status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED)
}
