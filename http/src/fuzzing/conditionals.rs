//! `conditionals`: preconditions, held against RFC 9110 section 13.2.2 written down step by step.

use super::choices::Choices;
use crate::conditional::{Outcome, evaluate};
use crate::h1::date::format_date;
use crate::h1::{HeadScanner, Limits, RequestHead, Scan};
use crate::validators::{EntityTag, Validators};

/// Evaluates the octets as the value of each precondition: without validators nothing but `*` matches, and no date is
/// held against anything. Then a request composed of them: the outcome is the model's.
pub fn conditionals(bytes: &[u8]) {
    for (name, unmatched) in [
        ("If-Match", Outcome::PreconditionFailed),
        ("If-None-Match", Outcome::Proceed),
        ("If-Modified-Since", Outcome::Proceed),
        ("If-Unmodified-Since", Outcome::Proceed),
    ] {
        let head = [b"GET / HTTP/1.1\r\nHost: a\r\n", name.as_bytes(), b": ", bytes, b"\r\n\r\n"].concat();
        let _ = outcome(&head, &validators(Some(TAG), Some(MODIFIED_UNIX_S)));
        let is_one_line = !bytes.contains(&b'\n');
        if let Some(outcome) = outcome(&head, &Validators::default()).filter(|_| is_one_line) {
            let is_star = bytes.trim_ascii() == b"*";
            assert!(outcome == unmatched || is_star, "{name}: {}", bytes.escape_ascii());
        }
    }

    let mut choices = Choices::new(bytes);
    let request = Request::choose(&mut choices);
    let head = request.write(&mut choices);
    let validators = validators(request.tag, request.modified_unix_s);
    assert_eq!(outcome(&head, &validators), Some(request.outcome()), "{}", head.escape_ascii());
}

const TAG: Tag = Tag { size: 10, modified_unix_s: 784_111_777, modified_ns: 5 };
const MODIFIED_UNIX_S: u64 = 784_111_777;

/// What a file's entity tag is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Tag {
    size: u64,
    modified_unix_s: i64,
    modified_ns: u32,
}

impl Tag {
    fn entity_tag(self) -> EntityTag {
        EntityTag::of_file(self.size, self.modified_unix_s, self.modified_ns)
    }

    fn text(self) -> String {
        String::from_utf8_lossy(self.entity_tag().as_bytes()).into_owned()
    }
}

fn validators(tag: Option<Tag>, modified_unix_s: Option<u64>) -> Validators {
    Validators { entity_tag: tag.map(Tag::entity_tag), modified_unix_s }
}

/// `None`: no head that is accepted.
fn outcome(head: &[u8], validators: &Validators) -> Option<Outcome> {
    let limits = Limits::default();
    let Ok(Scan::Complete(complete)) = HeadScanner::new().scan(head, &limits) else { return None };
    let parsed = RequestHead::parse(complete, &limits).ok()?;
    Some(evaluate(&parsed, complete.bytes(), validators))
}

struct Request {
    method: &'static str,
    tag: Option<Tag>,
    modified_unix_s: Option<u64>,
    if_match: Option<TagLines>,
    if_none_match: Option<TagLines>,
    if_modified_since: Vec<Date>,
    if_unmodified_since: Vec<Date>,
}

/// The lines of a field that is a list of entity tags, or `*`.
struct TagLines(Vec<TagLine>);

enum TagLine {
    Star,
    List(Vec<ListedTag>),
}

