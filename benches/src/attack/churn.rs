//! Connections that are closed as soon as they stand.

use std::io;
use std::net::TcpStream;

use selvedge_runtime::sim::Dice;

use super::crowd::{Conduct, Next, Presence};

pub(super) struct Churn;

impl Conduct for Churn {
    fn presence(&self) -> Presence {
        Presence::Passing
    }

    fn step(&self, _: &mut TcpStream, _: u64, _: &mut Dice) -> io::Result<Next> {
        Ok(Next::Leave)
    }
}
