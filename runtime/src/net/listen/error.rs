//! A place that can't be listened at: what is wrong, and how to mend it.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use super::spec::{ListenSpec, TcpAddress, UNIX_PATH_BYTES_MAX};
use crate::process;
use crate::sys::errno;

/// Ports below need a privilege by default (`net.ipv4.ip_unprivileged_port_start`, ip(7)).
const UNPRIVILEGED_PORT_MIN: u16 = 1024;

/// Why a place can't be listened at. Its text is one line: what is wrong, then how to mend it.
///
/// ```
/// use selvedge_runtime::net::listen::ListenSpec;
///
/// let error = "example.org:80".parse::<ListenSpec>().unwrap_err();
/// assert_eq!(error.what, "'example.org' is not an IP address");
/// assert_eq!(error.fix, "give an address of this machine, localhost, or :: for all addresses");
/// ```
///
/// Its `Debug` is the same line, so that `main` may return it.
#[derive(Clone, PartialEq, Eq)]
pub struct ListenError {
    /// What is wrong, without the closing stop.
    pub what: String,
    /// How to mend it, as an imperative.
    pub fix: String,
}

impl ListenError {
    /// `what` is wrong, `fix` mends it. Control characters in them, of a path mostly, are escaped.
    pub fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: escaped(what.into()), fix: escaped(fix.into()) }
    }

    /// A listener could not be made: the outcome of socket(2), bind(2) or listen(2), or for an inherited descriptor of
    /// the look at what it is.
    pub fn of(spec: &ListenSpec, error: &io::Error) -> Self {
        match spec {
            ListenSpec::Tcp { address, port } => tcp(*address, *port, error),
            ListenSpec::Unix { path, .. } => unix(path, error),
            ListenSpec::Inherited { fd } => inherited(*fd, error),
        }
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.fix)
    }
}

impl fmt::Debug for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for ListenError {}

fn tcp(address: TcpAddress, port: u16, error: &io::Error) -> ListenError {
    match error.kind() {
        ErrorKind::AddrInUse if port == 0 => ListenError::new(
            format!("the kernel has no port that is free on {address}"),
            "try again, or choose a port",
        ),
        ErrorKind::AddrInUse => ListenError::new(
            format!("port {port} of {address} is taken"),
            format!(
                "stop whoever listens there (`sudo ss -ltnp 'sport = :{port}'` says who), \
                 or choose another port"
            ),
        ),
        ErrorKind::PermissionDenied if (1..UNPRIVILEGED_PORT_MIN).contains(&port) => ListenError::new(
            format!("port {port} needs a privilege"),
            format!(
                "choose one from {UNPRIVILEGED_PORT_MIN} up, \
                 or `sudo sysctl net.ipv4.ip_unprivileged_port_start={port}`, \
                 or `sudo setcap cap_net_bind_service=+ep` on this program"
            ),
        ),
        ErrorKind::PermissionDenied => ListenError::new(
            format!("the system forbids listening on {address}:{port}"),
            "allow it in the security policy (SELinux, AppArmor, seccomp), or choose another port",
        ),
        ErrorKind::AddrNotAvailable => ListenError::new(
            format!("this machine has no address {address}"),
            "choose one that `ip -brief address` shows, or :: for all",
        ),
        _ if error.raw_os_error() == Some(errno::EAFNOSUPPORT) => ListenError::new(
            format!("the kernel has no IPv6, so {address} can't be listened on"),
            v4_fix(address),
        ),
        _ if error.raw_os_error() == Some(errno::EINVAL) && is_link_local(address) => ListenError::new(
            format!("{address} is link-local, which is an address only together with an interface"),
            "choose another address of that interface, or :: for all",
        ),
        _ => ListenError::new(
            format!("cannot listen on {address}:{port}: {error}"),
            "choose another address or port",
        ),
    }
}

fn v4_fix(address: TcpAddress) -> String {
    let v4 = match address {
        TcpAddress::Ip(ip) if !ip.is_loopback() => Ipv4Addr::UNSPECIFIED,
        TcpAddress::DualStack => Ipv4Addr::UNSPECIFIED,
        TcpAddress::Ip(_) | TcpAddress::Loopback => Ipv4Addr::LOCALHOST,
    };
    format!("choose an IPv4 address, as in {v4}")
}

fn is_link_local(address: TcpAddress) -> bool {
    matches!(address, TcpAddress::Ip(IpAddr::V6(ip)) if ip.is_unicast_link_local())
}

fn unix(path: &Path, error: &io::Error) -> ListenError {
    let name = format!("'{}'", path.display());
    let directory = format!("'{}'", process::directory_of(path).display());
    match error.kind() {
        // Never removed, while a socket that nobody listens at any more is.
        ErrorKind::AlreadyExists => ListenError::new(
            format!("{name} exists and is not a socket"),
            "move it away, or choose another path",
        ),
        ErrorKind::AddrInUse => ListenError::new(
            format!("another server listens at unix socket {name}"),
            "stop it, or choose another path",
        ),
        ErrorKind::NotFound => ListenError::new(
            format!("directory {directory} of unix socket {name} does not exist"),
            "create it first",
        ),
        ErrorKind::NotADirectory => ListenError::new(
            format!("{directory} is no directory to make unix socket {name} in"),
            "choose another path",
        ),
        ErrorKind::PermissionDenied => ListenError::new(
            format!("this user may not make unix socket {name}"),
            format!("choose a path in a directory it may write to, or grant it {directory}"),
        ),
        ErrorKind::ReadOnlyFilesystem => ListenError::new(
            format!("unix socket {name} would lie on a read-only file system"),
            "choose a path under /run or /tmp",
        ),
        // Rust refuses a long path itself, before bind(2).
        ErrorKind::InvalidInput | ErrorKind::InvalidFilename => ListenError::new(
            format!("the path of unix socket {name} is not possible: {error}"),
            format!("choose one of at most {UNIX_PATH_BYTES_MAX} bytes, perhaps relative"),
        ),
        _ => ListenError::new(format!("cannot listen at unix socket {name}: {error}"), "choose another path"),
    }
}

fn inherited(fd: i32, error: &io::Error) -> ListenError {
    let what = match error.raw_os_error() {
        Some(errno::EBADF) => format!("descriptor {fd} is not open"),
        Some(errno::ENOTSOCK) => format!("descriptor {fd} is not a socket"),
        Some(errno::EINVAL) => format!("descriptor {fd} is a socket that does not listen"),
        _ => format!("cannot use descriptor {fd}: {error}"),
    };
    let fix = "pass a listening stream socket, as `systemd-socket-activate -l 8080` does for fd:3";
    ListenError::new(what, fix)
}

fn escaped(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let escape = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    text.chars().map(escape).collect()
}