#[derive(Clone, Copy)]
enum ListedTag {
    Strong(Tag),
    Weak(Tag),
    /// In quotes, and no tag of a file.
    Foreign(&'static str),
    /// No entity tag: the rest of the line cannot be read.
    Broken(&'static str),
}

#[derive(Clone, Copy)]
enum Date {
    UnixSeconds(u64),
    Invalid(&'static str),
}

impl Request {
    fn choose(choices: &mut Choices<'_>) -> Self {
        Request {
            method: choices.pick(&["GET", "HEAD", "POST", "PUT"]),
            tag: (!choices.one_in(8)).then_some(TAG),
            modified_unix_s: (!choices.one_in(8)).then_some(MODIFIED_UNIX_S),
            if_match: TagLines::choose(choices),
            if_none_match: TagLines::choose(choices),
            if_modified_since: Date::choose(choices),
            if_unmodified_since: Date::choose(choices),
        }
    }

    /// RFC 9110 section 13.2.2.
    fn outcome(&self) -> Outcome {
        let is_get_or_head = matches!(self.method, "GET" | "HEAD");
        let step_3 = || match &self.if_none_match {
            Some(lines) if lines.match_weakly(self.tag) && is_get_or_head => Outcome::NotModified,
            Some(lines) if lines.match_weakly(self.tag) => Outcome::PreconditionFailed,
            Some(_) => Outcome::Proceed,
            None => match (self.modified_unix_s, Date::one(&self.if_modified_since)) {
                (Some(modified), Some(date)) if is_get_or_head && modified <= date => Outcome::NotModified,
                _ => Outcome::Proceed,
            },
        };
        match &self.if_match {
            Some(lines) if lines.match_strongly(self.tag) => step_3(),
            Some(_) => Outcome::PreconditionFailed,
            None => match (self.modified_unix_s, Date::one(&self.if_unmodified_since)) {
                (Some(modified), Some(date)) if modified > date => Outcome::PreconditionFailed,
                _ => step_3(),
            },
        }
    }

    fn write(&self, choices: &mut Choices<'_>) -> Vec<u8> {
        let mut fields = Vec::new();
        for (name, lines) in [("If-Match", &self.if_match), ("If-None-Match", &self.if_none_match)] {
            for line in lines.iter().flat_map(|lines| &lines.0) {
                fields.push((name, line.write(choices)));
            }
        }
        for (name, dates) in [
            ("If-Modified-Since", &self.if_modified_since),
            ("If-Unmodified-Since", &self.if_unmodified_since),
        ] {
            fields.extend(dates.iter().map(|date| (name, date.text())));
        }
        let turn = choices.below(fields.len().max(1));
        fields.rotate_left(turn);
        let lines = fields.iter().map(|(name, value)| format!("{}: {value}\r\n", choices.recase(name)));
        format!("{} / HTTP/1.1\r\nHost: a\r\n{}\r\n", self.method, lines.collect::<String>()).into_bytes()
    }
}

impl TagLines {
    fn choose(choices: &mut Choices<'_>) -> Option<Self> {
        let other = Tag { size: 11, ..TAG };
        let broken = ["x", "\"a b", "w/\"\"", "\"a b\"", "*", "W/", "\"a\"b", "\"a\" \"b\""];
        let choose_tag = |choices: &mut Choices<'_>| match choices.below(8) {
            0 | 1 => ListedTag::Strong(TAG),
            2 => ListedTag::Weak(TAG),
            3 => ListedTag::Strong(other),
            4 => ListedTag::Weak(other),
            5 => ListedTag::Broken(choices.pick(&broken)),
            _ => ListedTag::Foreign(choices.pick(&[
                "\"\"",
                "\"*\"",
                "\",\"",
                "\"W/\"",
                "\"\u{e9}\"",
                "W/\"x\"",
            ])),
        };
        let lines = (0..choices.below(4)).map(|_| match choices.below(8) {
            7 => TagLine::Star,
            len => TagLine::List((0..len.min(4)).map(|_| choose_tag(choices)).collect()),
        });
        let lines: Vec<TagLine> = lines.collect();
        (!lines.is_empty()).then_some(TagLines(lines))
    }

    fn match_strongly(&self, ours: Option<Tag>) -> bool {
        self.match_by(|tag| matches!((tag, ours), (ListedTag::Strong(tag), Some(ours)) if tag == ours))
    }

    fn match_weakly(&self, ours: Option<Tag>) -> bool {
        self.match_by(|tag| match tag {
            ListedTag::Strong(tag) | ListedTag::Weak(tag) => Some(tag) == ours,
            ListedTag::Foreign(_) | ListedTag::Broken(_) => false,
        })
    }

    fn match_by(&self, matches: impl Fn(ListedTag) -> bool) -> bool {
        self.0.iter().any(|line| match line {
            TagLine::Star => true,
            TagLine::List(tags) => {
                let readable = tags.iter().take_while(|tag| !matches!(tag, ListedTag::Broken(_)));
                readable.copied().any(&matches)
            }
        })
    }
}

impl TagLine {
    fn write(&self, choices: &mut Choices<'_>) -> String {
        let TagLine::List(tags) = self else { return "*".to_owned() };
        // A lone broken `*` would be a whole one.
        let lone_star = matches!(tags[..], [ListedTag::Broken("*")]);
        let mut line = if lone_star { ",".to_owned() } else { choices.pick(&["", ",", " , ,"]).to_owned() };
        for (index, tag) in tags.iter().enumerate() {
            if index > 0 {
                line.push_str(choices.pick(&[",", ", ", "\t,", " ,, "]));
            }
            line.push_str(&match tag {
                ListedTag::Strong(tag) => tag.text(),
                ListedTag::Weak(tag) => format!("W/{}", tag.text()),
                ListedTag::Foreign(text) | ListedTag::Broken(text) => (*text).to_owned(),
            });
        }
        line.push_str(choices.pick(&["", ",", " "]));
        line
    }
}

impl Date {
    fn choose(choices: &mut Choices<'_>) -> Vec<Date> {
        let seconds = [MODIFIED_UNIX_S - 1, MODIFIED_UNIX_S, MODIFIED_UNIX_S + 1, 0, 253_402_300_799];
        let invalid = ["", "0", "tomorrow", "Sun, 06 Nov 1994 08:49:37", "Mon, 32 Nov 1994 08:49:37 GMT"];
        let dates = (0..choices.below(8).saturating_sub(5)).map(|_| match choices.below(4) {
            3 => Date::Invalid(choices.pick(&invalid)),
            _ => Date::UnixSeconds(choices.pick(&seconds)),
        });
        dates.collect()
    }

    /// The date, where there is one line and it holds a date.
    fn one(dates: &[Date]) -> Option<u64> {
        match dates {
            [Date::UnixSeconds(seconds)] => Some(*seconds),
            _ => None,
        }
    }

    fn text(self) -> String {
        match self {
            Date::UnixSeconds(seconds) => String::from_utf8_lossy(&format_date(seconds)).into_owned(),
            Date::Invalid(text) => text.to_owned(),
        }
    }
}
