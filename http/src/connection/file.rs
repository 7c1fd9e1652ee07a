//! Bodies from files that are not kept in memory. In: a part of one. Out: its octets, a small part behind its head in the
//! same block, resident pages by sendfile, the rest read through the ring, a bounded piece at a time.

use std::io;
use std::time::Duration;

use selvedge_runtime::fs::{self, Residency};
use selvedge_runtime::net::More;
use selvedge_runtime::{BlockClass, BufferPool, Lease, timer};

use super::Connection;
use super::pace::{Pace, RestingPace, Timeouts, paced};
use crate::record::CloseReason;
use crate::response::FilePart;
use crate::shared::Shared;

/// A part up to this length goes out in the block of its head, where no disk is waited for: a second call to the socket costs
/// more than a copy of so much.
const GATHERED_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Octets of a file sent in one turn; then other connections have theirs.
const PIECE_BYTES_MAX: u64 = 256 * 1024;

impl Connection {
    /// Sends a part of a file after what was gathered. A file that gets shorter, or changes, closes the connection: its
    /// length was promised, and it is never filled up.
    ///
    /// `turn_bytes` counts what the parts of one answer have sent since others had their turn, 0 before the first.
    pub(super) async fn answer_file<A>(
        &mut self,
        shared: &Shared<A>,
        part: &FilePart,
        turn_bytes: &mut u64,
    ) -> Result<(), CloseReason> {
        let answered = self.send_part(shared, part, turn_bytes).await;
        let what = match answered {
            Err(CloseReason::FileChanged) => "changed",
            Err(CloseReason::FileFailure) => "could not be read",
            _ => return answered,
        };
        selvedge_runtime::report(what, || {
            let path = part.file.current_path().unwrap_or_else(|_| "(its path is not known)".into());
            format!("{path:?} {what} while it was sent; the connection was closed short")
        });
        answered
    }

    async fn send_part<A>(
        &mut self,
        shared: &Shared<A>,
        part: &FilePart,
        turn_bytes: &mut u64,
    ) -> Result<(), CloseReason> {
        if self.gather_part(part)? {
            return Ok(());
        }
        self.flush_before_file(shared).await?;
        // It rests while the disk is waited for, or nobody.
        let mut pace = RestingPace::default();
        let mut sent = 0;
        while sent < part.length {
            let piece = (part.length - sent).min(PIECE_BYTES_MAX);
            if *turn_bytes + piece > PIECE_BYTES_MAX {
                selvedge_runtime::yield_now().await;
                *turn_bytes = 0;
            }
            let offset = part.start + sent;
            let (taken, room) = match part.file.resident(offset, piece) {
                Residency::Cached => self.send_resident(part, offset, piece)?,
                Residency::Absent => self.send_read(shared, part, offset, piece).await?,
            };
            sent += taken;
            *turn_bytes += taken;
            self.answered_bytes += taken;
            if room == Room::Full {
                self.writable(shared.timeouts(), &mut pace, sent).await?;
            }
        }
        Ok(())
    }

    /// Puts a part behind what was gathered, if there is room for it and the page cache has it. Whether it did.
    fn gather_part(&mut self, part: &FilePart) -> Result<bool, CloseReason> {
        if !is_gathered(part) {
            return Ok(false);
        }
        let length = part.length as usize;
        let class = BlockClass::fitting(length).unwrap_or(BlockClass::Large);
        let Some(room) = self.output.room(length, class) else { return Ok(false) };
        if !part.file.read_resident(&mut room[..length], part.start) {
            return Ok(false);
        }
        check_unchanged(part)?;
        self.output.fill(length);
        self.answered_bytes += part.length;
        Ok(true)
    }

    /// sendfile(2), as much as the socket takes.
    fn send_resident(
        &mut self,
        part: &FilePart,
        offset: u64,
        length: u64,
    ) -> Result<(u64, Room), CloseReason> {
        if offset + length == part.start + part.length {
            check_unchanged(part)?;
        }
        match self.stream.get_mut().send_file(&part.file, offset, length as usize) {
            Ok(0) => Err(CloseReason::FileChanged),
            Ok(sent) => Ok((sent as u64, Room::Unknown)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok((0, Room::Full)),
            Err(error) if is_file_error(&error) => Err(CloseReason::FileFailure),
            Err(_) => Err(CloseReason::ClientFailure),
        }
    }

    /// Reads from the disk outside the worker's thread, then sends what the socket takes. The rest is resident now, most
    /// likely: a file block is held for the disk, never for a client, or a few clients that stand still would keep all of
    /// them from the others.
    async fn send_read<A>(
        &mut self,
        shared: &Shared<A>,
        part: &FilePart,
        offset: u64,
        length: u64,
    ) -> Result<(u64, Room), CloseReason> {
        let _turn = shared.file_turns().next().await;
        let mut block = file_block().await;
        block.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        let block = fs::read_at(&part.file, block, offset).await.map_err(|_| CloseReason::FileFailure)?;
        if block.is_empty() {
            return Err(CloseReason::FileChanged);
        }
        let end = offset + block.len() as u64;
        let more = if end < part.start + part.length { More::Follows } else { More::Nothing };
        if more == More::Nothing {
            // Behind the read: the disk may have taken minutes for it.
            check_unchanged(part)?;
        }
        let sent = match self.stream.get_mut().send_now(&block, more) {
            Ok(sent) => sent as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => return Err(CloseReason::ClientFailure),
        };
        // Said at once, as what is not known to be resident would be read once more to find it out.
        let room = if sent < block.len() as u64 { Room::Full } else { Room::Unknown };
        Ok((sent, room))
    }

    /// Waits until the socket takes something again, as long as the pace allows.
    async fn writable(
        &mut self,
        timeouts: &Timeouts,
        pace: &mut RestingPace,
        sent: u64,
    ) -> Result<(), CloseReason> {
        let stream = self.stream.get_mut();
        let mut waiting = stream.start_writable();
        let writable = paced(
            &self.deadline,
            pace,
            |now| Pace::writing(now, timeouts),
            stream,
            |stream, context| stream.poll_writable(&mut waiting, context),
            |stream| sent as i64 - i64::from(stream.unread_bytes()),
        );
        match writable.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(CloseReason::ClientFailure),
            Err(_) => {
                self.stream.get_mut().reset_on_drop();
                Err(CloseReason::WriteTimeout)
            }
        }
    }
}

/// Whether the socket is known to take nothing more for now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    Full,
    Unknown,
}

/// Whether a part goes out in the block of its head, if that has room.
pub(super) fn is_gathered(part: &FilePart) -> bool {
    part.length <= GATHERED_FILE_BYTES_MAX && part.file.reads_resident()
}

/// Fills `room` with a part that is gathered, if the page cache has it and it is still the same. Whether it did.
pub(super) fn read_gathered(part: &FilePart, room: &mut [u8]) -> bool {
    part.file.read_resident(room, part.start) && check_unchanged(part).is_ok()
}

/// Before the last piece goes out, or a head alone: what was promised is still there, and still the same.
pub(super) fn check_unchanged(part: &FilePart) -> Result<(), CloseReason> {
    match part.file.is_unchanged() {
        Ok(true) => Ok(()),
        Ok(false) => Err(CloseReason::FileChanged),
        Err(_) => Err(CloseReason::FileFailure),
    }
}

/// A block, to whoever has a turn. Reads that were given up keep theirs until the disk has answered: then a look every
/// 2 ms.
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
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected
            | io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
    )
}
