//! Whether a goal is met. In: a row of the table, and what was measured. Out: met or short with the ratio, or why nothing can be said.

mod rates;

use self::rates::has_equal_rates;
use super::table::{Against, Figure, Goal, ROUNDS_MIN, Row, TAIL_ROUNDS_MIN, TAIL_SECONDS_MIN, Whose};
use crate::compare::{
    cold::Cold,
    comparison::Comparison,
    machine::Build,
    mark,
    measure::Sample,
    open::Offered,
    servers::Server,
    summary::{Figures, Spread, has_less_load, ratio, ratio_interval},
};
use crate::plural::counted;

/// Answers that differ by more, as a share, are not of the same size.
const SIZE_DIFFERENCE_MAX: f64 = 0.05;

/// A client may end so much before its time, as a share.
const TIME_DIFFERENCE_MAX: f64 = 0.01;

/// Each has the ratio: its median, and the least and the most; of latencies the interval that the median is in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// The ratio's median is not above the goal; of latencies, its interval is not.
    Met(Spread),
    /// Of latencies: the goal is within the interval. More rounds may tell.
    Even(Spread),
    Short(Spread),
    /// Nothing can be said, and why.
    NotMeasured(String),
}

/// A goal, judged.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) workload: &'static str,
    pub(super) ratio_max: f64,
    /// The other server, where one was found.
    pub(super) other: Option<Server>,
    pub(super) verdict: Verdict,
    /// What is to be known of a verdict.
    pub(super) note: Option<String>,
}

/// The goals of `row` against the floor and against peers.
pub(super) fn judge_row(row: &Row, measured: &Comparison) -> [Option<Judged>; 2] {
    [row.floor, row.peer].map(|goal| goal.map(|goal| judge(row, goal, measured)))
}

fn judge(row: &Row, goal: Goal, measured: &Comparison) -> Judged {
    let compared = match row.figure {
        Figure::CpuTime => of_samples(row, goal, measured, |sample| sample.cpu_us_per_request),
        Figure::P50 => of_samples(row, goal, measured, |sample| sample.p50_us),
        Figure::P99 => of_samples(row, goal, measured, |sample| sample.p99_us),
        Figure::P999 => of_samples(row, goal, measured, |sample| sample.p999_us),
        Figure::BesideCold => of_cold(goal, measured),
        Figure::IdleMemory => of_idle(goal, measured),
    };
    let (other, ratio) = compared;
    let verdict = match ratio {
        Ok(ratio) if row.figure.is_latency() && ratio.min <= goal.ratio_max && ratio.max > goal.ratio_max => {
            Verdict::Even(ratio)
        }
        Ok(ratio) if ratio.median <= goal.ratio_max => Verdict::Met(ratio),
        Ok(ratio) => Verdict::Short(ratio),
        Err(reason) => Verdict::NotMeasured(reason),
    };
    let note = match (&verdict, row.figure) {
        (Verdict::NotMeasured(_), _) => None,
        (_, Figure::P999) => short_of_time(row, other, measured),
        _ => None,
    };
    Judged { workload: row.workload, ratio_max: goal.ratio_max, other, verdict, note }
}

/// Where a verdict about p99.9 is from less than it is to be.
fn short_of_time(row: &Row, other: Option<Server>, measured: &Comparison) -> Option<String> {
    let servers = &measured.row(row.workload)?.servers;
    let is_compared =
        |figures: &&Figures| figures.server == Server::Selvedge || Some(figures.server) == other;
    let compared = || servers.iter().filter(is_compared);
    let rounds = compared().map(|figures| figures.samples.len()).min()?;
    let seconds = compared().flat_map(|figures| &figures.samples).map(|sample| sample.seconds);
    let seconds = seconds.fold(f64::INFINITY, f64::min);
    let is_short = rounds < TAIL_ROUNDS_MIN || seconds < TAIL_SECONDS_MIN * (1.0 - TIME_DIFFERENCE_MAX);
    is_short.then(|| {
        format!("from {rounds} x {seconds:.0} s, short of {TAIL_ROUNDS_MIN} x {TAIL_SECONDS_MIN:.0} s")
    })
}

/// Who was compared with, and the ratio or why there is none.
type Compared = (Option<Server>, Result<Spread, String>);

/// The ratio of a figure that each round has, by rounds.
fn of_samples(row: &Row, goal: Goal, measured: &Comparison, figure: fn(&Sample) -> f64) -> Compared {
    let Some(measured_row) = measured.row(row.workload) else {
        return (None, Err("the workload was left out".into()));
    };
    // The cheapest of those that there are, and that had the load that ours had.
    let least = |wanted: fn(Server) -> bool| {
        let is_compared =
            |figures: &&Figures| wanted(figures.server) && !has_less_load(figures.server, &figures.marks);
        let among = measured_row.servers.iter().filter(is_compared);
        among.min_by(|a, b| a.median(figure).total_cmp(&b.median(figure)))
    };
    let ours = match row.whose {
        Whose::Selvedge => least(|server| server == Server::Selvedge),
        Whose::Ceiling => least(Server::is_ceiling),
    };
    let peer = least(Server::is_peer);
    let other = match goal.against {
        Against::Ceiling => least(Server::is_ceiling),
        Against::BestPeer => peer,
        Against::Nginx => least(Server::is_nginx),
        Against::Itself => None,
    };
    let Some(ours) = ours else { return (None, Err(format!("{} was left out", name(row.whose)))) };
    let Some(other) = other else { return (None, Err("there is nobody to compare with".into())) };
    let mut spread = ratio(&ours.samples, &other.samples, figure);
    if row.figure.is_latency()
        && let (Some(spread), Some(interval)) =
            (&mut spread, ratio_interval(&ours.samples, &other.samples, figure))
    {
        (spread.min, spread.max) = (interval.low, interval.high);
    }
    let judged = spread.ok_or_else(|| "no round has both".to_owned()).and_then(|spread| {
        has_rounds(&ours.samples, &other.samples)?;
        for figures in [ours, other] {
            is_sound(figures)?;
            if figures.server.is_ceiling() && was_built_for_development(row.workload, measured) {
                return Err("the ceiling was built without optimisation".into());
            }
        }
        has_equal_rates(row.workload, ours, other)?;
        if let Some(fault) = measured_row.offered.as_ref().and_then(Offered::fault) {
            return Err(fault);
        }
        if goal.against == Against::Ceiling {
            is_true_ceiling(other, ours, peer, figure)?;
        }
        Ok(spread)
    });
    (Some(other.server), judged)
}

