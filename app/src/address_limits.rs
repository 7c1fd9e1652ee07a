//! What one client address may have. In: the configuration. Out: who sees to it, for all workers.

use std::num::NonZero;

use selvedge_http::address_limits::{AddressLimiter, AddressLimits, ConnectionRate};

use crate::config::Config;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AddressConfig {
    /// Connections of an address at once; `None`: as many as there may be in all.
    pub connections: Option<NonZero<u32>>,
    /// How often an address may connect; `None`: as often as it likes.
    pub new_connections: Option<ConnectionRate>,
}

/// The limiter of a server of so many connections; `None` where nothing is limited.
pub fn limiter(config: &Config, connections_max: u64) -> Option<AddressLimiter> {
    let AddressConfig { connections, new_connections } = config.addresses;
    if connections.is_none() && new_connections.is_none() {
        return None;
    }
    Some(AddressLimiter::new(AddressLimits {
        connections_max: connections,
        new_connections,
        trusted_proxies: config.trusted_proxies.clone(),
        addresses_max: usize::try_from(connections_max).unwrap_or(usize::MAX),
        ..AddressLimits::default()
    }))
}
