//! A client over a connection that blocks, of this machine or of a simulated one: sends octets as a test wants them, reads
//! responses one by one.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::PATIENCE;

pub(crate) struct Client<T = TcpStream> {
    stream: T,
    /// Received and not yet looked at.
    ahead: Vec<u8>,
}

/// A response, its head taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case, in order.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|field| field.0 == name).map(|field| field.1.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} comes once at most");
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }

    pub(crate) fn closes(&self) -> bool {
        self.field("connection") == Some("close")
    }
}

/// The sending half of a connection.
pub(crate) struct Sender(TcpStream);

impl Sender {
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    pub(crate) fn send(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        self.0.write_all(&bytes).expect("the server reads");
        bytes
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
}

/// What the method of the request means for the response's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Get,
    Head,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).expect("the listener's backlog has room"))
    }

    /// With a receive buffer of about `bytes`, so that the server feels soon that nobody reads.
    pub(crate) fn connect_narrow(address: SocketAddr, bytes: usize) -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        // Before the connection: the window's scale is agreed on with its first packet (tcp(7)).
        socket.set_recv_buffer_size(bytes).expect("SO_RCVBUF");
        socket.connect(&address.into()).expect("the listener's backlog has room");
        Self::of(socket.into())
    }

    pub(crate) fn of(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a stream has a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a stream has a timeout");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        Self::over(stream)
    }

    /// The same connection, for another thread that sends.
    pub(crate) fn duplicate(&self) -> Sender {
        Sender(self.stream.try_clone().expect("a descriptor"))
    }

    /// The server sends nothing more, however the connection ends.
    pub(crate) fn expect_nothing(&self) {
        let mut room = [0; 16];
        let read = (&self.stream).read(&mut room).unwrap_or(0);
        assert_eq!(read, 0, "{}", room.escape_ascii());
    }

    /// Ends the sending; the receiving goes on.
    pub(crate) fn shut_down_write(&self) -> &Self {
        self.stream.shutdown(std::net::Shutdown::Write).expect("connected");
        self
    }

    /// Closes with a reset (SO_LINGER 0, socket(7)).
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    }

    /// Ends both directions, so that other handles see the end too.
    pub(crate) fn shut_down_both(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }

    /// As [`shut_down_write`](Self::shut_down_write), towards a server that may have gone.
    pub(crate) fn shut_down_write_if_connected(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// Another handle on the same connection, to send from another thread.
    pub(crate) fn second_handle(&self) -> Self {
        Self::of(self.stream.try_clone().expect("a descriptor is free"))
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.stream.local_addr().expect("connected")
    }
}

impl<T: Read + Write> Client<T> {
    pub(crate) fn over(stream: T) -> Self {
        Self { stream, ahead: Vec::new() }
    }

    pub(crate) fn stream(&self) -> &T {
        &self.stream
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
        self
    }

