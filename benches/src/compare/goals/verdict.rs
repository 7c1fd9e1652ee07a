//! Whether a goal is met. In: a row of the table, and what was measured. Out: met or short with the ratio, or why nothing can be said.

use std::fmt;

use super::table::{Against, Figure, Goal, NEVER_SHORT, ROUNDS_MIN, Row, SHORT_MAX, Whose};
use crate::compare::{
    machine::Build,
    measure::Sample,
    servers::Server,
    summary::{Comparison, Figures, Spread, ratio},
};

/// Answers that differ by more, as a share, are not of the same size.
const SIZE_DIFFERENCE_MAX: f64 = 0.05;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// The ratio's median is not above the goal.
    Met(Spread),
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
}

/// The goals of `row` against the floor and against peers.
pub(super) fn judge_row(row: &Row, measured: &Comparison) -> [Option<Judged>; 2] {
    [row.floor, row.peer].map(|goal| goal.map(|goal| judge(row, goal, measured)))
}

fn judge(row: &Row, goal: Goal, measured: &Comparison) -> Judged {
    let (other, spread) = match row.figure {
        Figure::CpuTime => of_samples(row, goal, measured, |sample| sample.cpu_us_per_request),
        Figure::IdleMemory => of_idle(goal, measured),
    };
    let verdict = match spread {
        Ok(spread) if spread.median <= goal.ratio_max => Verdict::Met(spread),
        Ok(spread) => Verdict::Short(spread),
        Err(reason) => Verdict::NotMeasured(reason),
    };
    Judged { workload: row.workload, ratio_max: goal.ratio_max, other, verdict }
}

/// Who was compared with, and the ratio or why there is none.
type Compared = (Option<Server>, Result<Spread, String>);

/// The ratio of a figure that each round has, by rounds.
fn of_samples(row: &Row, goal: Goal, measured: &Comparison, figure: fn(&Sample) -> f64) -> Compared {
    let Some(measured_row) = measured.rows.iter().find(|other| other.workload == row.workload) else {
        return (None, Err("the workload was left out".into()));
    };
    let median = |figures: &Figures| {
        Spread::of(figures.samples.iter().map(figure)).map_or(f64::INFINITY, |spread| spread.median)
    };
    // The cheapest of those that there are.
    let least = |wanted: fn(Server) -> bool| {
        let among = measured_row.servers.iter().filter(|figures| wanted(figures.server));
        among.min_by(|a, b| median(a).total_cmp(&median(b)))
    };
    let ours = match row.whose {
        Whose::Selvedge => least(|server| server == Server::Selvedge),
        Whose::Ceiling => least(Server::is_ceiling),
    };
    let peer = least(Server::is_peer);
    let other = match goal.against {
        Against::Ceiling => least(Server::is_ceiling),
        Against::BestPeer => peer,
        Against::Nginx => least(|server| matches!(server, Server::Nginx | Server::NginxWithoutSendfile)),
    };
    let Some(ours) = ours else { return (None, Err(format!("{} was left out", name(row.whose)))) };
    let Some(other) = other else { return (None, Err("there is nobody to compare with".into())) };
    let spread = ratio(&ours.samples, &other.samples, figure);
    let judged = spread.ok_or_else(|| "no round has both".to_owned()).and_then(|spread| {
        has_rounds(&ours.samples, &other.samples)?;
        for figures in [ours, other] {
            is_sound(figures)?;
            if figures.server.is_ceiling() && measured.machine.build == Build::Development {
                return Err("the ceiling was built without optimisation".into());
            }
        }
        if goal.against == Against::Ceiling {
            is_true_ceiling(other, ours, peer, figure)?;
        }
        Ok(spread)
    });
    (Some(other.server), judged)
}

