//! Each way of asking gives as many answers as were asked for, and the figures agree with each other.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use selvedge_http::{Request, Response, ServerOptions, Timeouts};

use super::super::paths::Paths;
use super::super::plan::{Closing, Extent, Method, Pace, Plan, Reuse};
use super::super::verdict::Verdict;
use super::faults;
use super::simulated::{Asked, plan, with_server};

const SECOND: Duration = Duration::from_secs(1);
const BODY: &str = "151 octets, nearly";

fn closed(think_time: Duration) -> Pace {
    Pace::Closed { think_time }
}

fn open(requests_per_second: f64) -> Pace {
    Pace::Open { requests_per_second, at_once: 1, backlog_max: 1_000 }
}

fn churn(count: u64, closing: Closing) -> Reuse {
    Reuse::Requests { count, closing }
}

/// Answers all, and remembers what was asked for.
async fn remember(asked: &Asked, request: Request<'_>) -> Response {
    asked.lock().unwrap().push(String::from_utf8_lossy(request.path()).into_owned());
    Response::text(BODY)
}

#[test]
fn every_mode_gives_as_many_answers_as_are_asked_for() {
    let many = || Plan { connections: 8, ..plan() };
    for (name, plan, connections) in [
        ("one connection", plan(), 1),
        ("several", many(), 8),
        ("several workers", Plan { workers: 3, ..many() }, 8),
        ("a pipeline", Plan { pipeline: 16, ..many() }, 8),
        ("a pipeline that the requests do not fill", Plan { pipeline: 70, ..many() }, 8),
        ("a connection per request", Plan { reuse: churn(1, Closing::Server), ..many() }, 108),
        ("the same, closed by the client", Plan { reuse: churn(1, Closing::Client), ..many() }, 108),
        ("connections of some requests", Plan { reuse: churn(3, Closing::Server), ..plan() }, 34),
        ("the same with a pipeline", Plan { reuse: churn(5, Closing::Client), pipeline: 2, ..plan() }, 20),
        ("HEAD", Plan { method: Method::Head, ..many() }, 8),
        ("time to think", Plan { pace: closed(SECOND), ..many() }, 8),
        ("fixed times", Plan { pace: open(50.0), ..many() }, 8),
        ("fixed times and a pipeline", Plan { pace: open(50.0), pipeline: 4, workers: 2, ..many() }, 8),
        (
            "fixed times and new connections",
            Plan { pace: open(50.0), reuse: churn(1, Closing::Server), ..many() },
            108,
        ),
    ] {
        let asked = Asked::default();
        let there = Arc::clone(&asked);
        let application = move || {
            let asked = Arc::clone(&there);
            async move |request: Request<'_>| remember(&asked, request).await
        };
        let report = with_server(ServerOptions::default(), application, &plan);
        assert_eq!(faults(&report), [], "{name}: {report:?}");
        assert_eq!((report.requests, report.answers), (100, 100), "{name}");
        assert_eq!((report.latency.count, asked.lock().unwrap().len()), (100, 100), "{name}");
        assert_eq!(report.statuses, BTreeMap::from([(200, 100)]), "{name}");
        let body_bytes = if plan.method == Method::Head { 0 } else { 100 * BODY.len() as u64 };
        assert_eq!(report.body_bytes, body_bytes, "{name}");
        assert!(report.received_bytes > 100 * 100, "{name}");
        // One that has nothing more to do is not opened again.
        assert!(
            report.connections_opened <= connections,
            "{name}: {} connections",
            report.connections_opened
        );
        assert!(
            report.connections_opened + 8 >= connections,
            "{name}: {} connections",
            report.connections_opened
        );
        let of_workers: u64 = report.workers.iter().map(|worker| worker.latency.count).sum();
        assert_eq!((report.workers.len(), of_workers), (plan.workers, 100), "{name}");
    }
}

