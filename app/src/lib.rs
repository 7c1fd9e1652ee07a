//! The static file server's parts: what the user asked for ([`options`], [`config`]), how a start that fails is told
//! ([`failure`]), the line that a start that succeeds prints ([`banner`]), and the server itself ([`serve`], [`site`], who may
//! read of it: [`access`], what one client may have: [`address_limits`], what is told of it: [`monitoring`], what it takes:
//! [`memory`]).
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod access;
pub mod address_limits;
pub mod bad_value;
pub mod banner;
pub mod config;
pub mod cpu_list;
pub mod descriptors;
pub mod failure;
pub mod listing;
pub mod memory;
pub mod monitoring;
pub mod monitoring_config;
pub mod options;
pub mod rights;
pub mod rights_config;
pub mod root;
pub mod serve;
pub mod site;
pub mod site_config;
