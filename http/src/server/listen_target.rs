//! What a server is told to listen at.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

use selvedge_runtime::net::listen::{ListenError, ListenSpec, TcpAddress};
use selvedge_runtime::net::{Listening, PortSharing};

/// A place to listen at, or a socket that listens already: what [`ServerBuilder::listen`](super::ServerBuilder::listen) takes.
///
/// | From | Meaning |
/// |---|---|
/// | `":8080"`, `"[::]:8080"`, `"*:8080"` | port 8080 on all addresses |
/// | `"localhost:8080"` | on both loopback addresses |
/// | `"127.0.0.1:0"`, a [`SocketAddr`] | on that address; port 0 is any free one |
/// | `"unix:/run/x.sock"`, `"unix:/run/x.sock?mode=600"` | a Unix socket; the file is removed when the server stops |
/// | `"fd:3"` | a listening socket the process was started with |
/// | [`TcpListener`], [`UnixListener`], [`Listening`] | that socket |
///
/// ```
/// use selvedge_http::ListenTarget;
///
/// let one = ListenTarget::from("localhost:8080");
/// let other = ListenTarget::from(std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
/// # drop((one, other));
/// ```
#[derive(Debug)]
pub struct ListenTarget(Result<Target, ListenError>);

#[derive(Debug)]
enum Target {
    Spec(ListenSpec),
    Bound(Listening),
}

impl ListenTarget {
    /// The sockets.
    pub(super) fn bind(self, backlog: u32, sharing: PortSharing) -> Result<Vec<Listening>, ListenError> {
        match self.0? {
            Target::Spec(spec) => spec.bind(backlog, sharing),
            Target::Bound(listening) => Ok(vec![listening]),
        }
    }

    /// What was said of a socket that is still to be made.
    pub(super) fn spec(&self) -> Option<&ListenSpec> {
        match &self.0 {
            Ok(Target::Spec(spec)) => Some(spec),
            Ok(Target::Bound(_)) | Err(_) => None,
        }
    }

    fn adopt(listener: impl Into<OwnedFd>) -> Self {
        let adopted = Listening::adopt(listener).map(Target::Bound);
        Self(adopted.map_err(|error| {
            ListenError::new(
                format!("the listener cannot be used: {error}"),
                "give a stream socket that listens",
            )
        }))
    }
}

impl From<&str> for ListenTarget {
    fn from(text: &str) -> Self {
        let parsed = text.parse().map(Target::Spec);
        // A server may have several places: the error says which.
        Self(parsed.map_err(|error: ListenError| {
            ListenError::new(format!("cannot listen at '{text}': {}", error.what), error.fix)
        }))
    }
}

impl From<String> for ListenTarget {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<ListenSpec> for ListenTarget {
    fn from(spec: ListenSpec) -> Self {
        Self(Ok(Target::Spec(spec)))
    }
}

impl From<SocketAddr> for ListenTarget {
    fn from(address: SocketAddr) -> Self {
        let address_alone = match address.ip() {
            ip if ip.is_ipv6() && ip.is_unspecified() => TcpAddress::DualStack,
            ip => TcpAddress::Ip(ip),
        };
        ListenSpec::Tcp { address: address_alone, port: address.port() }.into()
    }
}

impl From<Listening> for ListenTarget {
    fn from(listening: Listening) -> Self {
        Self(Ok(Target::Bound(listening)))
    }
}

impl From<TcpListener> for ListenTarget {
    fn from(listener: TcpListener) -> Self {
        Self::adopt(listener)
    }
}

impl From<UnixListener> for ListenTarget {
    fn from(listener: UnixListener) -> Self {
        Self::adopt(listener)
    }
}
