//! What stands between an application that writes a response's body and the connection that sends it: a bounded queue of
//! pieces.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll, Waker};

use http::{HeaderName, HeaderValue};
use selvedge_runtime::{BlockClass, Chunk};

use super::incoming::remember;
use crate::block::Block;
use crate::h1::chunked::{LAST_CHUNK_BYTES, SIZE_LINE_BYTES_MAX};

/// Octets that wait to be sent before a writer has to wait. One piece may be larger.
const QUEUED_BYTES_MAX: usize = 64 * 1024;
/// Pieces that wait, each with a block or a buffer of its own, before a writer has to.
const QUEUED_PIECES_MAX: usize = 64;

/// A body on its way out.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    queue: RefCell<Queue>,
    /// Who waits for room, or for everything to be sent.
    writer: RefCell<Option<Waker>>,
    /// Who sends, when there is something new.
    sender: RefCell<Option<Waker>>,
}

#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    /// Octets in `pieces`.
    queued_bytes: usize,
    /// Octets taken that the kernel has not got yet.
    in_flight: InFlight,
    ending: Ending,
    /// Nobody reads any more.
    broken: Option<io::ErrorKind>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum InFlight {
    Something,
    #[default]
    Nothing,
}

/// What follows the pieces.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    /// More pieces.
    #[default]
    Open,
    /// The body's end, with these trailer fields.
    Finished(Vec<(HeaderName, HeaderValue)>),
    /// Nothing: the body is not whole.
    Aborted,
}

/// A part of a body that waits to be sent; never empty.
#[derive(Debug)]
pub(crate) enum Piece {
    /// As it was given.
    Whole(Chunk),
    /// Copied, with room around it for the framing.
    Copied(Framable),
}

/// A block with octets in its middle: in front of them stays room for a chunk's size, behind them for its end and the
/// body's.
#[derive(Debug)]
pub(crate) struct Framable {
    block: Block,
    end: usize,
}

impl Framable {
    const FRONT: usize = SIZE_LINE_BYTES_MAX;
    const BACK: usize = 2 + LAST_CHUNK_BYTES;

    fn new(class: BlockClass) -> Self {
        Self { block: Block::new(class, BlockClass::Small.bytes()), end: Self::FRONT }
    }

    fn room(&mut self) -> usize {
        self.block.bytes().len() - Self::BACK - self.end
    }

    fn append(&mut self, bytes: &[u8]) {
        self.block.bytes()[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    pub(crate) fn len(&self) -> usize {
        self.end - Self::FRONT
    }

    pub(crate) fn bytes(&mut self) -> &[u8] {
        &self.block.bytes()[Self::FRONT..self.end]
    }

    /// The octets with `front` before and `back` behind them, both of which must fit.
    pub(crate) fn framed(mut self, front: &[u8], back: &[u8]) -> Chunk {
        let start = Self::FRONT - front.len();
        let bytes = self.block.bytes();
        bytes[start..Self::FRONT].copy_from_slice(front);
        bytes[self.end..self.end + back.len()].copy_from_slice(back);
        self.block.into_chunk(start..self.end + back.len())
    }
}

impl Piece {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Whole(chunk) => chunk.len(),
            Self::Copied(framable) => framable.len(),
        }
    }
}

impl Queue {
    fn has_room(&self) -> bool {
        self.queued_bytes < QUEUED_BYTES_MAX && self.pieces.len() < QUEUED_PIECES_MAX
    }
}

impl Outgoing {
    // ---- the application's end ----

    /// Ready when there is room for a piece.
    pub(super) fn poll_room(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        let queue = self.queue.borrow();
        match queue.broken {
            Some(kind) => Poll::Ready(Err(kind.into())),
            None if queue.has_room() => Poll::Ready(Ok(())),
            None => {
                remember(&self.writer, context);
                Poll::Pending
            }
        }
    }

    /// Whether there is room for a piece, and somebody who may read it.
    pub(super) fn has_room(&self) -> bool {
        let queue = self.queue.borrow();
        queue.broken.is_none() && queue.has_room()
    }

