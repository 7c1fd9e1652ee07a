//! From a [`ListenSpec`] to listening sockets. Next: [`crate::net::Intake`].

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::error::ListenError;
use super::spec::{ListenSpec, TcpAddress};
use crate::sys::{Address, Listening, PortSharing, errno};

/// Connections that may wait for accept, per listener: the kernel's own limit since 5.4 (`net.core.somaxconn`, listen(2)), so
/// that the default never asks for more than it gives.
pub const BACKLOG_DEFAULT: u32 = 4_096;

/// Permission bits of a Unix socket for which none were asked.
const UNIX_MODE_DEFAULT: u32 = 0o660;

impl ListenSpec {
    /// Binds it and listens there, `backlog` connections waiting at most: one socket, or two for `localhost`.
    ///
    /// # Errors
    /// Why that is not possible, and what helps.
    pub fn bind(&self, backlog: u32, sharing: PortSharing) -> Result<Vec<Listening>, ListenError> {
        let bound = match self {
            Self::Tcp { address, port } => {
                bind_tcp(*address, *port, |address| Listening::bind_ip(address, backlog, sharing))
            }
            Self::Unix { path, mode } => {
                Listening::bind_unix(path, mode.unwrap_or(UNIX_MODE_DEFAULT), backlog).map(|it| vec![it])
            }
            Self::Inherited { fd } => Listening::inherit(*fd).map(|it| vec![it]),
        };
        bound.map_err(|error| ListenError::of(self, &error))
    }
}

/// What an [`Intake`](crate::net::Intake) takes: the listeners, and with [`PortSharing::Shared`] such a list for each further
/// worker too. Its sockets are the worker's own where a place can have several, else further handles on the first worker's.
///
/// # Errors
/// When the process has no descriptors left, mostly.
pub fn lists_for_workers(
    first: Vec<Listening>,
    backlog: u32,
    sharing: PortSharing,
    workers: usize,
) -> Result<Vec<Vec<Listening>>, ListenError> {
    let mut lists = vec![first];
    if sharing == PortSharing::Shared {
        for _ in 1..workers {
            let more = lists[0].iter().map(|listening| again(listening, backlog));
            lists.push(more.collect::<Result<_, _>>()?);
        }
    }
    Ok(lists)
}

fn again(listening: &Listening, backlog: u32) -> Result<Listening, ListenError> {
    let again = match listening.address() {
        Address::Ip(address) => {
            Listening::bind_ip(*address, backlog, PortSharing::Shared).or_else(|_| listening.try_clone())
        }
        Address::Unix(_) | Address::Unnamed => listening.try_clone(),
    };
    again.map_err(|error| {
        let what = format!("cannot listen on {} for each worker: {error}", listening.address());
        ListenError::new(what, "raise the limit of descriptors (`ulimit -n`), or use fewer workers")
    })
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
