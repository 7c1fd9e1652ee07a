//! What all of these programs do alike: they listen on 127.0.0.1, with as many threads as they are told, and serve what is at a path.
//! Most answer every request with the octets of a file as plain text.

use std::path::{Path, PathBuf};

/// `PROGRAM PORT THREADS PATH`
#[derive(Debug, Clone)]
pub struct Arguments {
    pub port: u16,
    pub threads: usize,
    /// A file, or a folder where files are served.
    pub path: PathBuf,
}

impl Arguments {
    /// Reads the command line; ends the program where that is wrong.
    pub fn read() -> Self {
        let mut arguments = std::env::args().skip(1);
        let mut next = || arguments.next().unwrap_or_else(|| usage());
        let port = next().parse().unwrap_or_else(|_| usage());
        let threads = next().parse().unwrap_or_else(|_| usage());
        Self { port, threads, path: next().into() }
    }
}

/// What every answer holds; ends the program where there is no such file. It is never freed.
pub fn text(path: &Path) -> &'static [u8] {
    std::fs::read(path).unwrap_or_else(|_| usage()).leak()
}

fn usage() -> ! {
    eprintln!("usage: PROGRAM PORT THREADS PATH");
    std::process::exit(2)
}