    /// Ready when the kernel has all that was written.
    pub(super) fn poll_flushed(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        let queue = self.queue.borrow();
        match queue.broken {
            Some(kind) => Poll::Ready(Err(kind.into())),
            None if queue.queued_bytes == 0 && queue.in_flight == InFlight::Nothing => Poll::Ready(Ok(())),
            None => {
                remember(&self.writer, context);
                Poll::Pending
            }
        }
    }

    /// Copies from the front of `bytes`, after [`poll_room`](Self::poll_room); returns how many octets.
    pub(super) fn copy(&self, bytes: &[u8], context: &Context<'_>) -> usize {
        let mut queue = self.queue.borrow_mut();
        let bytes = &bytes[..bytes.len().min(QUEUED_BYTES_MAX.saturating_sub(queue.queued_bytes))];
        let room = match queue.pieces.back_mut() {
            Some(Piece::Copied(last)) => last.room(),
            _ => 0,
        };
        let copied = if room > 0 {
            bytes.len().min(room)
        } else {
            let small = BlockClass::Small.bytes() - Framable::FRONT - Framable::BACK;
            let is_full = matches!(queue.pieces.back(), Some(Piece::Copied(_)));
            let class = if bytes.len() <= small && !is_full { BlockClass::Small } else { BlockClass::Large };
            let mut new = Framable::new(class);
            let copied = bytes.len().min(new.room());
            queue.pieces.push_back(Piece::Copied(new));
            copied
        };
        if let Some(Piece::Copied(last)) = queue.pieces.back_mut() {
            last.append(&bytes[..copied]);
        }
        queue.queued_bytes += copied;
        drop(queue);
        self.wake_sender(context);
        copied
    }

    /// Adds a piece, after [`poll_room`](Self::poll_room).
    pub(super) fn push(&self, chunk: Chunk, context: &Context<'_>) {
        if chunk.is_empty() {
            return;
        }
        let mut queue = self.queue.borrow_mut();
        queue.queued_bytes += chunk.len();
        queue.pieces.push_back(Piece::Whole(chunk));
        drop(queue);
        self.wake_sender(context);
    }

    /// Says what follows, unless that was said before.
    pub(super) fn end(&self, ending: Ending) {
        let mut queue = self.queue.borrow_mut();
        if queue.ending == Ending::Open {
            queue.ending = ending;
            drop(queue);
            if let Some(sender) = self.sender.borrow_mut().take() {
                sender.wake();
            }
        }
    }

    /// Its own task comes to it by itself, after whoever writes.
    fn wake_sender(&self, context: &Context<'_>) {
        let mut sender = self.sender.borrow_mut();
        if sender.as_ref().is_some_and(|sender| !sender.will_wake(context.waker()))
            && let Some(sender) = sender.take()
        {
            sender.wake();
        }
    }

    // ---- the connection's end ----

    /// The task is woken when something new is there.
    pub(crate) fn wait(&self, context: &Context<'_>) {
        remember(&self.sender, context);
    }

    /// Takes the next piece, and makes room for another.
    pub(crate) fn take(&self) -> Option<Piece> {
        let mut queue = self.queue.borrow_mut();
        let piece = queue.pieces.pop_front()?;
        queue.queued_bytes -= piece.len();
        queue.in_flight = InFlight::Something;
        drop(queue);
        self.wake_writer();
        Some(piece)
    }

    /// The kernel has all that was taken.
    pub(crate) fn note_sent(&self) {
        let mut queue = self.queue.borrow_mut();
        if std::mem::replace(&mut queue.in_flight, InFlight::Nothing) == InFlight::Something {
            drop(queue);
            self.wake_writer();
        }
    }

    /// What follows, once all pieces were taken.
    pub(crate) fn take_ending(&self) -> Ending {
        let mut queue = self.queue.borrow_mut();
        match queue.pieces.is_empty() {
            true => std::mem::take(&mut queue.ending),
            false => Ending::Open,
        }
    }

    /// Whoever writes on gets this error.
    pub(crate) fn break_off(&self, kind: io::ErrorKind) {
        let mut queue = self.queue.borrow_mut();
        queue.broken = Some(kind);
        let pieces = std::mem::take(&mut queue.pieces);
        drop(queue);
        // Chunks of an application may run code of its own.
        drop(pieces);
        self.wake_writer();
    }

    fn wake_writer(&self) {
        if let Some(writer) = self.writer.borrow_mut().take() {
            writer.wake();
        }
    }
}
