//! Threads that answer each request of a connection with a head and a file. In: how these are sent. Out: answers; how many
//! packets they make, and when those come, is seen from outside.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustix::fs::sendfile;
use rustix::net::{SendFlags, send};

use super::canned;
use crate::content::content;
use crate::experiments::packets::Way;

/// What a request's head may have; it is taken for one request.
const HEAD_BYTES_MAX: usize = 4_096;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// How head and body are sent
    #[arg(long, value_enum)]
    way: Way,
    /// Octets of the body
    #[arg(long)]
    bytes: usize,
}

/// Serves until the process is killed.
pub(super) fn run(port: u16, options: &Options) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let answer = Arc::new(Answer { head: canned::head(options.bytes), body: content(options.bytes) });
    let way = options.way;
    loop {
        let (stream, _) = listener.accept()?;
        let answer = Arc::clone(&answer);
        thread::spawn(move || {
            // The client is gone, or the system call does not do what it is to do: the client tells that.
            if let Err(error) = serve(stream, way, &answer) {
                eprintln!("{error}");
            }
        });
    }
}

struct Answer {
    head: Vec<u8>,
    body: Vec<u8>,
}

fn serve(mut stream: TcpStream, way: Way, answer: &Answer) -> io::Result<()> {
    let Answer { head, body } = answer;
    stream.set_nodelay(way != Way::TwoSends)?;
    let mut file = tempfile::tempfile()?;
    file.write_all(body)?;
    let whole = [head.as_slice(), body].concat();
    let mut request = [0; HEAD_BYTES_MAX];
    while stream.read(&mut request)? > 0 {
        match way {
            Way::TwoSends | Way::TwoSendsWithoutDelay => {
                stream.write_all(head)?;
                send_file(&stream, &mut file, body.len())?;
            }
            Way::More => {
                send_more(&stream, head)?;
                send_file(&stream, &mut file, body.len())?;
            }
            Way::OneSend => stream.write_all(&whole)?,
        }
    }
    Ok(())
}

/// Keeps the octets back until more follow (MSG_MORE, send(2)).
fn send_more(stream: &TcpStream, mut octets: &[u8]) -> io::Result<()> {
    while !octets.is_empty() {
        let sent = send(stream, octets, SendFlags::MORE | SendFlags::NOSIGNAL)?;
        octets = &octets[sent..];
    }
    Ok(())
}

fn send_file(stream: &TcpStream, file: &mut File, length: usize) -> io::Result<()> {
    file.rewind()?;
    let mut left = length;
    while left > 0 {
        match sendfile(stream, &*file, None, left)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            sent => left -= sent,
        }
    }
    Ok(())
}
