//! How rows are read: [`row`] says what a row of requests is, [`engine`] feeds it to the engine without a socket,
//! [`wire`] to a running server; [`reply`] is about rows of answers, which go over sockets alone.

pub(crate) mod archive;
pub(crate) mod engine;
pub(crate) mod mirror;
pub(crate) mod reply;
pub(crate) mod row;
pub(crate) mod wire;
