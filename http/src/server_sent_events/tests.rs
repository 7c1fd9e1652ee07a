use super::*;

/// What a page is told: type, data, last event id.
type Told = (String, String, String);

/// Reads a stream as HTML Standard section 9.2.6 says, and refuses what that would pass over in silence but for
/// comments.
#[derive(Default)]
struct Reader {
    event: String,
    data: String,
    last_id: String,
    retry: Option<u64>,
    told: Vec<Told>,
    comments: Vec<String>,
}

impl Reader {
    fn read(stream: &[u8]) -> Self {
        let stream = std::str::from_utf8(stream).expect("UTF-8");
        assert!(!stream.contains('\r'), "one kind of line end is enough");
        let mut reader = Self::default();
        for line in stream.strip_suffix('\n').expect("a whole line").split('\n') {
            reader.line(line);
        }
        assert!(reader.data.is_empty() && reader.event.is_empty(), "a whole event");
        reader
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            self.dispatch();
        } else if let Some(comment) = line.strip_prefix(':') {
            self.comments.push(comment.strip_prefix(' ').unwrap_or(comment).to_owned());
        } else {
            let (name, value) = line.split_once(':').expect("every field has a value");
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "event" => value.clone_into(&mut self.event),
                "data" => {
                    self.data.push_str(value);
                    self.data.push('\n');
                }
                "id" if !value.contains('\0') => value.clone_into(&mut self.last_id),
                "retry" => self.retry = Some(value.parse().expect("digits")),
                _ => panic!("no field: {line:?}"),
            }
        }
    }

    fn dispatch(&mut self) {
        let event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        if data.pop().is_some() {
            let event = if event.is_empty() { "message".to_owned() } else { event };
            self.told.push((event, data, self.last_id.clone()));
        }
    }
}

fn read(event: Event) -> Reader {
    Reader::read(&event.encode().expect("it can be sent"))
}

#[test]
fn data_arrives_as_it_was_but_for_line_ends() {
    for (data, arrives) in [
        ("text", "text"),
        ("", ""),
        (" leading", " leading"),
        (": no comment", ": no comment"),
        ("event: no field", "event: no field"),
        ("a\nb", "a\nb"),
        ("a\rb\r\nc\n\rd", "a\nb\nc\n\nd"),
        ("a\n", "a\n"),
        ("\n", "\n"),
        ("\r\n\r\n", "\n\n"),
        ("\u{feff}\u{e9}\u{2028}\0", "\u{feff}\u{e9}\u{2028}\0"),
    ] {
        let told = read(Event::data(data)).told;
        assert_eq!(told, [("message".to_owned(), arrives.to_owned(), String::new())], "{data:?}");
    }
}

#[test]
fn type_id_and_time_arrive() {
    let event = Event::data("x").event(" name: x ").id(" 1 ").retry(Duration::from_micros(2_500_999));
    let reader = read(event);
    assert_eq!(reader.told, [(" name: x ".to_owned(), "x".to_owned(), " 1 ".to_owned())]);
    assert_eq!(reader.retry, Some(2_500));
}

#[test]
fn an_id_alone_tells_the_page_nothing_and_is_noted() {
    let reader = read(Event::default().id("7"));
    assert!(reader.told.is_empty() && reader.last_id == "7");
}

#[test]
fn names_and_ids_of_several_lines_are_refused() {
    for end in ["\r", "\n", "\r\n", "\0"] {
        for event in
            [Event::data("x").event(format!("a{end}data: y")), Event::data("x").id(format!("1{end}"))]
        {
            assert_eq!(event.encode().map_err(|error| error.kind()), Err(io::ErrorKind::InvalidInput));
        }
    }
}

#[test]
fn a_stream_of_events_and_comments_is_read_in_order() {
    let body = selvedge_runtime::block_on(async || {
        let response = Response::events(async |mut events| {
            events.send(Event::data("1").id("1")).await?;
            events.comment("two\r\nlines").await?;
            events.comment("").await?;
            events.send(Event::data("2")).await
        });
        assert_eq!(response.head().content_type, Some("text/event-stream"));
        let (_, mut reader) = response.into_reader();
        reader.bytes(1_000).await.expect("a whole body")
    });
    let reader = Reader::read(&body);
    let message = |data: &str| ("message".to_owned(), data.to_owned(), "1".to_owned());
    assert_eq!(reader.told, [message("1"), message("2")]);
    assert_eq!(reader.comments, ["two", "lines", ""]);
}

#[test]
fn silence_is_broken_by_comments() {
    selvedge_runtime::block_on(async || {
        let response = Response::events(async |events| {
            events.keep_alive(Some(Duration::ZERO));
            std::future::pending().await
        });
        let (_, mut reader) = response.into_reader();
        for _ in 0..3 {
            let chunk = reader.chunk().await.expect("the stream lasts").expect("it does not end");
            assert_eq!(&*chunk, KEEP_ALIVE_COMMENT);
        }
    });
}
