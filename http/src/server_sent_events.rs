//! Server-sent events (HTML Standard section 9.2): a response that is a stream of events, which a browser's
//! `EventSource` reads, and resumes when it was broken off. In: events. Out: `text/event-stream`.

use std::borrow::Cow;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use selvedge_runtime::{Moment, timer};

use crate::body::BodyWriter;
use crate::request::Request;
use crate::response::Response;

/// Silence after which a comment is sent: the HTML Standard suggests about 15 s, as proxies close what is silent for
/// long.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// However short a silence is asked for.
const INTERVAL_MIN: Duration = Duration::from_millis(1);

/// A comment without a text: readers take no notice.
const KEEP_ALIVE_COMMENT: &[u8] = b":\n\n";

/// An event for the page that listens.
///
/// ```
/// use std::time::Duration;
/// use selvedge_http::Event;
///
/// let event = Event::data("1 kg\n2 kg").event("weight").id("17").retry(Duration::from_secs(2));
/// assert_eq!(event.encode().unwrap(), b"event: weight\nid: 17\nretry: 2000\ndata: 1 kg\ndata: 2 kg\n\n");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    event: Option<Cow<'static, str>>,
    id: Option<Cow<'static, str>>,
    retry: Option<Duration>,
    data: Option<Cow<'static, str>>,
}

impl Event {
    /// An event with this text. Its lines may end in LF, CR or CR LF; they arrive with LF.
    pub fn data(text: impl Into<Cow<'static, str>>) -> Self {
        Self { data: Some(text.into()), ..Self::default() }
    }

    /// An event with a value as JSON.
    ///
    /// # Errors
    /// Those of [`serde_json::to_string`].
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
        Ok(Self::data(serde_json::to_string(value)?))
    }

    /// The same of another type than `message`: one line.
    #[must_use]
    pub fn event(self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { event: Some(name.into()), ..self }
    }

    /// The same with the id that the browser sends as `Last-Event-ID` when it comes again: one line, without NUL.
    #[must_use]
    pub fn id(self, id: impl Into<Cow<'static, str>>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// The same with the time, to the millisecond, after which the browser comes again when the connection has ended.
    /// An [`Event::default`] that has only this or an id is noted by the browser, and its page is told nothing.
    #[must_use]
    pub fn retry(self, after: Duration) -> Self {
        Self { retry: Some(after), ..self }
    }

    /// Its octets.
    ///
    /// # Errors
    /// `InvalidInput` if its name or id has more than one line, or a NUL: readers would take it for something else.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        let mut octets = Vec::new();
        for (name, value) in [("event", &self.event), ("id", &self.id)] {
            let Some(value) = value else { continue };
            if value.contains(['\r', '\n', '\0']) {
                let problem = format!("a line's end or a NUL in an event's {name}");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
            }
            append_line(&mut octets, name, value);
        }
        if let Some(retry) = self.retry {
            append_line(&mut octets, "retry", &retry.as_millis().to_string());
        }
        if let Some(data) = &self.data {
            lines(data).for_each(|line| append_line(&mut octets, "data", line));
        }
        octets.push(b'\n');
        Ok(octets)
    }
}

/// The space goes: readers take away one, and the value may begin with another.
fn append_line(octets: &mut Vec<u8>, name: &str, value: &str) {
    for piece in [name, ": ", value, "\n"] {
        octets.extend_from_slice(piece.as_bytes());
    }
}

/// The lines of a text, one at least, whichever of LF, CR and CR LF ends them.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\r', '\n']) else { return rest.take() };
        let (line, after) = text.split_at(end);
        rest = Some(after.strip_prefix("\r\n").unwrap_or(&after[1..]));
        Some(line)
    })
}

/// Writes events, as fast as the client reads them: at most 64 KiB wait, and then the writer does. See
/// [`Response::events`].
///
/// ```
/// use selvedge_http::{Event, EventWriter};
///
/// async fn count(mut events: EventWriter) -> std::io::Result<()> {
///     for number in 0..3 {
///         events.send(Event::data(number.to_string())).await?;
///     }
///     events.comment("that was all").await
/// }
/// ```
#[derive(Debug)]
pub struct EventWriter {
    writer: BodyWriter,
    pulse: Rc<Pulse>,
}

/// When a comment is due.
#[derive(Debug)]
struct Pulse {
    keep_alive: Cell<Option<Duration>>,
    last_sent_at: Cell<Moment>,
}

impl EventWriter {
    /// Sends an event. Dropped at its await, it has sent the event whole or not at all.
    ///
    /// # Errors
    /// When nobody reads any more: `BrokenPipe`, mostly; those of [`Event::encode`].
    pub async fn send(&mut self, event: Event) -> io::Result<()> {
        self.send_octets(event.encode()?).await
    }

