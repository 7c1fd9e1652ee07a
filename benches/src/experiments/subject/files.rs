//! One worker that answers every request with the same file. In: what it keeps of the file from one request to the next. Out:
//! answers; what is done anew each time is the difference between two of them.

use std::ffi::CString;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use selvedge_http::Server;
use selvedge_http::files::{FileOptions, Files, serve_files};
use selvedge_runtime::fs::{Access, File, Resolve, open_cached, open_directory};
use selvedge_runtime::net::{More, Stream, TcpListener};
use selvedge_runtime::{Chunk, block_on, spawn_detached};

use super::canned;
use crate::experiments::descriptors::Way;

/// What one sendfile(2) is asked for, as the server does.
const PIECE_BYTES: usize = 256 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// What is kept
    #[arg(long, value_enum)]
    way: Way,
    /// The file
    #[arg(long)]
    file: PathBuf,
}

/// Serves until the process is killed.
pub(super) fn run(port: u16, options: &Options) -> anyhow::Result<()> {
    let directory = options.file.parent().context("the file has no directory")?.to_owned();
    match options.way {
        Way::Server => serve_directory(port, &directory, FileOptions::new(&directory).fresh_for),
        Way::ServerLooking => serve_directory(port, &directory, Duration::ZERO),
        way => {
            let name = options.file.file_name().context("the file has no name")?;
            let name = CString::new(name.as_encoded_bytes())?;
            block_on(move || async move {
                let kept = Rc::new(Kept::new(way, &directory, name)?);
                let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port).into())?;
                loop {
                    let stream = listener.accept().await?;
                    spawn_detached("connection", serve(stream.into(), Rc::clone(&kept)));
                }
            })
        }
    }
}

/// This project's server of files, with its memory of them.
fn serve_directory(port: u16, directory: &Path, fresh_for: Duration) -> anyhow::Result<()> {
    let options = FileOptions { fresh_for, ..FileOptions::new(directory) };
    let builder = Server::builder().listen(format!("127.0.0.1:{port}").as_str()).workers(1);
    builder.serve(move |_worker| {
        serve_files(Files::open(options.clone()).expect("the directory was there a moment ago"))
    })?;
    Ok(())
}

/// Answers until the client ends or the connection fails.
async fn serve(mut stream: Stream, kept: Rc<Kept>) {
    while let Ok(Some(received)) = stream.receive().await {
        drop(received);
        if let Err(error) = kept.answer(&mut stream).await {
            return eprintln!("an answer was not sent: {error}");
        }
    }
}

/// What is kept from one request to the next.
enum Kept {
    Answer(Rc<[u8]>),
    Descriptor { head: Vec<u8>, file: File, length: u64 },
    Nothing { directory: File, name: CString },
}

impl Kept {
    fn new(way: Way, directory: &Path, name: CString) -> io::Result<Self> {
        let directory = open_directory(directory)?;
        if way == Way::OpenEach {
            return Ok(Self::Nothing { directory, name });
        }
        let file = open_cached(&directory, &name, Access::Read, Resolve::Beneath)?;
        let length = file.metadata()?.size_bytes;
        Ok(match way {
            // Files of the comparison have the content of a canned answer.
            Way::Answer => Self::Answer(canned::answer(length as usize).into()),
            _ => Self::Descriptor { head: canned::head(length as usize), file, length },
        })
    }

    async fn answer(&self, stream: &mut Stream) -> io::Result<()> {
        match self {
            Self::Answer(octets) => stream.send(Chunk::Rc(Rc::clone(octets), 0..octets.len() as u32)).await,
            Self::Descriptor { head, file, length } => send(stream, head, file, *length).await,
            Self::Nothing { directory, name } => {
                let file = open_cached(directory, name, Access::Read, Resolve::Beneath)?;
                let length = file.metadata()?.size_bytes;
                send(stream, &canned::head(length as usize), &file, length).await
            }
        }
    }
}

/// The head held back until the file follows, which goes out by sendfile(2).
async fn send(stream: &mut Stream, mut head: &[u8], file: &File, length: u64) -> io::Result<()> {
    while !head.is_empty() {
        match stream.send_now(head, More::Follows) {
            Ok(sent) => head = &head[sent..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
            Err(error) => return Err(error),
        }
    }
    let mut offset = 0;
    while offset < length {
        let piece = PIECE_BYTES.min((length - offset) as usize);
        match stream.send_file(file, offset, piece) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(sent) => offset += sent as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
