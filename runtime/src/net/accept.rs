//! Step 1 of a request's walk, accept. In: connections of all listeners. Out: each to the next worker in turn, through
//! [`super::intake`]. One worker accepts for all, so no connection wakes more than one thread.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::net::intake::{Assigned, Intake};
use crate::net::listener::Accepting;
use crate::sys::{AcceptBatch, Accepted, Listening, errno, listen_backlog_max};
use crate::timer::{self, Sleep};
use crate::worker;

/// Who accepts, and who gets what is accepted.
///
/// ```
/// use selvedge_runtime::net::{AcceptPolicy, Intake, IntakeOptions};
///
/// # fn main() -> std::io::Result<()> {
/// let options = IntakeOptions { policy: AcceptPolicy::Auto, connections_max: 1_000 };
/// for (workers, policy) in [(4, AcceptPolicy::Shared), (16, AcceptPolicy::Dedicated)] {
///     assert_eq!(AcceptPolicy::Auto.resolve(workers), policy);
///     assert_eq!(Intake::new(vec![], workers, &options)?.policy(), policy);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcceptPolicy {
    /// Worker 0 accepts and takes its turn with the others.
    Shared,
    /// Worker 0 only accepts (with one worker it serves too).
    Dedicated,
    /// `Shared` below 8 workers, `Dedicated` from there on.
    #[default]
    Auto,
    /// Every worker has its own listener of the port and the kernel spreads the connections: no hand-off.
    ReusePort,
}

impl AcceptPolicy {
    /// What `Auto` means for this many workers; the others mean themselves.
    pub fn resolve(self, workers: usize) -> Self {
        match self {
            Self::Auto if workers < 8 => Self::Shared,
            Self::Auto => Self::Dedicated,
            other => other,
        }
    }
}

/// Pause before accepting again after the process or the machine ran out of something.
const BACK_OFF: Duration = Duration::from_millis(100);
/// How often it is told at most that there is no room.
const FULL_TOLD_EACH: Duration = Duration::from_secs(60);
/// Connections accepted between two looks at the room that is left.
const ACCEPTED_PER_LOOK: u32 = 64;
/// Connections taken in one go where they are taken one by one.
const ACCEPTED_AT_ONCE_MAX: u32 = 64;
/// The longest backlog where the kernel does not tell: its default (net.core.somaxconn).
const BACKLOG_MAX_USUAL: u32 = 4_096;
/// Errors in a row after which any error backs off.
const ERRORS_IN_A_ROW_MAX: u32 = 16;

/// Accepts on `listeners` until the intake is stopped, then takes what is still in their backlogs.
pub(super) async fn accept_all(intake: Arc<Intake>, listeners: Vec<(u16, Listening)>) {
    let mut batches = Batches::new(&intake, listeners.len());
    let mut sources: Vec<Source> = listeners
        .into_iter()
        .map(|(number, listening)| Source {
            number,
            accepting: Accepting::new(listening, batches.batch),
            state: State::Armed,
            errors_in_a_row: 0,
        })
        .collect();
    let stop_signal = Arc::clone(&intake);
    let mut stopped = pin!(stop_signal.stopped());
    loop {
        match poll_fn(|context| poll_event(context, stopped.as_mut(), &mut sources)).await {
            Event::Accepted(source, accepted) => {
                let mut next = Some(accepted);
                let mut accepted_at_once = 0;
                while let Some(accepted) = next.take() {
                    accepted_at_once += 1;
                    let listener = sources[source].number;
                    if let Assigned::NoRoom(accepted) = intake.assign(accepted, listener) {
                        wait_for_room(&intake, &mut sources, accepted, listener).await;
                    } else if batches.batch == AcceptBatch::One && accepted_at_once < ACCEPTED_AT_ONCE_MAX {
                        // A turn may be long, and one connection in each is few.
                        next = sources[source].accepting.accept_now();
                    }
                    batches.adapt(&intake, &mut sources);
                }
            }
            Event::Failed(source, error) => recover(&mut sources[source], &error),
            Event::Stopped => break,
        }
        // A future that was ready is not polled again.
        if intake.is_stopped() {
            break;
        }
    }
    for source in &mut sources {
        take_backlog(&intake, source).await;
    }
}

/// How many connections are taken at once: all there are, as long as there is room for whole backlogs; near the limit one
/// by one, so that the rest stays in the backlog and takes no descriptor.
struct Batches {
    batch: AcceptBatch,
    room_wanted: u64,
    accepted_since_look: u32,
}