    /// Sends a text that readers take no notice of.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn comment(&mut self, text: &str) -> io::Result<()> {
        let mut octets = Vec::new();
        lines(text).for_each(|line| append_line(&mut octets, "", line));
        octets.push(b'\n');
        self.send_octets(octets).await
    }

    /// Sends a comment by itself after each `interval` without an event; 15 s unless this is called, and never with
    /// `None`. Holds from the next wait on.
    ///
    /// A client that is gone without a word, its power cut, is noticed only by what is sent to it.
    pub fn keep_alive(&self, interval: Option<Duration>) {
        self.pulse.keep_alive.set(interval);
    }

    /// Waits until the kernel has all that was sent.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn flush(&mut self) -> io::Result<()> {
        self.writer.flush().await
    }

    async fn send_octets(&mut self, octets: Vec<u8>) -> io::Result<()> {
        self.writer.send(octets).await?;
        self.pulse.last_sent_at.set(selvedge_runtime::now());
        Ok(())
    }
}

impl Response {
    /// 200 with events that `produce` sends. When it ends, the browser comes again, unless the page closes its
    /// `EventSource`; a 204 tells the browser not to.
    ///
    /// It is dropped at its await when the connection has failed: the client has reset it, or a send found nobody. The
    /// end of a client's sending is not that, as it may go on to read; a client that has closed in good order answers
    /// the next octets with a reset, so that the next event or keep-alive comment but one finds the connection failed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use selvedge_http::{Event, Request, Response};
    /// use selvedge_runtime::timer::sleep;
    ///
    /// async fn ticks(request: Request<'_>) -> Response {
    ///     let mut next: u64 = request.last_event_id().and_then(|id| id.parse().ok()).map_or(0, |id: u64| id + 1);
    ///     Response::events(async move |mut events| {
    ///         loop {
    ///             events.send(Event::data("tick").id(next.to_string())).await?;
    ///             next += 1;
    ///             sleep(Duration::from_secs(1)).await;
    ///         }
    ///     })
    /// }
    /// ```
    ///
    /// # Panics
    /// Outside a worker.
    pub fn events<F>(produce: impl FnOnce(EventWriter) -> F) -> Self
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        let mut response = Self::stream(|writer| {
            let last_sent_at = Cell::new(selvedge_runtime::now());
            let pulse = Rc::new(Pulse { keep_alive: Cell::new(Some(KEEP_ALIVE)), last_sent_at });
            let comments = writer.twin();
            let producing = produce(EventWriter { writer, pulse: Rc::clone(&pulse) });
            with_keep_alive(producing, comments, pulse)
        });
        response.head.content_type = Some("text/event-stream");
        // nginx would gather events before it passes them on.
        let unbuffered = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        let uncached = (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response.head.fields.extend([uncached, unbuffered]);
        response
    }
}

/// Runs `producing`, and sends a comment whenever nothing was sent for long. Where the client does not read there is no
/// room for one, nor a need: something waits to be sent.
async fn with_keep_alive(
    producing: impl Future<Output = io::Result<()>>,
    mut comments: BodyWriter,
    pulse: Rc<Pulse>,
) -> io::Result<()> {
    let mut producing = pin!(producing);
    let mut waiting: Option<(Moment, timer::Sleep)> = None;
    poll_fn(move |context| {
        if let Poll::Ready(produced) = producing.as_mut().poll(context) {
            return Poll::Ready(produced);
        }
        while let Some(interval) = pulse.keep_alive.get() {
            let due = pulse.last_sent_at.get() + interval.max(INTERVAL_MIN);
            let now = selvedge_runtime::now();
            if due <= now {
                comments.send_if_room(KEEP_ALIVE_COMMENT.into(), context);
                pulse.last_sent_at.set(now);
                continue;
            }
            // It may wake before it is due, when an event was sent meanwhile: that costs less than a sleep for each
            // event.
            let earlier = waiting.take().filter(|(until, _)| *until > now && *until <= due);
            let (_, sleep) = waiting.insert(earlier.unwrap_or_else(|| (due, timer::sleep_until(due))));
            if Pin::new(sleep).poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        Poll::Pending
    })
    .await
}

impl<'a> Request<'a> {
    /// The id of the last event that the browser has seen before the connection ended (`Last-Event-ID`); `None` at its
    /// first request, and if it is not UTF-8.
    ///
    /// ```
    /// use selvedge_http::Request;
    ///
    /// fn first_to_send(request: Request<'_>) -> u64 {
    ///     request.last_event_id().and_then(|id| id.parse::<u64>().ok()).map_or(0, |last| last + 1)
    /// }
    /// ```
    pub fn last_event_id(&self) -> Option<&'a str> {
        let value = self.header("last-event-id")?;
        str::from_utf8(value).ok()
    }
}

#[cfg(test)]
mod tests;
