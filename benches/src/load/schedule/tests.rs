use std::time::Duration;

use super::*;
use crate::load::tests::plan_for;

const SECOND: Duration = Duration::from_secs(1);

fn plan(pace: Pace, extent: Extent, warm_up: Duration) -> Plan {
    Plan {
        pace,
        extent,
        warm_up,
        timeout: 10 * SECOND,
        workers: 2,
        connections: 4,
        ..plan_for("http://127.0.0.1:1/")
    }
}

fn at(milliseconds: u64) -> Moment {
    Moment::from_nanoseconds(7_000_000_000) + Duration::from_millis(milliseconds)
}

fn supplies(plan: &Plan) -> [Supply; 2] {
    [0, 1].map(|worker| Supply::new(plan, plan.share(worker), Window::new(plan, at(0))))
}

/// How many are to be had, and when they were due, in milliseconds since the start.
fn take(supply: &mut Supply, now: Moment, count_max: usize) -> (Taken, Vec<u64>) {
    let mut due = VecDeque::new();
    let taken = supply.take(now, count_max, &mut due);
    (taken, due.iter().map(|due| due.since(at(0)).as_millis() as u64).collect())
}

#[test]
fn a_closed_loop_gives_to_whoever_is_free_until_its_time_is_over() {
    let closed = Pace::Closed { think_time: Duration::ZERO };
    let [mut supply, _] = supplies(&plan(closed, Extent::Duration(SECOND), SECOND));
    assert_eq!(take(&mut supply, at(5), 3), (Taken::Some, vec![5; 3]));
    assert_eq!(take(&mut supply, at(1_999), 1), (Taken::Some, vec![1_999]));
    assert_eq!(take(&mut supply, at(2_000), 1), (Taken::Over, vec![]));
}

#[test]
fn a_closed_loop_of_so_many_requests_gives_as_many_behind_its_warm_up() {
    let closed = Pace::Closed { think_time: Duration::ZERO };
    let [mut first, mut second] = supplies(&plan(closed, Extent::Requests(5), SECOND));
    assert_eq!(take(&mut first, at(999), 100).0, Taken::Some);
    assert_eq!(take(&mut first, at(1_000), 2).1.len(), 2);
    let mut unanswered = VecDeque::from([at(999), at(1_000)]);
    first.give_back(&mut unanswered);
    assert!(unanswered.is_empty());
    assert_eq!(take(&mut first, at(1_001), 9).1.len(), 2);
    assert_eq!(take(&mut first, at(1_002), 9), (Taken::Over, vec![]));
    assert_eq!(take(&mut second, at(1_000), 9).1.len(), 2);
}

#[test]
fn an_open_loop_s_requests_are_due_at_fixed_times_whatever_happens() {
    let open = Pace::Open { requests_per_second: 100.0, at_once: 1, backlog_max: 8 };
    let [mut first, mut second] = supplies(&plan(open, Extent::Duration(SECOND), Duration::ZERO));
    assert_eq!(take(&mut first, at(0), 4), (Taken::Some, vec![0]));
    assert_eq!(take(&mut first, at(19), 4), (Taken::NotYet, vec![]));
    assert_eq!(take(&mut second, at(9), 4), (Taken::NotYet, vec![]));
    assert_eq!(take(&mut second, at(55), 2), (Taken::Some, vec![10, 30]));
    assert_eq!(take(&mut first, at(100), 9), (Taken::Some, vec![20, 40, 60, 80, 100]));
    // A server that said it ends has not looked at two.
    let mut unanswered = VecDeque::from([at(80), at(100)]);
    first.give_back(&mut unanswered);
    assert_eq!(take(&mut first, at(100), 9), (Taken::Some, vec![80, 100]));
    // The last of 100 is due at 990, whenever it is sent; but 10 s after the end nothing is sent any more.
    assert_eq!(take(&mut second, at(9_000), 100).1.last(), Some(&990));
    assert_eq!(take(&mut second, at(9_000), 100), (Taken::Over, vec![]));
    assert_eq!(take(&mut first, at(11_000), 100), (Taken::Over, vec![]));
    let Supply::Open(first) = first else { panic!("it is open") };
    assert_eq!(first.unsent, 44);
}

