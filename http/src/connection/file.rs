//! Bodies from files too large for memory: resident pages by sendfile, the rest read through the ring, a bounded piece
//! at a time.

use std::io;
use std::task::Poll;
use std::time::Duration;

use selvedge_runtime::fs::{self, Metadata, Residency};
use selvedge_runtime::net::More;
use selvedge_runtime::{BufferPool, Lease, timer};

use super::Connection;
use super::pace::{Pace, Step, paced};
use crate::record::CloseReason;
use crate::response::FilePart;
use crate::shared::Shared;

/// Octets of a file sent in one go; then other connections have their turn.
const PIECE_BYTES_MAX: u64 = 256 * 1024;

impl Connection {
    /// Sends a part of a file after what was gathered. A file that gets shorter, or changes, closes the connection: its
    /// length was promised, and it is never filled up.
    pub(super) async fn answer_file<A>(
        &mut self,
        shared: &Shared<A>,
        part: &FilePart,
    ) -> Result<(), CloseReason> {
        self.flush_before_file(shared).await?;
        let timeouts = shared.timeouts();
        let pace = Pace::new(selvedge_runtime::now(), timeouts.write_grace, timeouts.bytes_per_second_min);
        let mut sent = 0;
        while sent < part.length {
            let piece = (part.length - sent).min(PIECE_BYTES_MAX);
            if sent + piece == part.length {
                check_unchanged(part)?;
            }
            let offset = part.start + sent;
            sent += match part.file.resident(offset, piece) {
                Residency::Cached => self.send_resident(part, offset, piece, pace, sent).await?,
                Residency::Absent => self.send_read(shared, part, offset, piece).await?,
            };
            if sent < part.length {
                selvedge_runtime::yield_now().await;
            }
        }
        Ok(())
    }

    /// sendfile(2), as much as the socket takes, at least something.
    async fn send_resident(
        &mut self,
        part: &FilePart,
        offset: u64,
        length: u64,
        pace: Pace,
        sent_before: u64,
    ) -> Result<u64, CloseReason> {
        let stream = &mut self.stream;
        let mut writable = None;
        let sent = paced(&self.deadline, pace, |context| {
            let poll = loop {
                if let Some(waiting) = &mut writable {
                    match stream.poll_writable(waiting, context) {
                        Poll::Ready(Ok(())) => writable = None,
                        Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                        Poll::Pending => break Poll::Pending,
                    }
                }
                match stream.send_file(&part.file, offset, length as usize) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        writable = Some(stream.start_writable());
                    }
                    other => break Poll::Ready(other),
                }
            };
            Step::of(poll, || sent_before)
        });
        match sent.await {
            Ok(Ok(0)) => Err(CloseReason::FileChanged),
            Ok(Ok(sent)) => Ok(sent as u64),
            Ok(Err(error)) if is_file_error(&error) => Err(CloseReason::FileFailure),
            Ok(Err(_)) => Err(CloseReason::ClientFailure),
            Err(_) => {
                self.stream.reset_on_drop();
                Err(CloseReason::WriteTimeout)
            }
        }
    }

    /// Reads from the disk outside the worker's thread, then sends.
    async fn send_read<A>(
        &mut self,
        shared: &Shared<A>,
        part: &FilePart,
        offset: u64,
        length: u64,
    ) -> Result<u64, CloseReason> {
        let mut block = file_block().await;
        block.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        let block = fs::read_at(&part.file, block, offset).await.map_err(|_| CloseReason::FileFailure)?;
        if block.is_empty() {
            return Err(CloseReason::FileChanged);
        }
        let length = block.len() as u64;
        let more = if offset + length < part.start + part.length { More::Follows } else { More::Nothing };
        self.stream.start_send(block.into(), more);
        self.sent(shared).await?;
        Ok(length)
    }
}

/// Before the last piece: what was promised is still there, and still the same.
fn check_unchanged(part: &FilePart) -> Result<(), CloseReason> {
    let now: Metadata = part.file.metadata().map_err(|_| CloseReason::FileFailure)?;
    let then = &part.metadata;
    if now.size_bytes == then.size_bytes && now.modified == then.modified {
        Ok(())
    } else {
        Err(CloseReason::FileChanged)
    }
}

/// The next free block; while the disk keeps all of them busy, a look every 2 ms.
async fn file_block() -> Lease {
    loop {
        if let Some(block) = BufferPool::file_block() {
            return block;
        }
        timer::sleep(Duration::from_millis(2)).await;
    }
}

/// EIO and its kind come from the disk, the rest from the socket.
fn is_file_error(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::NotConnected
    )
}
