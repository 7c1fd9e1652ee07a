//! What a request must be answered with. In: who has asked, and how. Out: the answer's status, framing and octets, and what comes
//! before and behind it.

use super::application::pattern;

/// A request's only right answer.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) id: u64,
    pub(super) status: u16,
    /// Octets of its body, which are the pattern of `id`.
    pub(super) length: usize,
    pub(super) form: Form,
    pub(super) content: Content,
    pub(super) after: After,
    pub(super) interim: Interim,
}

/// How an answer's end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Length,
    Chunked,
    /// Chunked, with a trailer field `x-id` behind it.
    ChunkedWithTrailer,
    /// A 101: `length` octets of another protocol.
    Upgraded,
}

/// What of a body comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Follows,
    /// The answer to HEAD: the length of a body that does not follow.
    LeftOut,
    /// The engine's own words, of whatever length: [`judge_words`].
    Words,
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Stays,
    Closes,
}

/// Whether `100 Continue` comes before an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interim {
    Never,
    /// The client waits for it.
    Always,
    /// The client has not waited.
    Perhaps,
}

impl Expected {
    pub(super) fn of_pattern(id: u64, length: usize) -> Self {
        Self {
            id,
            status: 200,
            length,
            form: Form::Length,
            content: Content::Follows,
            after: After::Stays,
            interim: Interim::Never,
        }
    }

    /// Its body.
    pub(super) fn pattern(&self) -> Vec<u8> {
        pattern(self.id, self.length)
    }

    /// A refusal, behind which the connection closes.
    pub(super) fn refusal(id: u64, status: u16) -> Self {
        Self { status, content: Content::Words, after: After::Closes, ..Self::of_pattern(id, 0) }
    }
}

/// Holds the body of an answer in the engine's own words against its status: one line of text that begins with it, such
/// as `400 Bad Request: more than one Host` (`http/src/h1/error_body.rs`). Nothing that a client has sent stands in it.
///
/// # Errors
/// What it says instead.
pub(super) fn judge_words(status: u16, body: &[u8]) -> Result<(), String> {
    let line = body.strip_suffix(b"\n").and_then(|line| line.strip_prefix(format!("{status} ").as_bytes()));
    match line.is_some_and(|line| line.iter().all(|octet| (b' '..=b'~').contains(octet))) {
        true => Ok(()),
        false => Err(format!(
            "{status} with other words than the engine's: {:?}",
            String::from_utf8_lossy(&body[..body.len().min(60)])
        )),
    }
}
