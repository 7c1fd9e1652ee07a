//! Runs rows over sockets: each whole, and split in two at every position, with a request behind it that is answered
//! or not.
//!
//! Between the two parts of a split the server's worker is made to do a job, on a connection it has answered on
//! before. So it has nearly always seen the first part alone; a packet that the kernel delivers late would merge the
//! two, which changes nothing in what is expected. The strict proof is [`crate::runner::engine`]'s, here it is that
//! the connection keeps to it.

use crate::runner::engine::{PROBE, PROBE_TOLD};
use crate::runner::mirror::{LINE, REQUEST, mirror};
use crate::runner::row::{Body, Expected, Row, Told};
use crate::support::client::{Asked, Client, End, Reply};
use crate::support::{TestServer, patient};
use selvedge_http::h1::Version;

/// Rows up to this length are split at every position; longer ones at both ends and at some positions between them.
const SPLIT_EVERYWHERE_BYTES_MAX: usize = 200;
const ENDS_BYTES: usize = 60;
const BETWEEN: usize = 25;
/// Connections in use at once: the more, the fewer jobs.
const BATCH: usize = 50;

/// What a check leaves of its connection.
pub(crate) enum After {
    Open,
    Closed,
}

/// Checks every row of a table against a server whose application is the mirror.
pub(crate) fn check(rows: &[Row]) {
    let server = TestServer::start(patient(), mirror);
    let mut connections = Connections::new(&server, "GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    let failures: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let octets = if row.ends_within_a_message() {
                row.octets.clone()
            } else {
                [&row.octets[..], PROBE].concat()
            };
            connections
                .at_every_split(&octets, row.octets.len(), |client| check_row(client, row))
                .err()
                .map(|why| format!("{} ({}): {why}", row.name, row.rule))
        })
        .collect();
    drop(connections);
    assert!(failures.is_empty(), "{} of {} rows:\n{}", failures.len(), rows.len(), failures.join("\n"));
}

fn check_row(client: &mut Client, row: &Row) -> Result<After, String> {
    for expected in &row.expected {
        match expected {
            Expected::Accepted(told) => {
                check_answer(client, told)?;
                match told.body {
                    Body::CutShort => drop(client.shut_down_write()),
                    _ if !told.ends_connection() => continue,
                    _ => {}
                }
                return closed(client);
            }
            Expected::Refused(status, reject) => {
                let is_head = row.expected.len() == 1 && row.asks_for_the_head();
                let reply = reply(client, if is_head { Asked::Head } else { Asked::Get })?;
                let seen = (reply.status, reply.closes());
                if seen != (*status, true) {
                    return Err(format!("{seen:?}, expected {status} and a close"));
                }
                if !is_head && !reply.text().contains(reject.reason()) {
                    return Err(format!("{:?} for {:?}", reply.text(), reject.reason()));
                }
                return closed(client);
            }
            Expected::Incomplete => {
                client.shut_down_write();
                return closed(client);
            }
        }
    }
    check_answer(client, &PROBE_TOLD).map_err(|why| format!("the request behind it: {why}"))?;
    Ok(After::Open)
}

fn check_answer(client: &mut Client, told: &Told) -> Result<(), String> {
    let asked = if told.method == "HEAD" { Asked::Head } else { Asked::Get };
    let reply = reply(client, asked)?;
    if reply.status != told.answer {
        return Err(format!("{} for {}", reply.status, told.description()));
    }
    let connection = match told.version {
        _ if told.closes() => Some("close"),
        Version::Http10 => Some("keep-alive"),
        Version::Http11 => None,
    };
    if reply.field("connection") != connection {
        return Err(format!("connection: {:?}, expected {connection:?}", reply.field("connection")));
    }
    if reply.field("transfer-encoding").is_some() || reply.field("date").is_none() {
        return Err(format!("fields that no answer has, or lacks: {:?}", reply.fields));
    }
    if told.answer == 200 {
        if reply.field(REQUEST) != Some(&told.description()) {
            return Err(format!("{:?}\n  expected {}", reply.field(REQUEST), told.description()));
        }
        let has = |line: &String| reply.fields.iter().any(|(name, value)| name == LINE && value == line);
        if let Some(missing) = told.lines().find(|line| !has(line)) {
            return Err(format!("no line {missing:?} in {:?}", reply.fields));
        }
    }
    Ok(())
}

fn reply(client: &mut Client, asked: Asked) -> Result<Reply, String> {
    client.try_reply_to(asked).map_err(|error| format!("no whole response: {error}"))
}

/// The server closes in good order without another octet.
pub(crate) fn closed(client: &mut Client) -> Result<After, String> {
    match client.read_to_end() {
        (rest, End::Closed) if rest.is_empty() => Ok(After::Closed),
        (rest, end) => Err(format!("{end:?} after {:?}", rest.escape_ascii().to_string())),
    }
}

/// Connections to one server, each of which has had an answer.
pub(crate) struct Connections<'s> {
    server: &'s TestServer,
    first: &'static str,
    idle: Vec<Client>,
}

impl<'s> Connections<'s> {
    /// `first`: a request to which the answer is 200.
    pub(crate) fn new(server: &'s TestServer, first: &'static str) -> Self {
        Self { server, first, idle: Vec::new() }
    }

    /// Sends `octets` whole, then split at positions up to `split_max`, each on a connection of its own, and has
    /// `check` read the answers.
    pub(crate) fn at_every_split(
        &mut self,
        octets: &[u8],
        split_max: usize,
        mut check: impl FnMut(&mut Client) -> Result<After, String>,
    ) -> Result<(), String> {
        let splits: Vec<usize> = splits(split_max).collect();
        for batch in splits.chunks(BATCH) {
            let mut clients = self.take(batch.len());
            for (client, &at) in clients.iter_mut().zip(batch) {
                client.send(&octets[..at]);
            }
            self.server.on_worker(|| ());
            for (client, &at) in clients.iter_mut().zip(batch) {
                // It may be refused by now, and the connection shut down.
                let _ = client.try_send(&octets[at..]);
            }
            for (mut client, &at) in clients.into_iter().zip(batch) {
                match check(&mut client) {
                    Ok(After::Open) => self.idle.push(client),
                    // Nothing waits for it any more, and no port is kept busy by it.
                    Ok(After::Closed) => client.reset(),
                    Err(why) if at == 0 => return Err(format!("whole: {why}")),
                    Err(why) => return Err(format!("split at {at}: {why}")),
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, count: usize) -> Vec<Client> {
        let mut taken = self.idle.split_off(self.idle.len().saturating_sub(count));
        let mut fresh: Vec<Client> = (taken.len()..count).map(|_| self.server.connect()).collect();
        for client in &mut fresh {
            client.send(self.first);
        }
        for client in &mut fresh {
            assert_eq!(client.reply().status, 200);
        }
        taken.extend(fresh);
        taken
    }
}

/// 0, which is the whole, and positions to split at.
fn splits(length: usize) -> impl Iterator<Item = usize> {
    let step = (length / BETWEEN).max(1);
    (0..length).filter(move |&at| {
        length <= SPLIT_EVERYWHERE_BYTES_MAX
            || at < ENDS_BYTES
            || at > length - ENDS_BYTES
            || at.is_multiple_of(step)
    })
}
