//! An answer of the site as its octets say it. In: what was received. Out: its head's fields, and its body as far as it has
//! come.

use super::site_requests::Method;

/// The head of an answer, and its body as far as it has come.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) head: &'a str,
    pub(super) content_length: usize,
    pub(super) body: &'a [u8],
    /// Octets of it in all, when it is whole.
    pub(super) length: usize,
}

impl<'a> Answer<'a> {
    /// The answer at the front of what was received; `None` while its head is not whole. Its body may be under way.
    ///
    /// # Errors
    /// What no server may send.
    pub(super) fn read(received: &'a [u8], method: Method) -> Result<Option<Self>, String> {
        let Some(head_length) = received.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
        else {
            let beginning = &received[..received.len().min(9)];
            return match b"HTTP/1.1 ".starts_with(beginning) {
                true => Ok(None),
                false => Err(format!("an answer begins with {:?}", String::from_utf8_lossy(beginning))),
            };
        };
        let head = std::str::from_utf8(&received[..head_length]).map_err(|_| "a head that is no text")?;
        let status = head.get(9..12).and_then(|digits| digits.parse().ok());
        let mut answer = Self {
            status: status.ok_or_else(|| format!("a status line in {head:?}"))?,
            head,
            content_length: 0,
            body: &[],
            length: head_length,
        };
        if answer.status != 304 {
            let length = answer.field("content-length").ok_or_else(|| format!("no length in {head:?}"))?;
            answer.content_length = length.parse().map_err(|_| format!("a length {length:?}"))?;
            if method == Method::Get {
                answer.length += answer.content_length;
            }
        }
        answer.body = &received[head_length..received.len().min(answer.length)];
        Ok(Some(answer))
    }

    pub(super) fn is_whole(&self, received: &[u8]) -> bool {
        received.len() >= self.length
    }

    pub(super) fn closes(&self) -> bool {
        self.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// The value of a field.
    pub(super) fn field(&self, name: &str) -> Option<&'a str> {
        self.head.split("\r\n").find_map(|line| {
            let (there, value) = line.split_once(':')?;
            there.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The time that a field says, in seconds of Unix time; `None` without the field.
    ///
    /// # Errors
    /// When it says none.
    pub(super) fn date(&self, name: &str) -> Result<Option<i64>, String> {
        let Some(value) = self.field(name) else { return Ok(None) };
        let date = httpdate::parse_http_date(value).map_err(|_| format!("{name}: {value:?}"))?;
        let unix_s = date.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Ok(Some(unix_s as i64))
    }
}
