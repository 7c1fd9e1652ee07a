//! Who is asked. In: a URL. Out: an address of this machine, and what a request says of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, ensure};

/// A server on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// On the loopback interface.
    pub(crate) address: SocketAddr,
    /// The value of `Host` (RFC 9110 7.2).
    pub(crate) host: String,
}

impl Target {
    /// Reads `http://ADDRESS[:PORT][/PATH]`: the target and the path, with its query. `localhost` is 127.0.0.1.
    ///
    /// # Errors
    /// For another scheme, and for an address that is not of the loopback interface: load is for one's own servers.
    pub(crate) fn parse(url: &str) -> anyhow::Result<(Self, String)> {
        let form = || {
            format!(
                "'{url}': a URL such as http://127.0.0.1:8080/index.html is wanted, of http and with an address or localhost: \
                 names are not looked up"
            )
        };
        let rest = url.strip_prefix("http://").with_context(form)?;
        let (host, path) = match rest.find(['/', '?']) {
            Some(at) if rest[at..].starts_with('?') => (&rest[..at], format!("/{}", &rest[at..])),
            Some(at) => (&rest[..at], rest[at..].to_owned()),
            None => (rest, "/".to_owned()),
        };
        let address = address(host).with_context(form)?;
        ensure!(
            address.ip().is_loopback(),
            "{address} is not of the loopback interface: only servers of this machine are loaded, at 127.0.0.1 or [::1]"
        );
        Ok((Self { address, host: host.to_owned() }, path))
    }
}

/// An address with a port, or with that of HTTP.
fn address(host: &str) -> Option<SocketAddr> {
    const PORT_DEFAULT: u16 = 80;
    if let Some(port) = host.strip_prefix("localhost") {
        let port =
            port.strip_prefix(':').map_or(port.is_empty().then_some(PORT_DEFAULT), |port| port.parse().ok());
        return Some((Ipv4Addr::LOCALHOST, port?).into());
    }
    let without_port = || {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let ip: IpAddr = match bare {
            Some(v6) => IpAddr::V6(v6.parse().ok()?),
            None => IpAddr::V4(host.parse().ok()?),
        };
        Some((ip, PORT_DEFAULT).into())
    };
    host.parse().ok().or_else(without_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_an_address_and_a_path() {
        for (url, address, path) in [
            ("http://127.0.0.1:8080/a/b?c=d", "127.0.0.1:8080", "/a/b?c=d"),
            ("http://localhost", "127.0.0.1:80", "/"),
            ("http://localhost:1?x", "127.0.0.1:1", "/?x"),
            ("http://[::1]:81/", "[::1]:81", "/"),
            ("http://[::1]/", "[::1]:80", "/"),
            ("http://127.1.2.3/", "127.1.2.3:80", "/"),
        ] {
            let (target, its_path) = Target::parse(url).unwrap();
            assert_eq!((target.address.to_string().as_str(), its_path.as_str()), (address, path), "{url}");
            assert_eq!(target.host, url["http://".len()..].split(['/', '?']).next().unwrap());
        }
    }

    #[test]
    fn other_machines_and_other_schemes_are_refused() {
        for (url, told) in [
            ("http://192.0.2.1:80/", "not of the loopback interface"),
            ("http://0.0.0.0:80/", "not of the loopback interface"),
            ("http://[2001:db8::1]/", "not of the loopback interface"),
            ("https://127.0.0.1/", "is wanted"),
            ("http://example.com/", "is wanted"),
            ("http://localhost:x/", "is wanted"),
            ("http://localhost.example.com/", "is wanted"),
            ("127.0.0.1:80", "is wanted"),
        ] {
            let error = Target::parse(url).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
