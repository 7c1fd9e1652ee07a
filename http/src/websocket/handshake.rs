//! A WebSocket connection's beginning (RFC 6455 section 4.2). In: a request that asks for one. Out: a 101, or why not.

use std::fmt;
use std::future::Future;
use std::io;

use http::{HeaderValue, Method, StatusCode, header};
use tungstenite::handshake::derive_accept_key;

use super::WebSocket;
use crate::into_response::IntoResponse;
use crate::request::Request;
use crate::response::Response;
use crate::syntax::trim_ows;

/// Octets of a message, unless another limit is set.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// A request for a WebSocket connection, to be accepted. See [`Request::websocket`].
///
/// ```
/// use selvedge_http::{HandshakeError, Request, Response};
///
/// async fn chat(request: Request<'_>) -> Result<Response, HandshakeError> {
///     let mut upgrade = request.websocket()?.message_bytes_max(16 << 10);
///     if upgrade.offered_protocols().any(|protocol| protocol == "chat.v2") {
///         upgrade = upgrade.protocol("chat.v2");
///     }
///     Ok(upgrade.accept(async |mut socket| socket.send("welcome").await))
/// }
/// ```
#[derive(Debug)]
pub struct WebSocketUpgrade<'a> {
    request: Request<'a>,
    accept: HeaderValue,
    protocol: Option<&'static str>,
    message_bytes_max: usize,
}

/// Why a request is none for a WebSocket connection. As a response it tells the client.
///
/// ```
/// use selvedge_http::{HandshakeError, IntoResponse, StatusCode};
///
/// assert_eq!(HandshakeError::NotOffered.into_response().status(), StatusCode::UPGRADE_REQUIRED);
/// assert_eq!(HandshakeError::Key.into_response().status(), StatusCode::BAD_REQUEST);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeError {
    /// It is no GET: 405.
    Method,
    /// It does not offer to change to `websocket`: 426.
    NotOffered,
    /// It asks for another version than 13: 426 with the one that is spoken.
    Version,
    /// Its key is not one of 16 octets in base64: 400.
    Key,
}

impl<'a> Request<'a> {
    /// The request as one for a WebSocket connection.
    ///
    /// A browser lets pages of any site ask for one, and sends its cookies along: who goes by cookies must look at
    /// `Origin` first.
    ///
    /// ```
    /// use selvedge_http::{HandshakeError, Request, Response};
    ///
    /// async fn echo(request: Request<'_>) -> Result<Response, HandshakeError> {
    ///     Ok(request.websocket()?.accept(async |mut socket| {
    ///         while let Some(message) = socket.receive().await? {
    ///             socket.send(message).await?;
    ///         }
    ///         Ok(())
    ///     }))
    /// }
    /// ```
    ///
    /// # Errors
    /// [`HandshakeError`], to be answered with.
    pub fn websocket(&self) -> Result<WebSocketUpgrade<'a>, HandshakeError> {
        if self.method() != Method::GET {
            return Err(HandshakeError::Method);
        }
        if !self.upgrades().flat_map(elements).any(|protocol| protocol.eq_ignore_ascii_case(b"websocket")) {
            return Err(HandshakeError::NotOffered);
        }
        if self.header(header::SEC_WEBSOCKET_VERSION) != Some(b"13") {
            return Err(HandshakeError::Version);
        }
        let key =
            self.header(header::SEC_WEBSOCKET_KEY).filter(|key| is_key(key)).ok_or(HandshakeError::Key)?;
        let accept = HeaderValue::try_from(derive_accept_key(key)).map_err(|_| HandshakeError::Key)?;
        Ok(WebSocketUpgrade { request: *self, accept, protocol: None, message_bytes_max: MESSAGE_BYTES_MAX })
    }
}

impl<'a> WebSocketUpgrade<'a> {
    /// The protocols the client can speak over it, the one it likes best first (`Sec-WebSocket-Protocol`).
    pub fn offered_protocols(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let lines = self.request.headers();
        let lines = lines.filter(|line| line.name.eq_ignore_ascii_case(b"sec-websocket-protocol"));
        lines.flat_map(|line| elements(line.value)).filter_map(|protocol| str::from_utf8(protocol).ok())
    }

    /// The same in a protocol that the client has offered; browsers refuse another.
    ///
    /// # Panics
    /// When accepted, if it is not visible ASCII.
    #[must_use]
    pub fn protocol(self, protocol: &'static str) -> Self {
        Self { protocol: Some(protocol), ..self }
    }

    /// The same with messages, and frames, of at most so many octets; 1 MiB unless this is called. A client that
    /// announces a frame makes the server set aside as much.
    #[must_use]
    pub fn message_bytes_max(self, message_bytes_max: usize) -> Self {
        Self { message_bytes_max, ..self }
    }

    /// 101: `converse` has the connection to the end. It is dropped at its await when the connection has failed.
    pub fn accept<F>(self, converse: impl FnOnce(WebSocket) -> F + 'static) -> Response
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        let message_bytes_max = self.message_bytes_max;
        let mut response = Response::upgrade(HeaderValue::from_static("websocket"), move |upgraded| {
            converse(WebSocket::new(upgraded, message_bytes_max))
        });
        let protocol = self
            .protocol
            .map(|protocol| (header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol)));
        response.head.fields.push((header::SEC_WEBSOCKET_ACCEPT, self.accept));
        response.head.fields.extend(protocol);
        response
    }
}

/// The elements of a list (RFC 9110 section 5.6.1).
fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',').map(trim_ows).filter(|element| !element.is_empty())
}

/// Whether it is base64 of 16 octets: 22 digits, the last of which has two bits, and two signs for what is missing.
fn is_key(key: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    match key.strip_suffix(b"==") {
        Some(digits @ [.., last]) => {
            digits.len() == 22 && digits.iter().all(is_digit) && b"AQgw".contains(last)
        }
        _ => false,
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl HandshakeError {
    const fn reason(self) -> &'static str {
        match self {
            Self::Method => "a WebSocket connection begins with a GET",
            Self::NotOffered => "here is a WebSocket connection to be had",
            Self::Version => "WebSocket version 13 is spoken here",
            Self::Key => "no valid Sec-WebSocket-Key",
        }
    }
}

impl std::error::Error for HandshakeError {}

impl IntoResponse for HandshakeError {
    fn into_response(self) -> Response {
        let version = HeaderValue::from_static("13");
        match self {
            Self::Method => Response::method_not_allowed("GET"),
            Self::NotOffered | Self::Version => Response::error(StatusCode::UPGRADE_REQUIRED, self.reason())
                .with_header(header::UPGRADE, HeaderValue::from_static("websocket"))
                .with_header(header::SEC_WEBSOCKET_VERSION, version),
            Self::Key => Response::error(StatusCode::BAD_REQUEST, self.reason()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sixteen_octets_in_base64() {
        for yes in ["dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA==", "+/+/+/+/+/+/+/+/+/+/+w=="] {
            assert!(is_key(yes.as_bytes()), "{yes}");
        }
        for no in [
            "",
            "==",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZR==",
            "dGhlIHNhbXBsZSBub25j====",
            "dGhlIHNhbXBsZSBub25jZ\u{e9}==",
            "dGhlIHNhbXBsZSBub25jZQ==x",
            "dGhlIHNhbXBsZSBub25jZQQQ==",
        ] {
            assert!(!is_key(no.as_bytes()), "{no}");
        }
    }
}
