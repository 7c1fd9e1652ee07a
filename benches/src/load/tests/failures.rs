//! Servers that do not answer: whatever they do is counted by its kind, and every run ends.

use std::time::Duration;

use super::super::connection::FAILURES_MAX;
use super::super::failure::FailureKind;
use super::super::plan::{Extent, Pace, Plan};
use super::super::print::Printed;
use super::super::report::Report;
use super::super::verdict::Verdict;
use super::simulated::{Conduct, plan, with_conduct};

const SECOND: Duration = Duration::from_secs(1);
/// What the machine itself takes to bring octets over, and the wheel's tick.
const SLACK: Duration = Duration::from_secs(1);

/// `more`, however much of it comes in one piece.
const UNASKED: &str = ": \"m";

const CASES: [(Conduct, FailureKind, &str); 9] = [
    (Conduct::Refuses, FailureKind::Connect, "refused"),
    (Conduct::Silent, FailureKind::Timeout, "an answer took longer than 3s"),
    (Conduct::Resets, FailureKind::Broken, "reset"),
    (Conduct::Says(""), FailureKind::Closed, "ended"),
    (Conduct::Says("HTTP/1.1 200 OK\r\nContent-Len"), FailureKind::CutShort, "ended"),
    (Conduct::Says("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"), FailureKind::CutShort, "ended"),
    (Conduct::Says("220 smtp.example.com\r\n"), FailureKind::Garbage, "no head of an answer"),
    (Conduct::Says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore"), FailureKind::Garbage, UNASKED),
    (
        Conduct::Says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        FailureKind::Unframed,
        "in chunks",
    ),
];

fn expect_failures(report: &Report, kind: FailureKind, told: &str) -> u64 {
    assert_eq!(report.failures.keys().collect::<Vec<_>>(), [&kind], "{report:?}");
    let failures = &report.failures[&kind];
    let printed = Printed(report).to_string();
    let line = format!("failed, {kind}: {} (the first: {})", failures.requests, failures.first);
    assert!(printed.contains(&line) && printed.contains("FAILED: requests failed"), "{printed}");
    assert!(failures.first.contains(told), "{failures:?}");
    assert!(report.verdicts.contains(&Verdict::Failures), "{report:?}");
    failures.requests
}

#[test]
fn a_connection_that_always_fails_is_given_up_and_the_run_ends() {
    for (conduct, kind, told) in CASES {
        let plan = Plan { connections: 3, timeout: 3 * SECOND, ..plan() };
        let (report, elapsed) = with_conduct(conduct, &plan);
        let failed = expect_failures(&report, kind, told);
        if told == UNASKED {
            // Each failure has an answer before it, so that no connection is given up.
            assert!(report.requests > 50 && report.connections_given_up == 0, "{report:?}");
            assert_eq!(report.missing(&plan), 0, "{report:?}");
        } else {
            assert_eq!((report.requests, report.connections_given_up), (0, 3), "{report:?}");
            assert_eq!(failed, u64::from(3 * FAILURES_MAX), "{report:?}");
            assert_eq!(report.missing(&plan), 70, "{report:?}");
            assert!(report.verdicts.contains(&Verdict::ConnectionsGivenUp), "{report:?}");
            assert!(report.verdicts.contains(&Verdict::TooFew), "{report:?}");
            assert!(elapsed <= FAILURES_MAX * (3 * SECOND + SLACK), "{conduct:?}: {elapsed:?}");
        }
    }
}

#[test]
fn a_run_of_some_time_ends_one_timeout_later_at_most() {
    for (conduct, kind, told) in CASES {
        for pace in [
            Pace::Closed { think_time: Duration::ZERO },
            Pace::Open { requests_per_second: 10.0, at_once: 1, backlog_max: 10_000 },
        ] {
            let extent = Extent::Duration(2 * SECOND);
            let plan = Plan { pace, extent, connections: 2, pipeline: 2, timeout: 3 * SECOND, ..plan() };
            let (report, elapsed) = with_conduct(conduct, &plan);
            expect_failures(&report, kind, told);
            // Nobody is waited for to open connections but the one that may come yet.
            assert!(elapsed <= 2 * SECOND + 3 * SECOND + SLACK, "{conduct:?}, {pace:?}: {elapsed:?}");
        }
    }
}

#[test]
fn all_that_is_under_way_on_a_connection_fails_with_it() {
    let plan = Plan { pipeline: 5, extent: Extent::Requests(5), timeout: SECOND, ..plan() };
    for (answers, failed) in [("", 5), ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 4)] {
        let (report, _) = with_conduct(Conduct::Says(answers), &plan);
        assert_eq!(expect_failures(&report, FailureKind::Closed, "ended"), failed);
        assert_eq!((report.answers, report.missing(&plan)), (5 - failed, 0));
    }
}
