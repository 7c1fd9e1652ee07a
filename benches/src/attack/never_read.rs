//! Many requests at once, whose answers nobody reads: a small file, a large one, and what is refused.

use std::io::{self, Write};
use std::net::TcpStream;

use selvedge_runtime::sim::Dice;

use super::crowd::{Conduct, Next, Reading};
use super::target::{LARGE_PATH, SMALL_PATH};

/// Requests of each kind that are sent at once.
const REQUESTS: usize = 20;

pub(super) struct NeverRead;

impl Conduct for NeverRead {
    fn reading(&self) -> Reading {
        Reading::Nothing
    }

    fn step(&self, stream: &mut TcpStream, number: u64, _: &mut Dice) -> io::Result<Next> {
        if number == 0 {
            let small = format!("GET {SMALL_PATH} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(REQUESTS);
            let large = format!("GET {LARGE_PATH} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(REQUESTS);
            stream.write_all(format!("{small}{large}GET / HTTP/3.0\r\n\r\n").as_bytes())?;
        }
        Ok(Next::Stay)
    }
}
