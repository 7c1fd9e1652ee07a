//! The form of the hand-off: an acceptor's ring on one thread, a worker's ring on another, and the accepted
//! descriptor has to get across.
//!
//! The client opens connections, either one after the other (the worker sleeps between them: what a wake-up costs) or
//! in bursts (what batching saves), and the worker closes them, so that a lost one would hang the run.

mod forms;
mod run_once;

use anyhow::{Context, ensure};
use clap::Args;

pub(super) use self::run_once::{Pace, drive};
use self::{
    forms::Form,
    run_once::{Sample, run_once},
};
use crate::cpus;
use crate::plural::counted;

/// Connections that a burst opens at most.
const BURST_MAX: usize = 1_000;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Connections per run
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    connections: usize,
    /// Runs of each form, alternated
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Connections opened at once in the burst runs (at most 1,000)
    #[arg(long, value_name = "N", default_value_t = 64)]
    burst: usize,
}

pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let cpus = cpus::allowed()?;
    ensure!(
        options.connections > 0 && options.rounds > 0,
        "--connections 0 or --rounds 0: nothing would be measured"
    );
    let burst = options.burst;
    ensure!((1..=BURST_MAX).contains(&burst), "--burst {burst}: between 1 and {BURST_MAX} are possible");
    println!("# Hand-off of accepted connections between two rings\n");
    println!(
        "{} per run, {}, medians. Acceptor on CPU {}, worker on CPU {}, client unpinned. \
         CPU is microseconds per connection of each thread (CLOCK_THREAD_CPUTIME_ID), latency is from the \
         acceptor's completion to the worker's hands.",
        counted(options.connections, "connection", "connections"),
        counted(options.rounds, "round", "rounds"),
        cpus[0],
        cpus[1 % cpus.len()],
    );
    for (title, pace) in [("One at a time", Pace::Single), ("In bursts", Pace::Burst(burst))] {
        let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); Form::ALL.len()];
        for round in 0..options.rounds {
            for at in 0..Form::ALL.len() {
                let at = (at + round) % Form::ALL.len();
                let sample = run_once(Form::ALL[at], pace, options.connections, &cpus)
                    .with_context(|| format!("the run of '{}' failed", Form::ALL[at].title()))?;
                samples[at].push(sample);
            }
        }
        print_table(title, &samples);
    }
    Ok(())
}

fn print_table(title: &str, samples: &[Vec<Sample>]) {
    println!("\n## {title}\n");
    println!("| form | acceptor us | worker us | both us (min..max) | latency p50 us | p99 us |");
    println!("|---|---:|---:|---:|---:|---:|");
    for (form, samples) in Form::ALL.iter().zip(samples) {
        let mut both: Vec<f64> = samples.iter().map(|s| s.acceptor_us + s.worker_us).collect();
        both.sort_by(f64::total_cmp);
        println!(
            "| {} | {:.2} | {:.2} | {:.2} ({:.2}..{:.2}) | {:.1} | {:.1} |",
            form.title(),
            median(samples, |s| s.acceptor_us),
            median(samples, |s| s.worker_us),
            both[both.len() / 2],
            both[0],
            both[both.len() - 1],
            median(samples, |s| s.latency_p50_us),
            median(samples, |s| s.latency_p99_us),
        );
    }
}

fn median(samples: &[Sample], figure: impl Fn(&Sample) -> f64) -> f64 {
    let mut figures: Vec<f64> = samples.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
