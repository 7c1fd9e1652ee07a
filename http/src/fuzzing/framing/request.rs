//! One request's head, composed from choices: what it means, or why it must be refused.

use super::super::choices::Choices;
use super::reader::{Head, LIMITS};
use crate::h1::{BodyFraming, Expect, Persistence, Reject, TargetForm, Upgrade, Version};

/// A head before it is written.
pub(super) struct Request {
    /// An empty line may stand before the request line (RFC 9112 section 2.2).
    leading: &'static str,
    method: &'static str,
    target: Target,
    version: &'static str,
    /// Names and values as they are sent.
    fields: Vec<(String, String)>,
    pub(super) framing: BodyFraming,
    line_end: &'static str,
    colon: &'static str,
}

#[derive(Clone, Copy)]
struct Target {
    text: &'static str,
    form: TargetForm,
    authority: Option<&'static str>,
    path: &'static str,
    query: Option<&'static str>,
}

const fn origin(text: &'static str, path: &'static str, query: Option<&'static str>) -> Target {
    Target { text, form: TargetForm::Origin, authority: None, path, query }
}

const fn absolute(
    text: &'static str,
    authority: &'static str,
    path: &'static str,
    query: Option<&'static str>,
) -> Target {
    Target { text, form: TargetForm::Absolute, authority: Some(authority), path, query }
}

const TARGETS: [Target; 10] = [
    origin("/", "/", None),
    origin("/a/b%20c", "/a/b%20c", None),
    origin("/?", "/", Some("")),
    origin("/a?b=c?d", "/a", Some("b=c?d")),
    origin("//x/../y", "//x/../y", None),
    origin("/http://h/", "/http://h/", None),
    absolute("http://h.example:80/x", "h.example:80", "/x", None),
    absolute("HTTPS://[::1]", "[::1]", "/", None),
    absolute("http://h?q", "h", "/", Some("q")),
    absolute("http://h/?q/", "h", "/", Some("q/")),
];

const ASTERISK: Target =
    Target { text: "*", form: TargetForm::Asterisk, authority: None, path: "*", query: None };

