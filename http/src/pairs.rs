//! Names and values as clients send them: in a query, and in cookies.

use std::borrow::Cow;

use crate::request::Request;
use crate::syntax::{is_token, trim_ows};

impl<'a> Request<'a> {
    /// The query's pairs in order, decoded as a browser has encoded a form (URL Standard section 5.1): `+` is a space,
    /// what is not UTF-8 is replaced. A pair without `=` has an empty value.
    ///
    /// ```
    /// use selvedge_http::Request;
    ///
    /// async fn search(request: Request<'_>) -> String {
    ///     let words = request.query_pairs().filter(|(name, _)| name == "q").map(|(_, value)| value);
    ///     words.collect::<Vec<_>>().join(" and ")
    /// }
    /// ```
    pub fn query_pairs(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        form_urlencoded::parse(self.query().unwrap_or_default())
    }

    /// The value of the first pair of this name in the query.
    ///
    /// ```
    /// use selvedge_http::Request;
    ///
    /// async fn greet(request: Request<'_>) -> String {
    ///     format!("hello, {}", request.query_value("name").unwrap_or("you".into()))
    /// }
    /// ```
    pub fn query_value(&self, name: &str) -> Option<Cow<'a, str>> {
        self.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The cookies that the client sends back, in order (RFC 6265 section 4.2). What is none is left out: a name that
    /// is no token, a value with an octet that none may have. A value in double quotes comes without them; nothing is
    /// decoded. A name may come several times: browsers send the cookie of the longest path first.
    ///
    /// ```
    /// use selvedge_http::Request;
    ///
    /// async fn visit(request: Request<'_>) -> String {
    ///     let session = request.cookies().find(|(name, _)| *name == "session").map(|(_, value)| value);
    ///     format!("session: {session:?}")
    /// }
    /// ```
    pub fn cookies(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        // RFC 9113 section 8.2.3 lets gateways split the field into lines.
        let lines = self.headers().filter(|line| line.name.eq_ignore_ascii_case(b"cookie"));
        lines.flat_map(|line| line.value.split(|&byte| byte == b';')).filter_map(cookie)
    }

    /// The value of the first cookie of this name.
    ///
    /// ```
    /// use selvedge_http::Request;
    ///
    /// async fn theme(request: Request<'_>) -> &'static str {
    ///     if request.cookie("theme") == Some("dark") { "dark" } else { "light" }
    /// }
    /// ```
    pub fn cookie(&self, name: &str) -> Option<&'a str> {
        self.cookies().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

/// One pair of a Cookie field.
fn cookie(pair: &[u8]) -> Option<(&str, &str)> {
    let pair = trim_ows(pair);
    let equals = pair.iter().position(|&byte| byte == b'=')?;
    let (name, value) = (trim_ows(&pair[..equals]), trim_ows(&pair[equals + 1..]));
    let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    if name.is_empty()
        || !name.iter().all(|&byte| is_token(byte))
        || !value.iter().all(|&byte| is_cookie_octet(byte))
    {
        return None;
    }
    Some((str::from_utf8(name).ok()?, str::from_utf8(value).ok()?))
}

/// RFC 6265 section 4.1.1, and the space, comma and backslash that browsers send as well.
pub(crate) fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' if byte != b'"' && byte != b';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_tokens_with_values() {
        for (pair, expected) in [
            ("a=b", Some(("a", "b"))),
            (" a = b ", Some(("a", "b"))),
            ("a=\"b c\"", Some(("a", "b c"))),
            ("a=", Some(("a", ""))),
            ("a=\"\"", Some(("a", ""))),
            ("a=b=c==", Some(("a", "b=c=="))),
            ("a={1,2}", Some(("a", "{1,2}"))),
            ("a=\"b", None),
            ("a=b\"c", None),
            ("a=\u{e9}", None),
            ("a=\t1\t2", None),
            ("=b", None),
            ("a b=c", None),
            ("a", None),
            ("", None),
        ] {
            assert_eq!(cookie(pair.as_bytes()), expected, "{pair:?}");
        }
    }
}
