//! Requests as they go out. In: a plan and a path at a time. Out: octets of one request behind the other in one block.

use std::io::{self, Write};

use anyhow::ensure;

use super::paths::Chooser;
use super::plan::{Closing, Method, Plan, Reuse};

/// Fields that say how long a request is, which are the generator's to know: none of its requests has a body.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];

/// What all requests of a plan have in common.
#[derive(Debug)]
pub(super) struct Template {
    /// Before the path.
    method: &'static str,
    /// Behind the path, to the head's end.
    rest: Vec<u8>,
    /// The same for the last request of a connection.
    last_rest: Vec<u8>,
    path_bytes_max: usize,
}

/// Whether a connection goes on behind a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Others follow.
    Within,
    /// It is the connection's last one.
    Last,
}

impl Template {
    /// # Errors
    /// For a field that is none (RFC 9110 5), or that says how long the request is.
    pub(super) fn new(plan: &Plan) -> anyhow::Result<Self> {
        let mut rest = b" HTTP/1.1\r\n".to_vec();
        if !plan.fields.iter().any(|field| name(field).eq_ignore_ascii_case("host")) {
            write!(rest, "Host: {}\r\n", plan.target.host)?;
        }
        for field in &plan.fields {
            check(field)?;
            write!(rest, "{field}\r\n")?;
        }
        let mut last_rest = rest.clone();
        if let Reuse::Requests { closing: Closing::Server, .. } = plan.reuse {
            last_rest.extend_from_slice(b"Connection: close\r\n");
        }
        rest.extend_from_slice(b"\r\n");
        last_rest.extend_from_slice(b"\r\n");
        let method = match plan.method {
            Method::Get => "GET ",
            Method::Head => "HEAD ",
        };
        Ok(Self { method, rest, last_rest, path_bytes_max: plan.paths.bytes_max() })
    }

    /// Octets of the longest request.
    pub(super) fn bytes_max(&self) -> usize {
        self.method.len() + self.path_bytes_max + self.last_rest.len()
    }

    /// Writes a request for the next path to the beginning of `room`, which holds it; returns its length.
    pub(super) fn write(&self, paths: &mut Chooser, place: Place, room: &mut [u8]) -> usize {
        let (whole, mut left) = (room.len(), room);
        let rest = match place {
            Place::Within => &self.rest,
            Place::Last => &self.last_rest,
        };
        let (before, number, after) = paths.next();
        let mut write = || -> io::Result<()> {
            left.write_all(self.method.as_bytes())?;
            left.write_all(before.as_bytes())?;
            if let Some(number) = number {
                write!(left, "{number}")?;
            }
            left.write_all(after.as_bytes())?;
            left.write_all(rest)
        };
        write().expect("the room was made for the longest request");
        whole - left.len()
    }
}

fn name(field: &str) -> &str {
    field.split_once(':').map_or(field, |(name, _)| name)
}

fn check(field: &str) -> anyhow::Result<()> {
    let told = field.escape_debug();
    let name = name(field);
    let is_token = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
    ensure!(
        field.contains(':') && !name.is_empty() && name.bytes().all(is_token),
        "'{told}' is no field: write it as 'Name: value'"
    );
    ensure!(!field.contains(['\r', '\n', '\0']), "'{told}' is more than one line: a field has one");
    ensure!(
        !FRAMING.contains(&name.to_ascii_lowercase().as_str()),
        "'{told}' would say that a body follows, and none does: leave it out"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::paths::Paths;
    use crate::load::tests::plan_for;

    fn written(plan: &Plan, place: Place) -> String {
        let template = Template::new(plan).unwrap();
        let mut room = vec![0; template.bytes_max()];
        let length = template.write(&mut Chooser::new(&plan.paths, 1), place, &mut room);
        String::from_utf8(room[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_request_has_its_path_its_host_and_the_further_fields() {
        let fields = vec!["Range: bytes=0-9".to_owned(), "Accept-Encoding: br".to_owned()];
        let plan = Plan { fields, ..plan_for("http://127.0.0.1:81/a") };
        let expected =
            "GET /a HTTP/1.1\r\nHost: 127.0.0.1:81\r\nRange: bytes=0-9\r\nAccept-Encoding: br\r\n\r\n";
        assert_eq!(written(&plan, Place::Within), expected);

        let plan = Plan { fields: vec!["host: b".to_owned()], method: Method::Head, ..plan };
        assert_eq!(written(&plan, Place::Within), "HEAD /a HTTP/1.1\r\nhost: b\r\n\r\n");
    }

    #[test]
    fn the_last_request_of_a_connection_asks_for_its_end_where_the_server_is_to_close_it() {
        let of = |closing| {
            let reuse = Reuse::Requests { count: 3, closing };
            let paths = Paths::zipf("/{}", 1, 1.0).unwrap();
            let plan =
                Plan { reuse, paths, fields: vec!["Host: a".to_owned()], ..plan_for("http://127.0.0.1/") };
            [written(&plan, Place::Within), written(&plan, Place::Last)]
        };
        let plain = "GET /0 HTTP/1.1\r\nHost: a\r\n\r\n";
        let last = "GET /0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        assert_eq!(of(Closing::Server), [plain, last]);
        assert_eq!(of(Closing::Client), [plain, plain]);
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for (field, told) in [
            ("Range bytes=0-1", "'Name: value'"),
            (": x", "'Name: value'"),
            ("A b: x", "'Name: value'"),
            ("A: x\r\nB: y", "more than one line"),
            ("content-length: 5", "none does"),
        ] {
            let plan = Plan { fields: vec![field.to_owned()], ..plan_for("http://127.0.0.1/") };
            let error = Template::new(&plan).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
