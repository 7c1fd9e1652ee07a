//! From where to listen, as it is written, to listening sockets: [`ListenSpec`] reads it, [`ListenSpec::bind`] binds it,
//! [`ListenError`] says what is wrong and what helps.

mod bind;
mod error;
mod spec;

#[cfg(test)]
mod tests;

pub use bind::{BACKLOG_DEFAULT, lists_for_workers};
pub use error::ListenError;
pub use spec::{LISTENERS_MAX, ListenSpec, TcpAddress, UNIX_PATH_BYTES_MAX, parse_port};