/// What makes a head one that must be refused.
#[derive(Clone, Copy)]
enum Fault {
    Leading(&'static str),
    Method(&'static str),
    Target(&'static str),
    Version(&'static str),
    LineEnd(&'static str),
    Colon(&'static str),
    /// All Host lines.
    Hosts(&'static [&'static str]),
    /// Beside a valid Host.
    Fields(&'static [(&'static str, &'static str)]),
    /// The same in HTTP/1.0.
    OldFields(&'static [(&'static str, &'static str)]),
}

const LONG_TARGET: &str = slashes(&[b'/'; LIMITS.target_bytes_max as usize + 1]);
const LONG_VALUE: &str = slashes(&[b'/'; LIMITS.head_bytes_max as usize]);

const fn slashes(octets: &'static [u8]) -> &'static str {
    match str::from_utf8(octets) {
        Ok(text) => text,
        Err(_) => panic!("slashes are text"),
    }
}

const FAULTS: [(Fault, Reject); 55] = [
    (Fault::Leading("\r\n\r\n"), Reject::NotHttp),
    (Fault::Leading("\n"), Reject::BareLineFeed),
    (Fault::Leading("\r\n\n"), Reject::BareLineFeed),
    (Fault::Leading("\r"), Reject::BareCarriageReturn),
    (Fault::Leading(" "), Reject::NotHttp),
    (Fault::Leading("\u{16}\u{3}\u{1}"), Reject::NotHttp),
    (Fault::Method("CONNECT"), Reject::ConnectUnsupported),
    (Fault::Method("G T"), Reject::RequestLine),
    (Fault::Method("G(T"), Reject::RequestLine),
    (Fault::Method("GET "), Reject::RequestLine),
    (Fault::Method("GET\t"), Reject::RequestLine),
    (Fault::Target("x"), Reject::Target),
    (Fault::Target("*"), Reject::Target),
    (Fault::Target("?"), Reject::Target),
    (Fault::Target("/#"), Reject::Target),
    (Fault::Target("/\u{e9}"), Reject::Target),
    (Fault::Target("/\0"), Reject::Target),
    (Fault::Target("ftp://h/"), Reject::Target),
    (Fault::Target("http://"), Reject::HostInvalid),
    (Fault::Target("http://u@h/"), Reject::HostInvalid),
    (Fault::Target("http://:80/"), Reject::HostInvalid),
    (Fault::Target(LONG_TARGET), Reject::TargetTooLong),
    (Fault::Version("HTTP/2.0"), Reject::VersionUnsupported),
    (Fault::Version("HTTP/1.10"), Reject::RequestLine),
    (Fault::Version("http/1.1"), Reject::RequestLine),
    (Fault::Version("HTTP/1.1 "), Reject::RequestLine),
    (Fault::Version(""), Reject::RequestLine),
    (Fault::LineEnd("\n"), Reject::BareLineFeed),
    (Fault::LineEnd("\r"), Reject::BareCarriageReturn),
    (Fault::LineEnd("\r\r\n"), Reject::BareCarriageReturn),
    (Fault::Colon(" :"), Reject::FieldName),
    (Fault::Colon(""), Reject::FieldName),
    (Fault::Hosts(&[]), Reject::HostMissing),
    (Fault::Hosts(&["a", "a"]), Reject::HostRepeated),
    (Fault::Hosts(&["a b"]), Reject::HostInvalid),
    (Fault::Hosts(&["a/b"]), Reject::HostInvalid),
    (
        Fault::Fields(&[("Content-Length", "5"), ("Transfer-Encoding", "chunked")]),
        Reject::ContentLengthWithTransferEncoding,
    ),
    (Fault::Fields(&[("Content-Length", "5"), ("Content-Length", "5")]), Reject::ContentLengthRepeated),
    (Fault::Fields(&[("Content-Length", "5, 5")]), Reject::ContentLengthInvalid),
    (Fault::Fields(&[("Content-Length", "+5")]), Reject::ContentLengthInvalid),
    (Fault::Fields(&[("Content-Length", "")]), Reject::ContentLengthInvalid),
    (Fault::Fields(&[("Content-Length", "18446744073709551616")]), Reject::ContentLengthInvalid),
    (Fault::Fields(&[("Transfer-Encoding", "gzip")]), Reject::TransferEncodingInvalid),
    (Fault::Fields(&[("Transfer-Encoding", "chunked, gzip")]), Reject::TransferEncodingInvalid),
    (Fault::Fields(&[("Transfer-Encoding", "chunked,chunked")]), Reject::TransferEncodingInvalid),
    (
        Fault::Fields(&[("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")]),
        Reject::TransferEncodingInvalid,
    ),
    (Fault::Fields(&[("Transfer-Encoding", "gzip, chunked")]), Reject::TransferCodingUnsupported),
    (Fault::OldFields(&[("Transfer-Encoding", "chunked")]), Reject::TransferEncodingInHttp10),
    (Fault::Fields(&[("X Y", "z")]), Reject::FieldName),
    (Fault::Fields(&[(" X", "folded")]), Reject::FieldName),
    (Fault::Fields(&[("X", "a\0b")]), Reject::FieldValue),
    (Fault::Fields(&[("X", "a\rb")]), Reject::BareCarriageReturn),
    (Fault::Fields(&[("X", "a\nb: c")]), Reject::BareLineFeed),
    (Fault::Fields(&[("X", LONG_VALUE)]), Reject::HeadTooLong),
    (Fault::Fields(&[("X", "y"); LIMITS.fields_max as usize]), Reject::TooManyFields),
];

impl Request {
    pub(super) fn choose(choices: &mut Choices<'_>) -> Self {
        let method = choices.pick(&["GET", "HEAD", "POST", "PUT", "OPTIONS", "get", "M-SEARCH", "!"]);
        let is_asterisk = method == "OPTIONS" && choices.one_in(2);
        let mut request = Request {
            leading: choices.pick(&["", "", "", "\r\n"]),
            method,
            target: if is_asterisk { ASTERISK } else { choices.pick(&TARGETS) },
            version: choices.pick(&["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2"]),
            fields: Vec::new(),
            framing: BodyFraming::None,
            line_end: "\r\n",
            colon: ":",
        };
        request.choose_fields(choices);
        request.choose_framing(choices);
        let turn = choices.below(request.fields.len().max(1));
        request.fields.rotate_left(turn);
        request
    }

    fn choose_fields(&mut self, choices: &mut Choices<'_>) {
        let mut add = |choices: &mut Choices<'_>, name: &str, values: &[&str]| {
            let field = (choices.recase(name), choices.pick(values).to_owned());
            self.fields.push(field);
        };
        if self.version != "HTTP/1.0" || choices.one_in(2) {
            add(choices, "Host", &["a.example", "", "a:8080", "[::1]:80"]);
        }
        for _ in 0..choices.below(4) {
            let name =
                choices.pick(&["Accept", "X-A", "Cookie", "Content-Lengthy", "Hos", "If-None-Match", "~"]);
            add(choices, name, &["", "a", "a b\t c", "\u{e9}", "x:y;z=\"q\"", "chunked"]);
        }
        for _ in 0..choices.below(3) {
            let options =
                ["close", "keep-alive", "Upgrade", "te", "", "closed", "KEEP-alive ,\tupgrade", ",te,Close"];
            add(choices, "Connection", &options);
        }
        if choices.one_in(4) {
            add(choices, "Upgrade", &["websocket", ""]);
        }
        for _ in 0..choices.below(8).saturating_sub(5) {
            add(choices, "Expect", &["100-continue", "100-Continue", "200-ok", ""]);
        }
    }

    fn choose_framing(&mut self, choices: &mut Choices<'_>) {
        match choices.below(4) {
            0 if self.version != "HTTP/1.0" => {
                self.fields.push((choices.recase("Transfer-Encoding"), choices.recase("chunked")));
                self.framing = BodyFraming::Chunked;
            }
            1 => {
                let length = if choices.one_in(16) { 1025 } else { choices.below(40) };
                let zeros = "0".repeat(choices.below(3));
                self.fields.push((choices.recase("Content-Length"), format!("{zeros}{length}")));
                self.framing =
                    if length == 0 { BodyFraming::None } else { BodyFraming::Length(length as u64) };
            }
            _ => {}
        }
    }

    /// Makes it one that must be refused.
    pub(super) fn spoil(&mut self, choices: &mut Choices<'_>) -> Reject {
        let (fault, reject) = choices.pick(&FAULTS);
        // One fault only: what it touches is valid otherwise.
        self.fields.retain(|(name, _)| {
            !["host", "content-length", "transfer-encoding"].contains(&name.to_ascii_lowercase().as_str())
        });
        self.version = "HTTP/1.1";
        let mut hosts = &["a"][..];
        let mut fields = &[][..];
        match fault {
            Fault::Leading(text) => self.leading = text,
            Fault::Method(text) => self.method = text,
            Fault::Target(text) => (self.method, self.target.text) = ("GET", text),
            Fault::Version(text) => self.version = text,
            Fault::LineEnd(text) => self.line_end = text,
            Fault::Colon(text) => self.colon = text,
            Fault::Hosts(values) => hosts = values,
            Fault::Fields(added) => fields = added,
            Fault::OldFields(added) => (self.version, fields) = ("HTTP/1.0", added),
        }
        for (name, value) in hosts.iter().map(|value| ("Host", *value)).chain(fields.iter().copied()) {
            let at = choices.below(self.fields.len() + 1);
            self.fields.insert(at, (choices.recase(name), value.to_owned()));
        }
        reject
    }

    /// What the request means.
    pub(super) fn head(&self) -> Head {
        let is_1_0 = self.version == "HTTP/1.0";
        let values = |wanted: &'static str| {
            self.fields
                .iter()
                .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|field| &field.1)
        };
        let options: Vec<String> = values("Connection")
            .flat_map(|value| value.split(','))
            .map(|option| option.trim().to_ascii_lowercase())
            .collect();
        let has = |option: &str| options.iter().any(|other| other == option);
        let expectations: Vec<String> = values("Expect").map(|value| value.to_ascii_lowercase()).collect();
        let is_closing = has("close") || is_1_0 && !has("keep-alive");
        let is_upgrading = has("upgrade") && values("Upgrade").next().is_some() && !is_1_0;
        Head {
            method: self.method.to_owned(),
            form: self.target.form,
            path: self.target.path.to_owned(),
            query: self.target.query.map(str::to_owned),
            authority: self.target.authority.map(str::to_owned).or(values("Host").next().cloned()),
            version: if is_1_0 { Version::Http10 } else { Version::Http11 },
            framing: self.framing,
            persistence: if is_closing { Persistence::Close } else { Persistence::Reuse },
            expect: match &expectations[..] {
                [] => Expect::None,
                [value] if value == "100-continue" && is_1_0 => Expect::None,
                [value] if value == "100-continue" => Expect::Continue,
                _ => Expect::Unsupported,
            },
            upgrade: if is_upgrading { Upgrade::Offered } else { Upgrade::None },
            lines: self
                .fields
                .iter()
                .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
                .collect(),
        }
    }

    pub(super) fn write(&self, choices: &mut Choices<'_>) -> Vec<u8> {
        let Request { leading, method, target, version, line_end, colon, .. } = self;
        let mut text = format!("{leading}{method} {} {version}{line_end}", target.text);
        for (name, value) in &self.fields {
            let (before, after) = (choices.whitespace(), choices.whitespace());
            text.push_str(&format!("{name}{colon}{before}{value}{after}{line_end}"));
        }
        text.push_str(line_end);
        text.into_bytes()
    }
}
