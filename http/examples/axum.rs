//! An axum router on every worker: extractors, JSON, server-sent events, tower-http's layers, and the files of a directory
//! served by Selvedge within it.
//!
//!     cargo run -p selvedge-http --example axum --features tower,tokio -- 127.0.0.1:8080 ./public
//!
//! The first argument is the address, `127.0.0.1:8080` without one; the second a directory for `/files`.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::path::Path;
use std::time::Duration;

use axum::extract::{Path as Segments, Query};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use axum::{Json, Router};
use futures_core::Stream;
use http::StatusCode;
use selvedge_http::files::{Answer, FileOptions, Files};
use selvedge_http::path::SitePath;
use selvedge_http::tokio_bridge::TokioBridge;
use selvedge_http::tower::{from_service, into_service};
use selvedge_http::{Application, Request, Response, Server};
use selvedge_runtime::{channel, timer};
use tower_http::timeout::TimeoutLayer;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let root = arguments.next();
    // One thread for what needs tokio: the timeout, and the keep-alive of the events.
    let bridge = TokioBridge::start()?;
    Server::builder().listen(address).on_start(|server| println!("listening on {}", server.url())).serve(
        move |_worker| {
            let router = router(root.as_deref().map(Path::new)).expect("the directory can be read");
            from_service(router).in_context(&bridge)
        },
    )?;
    Ok(())
}

/// What one worker answers with.
fn router(root: Option<&Path>) -> io::Result<Router> {
    let mut router = Router::new()
        .route("/", get(async || "a router of axum's on Selvedge\n"))
        .route("/sums", get(sum).post(sum_of))
        .route("/greetings/{name}", get(greet))
        .route("/countdown", get(countdown));
    if let Some(root) = root {
        router = router.nest_service("/files", into_service(Site::open(root)?));
    }
    let timeout = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(10));
    Ok(router.layer(timeout))
}

async fn greet(Segments(name): Segments<String>) -> String {
    format!("hello, {name}\n")
}

async fn sum(Query(numbers): Query<Vec<(String, i64)>>) -> Json<i64> {
    Json(numbers.into_iter().map(|(_, number)| number).sum())
}

async fn sum_of(Json(numbers): Json<Vec<i64>>) -> Json<i64> {
    Json(numbers.into_iter().sum())
}

/// Three events, written by a task of the worker.
async fn countdown() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let (sender, events) = channel::bounded(1);
    selvedge_runtime::spawn_detached("countdown", async move {
        for number in (1..=3).rev() {
            // Refused when the client is gone.
            if sender.send(Ok(Event::default().data(number.to_string()))).await.is_err() {
                return;
            }
            timer::sleep(Duration::from_millis(100)).await;
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

/// The files of a directory.
struct Site(std::rc::Rc<Files>);

impl Site {
    fn open(root: &Path) -> io::Result<Self> {
        Ok(Self(Files::open(FileOptions::new(root))?))
    }
}

impl Application for Site {
    async fn call(&self, request: Request<'_>) -> Response {
        let mut decoded = Vec::new();
        let path = match SitePath::resolve(request.path(), &mut decoded) {
            Ok(path) => path,
            Err(error) => return Response::error(error.status(), error.reason()),
        };
        match self.0.answer(&request, &path).await {
            Answer::File(response) | Answer::Refused(response) => response,
            _ => Response::error(StatusCode::NOT_FOUND, ""),
        }
    }
}
