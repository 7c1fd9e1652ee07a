//! The thread that writes a log. In: buffers of lines. Out: whole lines at the end of a file, and the buffers, empty again.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{Flags, Lines, Message, Shared};
use crate::report;
use crate::sys::{self, LogFile, LogTarget, Moment};

/// Lost lines are told at most so often.
const REPORT_PERIOD: Duration = Duration::from_secs(1);
/// How often a writer that nobody reads from looks whether it is to do something else.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

pub(super) struct Writer {
    name: &'static str,
    target: LogTarget,
    file: LogFile,
    flags: Arc<Flags>,
    losses: Weak<Shared>,
    /// Whether the file ends within a line, whose rest could not be written.
    end: LineEnd,
    /// Why lines could not be written last.
    error: Option<io::Error>,
    lost_reported: u64,
    reported_at: Option<Moment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Whole,
    Torn,
}

impl Writer {
    pub(super) fn new(
        name: &'static str,
        target: LogTarget,
        file: LogFile,
        flags: Arc<Flags>,
        losses: Weak<Shared>,
    ) -> Self {
        let (end, error, lost_reported, reported_at) = (LineEnd::Whole, None, 0, None);
        Self { name, target, file, flags, losses, end, error, lost_reported, reported_at }
    }

    pub(super) fn run(mut self, messages: &Receiver<Message>) {
        while let Some(message) = self.next(messages) {
            if let Message::Lines(Lines { mut bytes, home }) = message {
                self.write(&bytes);
                bytes.clear();
                // Its worker may have ended.
                let _ = home.try_send(bytes);
            }
            self.reopen_if_asked();
            self.report_losses();
        }
        // The last word, also within the second.
        self.reported_at = None;
        self.report_losses();
    }

    /// What is to be done next; `None` at the end.
    fn next(&self, messages: &Receiver<Message>) -> Option<Message> {
        match messages.try_recv() {
            Ok(message) => return Some(message),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) if self.flags.finish.load(Ordering::Acquire) => return None,
            Err(TryRecvError::Empty) => {}
        }
        if self.lost_unreported() == 0 {
            return messages.recv().ok();
        }
        // What is lost now is told later, though nothing comes meanwhile.
        match messages.recv_timeout(REPORT_PERIOD) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => Some(Message::Look),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Writes whole lines, in pieces that a pipe takes without waiting. What cannot be written is lost.
    fn write(&mut self, bytes: &[u8]) {
        if self.end == LineEnd::Torn && self.wait_writable() == Waited::Writable {
            // Or the next line would be glued to it.
            if self.file.write(b"\n").is_ok() {
                self.end = LineEnd::Whole;
            }
        }
        let mut written = 0;
        while written < bytes.len() {
            match self.wait_writable() {
                Waited::Writable => {}
                Waited::Reopened => {
                    // Another file begins with a whole line.
                    written = after_last_line(&bytes[..written]).unwrap_or(0);
                    continue;
                }
                Waited::Abandoned => break,
            }
            let piece = whole_lines(&bytes[written..], self.file.piece_bytes_max());
            match self.file.write(piece) {
                Ok(count) if count > 0 => written += count,
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
                failed => {
                    self.error = Some(failed.err().unwrap_or_else(|| io::ErrorKind::WriteZero.into()));
                    break;
                }
            }
        }
        let (done, lost) = bytes.split_at(written);
        if let Some(last) = done.last() {
            self.end = if *last == b'\n' { LineEnd::Whole } else { LineEnd::Torn };
        }
        let lines = lost.iter().filter(|&&byte| byte == b'\n').count();
        self.flags.lost.fetch_add(lines as u64, Ordering::Relaxed);
    }

    fn wait_writable(&mut self) -> Waited {
        while !self.file.wait_writable(LOOK_PERIOD) {
            self.report_losses();
            if self.reopen_if_asked() == Reopened::Yes {
                return Waited::Reopened;
            }
            if self.flags.abandoned.load(Ordering::Relaxed) {
                return Waited::Abandoned;
            }
        }
        Waited::Writable
    }

    fn reopen_if_asked(&mut self) -> Reopened {
        if !self.flags.reopen.swap(false, Ordering::Relaxed) {
            return Reopened::No;
        }
        match LogFile::open(&self.target) {
            Ok(file) => {
                (self.file, self.end) = (file, LineEnd::Whole);
                Reopened::Yes
            }
            Err(error) => {
                report::line(&format!(
                    "{} cannot be opened again: {}: {error}; it goes on as it was{}",
                    self.name,
                    self.target.name(),
                    match error.kind() {
                        io::ErrorKind::PermissionDenied =>
                            " (Landlock keeps a directory that was made anew out of reach until the next start)",
                        _ => "",
                    }
                ));
                Reopened::No
            }
        }
    }

    fn lost_unreported(&self) -> u64 {
        let lost = match self.losses.upgrade() {
            Some(shared) => shared.lines_lost(),
            None => self.flags.lost.load(Ordering::Relaxed),
        };
        lost.saturating_sub(self.lost_reported)
    }

    fn report_losses(&mut self) {
        let now = sys::monotonic();
        if self.reported_at.is_some_and(|at| now.since(at) < REPORT_PERIOD) {
            return;
        }
        let lost = self.lost_unreported();
        if lost == 0 {
            return;
        }
        self.lost_reported += lost;
        self.reported_at = Some(now);
        let reason = match self.error.take() {
            Some(error) => error.to_string(),
            None => "what it goes to is too slow".to_owned(),
        };
        report::line(&format!("{}: {lost} lines were lost: {reason}", self.name));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    Writable,
    /// The file is another one.
    Reopened,
    /// Nobody waits for the rest.
    Abandoned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reopened {
    Yes,
    No,
}

/// The longest beginning of whole lines within `bytes_max`; of a line that is longer by itself the beginning.
fn whole_lines(bytes: &[u8], bytes_max: usize) -> &[u8] {
    if bytes.len() <= bytes_max {
        return bytes;
    }
    let piece = &bytes[..bytes_max];
    &piece[..after_last_line(piece).unwrap_or(bytes_max)]
}

fn after_last_line(bytes: &[u8]) -> Option<usize> {
    bytes.iter().rposition(|&byte| byte == b'\n').map(|end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_ends_with_a_line_unless_one_line_is_too_long_for_it() {
        for (bytes, bytes_max, piece) in [
            (&b"ab\ncd\n"[..], 6, &b"ab\ncd\n"[..]),
            (b"ab\ncd\n", 5, b"ab\n"),
            (b"ab\ncd\n", 3, b"ab\n"),
            (b"ab\ncd\n", 2, b"ab"),
            (b"", 4, b""),
        ] {
            assert_eq!(whole_lines(bytes, bytes_max), piece);
        }
    }
}
