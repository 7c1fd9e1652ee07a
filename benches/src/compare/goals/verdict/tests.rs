mod rates;

use super::*;
use crate::compare::{
    cold,
    comparison::tests::{GOOD, measured_of},
    goals::{table::ROWS, total},
    idle::Idle,
    mark::Mark,
    proc::Memory,
};

fn row() -> &'static Row {
    ROWS.iter().find(|row| row.workload == "small-at-rate" && row.whose == Whose::Selvedge).unwrap()
}

/// A run of the first row's workload.
fn measured(rounds: usize, costs: &[(Server, f64)], marks: &[Mark]) -> Comparison {
    let mut measured = measured_of(rounds, costs, marks);
    measured.rows[0].workload = "small-at-rate".into();
    measured.run_mut().workloads = vec!["small-at-rate".into()];
    measured
}

fn judge_small(measured: &Comparison) -> [Verdict; 2] {
    judge_row(row(), measured).map(|judged| judged.unwrap().verdict)
}

fn reason(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::NotMeasured(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_goal_is_met_up_to_its_ratio_and_short_above() {
    let [floor, peer] = judge_small(&measured(5, &GOOD, &[]));
    assert!(matches!(floor, Verdict::Met(ratio) if (ratio.median - 1.06).abs() < 1e-9), "{floor:?}");
    assert!(matches!(peer, Verdict::Met(ratio) if (ratio.median - 5.3 / 7.0).abs() < 1e-9), "{peer:?}");
    let slower = [&[(Server::Selvedge, 6.5)], &GOOD[1..]].concat();
    let [floor, peer] = judge_small(&measured(5, &slower, &[]));
    assert!(matches!((&floor, &peer), (Verdict::Short(_), Verdict::Short(_))), "{floor:?} {peer:?}");
}

#[test]
fn the_ceiling_has_a_goal_of_its_own_against_nginx() {
    let [floor, peer] = judge_row(&ROWS[0], &measured(5, &GOOD, &[]));
    let peer = peer.unwrap();
    assert!(floor.is_none());
    assert_eq!(peer.other, Some(Server::Nginx));
    assert!(matches!(peer.verdict, Verdict::Met(ratio) if (ratio.median - 5.0 / 9.0).abs() < 1e-9));
}

#[test]
fn where_the_client_or_the_machine_was_the_limit_there_is_no_verdict() {
    for mark in [Mark::ClientBound, Mark::BusyMachine, Mark::Stolen, Mark::Errors] {
        for verdict in judge_small(&measured(5, &GOOD, &[mark])) {
            assert!(reason(&verdict).contains(mark.words()), "{mark:?}");
        }
    }
}

#[test]
fn one_mark_of_the_other_server_is_enough() {
    let mut measured = measured(5, &GOOD, &[]);
    let nginx = measured.rows[0].servers.iter_mut().find(|figures| figures.server == Server::H2o).unwrap();
    nginx.marks.insert(Mark::Stolen);
    let [floor, peer] = judge_small(&measured);
    assert!(matches!(floor, Verdict::Met(_)));
    assert!(reason(&peer).starts_with("h2o: "), "{peer:?}");
}

#[test]
fn few_rounds_and_missing_servers_are_told() {
    assert!(reason(&judge_small(&measured(4, &GOOD, &[]))[0]).starts_with("4 rounds"));
    assert_eq!(reason(&judge_small(&measured(5, &GOOD[1..], &[]))[0]), "selvedge was left out");
    let [floor, peer] = judge_small(&measured(5, &GOOD[..1], &[]));
    assert!(reason(&floor).contains("nobody") && reason(&peer).contains("nobody"));
    let mut nothing = measured(5, &GOOD, &[]);
    nothing.rows.clear();
    assert_eq!(reason(&judge_small(&nothing)[1]), "the workload was left out");
}

#[test]
fn a_ceiling_that_a_peer_beats_is_none() {
    let beaten = [&[(Server::H2o, 4.9)], &GOOD[..3]].concat();
    let [floor, peer] = judge_small(&measured(5, &beaten, &[]));
    assert_eq!(reason(&floor), "no true ceiling: h2o is at 0.98 of it");
    assert!(matches!(peer, Verdict::Short(_)));
}

#[test]
fn a_ceiling_with_shorter_answers_or_without_optimisation_is_none() {
    let mut measured = measured(5, &GOOD, &[]);
    let ceiling =
        measured.rows[0].servers.iter_mut().find(|figures| figures.server == Server::Ceiling).unwrap();
    ceiling.samples.iter_mut().for_each(|sample| sample.answer_bytes = Some(221));
    assert!(reason(&judge_small(&measured)[0]).starts_with("the ceiling's answers have "));
    ceiling_again(&mut measured);
    assert!(matches!(judge_small(&measured)[0], Verdict::Met(_)));
    measured.run_mut().machine.build = Build::Development;
    assert!(reason(&judge_small(&measured)[0]).ends_with("without optimisation"));
}

fn ceiling_again(measured: &mut Comparison) {
    for figures in &mut measured.rows[0].servers {
        figures.samples.iter_mut().for_each(|sample| sample.answer_bytes = Some(443));
    }
}

#[test]
fn three_may_be_short_but_not_the_first_rows() {
    let judged = |workload, verdict| Judged { workload, ratio_max: 1.0, other: None, verdict, note: None };
    let spread = Spread { median: 1.0, min: 1.0, max: 1.0 };
    let short = |workload| judged(workload, Verdict::Short(spread));
    let total_of = |judged: &[Judged]| total(judged);
    assert!(total_of(&[short("1m"), short("64m"), short("304")]).ends_with("**reached**"));
    assert!(total_of(&[short("1m"), short("64m"), short("304"), short("404")]).contains("**not reached**"));
    assert!(total_of(&[short("small-at-rate")]).ends_with("small-at-rate must not be short"));
    let unknown = judged("1m", Verdict::NotMeasured("left out".into()));
    assert_eq!(total_of(&[unknown]), "0 goals met, 0 even, 0 short, 1 not measured: **open**");
    let even = |workload| judged(workload, Verdict::Even(spread));
    assert!(total_of(&[even("open"), short("1m"), short("404")]).ends_with("**reached**"), "short at worst");
    assert!(total_of(&[even("open"), short("1m"), short("404"), short("16k")]).ends_with("**open**"));
}

#[test]
fn cold_files_are_judged_against_the_server_without_them_and_the_better_nginx() {
    let rounds = |beside_p99_us: f64| {
        let round = |round| cold::Round {
            round,
            alone_p50_us: 50.0,
            alone_p99_us: 100.0,
            beside_p50_us: 50.0,
            beside_p99_us,
            files_per_second: 60.0,
            disk_bytes: 1,
        };
        (0..5).map(round).collect()
    };
    let mut measured = measured(5, &GOOD, &[]);
    measured.cold = [(Server::Selvedge, 140.0), (Server::Nginx, 900.0), (Server::NginxWithThreads, 130.0)]
        .map(|(server, p99_us)| Cold { server, rounds: rounds(p99_us) })
        .into();
    let row = ROWS.iter().find(|row| row.figure == Figure::BesideCold).unwrap();
    let [itself, nginx] = judge_row(row, &measured).map(Option::unwrap);
    assert!(matches!(itself.verdict, Verdict::Met(ratio) if (ratio.median - 1.4).abs() < 1e-9));
    assert_eq!(nginx.other, Some(Server::NginxWithThreads));
    assert!(matches!(nginx.verdict, Verdict::Short(_)));
    measured.cold[0].rounds[1].alone_p99_us = 300.0;
    let [itself, _] = judge_row(row, &measured).map(Option::unwrap);
    assert!(reason(&itself.verdict).starts_with("the machine is busy"));
}

#[test]
fn memory_is_compared_with_the_leanest_build_of_nginx() {
    let newer = serde_json::from_str(r#"{"build":{"server":"nginx","version":"1.31.5"}}"#).unwrap();
    let idle = |(server, growth)| Idle {
        server,
        connections: 1_001,
        at_start: Memory::default(),
        at_first: Memory::default(),
        at_last: Memory { anonymous_bytes: growth, ..Memory::default() },
    };
    let mut measured = measured(5, &GOOD, &[]);
    measured.idle = [(Server::Selvedge, 600), (Server::Nginx, 800), (newer, 500)].map(idle).into();
    let row = ROWS.iter().find(|row| row.figure == Figure::IdleMemory).unwrap();
    let peer = judge_row(row, &measured)[1].clone().unwrap();
    assert_eq!(peer.other.map(Server::name), Some("nginx 1.31.5"));
    assert!(matches!(peer.verdict, Verdict::Short(ratio) if (ratio.median - 1.2).abs() < 1e-9));
}

/// A run of `open` in ten rounds, in which selvedge's p99.9 were these and nginx' always 100 us.
fn open_loop(p999_us: [f64; 10], seconds: f64) -> Comparison {
    let mut measured = measured(10, &[(Server::Selvedge, 1.0), (Server::Nginx, 2.0)], &[]);
    measured.rows[0].workload = "open".into();
    for figures in &mut measured.rows[0].servers {
        for (sample, p999_us) in figures.samples.iter_mut().zip(p999_us) {
            sample.p999_us = if figures.server == Server::Selvedge { p999_us } else { 100.0 };
            sample.seconds = seconds;
        }
    }
    measured
}

fn judge_open(measured: &Comparison) -> Judged {
    let row = ROWS.iter().find(|row| row.workload == "open" && row.figure == Figure::P999).unwrap();
    judge_row(row, measured)[1].clone().unwrap()
}

#[test]
fn a_latency_is_met_or_short_where_its_interval_is_and_even_between() {
    let judged = |p999_us| judge_open(&open_loop(p999_us, 30.0)).verdict;
    // One outlier at each end is not in the interval of ten rounds.
    let met = judged([90.0, 91.0, 92.0, 93.0, 94.0, 95.0, 96.0, 97.0, 100.0, 900.0]);
    assert!(matches!(met, Verdict::Met(ratio) if (ratio.max - 1.0).abs() < 1e-9), "{met:?}");
    let even = judged([90.0, 91.0, 92.0, 93.0, 94.0, 95.0, 96.0, 97.0, 101.0, 101.0]);
    assert!(matches!(even, Verdict::Even(ratio) if (ratio.median - 0.945).abs() < 1e-9), "{even:?}");
    let short = judged([10.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0, 107.0, 108.0, 109.0]);
    assert!(matches!(short, Verdict::Short(ratio) if (ratio.min - 1.01).abs() < 1e-9), "{short:?}");
}

#[test]
fn a_tail_from_little_time_is_told_as_such() {
    assert_eq!(judge_open(&open_loop([90.0; 10], 29.99)).note, None);
    let short = judge_open(&open_loop([90.0; 10], 3.0));
    assert_eq!(short.note.as_deref(), Some("from 10 x 3 s, short of 10 x 30 s"));
    assert!(short.to_string().ends_with("nginx, from 10 x 3 s, short of 10 x 30 s"), "{short}");
    assert!(total(&[short]).ends_with("1 of p99.9 from less time than they should be"));
}

#[test]
fn an_open_loop_whose_rate_was_not_kept_has_no_verdict() {
    let mut measured = open_loop([90.0; 10], 30.0);
    measured.rows[0].servers[0].marks.insert(Mark::RateMissed);
    assert!(reason(&judge_open(&measured).verdict).contains("offered rate not reached"));
}
