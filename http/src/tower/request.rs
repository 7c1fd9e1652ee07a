//! A request's head in the terms of `http`, and back where layers have changed it.

use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use selvedge_runtime::net::Address;

use super::RequestBody;
use crate::h1::field::append_line;
use crate::h1::{ConnectPolicy, HeadScanner, Limits, Reject, RequestHead, Scan, TargetForm};
use crate::request::Request;

/// The client's address, in the extensions of every request that a service gets.
///
/// ```
/// use selvedge_http::tower::{Peer, RequestBody};
///
/// fn is_local(request: &http::Request<RequestBody>) -> bool {
///     use selvedge_runtime::net::Address;
///     match request.extensions().get() {
///         Some(Peer(Address::Ip(address))) => address.ip().is_loopback(),
///         Some(Peer(_)) => true,
///         None => false,
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer(pub Address);

/// `request` as a service gets it: its target in the form it came in, with the path and query that middleware has left, all its
/// field lines, its [`Peer`].
///
/// # Errors
/// A target that `http` cannot hold, such as one with a backtick in its path, which RFC 3986 has no place for.
pub(super) fn to_http(request: Request<'_>) -> Result<http::Request<RequestBody>, http::Error> {
    let mut converted = http::Request::new(RequestBody::new(request.body()));
    *converted.method_mut() = request.method();
    *converted.uri_mut() = uri(request)?;
    *converted.version_mut() = request.version().into();
    *converted.headers_mut() = fields(request)?;
    if let Ok(peer) = request.peer() {
        converted.extensions_mut().insert(Peer(peer.clone()));
    }
    Ok(converted)
}

fn uri(request: Request<'_>) -> Result<Uri, http::Error> {
    let authority = request.authority().unwrap_or_default();
    if request.head().target_form() == TargetForm::Authority {
        return Ok(Uri::try_from(authority)?);
    }
    let target = match request.query() {
        Some(query) => PathAndQuery::try_from([request.path(), b"?", query].concat())?,
        None => PathAndQuery::try_from(request.path())?,
    };
    let mut parts = Parts::default();
    parts.path_and_query = Some(target);
    if request.head().target_form() == TargetForm::Absolute {
        // The authority is the target's own in this form, and the engine has checked it and the scheme.
        let target = request.head_bytes().split(|&byte| byte == b' ').nth(1).unwrap_or_default();
        let is_https = target.get(..6).is_some_and(|front| front.eq_ignore_ascii_case(b"https:"));
        parts.scheme = Some(if is_https { Scheme::HTTPS } else { Scheme::HTTP });
        parts.authority = Some(Authority::try_from(authority)?);
    }
    Ok(Uri::from_parts(parts)?)
}

fn fields(request: Request<'_>) -> Result<HeaderMap, http::Error> {
    let mut fields = HeaderMap::new();
    for line in request.headers() {
        fields.append(HeaderName::from_bytes(line.name)?, HeaderValue::from_bytes(line.value)?);
    }
    Ok(fields)
}

/// A head that layers have changed, written and read again, so that an application sees it as any other.
#[derive(Debug)]
pub(super) struct ChangedHead {
    pub(super) head: RequestHead,
    pub(super) bytes: Vec<u8>,
}

impl ChangedHead {
    /// The head that `parts` tell; `None` where it is that of `request`.
    ///
    /// # Errors
    /// Why the engine would refuse such a request: the layers' mistake, not the client's.
    pub(super) fn of(request: Request<'_>, parts: &http::request::Parts) -> Result<Option<Self>, Reject> {
        let is_same = parts.method == request.method()
            && uri(request).is_ok_and(|uri| uri == parts.uri)
            && fields(request).is_ok_and(|fields| fields == parts.headers);
        if is_same {
            return Ok(None);
        }
        let line = format!("{} {} {:?}\r\n", parts.method, parts.uri, http::Version::from(request.version()));
        let mut bytes = line.into_bytes();
        for (name, value) in &parts.headers {
            append_line(&mut bytes, name, value);
        }
        bytes.extend_from_slice(b"\r\n");
        let limits = Limits {
            head_bytes_max: u16::MAX,
            target_bytes_max: u16::MAX,
            fields_max: Limits::FIELDS_CAP,
            ..Limits::default()
        };
        let head = match HeadScanner::new().scan(&bytes, &limits)? {
            Scan::Complete(head) => RequestHead::parse_with(head, &limits, ConnectPolicy::Application)?,
            Scan::Incomplete => return Err(Reject::Target),
        };
        Ok(Some(Self { head, bytes }))
    }
}
