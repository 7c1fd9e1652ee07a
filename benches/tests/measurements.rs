//! What commands that measure promise whoever runs them. In: command lines. Out: wrong ones are refused before anything is measured, and
//! after an interruption neither a process nor a file is left.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test is an ordinary program")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

fn command(arguments: &[&str], temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_selvedge-benches"));
    command.args(arguments).env("TMPDIR", temporary).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::piped());
    command
}

#[test]
fn what_cannot_be_measured_is_refused_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let not_json = folder.path().join("other.json");
    fs::write(&not_json, "{}").unwrap();
    let page = folder.path().join("page.md");
    fs::write(&page, "# No place for figures\n").unwrap();
    let page = page.to_str().unwrap();
    let temporary = folder.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    for (arguments, told) in [
        (&["compare", "--workloads", "huge"][..], "choose among small, small-at-rate, many"),
        (&["compare", "--rounds", "0"], "--rounds 0"),
        (&["compare", "--rounds", "1001"], "at most 1000"),
        (&["compare", "--seconds", "0"], "--seconds 0"),
        (&["compare", "--workers", "1000000"], "as many as there are CPUs"),
        (&["compare", "--idle-connections", "1000"], "at least 2000"),
        (&["compare", "--json", "/no/such/folder/goals.json"], "cannot write /no/such/folder/goals.json"),
        (&["compare", "--plot", "/"], "it is a directory"),
        (&["compare", "--page", page], "it needs a line that begins with '<!-- figures: written by"),
        (&["compare", "--readme", page], "it needs a line that begins with '<!-- measured: begin"),
        (&["goals", "goals.json", "--page", "no-such-page.md"], "no page no-such-page.md"),
        (&["compare", "--servers", "warp"], "name its folder by --hello"),
        (&["compare", "--peer", "nginx"], "it is NAME=PATH"),
        (&["compare", "--peer", "apache=/bin/true"], "choose among nginx, lighttpd"),
        (&["compare", "--peer", "nginx=/no/such/nginx"], "there is no /no/such/nginx"),
        (
            &["compare", "--servers", "ceiling", "--workloads", "site"],
            "none of these servers takes part in site",
        ),
        (&["goals", not_json.to_str().unwrap()], "measure again"),
        (&["experiments", "--pages", "/no/such/folder"], "name the folder by --pages"),
        (&["experiments", "--rounds", "0"], "nothing would be measured"),
        (&["experiments", "--workers", "0"], "from 1 to as many as there are CPUs"),
        (&["growth", "--pages", "/no/such/folder"], "name the folder by --pages"),
        (&["growth", "--seconds", "0"], "nothing would be measured"),
        (&["attack", "churn", "--attackers", "0"], "ask for one at least"),
        (&["attack", "churn", "--rounds", "0"], "nothing would be measured"),
        (&["attack", "churn", "--rate", "0"], "would ask for nothing"),
        (&["attack", "requests", "--count", "0"], "nothing would be sent"),
        (&["attack", "requests", "--first", "18446744073709551615"], "begin with a lower one"),
        (&["simulate", "--seeds", "5..5"], "no seeds in 5..5"),
        (&["simulate", "--clients", "0"], "--clients 0: nothing would be asked"),
        (&["simulate", "--requests", "0"], "--requests 0: nothing would be asked"),
        (&["simulate", "--threads", "0"], "--threads 0: nothing would be asked"),
        (&["fairness", "--rounds", "0"], "nothing would be measured"),
        (&["fairness", "--depth", "0"], "would ask for nothing"),
        (&["load-check", "--factor", "0.5"], "it is 1 or above"),
        (&["soak", "--minutes", "inf"], "at most 10080"),
        (&["ceiling", "--reuseport-workers", "0"], "nobody would answer"),
        (&["experiments", "hand-off", "--connections", "0"], "nothing would be measured"),
        (&["experiments", "hand-off", "--burst", "1001"], "between 1 and 1000"),
        (&["growth", "sizes"], "possible values: connections, workers, files"),
        (&["scale", "--depth", "65"], "1..=64"),
        (&["scale", "--output", "/dev/null/scale"], "name another folder by --output"),
        (
            &["shared-lines", "/no/such/file", "--symbols", "x", "--requests", "1"],
            "cannot read /no/such/file",
        ),
    ] {
        let output = command(arguments, &temporary).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(told), "{arguments:?}: {said}");
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "{arguments:?} leaves files");
    }
}

