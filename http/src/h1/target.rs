//! Request targets (RFC 9112 section 3.2): which form, and where authority, path and query stand.

use super::field::Span;
use super::method::Method;
use super::reject::Reject;
use crate::syntax::{hex_digit, is_reg_name};

/// The form of a request target.
///
/// ```
/// use selvedge_http::h1::TargetForm;
/// use selvedge_http::{Request, testing};
///
/// async fn asked_for(request: Request<'_>) -> &'static str {
///     match request.head().target_form() {
///         TargetForm::Origin => "a path",
///         TargetForm::Absolute => "a whole URI, as a proxy is asked",
///         TargetForm::Asterisk | TargetForm::Authority => "no page at all",
///     }
/// }
///
/// testing::run(|| asked_for, async |client| {
///     client.get("/a").send().await.assert_text("a path").await;
///     let response = client.get("http://example.org/a").send();
///     response.await.assert_text("a whole URI, as a proxy is asked").await;
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetForm {
    /// `/path?query`
    Origin,
    /// `http://authority/path?query`; its authority wins over Host (RFC 9112 section 3.2.2).
    Absolute,
    /// `*`, only with OPTIONS: the server as a whole. The engine answers it, so no application sees one.
    Asterisk,
    /// `host:port`, only with CONNECT: where a tunnel is to lead.
    Authority,
}

/// What becomes of CONNECT (RFC 9110 section 9.3.6).
///
/// ```
/// use selvedge_http::h1::ConnectPolicy;
/// use selvedge_http::{Request, ServerOptions, StatusCode, testing::Client};
///
/// async fn gate(_: Request<'_>) -> StatusCode {
///     StatusCode::FORBIDDEN
/// }
///
/// selvedge_runtime::block_on(|| async {
///     for (connect, status) in [(ConnectPolicy::Refused, 501), (ConnectPolicy::Application, 403)] {
///         let client = Client::with_options(gate, &ServerOptions { connect, ..ServerOptions::default() });
///         client.request("CONNECT", "example.org:443").send().await.assert_status(status);
///     }
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ConnectPolicy {
    /// It is refused with 501: this is no proxy.
    #[default]
    Refused,
    /// It reaches the application, which answers 2xx with a tunnel.
    Application,
}

/// A parsed target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) form: TargetForm,
    /// Absent unless the form is absolute, or an authority itself.
    pub(crate) authority: Span,
    /// Absent in asterisk-form and authority-form, and in an absolute-form without a path, where it means `/`.
    pub(crate) path: Span,
    /// Without the question mark; absent when there is none.
    pub(crate) query: Span,
}

impl Target {
    /// Parses the target at `start..end` of `head`, whose octets are all legal in a target; `query_mark` is where the
    /// first `?` stands, or `end`.
    pub(crate) fn parse(
        head: &[u8],
        start: usize,
        query_mark: usize,
        end: usize,
        method: Method,
        connect: ConnectPolicy,
    ) -> Result<Self, Reject> {
        if matches!(method, Method::Connect) {
            return match connect {
                ConnectPolicy::Refused => Err(Reject::ConnectUnsupported),
                ConnectPolicy::Application => Self::parse_authority(head, start, end),
            };
        }
        let query = if query_mark < end { Span::new(query_mark + 1, end) } else { Span::ABSENT };
        match &head[start..end] {
            [b'/', ..] => Ok(Target {
                form: TargetForm::Origin,
                authority: Span::ABSENT,
                path: Span::new(start, query_mark),
                query,
            }),
            b"*" if matches!(method, Method::Options) => Ok(Target {
                form: TargetForm::Asterisk,
                authority: Span::ABSENT,
                path: Span::ABSENT,
                query: Span::ABSENT,
            }),
            target => {
                let authority_start = start + scheme_len(target).ok_or(Reject::Target)?;
                if authority_start > query_mark {
                    return Err(Reject::Target);
                }
                let hierarchy = &head[authority_start..query_mark];
                let authority_len = memchr::memchr(b'/', hierarchy).unwrap_or(hierarchy.len());
                // RFC 9110 section 4.2.1: an http URI with an empty host is invalid. Userinfo is refused by the check,
                // since a name holds no at-sign.
                if !is_authority(&hierarchy[..authority_len])
                    || matches!(hierarchy.first(), None | Some(b':' | b'/'))
                {
                    return Err(Reject::HostInvalid);
                }
                let path_start = authority_start + authority_len;
                Ok(Target {
                    form: TargetForm::Absolute,
                    authority: Span::new(authority_start, path_start),
                    path: if path_start < query_mark {
                        Span::new(path_start, query_mark)
                    } else {
                        Span::ABSENT
                    },
                    query,
                })
            }
        }
    }
}

