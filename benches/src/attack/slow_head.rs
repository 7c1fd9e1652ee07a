//! Slowloris as it was told first: a head that never ends, an octet now and then. The server's bound is the time of a
//! whole head (10 s), after which an attacker comes anew.

use std::io::{self, Write};
use std::net::TcpStream;

use selvedge_runtime::sim::Dice;

use super::crowd::{Conduct, Next};

pub(super) struct SlowHead;

impl Conduct for SlowHead {
    fn step(&self, stream: &mut TcpStream, number: u64, _: &mut Dice) -> io::Result<Next> {
        match number {
            0 => stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")?,
            _ => stream.write_all(b"a")?,
        }
        Ok(Next::Stay)
    }
}
