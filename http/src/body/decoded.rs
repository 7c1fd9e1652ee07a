//! A request's body, decoded while it is pulled. In: pieces of an encoded body. Out: pieces of what it says.

use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use selvedge_runtime::Chunk;

use super::incoming::{Incoming, Source};
use super::request_body::{BodyError, RequestBody};
use crate::content_coding::{Broken, Decoder};

/// Octets of a decoded piece.
const PIECE_BYTES_MAX: usize = 16 * 1024;
/// Octets that a body takes in and makes before others have their turn: a few hundred octets may make very many.
const TURN_BYTES_MAX: usize = 64 * 1024;

impl RequestBody {
    /// What `decoder` makes of this body, at most `bytes_max` octets; it keeps `share` until the body is dropped. `None`
    /// where there is no body.
    pub(crate) fn decoded(
        &self,
        decoder: Decoder,
        bytes_max: u64,
        share: impl fmt::Debug + 'static,
    ) -> Option<Rc<Incoming>> {
        let encoded = Rc::clone(self.incoming.as_ref()?);
        let wants = Wants::Input;
        let source = Decoded { encoded, ahead: Bytes::new(), decoder, wants, turn_bytes: 0, _share: share };
        Some(Rc::new(Incoming::of_source(Box::new(source), bytes_max)))
    }
}

/// A body that is made of an encoded one.
#[derive(Debug)]
struct Decoded<S> {
    encoded: Rc<Incoming>,
    /// Received, and not yet decoded: at most a receive buffer's octets.
    ahead: Bytes,
    decoder: Decoder,
    wants: Wants,
    /// Octets taken in and made in this turn.
    turn_bytes: usize,
    _share: S,
}

/// What a decoder cannot go on without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    Input,
    Room,
}

impl<S: fmt::Debug> Source for Decoded<S> {
    fn poll_piece(&mut self, context: &Context<'_>) -> Poll<Result<Option<Chunk>, BodyError>> {
        loop {
            if self.turn_bytes >= TURN_BYTES_MAX {
                self.turn_bytes = 0;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.ahead.is_empty() && self.wants == Wants::Input {
                match ready!(self.encoded.poll_piece(context))? {
                    // A copy: the receive buffer may not wait for who decodes it.
                    Some(chunk) => self.ahead = Bytes::copy_from_slice(&chunk),
                    None => {
                        return Poll::Ready(self.decoder.finish().map(|()| None).map_err(BodyError::from));
                    }
                }
            }
            let mut piece = vec![0; PIECE_BYTES_MAX];
            let step = self.decoder.decode(&self.ahead, &mut piece)?;
            if step.taken == 0 && step.made == 0 && !self.ahead.is_empty() {
                return Poll::Ready(Err(Broken.into()));
            }
            self.ahead.advance(step.taken);
            self.turn_bytes += step.taken + step.made;
            self.wants = if step.made == piece.len() { Wants::Room } else { Wants::Input };
            if step.made > 0 {
                piece.truncate(step.made);
                return Poll::Ready(Ok(Some(piece.into())));
            }
        }
    }

    fn stop_asking(&mut self) {
        self.encoded.stop_asking();
    }
}

impl From<Broken> for BodyError {
    fn from(_: Broken) -> Self {
        Self::Unreadable
    }
}