#[test]
fn what_is_asked_for_is_the_plan_s() {
    let asked_by = |plan: &Plan| {
        let asked = Asked::default();
        let there = Arc::clone(&asked);
        let application = move || {
            let asked = Arc::clone(&there);
            async move |request: Request<'_>| remember(&asked, request).await
        };
        assert_eq!(faults(&with_server(ServerOptions::default(), application, plan)), []);
        Arc::into_inner(asked).unwrap().into_inner().unwrap()
    };
    let in_turn = Paths::InTurn(["/a", "/b", "/c"].map(str::to_owned).into());
    let asked = asked_by(&Plan { paths: in_turn, extent: Extent::Requests(7), pipeline: 2, ..plan() });
    assert_eq!(asked, ["/a", "/b", "/c", "/a", "/b", "/c", "/a"]);

    let zipf = Plan { paths: Paths::zipf("/f-{}.bin", 50, 1.0).unwrap(), ..plan() };
    let asked = asked_by(&zipf);
    assert_eq!(asked, asked_by(&zipf));
    assert_ne!(asked, asked_by(&Plan { seed: 2, ..zipf }));
    assert!(asked.iter().filter(|path| *path == "/f-0.bin").count() > 10, "{asked:?}");
}

#[test]
fn connections_are_the_rate_times_the_mean_latency() {
    let steady = |plan: Plan| Plan { extent: Extent::Duration(2 * SECOND), warm_up: SECOND / 4, ..plan };
    let many = || Plan { connections: 8, ..plan() };
    for plan in [
        steady(plan()),
        steady(many()),
        steady(Plan { workers: 2, ..many() }),
        steady(Plan { pace: closed(SECOND / 100), ..many() }),
    ] {
        let report = with_server(ServerOptions::default(), || async |_: Request<'_>| BODY, &plan);
        let Pace::Closed { think_time } = plan.pace else { panic!("it is closed") };
        let under_way = report.concurrency + report.requests_per_second * think_time.as_secs_f64();
        let ratio = under_way / plan.connections as f64;
        // What is under way at an edge of the time that is measured is counted as a whole or not at all.
        let edges = report.latency.max_us / 1e6 / report.seconds;
        assert!((ratio - 1.0).abs() < 0.01 + edges && edges < 0.1, "{ratio} of {plan:?}: {report:?}");
        assert!((report.seconds - 2.0).abs() < 1e-9 && report.requests > 20, "{report:?}");
        assert!(report.answers > report.requests, "there was a warm-up: {report:?}");
    }
}

#[test]
fn a_server_that_ends_its_connections_in_good_order_is_asked_again_on_new_ones() {
    // Of sixteen in one send it answers seven and says that it ends.
    let options = ServerOptions { requests_max: NonZero::new(7), ..ServerOptions::default() };
    for pace in [closed(Duration::ZERO), open(200.0)] {
        let plan = Plan { pace, pipeline: 16, connections: 2, ..plan() };
        let report = with_server(options.clone(), || async |_: Request<'_>| BODY, &plan);
        assert_eq!((report.requests, faults(&report)), (100, vec![]), "{report:?}");
        assert!(report.connections_opened >= 15, "{report:?}");
    }
    // An idle connection is closed while the client thinks.
    let timeouts = Timeouts { idle: SECOND, ..Timeouts::default() };
    let options = ServerOptions { timeouts, ..ServerOptions::default() };
    for pace in [closed(5 * SECOND), open(0.2)] {
        let plan = Plan { pace, extent: Extent::Requests(10), ..plan() };
        let report = with_server(options.clone(), || async |_: Request<'_>| BODY, &plan);
        assert_eq!(
            (report.requests, report.connections_opened, &*report.verdicts),
            (10, 10, &[][..]),
            "{report:?}"
        );
    }
}

#[test]
fn a_status_that_was_not_expected_fails_the_run() {
    let application = || async |_: Request<'_>| Response::text(BODY).with_status(StatusCode::NOT_FOUND);
    let report = with_server(ServerOptions::default(), application, &plan());
    assert_eq!(faults(&report), [Verdict::UnexpectedStatus]);
    assert_eq!(report.statuses, BTreeMap::from([(404, 100)]));
    for expected in [vec![], vec![200, 404]] {
        let report = with_server(ServerOptions::default(), application, &Plan { expected, ..plan() });
        assert_eq!(faults(&report), []);
    }
}
