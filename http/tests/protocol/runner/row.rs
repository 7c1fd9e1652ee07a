//! A row of a table of requests: what a client sends, and what the engine makes of it.

use std::fmt;

use selvedge_http::h1::{
    BodyFraming, Expect, Persistence, Reject, RequestHead, TargetForm, Upgrade, Version,
};

/// One row. What it sends may be several messages, one behind the other.
pub(crate) struct Row {
    pub(crate) name: String,
    /// The sentence that decides, with its section; of a peer's case also where it stands.
    pub(crate) rule: String,
    pub(crate) octets: Vec<u8>,
    /// Message by message, up to the one after which nothing more is read.
    pub(crate) expected: Vec<Expected>,
}

/// What becomes of one message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// The application sees it, or the engine answers it in the application's place.
    Accepted(Told),
    /// It is answered with this status, for this reason, and the connection closes.
    Refused(u16, Reject),
    /// The octets end within the head.
    Incomplete,
}

/// What the application is told of a request, and what comes of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) method: &'static str,
    pub(crate) form: TargetForm,
    pub(crate) path: &'static str,
    pub(crate) query: Option<&'static str>,
    pub(crate) authority: Option<&'static str>,
    pub(crate) version: Version,
    pub(crate) framing: BodyFraming,
    pub(crate) persistence: Persistence,
    pub(crate) expect: Expect,
    pub(crate) upgrade: Upgrade,
    /// Fields that are among its lines, names as they were sent.
    pub(crate) fields: &'static [(&'static str, &'static [u8])],
    pub(crate) body: Body,
    /// 200 where the application answers.
    pub(crate) answer: u16,
}

/// What becomes of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// There is none, or it is read to its end: these octets.
    Read(&'static [u8]),
    /// It is not read: the connection closes after the answer.
    Left,
    /// Its octets are wrong, for which the connection closes after the answer.
    Refused(Reject),
    /// The octets end within it.
    CutShort,
}

/// `GET / HTTP/1.1` with `Host: a`; rows say what is different.
pub(crate) const GET: Told = Told {
    method: "GET",
    form: TargetForm::Origin,
    path: "/",
    query: None,
    authority: Some("a"),
    version: Version::Http11,
    framing: BodyFraming::None,
    persistence: Persistence::Reuse,
    expect: Expect::None,
    upgrade: Upgrade::None,
    fields: &[],
    body: Body::Read(b""),
    answer: 200,
};

/// `POST / HTTP/1.1` with `Host: a`.
pub(crate) const POST: Told = Told { method: "POST", ..GET };

/// `GET / HTTP/1.0` without a Host.
pub(crate) const GET_1_0: Told =
    Told { version: Version::Http10, authority: None, persistence: Persistence::Close, ..GET };

/// A POST whose body of a stated length is read.
pub(crate) const fn post_length(body: &'static [u8]) -> Told {
    Told { framing: BodyFraming::Length(body.len() as u64), body: Body::Read(body), ..POST }
}

/// A POST whose body comes in chunks.
pub(crate) const fn post_chunked(body: Body) -> Told {
    Told { framing: BodyFraming::Chunked, body, ..POST }
}

/// A row; `octets` as they go over the wire.
pub(crate) fn row(
    name: impl Into<String>,
    rule: impl Into<String>,
    octets: impl AsRef<[u8]>,
    expected: impl Into<Vec<Expected>>,
) -> Row {
    Row { name: name.into(), rule: rule.into(), octets: octets.as_ref().to_vec(), expected: expected.into() }
}

impl From<Told> for Expected {
    fn from(told: Told) -> Self {
        Self::Accepted(told)
    }
}

impl From<Told> for Vec<Expected> {
    fn from(told: Told) -> Self {
        vec![told.into()]
    }
}

impl From<Expected> for Vec<Expected> {
    fn from(expected: Expected) -> Self {
        vec![expected]
    }
}

impl Row {
    /// Whether the connection is there for another request after the row's.
    pub(crate) fn leaves_open(&self) -> bool {
        self.expected.iter().all(|expected| match expected {
            Expected::Accepted(told) => !told.ends_connection(),
            Expected::Refused(..) | Expected::Incomplete => false,
        })
    }

    /// Whether the row's first request is a HEAD, to which no answer has a body.
    pub(crate) fn asks_for_the_head(&self) -> bool {
        self.octets.strip_prefix(b"\r\n").unwrap_or(&self.octets).starts_with(b"HEAD ")
    }

    /// Whether the octets end within a message, so that nothing can stand behind it.
    pub(crate) fn ends_within_a_message(&self) -> bool {
        matches!(
            self.expected.last(),
            Some(Expected::Incomplete | Expected::Accepted(Told { body: Body::CutShort, .. }))
        )
    }
}

impl Told {
    /// As [`describe`] describes it.
    pub(crate) fn description(&self) -> String {
        let names = Names {
            method: self.method.as_bytes(),
            path: self.path.as_bytes(),
            query: self.query.map(str::as_bytes),
            authority: self.authority.map(str::as_bytes),
        };
        let Self { form, version, framing, persistence, expect, upgrade, .. } = self;
        format!("{names} {form:?} {version:?} {framing:?} {persistence:?} {expect:?} {upgrade:?}")
    }

    /// The field lines as [`describe_lines`] describes them.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.fields.iter().map(|(name, value)| line(name.as_bytes(), value))
    }

    /// Whether the answer says that it is the connection's last.
    pub(crate) fn closes(&self) -> bool {
        self.persistence == Persistence::Close || self.body == Body::Left
    }

    /// Whether nothing behind it is read.
    pub(crate) fn ends_connection(&self) -> bool {
        self.closes() || matches!(self.body, Body::Refused(_) | Body::CutShort)
    }
}

/// All that a parsed head says, in one line of visible ASCII. `bytes` are the head's.
pub(crate) fn describe(head: &RequestHead, bytes: &[u8]) -> String {
    let names = Names {
        method: head.method().name(bytes),
        path: head.path(bytes),
        query: head.query(bytes),
        authority: head.authority(bytes),
    };
    let (form, version, framing) = (head.target_form(), head.version(), head.framing());
    let (persistence, expect, upgrade) = (head.persistence(), head.expect(), head.upgrade());
    format!("{names} {form:?} {version:?} {framing:?} {persistence:?} {expect:?} {upgrade:?}")
}

/// What the client has written of a description.
struct Names<'b> {
    method: &'b [u8],
    path: &'b [u8],
    query: Option<&'b [u8]>,
    authority: Option<&'b [u8]>,
}

impl fmt::Display for Names<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method.escape_ascii(), self.path.escape_ascii())?;
        for (name, value) in [("query", self.query), ("authority", self.authority)] {
            match value {
                Some(value) => write!(formatter, " {name}=<{}>", value.escape_ascii())?,
                None => write!(formatter, " no {name}")?,
            }
        }
        Ok(())
    }
}

/// The field lines of a parsed head, each in visible ASCII.
pub(crate) fn describe_lines(head: &RequestHead, bytes: &[u8]) -> Vec<String> {
    head.field_lines(bytes).map(|field| line(field.name, field.value)).collect()
}

fn line(name: &[u8], value: &[u8]) -> String {
    format!("{}=<{}>", name.escape_ascii(), value.escape_ascii())
}
