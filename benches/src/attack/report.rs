//! What is printed: Markdown.

use std::time::Duration;

use super::Options;
use super::requests::Figures;
use super::siege::{Outcome, attackers, whole_us};
use crate::cpus::{self, Placement};
use crate::plural::counted;

pub(super) fn print_header(options: &Options, placement: &Placement) {
    println!(
        "{} ({} asked for; the descriptor limit decides), {} of {} s without and with them; the good",
        counted(attackers(options.attackers), "attacker", "attackers"),
        counted(options.attackers, "was", "were"),
        counted(options.rounds, "round", "rounds"),
        options.seconds,
    );
    println!(
        "client: {} new connections/s, open loop; server on CPU {}, clients on CPU {}{}.\n",
        options.rate,
        cpus::list(&placement.server),
        cpus::list(&placement.client),
        if placement.is_shared() { ", which they share: times mean little" } else { "" },
    );
    println!(
        "| attack | p50 without, with | p99 without, with | ratio | p99 of each round | connections, ended by the server | attackers' CPU | RSS before, in, after | back after | |"
    );
    println!("|---|---:|---:|---:|---|---:|---:|---:|---:|---|");
}

pub(super) fn print_outcome(outcome: &Outcome) {
    let (p50, p99) = (outcome.quantile_us(0.5), outcome.quantile_us(0.99));
    let rounds: Vec<String> = outcome
        .latencies
        .iter()
        .map(|(without, with)| format!("{} {}", whole_us(without, 0.99), whole_us(with, 0.99)))
        .collect();
    let begun: u64 = outcome.crowds.iter().map(|crowd| crowd.begun).sum();
    let ended: u64 = outcome.crowds.iter().map(|crowd| crowd.ended_by_server).sum();
    let cpu = outcome.crowds.iter().map(|crowd| crowd.cpu_share).fold(0.0, f64::max);
    let mib = |bytes: u64| format!("{:.1}", bytes as f64 / f64::from(1 << 20));
    let (before, during, after) = outcome.rss_bytes;
    println!(
        "| {} x {} | {}, {} µs | {}, {} µs | {:.2} | {} | {begun}, {ended} | {:.0} % | {}, {}, {} MiB | {:.1} s | {} |",
        outcome.attack.name(),
        outcome.attackers,
        p50.0,
        p50.1,
        p99.0,
        p99.1,
        outcome.p99_ratio(),
        rounds.join("; "),
        cpu * 100.0,
        mib(before),
        mib(during),
        mib(after),
        outcome.recovery.as_secs_f64(),
        if outcome.faults.is_empty() { "ok" } else { "FAILED" },
    );
}

pub(super) fn print_requests(figures: &Figures, took: Duration) {
    println!(
        "\n{}, each with a probe behind it, over {} in {:.1} s.",
        counted(figures.requests, "request", "requests"),
        counted(figures.connections, "connection", "connections"),
        took.as_secs_f64(),
    );
    let list = |counts: Vec<String>| counts.join(", ");
    println!(
        "Mutations: {}.",
        list(figures.by_mutation.iter().map(|(name, count)| format!("{name} {count}")).collect())
    );
    println!(
        "Statuses: {}.",
        list(figures.by_status.iter().map(|(status, count)| format!("{status}: {count}")).collect())
    );
    println!(
        "The connection {}.",
        list(figures.by_end.iter().map(|(end, count)| format!("{end} {count}")).collect())
    );
}
