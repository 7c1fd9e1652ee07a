//! A response's body, pulled piece by piece, whatever it is made of: for middleware that changes bodies, for adapters, and for
//! tests. The connection does not read bodies this way: it sends files and prepared responses as they are.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use selvedge_runtime::fs;
use selvedge_runtime::{BlockClass, BufferPool, Chunk, Lease, timer};

use super::outgoing::{Ending, Piece};
use super::stream_body::StreamBody;
use crate::response::FilePart;

/// A response's body, pulled piece by piece.
///
/// ```
/// use selvedge_http::middleware::{Next, from_fn};
/// use selvedge_http::{Application, Request, Response, StreamBody, testing};
///
/// async fn loudly<A: Application>(request: Request<'_>, next: Next<'_, A>) -> Response {
///     let (head, mut body) = next.call(request).await.into_reader();
///     let loud = StreamBody::of(async move |mut writer| {
///         while let Some(piece) = body.chunk().await? {
///             writer.write(&piece.to_ascii_uppercase()).await?;
///         }
///         Ok(())
///     });
///     Response::new(head, loud.into())
/// }
///
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
///
/// testing::run(|| hello.with(from_fn(loudly)), async |client| {
///     client.get("/").send().await.assert_content_type("text/plain").assert_text("HELLO").await;
/// });
/// ```
pub struct BodyReader {
    length: Option<u64>,
    parts: VecDeque<Part>,
    reading: Option<Reading>,
    trailers: Vec<(HeaderName, HeaderValue)>,
}

type Reading = Pin<Box<dyn Future<Output = io::Result<Lease>>>>;

/// A run of octets of a body.
#[derive(Debug)]
pub(crate) enum Part {
    Chunk(Chunk),
    File(FilePart),
    Stream(Box<StreamBody>),
}

impl BodyReader {
    /// A body of these parts; `length` where it is known.
    pub(crate) fn new(length: Option<u64>, parts: VecDeque<Part>) -> Self {
        Self { length, parts, reading: None, trailers: Vec::new() }
    }

    /// Octets of the whole body, where that is known.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next piece, never an empty one; `None` at the end.
    ///
    /// # Errors
    /// When the body is not brought to its end: its writer has failed, its file has changed.
    pub async fn chunk(&mut self) -> io::Result<Option<Chunk>> {
        poll_fn(|context| self.poll_chunk(context)).await
    }

    /// As [`chunk`](Self::chunk).
    pub fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Chunk>>> {
        loop {
            let Some(part) = self.parts.front_mut() else { return Poll::Ready(Ok(None)) };
            match part {
                Part::Chunk(_) => {
                    if let Some(Part::Chunk(chunk)) = self.parts.pop_front()
                        && !chunk.is_empty()
                    {
                        return Poll::Ready(Ok(Some(chunk)));
                    }
                }
                Part::File(part) if part.length == 0 => drop(self.parts.pop_front()),
                Part::File(part) => {
                    let reading = self.reading.get_or_insert_with(|| Box::pin(read(part.clone())));
                    let read = ready!(reading.as_mut().poll(context));
                    self.reading = None;
                    let lease = read?;
                    if lease.is_empty() {
                        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                    }
                    part.start += lease.len() as u64;
                    part.length -= lease.len() as u64;
                    return Poll::Ready(Ok(Some(lease.into())));
                }
                Part::Stream(body) => {
                    body.poll_produce(context);
                    let outgoing = body.outgoing();
                    if let Some(piece) = outgoing.take() {
                        outgoing.note_sent();
                        let chunk = match piece {
                            Piece::Whole(chunk) => chunk,
                            Piece::Copied(framable) => framable.framed(b"", b""),
                        };
                        return Poll::Ready(Ok(Some(chunk)));
                    }
                    match outgoing.take_ending() {
                        Ending::Open => {
                            outgoing.wait(context);
                            return Poll::Pending;
                        }
                        Ending::Aborted => {
                            // It stays so for whoever asks again.
                            outgoing.end(Ending::Aborted);
                            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                        }
                        Ending::Finished(trailers) => {
                            self.trailers = trailers;
                            self.parts.pop_front();
                        }
                    }
                }
            }
        }
    }

    /// Whether a part of it is written while it is read, so that what has come should go on at once.
    pub fn is_stream(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Stream(_)))
    }

    /// The trailer fields, once the end was read.
    pub fn take_trailers(&mut self) -> Vec<(HeaderName, HeaderValue)> {
        std::mem::take(&mut self.trailers)
    }

    /// The whole body, of at most `bytes_max` octets.
    ///
    /// # Errors
    /// `InvalidData` if it is longer, and those of [`chunk`](Self::chunk).
    pub async fn bytes(&mut self, bytes_max: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if chunk.len() > bytes_max - bytes.len() {
                return Err(io::ErrorKind::InvalidData.into());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// The whole body as text, of at most `bytes_max` octets.
    ///
    /// # Errors
    /// `InvalidData` if it is longer or no UTF-8, and those of [`chunk`](Self::chunk).
    pub async fn text(&mut self, bytes_max: usize) -> io::Result<String> {
        let bytes = self.bytes(bytes_max).await?;
        String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// The beginning of a part, as much as a block holds. Who finds no block looks again every 2 ms.
async fn read(part: FilePart) -> io::Result<Lease> {
    let mut block = loop {
        match BufferPool::lease(BlockClass::Large) {
            Some(block) => break block,
            None => timer::sleep(Duration::from_millis(2)).await,
        }
    };
    block.truncate(usize::try_from(part.length).unwrap_or(usize::MAX));
    let read = fs::read_at(&part.file, block, part.start).await?;
    // Before the last piece, as the connection does: what was promised is still there, and still the same.
    if read.len() as u64 == part.length && !part.file.is_unchanged()? {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(read)
}

impl fmt::Debug for BodyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyReader").field("length", &self.length).field("parts", &self.parts).finish()
    }
}
