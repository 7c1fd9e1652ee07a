//! The small fixed responses to errors: a head and one line of text.

use http::StatusCode;

use super::date::DATE_LEN;
use super::framing::Persistence;
use super::reject::Reject;
use super::request::Version;
use super::response::{HeadError, HeadWriter};
use super::status::status_line;

/// An error to answer. Nothing that the client sent goes into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// The status, 400 to 599.
    pub status: StatusCode,
    /// A few words after the status in the body; may be empty.
    pub reason: &'static str,
    /// `Allow`, which a 405 must carry (RFC 9110 section 15.5.6).
    pub allow: Option<&'static str>,
}

/// Whether the response's body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyWish {
    /// Head and body.
    Send,
    /// The head alone, with the body's length: the answer to HEAD (RFC 9110 section 9.3.2).
    Omit,
}

impl From<Reject> for ErrorResponse {
    fn from(reject: Reject) -> Self {
        ErrorResponse { status: reject.status(), reason: reject.reason(), allow: None }
    }
}

impl ErrorResponse {
    /// A status alone.
    pub const fn of_status(status: StatusCode) -> Self {
        ErrorResponse { status, reason: "", allow: None }
    }

    /// 405 with the methods that are allowed, such as `GET, HEAD`.
    pub const fn method_not_allowed(allow: &'static str) -> Self {
        ErrorResponse { status: StatusCode::METHOD_NOT_ALLOWED, reason: "", allow: Some(allow) }
    }

    /// Writes head and body to the front of `buffer` (256 octets are enough for those of [`Reject`]) and returns how
    /// many octets they are. After a [`Reject`] `persistence` must be `Close`.
    ///
    /// # Errors
    /// The buffer is too small, or `allow` is no field value.
    pub fn write(
        &self,
        buffer: &mut [u8],
        date: &[u8; DATE_LEN],
        version: Version,
        persistence: Persistence,
        body: BodyWish,
    ) -> Result<usize, HeadError> {
        let parts = self.body_parts();
        let body_len: usize = parts.iter().map(|part| part.len()).sum();
        let mut head = HeadWriter::new(buffer);
        head.status(self.status)
            .date(date)
            .field("content-type", b"text/plain; charset=utf-8")
            .content_length(body_len as u64)
            .connection(version, persistence);
        if let Some(allow) = self.allow {
            head.field("allow", allow.as_bytes());
        }
        let mut at = head.finish()?.len;
        if body == BodyWish::Send {
            for part in parts {
                let place = buffer.get_mut(at..at + part.len()).ok_or(HeadError::Full)?;
                place.copy_from_slice(part);
                at += part.len();
            }
        }
        Ok(at)
    }

    /// `404 Not Found` or `400 Bad Request: more than one Host`, and a line feed.
    fn body_parts(&self) -> [&[u8]; 4] {
        let line = status_line(self.status).unwrap_or(b"HTTP/1.1 Error\r\n");
        let title = &line[b"HTTP/1.1 ".len()..line.len() - b"\r\n".len()];
        let colon: &[u8] = if self.reason.is_empty() { b"" } else { b": " };
        [title, colon, self.reason.as_bytes(), b"\n"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h1::date::format_date;

    fn written(response: ErrorResponse, body: BodyWish) -> String {
        let mut buffer = [0; 256];
        let len =
            response.write(&mut buffer, &format_date(0), Version::Http11, Persistence::Close, body).unwrap();
        String::from_utf8(buffer[..len].to_vec()).unwrap()
    }

    #[test]
    fn refusal_says_status_and_reason_and_closes() {
        assert_eq!(
            written(Reject::HostRepeated.into(), BodyWish::Send),
            "HTTP/1.1 400 Bad Request\r\n\
             date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
             content-type: text/plain; charset=utf-8\r\n\
             content-length: 36\r\n\
             connection: close\r\n\r\n\
             400 Bad Request: more than one Host\n"
        );
    }

    #[test]
    fn method_not_allowed_says_what_is() {
        let text = written(ErrorResponse::method_not_allowed("GET, HEAD"), BodyWish::Send);
        assert!(
            text.contains("\r\nallow: GET, HEAD\r\n") && text.ends_with("\r\n\r\n405 Method Not Allowed\n")
        );
    }

    #[test]
    fn answer_to_head_has_the_length_and_no_body() {
        let text = written(ErrorResponse::of_status(StatusCode::NOT_FOUND), BodyWish::Omit);
        assert!(text.contains("\r\ncontent-length: 14\r\n") && text.ends_with("\r\n\r\n"));
    }

    #[test]
    fn small_buffer_is_an_error_not_a_cut_response() {
        let response = ErrorResponse::of_status(StatusCode::NOT_FOUND);
        let whole = written(response, BodyWish::Send).len();
        for size in 0..whole {
            let mut buffer = vec![0; size];
            let result = response.write(
                &mut buffer,
                &format_date(0),
                Version::Http11,
                Persistence::Close,
                BodyWish::Send,
            );
            assert_eq!(result, Err(HeadError::Full), "{size}");
        }
    }
}
