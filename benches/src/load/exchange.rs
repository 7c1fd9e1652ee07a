//! What a connection does with requests that are due. In: their moments. Out: answers in the tally, or why there are none.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use selvedge_runtime::net::{More, Stream};
use selvedge_runtime::timer::Deadline;
use selvedge_runtime::{BufferPool, Chunk, Lease, now};

use super::answer::{After, Answer, garbage};
use super::connection::Connection;
use super::failure::{Failure, FailureKind};
use super::plan::{Closing, Reuse};
use super::request::Place;

/// What has become of the stream with what was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outlook {
    GoesOn,
    /// The server has said that it ends, behind the last answer that it gives.
    Ends,
}

impl Connection {
    /// Sends what is due and reads the answers.
    pub(super) async fn exchange(&mut self) -> Result<(), Failure> {
        self.begin_to_wait();
        if self.stream.is_none() {
            self.connect().await?;
        }
        self.send().await?;
        while !self.due.is_empty() {
            let Some(lease) = self.receive().await? else {
                let kind = match self.reader.is_between_answers() {
                    true => FailureKind::Closed,
                    false => FailureKind::CutShort,
                };
                return Err(Failure::new(kind, "the server has ended the connection"));
            };
            if self.read(&lease)? == Outlook::Ends {
                self.shared.supply.borrow_mut().give_back(&mut self.due);
                return self.end(Closing::Server).await;
            }
        }
        match self.shared.plan.reuse {
            Reuse::Requests { count, closing } if self.sent >= count => self.end(closing).await,
            _ => Ok(()),
        }
    }

    /// From here on the next answer has the whole of its time; what is under way at the end has it once.
    fn begin_to_wait(&self) {
        let timeout = self.shared.plan.timeout;
        self.deadline.set((now() + timeout).min(self.shared.window.end + timeout));
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        let connecting = Stream::connect(&self.shared.address);
        let stream = before(&self.deadline, connecting).await.ok_or_else(|| self.late("connecting"))?;
        self.stream = Some(stream.map_err(|error| Failure::connect(&error))?);
        self.shared.tally.borrow_mut().connections_opened += 1;
        self.reader.begin_anew();
        self.sent = 0;
        Ok(())
    }

    async fn send(&mut self) -> Result<(), Failure> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        // The last one is through as a rule: it has been answered.
        let sent = before(&self.deadline, poll_fn(|context| stream.poll_sent(context))).await;
        sent.ok_or_else(|| self.late("sending"))?.map_err(|error| Failure::broken(&error))?;
        let requests = self.requests();
        if let Some(stream) = &mut self.stream {
            stream.start_send(requests, More::Nothing);
        }
        Ok(())
    }

    /// The requests that are due, one behind the other.
    fn requests(&mut self) -> Chunk {
        let (shared, count) = (&self.shared, self.due.len() as u64);
        let last = match shared.plan.reuse {
            Reuse::Always => u64::MAX,
            Reuse::Requests { count, .. } => count - 1,
        };
        let mut paths = shared.paths.borrow_mut();
        let mut write = |room: &mut [u8]| {
            (self.sent..self.sent + count).fold(0, |written, number| {
                let place = if number == last { Place::Last } else { Place::Within };
                written + shared.template.write(&mut paths, place, &mut room[written..])
            })
        };
        let requests = match BufferPool::lease(shared.block) {
            Some(mut block) => {
                let written = write(&mut block);
                block.truncate(written);
                Chunk::Lease(block)
            }
            // All blocks are on their way, so many connections are there.
            None => {
                let mut room = vec![0; shared.block.bytes()];
                let written = write(&mut room);
                room.truncate(written);
                room.into()
            }
        };
        self.sent += count;
        requests
    }

    /// The next octets; `None` at the end of the server's sending.
    async fn receive(&mut self) -> Result<Option<Lease>, Failure> {
        let Some(stream) = &mut self.stream else { return Ok(None) };
        let received =
            before(&self.deadline, stream.receive()).await.ok_or_else(|| self.late("an answer"))?;
        let lease = received.map_err(|error| Failure::broken(&error))?;
        self.shared.tally.borrow_mut().received(lease.as_deref().map_or(0, <[u8]>::len), now());
        Ok(lease)
    }

    fn read(&mut self, mut octets: &[u8]) -> Result<Outlook, Failure> {
        while !octets.is_empty() {
            if self.due.is_empty() {
                return Err(garbage(octets, "octets that nobody asked for"));
            }
            let (taken, answer) = self.reader.read(octets)?;
            octets = &octets[taken..];
            let Some(Answer { after, .. }) = answer.inspect(|&answer| self.answered(answer)) else {
                continue;
            };
            if after == After::Closes {
                return Ok(Outlook::Ends);
            }
        }
        Ok(Outlook::GoesOn)
    }

    fn answered(&mut self, answer: Answer) {
        if let Some(due) = self.due.pop_front() {
            self.shared.tally.borrow_mut().answered(answer, due, now());
        }
        self.failures = 0;
        self.begin_to_wait();
    }

    /// Gives the stream up.
    async fn end(&mut self, closing: Closing) -> Result<(), Failure> {
        // The server's end first, so that it is its port that is kept for a minute.
        let last = if closing == Closing::Server { self.receive().await } else { Ok(None) };
        self.stream = None;
        match last {
            Ok(Some(lease)) => Err(garbage(&lease, "octets behind the last answer")),
            Err(failure) if failure.kind != FailureKind::Broken => Err(failure),
            // All was answered: a reset is an end, too.
            Ok(None) | Err(_) => Ok(()),
        }
    }

    fn late(&self, what: &str) -> Failure {
        let timeout = self.shared.plan.timeout;
        Failure::new(FailureKind::Timeout, format!("{what} took longer than {timeout:?}"))
    }
}

/// What `future` gives before the deadline.
async fn before<T>(deadline: &Deadline, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => deadline.poll_expired(context).map(|()| None),
    })
    .await
}
