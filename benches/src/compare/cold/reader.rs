//! Clients that ask for cold files. In: a server, and where its files are. Out: how many came whole, each dropped from memory before
//! it was asked for.

use std::{
    fs::File,
    io::{BufReader, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use rustix::fs::{Advice, fadvise};

use crate::compare::client::{connect, read_body};
use crate::cpus;

/// Their directory below the root.
pub(super) const DIRECTORY: &str = "cold";
/// Files there are: many more than are asked for at once.
pub(super) const FILES: usize = 128;
pub(super) const FILE_BYTES: usize = 1024 * 1024;
/// Clients, each with a connection: what a server has to wait for at once.
const READERS: usize = 4;
/// Between two files of a reader, if they come that fast: 64 files in a second from all of them, which no server's and no client's CPU
/// is full with.
const PERIOD: Duration = Duration::from_micros(62_500);

pub(super) fn path(root: &Path, number: usize) -> PathBuf {
    root.join(DIRECTORY).join(format!("{number}.txt"))
}

/// Clients that run.
pub(super) struct Readers {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<anyhow::Result<u64>>>,
}

impl Readers {
    /// Starts them on `cpus`, out of step with each other.
    pub(super) fn start(port: u16, root: &Path, cpus: &[usize]) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let reader = |number: usize| {
            let reader = Reader { port, root: root.to_owned(), number };
            let (over, cpus) = (Arc::clone(&over), cpus.to_vec());
            thread::spawn(move || {
                cpus::pin(&cpus)?;
                reader.read_until(&over).context("a cold file")
            })
        };
        let threads = (0..READERS).map(reader).collect();
        Self { over, threads }
    }

    /// Lets them end, and says how many files came.
    pub(super) fn stop(self) -> anyhow::Result<u64> {
        self.over.store(true, Ordering::Relaxed);
        let join = |reader: JoinHandle<anyhow::Result<u64>>| {
            reader.join().map_err(|_| anyhow::anyhow!("a reader panicked"))?
        };
        // All of them are waited for, also where one has failed.
        let counts: Vec<anyhow::Result<u64>> = self.threads.into_iter().map(join).collect();
        counts.into_iter().sum()
    }
}

struct Reader {
    port: u16,
    root: PathBuf,
    number: usize,
}

impl Reader {
    fn read_until(&self, over: &AtomicBool) -> anyhow::Result<u64> {
        let mut stream = connect(self.port)?;
        let mut reader = BufReader::with_capacity(64 * 1024, stream.try_clone()?);
        let mut due = Instant::now() + PERIOD * self.number as u32 / READERS as u32;
        let mut count = 0;
        while !over.load(Ordering::Relaxed) {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let file = (self.number + count as usize * READERS) % FILES;
            drop_from_memory(&path(&self.root, file))?;
            write!(stream, "GET /{DIRECTORY}/{file}.txt HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", self.port)?;
            let body = read_body(&mut reader)?;
            ensure!(body.len() == FILE_BYTES, "it has {} bytes", body.len());
            count += 1;
            // Who is late does not ask twice at once.
            due = (due + PERIOD).max(Instant::now());
        }
        Ok(count)
    }
}

/// Drops the file's pages, which are clean (posix_fadvise(2)).
fn drop_from_memory(path: &Path) -> anyhow::Result<()> {
    let file = File::open(path)?;
    Ok(fadvise(&file, 0, None, Advice::DontNeed)?)
}

#[cfg(test)]
mod tests {
    use std::{io::BufRead, net::TcpListener};

    use super::*;

    /// A server of whole files, on as many connections as there are readers.
    fn serve(listener: &TcpListener, root: &Path) {
        thread::scope(|scope| {
            for _ in 0..READERS {
                let (stream, _) = listener.accept().unwrap();
                scope.spawn(move || {
                    let mut reader = BufReader::new(stream);
                    let mut line = String::new();
                    while reader.read_line(&mut line).unwrap_or(0) > 0 {
                        if let Some(path) = line.strip_prefix("GET /").and_then(|line| line.split(' ').next())
                        {
                            let body = std::fs::read(root.join(path)).unwrap();
                            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                            let stream = reader.get_mut();
                            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
                        }
                        line.clear();
                    }
                });
            }
        });
    }

    #[test]
    fn files_come_whole_and_one_that_is_shorter_fails_the_run() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(DIRECTORY)).unwrap();
        std::fs::write(root.path().join("one"), vec![b'x'; FILE_BYTES]).unwrap();
        for number in 0..FILES {
            std::fs::hard_link(root.path().join("one"), path(root.path(), number)).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::scope(|scope| {
            scope.spawn(|| (0..2).for_each(|_| serve(&listener, root.path())));
            let allowed = cpus::allowed().unwrap();
            let one = Reader { port, root: root.path().to_owned(), number: 0 };
            let readers = Readers::start(port, root.path(), &allowed);
            assert!(readers.stop().is_ok());
            std::fs::write(path(root.path(), 0), "short").unwrap();
            let wrong = one.read_until(&AtomicBool::new(false)).unwrap_err();
            assert_eq!(wrong.to_string(), "it has 5 bytes");
            // The others that the server waits for.
            let _others: Vec<_> = (1..READERS).map(|_| connect(port).unwrap()).collect();
        });
    }
}
