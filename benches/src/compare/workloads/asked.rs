//! What is asked for. In: a workload's. Out: the status of the right answer, and the ceiling's canned one.

use crate::ceiling::Status;
use crate::compare::file_set::FileSet;

/// What is asked for, and what the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::compare) enum Asked {
    /// The file.
    Whole,
    /// The octets `RANGE` of the file.
    Range,
    /// The file, unless it is as the client has it; which it is.
    Unchanged,
    /// What is not there.
    Unknown,
    /// The files of a set, in its order.
    Many(FileSet),
}

impl Asked {
    /// The answer of a server that has none but this one.
    pub(in crate::compare) fn canned(self) -> Status {
        match self {
            Self::Whole | Self::Many(_) => Status::Ok,
            Self::Range => Status::PartialContent,
            Self::Unchanged => Status::NotModified,
            Self::Unknown => Status::NotFound,
        }
    }

    pub(in crate::compare) fn status(self) -> u16 {
        match self {
            Self::Whole | Self::Many(_) => 200,
            Self::Range => 206,
            Self::Unchanged => 304,
            Self::Unknown => 404,
        }
    }
}
