//! A place that can't be listened at.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use super::{Failure, errno, quoted};
use crate::listen_spec::{ListenSpec, TcpAddress, UNIX_PATH_BYTES_MAX};

/// Ports below need a privilege by default (`net.ipv4.ip_unprivileged_port_start`, ip(7)).
const UNPRIVILEGED_PORT_MIN: u16 = 1024;

impl Failure {
    /// A listener could not be made: the outcome of socket(2), bind(2) or listen(2), or for an inherited descriptor of
    /// the look at what it is.
    pub fn listen(spec: &ListenSpec, error: &io::Error) -> Self {
        match spec {
            ListenSpec::Tcp { address, port } => tcp(*address, *port, error),
            ListenSpec::Unix { path, .. } => unix(path, error),
            ListenSpec::Inherited { fd } => inherited(*fd, error),
        }
    }

    /// Something that is not a socket lies at the path of a unix socket. It is never removed.
    pub fn unix_path_not_a_socket(path: &Path) -> Self {
        let what = format!("{} exists and is not a socket", quoted(path));
        Self::fatal(what, "move it away, or choose another path for --listen")
    }

    /// A server answers at the path of a unix socket, so the socket is not a stale one.
    pub fn unix_path_in_use(path: &Path) -> Self {
        let what = format!("another server listens at unix socket {}", quoted(path));
        Self::fatal(what, "stop it, or choose another path for --listen")
    }
}

fn tcp(address: TcpAddress, port: u16, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::AddrInUse => {
            let other = if port < u16::MAX { port + 1 } else { port - 1 };
            let fix = format!(
                "choose another one, as in -p {other}; `ss -ltnp 'sport = :{port}'` shows who has it"
            );
            Failure::fatal(format!("port {port} of {address} is taken"), fix)
        }
        ErrorKind::PermissionDenied if (1..UNPRIVILEGED_PORT_MIN).contains(&port) => Failure::fatal(
            format!("port {port} needs a privilege"),
            format!(
                "choose one from {UNPRIVILEGED_PORT_MIN} up, \
                 or `sudo sysctl net.ipv4.ip_unprivileged_port_start={port}`, \
                 or `sudo setcap cap_net_bind_service=+ep` on this program"
            ),
        ),
        ErrorKind::PermissionDenied => Failure::fatal(
            format!("the system forbids listening on {address}:{port}"),
            "allow it in the security policy (SELinux, AppArmor, seccomp), or choose another port",
        ),
        ErrorKind::AddrNotAvailable => Failure::fatal(
            format!("this machine has no address {address}"),
            "choose one that `ip -brief address` shows, or :: for all",
        ),
        _ if error.raw_os_error() == Some(errno::EAFNOSUPPORT) => Failure::fatal(
            format!("the kernel has no IPv6, so {address} can't be listened on"),
            v4_fix(address),
        ),
        _ if error.raw_os_error() == Some(errno::EINVAL) && is_link_local(address) => Failure::fatal(
            format!("{address} is link-local, which is an address only together with an interface"),
            "choose another address of that interface, or :: for all",
        ),
        _ => Failure::fatal(
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

fn unix(path: &Path, error: &io::Error) -> Failure {
    let name = quoted(path);
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let directory = quoted(directory);
    match error.kind() {
        ErrorKind::AddrInUse => Failure::unix_path_in_use(path),
        ErrorKind::NotFound => Failure::fatal(
            format!("directory {directory} of unix socket {name} does not exist"),
            "create it first",
        ),
        ErrorKind::NotADirectory => Failure::fatal(
            format!("{directory} is no directory to make unix socket {name} in"),
            "choose another path for --listen",
        ),
        ErrorKind::PermissionDenied => Failure::fatal(
            format!("this user may not make unix socket {name}"),
            format!("choose a path in a directory it may write to, or grant it {directory}"),
        ),
        ErrorKind::ReadOnlyFilesystem => Failure::fatal(
            format!("unix socket {name} would lie on a read-only file system"),
            "choose a path under /run or /tmp",
        ),
        // Rust refuses a long path itself, before bind(2).
        ErrorKind::InvalidInput | ErrorKind::InvalidFilename => Failure::fatal(
            format!("the path of unix socket {name} is not possible: {error}"),
            format!("choose one of at most {UNIX_PATH_BYTES_MAX} bytes, perhaps relative"),
        ),
        _ => Failure::fatal(
            format!("cannot listen at unix socket {name}: {error}"),
            "choose another path for --listen",
        ),
    }
}

fn inherited(fd: i32, error: &io::Error) -> Failure {
    let what = match error.raw_os_error() {
        Some(errno::EBADF) => format!("descriptor {fd} is not open"),
        Some(errno::ENOTSOCK) => format!("descriptor {fd} is not a socket"),
        Some(errno::EINVAL) => format!("descriptor {fd} is a socket that does not listen"),
        _ => format!("cannot use descriptor {fd}: {error}"),
    };
    let fix = "pass a listening stream socket, as `systemd-socket-activate -l 8080 selvedge -l fd:3` does";
    Failure::fatal(what, fix)
}
