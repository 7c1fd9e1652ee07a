//! The oracle's reading of a request's head: RFC 9112 read strictly, by splitting text, as little like the server's own
//! parser as can be. In: what a connection says. Out: a head's lines, and their meaning, or the statuses that refuse
//! it: where it has several faults, that of each.

use super::target::{self, Target};

/// The server's bounds (see the table in docs/architecture.md).
const HEAD_BYTES_MAX: usize = 16 * 1024;
const TARGET_BYTES_MAX: usize = 8 * 1024;
const REQUEST_LINE_BYTES_MAX: usize = TARGET_BYTES_MAX + 44;
const FIELDS_MAX: usize = 100;
pub(super) const BODY_BYTES_MAX: u64 = 1024 * 1024;

/// What stands at the front.
pub(super) enum Found<'a> {
    /// The lines of a head, and what is behind its empty line.
    Whole(Vec<&'a [u8]>, &'a [u8]),
    Refused(Vec<u16>),
    Incomplete,
}

/// Splits a head off the front. Every line ends in CRLF; one empty line may stand before it (RFC 9112 section 2.2).
pub(super) fn find_head(octets: &[u8]) -> Found<'_> {
    let start = if octets.starts_with(b"\r\n") { 2 } else { 0 };
    match octets.get(start) {
        None => return Found::Incomplete,
        Some(b'\r') if start == 0 && octets.len() == 1 => return Found::Incomplete,
        Some(&first) if !is_token_octet(first) => return Found::Refused(vec![400]),
        Some(_) => {}
    }
    let mut lines = Vec::new();
    let mut line_start = start;
    while let Some(at) = octets[line_start..].iter().position(|octet| matches!(octet, b'\r' | b'\n')) {
        let line_end = line_start + at;
        let is_too_long =
            (lines.is_empty() && at + 2 > REQUEST_LINE_BYTES_MAX) || line_end + 2 > HEAD_BYTES_MAX;
        match &octets[line_end..] {
            _ if is_too_long => return Found::Refused(vec![400, 414, 431, 501, 505]),
            [b'\r', b'\n', ..] => {}
            [b'\r'] => return Found::Incomplete,
            _ => return Found::Refused(vec![400]),
        }
        if at == 0 {
            return Found::Whole(lines, &octets[line_end + 2..]);
        }
        lines.push(&octets[line_start..line_end]);
        line_start = line_end + 2;
    }
    let is_too_long = (lines.is_empty() && octets.len() - start >= REQUEST_LINE_BYTES_MAX)
        || octets.len() >= HEAD_BYTES_MAX;
    if is_too_long { Found::Refused(vec![400, 414, 431]) } else { Found::Incomplete }
}

/// How a request's body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
}

/// A request that is answered.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) target: Target<'a>,
    fields: Vec<(String, String)>,
    pub(super) framing: Framing,
    /// It waits for a 100 before it sends its body.
    pub(super) expects: bool,
    /// It is the last one by its own wish.
    pub(super) closes: bool,
}

impl<'a> Request<'a> {
    /// Reads the lines of a head; the statuses that refuse it where it must be refused.
    pub(super) fn read(lines: Vec<&'a [u8]>) -> Result<Self, Vec<u16>> {
        let mut faults = Vec::new();
        let (method, target, version) = request_line(lines[0], &mut faults);
        let is_1_0 = version == "HTTP/1.0";
        let mut fields = Vec::new();
        for line in &lines[1..] {
            match field(line) {
                Some(field) => fields.push(field),
                None => faults.push(400),
            }
        }
        if lines.len() - 1 > FIELDS_MAX {
            faults.push(431);
        }
        let mut request = Self {
            method,
            target: target::read(target, method).unwrap_or(Target::Asterisk),
            fields,
            framing: Framing::Length(0),
            expects: false,
            closes: false,
        };
        if method == "CONNECT" {
            faults.push(501);
        } else if target::read(target, method).is_none() {
            faults.push(400);
        }
        match &request.values("host")[..] {
            [] if is_1_0 => {}
            [host] if target::is_authority(host) => {}
            _ => faults.push(400),
        }
        request.framing = request.read_framing(is_1_0, &mut faults);
        match &request.values("expect")[..] {
            [] => {}
            [value] if value.eq_ignore_ascii_case("100-continue") => request.expects = !is_1_0,
            _ => faults.push(417),
        }
        let options = request.values("connection").join(",").to_ascii_lowercase();
        let has = |wanted| options.split(',').any(|option| trim(option) == wanted);
        request.closes = has("close") || is_1_0 && !has("keep-alive");
        faults.sort_unstable();
        faults.dedup();
        if faults.is_empty() { Ok(request) } else { Err(faults) }
    }

    /// RFC 9112 section 6.3, without the repairs that it permits.
    fn read_framing(&self, is_1_0: bool, faults: &mut Vec<u16>) -> Framing {
        let (lengths, codings) = (self.values("content-length"), self.values("transfer-encoding"));
        match (&lengths[..], &codings[..]) {
            ([], []) => Framing::Length(0),
            ([length], []) => match target::number(length) {
                Some(length) => {
                    if length > BODY_BYTES_MAX {
                        faults.push(413);
                    }
                    Framing::Length(length)
                }
                None => {
                    faults.push(400);
                    Framing::Length(0)
                }
            },
            ([], [coding]) if coding.eq_ignore_ascii_case("chunked") && !is_1_0 => Framing::Chunked,
            ([], [coding]) if coding.contains(',') => {
                faults.extend([400, 501]);
                Framing::Chunked
            }
            _ => {
                faults.push(400);
                Framing::Length(0)
            }
        }
    }

    /// All values of a field, named in lower case.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// Method, target and version; what is wrong with them is added to the faults.
fn request_line<'a>(line: &'a [u8], faults: &mut Vec<u16>) -> (&'a str, &'a str, &'a str) {
    let Some((method, target, version)) = str::from_utf8(line).ok().and_then(|line| {
        let mut words = line.split(' ');
        let words = (words.next()?, words.next()?, words.next()?, words.next());
        words.3.is_none().then_some((words.0, words.1, words.2))
    }) else {
        // A target may be too long, too, or a version another one.
        faults.extend([400, 414]);
        return ("", "", "");
    };
    if method.is_empty() || !method.bytes().all(is_token_octet) {
        faults.push(400);
    }
    if target.is_empty()
        || !target.bytes().all(|octet| octet.is_ascii_graphic() && !b"#\"<>".contains(&octet))
    {
        faults.push(400);
    }
    if target.len() > TARGET_BYTES_MAX {
        faults.push(414);
    }
    match version.as_bytes() {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9'] => {}
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => faults.push(505),
        _ => faults.push(400),
    }
    (method, target, version)
}

/// Name in lower case, and value; `None` for what is no field line.
pub(super) fn field(line: &[u8]) -> Option<(String, String)> {
    let colon = line.iter().position(|&octet| octet == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let is_field = !name.is_empty()
        && name.iter().copied().all(is_token_octet)
        && value.iter().copied().all(is_value_octet);
    // As text octet by octet, so that what is no ASCII stays what it is.
    let text = |octets: &[u8]| octets.iter().map(|&octet| octet as char).collect::<String>();
    is_field.then(|| (text(name).to_ascii_lowercase(), trim(&text(value)).to_owned()))
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// `tchar` of RFC 9110 section 5.6.2.
pub(super) fn is_token_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

/// What a field's value may hold (RFC 9110 section 5.5).
pub(super) fn is_value_octet(octet: u8) -> bool {
    matches!(octet, b'\t' | b' '..=b'~' | 0x80..)
}
