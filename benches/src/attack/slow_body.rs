//! A body that is announced and comes octet by octet. The server's bound is a body's grace (10 s) and rate (1 KiB/s).

use std::io::{self, Write};
use std::net::TcpStream;

use selvedge_runtime::sim::Dice;

use super::crowd::{Conduct, Next};

pub(super) struct SlowBody;

impl Conduct for SlowBody {
    fn step(&self, stream: &mut TcpStream, number: u64, _: &mut Dice) -> io::Result<Next> {
        match number {
            // Short enough that the server does not close at once, but waits for the rest.
            0 => stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")?,
            _ => stream.write_all(b"a")?,
        }
        Ok(Next::Stay)
    }
}
