//! Lines of all workers in one file: a log that never stops a worker.
//!
//! In: lines, formatted by each worker into a buffer of its own. Out: whole lines at the end of a file, written by one thread of
//! the process. A worker's buffers go round: full, or older than a second, one goes to the thread; written, it comes back. Where
//! none is back in time, because a disk is full or a pipe is not read, lines are dropped and counted.

mod writer;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use crate::counters::Counter;
use crate::report;
use crate::sys::{self, LogFile, LogTarget};
use crate::task;
use crate::timer::Deadline;
use writer::Writer;

/// Buffers of one worker.
const BUFFERS: usize = 4;
/// Bytes of each.
const BUFFER_BYTES: usize = 64 * 1024;
/// Bytes a line may have: a buffer with less room than that is full.
pub const LINE_BYTES_MAX: usize = 16 * 1024;
/// How long a line waits for others before it is written; the wheel's resolution comes on top.
const AGE_MAX: Duration = Duration::from_secs(1);
/// How long [`LineLog::finish`] waits.
const FINISH_TIME_MAX: Duration = Duration::from_secs(2);
/// Messages to the writer beside the buffers.
const OTHER_MESSAGES_MAX: usize = 1;

/// A log that runs. A clone is the same log; threads may share it.
///
/// ```
/// use selvedge_runtime::{LineLog, LogTarget, block_on};
///
/// let path = std::env::temp_dir().join(format!("selvedge-doc-{}", std::process::id()));
/// let log = LineLog::start("visits", LogTarget::File(path.clone()), 1)?;
/// let log_there = log.clone();
/// block_on(move || async move {
///     let sink = log_there.sink();
///     sink.write(|line| line.extend_from_slice(b"somebody was here\n"));
/// });
/// log.finish();
/// assert_eq!(std::fs::read_to_string(&path)?, "somebody was here\n");
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LineLog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    to_writer: SyncSender<Message>,
    flags: Arc<Flags>,
    sinks: Mutex<Vec<Arc<SinkFigures>>>,
    /// Ends with the writer's thread. Taken by the first who waits for that.
    finished: Mutex<Option<Receiver<Infallible>>>,
}

/// A target that is open, with no thread yet that writes to it: for a program that opens it with rights which it gives up
/// before it starts a thread.
///
/// ```
/// use selvedge_runtime::{LineLog, LogTarget, OpenLog};
///
/// let path = std::env::temp_dir().join(format!("selvedge-doc-open-log-{}", std::process::id()));
/// let open = OpenLog::open(LogTarget::File(path.clone()))?;
/// // Here the program becomes another user.
/// let log: LineLog = open.start("visits", 1)?;
/// log.finish();
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct OpenLog {
    target: LogTarget,
    file: LogFile,
}

impl OpenLog {
    /// Opens the target.
    ///
    /// # Errors
    /// Those of open(2).
    pub fn open(target: LogTarget) -> io::Result<Self> {
        let file = LogFile::open(&target)?;
        Ok(Self { target, file })
    }

    /// Starts the thread that writes to it, as [`LineLog::start`].
    ///
    /// # Errors
    /// Those of starting a thread.
    pub fn start(self, name: &'static str, sinks_max: usize) -> io::Result<LineLog> {
        LineLog::of(self, name, sinks_max)
    }
}

/// What the writer and those who steer it both see.
#[derive(Debug, Default)]
struct Flags {
    /// The file is to be opened again.
    reopen: AtomicBool,
    /// Nothing comes any more but what is on its way.
    finish: AtomicBool,
    /// Nobody waits for the writer any more.
    abandoned: AtomicBool,
    /// Lines that could not be written.
    lost: AtomicU64,
}

/// Written by one worker.
#[derive(Debug, Default)]
#[repr(align(128))]
struct SinkFigures {
    lost: Counter,
}

enum Message {
    Lines(Lines),
    /// To look at the flags, which a writer does after any message.
    Look,
}

/// A worker's buffer on its way.
struct Lines {
    bytes: Vec<u8>,
    home: SyncSender<Vec<u8>>,
}

impl LineLog {
    /// Bytes that each worker's end takes.
    pub const SINK_BYTES: usize = BUFFERS * BUFFER_BYTES;

    /// Opens the target and starts the thread that writes to it. `name` says which log it is in what is reported; `sinks_max` is
    /// for how many workers it has room. Each takes 256 KiB.
    ///
    /// # Errors
    /// Those of opening the target and of starting a thread.
    pub fn start(name: &'static str, target: LogTarget, sinks_max: usize) -> io::Result<Self> {
        OpenLog::open(target)?.start(name, sinks_max)
    }

    fn of(OpenLog { target, file }: OpenLog, name: &'static str, sinks_max: usize) -> io::Result<Self> {
        let (to_writer, messages) = mpsc::sync_channel(sinks_max * BUFFERS + OTHER_MESSAGES_MAX);
        let (finish, finished) = mpsc::sync_channel(1);
        let shared = Arc::new(Shared {
            to_writer,
            flags: Arc::default(),
            sinks: Mutex::default(),
            finished: Mutex::new(Some(finished)),
        });
        let flags = Arc::clone(&shared.flags);
        // Not the senders, or the thread would never see their end.
        let losses = Arc::downgrade(&shared);
        sys::spawn_thread("selvedge-log".to_owned(), move || {
            Writer::new(name, target, file, flags, losses).run(&messages);
            drop(finish);
        })?;
        Ok(Self(shared))
    }

