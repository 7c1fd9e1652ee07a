//! What two recipients may read differently: lengths, codings, fields, ends of lines, chunks. Nearly all of it is
//! refused.

pub(crate) mod chunks;
pub(crate) mod codings;
pub(crate) mod fields;
pub(crate) mod lengths;
pub(crate) mod line_ends;
