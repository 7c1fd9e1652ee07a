//! Several sites on one server. In: a request. Out: the answer of the application of its host.

use std::error::Error;
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use http::StatusCode;

use crate::application::Application;
use crate::boxed::BoxApplication;
use crate::request::Request;
use crate::response::Response;

/// Octets of a host's name (RFC 1035 section 2.3.4), without a last dot. A request for a longer one is for none of
/// them.
const NAME_BYTES_MAX: usize = 253;

/// Applications by the host that a request is for: a whole name, then the longest `*.` that fits, then whatever answers
/// otherwise. A request that fits none is answered with 421 (RFC 9110 section 15.5.20).
///
/// The host is the request's authority without its port; case and a last dot do not matter. Finding it compares with a
/// few of the names, however many there are, and allocates nothing; the call is that of a [`BoxApplication`].
///
/// ```
/// use selvedge_http::middleware::VirtualHosts;
/// use selvedge_http::{Application, Request};
///
/// async fn blog(_: Request<'_>) -> &'static str {
///     "my blog"
/// }
///
/// async fn shop(request: Request<'_>) -> String {
///     format!("the shop of {:?}", request.authority())
/// }
///
/// async fn nobody(_: Request<'_>) -> selvedge_http::StatusCode {
///     selvedge_http::StatusCode::NOT_FOUND
/// }
///
/// fn application() -> impl Application {
///     VirtualHosts::new().host("example.com", blog).host("*.shops.example.com", shop).otherwise(nobody)
/// }
/// # application();
/// ```
#[derive(Debug, Clone, Default)]
pub struct VirtualHosts {
    /// In the order of their names.
    whole: Vec<(String, BoxApplication)>,
    /// In the order of what stands behind their `*.`.
    below: Vec<(String, BoxApplication)>,
    otherwise: Option<BoxApplication>,
}

impl VirtualHosts {
    /// No host.
    pub const fn new() -> Self {
        Self { whole: Vec::new(), below: Vec::new(), otherwise: None }
    }

    /// `application` answers for the host `pattern`, instead of who did before.
    ///
    /// # Panics
    /// When `pattern` is none, see [`HostPattern`]; for one that is not known beforehand there is
    /// [`pattern`](Self::pattern).
    #[must_use]
    pub fn host(self, pattern: &str, application: impl Application) -> Self {
        let pattern = pattern.parse().unwrap_or_else(|error| panic!("{pattern:?} is no host: {error}"));
        self.pattern(pattern, application)
    }

    /// `application` answers for the hosts that fit `pattern`, instead of who did before.
    #[must_use]
    pub fn pattern(mut self, pattern: HostPattern, application: impl Application) -> Self {
        let application = BoxApplication::new(application);
        let (hosts, name) = match pattern.0 {
            Pattern::Whole(name) => (&mut self.whole, name),
            Pattern::Below(name) => (&mut self.below, name),
        };
        match place(hosts, name.as_bytes()) {
            Ok(place) => hosts[place].1 = application,
            Err(place) => hosts.insert(place, (name, application)),
        }
        self
    }

    /// `application` answers where no host fits, and where the request tells none (HTTP/1.0).
    #[must_use]
    pub fn otherwise(self, application: impl Application) -> Self {
        Self { otherwise: Some(BoxApplication::new(application)), ..self }
    }

    fn of(&self, authority: &[u8]) -> Option<&BoxApplication> {
        let host = host_of(authority);
        let mut room = [0; NAME_BYTES_MAX];
        let name = room.get_mut(..host.len())?;
        name.copy_from_slice(host);
        name.make_ascii_lowercase();
        if let Ok(place) = place(&self.whole, name) {
            return Some(&self.whole[place].1);
        }
        // From the longest: each dot is tried in turn, at most 126 of them.
        let dots = name.iter().enumerate().filter(|&(at, &byte)| byte == b'.' && at > 0);
        dots.map(|(at, _)| &name[at + 1..])
            .find_map(|above| place(&self.below, above).ok())
            .map(|place| &self.below[place].1)
    }
}

/// The name in an authority: without its port and a last dot.
fn host_of(authority: &[u8]) -> &[u8] {
    let end = match authority.first() {
        Some(b'[') => authority.iter().position(|&byte| byte == b']').map(|end| end + 1),
        _ => authority.iter().position(|&byte| byte == b':'),
    };
    let host = &authority[..end.unwrap_or(authority.len())];
    host.strip_suffix(b".").unwrap_or(host)
}

fn place(hosts: &[(String, BoxApplication)], name: &[u8]) -> Result<usize, usize> {
    hosts.binary_search_by(|(other, _)| other.as_bytes().cmp(name))
}

