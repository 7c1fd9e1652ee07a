//! WebSocket connections (RFC 6455), the server's end. In: a connection after its 101. Out: messages, both ways.
//!
//! The protocol itself is tungstenite's, which works on octets; here it gets them from the connection and gives them to
//! it.

mod handshake;

use std::io::{self, Read, Write};

use bytes::Bytes;
use selvedge_runtime::Chunk;
use tungstenite::error::{Error, ProtocolError};
use tungstenite::protocol::frame::coding;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};

use crate::upgrade::Upgraded;
pub use handshake::{HandshakeError, WebSocketUpgrade};

/// Octets set aside at once for what is received; a longer frame has room of its own.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Octets of a ping (RFC 6455 section 5.5).
const CONTROL_BYTES_MAX: usize = 125;

/// A message, whole: in how many frames it came makes no difference.
///
/// ```
/// use selvedge_http::Message;
///
/// assert_eq!(Message::from("hello"), Message::Text("hello".to_owned()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A text.
    Text(String),
    /// Octets.
    Binary(Bytes),
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Message {
    fn from(octets: Vec<u8>) -> Self {
        Self::Binary(octets.into())
    }
}

/// Why a connection is closed (RFC 6455 section 7.4).
///
/// ```
/// use selvedge_http::CloseCode;
///
/// assert_eq!(CloseCode::NORMAL.number(), 1000);
/// assert_eq!(CloseCode::private(4001).map(CloseCode::number), Some(4001));
/// assert_eq!(CloseCode::private(1000), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// What it was for is done.
    pub const NORMAL: Self = Self(1000);
    /// The server stops, or the page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// The other end has broken the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// A kind of message that is not taken, text or octets.
    pub const UNSUPPORTED: Self = Self(1003);
    /// A message that is not what it says, such as a text that is not UTF-8.
    pub const INVALID: Self = Self(1007);
    /// A message against the rules of this end.
    pub const POLICY: Self = Self(1008);
    /// A message that is too long.
    pub const TOO_LARGE: Self = Self(1009);
    /// An error of this end.
    pub const INTERNAL: Self = Self(1011);
    /// Too much to do just now.
    pub const TRY_AGAIN: Self = Self(1013);

    /// One that applications agree on by themselves: 3000 to 4999.
    pub fn private(number: u16) -> Option<Self> {
        (3_000..=4_999).contains(&number).then_some(Self(number))
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// A connection by WebSocket. See [`Request::websocket`](crate::Request::websocket).
///
/// Dropped without [`close`](Self::close), and before the client has closed it, the connection ends without a reason:
/// browsers tell their page code 1006.
///
/// ```
/// use selvedge_http::WebSocket;
///
/// async fn echo(mut socket: WebSocket) -> std::io::Result<()> {
///     while let Some(message) = socket.receive().await? {
///         socket.send(message).await?;
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct WebSocket {
    upgraded: Upgraded,
    protocol: WebSocketContext,
    wire: Wire,
    closed_by_client: Option<(CloseCode, String)>,
}

impl WebSocket {
    fn new(upgraded: Upgraded, message_bytes_max: usize) -> Self {
        // Everything goes to the wire at once, which has room for it; whoever sends waits behind it.
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(message_bytes_max))
            .max_frame_size(Some(message_bytes_max));
        let protocol = WebSocketContext::new(Role::Server, Some(config));
        Self { upgraded, protocol, wire: Wire::default(), closed_by_client: None }
    }

    /// The next message; `None` when the client has closed the connection, or is gone. Pings are answered meanwhile, so
    /// it should be asked for always. Dropped at its await, it has lost no message.
    ///
    /// # Errors
    /// * `InvalidData` if the client breaks the protocol or sends a message beyond the limit; it was told with 1002,
    ///   1007 or 1009.
    /// * When the connection has failed.
    pub async fn receive(&mut self) -> io::Result<Option<Message>> {
        loop {
            self.send_out().await?;
            match self.protocol.read(&mut self.wire) {
                Ok(tungstenite::Message::Text(text)) => {
                    return Ok(Some(Message::Text(text.as_str().to_owned())));
                }
                Ok(tungstenite::Message::Binary(octets)) => return Ok(Some(Message::Binary(octets))),
                Ok(other) => {
                    if let tungstenite::Message::Close(Some(frame)) = other {
                        let code = CloseCode(frame.code.into());
                        self.closed_by_client = Some((code, frame.reason.as_str().to_owned()));
                    }
                    // Its answer, a pong or a close, goes out before the next is read; what it says comes again from
                    // `read`.
                    let _ = self.protocol.flush(&mut self.wire);
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    match self.upgraded.receive().await? {
                        Some(chunk) => self.wire.received = Received::Chunk(chunk, 0),
                        None => self.wire.received = Received::End,
                    }
                }
                Err(
                    Error::ConnectionClosed
                    | Error::AlreadyClosed
                    | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
                ) => {
                    self.send_out().await?;
                    return Ok(None);
                }
                Err(error) => return Err(self.refuse(error).await),
            }
        }
    }

    /// Sends a message, as fast as the client reads: at most 64 KiB wait, and then this does. Dropped at its await, it
    /// has sent the message whole or not at all.
    ///
    /// # Errors
    /// `BrokenPipe` when the connection is closed, or has failed.
    pub async fn send(&mut self, message: impl Into<Message>) -> io::Result<()> {
        self.send_frame(match message.into() {
            Message::Text(text) => tungstenite::Message::text(text),
            Message::Binary(octets) => tungstenite::Message::binary(octets),
        })
        .await
    }

    /// Asks for a sign of life. A client that is gone without a word is noticed by nothing else: send one from time to
    /// time, and the connection fails when the kernel has waited for its acknowledgement in vain.
    ///
    /// # Errors
    /// `InvalidInput` for more than 125 octets, and as [`send`](Self::send).
    pub async fn ping(&mut self, octets: &[u8]) -> io::Result<()> {
        if octets.len() > CONTROL_BYTES_MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.send_frame(tungstenite::Message::Ping(Bytes::copy_from_slice(octets))).await
    }

    /// Closes the connection with a reason of at most 123 octets; a longer one is left out. What the client has sent
    /// and was not received is lost.
    ///
    /// # Errors
    /// When the connection has failed. That it is closed already is none.
    pub async fn close(mut self, code: CloseCode, reason: &str) -> io::Result<()> {
        self.close_with(code, reason);
        self.send_out().await
    }

    /// What the client has given as its reason, once [`receive`](Self::receive) has returned `None`; nothing if it gave
    /// none.
    pub fn closed_by_client(&self) -> Option<(CloseCode, &str)> {
        self.closed_by_client.as_ref().map(|(code, reason)| (*code, reason.as_str()))
    }

    async fn send_frame(&mut self, message: tungstenite::Message) -> io::Result<()> {
        let written = self.protocol.write(&mut self.wire, message);
        let written = written.and_then(|()| self.protocol.flush(&mut self.wire));
        // Also what stood before it.
        self.send_out().await?;
        written.map_err(|error| io::Error::new(io::ErrorKind::BrokenPipe, error))
    }

    /// Tells the client what it has done.
    async fn refuse(&mut self, error: Error) -> io::Error {
        self.close_with(
            match error {
                Error::Capacity(_) => CloseCode::TOO_LARGE,
                Error::Utf8(_) => CloseCode::INVALID,
                _ => CloseCode::PROTOCOL,
            },
            "",
        );
        match self.send_out().await {
            Ok(()) => io::Error::new(io::ErrorKind::InvalidData, error),
            Err(failed) => failed,
        }
    }

    fn close_with(&mut self, code: CloseCode, reason: &str) {
        let reason = if reason.len() <= CONTROL_BYTES_MAX - 2 { reason } else { "" };
        let frame = CloseFrame { code: coding::CloseCode::from(code.0), reason: reason.into() };
        // It may be closed already.
        let _ = self.protocol.close(&mut self.wire, Some(frame));
    }

    async fn send_out(&mut self) -> io::Result<()> {
        if !self.wire.to_send.is_empty() {
            let octets = std::mem::take(&mut self.wire.to_send);
            self.upgraded.send(octets).await?;
        }
        Ok(())
    }
}

/// What the protocol reads from and writes to.
#[derive(Debug, Default)]
struct Wire {
    received: Received,
    /// A message and what is answered by itself; it goes before anything is read.
    to_send: Vec<u8>,
}

#[derive(Debug, Default)]
enum Received {
    /// Everything was read.
    #[default]
    Nothing,
    /// Read up to this octet.
    Chunk(Chunk, usize),
    /// The client has ended its sending.
    End,
}

impl Read for Wire {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match &mut self.received {
            Received::Nothing => Err(io::ErrorKind::WouldBlock.into()),
            Received::End => Ok(0),
            Received::Chunk(chunk, at) => {
                let length = room.len().min(chunk.len() - *at);
                room[..length].copy_from_slice(&chunk[*at..*at + length]);
                *at += length;
                if *at == chunk.len() {
                    self.received = Received::Nothing;
                }
                Ok(length)
            }
        }
    }
}

impl Write for Wire {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.to_send.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
