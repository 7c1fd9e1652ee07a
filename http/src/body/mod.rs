//! Bodies that are not there at once: a request's, pulled piece by piece, and a response's, written piece by piece.
//!
//! The application's end of each is a handle of its own, [`RequestBody`] and [`BodyWriter`]; the connection's end receives
//! when it is asked to, and sends what it is given. Between them stands one piece, or a bounded queue: that is the
//! backpressure. No handle does I/O.

mod decoded;
#[cfg(feature = "form")]
mod form;
mod incoming;
#[cfg(feature = "json")]
mod json;
mod media;
mod multipart;
mod outgoing;
mod reader;
mod request_body;
mod stream_body;
mod trailers;
mod writer;

#[cfg(feature = "form")]
pub use form::QueryError;
pub(crate) use incoming::Incoming;
#[cfg(feature = "json")]
pub use json::Json;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use multipart::{FieldHead, FormParser, FormStep};
pub use multipart::{Multipart, MultipartField, MultipartLimits};
pub(crate) use outgoing::{Ending, Outgoing, Piece};
pub use reader::BodyReader;
pub(crate) use reader::Part;
pub use request_body::{BodyError, RequestBody};
pub use stream_body::StreamBody;
pub use writer::BodyWriter;
