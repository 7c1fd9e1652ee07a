//! An application that says what it has read, by path.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use selvedge_http::{
    Application, BodyError, CloseCode, Event, IntoResponse, Json, Message, MultipartLimits, Request,
    Response, SameSite, SetCookie, StatusCode, header,
};
use selvedge_runtime::{Worker, timer};
use serde::{Deserialize, Serialize};

/// Answers by path:
/// * `/json`, `/form`, `/query`: an [`Order`], read from where the path says, of at most 100 octets, as JSON;
/// * `/pairs`: the query's pairs; `/cookies`: the cookies; `/set-cookies`: two new ones;
/// * `/multipart`: each field's name, file name, type and length; `/first-field`: of the first one only;
/// * `/trailers`: the body's length, the trailers before and after it; `/too-early`: without reading the body;
/// * `/events`: from after Last-Event-ID up to the third; `/silence`: comments only; `/dropped`: how many of those have
///   ended;
/// * `/echo`: a WebSocket connection of messages up to 1,000 octets that sends back what it gets, and closes with 4000
///   when told `close`; `/spoken`: what the last of them ended with;
/// * `/page`: a page that tries these, and sends what it has found to `/tell`; `/told`: what that was.
#[derive(Default)]
pub(crate) struct Contents {
    dropped: Rc<Cell<u64>>,
    spoken: Rc<Cell<String>>,
    told: Cell<String>,
}

pub(crate) fn contents(_: &Worker) -> Contents {
    Contents::default()
}

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    article: String,
    #[serde(default)]
    count: u8,
    #[serde(default)]
    tag: Vec<String>,
}

struct Ended(Rc<Cell<u64>>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

impl Application for Contents {
    async fn call(&self, request: Request<'_>) -> Response {
        match request.path() {
            b"/json" => request.json::<Order>(100).await.map(Json).into_response(),
            b"/form" => request.form::<Order>(100).await.map(Json).into_response(),
            b"/query" => request.query_as::<Order>().map(Json).into_response(),
            b"/unwritable" => Response::json(&std::collections::BTreeMap::from([((1, 2), 3)])),
            b"/pairs" => {
                let pairs = request.query_pairs().map(|(name, value)| format!("{name:?}={value:?}\n"));
                pairs.collect::<String>().into_response()
            }
            b"/cookies" => request
                .cookies()
                .map(|(name, value)| format!("{name}={value}\n"))
                .collect::<String>()
                .into_response(),
            b"/set-cookies" => Response::empty(StatusCode::NO_CONTENT)
                .with_header(header::SET_COOKIE, SetCookie::new("a", "1").same_site(SameSite::Strict))
                .with_header(header::SET_COOKIE, SetCookie::removal("b")),
            b"/multipart" => multipart(request, usize::MAX).await.into_response(),
            b"/first-field" => multipart(request, 1).await.into_response(),
            b"/trailers" => trailers(request).await.into_response(),
            b"/too-early" => format!("{:?}", request.body().trailers()).into_response(),
            b"/events" => events(request),
            b"/silence" => {
                let ended = Ended(Rc::clone(&self.dropped));
                Response::events(async move |events| {
                    let _ended = ended;
                    events.keep_alive(Some(Duration::from_millis(5)));
                    std::future::pending().await
                })
            }
            b"/dropped" => self.dropped.get().to_string().into_response(),
            b"/echo" => self.echo(request),
            b"/spoken" => {
                let spoken = self.spoken.take();
                self.spoken.set(spoken.clone());
                spoken.into_response()
            }
            b"/page" => Response::html(super::browser::PAGE),
            b"/tell" => request.body().text(10_000).await.map(|told| self.told.set(told)).into_response(),
            b"/told" => {
                let told = self.told.take();
                self.told.set(told.clone());
                told.into_response()
            }
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

async fn multipart(request: Request<'_>, fields_max: usize) -> Result<String, BodyError> {
    let limits = MultipartLimits { fields_max: 4, field_bytes_max: 500_000, bytes_max: 900_000 };
    let mut form = request.multipart(limits)?;
    let mut said = String::new();
    let mut fields = 0;
    while fields < fields_max
        && let Some(mut field) = form.next_field().await?
    {
        fields += 1;
        let content_type = field.content_type().unwrap_or_default().escape_ascii().to_string();
        let (name, file_name) = (field.name().to_owned(), field.file_name().map(str::to_owned));
        let content = match &*name {
            "skipped" => "skipped".to_owned(),
            "text" => field.text(10).await?,
            _ => {
                let mut sum = (0, 0_u64);
                while let Some(octets) = field.chunk().await? {
                    sum.0 += octets.len();
                    sum.1 += octets.iter().map(|&octet| u64::from(octet)).sum::<u64>();
                }
                assert_eq!(field.chunk().await?, None, "the end stays");
                format!("{sum:?}")
            }
        };
        said += &format!("{name} {file_name:?} {content_type} {content}\n");
    }
    Ok(said)
}

async fn trailers(request: Request<'_>) -> Result<String, BodyError> {
    let mut body = request.body();
    let mut length = 0;
    while let Some(chunk) = body.chunk().await? {
        assert!(body.trailers().is_empty(), "there is more");
        length += chunk.len();
    }
    Ok(format!("{length} {:?}", body.trailers()))
}

fn events(request: Request<'_>) -> Response {
    let from = request.last_event_id().map_or(1, |id| id.parse::<u32>().expect("a number") + 1);
    Response::events(async move |mut events| {
        for id in from..=3 {
            events.send(Event::data(format!("event\n{id}")).id(id.to_string())).await?;
            timer::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    })
}

impl Contents {
    fn echo(&self, request: Request<'_>) -> Response {
        let spoken = Rc::clone(&self.spoken);
        let mut upgrade = match request.websocket() {
            Ok(upgrade) => upgrade.message_bytes_max(1_000),
            Err(error) => return error.into_response(),
        };
        if upgrade.offered_protocols().any(|protocol| protocol == "echo") {
            upgrade = upgrade.protocol("echo");
        }
        upgrade.accept(async move |mut socket| {
            loop {
                match socket.receive().await {
                    Ok(Some(Message::Text(text))) if text == "close" => {
                        let code = CloseCode::private(4_000).expect("it is private");
                        return socket.close(code, "as told").await;
                    }
                    Ok(Some(Message::Text(text))) if text == "ping" => socket.ping(b"are you there").await?,
                    Ok(Some(message)) => socket.send(message).await?,
                    Ok(None) => {
                        let after = socket.send("too late").await.map_err(|error| error.kind());
                        spoken.set(format!("{:?} {after:?}", socket.closed_by_client()));
                        return Ok(());
                    }
                    Err(error) => {
                        spoken.set(format!("{:?}", error.kind()));
                        return Err(error);
                    }
                }
            }
        })
    }
}
