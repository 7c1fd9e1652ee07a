//! What a budget of memory counts: its own work, in parts, and that of the tasks which are spawned in it.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use selvedge_runtime::{
    AllocationBudget, CountingAllocator, allocator_calls_of_thread, block_on, blocking, counts_allocations,
    spawn, spawn_detached, yield_now,
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator(std::alloc::System);

const KIB: usize = 1_024;

/// Asks for so many bytes and gives them back.
fn ask_for(bytes: usize) {
    drop(black_box(vec![1_u8; bytes]));
}

#[test]
fn what_is_asked_for_in_charged_parts_counts_and_nothing_else() {
    assert!(counts_allocations());
    let budget = AllocationBudget::new(100);
    ask_for(KIB);
    budget.charge(|| ask_for(60));
    ask_for(KIB);
    assert_eq!((budget.spent_bytes(), budget.is_exceeded()), (60, false));
    budget.charge(|| ask_for(40));
    assert!(!budget.is_exceeded(), "as many as there may be are not more");
    budget.charge(|| ask_for(1));
    assert!(budget.is_exceeded());
}

#[test]
fn what_grows_in_place_counts_what_is_added() {
    let budget = AllocationBudget::new(u64::MAX);
    budget.charge(|| {
        let mut grown: Vec<u8> = Vec::with_capacity(KIB);
        grown.reserve_exact(4 * KIB);
        black_box(grown).shrink_to(KIB);
    });
    assert_eq!(budget.spent_bytes(), 4 * KIB as u64);
}

#[test]
fn parts_within_parts_are_charged_once_to_each_budget() {
    let (whole, part) = (AllocationBudget::new(u64::MAX), AllocationBudget::new(u64::MAX));
    whole.charge(|| {
        ask_for(1);
        part.charge(|| {
            ask_for(10);
            whole.charge(|| ask_for(100));
        });
        whole.charge(|| ask_for(1_000));
    });
    assert_eq!((whole.spent_bytes(), part.spent_bytes()), (1_111, 110));
    whole.charge(|| ask_for(10_000));
    assert_eq!(whole.spent_bytes(), 11_111);
}

#[test]
fn it_is_only_lowered() {
    let budget = AllocationBudget::new(100);
    budget.charge(|| ask_for(50));
    budget.lower(200);
    assert!(!budget.is_exceeded());
    budget.lower(49);
    budget.lower(100);
    assert!(budget.is_exceeded());
}

#[test]
fn a_part_that_panics_is_charged_and_what_comes_after_it_is_not() {
    block_on(|| async {
        let budget = AllocationBudget::new(KIB as u64);
        let panics = || budget.charge(|| -> () { panic!("{:?}", black_box(vec![1_u8; KIB + 1]).len()) });
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert!(budget.is_exceeded());
        let spent = budget.spent_bytes();
        spawn("somebody else's", async { ask_for(KIB) }).await.unwrap();
        assert_eq!(budget.spent_bytes(), spent);
    });
}

#[test]
fn tasks_spawned_in_it_and_their_tasks_are_charged_in_all_their_polls() {
    block_on(|| async {
        let budget = AllocationBudget::new(u64::MAX);
        let task = budget.charge(|| {
            spawn("child", async {
                ask_for(KIB);
                yield_now().await;
                ask_for(KIB);
                spawn("grandchild", async { ask_for(KIB) }).await.unwrap();
            })
        });
        let before = budget.spent_bytes();
        task.await.unwrap();
        // And some hundreds for the tasks themselves.
        let spent = budget.spent_bytes() - before;
        assert!((3 * KIB as u64..4 * KIB as u64).contains(&spent), "{spent}");
    });
}

#[test]
fn work_within_other_work_is_charged_to_both_and_its_tasks_to_the_inner_one() {
    block_on(|| async {
        let (outer, inner) = (AllocationBudget::new(u64::MAX), AllocationBudget::new(u64::MAX));
        let (of_inner, of_outer) = outer.charge(|| {
            ask_for(10);
            let of_inner = inner.charge(|| {
                ask_for(20);
                spawn("of the inner work", async { ask_for(KIB) })
            });
            (of_inner, spawn("of the outer work", async { ask_for(4 * KIB) }))
        });
        let (outer_before, inner_before) = (outer.spent_bytes(), inner.spent_bytes());
        assert!(inner_before >= 20 && outer_before >= inner_before + 10, "{outer_before}, {inner_before}");
        of_inner.await.unwrap();
        of_outer.await.unwrap();
        // And less than that for what ends a task.
        let spent = (outer.spent_bytes() - outer_before, inner.spent_bytes() - inner_before);
        let kib = |count: u64| count * KIB as u64..(count + 1) * KIB as u64;
        assert!(kib(4).contains(&spent.0) && kib(1).contains(&spent.1), "{spent:?}");
    });
}

#[test]
fn what_a_helper_s_thread_asks_for_is_not_charged() {
    block_on(|| async {
        let budget = AllocationBudget::new(u64::MAX);
        let task =
            budget.charge(|| spawn("asks a helper", async { blocking(|| ask_for(64 * KIB)).await.unwrap() }));
        task.await.unwrap();
        assert!(budget.spent_bytes() < 64 * KIB as u64);
    });
}

#[test]
fn who_waits_is_woken_by_the_task_that_asks_for_too_much() {
    block_on(|| async {
        let budget = AllocationBudget::new(16 * KIB as u64);
        let rounds = Rc::new(Cell::new(0));
        let there = Rc::clone(&rounds);
        budget.charge(|| {
            spawn_detached("asks on and on", async move {
                loop {
                    ask_for(KIB);
                    there.set(there.get() + 1);
                    yield_now().await;
                }
            });
        });
        poll_fn(|context| budget.poll_exceeded(context)).await;
        assert!((10..=17).contains(&rounds.get()), "{}", rounds.get());
    });
}

#[test]
fn one_that_is_used_again_begins_anew_and_costs_no_allocation() {
    block_on(|| async {
        let mut budget = AllocationBudget::new(10);
        budget.charge(|| ask_for(11));
        let calls = allocator_calls_of_thread();
        budget.renew(20);
        assert_eq!(allocator_calls_of_thread(), calls);
        assert_eq!((budget.spent_bytes(), budget.is_exceeded()), (0, false));
        // With a task that is charged to it still, the next is another.
        let task = budget.charge(|| spawn("stays", pending::<()>()));
        budget.renew(30);
        assert_eq!(budget.spent_bytes(), 0);
        task.abort();
    });
}
