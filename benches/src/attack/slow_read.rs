//! A large file is asked for, and read octet by octet through the smallest window there is. The server's bound is an
//! answer's grace (60 s) and rate (1 KiB/s).

use std::io::{self, Read, Write};
use std::net::TcpStream;

use selvedge_runtime::sim::Dice;

use super::crowd::{Conduct, Next, Reading};
use super::target::LARGE_PATH;

pub(super) struct SlowRead;

impl Conduct for SlowRead {
    fn receive_buffer_bytes(&self) -> Option<usize> {
        Some(1)
    }

    fn reading(&self) -> Reading {
        Reading::Nothing
    }

    fn step(&self, stream: &mut TcpStream, number: u64, _: &mut Dice) -> io::Result<Next> {
        match number {
            0 => write!(stream, "GET {LARGE_PATH} HTTP/1.1\r\nHost: a\r\n\r\n")?,
            _ => {
                let received = stream.read(&mut [0])?;
                return Ok(if received == 0 { Next::Leave } else { Next::Stay });
            }
        }
        Ok(Next::Stay)
    }
}
