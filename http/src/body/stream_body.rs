//! A response's body that is written while it is sent, as it stands in the response.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::outgoing::{Ending, Outgoing};
use super::writer::{AtDrop, BodyWriter};

pub(crate) type Producing = Pin<Box<dyn Future<Output = io::Result<()>>>>;

/// A body that is written while it is sent.
///
/// ```
/// use selvedge_http::{Request, Response, StreamBody, testing};
///
/// async fn squares(_: Request<'_>) -> Response {
///     let body = StreamBody::of(async |mut writer| {
///         for number in 1..=3_u32 {
///             writer.write(format!("{} ", number.pow(2)).as_bytes()).await?;
///         }
///         Ok(())
///     });
///     Response::of_stream(body.with_length(6))
/// }
///
/// testing::run(|| squares, async |client| {
///     client.get("/").send().await.assert_header("content-length", "6").assert_text("1 4 9 ").await;
/// });
/// ```
pub struct StreamBody {
    outgoing: Rc<Outgoing>,
    /// Who writes, where the connection's own task runs it.
    producing: Option<Producing>,
    length: Option<u64>,
}

impl StreamBody {
    /// A body that `produce` writes, in the connection's task, while the client reads.
    pub fn of<F>(produce: impl FnOnce(BodyWriter) -> F) -> Self
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        let outgoing = Rc::new(Outgoing::default());
        let producing = produce(BodyWriter::new(Rc::clone(&outgoing), AtDrop::Nothing));
        Self { outgoing, producing: Some(Box::pin(producing)), length: None }
    }

    /// A body, and its writer for another task of this worker.
    pub fn channel() -> (BodyWriter, Self) {
        let outgoing = Rc::new(Outgoing::default());
        let writer = BodyWriter::new(Rc::clone(&outgoing), AtDrop::Abort);
        (writer, Self { outgoing, producing: None, length: None })
    }

    /// The same of as many octets, which the client is told. If others come, the connection closes.
    pub fn with_length(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }

    /// Octets, where that was said.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Puts `wrap` around whoever writes it, if that is this body's own.
    #[cfg(feature = "tokio")]
    pub(crate) fn around(&mut self, wrap: impl FnOnce(Producing) -> Producing) {
        self.producing = self.producing.take().map(wrap);
    }

    pub(crate) fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    /// Lets whoever writes go on. What it says at its end follows the pieces; a panic is a body that is not whole.
    pub(crate) fn poll_produce(&mut self, context: &mut Context<'_>) {
        let Some(producing) = &mut self.producing else { return };
        // Unwind safe, as it is not polled again. A panic that went on would close the connection as if its body were
        // whole, for clients who know its end by that.
        let ending = match catch_unwind(AssertUnwindSafe(|| producing.as_mut().poll(context))) {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(Ok(()))) => Ending::Finished(Vec::new()),
            Ok(Poll::Ready(Err(error))) => {
                // Of a client that is gone, which is no news.
                if error.kind() != io::ErrorKind::BrokenPipe {
                    selvedge_runtime::report_failure("the writer of a body failed", &error);
                }
                Ending::Aborted
            }
            Err(panic) => {
                selvedge_runtime::report_panic("the writer of a body panicked", panic);
                Ending::Aborted
            }
        };
        self.producing = None;
        self.outgoing.end(ending);
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        self.outgoing.break_off(io::ErrorKind::BrokenPipe);
    }
}

impl fmt::Debug for StreamBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBody").field("length", &self.length).finish_non_exhaustive()
    }
}
