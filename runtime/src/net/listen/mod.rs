//! From where to listen, as it is written, to listening sockets: a [`ListenSpec`] is read from it, [`refuse_overlaps`] holds
//! it against the others, [`ListenSpec::bind`] binds it, [`ListenError`] says what is wrong and what helps.

mod bind;
mod error;
mod overlap;
mod parse;
mod spec;

#[cfg(test)]
mod tests;

pub use bind::{BACKLOG_DEFAULT, lists_for_workers};
pub use error::ListenError;
pub use overlap::refuse_overlaps;
pub use parse::parse_port;
pub use spec::{LISTENERS_MAX, ListenSpec, TcpAddress, UNIX_PATH_BYTES_MAX};
