//! Where to listen, as options and programs write it. In: `tcp:HOST:PORT`, `unix:PATH`, `fd:N`. Out: a [`ListenSpec`], or
//! what is wrong with it and what was probably meant. Next: [`super::bind`].

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

use super::error::ListenError;
use super::spec::{ListenSpec, TcpAddress, UNIX_PATH_BYTES_MAX};

/// Stands in messages for the port that was not said.
const PORT_EXAMPLE: u16 = 8080;

impl FromStr for ListenSpec {
    type Err = ListenError;

    /// Reads `HOST:PORT`, `[IPv6]:PORT` or `:PORT`, each also behind `tcp:`; `unix:PATH`, `unix:PATH?mode=660`; `fd:N`.
    fn from_str(text: &str) -> Result<Self, ListenError> {
        if let Some((scheme, rest)) = text.split_once("://")
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return Err(ListenError::new("this is a URL", fix_of_url(scheme, rest)));
        }
        if let Some(rest) = text.strip_prefix("unix:") {
            parse_unix(rest)
        } else if let Some(rest) = text.strip_prefix("fd:") {
            parse_fd(rest)
        } else if is_path(text) {
            // Caddy writes `unix//run/x.sock`.
            let path = text.strip_prefix("unix/").unwrap_or(text);
            Err(ListenError::new("this is a path", format!("write unix:{path} for a unix socket")))
        } else {
            parse_tcp(text.strip_prefix("tcp:").unwrap_or(text))
        }
    }
}

fn fix_of_url(scheme: &str, rest: &str) -> String {
    if scheme == "unix" {
        return format!("write unix:{rest}");
    }
    let authority = rest.split('/').next().unwrap_or_default();
    match parse_tcp(authority) {
        Ok(_) => format!("write tcp:{authority}"),
        Err(error) => error.fix,
    }
}

fn is_path(text: &str) -> bool {
    ["/", "./", "../", "unix/"].iter().any(|prefix| text.starts_with(prefix)) || text.ends_with(".sock")
}

fn parse_tcp(text: &str) -> Result<ListenSpec, ListenError> {
    if text.is_empty() {
        return Err(ListenError::new("there is no address", "write HOST:PORT, :PORT, unix:PATH or fd:N"));
    }
    if text.contains(char::is_whitespace) {
        let fix = "write one address without spaces, as in 127.0.0.1:8080";
        return Err(ListenError::new("there is a space in it", fix));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let fix = format!("write :{text} for a port on all addresses");
        return Err(ListenError::new("there is no port", fix));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(inside) => split_at_bracket(inside)?,
        None => split_at_colon(text)?,
    };
    let address =
        if host.is_empty() && !text.starts_with('[') { TcpAddress::DualStack } else { host.parse()? };
    if port.is_empty() {
        let host = text.trim_end_matches(':');
        let fix = format!("write the port behind a colon, as in {host}:{PORT_EXAMPLE}");
        return Err(ListenError::new("there is no port", fix));
    }
    Ok(ListenSpec::Tcp { address, port: parse_port(port)? })
}

/// Host and port of `::1]:80`; the port is empty where there is none.
fn split_at_bracket(inside: &str) -> Result<(&str, &str), ListenError> {
    let Some((host, rest)) = inside.split_once(']') else {
        let fix = format!("write {}", with_brackets(inside));
        return Err(ListenError::new("the bracket is not closed", fix));
    };
    match rest.strip_prefix(':') {
        Some(port) => Ok((host, port)),
        None if rest.is_empty() => Ok((host, "")),
        None => {
            let port = parse_port(rest).unwrap_or(PORT_EXAMPLE);
            let fix = format!("write [{host}]:{port}");
            Err(ListenError::new("there is no colon behind the bracket", fix))
        }
    }
}