/// Whether this program was, when it measured `workload`.
fn was_built_for_development(workload: &str, measured: &Comparison) -> bool {
    measured.run_of(workload).is_some_and(|run| run.machine.build == Build::Development)
}

fn has_rounds(ours: &[Sample], others: &[Sample]) -> Result<(), String> {
    let both = ours.iter().filter(|a| others.iter().any(|b| a.round == b.round)).count();
    let enough = both >= ROUNDS_MIN;
    enough.then_some(()).ok_or_else(|| too_few(both))
}

fn too_few(rounds: usize) -> String {
    format!("{}, at least {ROUNDS_MIN} are needed", counted(rounds, "round", "rounds"))
}

/// Whether the client or the machine had a part in the figures.
fn is_sound(figures: &Figures) -> Result<(), String> {
    if figures.marks.is_empty() {
        return Ok(());
    }
    Err(format!("{}: {}", figures.server.name(), mark::words(&figures.marks)))
}

/// Its answers have the size of ours, and no peer is below it.
fn is_true_ceiling(
    ceiling: &Figures,
    ours: &Figures,
    peer: Option<&Figures>,
    figure: fn(&Sample) -> f64,
) -> Result<(), String> {
    let octets = |figures: &Figures| figures.samples.first().and_then(|sample| sample.answer_bytes);
    if let (Some(canned), Some(whole)) = (octets(ceiling), octets(ours))
        && canned.abs_diff(whole) as f64 > whole as f64 * SIZE_DIFFERENCE_MAX
    {
        return Err(format!("the ceiling's answers have {canned} bytes, not {whole}"));
    }
    match peer.and_then(|peer| Some((peer, ratio(&peer.samples, &ceiling.samples, figure)?))) {
        Some((peer, to_ceiling)) if to_ceiling.median < 1.0 => {
            Err(format!("no true ceiling: {} is at {:.2} of it", peer.server.name(), to_ceiling.median))
        }
        _ => Ok(()),
    }
}

/// The small requests' p99 beside cold files: against the same without them, or against nginx' beside them.
fn of_cold(goal: Goal, measured: &Comparison) -> Compared {
    let p99 = |cold: &&Cold| cold.median(|round| round.beside_p99_us);
    let Some(ours) = measured.cold.iter().find(|cold| cold.server == Server::Selvedge) else {
        return (None, Err("the workload or selvedge was left out".into()));
    };
    let nginx = measured.cold.iter().filter(|cold| cold.server.is_nginx());
    let (other, ratio) = match goal.against {
        Against::Itself => (ours, ours.ratio()),
        _ => match nginx.min_by(|a, b| p99(a).total_cmp(&p99(b))) {
            Some(nginx) => (nginx, ours.to(nginx)),
            None => return (None, Err("nginx was left out".into())),
        },
    };
    let rounds = ours.rounds.len().min(other.rounds.len());
    let judged = match (ours.fault().or_else(|| other.fault()), ratio) {
        (Some(fault), _) => Err(fault),
        (None, Some(ratio)) if rounds >= ROUNDS_MIN => Ok(ratio),
        (None, _) => Err(too_few(rounds)),
    };
    (Some(other.server), judged)
}

/// Memory of idle connections is measured once: the ratio has no spread.
fn of_idle(goal: Goal, measured: &Comparison) -> Compared {
    // The least of the builds that there are.
    let least = |wanted: fn(Server) -> bool| {
        let among = measured.idle.iter().filter(|idle| wanted(idle.server));
        let bytes = among.map(|idle| (idle.server, idle.anonymous_bytes_per_connection()));
        bytes.min_by(|(_, a), (_, b)| a.total_cmp(b))
    };
    if goal.against != Against::Nginx {
        return (None, Err("only nginx is compared with".into()));
    }
    match (least(|server| server == Server::Selvedge), least(Server::is_nginx)) {
        (Some((_, ours)), Some((server, nginx))) if nginx > 0.0 => {
            let ratio = ours / nginx;
            (Some(server), Ok(Spread { median: ratio, min: ratio, max: ratio }))
        }
        _ => (None, Err("the workload, selvedge or nginx was left out".into())),
    }
}

fn name(whose: Whose) -> &'static str {
    match whose {
        Whose::Selvedge => Server::Selvedge.name(),
        Whose::Ceiling => Server::Ceiling.name(),
    }
}

#[cfg(test)]
mod tests;
