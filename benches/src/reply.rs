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
            match (reply.field("content-length")?, reply.field("transfer-encoding")?) {
                (None, Some("chunked")) => reply.read_chunks(from, body_bytes_max)?,
                (Some(length), None) => {
                    let length = length.parse().map_err(|_| "it has no good length")?;
                    reply.read_body(from, length, body_bytes_max)?;
                }
                _ => return Err("it has no good length".into()),
            }
        }
        Ok(Some(reply))
    }

    /// Chunks without extensions, and no trailers (RFC 9112, section 7.1).
    fn read_chunks(&mut self, from: &mut impl BufRead, body_bytes_max: usize) -> Result<(), String> {
        loop {
            let size = line(from)?.ok_or("the body ends early")?;
            let size =
                usize::from_str_radix(&size, 16).map_err(|_| format!("{size:?} is no chunk's size"))?;
            self.read_body(from, size, body_bytes_max)?;
            if line(from)?.as_deref() != Some("") {
                return Err("a chunk has no end".into());
            }
            if size == 0 {
                return Ok(());
            }
        }
    }

    /// The next octets of the body.
    fn read_body(
        &mut self,
        from: &mut impl BufRead,
        length: usize,
        body_bytes_max: usize,
    ) -> Result<(), String> {
        let end = self.body.len().checked_add(length).filter(|&end| end <= body_bytes_max);
        let begin = self.body.len();
        self.body.resize(end.ok_or("it has no good length")?, 0);
        from.read_exact(&mut self.body[begin..]).map_err(|error| format!("the body ends early: {error}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<u8>, String> {
        let reply = Reply::read(&mut text.as_bytes(), false, 10)?;
        Ok(reply.ok_or("no reply")?.body)
    }

    #[test]
    fn a_body_comes_by_its_length_or_in_chunks() {
        let head = "HTTP/1.1 200 OK\r\n";
        assert_eq!(read(&format!("{head}Content-Length: 3\r\n\r\nabc")), Ok(b"abc".to_vec()));
        let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
        assert_eq!(read(&format!("{chunked}2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")), Ok(b"abc".to_vec()));
        for (body, reason) in [
            ("2\r\nab\r\n", "the body ends early"),
            ("b\r\nabcdefghijk\r\n0\r\n\r\n", "it has no good length"),
            ("6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n", "it has no good length"),
            ("x\r\n", "\"x\" is no chunk's size"),
            ("2\r\nabc\r\n", "a chunk has no end"),
        ] {
            assert_eq!(read(&format!("{chunked}{body}")), Err(reason.into()), "{body:?}");
        }
        let both = format!("{head}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n");
        assert_eq!(read(&both), Err("it has no good length".into()));
        assert!(read(&format!("{head}Content-Length: 11\r\n\r\nabcdefghijk")).is_err());
    }
}
