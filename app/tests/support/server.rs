//! The binary, running: found by its start line, stopped by signals, gone when it is dropped.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::PATIENCE;
use super::program::without_own_variables;

/// The binary under test.
pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_selvedge")
}

/// A server that has said where it listens.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Kept open, so that the server never finds it broken.
    _stdout: BufReader<ChildStdout>,
    stderr: Stderr,
    banner: String,
}

impl Server {
    /// Serves `root` on a free port of the loopback address, with two workers.
    pub fn start(root: impl AsRef<Path>) -> Self {
        Self::with(root, &[])
    }

    /// The same, with more options, or other ones for listeners and threads.
    pub fn with(root: impl AsRef<Path>, options: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.arg(root.as_ref()).args(options);
        if !options.contains(&"-l") {
            command.args(["-p", "0", "-a", "127.0.0.1"]);
        }
        if !options.contains(&"-j") {
            command.args(["-j", "2"]);
        }
        without_own_variables(&mut command);
        Self::of(command)
    }

    /// Whatever `command` starts, if it ends up as the server.
    pub fn of(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut stderr = Stderr::collect(&mut child);
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut banner = String::new();
        while !banner.starts_with("selvedge ") {
            banner.clear();
            if stdout.read_line(&mut banner).expect("the start line is text") == 0 {
                let status = child.wait().expect("the child can be waited for");
                panic!("{command:?} ended with {status} before it served: {}", stderr.all());
            }
        }
        Self { child, _stdout: stdout, stderr, banner }
    }

    /// The line it printed.
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// The first of its TCP addresses, as a client on this machine reaches it.
    pub fn address(&self) -> SocketAddr {
        *self.addresses().first().unwrap_or_else(|| panic!("an URL is in {:?}", self.banner))
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        let words = self.banner.split(' ').filter_map(|word| word.strip_prefix("http://"));
        let addresses = words.filter_map(|word| word.strip_suffix('/')?.parse::<SocketAddr>().ok());
        addresses
            .map(|address| match address.ip().is_unspecified() {
                true => (Ipv4Addr::LOCALHOST, address.port()).into(),
                false => address,
            })
            .collect()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the server runs");
    }

    /// Whether it has not ended.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("the child can be waited for").is_none()
    }

    /// What it has said on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Waits for its end, and for all it said.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = wait(&mut self.child);
        (status, self.stderr.all())
    }

    /// SIGTERM, and the end it should come to.
    pub fn stop(self) {
        self.signal(Signal::TERM);
        let (status, stderr) = self.wait();
        assert_eq!(status.code(), Some(0), "{stderr}");
    }

    /// Sockets it has open, and other descriptors (/proc/PID/fd).
    pub fn descriptors(&self) -> (usize, usize) {
        let path = format!("/proc/{}/fd", self.child.id());
        let links = std::fs::read_dir(path).expect("/proc is mounted").map(|entry| {
            // Closed meanwhile, it is none.
            entry.and_then(|entry| std::fs::read_link(entry.path())).unwrap_or_default()
        });
        let links: Vec<_> = links.filter(|link| !link.as_os_str().is_empty()).collect();
        let sockets =
            links.iter().filter(|link| link.as_os_str().as_encoded_bytes().starts_with(b"socket:")).count();
        (sockets, links.len() - sockets)
    }

    /// A size of its memory in KiB, by its name in /proc/PID/smaps_rollup.
    pub fn memory_kib(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/smaps_rollup", self.child.id());
        let text = std::fs::read_to_string(path).expect("/proc is mounted");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
        number.and_then(|number| number.trim().parse().ok()).unwrap_or_else(|| panic!("{name} is in {text}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server said: {}", self.stderr.so_far());
        }
    }
}

/// Runs the binary to its end: for starts that fail.
pub fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).stdin(Stdio::null());
    without_own_variables(&mut command);
    finish(&mut command)
}

/// Runs `command` to its end. A server that starts although it should not is ended.
pub fn finish(command: &mut Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stderr = Stderr::collect(&mut child);
    let mut pipe = child.stdout.take().expect("it is piped");
    let output = std::thread::spawn(move || {
        let mut output = Vec::new();
        pipe.read_to_end(&mut output).map(|_| output)
    });
    let status = wait(&mut child);
    let stdout = output.join().expect("reading does not panic").expect("a pipe can be read");
    Output { status, stdout, stderr: stderr.all().into_bytes() }
}

/// Waits for a child's end; kills one that does not come to it.
fn wait(child: &mut Child) -> ExitStatus {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).expect("the child is not reaped yet");
    let mut ended = [PollFd::new(&pidfd, PollFlags::IN)];
    let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    if poll(&mut ended, Some(&patience)).expect("a pidfd can be waited for") == 0 {
        let _ = child.kill();
        panic!("process {} did not end within {PATIENCE:?}", child.id());
    }
    child.wait().expect("the child can be waited for")
}

/// Standard error, read all the time so that its pipe never fills.
#[derive(Debug)]
struct Stderr {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Stderr {
    fn collect(child: &mut Child) -> Self {
        let mut pipe = BufReader::new(child.stderr.take().expect("it is piped"));
        let text = Arc::new(Mutex::new(String::new()));
        let there = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                there.lock().expect("nobody panics with it").push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        self.text.lock().expect("nobody panics with it").clone()
    }

    /// To the end of the child, and of all that hold its end of the pipe.
    fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("reading does not panic");
        }
        self.so_far()
    }
}
