//! A long download that is made while it is sent, as fast as its client reads it and no faster.
//!
//! ```text
//! cargo run -p selvedge-http --example streaming -- 127.0.0.1:8080
//! curl localhost:8080/squares?rows=5
//! curl --limit-rate 1M localhost:8080/squares?rows=100000000 -o /dev/null &
//! curl localhost:8080/progress
//! ```

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use selvedge_http::{
    HeaderValue, IntoResponse, QueryError, Request, Response, Server, StartError, StatusCode, header,
};

/// Rows that are written together.
const ROWS_AT_ONCE: u64 = 1_000;

#[derive(serde::Deserialize)]
struct Wanted {
    #[serde(default = "rows_default")]
    rows: u64,
}

fn rows_default() -> u64 {
    1_000_000
}

fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or("localhost:8080".to_owned());
    // Rows written so far by all workers.
    let written = Arc::new(AtomicU64::new(0));
    Server::builder().listen(address).on_start(|server| println!("listening on {}", server.url())).serve(
        move |_worker| {
            let written = Arc::clone(&written);
            async move |request: Request<'_>| match request.path() {
                b"/squares" => squares(request, Arc::clone(&written)).into_response(),
                b"/progress" => format!("{}\n", written.load(Ordering::Relaxed)).into_response(),
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        },
    )
}

/// Numbers and their squares, as CSV.
fn squares(request: Request<'_>, written: Arc<AtomicU64>) -> Result<Response, QueryError> {
    let Wanted { rows } = request.query_as()?;
    let response = Response::stream(async move |mut body| {
        body.write(b"number,square\n").await?;
        let mut block = String::new();
        let mut next = 0;
        while next < rows {
            let end = rows.min(next + ROWS_AT_ONCE);
            block.clear();
            for number in next..end {
                let square = u128::from(number).pow(2);
                writeln!(block, "{number},{square}").expect("a string grows");
            }
            // Waits while 64 KiB are not sent, and fails when the client is gone.
            body.write(block.as_bytes()).await?;
            written.fetch_add(end - next, Ordering::Relaxed);
            next = end;
        }
        Ok(())
    });
    Ok(response
        .with_header(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"))
        .with_header(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")))
}
