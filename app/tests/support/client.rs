//! A client of HTTP/1.1 that does as it is told, well formed or not.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::PATIENCE;

/// A connection.
#[derive(Debug)]
pub struct Client<S: Read = TcpStream> {
    stream: BufReader<S>,
}

/// A response as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Client<TcpStream> {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket has a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket has a timeout");
        stream.set_nodelay(true).expect("a TCP socket takes the option");
        Self { stream: BufReader::new(stream) }
    }
}

impl Client<UnixStream> {
    pub fn connect_unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket has a timeout");
        Self { stream: BufReader::new(stream) }
    }
}

impl<S: Read + Write> Client<S> {
    pub fn stream(&self) -> &S {
        self.stream.get_ref()
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("the server reads");
    }

    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())
    }

    /// GET, on the same connection as before.
    pub fn get(&mut self, target: &str) -> Response {
        self.get_with(target, &[])
    }

    pub fn get_with(&mut self, target: &str, fields: &[(&str, &str)]) -> Response {
        self.send(request("GET", target, fields));
        self.response()
    }

    pub fn head(&mut self, target: &str) -> Response {
        self.send(request("HEAD", target, &[]));
        self.response_to("HEAD")
    }

    /// The next response, to anything but HEAD.
    pub fn response(&mut self) -> Response {
        self.response_to("GET")
    }

    pub fn response_to(&mut self, method: &str) -> Response {
        self.try_response_to(method).expect("a whole response comes")
    }

    /// `UnexpectedEof` where the connection ends before or within the response.
    pub fn try_response_to(&mut self, method: &str) -> io::Result<Response> {
        let mut response = self.try_head()?;
        let without_body = method == "HEAD" || matches!(response.status, 100..=199 | 204 | 304);
        if !without_body {
            response.body = self.try_body(response.content_length())?;
        }
        Ok(response)
    }

    /// Status line and fields; the body is left to be read.
    pub fn try_head(&mut self) -> io::Result<Response> {
        let status_line = self.line()?;
        let status = status_line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3))
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("{status_line:?} is no status line"));
        let mut fields = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(Response { status, fields, body: Vec::new() });
            }
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line:?} is no field"));
            fields.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    /// A body of this length, whose head was read before.
    pub fn try_body(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let mut body = vec![0; length as usize];
        self.stream.read_exact(&mut body).map(|()| body)
    }

    /// What comes until the connection ends: by a close (`Ok`), or by a reset.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).map(|_| rest)
    }

    /// Reads up to `bytes.len()` bytes of a body.
    pub fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.read(bytes)
    }

    /// The server closes, without another byte.
    pub fn expect_close(&mut self) {
        assert_eq!(self.rest().expect("the connection is closed, not reset"), b"");
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(String::from_utf8(line.to_vec()).expect("heads of these tests are UTF-8")),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Response {
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values =
            self.fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} comes once");
        value
    }

    pub fn content_length(&self) -> u64 {
        let length = self.field("content-length").unwrap_or_else(|| panic!("a length is in {self:?}"));
        length.parse().expect("a length is a number")
    }

    pub fn closes(&self) -> bool {
        self.field("connection") == Some("close")
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }
}

pub fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> String {
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head
}

/// One GET on a connection of its own.
pub fn get(address: SocketAddr, target: &str) -> Response {
    Client::connect(address).get(target)
}
