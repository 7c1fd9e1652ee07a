//! What a request line and its Host say.

pub(crate) mod hosts;
pub(crate) mod limits;
pub(crate) mod methods;
pub(crate) mod targets;
pub(crate) mod versions;