#[test]
fn a_quick_curve_fills_its_place_on_the_page_and_no_other() {
    let pages = tempfile::tempdir().unwrap();
    let place = |name| {
        format!("<!-- figures: written by `selvedge-benches growth {name}` -->\n<!-- end of figures -->\n")
    };
    let page = pages.path().join("growth.md");
    fs::write(&page, format!("{}\n{}", place("connections"), place("files"))).unwrap();
    fs::create_dir(pages.path().join("growth")).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    // The server itself is not there for this crate's tests: the ceiling is measured, and nginx where it is installed.
    let options = ["--quick", "--selvedge", "/bin/true", "--pages", pages.path().to_str().unwrap()];
    let output =
        command(&[&["growth", "connections"], &options[..]].concat(), temporary.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("| ceiling | 1 | ") && page.contains("| ceiling | 4 | "), "{page}{said}");
    assert!(page.ends_with(&place("files")), "{page}");
    let plot = fs::read_to_string(pages.path().join("growth/connections.svg")).unwrap();
    assert!(plot.contains(">ceiling<"), "{plot}");
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "files are left");
}

#[test]
fn an_interrupted_comparison_leaves_nothing() {
    let arguments = ["compare", "--servers", "ceiling", "--workloads", "small", "--seconds", "60"];
    // timeout(1) sends its signal twice, and a terminal that is closed does, too.
    for signals in [&[Signal::INT][..], &[Signal::TERM; 2], &[Signal::HUP; 2]] {
        if signals.contains(&Signal::HUP) && is_hangup_ignored() {
            return eprintln!("SKIPPED: under nohup(1), so that a hangup is to change nothing");
        }
        interrupt_under_load(&arguments, signals);
    }
}

fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 << (Signal::HUP.as_raw() - 1) != 0
}

#[test]
fn an_interrupted_count_of_system_calls_leaves_nothing() {
    let pages = tempfile::tempdir().unwrap();
    let page = "<!-- figures: written by `selvedge-benches experiments` -->\n<!-- end of figures -->\n";
    fs::write(pages.path().join("system-calls.md"), page).unwrap();
    // The server itself is not there for this crate's tests: another one is measured.
    let options = ["--selvedge", "/bin/true", "--seconds", "60", "--pages", pages.path().to_str().unwrap()];
    interrupt_under_load(&[&["experiments", "system-calls"], &options[..]].concat(), &[Signal::INT]);
}

/// Interrupts a command by `signals` once its client runs, and looks for what is left.
fn interrupt_under_load(arguments: &[&str], signals: &[Signal]) {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Ended(command(arguments, folder.path()).spawn().unwrap());
    // Not perf, which has the same in its command line, and not `wrk -v`.
    let is_client = |line: &String| {
        let program = line.split('\0').next().unwrap_or_default();
        program.ends_with("wrk") && line.contains("http://127.0.0.1:")
    };
    while !processes(folder.path()).iter().any(is_client) {
        if running.0.try_wait().unwrap().is_some() {
            let said = said(&mut running.0);
            assert!(said.contains("apt install"), "{said}");
            return eprintln!("SKIPPED: {said}");
        }
        pause();
    }
    for &signal in signals {
        kill_process(Pid::from_child(&running.0), signal).unwrap();
    }
    let status = running.0.wait().unwrap();
    // Who was killed may need a moment; who was not has most of its minute before it.
    (0..2_000).take_while(|_| !processes(folder.path()).is_empty()).for_each(|_| pause());
    assert_eq!(processes(folder.path()), [""; 0], "processes are left");
    let said = said(&mut running.0);
    assert!(!status.success() && said.contains("interrupted"), "{status}: {said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "files are left");
}

fn pause() {
    thread::sleep(Duration::from_millis(5));
}

/// The command lines of all processes whose temporary files are in `folder`: the command, and what it has started. A NUL ends each
/// argument.
fn processes(folder: &Path) -> Vec<String> {
    let variable = format!("TMPDIR={}\0", folder.display()).into_bytes();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let own = entries.filter(|entry| {
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.windows(variable.len()).any(|octets| octets == variable)
    });
    let line = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
    own.map(line).collect()
}

fn said(child: &mut Child) -> String {
    std::io::read_to_string(child.stderr.take().unwrap()).unwrap()
}

/// Ends a command in any case.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It has mostly ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