    /// The current worker's end of the log. To be made once per worker.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn sink(&self) -> LineSink {
        let figures = Arc::new(SinkFigures::default());
        self.0.lock_sinks().push(Arc::clone(&figures));
        let (home, free) = mpsc::sync_channel(BUFFERS);
        for _ in 0..BUFFERS {
            home.try_send(Vec::with_capacity(BUFFER_BYTES)).expect("there is room for all");
        }
        let sink = Rc::new(Sink {
            filling: RefCell::default(),
            lines: Cell::new(0),
            free,
            home,
            to_writer: self.0.to_writer.clone(),
            figures,
            old_at: Deadline::new(),
        });
        task::spawn_detached("log", hand_over_when_old(Rc::clone(&sink)));
        LineSink(sink)
    }

    /// Opens the file by its name again, soon: for programs that rotate logs by renaming them. What was handed over before goes
    /// to the file as it was, or to the new one; if the name cannot be opened, so does all that follows, and that is reported.
    pub fn reopen(&self) {
        self.0.flags.reopen.store(true, Ordering::Release);
        self.0.wake_writer();
    }

    /// Lines that were dropped or could not be written, since the start.
    pub fn lines_lost(&self) -> u64 {
        self.0.lines_lost()
    }

    /// Waits until all that was handed over is written, at most 2 s, and ends the log: lines that come later are lost. To be
    /// called when the runtime has been joined, since workers hand over what they have at their end.
    pub fn finish(&self) {
        let finished = self.0.finished.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.0.flags.finish.store(true, Ordering::Release);
        self.0.wake_writer();
        let Some(finished) = finished else { return };
        if finished.recv_timeout(FINISH_TIME_MAX) == Err(RecvTimeoutError::Timeout) {
            self.0.flags.abandoned.store(true, Ordering::Relaxed);
            report::line("a log was not written to its end: what it goes to takes nothing");
        }
    }
}

impl Shared {
    fn wake_writer(&self) {
        // Full: then there is a message after which it looks at the flags.
        let _ = self.to_writer.try_send(Message::Look);
    }

    fn lock_sinks(&self) -> std::sync::MutexGuard<'_, Vec<Arc<SinkFigures>>> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lines_lost(&self) -> u64 {
        let by_workers: u64 = self.lock_sinks().iter().map(|sink| sink.lost.get()).sum();
        by_workers + self.flags.lost.load(Ordering::Relaxed)
    }
}

/// One worker's end of a [`LineLog`]. Dropped with its worker, it hands over what it has.
///
/// ```
/// use std::io::Write;
///
/// use selvedge_runtime::{LineLog, LogTarget, block_on};
///
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("selvedge-doc-line-sink-{}", std::process::id()));
/// let log = LineLog::start("visits", LogTarget::File(path.clone()), 1)?;
/// let log_there = log.clone();
/// block_on(move || async move {
///     let sink = log_there.sink();
///     for status in [200, 404] {
///         sink.write(|line| {
///             let _ = writeln!(line, "answered {status}");
///         });
///     }
/// });
/// log.finish();
/// assert_eq!(std::fs::read_to_string(&path)?, "answered 200\nanswered 404\n");
/// assert_eq!(log.lines_lost(), 0);
/// # std::fs::remove_file(&path)
/// # }
/// ```
#[derive(Debug)]
pub struct LineSink(Rc<Sink>);

#[derive(Debug)]
struct Sink {
    /// `None` until a line comes.
    filling: RefCell<Option<Vec<u8>>>,
    /// Lines in it.
    lines: Cell<u64>,
    free: Receiver<Vec<u8>>,
    /// The other end of `free`.
    home: SyncSender<Vec<u8>>,
    to_writer: SyncSender<Message>,
    figures: Arc<SinkFigures>,
    /// When the first line in `filling` has waited long enough.
    old_at: Deadline,
}

impl LineSink {
    /// Adds what `format` appends: one line of at most [`LINE_BYTES_MAX`] bytes, its line feed included. Never waits and
    /// allocates nothing; where no buffer is free `format` is not called, and the line counts as lost.
    ///
    /// # Panics
    /// When `format` writes to the same sink.
    pub fn write(&self, format: impl FnOnce(&mut Vec<u8>)) {
        let sink = &*self.0;
        let mut filling = sink.filling.borrow_mut();
        let buffer = match &mut *filling {
            Some(buffer) => buffer,
            none => match sink.free.try_recv() {
                Ok(buffer) => {
                    sink.old_at.set(crate::now() + AGE_MAX);
                    none.insert(buffer)
                }
                Err(_) => return sink.figures.lost.add(1),
            },
        };
        format(buffer);
        sink.lines.set(sink.lines.get() + 1);
        if buffer.capacity() - buffer.len() < LINE_BYTES_MAX {
            drop(filling);
            sink.hand_over();
        }
    }
}

impl Sink {
    fn hand_over(&self) {
        let Some(bytes) = self.filling.borrow_mut().take() else { return };
        let lines = self.lines.take();
        let message = Message::Lines(Lines { bytes, home: self.home.clone() });
        if let Err(TrySendError::Full(message) | TrySendError::Disconnected(message)) =
            self.to_writer.try_send(message)
        {
            // The log was finished, or has more sinks than it was made for.
            self.figures.lost.add(lines);
            if let Message::Lines(Lines { mut bytes, home }) = message {
                bytes.clear();
                let _ = home.try_send(bytes);
            }
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.hand_over();
    }
}

async fn hand_over_when_old(sink: Rc<Sink>) {
    poll_fn(|context| {
        while sink.old_at.poll_expired(context).is_ready() {
            sink.old_at.clear();
            sink.hand_over();
        }
        Poll::<()>::Pending
    })
    .await;
}
