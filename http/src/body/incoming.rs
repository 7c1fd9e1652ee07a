//! What stands between an application that reads a request's body and the connection that receives it: at most one piece.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::task::{Context, Poll, Waker, ready};

use selvedge_runtime::Chunk;

use super::request_body::BodyError;
use crate::h1::BodyDecoder;

/// A body on its way in.
#[derive(Debug)]
pub(crate) struct Incoming {
    framed: Framed,
    /// What makes its pieces, where that is not the connection.
    source: Option<RefCell<Box<dyn Source>>>,
    /// Octets of the whole body, where its framing tells.
    length: Option<u64>,
    /// The connection's: where in the framing it is.
    pub(crate) decoder: RefCell<BodyDecoder>,
    piece: RefCell<Piece>,
    /// Who waits for a piece.
    reader: RefCell<Option<Waker>>,
    /// Who receives, when a piece is asked for.
    receiver: RefCell<Option<Waker>>,
    /// Octets asked for and given so far.
    given_bytes: Cell<u64>,
    /// Octets the application wants at most.
    bytes_max: Cell<u64>,
}

/// What makes a body's pieces, such as a decoder of another's.
pub(super) trait Source: fmt::Debug {
    /// The next piece, not an empty one; `None` at the end. Not called any more after the end or an error.
    fn poll_piece(&mut self, context: &Context<'_>) -> Poll<Result<Option<Chunk>, BodyError>>;

    /// Who asked does not ask any more.
    fn stop_asking(&mut self);
}

/// What tells where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framed {
    Itself,
    /// Another protocol's octets, up to the end of the client's sending.
    ByTheConnection,
}

#[derive(Debug)]
enum Piece {
    /// Nobody asks.
    Unasked,
    /// The application waits for it.
    Asked,
    Here(Chunk),
    /// Nothing more comes.
    Over(Result<(), BodyError>),
}

impl Incoming {
    /// A request's body: of `length` octets, or chunked.
    pub(crate) fn new(length: Option<u64>, decoder: BodyDecoder, bytes_max: u64) -> Self {
        Self::framed(Framed::Itself, length, decoder, bytes_max)
    }

    /// Everything the client sends from here on.
    pub(crate) fn until_close() -> Self {
        Self::framed(Framed::ByTheConnection, None, BodyDecoder::until_close(), u64::MAX)
    }

    /// What `source` makes.
    pub(super) fn of_source(source: Box<dyn Source>, bytes_max: u64) -> Self {
        let none = Self::framed(Framed::Itself, None, BodyDecoder::until_close(), bytes_max);
        Self { source: Some(RefCell::new(source)), ..none }
    }

    fn framed(framed: Framed, length: Option<u64>, decoder: BodyDecoder, bytes_max: u64) -> Self {
        Self {
            framed,
            source: None,
            length,
            decoder: RefCell::new(decoder),
            piece: RefCell::new(Piece::Unasked),
            reader: RefCell::default(),
            receiver: RefCell::default(),
            given_bytes: Cell::new(0),
            bytes_max: Cell::new(bytes_max),
        }
    }

