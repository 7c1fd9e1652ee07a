//! Server-sent events: a page with a counter that goes on where it was when the connection breaks.
//!
//! ```text
//! cargo run -p selvedge-http --example sse -- 127.0.0.1:8080
//! curl -N localhost:8080/events
//! curl -N localhost:8080/events -H 'Last-Event-ID: 41'
//! ```

use std::time::Duration;

use selvedge_http::{Event, IntoResponse, Request, Response, Server, StartError, StatusCode};
use selvedge_runtime::timer::sleep;

const PAGE: &str = "<!doctype html>
<meta charset=utf-8>
<title>Events</title>
<p>Events so far: <output>none</output>
<script>
    const events = new EventSource('/events');
    events.addEventListener('count', event => document.querySelector('output').value = event.data);
</script>
";

fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or("localhost:8080".to_owned());
    Server::builder().listen(address).on_start(|server| println!("listening on {}", server.url())).serve(
        |_worker| {
            async |request: Request<'_>| match request.path() {
                b"/" => Response::html(PAGE),
                b"/events" => count(request),
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        },
    )
}

/// Counts on from the last event that the client has seen.
fn count(request: Request<'_>) -> Response {
    let last: u64 = request.last_event_id().and_then(|id| id.parse().ok()).unwrap_or(0);
    Response::events(async move |mut events| {
        events.keep_alive(Some(Duration::from_secs(10)));
        events.send(Event::default().retry(Duration::from_secs(1))).await?;
        for number in last.saturating_add(1).. {
            let event = Event::data(number.to_string()).event("count").id(number.to_string());
            events.send(event).await?;
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    })
}
