//! A connection of the client's.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::reply::Reply;

/// No reply's body is longer: the largest file, and the heads of its parts.
const BODY_BYTES_MAX: usize = 128 * 1024;
/// A server that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Conversation(BufReader<TcpStream>);

impl Conversation {
    pub(super) fn open(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(super) fn say(&mut self, octets: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(octets)
    }

    /// No more can come.
    pub(super) fn end_saying(&mut self) -> io::Result<()> {
        self.0.get_ref().shutdown(Shutdown::Write)
    }

    /// The next reply, to a HEAD or not; `None` where the connection ends before it.
    pub(super) fn reply(&mut self, is_head: bool) -> Result<Option<Reply>, String> {
        Reply::read(&mut self.0, is_head, BODY_BYTES_MAX)
    }

    /// The server closes, without another octet.
    pub(super) fn expect_end(mut self) -> Result<(), String> {
        let mut more = [0; 64];
        match self.0.read(&mut more) {
            Ok(0) => Ok(()),
            Ok(count) => Err(format!("after the last answer comes \"{}\"", more[..count].escape_ascii())),
            Err(error) => Err(format!("the connection is not closed in good order: {error}")),
        }
    }
}
