//! Uploads, as they are and as a form's files: says length and SHA-256 of each, and keeps nothing of it in memory.
//!
//! ```text
//! cargo run -p selvedge-http --example upload -- 127.0.0.1:8080
//! curl -T Cargo.lock localhost:8080/raw
//! curl -F note=hello -F file=@Cargo.lock localhost:8080/form
//! ```

use std::fmt::Write;

use selvedge_http::{
    BodyError, IntoResponse, Json, MultipartLimits, Request, Response, Server, StartError, StatusCode,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Octets of an upload.
const BYTES_MAX: u64 = 4 << 30;

const PAGE: &str = "<!doctype html>
<meta charset=utf-8>
<title>Upload</title>
<form action=/form method=post enctype=multipart/form-data>
    <input type=file name=file multiple>
    <button>Send</button>
</form>
";

/// What is said of an upload.
#[derive(Debug, Serialize)]
struct Upload {
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<String>,
    length: u64,
    sha256: String,
}

fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or("localhost:8080".to_owned());
    Server::builder()
        .listen(address)
        .body_bytes_max(BYTES_MAX)
        .on_start(|server| println!("listening on {}", server.url()))
        .serve(|_worker| {
            async |request: Request<'_>| match request.path() {
                b"/" => Response::html(PAGE),
                b"/raw" => raw(request).await.into_response(),
                b"/form" => form(request).await.into_response(),
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        })
}

async fn raw(request: Request<'_>) -> Result<Json<Upload>, BodyError> {
    let mut body = request.body();
    let mut sum = Sum::default();
    while let Some(octets) = body.chunk().await? {
        sum.add(&octets);
    }
    Ok(Json(sum.finish(None, None)))
}

async fn form(request: Request<'_>) -> Result<Json<Vec<Upload>>, BodyError> {
    let limits =
        MultipartLimits { bytes_max: BYTES_MAX, field_bytes_max: BYTES_MAX, ..MultipartLimits::default() };
    let mut form = request.multipart(limits)?;
    let mut uploads = Vec::new();
    while let Some(mut field) = form.next_field().await? {
        let mut sum = Sum::default();
        while let Some(octets) = field.chunk().await? {
            sum.add(&octets);
        }
        uploads.push(sum.finish(Some(field.name().to_owned()), field.file_name().map(str::to_owned)));
    }
    Ok(Json(uploads))
}

#[derive(Default)]
struct Sum {
    length: u64,
    hasher: Sha256,
}

impl Sum {
    fn add(&mut self, octets: &[u8]) {
        self.length += octets.len() as u64;
        self.hasher.update(octets);
    }

    fn finish(self, field: Option<String>, file_name: Option<String>) -> Upload {
        let mut sha256 = String::new();
        for octet in self.hasher.finalize() {
            write!(sha256, "{octet:02x}").expect("a string grows");
        }
        Upload { field, file_name, length: self.length, sha256 }
    }
}
