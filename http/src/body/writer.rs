//! The application's end of a response's body.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::Context;

use http::{HeaderName, HeaderValue};
use selvedge_runtime::Chunk;

use super::outgoing::{Ending, Outgoing};

/// Writes a response's body, as fast as its client reads it: at most 64 KiB wait, and then the writer does.
///
/// What was written is sent at once; what is written before the connection's next turn goes together. Dropped without
/// [`finish`](Self::finish), it ends the connection, so that the client sees that the body is not whole; the writer of
/// [`Response::stream`](crate::Response::stream) is finished by its function's end.
///
/// ```
/// use selvedge_http::{Request, Response, testing};
/// use selvedge_runtime::spawn_detached;
///
/// async fn countdown(_: Request<'_>) -> Response {
///     let (mut body, response) = Response::channel();
///     spawn_detached("countdown", async move {
///         for number in ["3 ", "2 ", "1"] {
///             // Nobody reads it any more.
///             let Ok(()) = body.send(number).await else { return };
///         }
///         body.finish();
///     });
///     response
/// }
///
/// testing::run(|| countdown, async |client| {
///     client.get("/").send().await.assert_text("3 2 1").await;
/// });
/// ```
#[derive(Debug)]
pub struct BodyWriter {
    outgoing: Rc<Outgoing>,
    at_drop: AtDrop,
}

/// What the end of a writer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtDrop {
    /// The body is not whole.
    Abort,
    /// Nothing: somebody else says what follows.
    Nothing,
}

impl BodyWriter {
    pub(super) fn new(outgoing: Rc<Outgoing>, at_drop: AtDrop) -> Self {
        Self { outgoing, at_drop }
    }

    /// Another writer of the same body, whose end means nothing. Whole chunks of both do not mix; nobody may wait for
    /// room or a flush with both but in one task.
    pub(crate) fn twin(&self) -> Self {
        Self::new(Rc::clone(&self.outgoing), AtDrop::Nothing)
    }

    /// Adds a chunk, if something may be added without a wait.
    pub(crate) fn send_if_room(&mut self, chunk: Chunk, context: &Context<'_>) {
        // Without a word to be woken by: who waits for room is another.
        if self.outgoing.has_room() {
            self.outgoing.push(chunk, context);
        }
    }

    /// Writes a copy of `bytes`.
    ///
    /// # Errors
    /// When nobody reads any more: `BrokenPipe`, mostly.
    pub async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let copied = poll_fn(|context| {
                self.outgoing.poll_room(context).map_ok(|()| self.outgoing.copy(bytes, context))
            });
            bytes = &bytes[copied.await?..];
        }
        Ok(())
    }

    /// Writes a chunk without a copy: of the program itself, of a file block, of [`bytes::Bytes`].
    ///
    /// # Errors
    /// As [`write`](Self::write); `InvalidInput` for a chunk of 4 GiB or more.
    pub async fn send(&mut self, chunk: impl Into<Chunk>) -> io::Result<()> {
        let chunk = chunk.into();
        if u32::try_from(chunk.len()).is_err() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut chunk = Some(chunk);
        poll_fn(|context| {
            self.outgoing.poll_room(context).map_ok(|()| {
                if let Some(chunk) = chunk.take() {
                    self.outgoing.push(chunk, context);
                }
            })
        })
        .await
    }

    /// Waits until the kernel has all that was written.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|context| self.outgoing.poll_flushed(context)).await
    }

    /// Ends the body.
    pub fn finish(self) {
        self.outgoing.end(Ending::Finished(Vec::new()));
    }

    /// Ends the body with trailer fields (RFC 9110 section 6.5). Where it is not chunked they are left out: for clients of
    /// HTTP/1.0, and where the length was said.
    pub fn finish_with_trailers(self, trailers: Vec<(HeaderName, HeaderValue)>) {
        self.outgoing.end(Ending::Finished(trailers));
    }

    /// Ends the connection: the body will not be whole.
    pub fn abort(self) {
        self.outgoing.end(Ending::Aborted);
    }
}

impl Drop for BodyWriter {
    fn drop(&mut self) {
        if self.at_drop == AtDrop::Abort {
            self.outgoing.end(Ending::Aborted);
        }
    }
}