impl Application for VirtualHosts {
    async fn call(&self, request: Request<'_>) -> Response {
        let application = request.authority().and_then(|authority| self.of(authority));
        match application.or(self.otherwise.as_ref()) {
            Some(application) => application.call(request).await,
            None => Response::error(StatusCode::MISDIRECTED_REQUEST, "no such host here"),
        }
    }
}

/// Which hosts: a name (`example.com`), an address (`192.0.2.1`, `[2001:db8::1]`), or all names below one
/// (`*.example.com`, at any depth, and not `example.com` itself).
///
/// ```
/// use selvedge_http::middleware::HostPattern;
///
/// assert_eq!("Example.COM.".parse::<HostPattern>(), "example.com".parse());
/// let error = "example.com:80".parse::<HostPattern>().unwrap_err();
/// assert_eq!(error.to_string(), "a host is named without its port");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern(Pattern);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Whole(String),
    /// What stands behind the `*.`.
    Below(String),
}

/// Why a text is no [`HostPattern`].
///
/// ```
/// use selvedge_http::middleware::{HostPattern, HostPatternError};
///
/// let wrong = |text: &str| text.parse::<HostPattern>().unwrap_err();
/// assert_eq!(wrong("example.com:443"), HostPatternError::Port);
/// assert_eq!(wrong("shop-*.example.com"), HostPatternError::Star);
/// assert_eq!(wrong("example..com"), HostPatternError::Label);
/// assert_eq!(wrong("[::1"), HostPatternError::Address);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostPatternError {
    /// Nothing, a dot too many, or a label of more than 63 octets.
    Label,
    /// More than 253 octets.
    TooLong,
    /// It has a port.
    Port,
    /// An octet that stands in no host's name.
    Character,
    /// A star that is not the whole first label, or has no name behind it.
    Star,
    /// What is in brackets is no IPv6 address.
    Address,
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let text = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if text.len() > NAME_BYTES_MAX {
            return Err(HostPatternError::TooLong);
        }
        if let Some(address) = text.strip_prefix('[') {
            let Some((address, port)) = address.split_once(']') else {
                return Err(HostPatternError::Address);
            };
            return match (address.parse::<Ipv6Addr>(), port) {
                (Err(_), _) => Err(HostPatternError::Address),
                (Ok(_), "") => Ok(Self(Pattern::Whole(text))),
                (Ok(_), _) => Err(HostPatternError::Port),
            };
        }
        match text.strip_prefix("*.") {
            None => check_name(&text).map(|()| Self(Pattern::Whole(text))),
            Some("") => Err(HostPatternError::Star),
            Some(name) => check_name(name).map(|()| Self(Pattern::Below(name.to_owned()))),
        }
    }
}

fn check_name(name: &str) -> Result<(), HostPatternError> {
    for label in name.split('.') {
        for byte in label.bytes() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {}
                b':' => return Err(HostPatternError::Port),
                b'*' => return Err(HostPatternError::Star),
                _ => return Err(HostPatternError::Character),
            }
        }
        if !(1..=63).contains(&label.len()) {
            return Err(HostPatternError::Label);
        }
    }
    Ok(())
}

impl fmt::Display for HostPatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Label => "a part between two dots has 1 to 63 octets",
            Self::TooLong => "a host's name has at most 253 octets",
            Self::Port => "a host is named without its port",
            Self::Character => "a host's name has letters, digits, - and _, others in their xn-- form",
            Self::Star => "a star stands alone before the first dot, with a name behind it",
            Self::Address => "brackets hold an IPv6 address",
        })
    }
}

impl Error for HostPatternError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_authority_without_port_and_last_dot() {
        for (authority, host) in [
            ("example.com", "example.com"),
            ("example.com:8080", "example.com"),
            ("example.com.:80", "example.com"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
            (":80", ""),
        ] {
            assert_eq!(host_of(authority.as_bytes()), host.as_bytes(), "{authority}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_a_reason() {
        let labels = ["a"; 127].join(".");
        let label = "a".repeat(64);
        for (text, error) in [
            ("", HostPatternError::Label),
            ("a..b", HostPatternError::Label),
            (".a", HostPatternError::Label),
            (&*label, HostPatternError::Label),
            (&*format!("{labels}.a"), HostPatternError::TooLong),
            ("a:80", HostPatternError::Port),
            ("[::1]:80", HostPatternError::Port),
            ("a b", HostPatternError::Character),
            ("bücher.example", HostPatternError::Character),
            ("http://a", HostPatternError::Port),
            ("*", HostPatternError::Star),
            ("*.", HostPatternError::Star),
            ("*.*.a", HostPatternError::Star),
            ("a.*.b", HostPatternError::Star),
            ("[::1", HostPatternError::Address),
            ("[x]", HostPatternError::Address),
        ] {
            assert_eq!(text.parse::<HostPattern>(), Err(error), "{text}");
        }
        assert!(labels.parse::<HostPattern>().is_ok());
    }
}
