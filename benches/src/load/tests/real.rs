//! The same on the real kernel.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
use selvedge_http::{Request, Server};

use super::super::generate;
use super::super::plan::{Closing, Extent, Pace, Plan, Reuse};
use super::super::report::Report;
use super::super::verdict::Verdict;
use super::plan_for;

/// More than one receive buffer holds.
const BODY: &str = include_str!("../schedule.rs");

#[test]
fn a_real_server_s_answers_are_as_many_as_were_asked_for() {
    let server = Server::ephemeral(|_| async |_: Request<'_>| BODY).unwrap();
    let plan = || Plan { connections: 8, extent: Extent::Requests(2_000), ..plan_for(&server.url()) };
    let per_request = Reuse::Requests { count: 1, closing: Closing::Server };
    let open = Pace::Open { requests_per_second: 20_000.0, at_once: 1, backlog_max: 1_000_000 };
    for plan in [
        plan(),
        Plan { workers: 2, pipeline: 16, ..plan() },
        Plan { reuse: per_request, ..plan() },
        Plan { pace: open, workers: 2, ..plan() },
    ] {
        let report = generate(&plan).unwrap();
        assert_eq!(report.statuses, BTreeMap::from([(200, 2_000)]), "{report:?}");
        assert_eq!((report.requests, report.latency.count), (2_000, 2_000), "{report:?}");
        assert_eq!(report.body_bytes, 2_000 * BODY.len() as u64, "{report:?}");
        assert!(report.failures.is_empty(), "{report:?}");
        assert!(report.cpu_seconds > 0.0 && report.latency.mean_us > 0.0, "{report:?}");
    }
}

#[test]
fn a_server_s_processor_time_is_read_where_it_is_named() {
    let server = Server::ephemeral(|_| async |_: Request<'_>| BODY).unwrap();
    let extent = Extent::Duration(Duration::from_millis(200));
    // Generator and server are one process here.
    let server_pid = i32::try_from(std::process::id()).ok();
    let open = Pace::Open { requests_per_second: 1_000.0, at_once: 100, backlog_max: 1_000 };
    for pace in [plan_for(&server.url()).pace, open] {
        let report = generate(&Plan { extent, server_pid, pace, ..plan_for(&server.url()) }).unwrap();
        assert!(report.server_cpu_seconds.is_some_and(|seconds| seconds > 0.0), "{report:?}");
    }
}

#[test]
fn a_port_where_nobody_listens_is_told() {
    // Bound, so that nobody else gets it meanwhile.
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = SocketAddr::try_from(getsockname(&socket).unwrap()).unwrap();
    let report = generate(&Plan { connections: 2, ..plan_for(&format!("http://{address}/")) }).unwrap();
    assert_eq!((report.requests, report.connections_given_up), (0, 2), "{report:?}");
    assert!(report.verdicts.contains(&Verdict::ConnectionsGivenUp), "{report:?}");
}

/// What reads the JSON relies on these names.
#[test]
fn the_json_has_its_members_and_is_read_again() {
    let server = Server::ephemeral(|_| async |_: Request<'_>| BODY).unwrap();
    let pace = Pace::Open { requests_per_second: 10_000.0, at_once: 1, backlog_max: 1_000_000 };
    let report = generate(&Plan { pace, ..plan_for(&server.url()) }).unwrap();
    let json = serde_json::to_value(&report).unwrap();
    let names =
        |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let expected = "address answers body_bytes concurrency connections connections_given_up connections_opened \
                    cpu_seconds failures latency pipeline received_bytes requests requests_per_second schedule seconds \
                    server_cpu_seconds statuses verdicts workers";
    assert_eq!(names(&json), expected);
    assert_eq!(names(&json["latency"]), "count max_us mean_us p50_us p90_us p999_us p99_us");
    assert_eq!(names(&json["schedule"]), "backlog due lateness moments requests_per_second unsent");
    assert_eq!(names(&json["workers"][0]), "cpu cpu_seconds cpu_share latency requests");
    assert_eq!(json["statuses"]["200"], 100);
    let again: Report = serde_json::from_str(&json.to_string()).unwrap();
    assert_eq!(again.requests, report.requests);
    assert_eq!(again.verdicts, report.verdicts);
}
