//! Measurements: the comparison with other servers, the ceiling server it is compared with, attacks, and the experiments
//! that decided parts of the design.

mod argument;
mod attack;
#[expect(unsafe_code, reason = "a bare ring, as little as can be between it and the kernel")]
mod ceiling;
mod chart;
mod compare;
mod content;
mod counted;
mod cpus;
#[expect(unsafe_code, reason = "a bare ring, as little as can be between it and the kernel")]
mod experiments;
mod fairness;
mod growth;
mod held;
mod instructions;
mod latencies;
mod load;
mod marked;
mod open_loop;
mod plural;
mod reply;
mod shared_lines;
mod simulate;
mod soak;
mod workers;
mod zipf;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "selvedge-benches", version, about = "Measures Selvedge beside other static file servers")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the same files by every installed server in turn and compare what a request costs
    Compare(compare::Options),
    /// Print the table of goals from what `compare --json` wrote
    Goals(compare::goals::Options),
    /// Run the ceiling server: one ring, a canned answer, no parsing
    Ceiling(ceiling::Options),
    /// Attack the server, and measure what a good client notices of it
    Attack(attack::Options),
    /// Run the whole server on a simulated machine, with faults, from seeds
    Simulate(simulate::Options),
    /// Start a worker on each processor and check pinning, memory nodes, hand-off and stop
    Workers(workers::Options),
    /// Measure what one client feels of greedy ones on its worker
    Fairness(fairness::Options),
    /// Load a server of this machine and measure its answers
    Load(load::Options),
    /// Measure one server by this load generator and by others in turn, and see whether they agree
    LoadCheck(load::agreement::Options),
    /// Load the server for half an hour, with clients that go away, and see whether anything grows
    Soak(soak::Options),
    /// Count the instructions of a request's steps by valgrind
    Instructions(instructions::Options),
    /// Measure what a request costs as connections, workers, files, heads and pipelines grow, for docs/growth.md
    Growth(growth::Options),
    /// Measure this machine with more and more workers, and say whether it is linear
    Scale(growth::scale::Options),
    /// Tell which cache lines two workers share, from what `benches/emulator/run writes` has counted
    SharedLines(shared_lines::Options),
    /// Measure what parts of a server's design are worth, and write it into docs/experiments
    Experiments(experiments::Options),
}

fn main() -> ExitCode {
    let done = match CommandLine::parse().command {
        Command::Compare(options) => compare::run(&options),
        Command::Goals(options) => compare::goals::run(&options),
        Command::Ceiling(options) => ceiling::run(&options),
        Command::Attack(options) => attack::run(&options),
        Command::Simulate(options) => simulate::run_seeds(&options),
        Command::Workers(options) => workers::run(&options),
        Command::Fairness(options) => fairness::run(&options),
        Command::Load(options) => load::run(&options),
        Command::LoadCheck(options) => load::agreement::run(&options),
        Command::Soak(options) => soak::run(&options),
        Command::Instructions(options) => instructions::run(&options),
        Command::Growth(options) => growth::run(&options),
        Command::Scale(options) => growth::scale::run(&options),
        Command::SharedLines(options) => shared_lines::run(&options),
        Command::Experiments(options) => experiments::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A terminal that was closed takes it no more.
            let _ = writeln!(io::stderr(), "selvedge-benches: {error:#}");
            ExitCode::FAILURE
        }
    }
}
