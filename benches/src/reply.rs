//! A reply as it came, read as strictly as a client may.

use std::io::{self, BufRead, Read};

/// A final reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Reads the reply to a request, or to a HEAD, whose body has `body_bytes_max` octets at most; `None` where the connection
    /// ends before it.
    pub(crate) fn read(
        from: &mut impl BufRead,
        is_head: bool,
        body_bytes_max: usize,
    ) -> Result<Option<Self>, String> {
        let Some(status_line) = line(from)? else { return Ok(None) };
        let status =
            status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..4)?.trim_end().parse().ok());
        let status: u16 = status.ok_or_else(|| format!("{status_line:?} is no status line"))?;
        let mut fields = Vec::new();
        loop {
            let line = line(from)?.ok_or("the head ends early")?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").ok_or_else(|| format!("{line:?} is no field"))?;
            fields.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut reply = Self { status, fields, body: Vec::new() };
        if !is_head && !matches!(status, 204 | 304) {
            let length = reply.field("content-length")?.and_then(|length| length.parse().ok());
            let length = length.filter(|&length| length <= body_bytes_max).ok_or("it has no good length")?;
            reply.body.resize(length, 0);
            from.read_exact(&mut reply.body).map_err(|error| format!("the body ends early: {error}"))?;
        }
        Ok(Some(reply))
    }

    /// A field's value.
    pub(crate) fn field(&self, name: &str) -> Result<Option<&str>, String> {
        let mut values =
            self.fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(format!("{name} comes twice")),
        }
    }

    pub(crate) fn says_close(&self) -> bool {
        self.field("connection") == Ok(Some("close"))
    }
}

/// A line without its CRLF; `None` at the connection's end.
fn line(from: &mut impl BufRead) -> Result<Option<String>, String> {
    let mut line = Vec::new();
    let read = from.take(16 * 1024).read_until(b'\n', &mut line);
    match read.map_err(|error: io::Error| error.to_string())? {
        0 => Ok(None),
        _ => {
            let text = line.strip_suffix(b"\r\n").and_then(|line| String::from_utf8(line.to_vec()).ok());
            text.map(Some).ok_or_else(|| format!("\"{}\" is no line", line.escape_ascii()))
        }
    }
}