#[test]
fn an_open_loop_of_so_many_requests_has_them_behind_its_warm_up() {
    let open = Pace::Open { requests_per_second: 100.0, at_once: 1, backlog_max: 8 };
    for mut supply in supplies(&plan(open, Extent::Requests(10), SECOND)) {
        let due = take(&mut supply, at(100_000), 1_000).1;
        assert_eq!((due.len(), due.iter().filter(|&&due| due >= 1_000).count()), (55, 5));
        let Supply::Open(open) = supply else { panic!("it is open") };
        assert_eq!(open.measured, 5);
    }
}

#[test]
fn a_backlog_is_what_is_due_and_was_not_sent() {
    let open = Pace::Open { requests_per_second: 100.0, at_once: 1, backlog_max: 8 };
    let [Supply::Open(mut open), _] = supplies(&plan(open, Extent::Duration(SECOND), Duration::ZERO)) else {
        panic!("it is open")
    };
    assert_eq!((open.backlog(at(0)), open.backlog(at(19)), open.backlog(at(20))), (1, 1, 2));
    assert_eq!([0, 19, 20].map(|now| open.next_due(at(now))), [Some(at(20)), Some(at(20)), Some(at(40))]);
    assert_eq!(open.backlog_max, 4, "a worker's share of 8");
    assert_eq!(open.backlog(at(90_000)), 50);
    assert_eq!(open.next_due(at(979)), Some(at(980)));
    assert_eq!(open.next_due(at(980)), None);
    open.end(at(100));
    assert_eq!((open.backlog(at(90_000)), open.next_due(at(0)), open.unsent), (0, None, 6));
    assert_eq!(open.take(at(90_000), 1, &mut VecDeque::new()), Taken::Over);
}

#[test]
fn a_rate_that_is_no_whole_number_of_nanoseconds_does_not_drift() {
    let open = Pace::Open { requests_per_second: 7.0, at_once: 1, backlog_max: 1 << 40 };
    let plan = plan(open, Extent::Duration(10_000 * SECOND), Duration::ZERO);
    let due: u64 =
        supplies(&plan).iter_mut().map(|supply| take(supply, at(9_999_999), 1 << 20).1.len() as u64).sum();
    assert_eq!(due, 70_000);
}

#[test]
fn requests_at_once_come_as_many_times_as_rarely() {
    let open = Pace::Open { requests_per_second: 100.0, at_once: 4, backlog_max: 8 };
    let plan = plan(open, Extent::Duration(SECOND), Duration::from_millis(50));
    let [Supply::Open(mut first), Supply::Open(mut second)] = supplies(&plan) else {
        panic!("they are open")
    };
    let times = [
        (0, 4, Some(80)),
        (79, 4, Some(80)),
        (80, 8, Some(160)),
        (1_039, 52, Some(1_040)),
        (1_040, 56, None),
    ];
    for (now, backlog, next) in times {
        assert_eq!((first.backlog(at(now)), first.next_due(at(now))), (backlog, next.map(at)), "{now}");
    }
    // In the middle between the first one's: a burst of all workers would be longer than was asked for.
    assert_eq!((second.backlog(at(39)), second.next_due(at(39))), (0, Some(at(40))));
    assert_eq!((second.backlog(at(40)), second.next_due(at(40))), (4, Some(at(120))));
    // Of those of the warm-up's time none is measured, though the warm-up ends between two times.
    assert_eq!((first.measured, second.measured), (52, 48));
    let due = |open: &mut OpenLoop, now| {
        let mut due = VecDeque::new();
        open.take(at(now), 6, &mut due);
        due.iter().map(|due| due.since(at(0)).as_millis() as u64).collect::<Vec<_>>()
    };
    assert_eq!(due(&mut first, 79), [0; 4]);
    assert_eq!(due(&mut first, 160), [80, 80, 80, 80, 160, 160]);
    assert_eq!(due(&mut second, 120), [40, 40, 40, 40, 120, 120]);
}