    /// As [`send`](Self::send), to a server that may have closed already.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        self.reply()
    }

    /// The answer to a GET.
    pub(crate) fn reply(&mut self) -> Reply {
        self.reply_to(Asked::Get)
    }

    pub(crate) fn reply_to(&mut self, asked: Asked) -> Reply {
        self.try_reply_to(asked).unwrap_or_else(|error| panic!("no whole response: {error}"))
    }

    pub(crate) fn try_reply_to(&mut self, asked: Asked) -> io::Result<Reply> {
        let end = loop {
            match self.ahead.windows(4).position(|octets| octets == b"\r\n\r\n") {
                Some(end) => break end,
                None => self.read_more()?,
            }
        };
        let head = String::from_utf8(self.ahead.drain(..end + 4).collect()).expect("a head is ASCII");
        let mut lines = head.trim_end().split("\r\n");
        let status_line = lines.next().expect("split gives one at least");
        assert!(status_line.starts_with("HTTP/1.1 "), "not a status line: {status_line:?}");
        let status = status_line[9..12].parse().expect("a status of three digits");
        let fields = lines
            .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("not a field line: {line:?}")))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut reply = Reply { status, fields, body: Vec::new() };
        let length = match (status, asked) {
            (100..=199 | 204 | 304, _) | (_, Asked::Head) => 0,
            _ => reply.field("content-length").expect("every body has a length").parse().expect("a number"),
        };
        while self.ahead.len() < length {
            self.read_more()?;
        }
        reply.body = self.ahead.drain(..length).collect();
        Ok(reply)
    }

    fn read_more(&mut self) -> io::Result<()> {
        let mut room = [0_u8; 16 * 1024];
        let read = loop {
            match self.stream.read(&mut room) {
                // Who has a time for it is interrupted when the process is stopped for a while too (signal(7)).
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.ahead.extend_from_slice(&room[..read]);
        Ok(())
    }

    /// A response's head as it came, and nothing behind it.
    pub(crate) fn head(&mut self) -> String {
        let end = loop {
            match self.ahead.windows(4).position(|octets| octets == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => self.read_more().expect("a head comes"),
            }
        };
        String::from_utf8(self.take(end)).expect("a head is ASCII")
    }

    /// The next chunk's data, empty for the last.
    pub(crate) fn chunk(&mut self) -> Vec<u8> {
        let end = loop {
            match self.ahead.windows(2).position(|octets| octets == b"\r\n") {
                Some(end) => break end,
                None => self.read_more().expect("a chunk comes"),
            }
        };
        let line = String::from_utf8(self.take(end + 2)).expect("a size is ASCII");
        let size = usize::from_str_radix(line.trim_end(), 16).expect("a size");
        let data = self.take(size);
        assert_eq!(self.take(2), b"\r\n");
        data
    }

    /// A response with a chunked body.
    pub(crate) fn chunked_reply(&mut self) -> Reply {
        let head = self.head();
        assert!(
            head.starts_with("HTTP/1.1 200 ") && head.contains("\r\ntransfer-encoding: chunked\r\n"),
            "{head}"
        );
        assert!(!head.contains("content-length"), "{head}");
        let mut reply = Reply { status: 200, fields: Vec::new(), body: Vec::new() };
        loop {
            match self.chunk() {
                data if data.is_empty() => return reply,
                data => reply.body.extend_from_slice(&data),
            }
        }
    }

    /// Reads up to `bytes` octets as they come, whatever they mean.
    pub(crate) fn read_some(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        if !self.ahead.is_empty() {
            let take = self.ahead.len().min(bytes);
            return Ok(self.ahead.drain(..take).collect());
        }
        let mut room = vec![0_u8; bytes];
        let read = self.stream.read(&mut room)?;
        room.truncate(read);
        Ok(room)
    }

    /// Exactly `bytes` octets.
    pub(crate) fn take(&mut self, bytes: usize) -> Vec<u8> {
        while self.ahead.len() < bytes {
            self.read_more().expect("the server sends as much");
        }
        self.ahead.drain(..bytes).collect()
    }

    /// What was received and not taken yet.
    pub(crate) fn take_ahead(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ahead)
    }

    /// All octets up to the end, and what the end was.
    pub(crate) fn read_to_end(&mut self) -> (Vec<u8>, End) {
        let mut all = std::mem::take(&mut self.ahead);
        let mut room = vec![0_u8; 64 * 1024];
        loop {
            match self.stream.read(&mut room) {
                Ok(0) => return (all, End::Closed),
                Ok(read) => all.extend_from_slice(&room[..read]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return (all, End::Reset),
                Err(error) => panic!("the server does not close after {} octets: {error}", all.len()),
            }
        }
    }

    /// The server ends the connection without another octet.
    pub(crate) fn expect_end(&mut self) {
        let (rest, _) = self.read_to_end();
        assert!(rest.is_empty(), "octets before the end: {:?}", rest.escape_ascii().to_string());
    }

    /// The server closes in good order without another octet.
    pub(crate) fn expect_close(&mut self) {
        let (rest, end) = self.read_to_end();
        assert!(rest.is_empty(), "octets before the end: {:?}", rest.escape_ascii().to_string());
        assert_eq!(end, End::Closed);
    }
}
