//! A request's body that a layer has put in place of the one that is received: decompressed, counted, made up. It is pulled
//! for as long as the application asks for it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::Body;

use super::{BoxError, RequestBody, body_error};
use crate::body::{BodyError, Incoming};
use crate::h1::BodyDecoder;

type Pull = Box<dyn FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>>>;

/// A body that is not the one received.
pub(super) struct OtherBody {
    pull: Pull,
    length: Option<u64>,
}

/// What brings it to the application, piece by piece.
pub(super) struct Feed {
    incoming: Rc<Incoming>,
    pull: Pull,
}

impl OtherBody {
    /// `None` where `body` is the request's own.
    pub(super) fn of<B>(body: B) -> Option<Self>
    where
        B: Body + 'static,
        B::Error: Into<BoxError>,
    {
        if std::any::TypeId::of::<B>() == std::any::TypeId::of::<RequestBody>() {
            return None;
        }
        let length = body.size_hint().exact();
        let mut body = Box::pin(body);
        let pull = Box::new(move |context: &mut Context<'_>| {
            loop {
                let frame = match ready!(body.as_mut().poll_frame(context)) {
                    None => return Poll::Ready(None),
                    Some(Err(error)) => {
                        let error: BoxError = error.into();
                        return Poll::Ready(Some(Err(body_error(&*error).unwrap_or(BodyError::Unreadable))));
                    }
                    Some(Ok(frame)) => frame,
                };
                // Trailers have no place in a request's body here; an empty piece would be its end.
                if let Ok(mut data) = frame.into_data()
                    && data.has_remaining()
                {
                    return Poll::Ready(Some(Ok(data.copy_to_bytes(data.remaining()))));
                }
            }
        });
        Some(Self { pull, length })
    }

    /// A feed of at most `bytes_max` octets.
    pub(super) fn feed(self, bytes_max: u64) -> Feed {
        // It is never decoded: the pieces are the body.
        let incoming = Incoming::new(self.length, BodyDecoder::until_close(), bytes_max);
        Feed { incoming: Rc::new(incoming), pull: self.pull }
    }
}

impl Feed {
    /// The application's end of it.
    pub(super) fn incoming(&self) -> Rc<Incoming> {
        Rc::clone(&self.incoming)
    }

    /// Brings the next piece, if one is asked for. Ready when there is something new for who asked.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        ready!(self.incoming.poll_asked(context));
        match ready!((self.pull)(context)) {
            Some(Ok(bytes)) => self.incoming.give(bytes.into(), context),
            Some(Err(error)) => self.incoming.end(Err(error)),
            None => self.incoming.end(Ok(())),
        }
        Poll::Ready(())
    }

    /// Feeds `reader` while it runs.
    pub(super) async fn run<T>(&mut self, reader: impl Future<Output = T>) -> T {
        let mut reader = pin!(reader);
        poll_fn(|context| {
            loop {
                if let Poll::Ready(output) = reader.as_mut().poll(context) {
                    return Poll::Ready(output);
                }
                ready!(self.poll(context));
            }
        })
        .await
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.incoming.end(Err(BodyError::ExchangeOver));
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}
