//! A REST API of notes, kept in memory.
//!
//! ```text
//! cargo run -p selvedge-http --example json -- 127.0.0.1:8080
//! curl -i localhost:8080/notes --json '{"title": "milk", "done": false}'
//! curl localhost:8080/notes/1
//! curl -X PUT localhost:8080/notes/1 --json '{"title": "milk", "done": true}'
//! curl localhost:8080/notes
//! curl -i -X DELETE localhost:8080/notes/1
//! ```
//!
//! An application is made once per worker and could hold its notes in a `RefCell`. But a client's connections come to
//! any worker, and all must see the same notes: so they are behind one mutex, which is never held over an await.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use selvedge_http::{
    Application, BodyError, IntoResponse, Json, Method, Request, Response, Server, StartError, StatusCode,
    header,
};
use serde::{Deserialize, Serialize};

/// Octets of a note as JSON.
const NOTE_BYTES_MAX: usize = 16 << 10;
/// Notes that are kept.
const NOTES_MAX: usize = 10_000;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Note {
    title: String,
    #[serde(default)]
    done: bool,
}

#[derive(Debug, Serialize)]
struct NumberedNote {
    number: u64,
    #[serde(flatten)]
    note: Note,
}

#[derive(Debug, Default)]
struct Notes {
    by_number: BTreeMap<u64, Note>,
    last_number: u64,
}

/// What the workers share.
#[derive(Debug, Clone, Default)]
struct Api(Arc<Mutex<Notes>>);

fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or("localhost:8080".to_owned());
    let api = Api::default();
    Server::builder()
        .listen(address)
        .on_start(|server| println!("listening on {}", server.url()))
        .serve(move |_worker| api.clone())
}

impl Application for Api {
    async fn call(&self, request: Request<'_>) -> Response {
        let segments: Vec<_> = request.segments().collect();
        let segments: Vec<&str> = segments.iter().map(|segment| &**segment).collect();
        match (request.method(), &segments[..]) {
            (Method::GET | Method::HEAD, ["notes"]) => self.list(),
            (Method::POST, ["notes"]) => self.create(request).await.into_response(),
            (_, ["notes"]) => Response::method_not_allowed("GET, HEAD, POST"),
            (method, ["notes", number]) => match number.parse() {
                Ok(number) => self.note(request, method, number).await.into_response(),
                Err(_) => not_found(),
            },
            _ => not_found(),
        }
    }
}

impl Api {
    fn list(&self) -> Response {
        let notes = self.notes();
        let numbered = |(&number, note): (&u64, &Note)| NumberedNote { number, note: note.clone() };
        Response::json(&notes.by_number.iter().map(numbered).collect::<Vec<_>>())
    }

    async fn create(&self, request: Request<'_>) -> Result<Response, BodyError> {
        let note: Note = request.json(NOTE_BYTES_MAX).await?;
        let mut notes = self.notes();
        if notes.by_number.len() == NOTES_MAX {
            return Ok(Response::error(StatusCode::INSUFFICIENT_STORAGE, "no room for another note"));
        }
        notes.last_number += 1;
        let number = notes.last_number;
        notes.by_number.insert(number, note.clone());
        let response = Response::json(&NumberedNote { number, note }).with_status(StatusCode::CREATED);
        Ok(response.with_header(header::LOCATION, format!("/notes/{number}")))
    }

    async fn note(&self, request: Request<'_>, method: Method, number: u64) -> Result<Response, BodyError> {
        Ok(match method {
            Method::GET | Method::HEAD => match self.notes().by_number.get(&number) {
                Some(note) => Response::json(&NumberedNote { number, note: note.clone() }),
                None => not_found(),
            },
            Method::PUT => {
                let note: Note = request.json(NOTE_BYTES_MAX).await?;
                match self.notes().by_number.get_mut(&number) {
                    Some(place) => {
                        place.clone_from(&note);
                        Json(NumberedNote { number, note }).into_response()
                    }
                    None => not_found(),
                }
            }
            Method::DELETE => match self.notes().by_number.remove(&number) {
                Some(_) => Response::empty(StatusCode::NO_CONTENT),
                None => not_found(),
            },
            _ => Response::method_not_allowed("GET, HEAD, PUT, DELETE"),
        })
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().expect("no holder panics")
    }
}

fn not_found() -> Response {
    Response::error(StatusCode::NOT_FOUND, "no such note")
}
