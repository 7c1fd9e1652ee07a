//! Encoding a response's body. In: a response that is to be encoded, and a place for its encoder. Out: the same with an
//! encoded body: in memory, or a stream that is encoded while it is sent.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use bytes::Bytes;
use selvedge_runtime::{Chunk, blocking, yield_now};

use super::fields;
use crate::body::{BodyReader, BodyWriter, StreamBody};
use crate::content_coding::{Effort, Encoder};
use crate::h1::ErrorBody;
use crate::middleware::places::Place;
use crate::negotiation::Coding;
use crate::response::{Body, Response, ResponseHead};

/// Octets of a body in memory that its worker encodes; a longer one is work for a helper.
const WORKER_BYTES_MAX: usize = 64 * 1024;
/// Octets of a body that a helper encodes at once; a longer one is encoded while it is sent.
const HELPER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Octets that a worker gives an encoder before others have their turn: 0.4 ms at the most, but for brotli's, which takes in
/// 64 KiB and then encodes them, in 2 ms.
const STEP_BYTES_MAX: usize = 16 * 1024;
/// A piece counts as so many octets at least: it costs something however short it is.
const PIECE_BYTES_MIN: usize = 256;

/// The same response with its body in `coding`, or as it is where that is no gain.
pub(super) async fn encoded(response: Response, coding: Coding, place: Place) -> Response {
    let (head, body) = response.into_parts();
    let pieces = match body {
        Body::Full(chunk) => vec![chunk],
        Body::Segments(segments) => segments,
        Body::Error { reason } => vec![ErrorBody { status: head.status, reason }.pieces().concat().into()],
        body => return streamed(Response::new(head, body), coding, place),
    };
    let length = pieces.iter().fold(0_usize, |length, piece| length.saturating_add(piece.len()));
    if length <= WORKER_BYTES_MAX {
        let encoded = encoded_here(&pieces, coding).await;
        of_encoded(head, coding, pieces, encoded, length)
    } else if length <= HELPER_BYTES_MAX {
        let pieces: Vec<Bytes> = pieces.into_iter().map(sendable).collect();
        let encoded = encoded_beside(pieces.clone(), coding).await;
        let pieces = pieces.into_iter().map(Chunk::from).collect();
        of_encoded(head, coding, pieces, encoded, length)
    } else {
        streamed(Response::new(head, Body::Segments(pieces)), coding, place)
    }
}

/// The encoded body, or the pieces as they are if there is none that is shorter.
fn of_encoded(
    mut head: ResponseHead,
    coding: Coding,
    pieces: Vec<Chunk>,
    encoded: io::Result<Vec<u8>>,
    length: usize,
) -> Response {
    match encoded {
        Ok(encoded) if encoded.len() < length => {
            fields::set_coding(&mut head, coding);
            Response::new(head, Body::Full(encoded.into()))
        }
        _ => Response::new(head, Body::Segments(pieces)),
    }
}

async fn encoded_here(pieces: &[Chunk], coding: Coding) -> io::Result<Vec<u8>> {
    let mut encoder = Encoder::new(coding, Effort::Once)?;
    let mut steps = Steps::default();
    for step in pieces.iter().flat_map(|piece| piece.chunks(STEP_BYTES_MAX)) {
        steps.take(step).await;
        encoder.write(step)?;
    }
    encoder.finish()
}

/// By a helper. With too much work for the helpers there is an error, and the body goes out as it is.
async fn encoded_beside(pieces: Vec<Bytes>, coding: Coding) -> io::Result<Vec<u8>> {
    let encode = move || {
        let mut encoder = Encoder::new(coding, Effort::Once)?;
        pieces.iter().try_for_each(|piece| encoder.write(piece))?;
        encoder.finish()
    };
    blocking(encode).await.map_err(io::Error::other)?
}

/// What a helper may read: nothing of a worker's own.
fn sendable(chunk: Chunk) -> Bytes {
    match chunk {
        Chunk::Static(bytes) => Bytes::from_static(bytes),
        Chunk::Bytes(bytes) => bytes,
        other => Bytes::copy_from_slice(&other),
    }
}

/// A response that is encoded while it is sent.
fn streamed(response: Response, coding: Coding, place: Place) -> Response {
    let (mut head, body) = response.into_reader();
    fields::set_coding(&mut head, coding);
    let stream = StreamBody::of(move |writer| encode_stream(body, writer, coding, place));
    Response::new(head, Body::Stream(Box::new(stream)))
}

/// Encodes `body` piece by piece, as fast as the client reads.
async fn encode_stream(
    mut body: BodyReader,
    mut writer: BodyWriter,
    coding: Coding,
    _place: Place,
) -> io::Result<()> {
    let mut encoder = Encoder::new(coding, Effort::Once)?;
    let mut steps = Steps::default();
    let mut length_left = body.length();
    loop {
        let chunk = match poll_fn(|context| Poll::Ready(body.poll_chunk(context))).await {
            Poll::Ready(chunk) => chunk?,
            Poll::Pending => {
                // Nothing more for now: what was written so far is not kept waiting.
                encoder.flush()?;
                send(&mut encoder, &mut writer).await?;
                body.chunk().await?
            }
        };
        let Some(chunk) = chunk else { break };
        if let Some(left) = &mut length_left {
            *left = left.checked_sub(chunk.len() as u64).ok_or(io::ErrorKind::InvalidData)?;
        }
        for step in chunk.chunks(STEP_BYTES_MAX) {
            steps.take(step).await;
            encoder.write(step)?;
            send(&mut encoder, &mut writer).await?;
        }
    }
    // The connection cannot see any more whether as much came as was said.
    if length_left.is_some_and(|left| left > 0) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    writer.write(&encoder.finish()?).await?;
    writer.finish_with_trailers(body.take_trailers());
    Ok(())
}

async fn send(encoder: &mut Encoder, writer: &mut BodyWriter) -> io::Result<()> {
    let encoded = encoder.encoded();
    writer.write(encoded).await?;
    encoded.clear();
    Ok(())
}

/// What a worker has encoded of one body in this turn.
#[derive(Debug, Default)]
struct Steps {
    bytes: usize,
}

impl Steps {
    /// Before this is encoded: lets others have their turn if this one's was long enough.
    async fn take(&mut self, step: &[u8]) {
        let bytes = step.len().max(PIECE_BYTES_MIN);
        if self.bytes + bytes > STEP_BYTES_MAX {
            yield_now().await;
            self.bytes = 0;
        }
        self.bytes += bytes;
    }
}
