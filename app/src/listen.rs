//! From what the user asked for to listening sockets.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use selvedge_runtime::net::{Address, Listening, PortSharing};

use crate::config::Config;
use crate::failure::{Failure, errno};
use crate::listen_spec::{ListenSpec, TcpAddress};

/// Permission bits of a Unix socket for which none were asked.
const UNIX_MODE_DEFAULT: u32 = 0o660;

/// Binds everything the configuration names: one list of listeners, or with `SO_REUSEPORT` one per worker.
///
/// # Errors
/// Which one cannot be listened at, why, and what helps.
pub fn bind(config: &Config, sharing: PortSharing, workers: usize) -> Result<Vec<Vec<Listening>>, Failure> {
    let mut first = Vec::new();
    for spec in &config.listeners {
        let bound = bind_one(spec, config.backlog.get(), sharing);
        first.extend(bound?);
    }
    let mut lists = vec![first];
    if sharing == PortSharing::Shared {
        for _ in 1..workers {
            let again = lists[0].iter().map(|listening| again(listening, config.backlog.get()));
            let again: io::Result<Vec<Listening>> = again.collect();
            lists.push(again.map_err(|error| Failure::listen(&config.listeners[0], &error))?);
        }
    }
    Ok(lists)
}

/// A further worker's listener of the same place: its own socket of the port, or the same socket where a place can have
/// only one.
fn again(listening: &Listening, backlog: u32) -> io::Result<Listening> {
    match listening.address() {
        Address::Ip(address) => {
            Listening::bind_ip(*address, backlog, PortSharing::Shared).or_else(|_| listening.try_clone())
        }
        Address::Unix(_) | Address::Unnamed => listening.try_clone(),
    }
}

fn bind_one(spec: &ListenSpec, backlog: u32, sharing: PortSharing) -> Result<Vec<Listening>, Failure> {
    let failed = |error: io::Error| Failure::listen(spec, &error);
    match spec {
        ListenSpec::Tcp { address, port } => {
            bind_tcp(*address, *port, |address| Listening::bind_ip(address, backlog, sharing)).map_err(failed)
        }
        ListenSpec::Unix { path, mode } => {
            let bound = Listening::bind_unix(path, mode.unwrap_or(UNIX_MODE_DEFAULT), backlog);
            bound.map(|listening| vec![listening]).map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => Failure::unix_path_not_a_socket(path),
                _ => failed(error),
            })
        }
        ListenSpec::Inherited { fd } => Ok(vec![Listening::inherit(*fd).map_err(failed)?]),
    }
}

fn bind_tcp(
    address: TcpAddress,
    port: u16,
    bind: impl Fn(SocketAddr) -> io::Result<Listening>,
) -> io::Result<Vec<Listening>> {
    match address {
        TcpAddress::Ip(ip) => Ok(vec![bind((ip, port).into())?]),
        TcpAddress::DualStack => match bind((Ipv6Addr::UNSPECIFIED, port).into()) {
            Err(error) if has_no_ipv6(&error) => Ok(vec![bind((Ipv4Addr::UNSPECIFIED, port).into())?]),
            bound => Ok(vec![bound?]),
        },
        TcpAddress::Loopback => {
            let v4 = bind((Ipv4Addr::LOCALHOST, port).into())?;
            // Port 0 is any, but the same for both.
            let port = match v4.address() {
                Address::Ip(address) => address.port(),
                Address::Unix(_) | Address::Unnamed => port,
            };
            match bind((IpAddr::V6(Ipv6Addr::LOCALHOST), port).into()) {
                Ok(v6) => Ok(vec![v4, v6]),
                Err(error) if has_no_ipv6(&error) => Ok(vec![v4]),
                Err(error) => Err(error),
            }
        }
    }
}

/// The kernel was built or started without it, or no interface has an address of it.
fn has_no_ipv6(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable
        || error.kind() == ErrorKind::Unsupported
        || error.raw_os_error() == Some(errno::EAFNOSUPPORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(bound: &[Listening]) -> Vec<SocketAddr> {
        let address = |listening: &Listening| match listening.address() {
            Address::Ip(address) => *address,
            other => panic!("{other}"),
        };
        bound.iter().map(address).collect()
    }

    #[test]
    fn without_ipv6_the_dual_stack_is_ipv4_and_loopback_has_one_address() {
        let v4_only = |address: SocketAddr| match address {
            SocketAddr::V4(_) => Listening::bind_ip(address, 1, PortSharing::Exclusive),
            SocketAddr::V6(_) => Err(io::Error::from_raw_os_error(errno::EAFNOSUPPORT)),
        };
        let bound = bind_tcp(TcpAddress::DualStack, 0, v4_only).unwrap();
        assert!(ports(&bound)[0].ip().is_unspecified() && ports(&bound)[0].is_ipv4());
        let bound = bind_tcp(TcpAddress::Loopback, 0, v4_only).unwrap();
        assert_eq!(bound.len(), 1);
    }

    #[test]
    fn loopback_is_one_port_on_both_addresses() {
        let bind = |address| Listening::bind_ip(address, 1, PortSharing::Exclusive);
        let bound = bind_tcp(TcpAddress::Loopback, 0, bind).unwrap();
        let addresses = ports(&bound);
        assert!(
            addresses
                .iter()
                .all(|address| address.port() == addresses[0].port() && address.ip().is_loopback())
        );
    }
}
