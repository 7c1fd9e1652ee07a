//! Status lines (RFC 9112 section 4), ready to copy.

use http::StatusCode;

/// The interim response that lets a client send its body (RFC 9110 section 15.2.1).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

macro_rules! status_lines {
    ($($code:literal $reason:literal,)*) => {
        /// The status line of a usual code with its CRLF. `None`: another code. The version is always 1.1, the highest
        /// this server speaks, to HTTP/1.0 clients too (RFC 9110 section 6.2).
        #[inline]
        pub fn status_line(status: StatusCode) -> Option<&'static [u8]> {
            match status.as_u16() {
                $($code => Some(concat!("HTTP/1.1 ", $code, " ", $reason, "\r\n").as_bytes()),)*
                _ => None,
            }
        }

        #[cfg(test)]
        const CODES: &[u16] = &[$($code),*];
    };
}

status_lines! {
    100 "Continue",
    101 "Switching Protocols",
    103 "Early Hints",
    200 "OK",
    201 "Created",
    202 "Accepted",
    204 "No Content",
    206 "Partial Content",
    301 "Moved Permanently",
    302 "Found",
    303 "See Other",
    304 "Not Modified",
    307 "Temporary Redirect",
    308 "Permanent Redirect",
    400 "Bad Request",
    401 "Unauthorized",
    403 "Forbidden",
    404 "Not Found",
    405 "Method Not Allowed",
    406 "Not Acceptable",
    408 "Request Timeout",
    409 "Conflict",
    410 "Gone",
    411 "Length Required",
    412 "Precondition Failed",
    413 "Content Too Large",
    414 "URI Too Long",
    415 "Unsupported Media Type",
    416 "Range Not Satisfiable",
    417 "Expectation Failed",
    421 "Misdirected Request",
    422 "Unprocessable Content",
    426 "Upgrade Required",
    429 "Too Many Requests",
    431 "Request Header Fields Too Large",
    500 "Internal Server Error",
    501 "Not Implemented",
    502 "Bad Gateway",
    503 "Service Unavailable",
    504 "Gateway Timeout",
    505 "HTTP Version Not Supported",
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h1::Reject;

    #[test]
    fn lines_have_their_code_and_the_registered_phrase() {
        // RFC 9110 renamed these two; the `http` crate has kept the older phrases.
        const RENAMED: [u16; 2] = [413, 422];
        for &code in CODES {
            let status = StatusCode::from_u16(code).unwrap();
            let line = str::from_utf8(status_line(status).unwrap()).unwrap();
            assert!(line.starts_with(&format!("HTTP/1.1 {code} ")) && line.ends_with("\r\n"), "{line:?}");
            if !RENAMED.contains(&code) {
                assert_eq!(line, format!("HTTP/1.1 {code} {}\r\n", status.canonical_reason().unwrap()));
            }
        }
        assert_eq!(status_line(StatusCode::IM_A_TEAPOT), None);
    }

    #[test]
    fn every_refusal_has_a_status_line() {
        for reject in [Reject::NotHttp, Reject::TargetTooLong, Reject::HeadTooLong, Reject::BodyTooLarge] {
            assert!(status_line(reject.status()).is_some());
        }
    }
}
