//! What the path of a request promises: no call of the allocator.

use selvedge_http::{Request, Server};
use selvedge_runtime::{CountingAllocator, allocator_calls_of_thread, block_on};

use super::super::plan::{Extent, Pace, Plan};
use super::super::worker::{Start, work};
use super::plan_for;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator(std::alloc::System);

/// Calls that do not follow from the number of requests: the runtime's memory for the longest turn so far.
const CALLS_BESIDE: u64 = 100;

/// Calls of the allocator by a worker in a run of so many requests.
fn calls(plan: &Plan, requests: u64) -> u64 {
    let plan = Plan { extent: Extent::Requests(requests), ..plan.clone() };
    block_on(move || async move {
        let before = allocator_calls_of_thread();
        let done = work(0, plan, &Start::new(1)).await.unwrap();
        assert_eq!(done.tally.measured, requests);
        allocator_calls_of_thread() - before
    })
}

#[test]
fn further_requests_ask_the_allocator_for_nothing() {
    let server = Server::ephemeral(|_| async |_: Request<'_>| "hello").unwrap();
    let closed = Plan { connections: 8, ..plan_for(&server.url()) };
    let open = Pace::Open { requests_per_second: 20_000.0, at_once: 1, backlog_max: 1_000_000 };
    for plan in [closed.clone(), Plan { pipeline: 16, ..closed.clone() }, Plan { pace: open, ..closed }] {
        let (few, many) = (calls(&plan, 1_000), calls(&plan, 6_000));
        assert!(many < few + CALLS_BESIDE, "{few} and {many} calls: {plan:?}");
    }
}
