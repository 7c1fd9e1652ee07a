use std::ffi::CString;
use std::time::Duration;

use selvedge_runtime::{BlockClass, timer};

use super::super::locate::place;
use super::super::options::{FileOptions, SymlinkPolicy, TagSource};
use super::super::root::Root;
use super::*;
use crate::h1::date::format_date;
use crate::test_support::on_files;

async fn next_second(clock: &RefCell<Clock>) {
    let before = clock.borrow().unix_s();
    while clock.borrow().unix_s() == before {
        timer::sleep(Duration::from_millis(10)).await;
        clock.borrow_mut().advance(selvedge_runtime::now());
    }
}

async fn load(
    directory: &std::path::Path,
    name: &[u8],
    shares: &Rc<Shares>,
    clock: &RefCell<Clock>,
) -> Rc<Entry> {
    let root = Root::open(directory).unwrap();
    let location = CString::new(name).unwrap();
    let (place, _) =
        place(root.directory(), SymlinkPolicy::Inside, &location).await.unwrap().expect("it was written");
    let description = Description {
        location: location.into(),
        content_type: "text/plain",
        content_coding: None,
        tags: TagSource::Time,
        tag_suffix: String::new(),
        fields: FixedFields::NONE,
        page_fields: FixedFields::NONE,
        fallback_fields: FixedFields::NONE,
    };
    let loading = Loading { shares, clock, demand: Demand::Usual };
    Entry::load(&place, description, None, &loading).await.unwrap().0
}

fn shares(small: usize, medium: usize, large: usize) -> Rc<Shares> {
    Shares::new(&FileOptions {
        ready_small_max: small,
        ready_medium_max: medium,
        ready_large_max: large,
        ..FileOptions::new("/")
    })
}

#[test]
fn a_block_in_flight_keeps_its_date_and_a_free_one_is_patched() {
    on_files(&[("a", 100)], async |directory| {
        let clock = RefCell::new(Clock::new());
        let entry = load(&directory, b"a", &shares(1, 1, 1), &clock).await;
        let in_flight = entry.prepared(&clock).unwrap();
        let before = in_flight.block.to_vec();

        next_second(&clock).await;
        let copy = entry.prepared(&clock).unwrap();
        assert_eq!(*in_flight.block, *before);
        assert_ne!(copy.block.as_ptr(), in_flight.block.as_ptr());
        let differ: Vec<usize> = (0..before.len()).filter(|&at| copy.block[at] != before[at]).collect();
        let Content::Ready(ready) = &entry.content else { panic!("it is small") };
        let date_start = ready.borrow().as_ref().unwrap().date_start;
        assert!(
            !differ.is_empty() && differ.iter().all(|at| (date_start..date_start + DATE_LEN).contains(at))
        );

        let place = copy.block.as_ptr();
        drop((in_flight, copy));
        next_second(&clock).await;
        let patched = entry.prepared(&clock).unwrap();
        assert_eq!(patched.block.as_ptr(), place);
        let date = format_date(clock.borrow().unix_s());
        assert_eq!(patched.block[date_start..date_start + DATE_LEN], date);
    });
}

#[test]
fn without_a_share_a_small_file_is_streamed_until_there_is_one() {
    on_files(&[("a", 100), ("b", 100)], async |directory| {
        let clock = RefCell::new(Clock::new());
        let shares = shares(1, 0, 0);
        let first = load(&directory, b"a", &shares, &clock).await;
        assert!(first.holds(Scarce::Block(BlockClass::Small)));
        let second = load(&directory, b"b", &shares, &clock).await;
        let unix_s = clock.borrow().unix_s();
        assert!(second.holds(Scarce::Descriptor));
        assert!(!second.is_makeshift(&shares, second.take_demand(), unix_s), "there is none");
        assert!(second.is_makeshift(&shares, Demand::High, unix_s), "there may be one that rests");
        drop(first);
        let second = load(&directory, b"b", &shares, &clock).await;
        assert!(
            second.holds(Scarce::Block(BlockClass::Small))
                && !second.is_makeshift(&shares, Demand::High, unix_s)
        );
    });
}

#[test]
fn a_block_goes_to_what_is_asked_for_much_once_nobody_asks_for_its_own() {
    on_files(&[("a", 100), ("b", 100)], async |directory| {
        let clock = RefCell::new(Clock::new());
        let shares = shares(1, 1, 1);
        let small = BlockClass::Small;
        let first = load(&directory, b"a", &shares, &clock).await;
        let loaded_at = clock.borrow().unix_s();
        for (demand, unix_s, is_had) in [
            (Demand::High, loaded_at + 1, false),
            // Within the second in which there was none it is not looked for again.
            (Demand::Usual, loaded_at + 2, false),
            (Demand::High, loaded_at + 2, true),
        ] {
            assert_eq!(shares.block(small, demand, unix_s).is_some(), is_had, "{demand:?} at {unix_s}");
        }
        assert!(first.has_given_up() && first.prepared(&clock).is_none());
    });
}

