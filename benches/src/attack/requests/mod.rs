//! Random and mutated requests, each with the answers that a strict reading of RFC 9112 allows. In: the address of a
//! server that serves [`site`], numbers and a seed. Out: how many of what there were, or the first request that went
//! wrong.
//!
//! Behind each request goes a *probe* whose answer has a token that no other has: what follows a request is answered
//! rightly, or not at all where the connection must end.

mod check;
mod chunks;
mod compose;
mod conditions;
mod conversation;
mod head;
mod mutate;
mod oracle;
mod ranges;
mod site;
mod target;
mod versions;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use selvedge_runtime::sim::Dice;

use conversation::Conversation;
use mutate::Mutation;
use oracle::{End, Prediction};
pub(crate) use site::{PATHS_IN_MEMORY, write as write_site};
use versions::Versions;

/// What a run has brought.
#[derive(Debug, Default, Clone)]
pub(crate) struct Figures {
    /// Requests sent, the probes not counted.
    pub(crate) requests: u64,
    /// Connections they went over.
    pub(crate) connections: u64,
    /// How many of each kind there were.
    pub(crate) by_mutation: BTreeMap<&'static str, u64>,
    /// Answers by their status, the probes' too.
    pub(crate) by_status: BTreeMap<u16, u64>,
    /// After how many the connection went on, ended as it had to, or waited for the rest.
    pub(crate) by_end: BTreeMap<&'static str, u64>,
}

impl Figures {
    /// Adds those of another run.
    pub(crate) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.connections += other.connections;
        other
            .by_mutation
            .into_iter()
            .for_each(|(key, count)| *self.by_mutation.entry(key).or_default() += count);
        other.by_status.into_iter().for_each(|(key, count)| *self.by_status.entry(key).or_default() += count);
        other.by_end.into_iter().for_each(|(key, count)| *self.by_end.entry(key).or_default() += count);
    }
}

/// A request that went wrong.
#[derive(Debug)]
pub(crate) struct Failure {
    seed: u64,
    number: u64,
    mutation: Mutation,
    octets: Vec<u8>,
    what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, number, mutation, octets, what } = self;
        write!(formatter, "request {number} of seed {seed} ({}): {what}\nsent: ", mutation.name())?;
        write!(formatter, "{}", octets.escape_ascii())
    }
}

impl std::error::Error for Failure {}

/// Sends the requests of these numbers, one after the other over as few connections as they allow. The same seed and
/// number make the same request to a server that tells its versions in the same way.
///
/// # Errors
/// The first request that is not answered as it must be.
pub(crate) fn run(server: SocketAddr, numbers: Range<u64>, seed: u64) -> Result<Figures, Box<Failure>> {
    let mut figures = Figures::default();
    let mut connection: Option<Conversation> = None;
    let number = numbers.start;
    let versions = Versions::ask(server).map_err(|what| {
        Box::new(Failure { seed, number, mutation: Mutation::Nothing, octets: Vec::new(), what })
    })?;
    for number in numbers {
        let mut dice = Dice::new(seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        let (mutation, mut octets) = mutate::request(&mut dice, &versions);
        // Of what was cut off, some is all that comes.
        if mutation != Mutation::Truncation || dice.below(2) == 0 {
            octets.extend(probe(number));
        }
        let prediction = oracle::predict(&octets, &versions);
        let exchanged = exchange(server, &mut connection, &octets, &prediction, &mut figures);
        if let Err(what) = exchanged {
            return Err(Box::new(Failure { seed, number, mutation, octets, what }));
        }
        figures.requests += 1;
        *figures.by_mutation.entry(mutation.name()).or_default() += 1;
        *figures.by_end.entry(prediction.end.name()).or_default() += 1;
    }
    Ok(figures)
}

/// A request whose answer, a redirect, holds its own query.
fn probe(number: u64) -> Vec<u8> {
    format!("GET /dir?token-{number} HTTP/1.1\r\nHost: probe\r\n\r\n").into_bytes()
}

/// Says it all, and holds what comes back against the prediction.
fn exchange(
    server: SocketAddr,
    connection: &mut Option<Conversation>,
    octets: &[u8],
    prediction: &Prediction<'_>,
    figures: &mut Figures,
) -> Result<(), String> {
    let mut conversation = match connection.take() {
        Some(conversation) => conversation,
        None => {
            figures.connections += 1;
            Conversation::open(server).map_err(|error| format!("cannot connect: {error}"))?
        }
    };
    conversation.say(octets).map_err(|error| format!("cannot send: {error}"))?;
    if prediction.end == End::Incomplete {
        conversation.end_saying().map_err(|error| format!("cannot end the sending: {error}"))?;
    }
    for (number, answer) in prediction.answers.iter().enumerate() {
        let is_last = number + 1 == prediction.answers.len();
        let context = |what| format!("answer {number}, allowed is {:?}: {what}", answer.statuses);
        let reply = match conversation.reply(answer.is_head) {
            Ok(Some(reply)) => reply,
            Ok(None) if is_last && answer.may_be_missing => return Ok(()),
            Ok(None) => return Err(context("the connection ended".to_owned())),
            Err(error) => return Err(context(error)),
        };
        *figures.by_status.entry(reply.status).or_default() += 1;
        check::check(&reply, answer).map_err(context)?;
        if reply.says_close() && !(is_last && prediction.end != End::Open) {
            return Err(context("it announces a close, and what follows must be answered".to_owned()));
        }
    }
    match prediction.end {
        End::Open => *connection = Some(conversation),
        End::Closed | End::Incomplete => conversation.expect_end()?,
    }
    Ok(())
}

#[cfg(test)]
mod tests;
