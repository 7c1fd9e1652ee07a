//! What a client must receive: for each request its own answer, in order, whole or followed by the connection's end.

use super::application::pattern;

/// A request and its only right answer.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) id: u64,
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// An answer to HEAD: the length of a body that does not follow.
    pub(super) is_head: bool,
    /// Whether the connection ends behind it.
    pub(super) closes: bool,
}

impl Expected {
    pub(super) fn of_pattern(id: u64, length: usize) -> Self {
        Self { id, status: 200, body: pattern(id, length), is_head: false, closes: false }
    }
}

/// How an answer's end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
}

/// An answer at the front of what was received.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// Octets of it in all.
    pub(super) length: usize,
    pub(super) closes: bool,
}

/// Reads the answer at the front; `None` while it is not whole.
///
/// # Errors
/// What no server may send.
pub(super) fn read_answer(received: &[u8], is_head: bool) -> Result<Option<Answer>, String> {
    let Some(head_length) = received.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
    else {
        // Whatever begins an answer begins so.
        let beginning = &received[..received.len().min(9)];
        return match b"HTTP/1.1 ".starts_with(beginning) {
            true => Ok(None),
            false => Err(format!("no answer begins with {:?}", String::from_utf8_lossy(beginning))),
        };
    };
    let head =
        std::str::from_utf8(&received[..head_length]).map_err(|_| "a head that is no text".to_owned())?;
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let status = status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
    let status = status.ok_or_else(|| format!("a status line {status_line:?}"))?;
    let field = |name: &str| {
        head.split("\r\n").find_map(|line| {
            let (there, value) = line.split_once(':')?;
            there.eq_ignore_ascii_case(name).then(|| value.trim().to_ascii_lowercase())
        })
    };
    let closes = field("connection").is_some_and(|value| value.contains("close"));
    let framing = match (field("content-length"), field("transfer-encoding")) {
        (Some(length), None) => Framing::Length(length.parse().map_err(|_| format!("a length {length:?}"))?),
        (None, Some(coding)) if coding == "chunked" => Framing::Chunked,
        (None, None) if matches!(status, 100..=199 | 204 | 304) => Framing::Length(0),
        other => return Err(format!("a framing {other:?}")),
    };
    let after = &received[head_length..];
    let (body, length) = match framing {
        _ if is_head => (Vec::new(), 0),
        Framing::Length(length) => match after.get(..length) {
            Some(body) => (body.to_vec(), length),
            None => return Ok(None),
        },
        Framing::Chunked => match read_chunks(after)? {
            Some(read) => read,
            None => return Ok(None),
        },
    };
    Ok(Some(Answer { status, body, length: head_length + length, closes }))
}

fn read_chunks(octets: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let (mut at, mut body) = (0, Vec::new());
    loop {
        let Some(line_length) = octets[at..].windows(2).position(|window| window == b"\r\n") else {
            return Ok(None);
        };
        let line = String::from_utf8_lossy(&octets[at..at + line_length]).into_owned();
        let size = usize::from_str_radix(&line, 16).map_err(|_| format!("a chunk of size {line:?}"))?;
        at += line_length + 2;
        let Some(chunk) = octets.get(at..at + size) else { return Ok(None) };
        body.extend_from_slice(chunk);
        at += size;
        match octets.get(at..at + 2) {
            None => return Ok(None),
            Some(b"\r\n") => at += 2,
            Some(other) => return Err(format!("a chunk that ends in {other:?}")),
        }
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

/// Whether what has come of an answer that is not whole is the beginning of the right one's body.
pub(super) fn is_beginning(received: &[u8], expected: &Expected) -> Result<(), String> {
    let Some(head_length) = received.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
    else {
        return Ok(());
    };
    let head = String::from_utf8_lossy(&received[..head_length]).to_ascii_lowercase();
    if expected.status != 200 || !head.starts_with("http/1.1 200 ") || head.contains("transfer-encoding") {
        // Another status was judged by its own, chunks when they are whole.
        return Ok(());
    }
    match expected.body.starts_with(&received[head_length..]) {
        true => Ok(()),
        false => Err(format!("the answer to {} begins with something else", expected.id)),
    }
}
