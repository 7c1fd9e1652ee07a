//! Content codings at work (RFC 9110 section 8.4.1): the one place that knows codecs, their levels and their memory.
//!
//! In: octets, in any pieces. Out: the same octets encoded. Files are encoded to be kept, answers to be sent once.

mod decoder;
mod encoder;

pub(crate) use decoder::{Broken, Decoder};
pub(crate) use encoder::{Effort, Encoder, encode, fingerprint};
