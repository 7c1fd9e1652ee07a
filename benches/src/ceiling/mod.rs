//! The ceiling: what a server on one ring can reach when it parses nothing and its answer is made beforehand.
//!
//! It counts the ends of request heads in what it receives and sends that many copies of one canned answer. A real
//! server is measured against it; it is not a server to use (a head in two pieces is never answered).

mod buffers;
mod canned;
mod close;
mod file;
mod keep_alive;
mod listener;
mod ring;

use std::{fs::File, net::Ipv4Addr, path::PathBuf, thread};

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};

pub(crate) use self::canned::Status;
use self::canned::{CLOSE, Canned, HEAD_ONLY, KEEP_ALIVE, PIPELINED};
use self::close::linked::Descriptors;
use crate::content::RANGE;
use crate::cpus;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What is served, and how
    #[arg(long, value_enum, default_value_t = Variant::Keepalive)]
    pub(crate) variant: Variant,
    /// What is answered
    #[arg(long, value_enum, default_value_t = Status::Ok)]
    pub(crate) status: Status,
    /// Bytes of the file
    #[arg(long, value_name = "N", default_value_t = 151)]
    pub(crate) bytes: usize,
    /// The file to send by sendfile(2), rather than one of so many bytes that is made: how it lies in memory is part of the cost
    #[arg(long, value_name = "PATH", conflicts_with = "bytes")]
    pub(crate) file: Option<PathBuf>,
    /// Port on 127.0.0.1
    #[arg(short, long, default_value_t = 8090)]
    pub(crate) port: u16,
    /// Threads, each with its own listener (SO_REUSEPORT) and pinned to its own CPU
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) reuseport_workers: usize,
}

/// One row of the comparison has one variant as its ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Variant {
    /// Connections stay open; the answer is one borrowed send
    Keepalive,
    /// A connection per request: accept and receive by the ring, the rest by direct calls
    Close,
    /// The same: the ring says that somebody is there, all else by direct calls
    CloseInline,
    /// The same, with epoll instead of a ring
    CloseEpoll,
    /// A connection per request, all by the ring, the close linked behind the send
    CloseLinked,
    /// The same, with direct descriptors
    CloseDirect,
    /// Many requests per receive, answered by one send
    Pipelined,
    /// The head by send, the body by sendfile(2)
    Sendfile,
}

impl Variant {
    fn has_short_connections(self) -> bool {
        match self {
            Self::Keepalive | Self::Pipelined | Self::Sendfile => false,
            Self::Close | Self::CloseInline | Self::CloseEpoll | Self::CloseLinked | Self::CloseDirect => {
                true
            }
        }
    }

    /// The longest body it can send.
    fn bytes_max(self) -> usize {
        match self {
            Self::CloseInline | Self::CloseEpoll | Self::CloseLinked | Self::CloseDirect => close::BYTES_MAX,
            Self::Keepalive | Self::Pipelined | Self::Sendfile | Self::Close => usize::MAX,
        }
    }
}

/// Serves until the process is killed. Fails if the port is taken or io_uring is not to be had.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let (variant, status) = (options.variant, options.status);
    ensure!(options.reuseport_workers > 0, "--reuseport-workers 0: nobody would answer; say one at least");
    ensure!(
        options.file.is_none() || variant == Variant::Sendfile,
        "--file is sent by --variant sendfile alone: the others send from memory"
    );
    let opened = options.file.as_ref().map(|path| {
        let open = || File::open(path).and_then(|file| Ok((file.metadata()?.len() as usize, file)));
        open().with_context(|| format!("cannot open {}", path.display()))
    });
    let (bytes, file) = match opened.transpose()? {
        Some((bytes, file)) => (bytes, Some(file)),
        None => (options.bytes, None),
    };
    ensure!(
        status == Status::Ok || variant != Variant::Sendfile,
        "--variant sendfile sends whole files: leave --status out"
    );
    ensure!(
        status != Status::PartialContent || bytes > *RANGE.end(),
        "--status 206 sends bytes 100 to 250: --bytes has to be more"
    );
    ensure!(
        bytes <= variant.bytes_max(),
        "this variant sends what fits a fresh socket's buffer: --bytes has to be at most {}",
        variant.bytes_max()
    );
    let workers = options.reuseport_workers;
    let cpus = cpus::allowed()?;
    let mut threads = Vec::with_capacity(workers);
    for worker in 0..workers {
        let listener = listener::listen(options.port, workers > 1)
            .with_context(|| format!("cannot listen on {}:{}", Ipv4Addr::LOCALHOST, options.port))?;
        if variant.has_short_connections() {
            listener::expect_short_connections(&listener)?;
        }
        let cpu = cpus[worker % cpus.len()];
        let file = file.as_ref().map(File::try_clone).transpose()?;
        threads.push(thread::spawn(move || {
            cpus::pin(&[cpu])?;
            let canned = |shape| Canned::new(status, bytes, shape);
            match variant {
                Variant::Keepalive => keep_alive::serve(&listener, &canned(KEEP_ALIVE)),
                Variant::Pipelined => keep_alive::serve(&listener, &canned(PIPELINED)),
                Variant::Close => close::serve(&listener, &canned(CLOSE)),
                Variant::CloseInline => close::inline::serve(&listener, &canned(CLOSE)),
                Variant::CloseEpoll => close::epoll::serve(&listener, &canned(CLOSE)),
                Variant::CloseLinked => close::linked::serve(&listener, &canned(CLOSE), Descriptors::Plain),
                Variant::CloseDirect => close::linked::serve(&listener, &canned(CLOSE), Descriptors::Direct),
                Variant::Sendfile => file::serve(&listener, &canned(HEAD_ONLY), file),
            }
        }));
    }
    for thread in threads {
        thread.join().map_err(|_| anyhow::anyhow!("a worker of the ceiling panicked"))??;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