/// Host and port of `127.0.0.1:80`; the port is empty where there is none.
fn split_at_colon(text: &str) -> Result<(&str, &str), ListenError> {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    if host.contains(':') {
        let fix = format!("put an IPv6 address in brackets, as in {}", with_brackets(text));
        return Err(ListenError::new("it is unclear where the address ends and the port begins", fix));
    }
    Ok((host, port))
}

/// What an IPv6 address without brackets, or with one of them, was probably meant to be.
fn with_brackets(text: &str) -> String {
    let is_ipv6 = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    match text.rsplit_once(':') {
        Some((host, port)) if is_ipv6(host) && parse_port(port).is_ok() => format!("[{host}]:{port}"),
        _ if is_ipv6(text) => format!("[{text}]:{PORT_EXAMPLE}"),
        _ => format!("[::1]:{PORT_EXAMPLE}"),
    }
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
            Err(_) => Err(match text.rsplit_once(':') {
                Some((host, port)) if host.parse::<Self>().is_ok() && parse_port(port).is_ok() => {
                    ListenError::new(
                        format!("'{text}' has a port"),
                        format!("give the address alone, {host}"),
                    )
                }
                _ => ListenError::new(
                    format!("'{text}' is not an IP address"),
                    "give an address of this machine, localhost, or :: for all addresses",
                ),
            }),
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
            (":", "there is no port; write the port behind a colon, as in :8080"),
            ("127.0.0.1", "there is no port; write the port behind a colon, as in 127.0.0.1:8080"),
            ("0.0.0.0", "there is no port; write the port behind a colon, as in 0.0.0.0:8080"),
            ("localhost", "there is no port; write the port behind a colon, as in localhost:8080"),
            ("localhost:", "there is no port; write the port behind a colon, as in localhost:8080"),
            ("[::1]", "there is no port; write the port behind a colon, as in [::1]:8080"),
            ("[::1]:", "there is no port; write the port behind a colon, as in [::1]:8080"),
            ("[::1]90", "there is no colon behind the bracket; write [::1]:90"),
            ("[::1].", "there is no colon behind the bracket; write [::1]:8080"),
            ("[::1", "the bracket is not closed; write [::1]:8080"),
            ("[2001:db8::1:80", "the bracket is not closed; write [2001:db8::1]:80"),
            ("[", "the bracket is not closed; write [::1]:8080"),
            (
                "::1:90",
                "it is unclear where the address ends and the port begins; put an IPv6 address in brackets, as in [::1]:90",
            ),
            (
                "::1",
                "it is unclear where the address ends and the port begins; put an IPv6 address in brackets, as in [::1]:8080",
            ),
            (
                "::",
                "it is unclear where the address ends and the port begins; put an IPv6 address in brackets, as in [::]:8080",
            ),
            (
                "a:b:1",
                "it is unclear where the address ends and the port begins; put an IPv6 address in brackets, as in [::1]:8080",
            ),
            ("example.com", "'example.com' is not an IP address; give"),
            ("example.com:80", "'example.com' is not an IP address; give"),
            ("[]:80", "'' is not an IP address"),
            ("my host:80", "there is a space in it; write one address without spaces, as in"),
            ("127.0.0.1:80 ", "there is a space in it; write one address without spaces, as in"),
            ("/run/s.sock", "this is a path; write unix:/run/s.sock for a unix socket"),
            ("./s", "this is a path; write unix:./s for"),
            ("s.sock", "this is a path; write unix:s.sock for"),
            ("unix//run/s", "this is a path; write unix:/run/s for"),
            ("localhost:http", "'http' is not a port; give"),
            ("localhost:+80", "'+80' is not a port"),
            ("localhost:65536", "'65536' is not a port"),
            ("http://localhost:80/", "this is a URL; write tcp:localhost:80"),
            ("http://0.0.0.0/x", "this is a URL; write the port behind a colon, as in 0.0.0.0:8080"),
            ("https://example.com", "this is a URL; give an address of this machine"),
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
