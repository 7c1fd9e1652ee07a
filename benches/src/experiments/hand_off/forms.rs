//! The forms of the hand-off and what each end of them does.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::{AsRawFd, RawFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering, fence},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use io_uring::{opcode, squeue, types};
use rustix::event::{EventfdFlags, eventfd};

/// Completions at the worker: a descriptor in the message, or a doorbell.
pub(super) const MESSAGE: u64 = 2;
pub(super) const DOORBELL: u64 = 3;

/// Connections that may wait between the two.
const QUEUE_MAX: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// No hand-off: the acceptor does the worker's work. What the others are compared with.
    None,
    /// A bounded queue; MSG_RING wakes a worker that sleeps.
    QueueAndMessage,
    /// The descriptor is the MSG_RING message.
    Message,
    /// A bounded queue; an eventfd polled by the worker's ring wakes it.
    QueueAndEventfd,
}

impl Form {
    pub(super) const ALL: [Self; 4] =
        [Self::None, Self::QueueAndMessage, Self::Message, Self::QueueAndEventfd];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::None => "none (accepted and closed by one thread)",
            Self::QueueAndMessage => "queue, MSG_RING as doorbell",
            Self::Message => "descriptor in the MSG_RING message",
            Self::QueueAndEventfd => "queue, eventfd as doorbell",
        }
    }
}

/// Both ends of a form that hands off.
pub(super) fn pair(form: Form) -> io::Result<(Sender, Inbox)> {
    let (sender, receiver) = sync_channel(QUEUE_MAX);
    let asleep = Arc::new(AtomicBool::new(false));
    let bell = Arc::new(File::from(eventfd(0, EventfdFlags::CLOEXEC)?));
    let inbox = Inbox { receiver, asleep: Arc::clone(&asleep), bell: Arc::clone(&bell) };
    Ok((Sender { form, sender, asleep, bell }, inbox))
}

#[derive(Debug)]
pub(super) struct Sender {
    form: Form,
    sender: SyncSender<RawFd>,
    asleep: Arc<AtomicBool>,
    bell: Arc<File>,
}

impl Sender {
    /// Hands one descriptor over; `ring` is the worker's. What comes back has to be submitted.
    pub(super) fn hand(&self, ring: RawFd, fd: RawFd) -> Option<squeue::Entry> {
        if self.form == Form::Message {
            return Some(message(ring, fd, MESSAGE));
        }
        while let Err(TrySendError::Full(_)) = self.sender.try_send(fd) {
            thread::yield_now();
        }
        None
    }

    /// After a batch: wakes the worker if it sleeps. What comes back has to be submitted.
    pub(super) fn ring_bell(&self, ring: RawFd) -> io::Result<Option<squeue::Entry>> {
        if self.form == Form::Message {
            return Ok(None);
        }
        // Pairs with the fence in `Inbox::sleep`: either we see it asleep or it sees what was queued.
        fence(Ordering::SeqCst);
        if !self.asleep.load(Ordering::Relaxed) || !self.asleep.swap(false, Ordering::AcqRel) {
            return Ok(None);
        }
        if self.form == Form::QueueAndMessage {
            return Ok(Some(message(ring, 0, DOORBELL)));
        }
        (&*self.bell).write_all(&1_u64.to_ne_bytes())?;
        Ok(None)
    }
}

fn message(ring: RawFd, result: i32, token: u64) -> squeue::Entry {
    let entry = opcode::MsgRingData::new(types::Fd(ring), result, token, None).build();
    entry.flags(squeue::Flags::SKIP_SUCCESS)
}

#[derive(Debug)]
pub(super) struct Inbox {
    receiver: Receiver<RawFd>,
    asleep: Arc<AtomicBool>,
    bell: Arc<File>,
}

impl Inbox {
    /// A poll that lasts; the counter of the eventfd is never read, each write wakes anew.
    pub(super) fn poll(&self) -> squeue::Entry {
        let poll = opcode::PollAdd::new(types::Fd(self.bell.as_raw_fd()), libc::POLLIN as u32).multi(true);
        poll.build().user_data(DOORBELL)
    }

    /// The next descriptor that waits.
    pub(super) fn take(&self) -> Option<RawFd> {
        self.receiver.try_recv().ok()
    }

    /// Before a wait: says that it sleeps, and gives back what came just before that.
    pub(super) fn sleep(&self) -> Option<RawFd> {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let late = self.take();
        if late.is_some() {
            self.asleep.store(false, Ordering::Relaxed);
        }
        late
    }
}
