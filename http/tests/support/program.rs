//! A test's own program, run once more with one test alone: for what a process tells on standard error.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long a test waits for what must come; only a failure lasts this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Set in the programs that tests run.
const SERVES: &str = "SELVEDGE_TEST_SERVES";

/// Whether this process is such a program.
pub(crate) fn is_program() -> bool {
    std::env::var_os(SERVES).is_some()
}

/// This program with the test `name` alone, to which [`is_program`] says so.
pub(crate) struct Program {
    pub(crate) child: Child,
    told: mpsc::Receiver<String>,
}

impl Program {
    pub(crate) fn run(name: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("it has a path"))
            .args(["--exact", name, "--nocapture"])
            .env(SERVES, "yes")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { child, told }
    }

    /// What is between `beginning` and `end` in the first line from here on that has both.
    pub(crate) fn tells(&mut self, beginning: &str, end: &str) -> String {
        loop {
            let line = self.told.recv_timeout(PATIENCE).expect("it tells");
            let rest = line.split_once(beginning).map(|(_, rest)| rest);
            if let Some(said) = rest.and_then(|rest| rest.strip_suffix(end)) {
                return said.to_owned();
            }
        }
    }

    /// Tells it to stop.
    pub(crate) fn signal(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it runs");
    }

    pub(crate) fn stop(mut self) {
        self.signal();
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
