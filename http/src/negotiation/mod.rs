//! Proactive negotiation (RFC 9110 section 12): which of several representations of one thing a client wants.
//!
//! In: the values of a request's field, all its lines. Out: a choice among what there is. Nothing here allocates or
//! does I/O; whatever a client sends is read in one pass, and what cannot be read counts as not sent.
//! * [`quality`]: weights, and the lists that carry them.
//! * [`encoding`]: Accept-Encoding, for files that exist compressed too.
//! * [`language`]: Accept-Language, for files that exist in several languages.
//! * [`media`]: Accept, as far as a file server is asked for HTML or JSON.
//!
//! An answer that was chosen here says so to caches: `Vary` with the field's name (section 12.5.5), also where the
//! choice fell on what is served by default.

pub mod encoding;
pub mod language;
pub mod media;
pub mod quality;

pub use encoding::{Acceptable, Coding, CodingSet};
pub use language::LanguagePriorities;
pub use media::AcceptedMedia;
pub use quality::Weight;
