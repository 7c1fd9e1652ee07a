//! A log of lines from workers: whole, in order, counted where they are lost, and never in a worker's way.

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use selvedge_runtime::{LineLog, LineSink, LogTarget, block_on, timer};
use support::PATIENCE;
use support::directory::Directory;

fn start(path: &Path) -> LineLog {
    LineLog::start("test log", LogTarget::File(path.to_owned()), 1).expect("the target can be opened")
}

fn write(sink: &LineSink, number: u64) {
    sink.write(|line| line.extend_from_slice(format!("line {number} of a log, all of it\n").as_bytes()));
}

/// The numbers of the lines, each of which must be whole.
fn numbers(lines: impl Iterator<Item = String>) -> Vec<u64> {
    let number = |line: String| {
        let rest = line.strip_prefix("line ").and_then(|rest| rest.strip_suffix(" of a log, all of it"));
        rest.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{line:?} is not a whole line"))
    };
    lines.map(number).collect()
}

fn numbers_in(path: &Path) -> Vec<u64> {
    let file = File::open(path).expect("the log is there");
    numbers(BufReader::new(file).lines().map(|line| line.expect("a log is text")))
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what} did not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn make_fifo(path: &Path) {
    let status = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo is there");
    assert!(status.success());
}

/// So many fit a worker's buffers, however slowly they are written.
const FITTING: u64 = 5_000;

#[test]
fn all_lines_are_in_the_file_in_order_when_the_log_is_finished() {
    let directory = Directory::new("line-log");
    let path = directory.join("log");
    let log = start(&path);
    let there = log.clone();
    block_on(move || async move {
        let sink = there.sink();
        (0..FITTING).for_each(|number| write(&sink, number));
    });
    log.finish();
    assert_eq!(log.lines_lost(), 0);
    assert_eq!(numbers_in(&path), (0..FITTING).collect::<Vec<_>>());
}

#[test]
fn a_line_is_written_soon_though_no_other_follows() {
    let directory = Directory::new("line-log");
    let path = directory.join("log");
    let log = start(&path);
    let there = log.clone();
    let log_path = path.clone();
    block_on(move || async move {
        let sink = there.sink();
        // The second proves that the first's expiry does not use up the deadline.
        for number in 0..2 {
            write(&sink, number);
            while numbers_in(&log_path).len() as u64 <= number {
                timer::sleep(Duration::from_millis(10)).await;
            }
        }
    });
    log.finish();
    assert_eq!(numbers_in(&path), [0, 1]);
}

#[test]
fn a_pipe_that_nobody_reads_stops_no_worker_and_what_is_lost_is_counted() {
    let directory = Directory::new("line-log");
    let path = directory.join("pipe");
    make_fifo(&path);
    let log = start(&path);
    let there = log.clone();
    const LINES: u64 = 50_000;
    // It comes to its end: nothing in it waits for the pipe.
    block_on(move || async move {
        let sink = there.sink();
        (0..LINES).for_each(|number| write(&sink, number));
    });
    let lost = log.lines_lost();
    assert!(lost > 0, "the pipe and the buffers do not hold them all");
    let reader = File::open(&path).expect("a pipe can be read");
    let reading = std::thread::spawn(move || {
        let lines = BufReader::new(reader).lines().map(|line| line.expect("a log is text"));
        numbers(lines.take((LINES - lost) as usize))
    });
    log.finish();
    let read = reading.join().expect("all lines are whole");
    assert_eq!(log.lines_lost(), lost, "what was handed over is written");
    assert!(read.is_sorted());
}

#[test]
fn a_pipe_that_is_never_read_holds_up_the_end_for_two_seconds_at_most() {
    let directory = Directory::new("line-log");
    let path = directory.join("pipe");
    make_fifo(&path);
    let log = start(&path);
    let there = log.clone();
    block_on(move || async move {
        let sink = there.sink();
        (0..50_000).for_each(|number| write(&sink, number));
    });
    log.finish();
    let mut options = OpenOptions::new();
    let reader = options.read(true).custom_flags(libc::O_NONBLOCK).open(&path).expect("a pipe can be read");
    let mut in_pipe = Vec::new();
    wait_until("the count of all lines", || {
        // Empty for now is an error, and no end.
        let _ = (&reader).read_to_end(&mut in_pipe);
        let lines = in_pipe.iter().filter(|&&byte| byte == b'\n').count() as u64;
        log.lines_lost() + lines == 50_000
    });
}

#[test]
fn on_a_full_disk_all_lines_are_lost_and_counted() {
    let log = start(Path::new("/dev/full"));
    let there = log.clone();
    block_on(move || async move {
        let sink = there.sink();
        (0..5_000).for_each(|number| write(&sink, number));
    });
    log.finish();
    assert_eq!(log.lines_lost(), 5_000);
}

#[test]
fn a_file_that_is_renamed_and_opened_again_loses_no_line() {
    let directory = Directory::new("line-log");
    let path = directory.join("log");
    let log = start(&path);
    let (there, steering) = (log.clone(), log.clone());
    let (old, current) = (directory.join("log.1"), path.clone());
    block_on(move || async move {
        let sink = there.sink();
        (0..FITTING / 2).for_each(|number| write(&sink, number));
        fs::rename(&current, &old).expect("the log is there");
        steering.reopen();
        while !current.exists() {
            timer::sleep(Duration::from_millis(1)).await;
        }
        (FITTING / 2..FITTING).for_each(|number| write(&sink, number));
    });
    log.finish();
    assert_eq!(log.lines_lost(), 0);
    let (before, after) = (numbers_in(&directory.join("log.1")), numbers_in(&path));
    assert!(!after.is_empty(), "the new file is in use");
    assert_eq!([before, after].concat(), (0..FITTING).collect::<Vec<_>>());
}

#[test]
fn a_log_that_is_finished_counts_what_comes_later_as_lost() {
    let directory = Directory::new("line-log");
    let path = directory.join("log");
    let log = start(&path);
    log.finish();
    let there = log.clone();
    block_on(move || async move { write(&there.sink(), 0) });
    assert_eq!((log.lines_lost(), numbers_in(&path).len()), (1, 0));
}

#[test]
fn a_target_that_cannot_be_opened_is_an_error_at_the_start() {
    let target = LogTarget::File("/no/such/directory/log".into());
    assert!(LineLog::start("test log", target, 1).is_err());
}
