//! Where a log's lines go: a file opened to append, a pipe with a name, or standard output. Used by one thread, which may wait.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Stdout};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::account::Account;
use super::process::{directory_of, may_change_directory};
use super::signals::outlive_file_size_limit;

/// Where the lines of a log go.
///
/// ```
/// use selvedge_runtime::LogTarget;
///
/// /// The target that an option names; `-` is standard output.
/// fn target(option: &str) -> LogTarget {
///     match option {
///         "-" => LogTarget::StandardOutput,
///         path => LogTarget::File(path.into()),
///     }
/// }
///
/// assert_eq!(target("-"), LogTarget::StandardOutput);
/// assert_eq!(target("visits.log"), LogTarget::File("visits.log".into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// To the end of this file, which is made if it is not there, readable by its owner and group.
    File(PathBuf),
    /// To standard output.
    StandardOutput,
}

impl LogTarget {
    /// Makes the file, empty and `account`'s own, if it is not there: for a process that opens its log before it becomes that
    /// account. A file that is there stays whose it is, wherever a link of its name leads.
    ///
    /// # Errors
    /// Those of open(2) and fchown(2).
    pub fn make_for(&self, account: &Account) -> io::Result<()> {
        let Self::File(path) = self else { return Ok(()) };
        // O_EXCL follows no link.
        match OpenOptions::new().append(true).create_new(true).mode(0o640).open(path) {
            Ok(file) => Ok(fchown(&file, Some(account.user), Some(account.group))?),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether this process may make the file anew, in its directory, after somebody has renamed it; true of what is no file
    /// with a name, since nobody renames that.
    pub fn may_be_made_anew(&self) -> bool {
        match (self, self.place()) {
            (Self::File(path), LogPlace::Named) => may_change_directory(directory_of(path)),
            (Self::File(_) | Self::StandardOutput, _) => true,
        }
    }

    /// As an operator knows it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => format!("{path:?}"),
            Self::StandardOutput => "standard output".to_owned(),
        }
    }

    /// What it leads to.
    pub(super) fn place(&self) -> LogPlace {
        let Self::File(path) = self else { return LogPlace::Open };
        let kind = fs::metadata(path).map(|metadata| metadata.file_type());
        if kind.is_ok_and(|kind| kind.is_fifo() || kind.is_char_device() || kind.is_socket()) {
            LogPlace::Special
        } else if leads_into_proc(path) {
            LogPlace::Open
        } else {
            LogPlace::Named
        }
    }
}

/// What a [`LogTarget`] leads to, and so what to open it again takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogPlace {
    /// A file, or none yet, in a directory: made anew by its name when somebody has renamed it.
    Named,
    /// A pipe, a device or a socket.
    Special,
    /// A file that is open already, whatever its name is by now, as /dev/stdout leads to.
    Open,
}

/// Whether the name, or a link that it leads through, lies in /proc (/dev/stdout, /dev/fd/3).
fn leads_into_proc(path: &Path) -> bool {
    let mut path = path.to_path_buf();
    // The kernel follows no more links (path_resolution(7)).
    for _ in 0..40 {
        let Ok(directory) = fs::canonicalize(directory_of(&path)) else { return false };
        if directory.starts_with("/proc") {
            return true;
        }
        let Ok(target) = fs::read_link(&path) else { return false };
        path = directory.join(target);
    }
    false
}

/// An open [`LogTarget`].
#[derive(Debug)]
pub(crate) struct LogFile {
    place: Place,
    /// Bytes of one write that does not wait once it can begin.
    piece_bytes_max: usize,
}

#[derive(Debug)]
enum Place {
    File(File),
    StandardOutput(Stdout),
}

impl LogFile {
    /// Opens it. Never waits for a reader of a pipe with a name.
    ///
    /// # Errors
    /// Those of open(2).
    pub(crate) fn open(target: &LogTarget) -> io::Result<Self> {
        // Who asks for much must not end the server by the length of its log.
        outlive_file_size_limit()?;
        let place = match target {
            LogTarget::StandardOutput => Place::StandardOutput(io::stdout()),
            LogTarget::File(path) => {
                let is_pipe = fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo());
                let mut options = OpenOptions::new();
                // To open a pipe for writing alone waits for its reader (fifo(7)).
                options.read(is_pipe).append(true).create(!is_pipe).mode(0o640);
                Place::File(options.open(path)?)
            }
        };
        let stat = rustix::fs::fstat(place.as_fd())?;
        let piece_bytes_max = match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
            rustix::fs::FileType::Fifo | rustix::fs::FileType::Socket => libc::PIPE_BUF,
            _ => usize::MAX,
        };
        Ok(Self { place, piece_bytes_max })
    }

    /// Bytes that a pipe which can be written to takes without waiting, and that stay together in it (pipe(7)); no bound for a
    /// file.
    pub(crate) fn piece_bytes_max(&self) -> usize {
        self.piece_bytes_max
    }

    /// Waits until a piece can be written, at most `patience`; false if it still cannot (poll(2)).
    pub(crate) fn wait_writable(&self, patience: Duration) -> bool {
        let fd = self.place.as_fd();
        let mut asked = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::OUT)];
        let patience = rustix::event::Timespec {
            tv_sec: patience.as_secs() as i64,
            tv_nsec: i64::from(patience.subsec_nanos()),
        };
        // If it cannot be asked, the write will say.
        rustix::event::poll(&mut asked, Some(&patience)) != Ok(0)
    }

    /// Writes as much as is taken, by one call (write(2)).
    ///
    /// # Errors
    /// Those of write(2).
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self.place.as_fd(), bytes)?)
    }
}

impl AsFd for Place {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::File(file) => file.as_fd(),
            Self::StandardOutput(stdout) => stdout.as_fd(),
        }
    }
}