fn has_rounds(ours: &[Sample], others: &[Sample]) -> Result<(), String> {
    let both = ours.iter().filter(|a| others.iter().any(|b| a.round == b.round)).count();
    let enough = both >= ROUNDS_MIN;
    enough.then_some(()).ok_or_else(|| format!("{both} rounds, at least {ROUNDS_MIN} are needed"))
}

/// Whether the client or the machine had a part in the figures.
fn is_sound(figures: &Figures) -> Result<(), String> {
    if figures.marks.is_empty() {
        return Ok(());
    }
    let marks: Vec<&str> = figures.marks.iter().map(|mark| mark.words()).collect();
    Err(format!("{}: {}", figures.server.name(), marks.join(", ")))
}

/// Its answers have the size of ours, and no peer is below it.
fn is_true_ceiling(
    ceiling: &Figures,
    ours: &Figures,
    peer: Option<&Figures>,
    figure: fn(&Sample) -> f64,
) -> Result<(), String> {
    let octets = |figures: &Figures| figures.samples.first().map_or(0, |sample| sample.answer_bytes);
    let (canned, whole) = (octets(ceiling), octets(ours));
    if canned.abs_diff(whole) as f64 > whole as f64 * SIZE_DIFFERENCE_MAX {
        return Err(format!("the ceiling's answers have {canned} bytes, not {whole}"));
    }
    match peer.and_then(|peer| Some((peer, ratio(&peer.samples, &ceiling.samples, figure)?))) {
        Some((peer, to_ceiling)) if to_ceiling.median < 1.0 => {
            Err(format!("no true ceiling: {} is at {:.2} of it", peer.server.name(), to_ceiling.median))
        }
        _ => Ok(()),
    }
}

/// Memory of idle connections is measured once: the ratio has no spread.
fn of_idle(goal: Goal, measured: &Comparison) -> Compared {
    let bytes = |server| {
        let idle = measured.idle.iter().find(|idle| idle.server == server)?;
        Some(idle.anonymous_bytes_per_connection())
    };
    if goal.against != Against::Nginx {
        return (None, Err("only nginx is compared with".into()));
    }
    match (bytes(Server::Selvedge), bytes(Server::Nginx)) {
        (Some(ours), Some(nginx)) if nginx > 0.0 => {
            let ratio = ours / nginx;
            (Some(Server::Nginx), Ok(Spread { median: ratio, min: ratio, max: ratio }))
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

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {:.2}: ", self.ratio_max)?;
        let other = self.other.map(|other| format!(" of {}", other.name())).unwrap_or_default();
        let figures = |spread: &Spread| {
            let Spread { median, min, max } = spread;
            format!("{median:.2} ({min:.2}..{max:.2}){other}")
        };
        match &self.verdict {
            Verdict::Met(spread) => write!(f, "**met**, {}", figures(spread)),
            Verdict::Short(spread) => write!(f, "**short**, {}", figures(spread)),
            Verdict::NotMeasured(reason) => write!(f, "not measured ({reason})"),
        }
    }
}

/// What all goals come to, in one line.
pub(super) fn total<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> String {
    let (mut met, mut short, mut not_measured, mut never) = (0, 0, 0, Vec::new());
    for judged in judged {
        match judged.verdict {
            Verdict::Met(_) => met += 1,
            Verdict::Short(_) => {
                short += 1;
                if NEVER_SHORT.contains(&judged.workload) {
                    never.push(judged.workload);
                }
            }
            Verdict::NotMeasured(_) => not_measured += 1,
        }
    }
    let mut line = format!("{met} goals met, {short} short, {not_measured} not measured: ");
    line += match (not_measured, short <= SHORT_MAX && never.is_empty()) {
        (_, false) => "**not reached**",
        (0, true) => "**reached**",
        (_, true) => "**open**",
    };
    if short > SHORT_MAX {
        line += &format!("; at most {SHORT_MAX} may be short");
    }
    if !never.is_empty() {
        line += &format!("; {} must not be short", never.join(", "));
    }
    line
}

#[cfg(test)]
mod tests;