    // ---- the application's end ----

    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }

    pub(super) fn bytes_max(&self) -> u64 {
        self.bytes_max.get()
    }

    /// Lowers what the application wants at most.
    pub(crate) fn limit(&self, bytes_max: u64) {
        self.bytes_max.set(self.bytes_max.get().min(bytes_max));
    }

    /// The next piece, `None` at the end.
    pub(super) fn poll_piece(&self, context: &Context<'_>) -> Poll<Result<Option<Chunk>, BodyError>> {
        if self.length.is_some_and(|length| length > self.bytes_max())
            || self.given_bytes.get() > self.bytes_max()
        {
            return Poll::Ready(Err(BodyError::TooLarge));
        }
        let mut piece = self.piece.borrow_mut();
        if let (Some(source), Piece::Unasked | Piece::Asked) = (&self.source, &*piece) {
            *piece = match ready!(source.borrow_mut().poll_piece(context)) {
                Ok(Some(chunk)) => Piece::Here(chunk),
                Ok(None) => Piece::Over(Ok(())),
                Err(error) => Piece::Over(Err(error)),
            };
        }
        match std::mem::replace(&mut *piece, Piece::Asked) {
            Piece::Here(chunk) => {
                *piece = Piece::Unasked;
                let given = self.given_bytes.get() + chunk.len() as u64;
                // A shorter piece behind this one is beyond the limit too.
                self.given_bytes.set(given);
                if given > self.bytes_max() {
                    return Poll::Ready(Err(BodyError::TooLarge));
                }
                Poll::Ready(Ok(Some(chunk)))
            }
            Piece::Over(how) => {
                let over = how.clone().map(|()| None);
                *piece = Piece::Over(how);
                Poll::Ready(over)
            }
            Piece::Unasked | Piece::Asked => {
                remember(&self.reader, context);
                // Its own task comes to it by itself, after whoever asks.
                if let Some(receiver) = &*self.receiver.borrow()
                    && !receiver.will_wake(context.waker())
                {
                    receiver.wake_by_ref();
                }
                Poll::Pending
            }
        }
    }

    /// Who asked does not ask any more.
    pub(super) fn stop_asking(&self) {
        let mut piece = self.piece.borrow_mut();
        if matches!(*piece, Piece::Asked) {
            *piece = Piece::Unasked;
        }
        if let Some(source) = &self.source {
            source.borrow_mut().stop_asking();
        }
    }

    // ---- the connection's end ----

    /// Whether a piece is asked for; if not, the task is woken when one is.
    pub(crate) fn poll_asked(&self, context: &Context<'_>) -> Poll<()> {
        if matches!(*self.piece.borrow(), Piece::Asked) {
            return Poll::Ready(());
        }
        remember(&self.receiver, context);
        Poll::Pending
    }

    /// Gives the piece that was asked for; not an empty one.
    pub(crate) fn give(&self, chunk: Chunk, context: &Context<'_>) {
        *self.piece.borrow_mut() = Piece::Here(chunk);
        self.wake_reader(Some(context));
    }

    /// The client has ended its sending.
    pub(crate) fn end_of_input(&self) {
        self.end(match self.framed {
            Framed::Itself => Err(BodyError::CutShort),
            Framed::ByTheConnection => Ok(()),
        });
    }

    /// Whether it has to come at a pace: not what another protocol sends when it likes.
    pub(crate) fn is_paced(&self) -> bool {
        self.framed == Framed::Itself
    }

    /// Why the rest does not come, if it does not.
    pub(crate) fn failure(&self) -> Option<BodyError> {
        match &*self.piece.borrow() {
            Piece::Over(Err(error)) => Some(error.clone()),
            _ => None,
        }
    }

    /// Nothing more comes.
    pub(crate) fn end(&self, how: Result<(), BodyError>) {
        let mut piece = self.piece.borrow_mut();
        if !matches!(*piece, Piece::Over(_)) {
            *piece = Piece::Over(how);
            drop(piece);
            self.wake_reader(None);
        }
    }

    /// `by` is the task that goes on to poll the reader, if there is one.
    fn wake_reader(&self, by: Option<&Context<'_>>) {
        let reader = self.reader.borrow_mut().take();
        if let Some(reader) = reader
            && !by.is_some_and(|by| reader.will_wake(by.waker()))
        {
            reader.wake();
        }
    }
}

/// Remembers who polls, without a clone where that is known already.
pub(super) fn remember(waits: &RefCell<Option<Waker>>, context: &Context<'_>) {
    let mut waits = waits.borrow_mut();
    match &mut *waits {
        Some(waker) => waker.clone_from(context.waker()),
        none => *none = Some(context.waker().clone()),
    }
}