impl Target {
    /// RFC 9112 section 3.2.3: `uri-host ":" port`, and here neither is empty: a tunnel leads somewhere.
    fn parse_authority(head: &[u8], start: usize, end: usize) -> Result<Self, Reject> {
        let target = &head[start..end];
        let colon = memchr::memrchr(b':', target).ok_or(Reject::Target)?;
        if !is_authority(target) || colon == 0 || !target[colon + 1..].iter().all(u8::is_ascii_digit) {
            return Err(Reject::Target);
        }
        match colon + 1 < target.len() {
            true => Ok(Target {
                form: TargetForm::Authority,
                authority: Span::new(start, end),
                path: Span::ABSENT,
                query: Span::ABSENT,
            }),
            false => Err(Reject::Target),
        }
    }
}

/// The length of `http://` or `https://` at the front, in any case.
fn scheme_len(target: &[u8]) -> Option<usize> {
    [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| target.get(..scheme.len()).is_some_and(|front| front.eq_ignore_ascii_case(scheme)))
        .map(<[u8]>::len)
}

/// Whether `authority` is `uri-host [ ":" port ]` (RFC 9110 section 7.2). An empty host is one (RFC 9112 section 3.2).
pub(crate) fn is_authority(authority: &[u8]) -> bool {
    let (host_is_valid, after_host) = match authority {
        [b'[', literal @ ..] => match memchr::memchr(b']', literal) {
            Some(end) => (is_ip_literal(&literal[..end]), &literal[end + 1..]),
            None => return false,
        },
        _ => match after_registered_name(authority) {
            Some(after_host) => (true, after_host),
            None => return false,
        },
    };
    host_is_valid && is_port_part(after_host)
}

/// What follows a `reg-name` or an IPv4 address (RFC 3986 section 3.2.2); `None` where a percent sign escapes nothing.
#[inline]
fn after_registered_name(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = &rest[rest.iter().take_while(|&&byte| is_reg_name(byte)).count()..];
        let [b'%', high, low, after @ ..] = rest else { return Some(rest) };
        hex_digit(*high).zip(hex_digit(*low))?;
        rest = after;
    }
}

/// What stands between the brackets: an IPv6 address. `IPvFuture` has never been used; a zone may not stand in a URI's
/// host here (RFC 9110 section 4.2 knows none).
fn is_ip_literal(literal: &[u8]) -> bool {
    str::from_utf8(literal).is_ok_and(|text| text.parse::<core::net::Ipv6Addr>().is_ok())
}

/// Nothing, or a colon and a port that fits 16 bits; RFC 3986 lets the digits be missing.
#[inline]
fn is_port_part(part: &[u8]) -> bool {
    match part {
        [] | [b':'] => true,
        [b':', digits @ ..] => crate::syntax::parse_digits(digits).is_some_and(|port| port <= 65_535),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_a_host_and_perhaps_a_port() {
        for valid in [
            "",
            "a",
            "example.com",
            "example.com:",
            "example.com:8080",
            "127.0.0.1:80",
            "[::1]",
            "[::1]:8080",
            "a_b",
            "xn--nxasmq6b",
            "a%20b",
            ":80",
        ] {
            assert!(is_authority(valid.as_bytes()), "{valid}");
        }
        for invalid in [
            "a b",
            "a/b",
            "user@host",
            "a:b",
            "a:65536",
            "a:80:80",
            "[::1",
            "[::g]",
            "[::1]x",
            "::1",
            "a\\b",
            "a%2",
            "a%zz",
            "[]",
            "a?",
            "a#",
            "é",
            "a:+80",
            "[fe80::1%eth0]",
            "[v1.x:y]",
            "a\tb",
        ] {
            assert!(!is_authority(invalid.as_bytes()), "{invalid}");
        }
    }

    #[test]
    fn a_tunnel_leads_to_a_host_and_a_port() {
        // Behind something else, as in a head.
        let parse = |target: &str| {
            let head = format!("CONNECT {target}");
            Target::parse_authority(head.as_bytes(), 8, head.len()).map(|target| target.authority)
        };
        for target in ["a:1", "example.com:443", "[::1]:8080", "a%20b:7"] {
            assert_eq!(parse(target), Ok(Span::new(8, 8 + target.len())), "{target}");
        }
        for target in [
            "a", "a:", ":1", ":", "a:b", "a:1b", "a/b:1", "[::1]", "::1", "a%2:1", "a%xx:1", "a%2x:1",
            "a%x2:1",
        ] {
            assert_eq!(parse(target), Err(Reject::Target), "{target}");
        }
    }
}
