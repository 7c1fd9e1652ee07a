//! The bodies of the fuzz targets in `fuzz/`, as plain functions, so that the stable tests run them too. Each takes any
//! octets and panics if one of the promises of its module is broken.
//!
//! Some read the octets as they are; some also take them for choices (`choices.rs`), compose a valid input of them, and
//! know from the choices what must come out.

mod accept_encoding;
mod accept_language;
mod choices;
mod chunked;
mod conditionals;
mod framing;
mod head;
mod multipart_form;
mod path;
mod proxy_protocol;
mod ranges;
mod real_address;

pub use accept_encoding::accept_encoding;
pub use accept_language::accept_language;
pub use chunked::chunked;
pub use conditionals::conditionals;
pub use framing::framing;
pub use head::head;
pub use multipart_form::multipart_form;
pub use path::path;
pub use proxy_protocol::proxy_protocol;
#[cfg(test)]
pub(crate) use ranges::check_ranges;
pub use ranges::ranges;
pub use real_address::real_address;

#[cfg(test)]
mod tests;
