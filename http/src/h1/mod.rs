//! HTTP/1.x message syntax and framing (RFC 9112), in the order in which a request meets it: [`limits`], [`scan`],
//! [`request`] (with [`method`], [`target`], [`field`], [`known_field`], [`framing`]), [`body`] (with [`chunked`]),
//! [`response`].

pub mod body;
pub mod chunked;
pub mod date;
pub mod error_body;
pub mod field;
pub mod framing;
pub mod known_field;
pub mod limits;
pub mod method;
pub mod reject;
pub mod request;
pub mod response;
pub mod scan;
pub mod status;
pub mod target;

pub(crate) mod section_memory;

mod field_section;
mod folded_name;
mod request_line;

pub use body::BodyDecoder;
pub use chunked::{ChunkEvent, ChunkedDecoder, Decoded};
pub use date::{DATE_LEN, DateCache};
pub use error_body::ErrorBody;
pub use field::{Field, FieldLine, FieldLines, FieldValues, Span};
pub use framing::{BodyFraming, Expect, Persistence, Upgrade};
pub use known_field::KnownField;
pub use limits::Limits;
pub use method::Method;
pub use reject::Reject;
pub use request::{RequestHead, Version};
pub(crate) use response::BodyWish;
pub use response::{HeadError, HeadWriter, WrittenHead};
pub use scan::{CompleteHead, HeadScanner, Scan};
pub use target::{ConnectPolicy, TargetForm};
