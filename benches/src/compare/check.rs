//! What a server answers is looked at before it is measured. In: its port and a workload. Out: an error where the answers are not
//! those that are going to be counted; else what the requests have to say, and how long an answer is.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use brotli::Decompressor;
use flate2::read::GzDecoder;

use super::{
    client::connect,
    file_set::FileSet,
    interrupt,
    workloads::{Asked, Kind, Workload},
};
use crate::content::{RANGE, content};
use crate::counted::Counted;
use crate::reply::Reply;

/// No body is longer.
const BODY_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Looks at a file, one each half a second, until its answer has a tag or a time.
const LOOKS_MAX: usize = 10;

/// A server that does what is asked.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Header fields of the requests to be measured.
    pub(super) fields: Vec<String>,
    /// Octets of an answer, head included, where all are alike.
    pub(crate) answer_bytes: Option<u64>,
    /// Where many files are asked for, how many came in which coding.
    pub(super) codings: BTreeMap<String, usize>,
}

/// Asks in the way of `workload` and compares every byte of what comes with the files in `root`.
pub(crate) fn check(port: u16, workload: &Workload, root: &Path) -> anyhow::Result<Checked> {
    if let Asked::Many(set) = workload.asked {
        let codings = check_set(port, workload, set, root)?;
        return Ok(Checked { fields: workload.fields(), answer_bytes: None, codings });
    }
    let mut fields = workload.fields();
    if workload.asked == Asked::Unchanged {
        fields.push(condition(port, workload)?);
    }
    let request = request(port, &format!("/{}", workload.file), &fields);
    let (requests, together) = match workload.kind {
        Kind::KeepAlive | Kind::Handler | Kind::Idle | Kind::BesideCold | Kind::OpenLoop => (2, 1),
        Kind::Pipelined { depth } => (depth, depth),
        Kind::Close => (1, 1),
    };
    let mut stream = connect(port)?;
    let mut reader = Counted::new(BufReader::new(stream.try_clone()?));
    let mut answer_bytes = 0;
    for number in 1..=requests {
        if (number - 1) % together == 0 {
            stream.write_all(request.repeat(together).as_bytes())?;
        }
        let before = reader.octets();
        let mut look = || is_right(&read(&mut reader)?, workload);
        look().with_context(|| format!("answer {number} of {requests}"))?;
        answer_bytes = reader.octets() - before;
    }
    if workload.kind == Kind::Close {
        ensure!(reader.read(&mut [0])? == 0, "the connection stays open after 'Connection: close'");
    }
    Ok(Checked { fields, answer_bytes: Some(answer_bytes), codings: BTreeMap::new() })
}

/// Asks for each file of a set once, which is what warms a server's caches too: in the order of the load, so that a cache that has
/// no room for all has those that the load would have left in it.
fn check_set(
    port: u16,
    workload: &Workload,
    set: FileSet,
    root: &Path,
) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut stream = connect(port)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut codings = BTreeMap::new();
    for path in set.distinct_paths() {
        stream.write_all(request(port, &path, &workload.fields()).as_bytes())?;
        let mut look = || -> anyhow::Result<String> {
            let reply = read(&mut reader)?;
            ensure!(reply.status == 200, "its status is {}, not 200", reply.status);
            let coding = reply.field("content-encoding").map_err(anyhow::Error::msg)?;
            ensure!(
                decoded(&reply.body, coding)? == fs::read(root.join(&path[1..]))?,
                "it has other bytes than the file"
            );
            Ok(coding.unwrap_or("identity").to_owned())
        };
        *codings.entry(look().with_context(|| path.clone())?).or_default() += 1;
    }
    Ok(codings)
}

pub(crate) fn request(port: u16, path: &str, fields: &[String]) -> String {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{fields}\r\n")
}

/// What a body says without its coding.
pub(super) fn decoded(body: &[u8], coding: Option<&str>) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    match coding {
        None => text.extend_from_slice(body),
        Some("br") => drop(Decompressor::new(body, 4096).read_to_end(&mut text)?),
        Some("gzip") => drop(GzDecoder::new(body).read_to_end(&mut text)?),
        Some(other) => bail!("nobody asked for the coding {other}"),
    }
    Ok(text)
}

/// The field by which the file's own tag, or where there is none its time, is asked for, as this server says it. One that has just
/// started may say neither for some seconds.
fn condition(port: u16, workload: &Workload) -> anyhow::Result<String> {
    for look in 0..LOOKS_MAX {
        if look > 0 {
            interrupt::sleep(Duration::from_millis(500))?;
        }
        let mut stream = connect(port)?;
        write!(stream, "GET /{} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n", workload.file)?;
        let reply = read(&mut BufReader::new(stream)).context("the file's tag cannot be had")?;
        if let Some(condition) = condition_of(&reply)? {
            return Ok(condition);
        }
    }
    bail!("/{} has neither a tag nor a time, so nobody can ask whether it has changed", workload.file)
}

fn condition_of(reply: &Reply) -> anyhow::Result<Option<String>> {
    let field = |name| reply.field(name).map_err(anyhow::Error::msg);
    Ok(match (field("etag")?, field("last-modified")?) {
        (Some(tag), _) => Some(format!("If-None-Match: {tag}")),
        (None, Some(time)) => Some(format!("If-Modified-Since: {time}")),
        (None, None) => None,
    })
}

fn read(reader: &mut impl BufRead) -> anyhow::Result<Reply> {
    let reply = Reply::read(reader, false, BODY_BYTES_MAX).map_err(anyhow::Error::msg)?;
    reply.context("the connection ends without an answer")
}

/// Whether `reply` is what `workload` measures.
fn is_right(reply: &Reply, workload: &Workload) -> anyhow::Result<()> {
    let status = workload.asked.status();
    ensure!(reply.status == status, "its status is {}, not {status}", reply.status);
    let expected = match workload.asked {
        Asked::Whole => content(workload.bytes),
        Asked::Range => {
            let range = format!("bytes {}-{}/{}", RANGE.start(), RANGE.end(), workload.bytes);
            let field = reply.field("content-range").map_err(anyhow::Error::msg)?;
            ensure!(field == Some(&range), "its Content-Range is {field:?}, not '{range}'");
            content(workload.bytes)[RANGE].to_vec()
        }
        Asked::Unchanged => Vec::new(),
        // Each server has its own words for it.
        Asked::Unknown => return Ok(()),
        Asked::Many(_) => bail!("each file of a set has its own bytes"),
    };
    ensure!(reply.body == expected, "it has other bytes than the file");
    Ok(())
}

#[cfg(test)]
mod tests;
