//! What all of these programs do alike: they answer every request with the octets of a file as plain text, on
//! 127.0.0.1, with as many threads as they are told.

/// `PROGRAM PORT THREADS FILE`
#[derive(Debug, Clone)]
pub struct Arguments {
    pub port: u16,
    pub threads: usize,
    /// What every answer holds.
    pub text: &'static [u8],
}

impl Arguments {
    /// Reads the command line; ends the program where that is wrong.
    pub fn read() -> Self {
        let mut arguments = std::env::args().skip(1);
        let mut next = || arguments.next().unwrap_or_else(|| usage());
        let port = next().parse().unwrap_or_else(|_| usage());
        let threads = next().parse().unwrap_or_else(|_| usage());
        let text = std::fs::read(next()).unwrap_or_else(|_| usage());
        Self { port, threads, text: text.leak() }
    }
}

fn usage() -> ! {
    eprintln!("usage: PROGRAM PORT THREADS FILE");
    std::process::exit(2)
}
