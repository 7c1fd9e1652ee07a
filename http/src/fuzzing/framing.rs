//! `framing`: what one connection says, request after request: heads, bodies, and where each begins.

use super::choices::Choices;

mod composed;
mod reader;
mod request;

use composed::Conversation;
use reader::{Event, Reader};

/// Reads the octets as what a client sends, and then a conversation composed of them: the events are those that were
/// meant, and the same however the octets are split.
pub fn framing(bytes: &[u8]) {
    let _ = read_in_all_ways(bytes);

    let conversation = Conversation::choose(&mut Choices::new(bytes));
    let events = read_in_all_ways(&conversation.octets);
    assert_eq!(events, conversation.events, "{}", conversation.octets.escape_ascii());
}

fn read_in_all_ways(octets: &[u8]) -> Vec<Event> {
    let whole = read(&mut [octets].into_iter());
    for piece_len in [1, 2, 7, 64, octets.len() / 2] {
        let events = read(&mut octets.chunks(piece_len.max(1)));
        assert_eq!(events, whole, "in pieces of {piece_len}: {}", octets.escape_ascii());
    }
    whole
}

fn read(pieces: &mut dyn Iterator<Item = &[u8]>) -> Vec<Event> {
    let mut reader = Reader::new();
    pieces.for_each(|piece| reader.feed(piece));
    reader.events
}
