use super::*;

#[test]
fn a_process_named_like_the_format_is_read() {
    let text =
        "7 (a) S (b 9) R 1 7 7 0 -1 4194304 94 0 0 0 30 12 5 6 20 0 1 0 4711 3891200 94 1844 1 1 0 0 0 0 0";
    assert_eq!(parse_stat(text), Some(Stat { parent: 1, cpu_ticks: 42, start_ticks: 4711 }));
    assert_eq!(parse_stat("7 (cut"), None);
}

#[test]
fn a_tree_holds_grandchildren_and_no_strangers() {
    let parents = BTreeMap::from([(2, 1), (30, 2), (4, 30), (5, 1), (6, 5)]);
    assert_eq!(descendants(2, &parents), BTreeSet::from([2, 4, 30]));
}

#[test]
fn time_of_new_threads_counts_from_zero() {
    let process =
        |ticks, threads: &[(i32, u64)]| ProcessTime { ticks, threads_ns: threads.iter().copied().collect() };
    let before = CpuTime { processes: BTreeMap::from([(1, process(1, &[(1, 5_000), (2, 7_000)]))]) };
    let after = CpuTime {
        processes: BTreeMap::from([
            (1, process(2, &[(1, 6_000), (2, 9_000), (3, 2_000)])),
            (4, process(0, &[(4, 3_000)])),
        ]),
    };
    assert!((after.since_us(&before) - 8.0).abs() < 1e-9);
}

#[test]
fn the_busiest_thread_is_found_in_all_processes() {
    let process =
        |threads: &[(i32, u64)]| ProcessTime { ticks: 0, threads_ns: threads.iter().copied().collect() };
    let before = CpuTime { processes: BTreeMap::from([(1, process(&[(1, 5_000), (2, 90_000)]))]) };
    let after = CpuTime {
        processes: BTreeMap::from([(1, process(&[(1, 6_000), (2, 91_000)])), (3, process(&[(3, 6_000)]))]),
    };
    assert!((after.share_of_the_busiest_since(&before) - 0.75).abs() < 1e-9);
    assert!((after.share_of_the_busiest_since(&after)).abs() < 1e-9, "nobody was busy");
}

#[test]
fn a_process_that_lost_a_thread_is_counted_by_ticks() {
    let process =
        |ticks, threads: &[(i32, u64)]| ProcessTime { ticks, threads_ns: threads.iter().copied().collect() };
    let before = CpuTime { processes: BTreeMap::from([(1, process(10, &[(1, 5), (2, 9_000_000)]))]) };
    let after = CpuTime { processes: BTreeMap::from([(1, process(13, &[(1, 6)]))]) };
    assert!((after.since_us(&before) - 3e6 / ticks_per_second()).abs() < 1e-6);
}

#[test]
fn memory_is_read_in_bytes() {
    let text = "00400000-7ffd ---p 00000000 00:00 0  [rollup]\nRss:    1684 kB\nPss_Anon: 3 kB\nAnonymous:   104 kB\n";
    assert_eq!(parse_smaps_rollup(text), Memory { rss_bytes: 1684 * 1024, anonymous_bytes: 104 * 1024 });
}

#[test]
fn only_the_named_cpus_count_and_idling_does_not() {
    let text = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 4 800 900 8 16 32 0 0\ncpu1 7 7 7 7 7 7 7 7 0 0\nintr 5\n";
    assert_eq!(parse_cpu_ticks(text, &BTreeSet::from([0])), CpuTicks { busy: 31, stolen: 32 });
}

#[test]
fn this_process_uses_cpu_time() {
    let own = i32::try_from(std::process::id()).unwrap();
    let before = CpuTime::read(own).unwrap();
    let end = std::time::Instant::now() + std::time::Duration::from_millis(80);
    while std::time::Instant::now() < end {
        std::hint::spin_loop();
    }
    assert!(CpuTime::read(own).unwrap().since_us(&before) > 0.0);
    assert!(Memory::read(own).unwrap().rss_bytes > 0);
}

#[test]
fn octets_from_the_disk_are_told_from_octets_read() {
    let io = "rchar: 9000\nwchar: 1\nsyscr: 2\nsyscw: 3\nread_bytes: 4096\nwrite_bytes: 0\ncancelled_write_bytes: 0\n";
    assert_eq!(parse_io(io), 4096);
    assert_eq!(parse_io(""), 0);
}
