//! A request's body, whatever its framing (RFC 9112 section 6). In: octets after the head, split anyhow. Out: where the
//! body's own stand in them.

use super::chunked::{ChunkEvent, ChunkedDecoder, Decoded};
use super::field::FieldLines;
use super::framing::BodyFraming;
use super::limits::Limits;
use super::reject::Reject;

/// Decodes one body. It holds counters, and a trailer section where there is one.
///
/// ```
/// use selvedge_http::h1::{BodyDecoder, BodyFraming, ChunkEvent, Limits};
///
/// let mut decoder = BodyDecoder::new(BodyFraming::Length(5), &Limits::default());
/// assert_eq!(decoder.decode(b"hel")?.event, ChunkEvent::Data(0..3));
/// assert_eq!(decoder.bytes_left(), Some(2));
///
/// // The rest comes together with the next request.
/// let decoded = decoder.decode(b"loGET / HTTP/1.1\r\n")?;
/// assert_eq!((decoded.consumed, decoded.event), (2, ChunkEvent::Data(0..2)));
/// assert_eq!(decoder.decode(b"GET / HTTP/1.1\r\n")?.event, ChunkEvent::End);
/// # Ok::<(), selvedge_http::h1::Reject>(())
/// ```
#[derive(Clone, Debug)]
pub struct BodyDecoder(Framed);

#[derive(Clone, Debug)]
enum Framed {
    /// As many octets are still to come.
    Length(u64),
    Chunked(ChunkedDecoder),
    /// Everything up to the end of the connection: another protocol's octets.
    UntilClose,
}

impl BodyDecoder {
    /// A decoder at the start of a body.
    pub fn new(framing: BodyFraming, limits: &Limits) -> Self {
        Self(match framing {
            BodyFraming::None => Framed::Length(0),
            BodyFraming::Length(length) => Framed::Length(length),
            BodyFraming::Chunked => Framed::Chunked(ChunkedDecoder::new(limits)),
        })
    }

    /// A decoder of what follows a change of the protocol.
    pub fn until_close() -> Self {
        Self(Framed::UntilClose)
    }

    /// Decodes from the front of `input` up to the next event. Call it again with the rest of the input until it says
    /// `NeedMore` or `End`.
    ///
    /// # Errors
    /// Those of [`ChunkedDecoder::decode`].
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, Reject> {
        let length = match &mut self.0 {
            Framed::Chunked(decoder) => return decoder.decode(input),
            Framed::Length(0) => return Ok(Decoded { consumed: 0, event: ChunkEvent::End }),
            Framed::Length(left) => {
                let length = (*left).min(input.len() as u64);
                *left -= length;
                length as usize
            }
            Framed::UntilClose => input.len(),
        };
        let event = if length == 0 { ChunkEvent::NeedMore } else { ChunkEvent::Data(0..length) };
        Ok(Decoded { consumed: length, event })
    }

    /// The trailer section's field lines as they were sent; none before the end, and none where it is not chunked.
    pub fn trailers(&self) -> FieldLines<'_> {
        match &self.0 {
            Framed::Chunked(decoder) => decoder.trailers(),
            Framed::Length(_) | Framed::UntilClose => FieldLines::new(b""),
        }
    }

    /// Octets still to come, where that is known.
    pub fn bytes_left(&self) -> Option<u64> {
        match &self.0 {
            Framed::Length(left) => Some(*left),
            Framed::Chunked(decoder) => decoder.has_ended().then_some(0),
            Framed::UntilClose => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_known_length_is_data_until_nothing_is_left() {
        let mut decoder = BodyDecoder(Framed::Length(5));
        let data = |consumed, range| Ok(Decoded { consumed, event: ChunkEvent::Data(range) });
        assert_eq!(decoder.decode(b""), Ok(Decoded { consumed: 0, event: ChunkEvent::NeedMore }));
        assert_eq!(decoder.bytes_left(), Some(5));
        assert_eq!(decoder.decode(b"bod"), data(3, 0..3));
        assert_eq!(decoder.bytes_left(), Some(2));
        // What follows is another's.
        assert_eq!(decoder.decode(b"y!GET"), data(2, 0..2));
        assert_eq!(decoder.bytes_left(), Some(0));
        assert_eq!(decoder.decode(b"GET"), Ok(Decoded { consumed: 0, event: ChunkEvent::End }));
        assert_eq!(decoder.trailers().count(), 0);
    }

    #[test]
    fn what_follows_a_change_of_the_protocol_has_no_end() {
        let mut decoder = BodyDecoder::until_close();
        assert_eq!(decoder.decode(b"all"), Ok(Decoded { consumed: 3, event: ChunkEvent::Data(0..3) }));
        assert_eq!(decoder.bytes_left(), None);
    }
}
