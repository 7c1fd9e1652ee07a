//! A chunked request body (RFC 9112 section 7.1). In: octets after the head, split anyhow. Out: where the data stands
//! in them, and the trailer fields behind it. Chunk extensions are validated, bounded and dropped. A trailer is never
//! merged into the head (RFC 9110 section 6.5.1).

use std::ops::Range;

use http::{HeaderName, HeaderValue};

use super::field::{FieldLines, append_line};
use super::limits::Limits;
use super::reject::Reject;
use crate::syntax::{hex_digit, is_field_value, is_token};

/// Octets of the longest line that [`size_line`] writes.
pub(crate) const SIZE_LINE_BYTES_MAX: usize = 16 + 2;
/// Octets of the last chunk and an empty trailer section.
pub(crate) const LAST_CHUNK_BYTES: usize = 5;

/// The line before a chunk of `size` octets, at the end of `room`.
pub(crate) fn size_line(size: usize, room: &mut [u8; SIZE_LINE_BYTES_MAX]) -> &[u8] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut start = SIZE_LINE_BYTES_MAX - 2;
    room[start..].copy_from_slice(b"\r\n");
    let mut rest = size;
    loop {
        start -= 1;
        room[start] = DIGITS[rest % 16];
        rest /= 16;
        if rest == 0 {
            return &room[start..];
        }
    }
}

/// The end of a chunked body: the last chunk, and these trailer fields.
pub(crate) fn last_chunk<'t>(trailers: impl IntoIterator<Item = &'t (HeaderName, HeaderValue)>) -> Vec<u8> {
    let mut end = b"0\r\n".to_vec();
    for (name, value) in trailers {
        append_line(&mut end, name, value);
    }
    end.extend_from_slice(b"\r\n");
    end
}

/// Decodes one chunked body. It holds counters, and the trailer section where there is one.
///
/// ```
/// use selvedge_http::h1::{ChunkEvent, ChunkedDecoder, Limits};
///
/// let mut input = &b"6\r\nhello \r\n5\r\nworld\r\n0\r\nX-Sum: 11\r\n\r\n"[..];
/// let mut decoder = ChunkedDecoder::new(&Limits::default());
/// let mut body = Vec::new();
/// loop {
///     let decoded = decoder.decode(input)?;
///     match decoded.event {
///         ChunkEvent::Data(range) => body.extend_from_slice(&input[range]),
///         ChunkEvent::End => break,
///         ChunkEvent::NeedMore => panic!("all of it is there"),
///     }
///     input = &input[decoded.consumed..];
/// }
/// assert_eq!(body, b"hello world");
/// assert_eq!(decoder.trailers().next().map(|line| line.value), Some(&b"11"[..]));
/// # Ok::<(), selvedge_http::h1::Reject>(())
/// ```
#[derive(Clone, Debug)]
pub struct ChunkedDecoder {
    state: State,
    /// In `Size`: the size so far. In `Data`: octets of the chunk still to come.
    size: u64,
    /// Octets announced by all chunk sizes so far; at most `body_bytes_max`.
    announced_bytes: u64,
    body_bytes_max: u64,
    /// How many more octets of extensions are accepted.
    extension_bytes_left: u32,
    /// How many more octets of trailers are accepted.
    trailer_bytes_left: u32,
    /// The trailer section's lines so far, at most `trailer_bytes_max` octets.
    trailers: Vec<u8>,
}

/// What one call of [`ChunkedDecoder::decode`] did.
///
/// ```
/// use selvedge_http::h1::{ChunkEvent, ChunkedDecoder, Decoded, Limits};
///
/// let mut decoder = ChunkedDecoder::new(&Limits::default());
/// // One octet of the chunk's four is still to come.
/// let input = b"4\r\nabc";
/// assert_eq!(decoder.decode(input)?, Decoded { consumed: 6, event: ChunkEvent::Data(3..6) });
/// assert_eq!(decoder.decode(&input[6..])?, Decoded { consumed: 0, event: ChunkEvent::NeedMore });
/// # Ok::<(), selvedge_http::h1::Reject>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Octets of the input that are done with; the next call begins after them.
    pub consumed: usize,
    /// What was found.
    pub event: ChunkEvent,
}

/// What a [`ChunkedDecoder`] found.
///
/// ```
/// use selvedge_http::h1::{ChunkEvent, ChunkedDecoder, Limits};
///
/// let input = b"2\r\nhi\r\n0\r\n\r\nGET /next HTTP/1.1\r\n";
/// let mut decoder = ChunkedDecoder::new(&Limits::default());
/// let data = decoder.decode(input)?;
/// let ChunkEvent::Data(range) = data.event else { panic!("it is there") };
/// assert_eq!(&input[range], b"hi");
///
/// let end = decoder.decode(&input[data.consumed..])?;
/// assert_eq!(end.event, ChunkEvent::End);
/// assert!(input[data.consumed + end.consumed..].starts_with(b"GET /next"));
/// # Ok::<(), selvedge_http::h1::Reject>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkEvent {
    /// Body octets at this range of the input, which ends at `consumed`; never empty.
    Data(Range<usize>),
    /// The body has ended. What follows `consumed` is the next request.
    End,
    /// The input is used up.
    NeedMore,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Digits of a size, as many as this came.
    Size(u8),
    /// Whitespace between the size and a semicolon.
    BeforeExtension,
    Extension,
    SizeLineFeed,
    Data,
    DataCarriageReturn,
    DataLineFeed,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    EndLineFeed,
    End,
    Failed(Reject),
}

/// Digits of the largest 64-bit size. More are refused even if they are zeros, so that a size line is bounded.
const SIZE_DIGITS_MAX: u8 = 16;

