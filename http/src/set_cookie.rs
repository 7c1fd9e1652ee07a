//! Cookies that a response sets (RFC 6265 section 4.1). In: a name, a value and what goes with them. Out: a field's
//! value.

use std::time::Duration;

use http::HeaderValue;

use crate::pairs::is_cookie_octet;
use crate::syntax::is_token;

/// A cookie to be set by a response.
///
/// It has no `Secure`, `HttpOnly` or `SameSite` unless they are asked for; a session's cookie should have all three.
///
/// ```
/// use std::time::Duration;
/// use selvedge_http::{Response, SameSite, SetCookie, header};
///
/// let cookie = SetCookie::new("session", "31d4d96e")
///     .path("/")
///     .max_age(Duration::from_secs(3_600))
///     .secure()
///     .http_only()
///     .same_site(SameSite::Lax);
/// let response = Response::text("welcome").with_header(header::SET_COOKIE, cookie);
/// assert_eq!(
///     response.head().fields[0].1,
///     "session=31d4d96e; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCookie {
    name: String,
    value: String,
    path: Option<String>,
    domain: Option<String>,
    max_age: Option<Duration>,
    secure: Option<&'static str>,
    http_only: Option<&'static str>,
    same_site: Option<SameSite>,
}

/// With which requests from other sites a cookie is sent.
///
/// ```
/// use selvedge_http::{HeaderValue, SameSite, SetCookie};
///
/// let value: HeaderValue = SetCookie::new("a", "b").same_site(SameSite::Strict).try_into().unwrap();
/// assert_eq!(value, "a=b; SameSite=Strict");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// With none.
    Strict,
    /// When its link was followed.
    Lax,
    /// With all; browsers want it to be [`SetCookie::secure`] then.
    None,
}

impl SetCookie {
    /// A cookie for the rest of the browser's session, for the paths beside that of the request.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            path: None,
            domain: None,
            max_age: None,
            secure: None,
            http_only: None,
            same_site: None,
        }
    }

    /// One that makes the browser forget that of the same name, path and domain.
    pub fn removal(name: impl Into<String>) -> Self {
        Self::new(name, "").max_age(Duration::ZERO)
    }

    /// For the paths below this one.
    #[must_use]
    pub fn path(self, path: impl Into<String>) -> Self {
        Self { path: Some(path.into()), ..self }
    }

    /// For all hosts of this domain; else for this host alone.
    #[must_use]
    pub fn domain(self, domain: impl Into<String>) -> Self {
        Self { domain: Some(domain.into()), ..self }
    }

    /// For so long, in whole seconds.
    #[must_use]
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age: Some(max_age), ..self }
    }

    /// Over encrypted connections only.
    #[must_use]
    pub fn secure(self) -> Self {
        Self { secure: Some("; Secure"), ..self }
    }

    /// Kept from the page's scripts.
    #[must_use]
    pub fn http_only(self) -> Self {
        Self { http_only: Some("; HttpOnly"), ..self }
    }

    /// With these requests from other sites.
    #[must_use]
    pub fn same_site(self, same_site: SameSite) -> Self {
        Self { same_site: Some(same_site), ..self }
    }
}

/// A cookie that cannot be written: its name is no token, or its value, path or domain has a semicolon, a control or
/// something else that would end it.
///
/// ```
/// use selvedge_http::{HeaderValue, InvalidCookie, SetCookie};
///
/// assert_eq!(HeaderValue::try_from(SetCookie::new("a", "b; Domain=example")), Err(InvalidCookie));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidCookie;

impl std::fmt::Display for InvalidCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a cookie with a character that none may have")
    }
}

impl std::error::Error for InvalidCookie {}

impl TryFrom<SetCookie> for HeaderValue {
    type Error = InvalidCookie;

    fn try_from(cookie: SetCookie) -> Result<Self, InvalidCookie> {
        let is_name = !cookie.name.is_empty() && cookie.name.bytes().all(is_token);
        let is_value = |value: &str| value.bytes().all(is_cookie_octet);
        let attributes = [("; Path=", &cookie.path), ("; Domain=", &cookie.domain)];
        // A space at an end would be taken away by its reader.
        if !is_name
            || !is_value(&cookie.value)
            || cookie.value.trim() != cookie.value
            || !attributes.iter().all(|(_, value)| value.as_deref().is_none_or(is_value))
        {
            return Err(InvalidCookie);
        }
        let mut line = format!("{}={}", cookie.name, cookie.value);
        for (name, value) in attributes {
            if let Some(value) = value {
                line.extend([name, value]);
            }
        }
        if let Some(max_age) = cookie.max_age {
            line.extend(["; Max-Age=", &max_age.as_secs().to_string()]);
        }
        line.extend(cookie.secure.into_iter().chain(cookie.http_only));
        line.extend(cookie.same_site.map(|same_site| match same_site {
            SameSite::Strict => "; SameSite=Strict",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
        }));
        HeaderValue::try_from(line).map_err(|_| InvalidCookie)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cookie: SetCookie) -> Option<String> {
        HeaderValue::try_from(cookie).ok().map(|value| value.to_str().expect("ASCII").to_owned())
    }

    #[test]
    fn attributes_come_in_a_fixed_order() {
        let cookie =
            SetCookie::removal("a").domain("example.org").path("/x").same_site(SameSite::None).secure();
        let expected = "a=; Path=/x; Domain=example.org; Max-Age=0; Secure; SameSite=None";
        assert_eq!(line(cookie).as_deref(), Some(expected));
    }

    #[test]
    fn what_would_end_a_part_is_refused() {
        for cookie in [
            SetCookie::new("", "x"),
            SetCookie::new("a b", "x"),
            SetCookie::new("a=b", "x"),
            SetCookie::new("a", "x;y"),
            SetCookie::new("a", "x\r\nSet-Cookie: b=c"),
            SetCookie::new("a", "\"x\""),
            SetCookie::new("a", " x"),
            SetCookie::new("a", "\u{e9}"),
            SetCookie::new("a", "x").path("/;Secure"),
            SetCookie::new("a", "x").domain("a\0b"),
        ] {
            assert_eq!(line(cookie.clone()), None, "{cookie:?}");
        }
    }
}
