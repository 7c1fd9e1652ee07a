//! The small fixed body of an error's answer: one line of text.

use http::StatusCode;

use super::status::status_line;

/// The text of an error. Nothing that the client sent goes into it.
///
/// ```
/// use selvedge_http::StatusCode;
/// use selvedge_http::h1::{ErrorBody, Reject};
///
/// let reject = Reject::HostRepeated;
/// let body = ErrorBody { status: reject.status(), reason: reject.reason() };
/// assert_eq!(body.pieces().concat(), b"400 Bad Request: more than one Host\n");
///
/// let body = ErrorBody { status: StatusCode::NOT_FOUND, reason: "" };
/// assert_eq!(body.bytes(), "404 Not Found\n".len());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorBody {
    /// The status, 400 to 599.
    pub status: StatusCode,
    /// A few words after the status; may be empty.
    pub reason: &'static str,
}

impl ErrorBody {
    /// `404 Not Found` or `400 Bad Request: more than one Host`, and a line feed, in pieces to be joined.
    pub fn pieces(&self) -> [&'static [u8]; 4] {
        let line = status_line(self.status).unwrap_or(b"HTTP/1.1 Error\r\n");
        let title = &line[b"HTTP/1.1 ".len()..line.len() - b"\r\n".len()];
        let colon: &[u8] = if self.reason.is_empty() { b"" } else { b": " };
        [title, colon, self.reason.as_bytes(), b"\n"]
    }

    /// Octets of all pieces.
    pub fn bytes(&self) -> usize {
        self.pieces().iter().map(|piece| piece.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_the_status_and_the_reason_if_there_is_one() {
        for (reason, text) in
            [("", "400 Bad Request\n"), ("more than one Host", "400 Bad Request: more than one Host\n")]
        {
            let body = ErrorBody { status: StatusCode::BAD_REQUEST, reason };
            assert_eq!(body.pieces().concat(), text.as_bytes());
            assert_eq!(body.bytes(), text.len());
        }
    }
}