impl ChunkedDecoder {
    /// A decoder at the start of a body.
    pub fn new(limits: &Limits) -> Self {
        ChunkedDecoder {
            state: State::Size(0),
            size: 0,
            announced_bytes: 0,
            body_bytes_max: limits.body_bytes_max,
            extension_bytes_left: limits.chunk_extension_bytes_max,
            trailer_bytes_left: limits.trailer_bytes_max,
            trailers: Vec::new(),
        }
    }

    /// Decodes from the front of `input` up to the next event. Call it again with the rest of the input until it says
    /// `NeedMore` or `End`; after `End` it stays there, after an error it repeats the error.
    ///
    /// # Errors
    /// A [`Reject`] of the chunked coding, or 413 as soon as the sizes announce more than `body_bytes_max`.
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, Reject> {
        let mut at = 0;
        loop {
            match self.state {
                State::End => return Ok(Decoded { consumed: at, event: ChunkEvent::End }),
                State::Failed(reject) => return Err(reject),
                State::Data if at < input.len() => {
                    let available = (input.len() - at) as u64;
                    let len = self.size.min(available);
                    self.size -= len;
                    if self.size == 0 {
                        self.state = State::DataCarriageReturn;
                    }
                    let end = at + len as usize;
                    return Ok(Decoded { consumed: end, event: ChunkEvent::Data(at..end) });
                }
                state => {
                    let Some(&byte) = input.get(at) else {
                        return Ok(Decoded { consumed: at, event: ChunkEvent::NeedMore });
                    };
                    self.state = self.step(state, byte).unwrap_or_else(State::Failed);
                    at += 1;
                }
            }
        }
    }

    /// Whether the end was read.
    pub(crate) fn has_ended(&self) -> bool {
        self.state == State::End
    }

    /// The trailer section's field lines as they were sent; none before the end.
    pub fn trailers(&self) -> FieldLines<'_> {
        FieldLines::new(if self.has_ended() { &self.trailers } else { b"" })
    }

    /// One octet of what is not data.
    fn step(&mut self, state: State, byte: u8) -> Result<State, Reject> {
        match (state, byte) {
            (State::Size(digits), _) if hex_digit(byte).is_some() => {
                if digits == SIZE_DIGITS_MAX {
                    return Err(Reject::ChunkSize);
                }
                self.size = self.size << 4 | u64::from(hex_digit(byte).unwrap_or(0));
                Ok(State::Size(digits + 1))
            }
            (State::Size(0), _) => Err(Reject::ChunkSize),
            // RFC 9112 section 7.1.1: "bad" whitespace may stand before a semicolon, and only there.
            (State::Size(_) | State::BeforeExtension, b' ' | b'\t') => {
                self.spend_extension(State::BeforeExtension)
            }
            (State::Size(_) | State::BeforeExtension, b';') => self.spend_extension(State::Extension),
            (State::Size(_) | State::Extension, b'\r') => Ok(State::SizeLineFeed),
            (State::Size(_) | State::BeforeExtension, _) => Err(Reject::ChunkSize),
            (State::Extension, _) if is_field_value(byte) => self.spend_extension(State::Extension),
            (State::Extension, _) => Err(Reject::ChunkExtension),
            (State::SizeLineFeed, b'\n') => self.begin_chunk(),
            (State::SizeLineFeed, _) => Err(Reject::ChunkSize),
            (State::DataCarriageReturn, b'\r') => Ok(State::DataLineFeed),
            (State::DataLineFeed, b'\n') => {
                self.size = 0;
                Ok(State::Size(0))
            }
            (State::DataCarriageReturn | State::DataLineFeed, _) => Err(Reject::ChunkEnd),
            (State::TrailerStart, b'\r') => Ok(State::EndLineFeed),
            (State::TrailerStart | State::TrailerName, _) if is_token(byte) => {
                self.keep_trailer(byte, State::TrailerName)
            }
            (State::TrailerName, b':') => self.keep_trailer(byte, State::TrailerValue),
            (State::TrailerValue, b'\r') => self.keep_trailer(byte, State::TrailerLineFeed),
            (State::TrailerValue, _) if is_field_value(byte) => self.keep_trailer(byte, State::TrailerValue),
            (State::TrailerLineFeed, b'\n') => self.keep_trailer(byte, State::TrailerStart),
            (State::EndLineFeed, b'\n') => Ok(State::End),
            (
                State::TrailerStart
                | State::TrailerName
                | State::TrailerValue
                | State::TrailerLineFeed
                | State::EndLineFeed,
                _,
            ) => Err(Reject::Trailer),
            (State::Data | State::End | State::Failed(_), _) => {
                unreachable!("decode handles {state:?} itself")
            }
        }
    }

    /// The size line has ended.
    fn begin_chunk(&mut self) -> Result<State, Reject> {
        if self.size == 0 {
            return Ok(State::TrailerStart);
        }
        match self.announced_bytes.checked_add(self.size) {
            Some(announced_bytes) if announced_bytes <= self.body_bytes_max => {
                self.announced_bytes = announced_bytes;
                Ok(State::Data)
            }
            _ => Err(Reject::BodyTooLarge),
        }
    }

    fn spend_extension(&mut self, next: State) -> Result<State, Reject> {
        self.extension_bytes_left =
            self.extension_bytes_left.checked_sub(1).ok_or(Reject::ChunkExtensionsTooLong)?;
        Ok(next)
    }

    fn keep_trailer(&mut self, byte: u8, next: State) -> Result<State, Reject> {
        self.trailer_bytes_left = self.trailer_bytes_left.checked_sub(1).ok_or(Reject::TrailersTooLong)?;
        self.trailers.push(byte);
        Ok(next)
    }
}

#[cfg(test)]
mod tests;
