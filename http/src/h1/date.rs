//! HTTP dates (RFC 9110 section 5.6.7) from and to seconds of Unix time.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// Octets of an IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub const DATE_LEN: usize = 29;

/// The last second of the year 9999, after which the format has no place for the year.
const UNIX_S_MAX: u64 = 253_402_300_799;

/// The text of the current second, formatted once however many responses carry it.
///
/// ```
/// use selvedge_http::h1::DateCache;
///
/// let mut cache = DateCache::new(784_111_777);
/// assert_eq!(cache.at(784_111_777), b"Sun, 06 Nov 1994 08:49:37 GMT");
/// // Another second is formatted, once.
/// assert_eq!(cache.at(784_111_778), b"Sun, 06 Nov 1994 08:49:38 GMT");
/// ```
#[derive(Clone, Debug)]
pub struct DateCache {
    unix_s: u64,
    text: [u8; DATE_LEN],
}

impl DateCache {
    /// A cache that holds the text of `unix_s` seconds of Unix time.
    pub fn new(unix_s: u64) -> Self {
        DateCache { unix_s, text: format_date(unix_s) }
    }

    /// The date of `unix_s` seconds of Unix time; formats only if it is another second than the last one.
    #[inline]
    pub fn at(&mut self, unix_s: u64) -> &[u8; DATE_LEN] {
        if unix_s != self.unix_s {
            *self = DateCache::new(unix_s);
        }
        &self.text
    }
}

/// Seconds of Unix time as an IMF-fixdate. Times after the year 9999 are shown as its last second.
pub fn format_date(unix_s: u64) -> [u8; DATE_LEN] {
    let time = UNIX_EPOCH + Duration::from_secs(unix_s.min(UNIX_S_MAX));
    let mut text = [b' '; DATE_LEN];
    // The text always has this length, so the write always fits; a shorter one would leave spaces.
    let written = write!(&mut text[..], "{}", HttpDate::from(time));
    debug_assert!(written.is_ok());
    text
}

/// Seconds of Unix time of an HTTP date in any of its three forms. `None`: not a date, or one before 1970.
pub fn parse_date(value: &[u8]) -> Option<u64> {
    let time: SystemTime = httpdate::parse_http_date(str::from_utf8(value).ok()?).ok()?;
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 9110 section 5.6.7.
    const EXAMPLE_UNIX_S: u64 = 784_111_777;

    #[test]
    fn date_has_the_fixed_form() {
        assert_eq!(&format_date(EXAMPLE_UNIX_S), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(&format_date(0), b"Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(&format_date(1_709_164_800), b"Thu, 29 Feb 2024 00:00:00 GMT");
        assert_eq!(&format_date(u64::MAX), b"Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn all_three_forms_are_read() {
        for form in [
            &b"Sun, 06 Nov 1994 08:49:37 GMT"[..],
            b"Sunday, 06-Nov-94 08:49:37 GMT",
            b"Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse_date(form), Some(EXAMPLE_UNIX_S), "{}", form.escape_ascii());
        }
        for invalid in [&b""[..], b"0", b"784111777", b"Sun, 06 Nov 1994 08:49:37", b"\xff", b"yesterday"] {
            assert_eq!(parse_date(invalid), None);
        }
    }

    #[test]
    fn formatted_date_is_read_back() {
        for unix_s in (0..UNIX_S_MAX).step_by(7_654_321_987) {
            assert_eq!(parse_date(&format_date(unix_s)), Some(unix_s));
        }
    }

    #[test]
    fn cache_follows_the_clock_both_ways() {
        let mut cache = DateCache::new(EXAMPLE_UNIX_S);
        for unix_s in [EXAMPLE_UNIX_S, EXAMPLE_UNIX_S + 1, EXAMPLE_UNIX_S - 1] {
            assert_eq!(*cache.at(unix_s), format_date(unix_s));
        }
    }
}
