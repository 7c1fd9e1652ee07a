//! An example that runs as a program of its own, and a client's words to it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long a test waits for what must come; only a failure lasts this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An example that runs, on a port of its own. Dropped, it is killed.
pub(crate) struct Example {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Example {
    pub(crate) fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    /// With more arguments than the address.
    pub(crate) fn start_with(name: &str, arguments: &[&OsStr]) -> Self {
        let mut child = Command::new(program(name))
            .arg("127.0.0.1:0")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}; `cargo build --examples` makes it"));
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("it says a line");
        let address = line.trim_end().strip_prefix("listening on http://").expect("it says where it listens");
        Self { address: address.parse().expect("an address and a port"), child }
    }

    pub(crate) fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    }

    /// The whole answer to these octets, on a connection of its own.
    pub(crate) fn ask(&self, octets: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(octets.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers and closes");
        answer
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time is set");
        stream
    }

    /// Stops it by a signal, as a terminal does.
    pub(crate) fn stop(self) {
        self.stop_by(Signal::INT);
    }

    pub(crate) fn stop_by(mut self, signal: Signal) {
        self.signal(signal);
        assert!(self.child.wait().expect("it ends").success());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where cargo puts an example's program: beside the folder of this test's.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a name");
    let target = test.parent().and_then(|folder| folder.parent()).expect("a test lies in target/debug/deps");
    target.join("examples").join(name)
}
