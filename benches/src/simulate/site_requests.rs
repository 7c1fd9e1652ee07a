//! What clients ask of the site.
//!
//! In: dice, and the tags that answers have said. Out: a request's octets, and what was asked for.

use std::time::Duration;

use selvedge_runtime::sim::Dice;

use super::site_history::{History, State};

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// This file, whatever links and dots lead to it.
    File(&'static str),
    /// This file, named with a slash behind it.
    Slashed(&'static str),
    /// Another path, for good.
    Redirect(&'static str),
    /// Nothing that is served.
    Missing,
    /// Nothing that can be: it leads above the root.
    Above,
}

/// The targets, and what each stands for.
const TARGETS: [(&str, Subject); 34] = [
    ("/a0.txt", Subject::File("a0.txt")),
    ("/a1.txt", Subject::File("a1.txt")),
    ("/a2.txt", Subject::File("a2.txt")),
    ("/a3.html", Subject::File("a3.html")),
    ("/m0.html", Subject::File("m0.html")),
    ("/m1.js", Subject::File("m1.js")),
    ("/l0.bin", Subject::File("l0.bin")),
    ("/l1.bin", Subject::File("l1.bin")),
    ("/l2.txt", Subject::File("l2.txt")),
    ("/l0.bin?query=1", Subject::File("l0.bin")),
    ("/sub/", Subject::File("sub/index.html")),
    ("/sub/index.html", Subject::File("sub/index.html")),
    ("/sub/deep/x.css", Subject::File("sub/deep/x.css")),
    ("/s0.css", Subject::File("s0.css")),
    ("/s0.css", Subject::File("s0.css")),
    ("/moved/x.txt", Subject::File("moved/x.txt")),
    ("/moved/l.bin", Subject::File("moved/l.bin")),
    ("/link.txt", Subject::File("a0.txt")),
    ("/sub/up.txt", Subject::File("a1.txt")),
    ("/abs.txt", Subject::File("a2.txt")),
    ("/sub/../a0.txt", Subject::File("a0.txt")),
    ("/./sub//deep/../deep/x.css", Subject::File("sub/deep/x.css")),
    ("/a3.html/", Subject::Slashed("a3.html")),
    ("/sub", Subject::Redirect("/sub/")),
    ("/empty", Subject::Redirect("/empty/")),
    ("/empty/", Subject::Missing),
    ("/", Subject::Missing),
    ("/nothing.txt", Subject::Missing),
    ("/out.txt", Subject::Missing),
    ("/loop.txt", Subject::Missing),
    ("/fifo.txt", Subject::Missing),
    ("/.hidden", Subject::Missing),
    ("/../secret", Subject::Above),
    ("/sub/%2e%2e/%2E./secret", Subject::Above),
];

/// A condition of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    None,
    NoneMatch(String),
    ModifiedSince(i64),
}

/// The octets wanted: from one to another, both included, or to the end.
pub(super) type Range = (usize, Option<usize>);

/// GET or HEAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Head,
}

/// The codings that a client takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codings {
    Identity,
    Compressed,
}

/// A request under way.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) target: String,
    pub(super) subject: Subject,
    pub(super) method: Method,
    pub(super) condition: Condition,
    pub(super) range: Option<Range>,
    pub(super) codings: Codings,
    /// When its first octet may have left.
    pub(super) at: Duration,
}

impl Asked {
    /// A request of any kind.
    pub(super) fn draw(dice: &mut Dice, history: &History, now: Duration) -> Self {
        let (target, subject) = *dice.pick(&TARGETS);
        let method = if dice.below(6) == 0 { Method::Head } else { Method::Get };
        let mut asked = Self {
            target: spelled(target, dice),
            subject,
            method,
            condition: Condition::None,
            range: None,
            codings: if dice.below(3) == 0 { Codings::Compressed } else { Codings::Identity },
            at: now,
        };
        let Subject::File(name) = subject else { return asked };
        match dice.below(6) {
            0 => {
                let start = dice.below(3_000) as usize;
                let end = (dice.below(3) > 0).then(|| start + dice.below(100_000) as usize);
                asked.range = Some((start, end));
            }
            1 => {
                let tag = history.latest_tag(name).map(|(tag, _)| tag.to_owned());
                asked.condition = tag.map_or(Condition::None, Condition::NoneMatch);
            }
            2 => {
                if let State::File(version) = history.now(name) {
                    asked.condition = Condition::ModifiedSince(version.modified_unix_s);
                }
            }
            _ => {}
        }
        asked
    }

    /// What is sent.
    pub(super) fn octets(&self) -> Vec<u8> {
        let method = if self.method == Method::Head { "HEAD" } else { "GET" };
        let mut request = format!("{method} {} HTTP/1.1\r\nHost: simulated\r\n", self.target);
        if self.codings == Codings::Compressed {
            request += "Accept-Encoding: gzip, br\r\n";
        }
        match self.range {
            Some((start, Some(end))) => request += &format!("Range: bytes={start}-{end}\r\n"),
            Some((start, None)) => request += &format!("Range: bytes={start}-\r\n"),
            None => {}
        }
        match &self.condition {
            Condition::None => {}
            Condition::NoneMatch(tag) => request += &format!("If-None-Match: {tag}\r\n"),
            Condition::ModifiedSince(unix_s) => {
                let since = std::time::UNIX_EPOCH + Duration::from_secs(u64::try_from(*unix_s).unwrap_or(0));
                request += &format!("If-Modified-Since: {}\r\n", httpdate::fmt_http_date(since));
            }
        }
        (request + "\r\n").into_bytes()
    }
}

/// The same path in another spelling: a letter here and there by its number.
fn spelled(target: &str, dice: &mut Dice) -> String {
    if dice.below(4) > 0 {
        return target.to_owned();
    }
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let mut spelled = String::new();
    for octet in path.bytes() {
        match octet.is_ascii_lowercase() && !spelled.ends_with('%') && dice.below(5) == 0 {
            // Never within a `%2e` that is there.
            true if !path.contains('%') => spelled += &format!("%{octet:02X}"),
            _ => spelled.push(char::from(octet)),
        }
    }
    query.map_or(spelled.clone(), |query| format!("{spelled}?{query}"))
}
