//! The command `simulate`. In: seeds and options. Out: the same run for the same seed, whatever the process.

use std::process::{Command, Output};

fn simulate(options: &[&str]) -> Output {
    let size = ["simulate", "--clients", "30", "--requests", "5"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_selvedge-benches"));
    command.args(size).args(options).output().expect("it was built")
}

#[test]
fn a_seed_is_the_same_run_in_every_process() {
    for seed in ["2", "3"] {
        let [one, other] = [simulate(&["--seeds", seed]), simulate(&["--seeds", seed])];
        assert!(one.status.success(), "{one:?}");
        let text = String::from_utf8_lossy(&one.stdout);
        assert!(text.contains(": trace "), "{text}");
        assert_eq!(text, String::from_utf8_lossy(&other.stdout));
    }
}

#[test]
fn seeds_side_by_side_are_the_same_runs() {
    let [alone, together] = ["1", "3"].map(|threads| simulate(&["--seeds", "0..6", "--threads", threads]));
    assert!(alone.status.success(), "{alone:?}");
    assert_eq!(String::from_utf8_lossy(&alone.stdout), String::from_utf8_lossy(&together.stdout));
}

#[test]
fn a_trace_is_of_one_seed() {
    let done = simulate(&["--seeds", "0..2", "--trace"]);
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success() && said.contains("`--seeds 0 --trace`"), "{said}");
}
