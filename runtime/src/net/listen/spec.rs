//! Where to listen. In: what [`super::parse`] has read. Out: a [`ListenSpec`], and its text. Next: [`super::bind`].

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// The most places to listen at. Each worker looks at every listener, so this is a limit of sense, not of memory.
pub const LISTENERS_MAX: usize = 64;

/// Bytes of the longest path of a unix socket: `sun_path` less its closing NUL (unix(7)).
pub const UNIX_PATH_BYTES_MAX: usize = 107;

/// One place to listen at.
///
/// ```
/// use selvedge_runtime::net::listen::{ListenSpec, TcpAddress};
///
/// let all = ListenSpec::Tcp { address: TcpAddress::DualStack, port: 8080 };
/// assert_eq!(":8080".parse(), Ok(all.clone()));
/// assert_eq!("[::]:8080".parse(), Ok(all));
/// assert_eq!("localhost:80".parse::<ListenSpec>().map(|spec| spec.to_string()), Ok("tcp:localhost:80".into()));
/// let error = "8080".parse::<ListenSpec>().unwrap_err();
/// assert_eq!(error.to_string(), "there is no port; write :8080 for a port on all addresses");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenSpec {
    /// A TCP port. Port 0: the kernel chooses one.
    Tcp {
        /// Which of the machine's addresses.
        address: TcpAddress,
        /// The port, 0 for any free one.
        port: u16,
    },
    /// A socket in the file system (unix(7)).
    Unix {
        /// The socket's path, at most [`UNIX_PATH_BYTES_MAX`] bytes.
        path: PathBuf,
        /// Permission bits of the socket, at most `0o777`; `None`: `0o660`.
        mode: Option<u32>,
    },
    /// A listening socket that the parent process left open.
    Inherited {
        /// The descriptor's number, not negative.
        fd: i32,
    },
}

/// Which of the machine's addresses a TCP listener takes connections on.
///
/// ```
/// use selvedge_runtime::net::listen::TcpAddress;
///
/// assert_eq!("localhost".parse(), Ok(TcpAddress::Loopback));
/// assert_eq!("*".parse(), Ok(TcpAddress::DualStack));
/// assert_eq!("192.0.2.1".parse(), Ok(TcpAddress::Ip([192, 0, 2, 1].into())));
/// // Other names are not looked up.
/// assert!("example.org".parse::<TcpAddress>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpAddress {
    /// All: one `[::]` socket that takes IPv4 too (`IPV6_V6ONLY` off, ipv6(7)), or `0.0.0.0` where IPv6 is off.
    DualStack,
    /// `127.0.0.1` and, where IPv6 is on, `::1`: two sockets on the same port.
    Loopback,
    /// This one. `0.0.0.0` is all IPv4 addresses; `::` never stands here, it is `DualStack`.
    Ip(IpAddr),
}

impl fmt::Display for ListenSpec {
    /// As it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { address, port } => write!(f, "tcp:{address}:{port}"),
            Self::Unix { path, mode: None } => write!(f, "unix:{}", path.display()),
            Self::Unix { path, mode: Some(mode) } => write!(f, "unix:{}?mode={mode:03o}", path.display()),
            Self::Inherited { fd } => write!(f, "fd:{fd}"),
        }
    }
}

impl fmt::Display for TcpAddress {
    /// As it stands before the colon of a port: IPv6 in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DualStack => f.write_str("[::]"),
            Self::Loopback => f.write_str("localhost"),
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}
