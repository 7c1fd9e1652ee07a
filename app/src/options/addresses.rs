//! The options about what one client address may have: as clap reads them, from variables, and put together.

use std::num::NonZero;

use clap::Args;
use selvedge_http::address_limits::ConnectionRate;
use selvedge_http::networks::Networks;
use selvedge_runtime::net::listen::ListenSpec;

use super::given::Given;
use super::values::{OrOff, count};
use crate::address_limits::AddressConfig;
use crate::bad_value::BadValue;
use crate::failure::Failure;

/// Most connections of an address, and most in a second: what never is the limit.
const CONNECTIONS_MAX: u32 = 1_000_000;

/// Flags about client addresses.
#[derive(Debug, Args)]
pub(super) struct AddressFlags {
    #[arg(long, value_name = "N", help_heading = "Access", value_parser = connections)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help = "Most connections of one address, then 503; IPv6 by /64; or off\n\
        [default: off] [env: SELVEDGE_CONNECTIONS_PER_ADDRESS]")]
    connections_per_address: Option<OrOff<NonZero<u32>>>,

    #[arg(long, value_name = "RATE[:BURST]", help_heading = "Access", value_parser = new_connections)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help = "Most new connections of one address a second, and at once, then 429; or off\n\
        [default: off] [env: SELVEDGE_NEW_CONNECTIONS_PER_ADDRESS]")]
    new_connections_per_address: Option<OrOff<ConnectionRate>>,
}

/// Reads them, flags before variables. Behind a Unix socket nobody has an address, unless a proxy says it.
///
/// # Errors
///
/// A usage failure that names the option or variable at fault.
pub(super) fn resolve(
    flags: AddressFlags,
    listeners: &[ListenSpec],
    proxy_protocol: &Networks,
    given: &mut Given<'_>,
) -> Result<AddressConfig, Failure> {
    let connections =
        given.value(flags.connections_per_address, "SELVEDGE_CONNECTIONS_PER_ADDRESS", connections)?;
    let new_connections = given.value(
        flags.new_connections_per_address,
        "SELVEDGE_NEW_CONNECTIONS_PER_ADDRESS",
        new_connections,
    )?;
    let config = AddressConfig {
        connections: connections.and_then(OrOff::into_option),
        new_connections: new_connections.and_then(OrOff::into_option),
    };
    let are_nameless = listeners.iter().all(|listener| matches!(listener, ListenSpec::Unix { .. }));
    if are_nameless && proxy_protocol.is_empty() {
        let options = [
            ("--connections-per-address", config.connections.is_some()),
            ("--new-connections-per-address", config.new_connections.is_some()),
        ];
        given.note_idle(
            &options,
            "on unix sockets alone, where clients have no address, without --proxy-protocol",
        );
    }
    Ok(config)
}

fn connections(text: &str) -> Result<OrOff<NonZero<u32>>, BadValue> {
    match text {
        "off" => Ok(OrOff::Off),
        text => count(text, CONNECTIONS_MAX).map(OrOff::Set),
    }
}

/// A rate, and a burst of one second's connections where none is said.
fn new_connections(text: &str) -> Result<OrOff<ConnectionRate>, BadValue> {
    if text == "off" {
        return Ok(OrOff::Off);
    }
    let (rate, burst) = text.split_once(':').unwrap_or((text, text));
    let number = |text| {
        count(text, CONNECTIONS_MAX).map_err(|_| {
            let fix =
                format!("give one or two numbers from 1 to {CONNECTIONS_MAX}, as in 10 or 10:50, or off");
            BadValue::new("this is no rate of connections a second", fix)
        })
    };
    let (connections_per_second, burst) = (number(rate)?, number(burst)?);
    Ok(OrOff::Set(ConnectionRate { connections_per_second, burst }))
}
