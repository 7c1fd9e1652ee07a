//! An open loop: requests are due whatever the server does, and their time begins then.

use std::cell::Cell;
use std::time::Duration;

use selvedge_http::{Request, ServerOptions};
use selvedge_runtime::timer::sleep;

use super::super::plan::{Extent, Pace, Plan};
use super::super::report::Report;
use super::super::verdict::Verdict;
use super::faults;
use super::simulated::{plan, with_server};

const SECOND: Duration = Duration::from_secs(1);

fn plan_of(requests_per_second: f64, backlog_max: u64, connections: usize) -> Plan {
    let pace = Pace::Open { requests_per_second, at_once: 1, backlog_max };
    Plan { pace, connections, extent: Extent::Duration(10 * SECOND), ..plan() }
}

/// With a server that takes so long for each answer, and once so long.
fn with_times(usual: Duration, once: Duration, plan: &Plan) -> Report {
    let application = move || {
        let number = Cell::new(0);
        async move |_: Request<'_>| {
            number.set(number.get() + 1);
            sleep(if number.get() == 200 { once } else { usual }).await;
            "done"
        }
    };
    with_server(ServerOptions::default(), application, plan)
}

#[test]
fn a_rate_that_is_served_is_kept() {
    for (workers, warm_up) in [(1, Duration::ZERO), (3, 2 * SECOND)] {
        let plan = Plan { workers, warm_up, ..plan_of(100.0, 100, 20) };
        let report = with_times(SECOND / 100, SECOND / 100, &plan);
        let schedule = report.schedule.expect("it is open");
        assert_eq!(faults(&report), [], "{report:?}");
        assert_eq!((schedule.due, schedule.unsent, report.latency.count), (1_000, 0, 1_000), "{report:?}");
        assert!((990..=1_010).contains(&report.requests), "{report:?}");
        assert!(report.latency.p50_us >= 10_000.0 && report.latency.max_us < 200_000.0, "{report:?}");
        assert!(schedule.lateness.count > 900 && schedule.lateness.p99_us < 1_000.0, "{report:?}");
    }
}

/// A stall of 2 s holds up the 200 requests that come to be due meanwhile: their latencies are all there is between none and 2 s.
#[test]
fn a_stall_counts_for_all_the_requests_that_it_holds_up() {
    let report = with_times(Duration::ZERO, 2 * SECOND, &plan_of(100.0, 1_000, 1));
    assert_eq!((report.latency.count, faults(&report)), (1_000, vec![]), "{report:?}");
    assert!((1_900_000.0..2_500_000.0).contains(&report.latency.max_us), "{report:?}");
    // A fifth of all requests; half of them waited for more than a second.
    assert!((800_000.0..1_500_000.0).contains(&report.latency.p90_us), "{report:?}");
    assert!(report.latency.p50_us < 100_000.0, "{report:?}");
}

#[test]
fn a_rate_that_is_not_served_is_told_with_latencies_that_grow() {
    // One at a time, 10 a second at most.
    let report = with_times(SECOND / 10, SECOND / 10, &plan_of(20.0, 10_000, 1));
    assert!(report.verdicts.contains(&Verdict::RateNotReached), "{report:?}");
    let schedule = report.schedule.expect("it is open");
    assert_eq!(schedule.due, 200);
    assert!(report.requests < 110 && schedule.backlog > 80, "{report:?}");
    // They are answered all the same, the last one after twice the time.
    assert_eq!((schedule.unsent, report.latency.count), (0, 200), "{report:?}");
    assert!((9e6..13e6).contains(&report.latency.max_us), "{report:?}");
}

#[test]
fn a_backlog_that_is_full_ends_the_run() {
    let report = with_times(SECOND, SECOND, &plan_of(100.0, 50, 2));
    assert!(report.verdicts.contains(&Verdict::RateNotReached), "{report:?}");
    let schedule = report.schedule.expect("it is open");
    assert!((50..60).contains(&schedule.unsent), "{report:?}");
    assert!(report.seconds < 3.0, "{report:?}");
}

/// What is due at one moment stands for the time until the next one, and is not the rate of a moment.
#[test]
fn requests_that_are_due_at_once_are_told_over_the_time_that_they_stand_for() {
    let pace = |at_once| Pace::Open { requests_per_second: 10.0, at_once, backlog_max: 1_000 };
    let of_100 = Extent::Requests(100);
    for (extent, at_once, warm_up, workers, seconds, moments) in [
        (Extent::Duration(5 * SECOND), 100, Duration::ZERO, 1, 5.0, 1),
        (Extent::Duration(10 * SECOND), 10, SECOND, 2, 10.0, 10),
        (of_100, 100, Duration::ZERO, 1, 10.0, 1),
        // The warm-up goes on until the next requests are due.
        (of_100, 50, SECOND, 2, 10.0, 2),
        (of_100, 1, Duration::ZERO, 1, 10.0, 100),
    ] {
        let plan = Plan { pace: pace(at_once), extent, warm_up, workers, ..plan_of(10.0, 1_000, 100) };
        let report = with_times(Duration::ZERO, Duration::ZERO, &plan);
        let schedule = report.schedule.expect("it is open");
        assert_eq!((faults(&report), schedule.due, schedule.moments), (vec![], 100, moments), "{report:?}");
        assert!((report.seconds - seconds).abs() < 0.01, "{report:?}");
        assert!((report.requests_per_second - 100.0 / seconds).abs() < 0.1, "{report:?}");
    }
}
