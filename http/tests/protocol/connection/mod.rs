//! What becomes of a connection, and what is answered on it.

pub(crate) mod expectations;
pub(crate) mod persistence;
pub(crate) mod pipelines;
pub(crate) mod responses;
