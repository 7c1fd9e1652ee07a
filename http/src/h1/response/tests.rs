use super::*;
use crate::h1::date::format_date;

fn date() -> [u8; DATE_LEN] {
    format_date(784_111_777)
}

fn written(write: impl FnOnce(&mut HeadWriter<'_>)) -> Result<String, HeadError> {
    let mut buffer = [0; 512];
    let mut writer = HeadWriter::new(&mut buffer);
    write(&mut writer);
    let head = writer.finish()?;
    Ok(String::from_utf8(buffer[..head.len].to_vec()).unwrap())
}

#[test]
fn head_is_status_fields_and_an_empty_line() {
    let head = written(|head| {
        head.status(StatusCode::PARTIAL_CONTENT)
            .date(&date())
            .content_length(10)
            .last_modified(&date())
            .accept_ranges()
            .content_range(5, 10, 100)
            .field("content-type", b"text/plain");
    });
    assert_eq!(
        head.as_deref(),
        Ok("HTTP/1.1 206 Partial Content\r\n\
            date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
            content-length: 10\r\n\
            last-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
            accept-ranges: bytes\r\n\
            content-range: bytes 5-14/100\r\n\
            content-type: text/plain\r\n\r\n")
    );
}

#[test]
fn code_without_a_known_phrase_keeps_its_space() {
    let head = written(|head| {
        head.status(StatusCode::from_u16(799).unwrap()).content_length(u64::MAX).content_range_unsatisfied(7);
    });
    let expected =
        "HTTP/1.1 799 \r\ncontent-length: 18446744073709551615\r\ncontent-range: bytes */7\r\n\r\n";
    assert_eq!(head.as_deref(), Ok(expected));
}

#[test]
fn connection_is_said_only_where_it_is_not_the_default() {
    for (version, persistence, line) in [
        (Version::Http11, Persistence::Reuse, ""),
        (Version::Http11, Persistence::Close, "connection: close\r\n"),
        (Version::Http10, Persistence::Reuse, "connection: keep-alive\r\n"),
        (Version::Http10, Persistence::Close, "connection: close\r\n"),
    ] {
        let head = written(|head| {
            head.connection(version, persistence);
        });
        assert_eq!(head, Ok(format!("{line}\r\n")));
    }
}

#[test]
fn date_can_be_found_for_patching() {
    let mut buffer = [0; 128];
    let head = HeadWriter::new(&mut buffer).status(StatusCode::OK).date(&date()).chunked().finish().unwrap();
    let start = head.date_start.unwrap();
    assert_eq!(buffer[start..start + DATE_LEN], date());
    assert_eq!(written(|_| ()).as_deref(), Ok("\r\n"));
}

#[test]
fn values_that_could_split_the_response_are_refused() {
    for value in [&b"a\r\nSet-Cookie: b"[..], b"a\nb", b"a\rb", b"a\0b", b"\x7f"] {
        let head = written(|head| {
            head.field("x", value);
        });
        assert_eq!(head, Err(HeadError::Value));
    }
    for name in ["", "a b", "a:", "a\r\n", "é"] {
        let head = written(|head| {
            head.field(name, b"");
        });
        assert_eq!(head, Err(HeadError::Name), "{name:?}");
    }
}

#[test]
fn typed_fields_are_copied() {
    let head = written(|head| {
        head.header(&http::header::VARY, &HeaderValue::from_static("accept-encoding"));
    });
    assert_eq!(head.as_deref(), Ok("vary: accept-encoding\r\n\r\n"));
}

#[test]
fn head_that_does_not_fit_is_an_error_at_every_size() {
    let full = "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n".len();
    for size in 0..full {
        let mut buffer = vec![0; size];
        let result = HeadWriter::new(&mut buffer).status(StatusCode::OK).content_length(1234).finish();
        assert_eq!(result, Err(HeadError::Full), "{size}");
    }
    let mut buffer = vec![0; full];
    let result = HeadWriter::new(&mut buffer).status(StatusCode::OK).content_length(1234).finish();
    assert_eq!(result, Ok(WrittenHead { len: full, date_start: None }));
}

#[test]
fn a_range_is_told_by_its_first_and_last_octet_and_the_size() {
    assert_eq!(content_range(10, 1, 11), "bytes 10-10/11");
    assert_eq!(content_range(0, 500, 1_000), "bytes 0-499/1000");
    assert_eq!(content_range_unsatisfied(7), "bytes */7");
}

#[test]
fn a_head_that_cannot_be_written_says_why() {
    assert_eq!(HeadError::Full.to_string(), "response head does not fit its buffer");
    assert_eq!(HeadError::Name.to_string(), "response field name is not a token");
    assert_eq!(HeadError::Value.to_string(), "control octet in a response field value");
}
