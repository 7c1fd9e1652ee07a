//! One worker that answers whatever it receives, and gives each read a time limit. In: how the limit is kept. Out: answers; what
//! the limit costs is the difference between two of them.

use std::future::poll_fn;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::task::Poll;

use selvedge_runtime::net::{Stream, TcpListener};
use selvedge_runtime::timer::{Deadline, sleep, timeout};
use selvedge_runtime::{Chunk, Lease, block_on, now, spawn, spawn_detached};

use super::canned;
use crate::experiments::timers::{LIMIT, Way, kernel_timer, set_kernel_timer};

/// Octets of the answer's body: as many as `compare`'s smallest file has.
const BODY_BYTES: usize = 151;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// How the limit is kept
    #[arg(long, value_enum)]
    limit: Way,
}

/// Serves until the process is killed.
pub(super) fn run(port: u16, options: &Options) -> anyhow::Result<()> {
    let way = options.limit;
    block_on(move || async move {
        let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port).into())?;
        let answer: Rc<[u8]> = canned::answer(BODY_BYTES).into();
        loop {
            let stream = listener.accept().await?;
            spawn_detached("connection", serve(stream.into(), way, Rc::clone(&answer)));
        }
    })
}

/// Answers until the client ends, a read's limit is reached or the connection fails.
async fn serve(mut stream: Stream, way: Way, answer: Rc<[u8]>) {
    let mut limit = match Limit::new(way) {
        Ok(limit) => limit,
        Err(error) => return eprintln!("no timer of the kernel's: {error}"),
    };
    let length = answer.len() as u32;
    while let Some(received) = limit.receive(&mut stream).await {
        drop(received);
        if stream.send(Chunk::Rc(Rc::clone(&answer), 0..length)).await.is_err() {
            return;
        }
    }
}

/// What a connection keeps for the limits of its reads.
enum Limit {
    None,
    Deadline(Deadline),
    Timeout,
    Task,
    /// Nobody waits for it: what it costs here is to be set.
    Timerfd(OwnedFd),
}

impl Limit {
    fn new(way: Way) -> io::Result<Self> {
        Ok(match way {
            Way::None => Self::None,
            Way::Deadline => Self::Deadline(Deadline::new()),
            Way::Timeout => Self::Timeout,
            Way::Task => Self::Task,
            Way::Timerfd => Self::Timerfd(kernel_timer()?),
        })
    }

    /// Something that was received in time.
    async fn receive(&mut self, stream: &mut Stream) -> Option<Lease> {
        match self {
            Self::None => stream.receive().await.ok()?,
            Self::Deadline(deadline) => {
                deadline.set(now() + LIMIT);
                poll_fn(|context| match stream.poll_receive(context) {
                    Poll::Ready(received) => Poll::Ready(received.ok().flatten()),
                    Poll::Pending => deadline.poll_expired(context).map(|()| None),
                })
                .await
            }
            Self::Timeout => timeout(LIMIT, stream.receive()).await.ok()?.ok()?,
            Self::Task => {
                let task = spawn("time limit", sleep(LIMIT));
                let received = stream.receive().await;
                task.abort();
                received.ok()?
            }
            Self::Timerfd(timer) => {
                set_kernel_timer(timer).ok()?;
                stream.receive().await.ok()?
            }
        }
    }
}
