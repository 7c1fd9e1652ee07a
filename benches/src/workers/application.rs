//! What the checked server serves: the number of the worker that answers, and a note of where the request was received.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use selvedge_http::{Application, IntoResponse, Request, Response};

use super::nodes;

/// The pages that requests were received into, of each worker.
#[derive(Debug, Clone)]
pub(super) struct Seen(Arc<[Mutex<BTreeSet<usize>>]>);

impl Seen {
    pub(super) fn new(workers: usize) -> Self {
        Self((0..workers).map(|_| Mutex::default()).collect())
    }

    fn note(&self, worker: usize, received: &[u8]) {
        self.0[worker].lock().expect("no holder panics").insert(nodes::page(received));
    }

    /// The pages since the last call.
    pub(super) fn take(&self, worker: usize) -> BTreeSet<usize> {
        std::mem::take(&mut self.0[worker].lock().expect("no holder panics"))
    }
}

/// Answers whatever is asked when its whole body has come.
pub(super) fn application(worker: usize, seen: Seen) -> impl Application {
    async move |request: Request<'_>| -> Response {
        // A head that came whole is where it was received, and holds its buffer while the body comes.
        seen.note(worker, request.path());
        let mut body = request.body();
        loop {
            match body.chunk().await {
                Ok(Some(piece)) => seen.note(worker, &piece),
                Ok(None) => return Response::text(worker.to_string()),
                Err(error) => return error.into_response(),
            }
        }
    }
}
