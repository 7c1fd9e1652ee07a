//! The oracle's reading of request targets and hosts (RFC 9112 section 3.2, RFC 3986), and where a path leads on the
//! site.

use super::site::{self, File, There};

/// What a target asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// `*`: the server as a whole.
    Asterisk,
    /// A path, and the query behind it.
    Path(&'a str, Option<&'a str>),
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// It is answered with one of these.
    Refused(Vec<u16>),
    File(&'static File),
    /// It lies there, with or without a slash.
    Redirect {
        location: String,
        statuses: &'static [u16],
    },
}

/// Reads the target of a request with this method; `None` where it must be refused.
pub(super) fn read<'a>(target: &'a str, method: &str) -> Option<Target<'a>> {
    if target == "*" && method == "OPTIONS" {
        return Some(Target::Asterisk);
    }
    let (before_query, query) = match target.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (target, None),
    };
    if before_query.starts_with('/') {
        return Some(Target::Path(before_query, query));
    }
    let (scheme, hierarchy) = before_query.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let path_start = hierarchy.find('/').unwrap_or(hierarchy.len());
    let (authority, path) = hierarchy.split_at(path_start);
    let has_host = !authority.is_empty() && !authority.starts_with(':');
    let path = if path.is_empty() { "/" } else { path };
    (has_host && is_authority(authority)).then_some(Target::Path(path, query))
}

/// `uri-host [ ":" port ]`, the host perhaps empty.
pub(super) fn is_authority(text: &str) -> bool {
    let (is_host, port) = match text.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, port)) => (address.parse::<std::net::Ipv6Addr>().is_ok(), port),
            None => return false,
        },
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (is_registered_name(host), port)
        }
    };
    let is_port = match port.strip_prefix(':') {
        Some(digits) => digits.is_empty() || number(digits).is_some_and(|port| port < 1 << 16),
        None => port.is_empty(),
    };
    is_host && is_port
}

fn is_registered_name(host: &str) -> bool {
    let mut pieces = host.split('%');
    let is_plain =
        |text: &str| text.chars().all(|it| it.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(it));
    let is_escape = |text: &str| {
        text.len() >= 2 && text.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit) && is_plain(&text[2..])
    };
    pieces.next().is_none_or(is_plain) && pieces.all(is_escape)
}

/// `1*DIGIT` that fits 64 bits.
pub(super) fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|it| it.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Where `path` leads, which begins with a slash.
pub(super) fn place(path: &str, query: Option<&str>) -> Place {
    let mut refused = Vec::new();
    let mut segments: Vec<Vec<u8>> = Vec::new();
    let mut has_slash = true;
    for segment in path[1..].split('/') {
        has_slash = true;
        match decode(segment) {
            Err(status) => refused.push(status),
            Ok(segment) if segment.is_empty() || segment == b"." => {}
            Ok(segment) if segment == b".." => {
                if segments.pop().is_none() {
                    refused.push(400);
                }
            }
            Ok(segment) => {
                has_slash = false;
                segments.push(segment);
            }
        }
    }
    if !refused.is_empty() {
        return Place::Refused(refused);
    }
    let is_hidden = |(number, segment): (usize, &Vec<u8>)| {
        segment.starts_with(b".") && !(number == 0 && segment == b".well-known")
    };
    if segments.iter().enumerate().any(is_hidden) {
        return Place::Refused(vec![404, 414]);
    }
    let joined = segments.join(&b'/');
    let query = query.map_or(String::new(), |query| format!("?{query}"));
    let name = String::from_utf8_lossy(&joined);
    match site::at(&joined) {
        There::File(file) if joined.is_empty() || !has_slash => Place::File(file),
        There::File(_) => Place::Redirect { location: format!("/{name}{query}"), statuses: &[301, 404] },
        There::Directory if !has_slash => {
            Place::Redirect { location: format!("/{name}/{query}"), statuses: &[301] }
        }
        // PATH_MAX, limits.h(0p).
        There::Nothing if joined.len() >= 4_096 => Place::Refused(vec![414]),
        There::Directory | There::Nothing => Place::Refused(vec![404]),
    }
}

/// A segment's octets, or the status that refuses it.
fn decode(segment: &str) -> Result<Vec<u8>, u16> {
    let mut pieces = segment.split('%');
    let mut octets = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let digits = piece.get(..2).filter(|digits| digits.bytes().all(|it| it.is_ascii_hexdigit()));
        let octet = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or(400_u16)?;
        match octet {
            0 => return Err(400),
            b'/' => return Err(404),
            octet => octets.push(octet),
        }
        octets.extend_from_slice(&piece.as_bytes()[2..]);
    }
    Ok(octets)
}
