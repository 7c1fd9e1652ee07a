//! Connections of which nothing comes: silent ones, and ones that end their sending at once, before or within a
//! request.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};

use selvedge_runtime::sim::Dice;

use super::crowd::{Conduct, Next, Presence};

pub(super) struct HalfOpen;

impl Conduct for HalfOpen {
    fn presence(&self) -> Presence {
        Presence::Passing
    }

    fn step(&self, stream: &mut TcpStream, number: u64, dice: &mut Dice) -> io::Result<Next> {
        match (number, dice.below(3)) {
            (0, 0) => stream.shutdown(Shutdown::Write)?,
            (0, 1) => {
                stream.write_all(b"GET / HTTP/1.1\r\nHo")?;
                stream.shutdown(Shutdown::Write)?;
            }
            _ => {}
        }
        Ok(Next::Stay)
    }
}
