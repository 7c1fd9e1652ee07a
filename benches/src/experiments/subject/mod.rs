//! Servers that can do one thing in several ways, to be measured from outside. In: which, how, and a port on 127.0.0.1. Out:
//! answers, until the process is killed. None is a server to use.

mod accepting;
mod canned;
mod files;
mod replies;
mod timers;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Port on 127.0.0.1
    #[arg(long)]
    port: u16,
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// Time limits of reads, kept in several ways
    Timers(timers::Options),
    /// Files, with more and less kept of them
    Files(files::Options),
    /// Connections, accepted in several ways, and closed or answered
    Accepting(accepting::Options),
    /// Heads and bodies, sent in several ways
    Replies(replies::Options),
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    match &options.subject {
        Subject::Timers(timers) => timers::run(options.port, timers),
        Subject::Files(files) => files::run(options.port, files),
        Subject::Accepting(accepting) => accepting::run(options.port, accepting),
        Subject::Replies(replies) => replies::run(options.port, replies),
    }
}
