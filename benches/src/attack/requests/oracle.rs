//! What a connection must be answered that says these octets, request after request to the end of what it says. Where a
//! request has several faults, the status of each is allowed.

use super::chunks::chunked_end;
use super::head::{Found, Framing, Request, find_head};
use super::ranges::{self, Asked};
use super::target::{self, Place, Target};
use super::versions::{Version, Versions};

/// A body that nobody reads is read to its end up to here (docs/architecture.md); the connection of a longer one is
/// closed.
const DRAIN_BYTES_MAX: u64 = 64 * 1024;

/// What must come.
#[derive(Debug)]
pub(super) struct Prediction<'v> {
    pub(super) answers: Vec<Answer<'v>>,
    pub(super) end: End,
}

/// What becomes of the connection after the last answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It waits for the next request.
    Open,
    /// It is closed by the server.
    Closed,
    /// It waits for more of a request, and is closed when no more can come.
    Incomplete,
}

impl End {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "went on",
            Self::Closed => "was closed",
            Self::Incomplete => "waited for more",
        }
    }
}

/// One answer.
#[derive(Debug)]
pub(super) struct Answer<'v> {
    /// Any of these.
    pub(super) statuses: Vec<u16>,
    pub(super) content: Content<'v>,
    /// To a HEAD: there is no content, whatever the length says.
    pub(super) is_head: bool,
    /// The connection may end without it.
    pub(super) may_be_missing: bool,
}

/// What an answer is about.
#[derive(Debug)]
pub(super) enum Content<'v> {
    /// Some words about the status.
    Words,
    File(&'v Version, Asked),
    /// Another place.
    Location(String),
}

/// What is to come back for `octets` from a server that has these versions.
pub(super) fn predict<'v>(octets: &[u8], versions: &'v Versions) -> Prediction<'v> {
    let mut answers = Vec::new();
    let mut rest = octets;
    let end = loop {
        if rest.is_empty() {
            break End::Open;
        }
        let is_head = rest.strip_prefix(b"\r\n").unwrap_or(rest).starts_with(b"HEAD ");
        let refusal =
            |statuses, may_be_missing| Answer { statuses, content: Content::Words, is_head, may_be_missing };
        let (head, after) = match find_head(rest) {
            Found::Whole(head, after) => (head, after),
            Found::Refused(statuses) => {
                answers.push(refusal(statuses, false));
                break End::Closed;
            }
            Found::Incomplete => {
                // What is wrong with it may be seen before it is whole.
                answers.push(refusal(vec![400, 414, 431, 501, 505], true));
                break End::Incomplete;
            }
        };
        let request = match Request::read(head) {
            Ok(request) => request,
            Err(statuses) => {
                answers.push(refusal(statuses, false));
                break End::Closed;
            }
        };
        answers.push(request.answer(versions));
        match request.body_end(after) {
            Ok(behind) if !request.closes => rest = behind,
            // The close that was announced comes first.
            _ if request.closes => break End::Closed,
            Ok(_) => unreachable!("it goes on"),
            Err(end) => break end,
        }
    };
    Prediction { answers, end }
}

impl Request<'_> {
    fn answer<'v>(&self, versions: &'v Versions) -> Answer<'v> {
        let is_head = self.method == "HEAD";
        let answer = |statuses, content| Answer { statuses, content, is_head, may_be_missing: false };
        let (path, query) = match (self.method, &self.target) {
            ("TRACE", _) => return answer(vec![501], Content::Words),
            ("OPTIONS", _) => return answer(vec![204], Content::Words),
            (_, Target::Path(path, query)) => (*path, *query),
            (_, Target::Asterisk) => unreachable!("only OPTIONS has it"),
        };
        let place = target::place(path, query);
        match (self.method, place) {
            (_, Place::Refused(statuses)) if statuses != [404] => {
                let method =
                    if matches!(self.method, "GET" | "HEAD") { None } else { Some(self.refused_method()) };
                answer(statuses.into_iter().chain(method).collect(), Content::Words)
            }
            ("GET" | "HEAD", Place::Refused(statuses)) => answer(statuses, Content::Words),
            ("GET" | "HEAD", Place::Redirect { location, statuses }) => {
                answer(statuses.to_vec(), Content::Location(location))
            }
            ("GET" | "HEAD", Place::File(file)) => {
                let version = versions.of(file);
                let (statuses, asked) = self.of_file(version);
                answer(statuses, Content::File(version, asked))
            }
            // A path with an encoded slash is nobody's, whatever the method.
            (_, Place::Refused(_)) => answer(vec![404, self.refused_method()], Content::Words),
            _ => answer(vec![self.refused_method()], Content::Words),
        }
    }

    fn refused_method(&self) -> u16 {
        match self.method {
            "POST" | "PUT" | "DELETE" | "PATCH" => 405,
            _ => 501,
        }
    }

    /// The statuses of a file that is there, and what of it is asked for.
    fn of_file(&self, version: &Version) -> (Vec<u16>, Asked) {
        let asked = match &self.values("range")[..] {
            [range] if self.method == "GET" => ranges::read(range, version.file.content.len()),
            _ => Asked::Whole,
        };
        let unconditional = match asked {
            Asked::Whole => 200,
            Asked::Parts(_) => 206,
            Asked::Unsatisfiable => 416,
        };
        (self.statuses(version, unconditional), asked)
    }

    /// What is behind the body, which nobody reads: it is drained where that is little.
    fn body_end<'b>(&self, octets: &'b [u8]) -> Result<&'b [u8], End> {
        match self.framing {
            Framing::Length(0) => Ok(octets),
            _ if self.expects => Err(End::Closed),
            Framing::Length(length) if length > DRAIN_BYTES_MAX => Err(End::Closed),
            Framing::Length(length) => octets.get(length as usize..).ok_or(End::Incomplete),
            Framing::Chunked => chunked_end(octets),
        }
    }
}
