//! Answers from files: preconditions and parts.

pub(crate) mod multipart;
pub(crate) mod preconditions;
pub(crate) mod ranges;
