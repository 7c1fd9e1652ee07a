//! A small client for what `wrk` does not do: getting a body, and leaving connections open.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail, ensure};

use super::workloads::Workload;

/// An answer that takes longer is a failure.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a connection to 127.0.0.1:`port`.
pub(crate) fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    Ok(stream)
}

/// The body of `path`, got on a connection of its own.
pub(crate) fn get(port: u16, path: &str) -> anyhow::Result<Vec<u8>> {
    let mut stream = connect(port)?;
    // In one write: what a server holds depends on the pieces it comes in.
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    read_body(&mut BufReader::new(stream)).with_context(|| format!("{path} cannot be had"))
}

/// Gets the file once on a connection that stays open.
pub(super) fn open_and_ask(port: u16, workload: &Workload) -> anyhow::Result<TcpStream> {
    let mut stream = connect(port)?;
    write!(stream, "GET /{} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n", workload.file)?;
    // Unbuffered memory per connection would be the client's only; the reader is dropped with nothing in it.
    let body = read_body(&mut BufReader::with_capacity(2048, &stream))?;
    ensure!(body.len() == workload.bytes, "the answer has {} bytes", body.len());
    Ok(stream)
}

/// Reads one answer and gives its body.
pub(crate) fn read_body(reader: &mut impl BufRead) -> anyhow::Result<Vec<u8>> {
    let mut line = String::new();
    reader.read_line(&mut line).context("no answer")?;
    if !line.starts_with("HTTP/1.1 200") {
        bail!("the answer begins with '{}'", line.trim_end());
    }
    let mut length = None;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let field = line.trim_end();
        if field.is_empty() {
            break;
        }
        if let Some((name, value)) = field.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = Some(value.trim().parse::<usize>()?);
        }
    }
    let mut body = vec![0; length.context("the answer has no Content-Length")?];
    reader.read_exact(&mut body).context("the body ends early")?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_length() {
        let mut text = &b"HTTP/1.1 200 OK\r\nServer: x/1\r\ncontent-length: 2\r\n\r\nabHTTP"[..];
        assert_eq!(read_body(&mut text).unwrap(), b"ab");
        assert_eq!(text, b"HTTP");
    }

    #[test]
    fn wrong_answers_are_told() {
        for (text, reason) in [
            (&b"HTTP/1.1 404 Not Found\r\n\r\n"[..], "404"),
            (b"HTTP/1.1 200 OK\r\n\r\n", "Content-Length"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "early"),
        ] {
            let mut text = text;
            let error = format!("{:#}", read_body(&mut text).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }
}
