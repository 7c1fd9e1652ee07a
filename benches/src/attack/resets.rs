//! Connections that are reset at any octet: within a head or a body, before an answer, and within one.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use selvedge_runtime::sim::Dice;

use super::crowd::{Conduct, Next, Presence, Reading};
use super::socket;
use super::target::{LARGE_PATH, SMALL_PATH};

pub(super) struct Resets;

impl Conduct for Resets {
    fn presence(&self) -> Presence {
        Presence::Passing
    }

    fn reading(&self) -> Reading {
        Reading::Nothing
    }

    fn step(&self, stream: &mut TcpStream, number: u64, dice: &mut Dice) -> io::Result<Next> {
        if number > 0 {
            // Some of the answer has come most likely.
            let mut octets = [0; 4_096];
            let room = dice.below(octets.len() as u64 + 1) as usize;
            let _ = stream.read(&mut octets[..room]);
            return Ok(Next::Leave);
        }
        socket::reset_on_drop(stream)?;
        let request = match dice.below(3) {
            0 => format!("GET {SMALL_PATH} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(3),
            1 => format!("GET {LARGE_PATH} HTTP/1.1\r\nHost: a\r\n\r\n"),
            _ => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
                .into(),
        };
        let end = dice.below(request.len() as u64 + 1) as usize;
        stream.write_all(&request.as_bytes()[..end])?;
        Ok(if dice.below(2) == 0 { Next::Leave } else { Next::Stay })
    }
}
