//! A WebSocket connection that sends back what it gets, and a page that talks to it.
//!
//! ```text
//! cargo run -p selvedge-http --example websocket -- 127.0.0.1:8080
//! ```

use std::io;

use selvedge_http::{
    CloseCode, IntoResponse, Message, Request, Response, Server, StartError, StatusCode, WebSocket,
};

const PAGE: &str = "<!doctype html>
<meta charset=utf-8>
<title>Echo</title>
<form><input autofocus><button>Send</button></form>
<ul></ul>
<script>
    const socket = new WebSocket(`ws://${location.host}/echo`);
    const [form] = document.forms;
    form.onsubmit = event => { event.preventDefault(); socket.send(form[0].value); form.reset(); };
    const say = text => document.querySelector('ul').appendChild(document.createElement('li')).append(text);
    socket.onmessage = event => say(event.data);
    socket.onclose = event => say(`closed: ${event.code} ${event.reason}`);
</script>
";

fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or("localhost:8080".to_owned());
    Server::builder().listen(address).on_start(|server| println!("listening on {}", server.url())).serve(
        |_worker| {
            async |request: Request<'_>| match request.path() {
                b"/" => Response::html(PAGE),
                b"/echo" => match request.websocket() {
                    Ok(upgrade) => upgrade.message_bytes_max(64 << 10).accept(echo),
                    Err(error) => error.into_response(),
                },
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        },
    )
}

/// Sends back what comes until the client closes, or says `bye`.
async fn echo(mut socket: WebSocket) -> io::Result<()> {
    while let Some(message) = socket.receive().await? {
        if message == Message::from("bye") {
            return socket.close(CloseCode::NORMAL, "bye").await;
        }
        socket.send(message).await?;
    }
    Ok(())
}
