//! Where to listen, as options and programs write it. In: `tcp:HOST:PORT`, `unix:PATH`, `fd:N`. Out: a [`ListenSpec`].
//! Next: [`super::bind`].

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

use super::error::ListenError;

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

impl FromStr for ListenSpec {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        if let Some((scheme, rest)) = text.split_once("://")
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            let fix = match scheme {
                "unix" => format!("write unix:{rest}"),
                _ => format!("write tcp:{}", rest.trim_end_matches('/')),
            };
            return Err(ListenError::new("this is a URL", fix));
        }
        if let Some(rest) = text.strip_prefix("unix:") {
            parse_unix(rest)
        } else if let Some(rest) = text.strip_prefix("fd:") {
            parse_fd(rest)
        } else {
            parse_tcp(text.strip_prefix("tcp:").unwrap_or(text))
        }
    }
}

fn parse_tcp(text: &str) -> Result<ListenSpec, ListenError> {
    let missing_port = || {
        let fix = if text.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("write :{text} for a port on all addresses")
        } else {
            String::from("write HOST:PORT, as in 127.0.0.1:8080 or [::1]:8080")
        };
        ListenError::new("there is no port", fix)
    };
    if text.is_empty() {
        return Err(ListenError::new("there is no address", "write HOST:PORT, :PORT, unix:PATH or fd:N"));
    }
    let (host, port) = if let Some(bracketed) = text.strip_prefix('[') {
        bracketed.split_once("]:").ok_or_else(missing_port)?
    } else {
        let (host, port) = text.rsplit_once(':').ok_or_else(missing_port)?;
        if host.contains(':') {
            let fix = "put an IPv6 address in brackets, as in [::1]:8080";
            return Err(ListenError::new("it is unclear where the address ends and the port begins", fix));
        }
        (host, port)
    };
    let address =
        if host.is_empty() && !text.starts_with('[') { TcpAddress::DualStack } else { host.parse()? };
    Ok(ListenSpec::Tcp { address, port: parse_port(port)? })
}

/// A port number, 0 to 65535.
///
/// # Errors
/// Anything else than digits, and numbers above.
pub fn parse_port(text: &str) -> Result<u16, ListenError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits => Ok(port),
        _ => Err(ListenError::new(
            format!("'{text}' is not a port"),
            "give a number from 1 to 65535, or 0 for any free port",
        )),
    }
}

impl FromStr for TcpAddress {
    type Err = ListenError;

    /// Reads an IP address (IPv6 with or without brackets), `localhost`, or `*` for all.
    ///
    /// Other names are refused: looking them up would make the start depend on a name service, and a name with
    /// several addresses would leave it open which of them is listened on.
    fn from_str(text: &str) -> Result<Self, ListenError> {
        match text {
            "*" => return Ok(Self::DualStack),
            _ if text.eq_ignore_ascii_case("localhost") => return Ok(Self::Loopback),
            _ => {}
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        match bare.parse() {
            Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => Ok(Self::DualStack),
            Ok(ip) => Ok(Self::Ip(ip)),
            Err(_) => Err(ListenError::new(
                format!("'{text}' is not an IP address"),
                "give an address of this machine, localhost, or :: for all addresses",
            )),
        }
    }
}

fn parse_unix(text: &str) -> Result<ListenSpec, ListenError> {
    let (path, mode) = match text.split_once('?') {
        Some((path, setting)) => (path, Some(parse_mode(setting)?)),
        None => (text, None),
    };
    if path.is_empty() {
        return Err(ListenError::new("there is no path", "write unix:PATH, as in unix:/run/selvedge.sock"));
    }
    if path.starts_with('@') {
        let fix = format!("name a path, or write unix:./{path} for a file of that name");
        return Err(ListenError::new("abstract sockets are not supported", fix));
    }
    if path.len() > UNIX_PATH_BYTES_MAX {
        let what =
            format!("the path has {} bytes, a unix socket's at most {UNIX_PATH_BYTES_MAX}", path.len());
        return Err(ListenError::new(what, "choose a shorter path, or a relative one"));
    }
    Ok(ListenSpec::Unix { path: PathBuf::from(path), mode })
}

fn parse_mode(setting: &str) -> Result<u32, ListenError> {
    let fix = "write unix:PATH?mode=660, with three octal digits";
    let Some(digits) = setting.strip_prefix("mode=") else {
        return Err(ListenError::new(format!("'{setting}' is not a setting of a unix socket"), fix));
    };
    let octal = (3..=4).contains(&digits.len()) && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if octal && mode <= 0o777 => Ok(mode),
        _ => Err(ListenError::new(format!("'{digits}' is not a mode"), fix)),
    }
}