impl Batches {
    fn new(intake: &Intake, listeners: usize) -> Self {
        // listen(2): no backlog is longer than this.
        let backlog = listen_backlog_max().unwrap_or(BACKLOG_MAX_USUAL);
        let room_wanted = u64::from(backlog) * listeners as u64 + u64::from(ACCEPTED_PER_LOOK);
        let mut batches = Self { batch: AcceptBatch::One, room_wanted, accepted_since_look: 0 };
        batches.look(intake);
        batches
    }

    fn adapt(&mut self, intake: &Intake, sources: &mut [Source]) {
        self.accepted_since_look += 1;
        let before = self.batch;
        if self.accepted_since_look >= ACCEPTED_PER_LOOK {
            self.look(intake);
        }
        if self.batch != before {
            for source in sources {
                source.accepting.set_batch(self.batch);
            }
        }
    }

    fn look(&mut self, intake: &Intake) {
        self.accepted_since_look = 0;
        let has_room = intake.room_left() >= self.room_wanted;
        self.batch = if has_room { AcceptBatch::All } else { AcceptBatch::One };
    }
}

struct Source {
    number: u16,
    accepting: Accepting,
    state: State,
    errors_in_a_row: u32,
}

enum State {
    Armed,
    /// It has failed, and is started again after a while; the others go on.
    Resting(Pin<Box<Sleep>>),
}

enum Event {
    Accepted(usize, Accepted),
    Failed(usize, std::io::Error),
    Stopped,
}

fn poll_event(
    context: &mut Context<'_>,
    stopped: Pin<&mut impl Future<Output = ()>>,
    sources: &mut [Source],
) -> Poll<Event> {
    if stopped.poll(context).is_ready() {
        return Poll::Ready(Event::Stopped);
    }
    for (index, source) in sources.iter_mut().enumerate() {
        if let State::Resting(rest) = &mut source.state {
            if rest.as_mut().poll(context).is_pending() {
                continue;
            }
            source.accepting.restart();
            source.state = State::Armed;
        }
        match source.accepting.poll_next(context) {
            Poll::Ready(Ok(accepted)) => {
                source.errors_in_a_row = 0;
                return Poll::Ready(Event::Accepted(index, accepted));
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Event::Failed(index, error)),
            Poll::Pending => {}
        }
    }
    Poll::Pending
}

/// Every worker is full: stops accepting, so that the backlog holds the rest, until a connection has ended.
async fn wait_for_room(intake: &Intake, sources: &mut [Source], accepted: Accepted, listener: u16) {
    for source in &mut *sources {
        source.accepting.cancel();
    }
    intake.note_pause();
    let core = worker::current();
    core.reporter().report_each(FULL_TOLD_EACH, "no room", core.now(), || intake.fullness());
    let mut in_hand = Some(accepted);
    while let Some(accepted) = in_hand.take() {
        intake.room().await;
        if intake.is_stopped() {
            intake.assign_beyond_limit(accepted, listener).await;
            return;
        }
        if let Assigned::NoRoom(accepted) = intake.assign(accepted, listener) {
            in_hand = Some(accepted);
        }
    }
    // The cancelled ones say so when what they had accepted before has been taken, and are then started again.
}

/// Starts a listener that has failed again: at once after a failure that concerns one connection, else after a rest.
fn recover(source: &mut Source, error: &std::io::Error) {
    // Our own cancel is no error of accepting.
    if error.raw_os_error() == Some(errno::ECANCELED) {
        return source.accepting.restart();
    }
    source.errors_in_a_row += 1;
    // accept(2): out of descriptors or memory; anything else concerns the one connection that failed.
    let exhausted =
        matches!(error.raw_os_error(), Some(errno::EMFILE | errno::ENFILE | errno::ENOBUFS | errno::ENOMEM));
    if !exhausted && source.errors_in_a_row < ERRORS_IN_A_ROW_MAX {
        return source.accepting.restart();
    }
    let core = worker::current();
    core.reporter().report("accept", core.now(), || {
        let fix = if exhausted { ". If this lasts, raise `ulimit -n`" } else { "" };
        let address = source.accepting.address();
        format!("cannot accept connections at {address} now ({error}); they wait in the backlog{fix}")
    });
    source.state = State::Resting(Box::pin(timer::sleep(BACK_OFF)));
}

/// The end: everybody who has connected is served, nobody else is.
async fn take_backlog(intake: &Intake, source: &mut Source) {
    if matches!(source.state, State::Armed) {
        source.accepting.cancel();
        while let Ok(accepted) = poll_fn(|context| source.accepting.poll_next(context)).await {
            intake.assign_beyond_limit(accepted, source.number).await;
        }
    }
    while let Some(accepted) = source.accepting.accept_now() {
        intake.assign_beyond_limit(accepted, source.number).await;
    }
}
