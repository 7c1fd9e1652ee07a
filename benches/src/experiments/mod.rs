//! Experiments: each decides one question of the design and prints its result as Markdown.

mod hand_off;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Experiment {
    /// How an accepted connection best gets from one ring to another
    HandOff(hand_off::Options),
}

/// Runs one experiment. Fails where the kernel refuses what it needs.
pub(crate) fn run(experiment: &Experiment) -> anyhow::Result<()> {
    match experiment {
        Experiment::HandOff(options) => hand_off::run(options),
    }
}