#[test]
fn a_file_for_which_no_medium_block_is_left_takes_a_large_one_that_is_free() {
    on_files(&[("a", 10_000), ("b", 20_480), ("c", 10_000), ("small", 100)], async |directory| {
        let clock = RefCell::new(Clock::new());
        let shares = shares(0, 1, 1);
        let (medium, large) = (Scarce::Block(BlockClass::Medium), Scarce::Block(BlockClass::Large));
        let first = load(&directory, b"a", &shares, &clock).await;
        let second = load(&directory, b"b", &shares, &clock).await;
        assert!(first.holds(medium) && second.holds(large));
        let third = load(&directory, b"c", &shares, &clock).await;
        let unix_s = clock.borrow().unix_s();
        assert!(third.holds(Scarce::Descriptor) && !third.is_makeshift(&shares, Demand::Usual, unix_s));
        let small = load(&directory, b"small", &shares, &clock).await;
        assert!(small.holds(Scarce::Descriptor), "small ones have their own only");
        drop(second);
        assert!(third.is_makeshift(&shares, Demand::Usual, unix_s), "a large one is free");
    });
}

#[test]
fn a_medium_answer_in_a_large_block_is_copied_into_a_large_one() {
    on_files(&[("a", 10_000)], async |directory| {
        let clock = RefCell::new(Clock::new());
        let entry = load(&directory, b"a", &shares(0, 0, 1), &clock).await;
        // No medium block is left for a copy.
        let held: Vec<_> = std::iter::from_fn(|| BufferPool::lease(BlockClass::Medium)).collect();
        let in_flight = entry.prepared(&clock).unwrap();
        next_second(&clock).await;
        let copy = entry.prepared(&clock).unwrap();
        assert_ne!(copy.block.as_ptr(), in_flight.block.as_ptr());
        assert!(!held.is_empty() && copy.block.len() == in_flight.block.len());
    });
}

#[test]
fn a_large_answer_keeps_its_block_where_a_medium_one_is_asked_for_much() {
    on_files(&[("large", 60_000)], async |directory| {
        let clock = RefCell::new(Clock::new());
        let shares = shares(0, 0, 1);
        let large = load(&directory, b"large", &shares, &clock).await;
        let later = clock.borrow().unix_s() + 5;
        assert!(large.is_at_rest(later));
        let had = |(class, demand)| shares.block(class, demand, later).is_some();
        assert!(!classes_for(10_000, Demand::High).any(had) && !large.has_given_up());
        assert!(classes_for(60_000, Demand::High).any(had) && large.has_given_up());
    });
}

#[test]
fn a_descriptor_is_taken_from_who_does_not_use_it_and_spared_while_it_is_used() {
    on_files(&[("a", 100), ("b", 100), ("c", 100), ("d", 100)], async |directory| {
        let clock = RefCell::new(Clock::new());
        let options = FileOptions { ready_small_max: 0, descriptors_max: 2, ..FileOptions::new("/") };
        let shares = Shares::new(&options);
        let first = load(&directory, b"a", &shares, &clock).await;
        let second = load(&directory, b"b", &shares, &clock).await;
        timer::sleep(Duration::from_millis(2)).await;
        drop(first.open_file());
        let third = load(&directory, b"c", &shares, &clock).await;
        let open = |entries: [&Rc<Entry>; 3]| entries.map(|entry| entry.is_open());
        assert_eq!(open([&first, &second, &third]), [true, false, true], "the second was not used again");
        let sending = [&first, &third].map(|entry| entry.open_file());
        let fourth = load(&directory, b"d", &shares, &clock).await;
        assert!(!fourth.is_open(), "both are sent from");
        drop(sending);
        // In another turn: in one turn they are looked for once.
        timer::sleep(Duration::from_millis(2)).await;
        assert!(load(&directory, b"d", &shares, &clock).await.is_open());
    });
}

#[test]
fn a_file_that_is_closed_and_opened_again_and_again_stands_in_line_once() {
    on_files(&[("a", 100), ("b", 100), ("c", 100)], async |directory| {
        let clock = RefCell::new(Clock::new());
        let options = FileOptions { ready_small_max: 0, descriptors_max: 2, ..FileOptions::new("/") };
        let shares = Shares::new(&options);
        let first = load(&directory, b"a", &shares, &clock).await;
        let second = load(&directory, b"b", &shares, &clock).await;
        let root = Root::open(&directory).unwrap();
        for _ in 0..100 {
            first.close();
            let (place, _) = place(root.directory(), SymlinkPolicy::Inside, c"a").await.unwrap().unwrap();
            assert!(first.keep_open(selvedge_runtime::fs::reopen(&place).unwrap(), &shares).is_some());
        }
        assert_eq!(shares.in_line(Scarce::Descriptor), 2);
        timer::sleep(Duration::from_millis(2)).await;
        drop(first.open_file());
        let third = load(&directory, b"c", &shares, &clock).await;
        assert!(first.is_open() && !second.is_open() && third.is_open(), "the first was used since");
    });
}

#[test]
fn a_block_that_is_asked_for_in_parts_or_with_another_head_is_not_at_rest() {
    on_files(&[("a", 100)], async |directory| {
        let clock = RefCell::new(Clock::new());
        let entry = load(&directory, b"a", &shares(1, 1, 1), &clock).await;
        let later = clock.borrow().unix_s() + 5;
        assert!(entry.is_at_rest(later));
        assert!(matches!(entry.body(&DerivedStore::default(), later), EntryBody::Block(..)));
        assert_eq!(
            [later, later + 1, later + 2].map(|unix_s| entry.is_at_rest(unix_s)),
            [false, false, true]
        );
    });
}