fn parse_fd(text: &str) -> Result<ListenSpec, ListenError> {
    let fix = "give the number of a listening socket, as in fd:3, the first that socket activation passes";
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(1 | 2) => Err(ListenError::new(format!("descriptor {text} is for output"), fix)),
        Ok(fd) if digits => Ok(ListenSpec::Inherited { fd }),
        _ => Err(ListenError::new(format!("'{text}' is not a descriptor"), fix)),
    }
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn spec(text: &str) -> ListenSpec {
        text.parse().unwrap()
    }

    fn message(text: &str) -> String {
        text.parse::<ListenSpec>().unwrap_err().to_string()
    }

    fn tcp(address: TcpAddress, port: u16) -> ListenSpec {
        ListenSpec::Tcp { address, port }
    }

    #[test]
    fn tcp_is_read_with_and_without_its_scheme() {
        let v4 = TcpAddress::Ip(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(spec("tcp:10.0.0.1:80"), tcp(v4, 80));
        assert_eq!(spec("10.0.0.1:80"), tcp(v4, 80));
        assert_eq!(spec("[::1]:0"), tcp(TcpAddress::Ip(IpAddr::V6(Ipv6Addr::LOCALHOST)), 0));
        assert_eq!(spec("0.0.0.0:80"), tcp(TcpAddress::Ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), 80));
    }

    #[test]
    fn all_addresses_have_four_spellings() {
        for text in [":8080", "[::]:8080", "*:8080", "tcp::8080"] {
            assert_eq!(spec(text), tcp(TcpAddress::DualStack, 8080), "{text}");
        }
    }

    #[test]
    fn localhost_is_both_loopback_addresses() {
        assert_eq!(spec("localhost:1"), tcp(TcpAddress::Loopback, 1));
    }

    #[test]
    fn unix_paths_are_read_with_and_without_a_mode() {
        let path = PathBuf::from("/run/s.sock");
        assert_eq!(spec("unix:/run/s.sock"), ListenSpec::Unix { path: path.clone(), mode: None });
        assert_eq!(
            spec("unix:/run/s.sock?mode=660"),
            ListenSpec::Unix { path: path.clone(), mode: Some(0o660) }
        );
        assert_eq!(spec("unix:/run/s.sock?mode=0600"), ListenSpec::Unix { path, mode: Some(0o600) });
    }

    #[test]
    fn inherited_descriptors_are_read() {
        assert_eq!(spec("fd:3"), ListenSpec::Inherited { fd: 3 });
        assert_eq!(spec("fd:0"), ListenSpec::Inherited { fd: 0 });
    }

    #[test]
    fn the_longest_unix_path_is_taken_and_the_next_refused() {
        let longest = format!("unix:/{}", "a".repeat(UNIX_PATH_BYTES_MAX - 1));
        assert!(longest.parse::<ListenSpec>().is_ok());
        assert!(message(&format!("{longest}a")).starts_with("the path has 108 bytes"));
    }

    #[test]
    fn display_parses_back() {
        for text in ["tcp:[::]:8080", "tcp:localhost:1", "tcp:127.0.0.1:80", "tcp:[::1]:80", "fd:3"] {
            assert_eq!(spec(text).to_string(), text);
        }
        for text in ["unix:/run/s", "unix:/run/s?mode=660", "unix:s?mode=007"] {
            assert_eq!(spec(text).to_string(), text);
        }
    }

    #[test]
    fn malformed_values_say_what_is_wrong_and_how_to_fix_it() {
        for (text, wanted) in [
            ("", "there is no address; write HOST:PORT"),
            ("tcp:", "there is no address"),
            ("8080", "there is no port; write :8080 for"),
            ("127.0.0.1", "there is no port; write HOST:PORT, as in 127.0.0.1:8080"),
            ("[::1]", "there is no port; write HOST:PORT"),
            ("[::1]8080", "there is no port"),
            ("::1:8080", "it is unclear where the address ends and the port begins; put an IPv6"),
            ("example.com:80", "'example.com' is not an IP address; give"),
            ("[]:80", "'' is not an IP address"),
            ("localhost:http", "'http' is not a port; give"),
            ("localhost:", "'' is not a port"),
            ("localhost:+80", "'+80' is not a port"),
            ("localhost:65536", "'65536' is not a port"),
            ("http://localhost:80/", "this is a URL; write tcp:localhost:80"),
            ("unix:///run/s.sock", "this is a URL; write unix:/run/s.sock"),
            ("unix:", "there is no path"),
            ("unix:?mode=660", "there is no path"),
            ("unix:@name", "abstract sockets are not supported; name a path, or write unix:./@name"),
            ("unix:/s?mode=", "'' is not a mode"),
            ("unix:/s?mode=888", "'888' is not a mode"),
            ("unix:/s?mode=1777", "'1777' is not a mode"),
            ("unix:/s?mode=+77", "'+77' is not a mode"),
            ("unix:/s?owner=me", "'owner=me' is not a setting of a unix socket"),
            ("fd:", "'' is not a descriptor"),
            ("fd:-1", "'-1' is not a descriptor"),
            ("fd:1", "descriptor 1 is for output"),
            ("fd:99999999999", "'99999999999' is not a descriptor"),
        ] {
            let message = message(text);
            assert!(message.starts_with(wanted), "{text}: {message}");
            assert!(message.contains("; "), "{text}: {message}");
        }
    }
}
