//! Where to listen: `--listen`, or an address and a port, each from its flag, its variable or its default.

use selvedge_runtime::net::listen::{LISTENERS_MAX, ListenSpec, TcpAddress, refuse_overlaps};

use super::environment::{Environment, UrlValue};
use super::values;
use crate::config::PORT_DEFAULT;
use crate::failure::Failure;

/// Whether the directory to serve was chosen. The current directory may be somebody's home by accident, so it is not
/// offered to the network unless an address says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Directory {
    Named,
    Current,
}

/// The listeners, from flags if there are any and from variables otherwise: `-p` alone puts `SELVEDGE_LISTEN` aside.
pub(super) fn resolve(
    listen: Vec<ListenSpec>,
    address: Option<TcpAddress>,
    port: Option<u16>,
    directory: Directory,
    environment: &mut Environment,
) -> Result<Vec<ListenSpec>, Failure> {
    if !listen.is_empty() {
        refuse_both("--listen", [("--address", address.is_some()), ("--port", port.is_some())])?;
        return checked(listen);
    }
    let any_flag = address.is_some() || port.is_some();
    let address = match address {
        Some(address) => Some(address),
        None => environment.value("SELVEDGE_ADDRESS", UrlValue::Meant, values::address)?,
    };
    let own_port = match port {
        Some(port) => Some(port),
        None => environment.value("SELVEDGE_PORT", UrlValue::Injected, values::port)?,
    };
    if !any_flag
        && let Some(listen) = environment.value("SELVEDGE_LISTEN", UrlValue::Meant, values::listen_list)?
    {
        let others = [("SELVEDGE_ADDRESS", address.is_some()), ("SELVEDGE_PORT", own_port.is_some())];
        refuse_both("SELVEDGE_LISTEN", others)?;
        return checked(listen);
    }
    let port = match own_port {
        Some(port) => port,
        None => environment.value("PORT", UrlValue::Injected, values::port)?.unwrap_or(PORT_DEFAULT),
    };
    let address = address.unwrap_or(match directory {
        Directory::Named => TcpAddress::DualStack,
        Directory::Current => TcpAddress::Loopback,
    });
    Ok(vec![ListenSpec::Tcp { address, port }])
}

fn refuse_both(listen: &str, others: [(&str, bool); 2]) -> Result<(), Failure> {
    match others.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((other, _)) => Err(Failure::usage(
            format!("{listen} says where to listen, so {other} has no place beside it"),
            format!("leave {other} out, or {listen}"),
        )),
    }
}

fn checked(listen: Vec<ListenSpec>) -> Result<Vec<ListenSpec>, Failure> {
    if listen.len() > LISTENERS_MAX {
        let what = format!("{} places to listen at are too many", listen.len());
        return Err(Failure::usage(what, format!("name at most {LISTENERS_MAX}")));
    }
    refuse_overlaps(&listen).map_err(|error| Failure::usage(error.what, error.fix))?;
    Ok(listen)
}
