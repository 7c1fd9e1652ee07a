//! The files of a directory below `/files/`, and one of them as a download.
//!
//! ```text
//! cargo run -p selvedge-http --example files -- 127.0.0.1:8080 ./public
//! curl localhost:8080/files/index.html
//! curl -OJ localhost:8080/download/index.html
//! ```

use std::path::PathBuf;

use selvedge_http::files::{FileOptions, Files, serve_files};
use selvedge_http::middleware::{HeaderChanges, headers};
use selvedge_http::{Application, Router, Server, StartError, header};
use selvedge_runtime::process;

fn main() -> Result<(), StartError> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("localhost:8080".to_owned());
    let root = PathBuf::from(arguments.next().unwrap_or(".".to_owned()));
    if let Err(error) = process::check_directory(&root) {
        eprintln!("files: {root:?} cannot be served: {error}; give a directory as the second argument");
        std::process::exit(2);
    }
    Server::builder().listen(address).on_start(|server| println!("listening on {}", server.url())).serve(
        move |_worker| {
            let files = Files::open(FileOptions::new(&root)).expect("it was there a moment ago");
            let download = HeaderChanges::new().set(header::CONTENT_DISPOSITION, "attachment");
            Router::new()
                .nest("/files", serve_files(files.clone()))
                .nest("/download", serve_files(files).with(headers(download)))
        },
    )
}
