//! The files of a directory below `/files/`, and one of them as a download.
//!
//! ```text
//! cargo run -p selvedge-http --example files -- 127.0.0.1:8080 ./public
//! curl localhost:8080/files/index.html
//! curl -OJ localhost:8080/download/index.html
//! ```

use std::path::PathBuf;
use std::rc::Rc;

use selvedge_http::files::{Answer, FileOptions, Files};
use selvedge_http::path::SitePath;
use selvedge_http::{Application, Request, Response, Router, Server, StartError, StatusCode, header};
use selvedge_runtime::process;

fn main() -> Result<(), StartError> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("localhost:8080".to_owned());
    let root = PathBuf::from(arguments.next().unwrap_or(".".to_owned()));
    if let Err(error) = process::check_directory(&root) {
        eprintln!("files: {root:?} cannot be served: {error}; give a directory as the second argument");
        std::process::exit(2);
    }
    Server::builder()
        .listen(address)
        .on_start(|server| println!("listening on http://{}", server.address()))
        .serve(move |_worker| {
            let files = Files::open(FileOptions::new(&root)).expect("it was there a moment ago");
            Router::new()
                .nest("/files", Public(Rc::clone(&files), ""))
                .nest("/download", Public(files, "attachment"))
        })
}

/// The files of a directory, with this Content-Disposition if it is not empty.
struct Public(Rc<Files>, &'static str);

impl Application for Public {
    async fn call(&self, request: Request<'_>) -> Response {
        if !request.is_get_or_head() {
            return Response::method_not_allowed("GET, HEAD");
        }
        let mut decoded = Vec::new();
        // Whatever a client sends, this path stays below the root.
        let path = match SitePath::resolve(request.path(), &mut decoded) {
            Ok(path) => path,
            Err(error) => return Response::error(error.status(), error.reason()),
        };
        match self.0.answer(&request, &path).await {
            Answer::File(response) if self.1.is_empty() => response,
            Answer::File(response) => response.with_header(header::CONTENT_DISPOSITION, self.1),
            Answer::Refused(response) => response,
            Answer::NeedsSlash => {
                let location = [request.original_path(), b"/"].concat();
                Response::redirect(StatusCode::MOVED_PERMANENTLY, location)
            }
            Answer::NeedsNoSlash | Answer::Directory | Answer::Missing => {
                Response::error(StatusCode::NOT_FOUND, "")
            }
        }
    }
}
