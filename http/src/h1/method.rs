//! Request methods (RFC 9110 section 9).

use super::field::Span;

/// A request method. Any token is kept: whether it is allowed (405) or known (501) is the application's decision.
/// Methods are case-sensitive: `get` is [`Method::Other`].
///
/// ```
/// use selvedge_http::h1::Method;
/// use selvedge_http::{Request, StatusCode, testing};
///
/// async fn cached(request: Request<'_>) -> StatusCode {
///     match request.head().method() {
///         Method::Get | Method::Head => StatusCode::OK,
///         other if other.name(request.head_bytes()) == b"PURGE" => StatusCode::NO_CONTENT,
///         _ => StatusCode::METHOD_NOT_ALLOWED,
///     }
/// }
///
/// testing::run(|| cached, async |client| {
///     client.request("PURGE", "/").send().await.assert_status(204);
///     client.request("purge", "/").send().await.assert_status(405);
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// CONNECT; refused unless [`ConnectPolicy`](super::ConnectPolicy) says otherwise.
    Connect,
    /// OPTIONS
    Options,
    /// TRACE
    Trace,
    /// PATCH (RFC 5789)
    Patch,
    /// Another token: where it stands in the head.
    Other(Span),
}

impl Method {
    /// The method named by `token`, which stands at `span` and is one or more token octets.
    #[inline]
    pub(crate) fn from_token(token: &[u8], span: Span) -> Self {
        match token {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"CONNECT" => Method::Connect,
            b"OPTIONS" => Method::Options,
            b"TRACE" => Method::Trace,
            b"PATCH" => Method::Patch,
            _ => Method::Other(span),
        }
    }

    /// The method's name. `head` is the octets that the head was parsed from.
    ///
    /// # Panics
    /// When `head` is shorter than the parsed head was.
    pub fn name<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        match self {
            Method::Get => b"GET",
            Method::Head => b"HEAD",
            Method::Post => b"POST",
            Method::Put => b"PUT",
            Method::Delete => b"DELETE",
            Method::Connect => b"CONNECT",
            Method::Options => b"OPTIONS",
            Method::Trace => b"TRACE",
            Method::Patch => b"PATCH",
            Method::Other(span) => span.of(head),
        }
    }

    /// The method as the `http` crate's type; allocates only for an [`Method::Other`] longer than 15 octets.
    ///
    /// # Errors
    /// Only when `head` is not what was parsed.
    ///
    /// # Panics
    /// When `head` is shorter than the parsed head was.
    pub fn to_http(&self, head: &[u8]) -> Result<http::Method, http::method::InvalidMethod> {
        http::Method::from_bytes(self.name(head))
    }

    /// Whether only the head of the response may be sent (RFC 9110 section 9.3.2).
    pub fn is_head(&self) -> bool {
        matches!(self, Method::Head)
    }

    /// Whether it is GET or HEAD, for which a matching `If-None-Match` means 304 (RFC 9110 section 13.1.2).
    pub fn is_get_or_head(&self) -> bool {
        matches!(self, Method::Get | Method::Head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_head_has_an_answer_without_its_body_and_only_get_and_head_may_be_304() {
        assert!(Method::Head.is_head() && !Method::Get.is_head() && !Method::Post.is_head());
        assert!(
            Method::Head.is_get_or_head() && Method::Get.is_get_or_head() && !Method::Post.is_get_or_head()
        );
    }
}
