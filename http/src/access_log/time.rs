//! The time of a line: formatted once per second and worker, in UTC. In: the turn's clock. Out: its text.

use std::time::Duration;

use selvedge_runtime::Moment;

use crate::h1::date::{DATE_LEN, format_date};

/// `21/Nov/2026:18:01:27 +0000`
const COMMON_LEN: usize = 26;
/// `2026-11-21T18:01:27`
const RFC3339_LEN: usize = 19;

/// The wall clock of a worker, asked about once a second.
#[derive(Debug)]
pub(super) struct LogTime {
    now: Moment,
    /// When the next second begins.
    valid_until: Moment,
    common: [u8; COMMON_LEN],
    rfc3339: [u8; RFC3339_LEN],
}

impl LogTime {
    /// Not brought to any time yet.
    pub(super) fn new() -> Self {
        let (now, valid_until) = Default::default();
        let (common, rfc3339) = texts(0);
        Self { now, valid_until, common, rfc3339 }
    }

    /// Brings it to the turn's time.
    #[inline]
    pub(super) fn advance(&mut self, now: Moment) {
        if now >= self.valid_until {
            self.begin_second(now, selvedge_runtime::wall_clock());
        }
        self.now = now;
    }

    fn begin_second(&mut self, now: Moment, (unix_s, nanoseconds): (u64, u32)) {
        self.valid_until = now + Duration::from_nanos(u64::from(1_000_000_000 - nanoseconds));
        (self.common, self.rfc3339) = texts(unix_s);
    }

    pub(super) fn common(&self) -> &[u8; COMMON_LEN] {
        &self.common
    }

    /// Appends the time to the millisecond, as in `2026-11-21T18:01:27.123Z`.
    pub(super) fn push_rfc3339(&self, line: &mut Vec<u8>) {
        let left_ms = self.valid_until.since(self.now).as_nanos().div_ceil(1_000_000) as u16;
        let ms = 1_000_u16.saturating_sub(left_ms).min(999);
        line.extend_from_slice(&self.rfc3339);
        let digit = |value: u16| b'0' + (value % 10) as u8;
        line.extend_from_slice(&[b'.', digit(ms / 100), digit(ms / 10), digit(ms), b'Z']);
    }
}

/// Both forms of a second.
fn texts(unix_s: u64) -> ([u8; COMMON_LEN], [u8; RFC3339_LEN]) {
    // `Sun, 06 Nov 1994 08:49:37 GMT`
    let date: [u8; DATE_LEN] = format_date(unix_s);
    let (day, month, year, time) = (&date[5..7], &date[8..11], &date[12..16], &date[17..25]);
    let mut common = *b"dd/mmm/yyyy:hh:mm:ss +0000";
    common[..2].copy_from_slice(day);
    common[3..6].copy_from_slice(month);
    common[7..11].copy_from_slice(year);
    common[12..20].copy_from_slice(time);
    let mut rfc3339 = *b"yyyy-mm-ddThh:mm:ss";
    rfc3339[..4].copy_from_slice(year);
    rfc3339[5..7].copy_from_slice(month_number(month));
    rfc3339[8..10].copy_from_slice(day);
    rfc3339[11..].copy_from_slice(time);
    (common, rfc3339)
}

fn month_number(name: &[u8]) -> &'static [u8; 2] {
    match name {
        b"Jan" => b"01",
        b"Feb" => b"02",
        b"Mar" => b"03",
        b"Apr" => b"04",
        b"May" => b"05",
        b"Jun" => b"06",
        b"Jul" => b"07",
        b"Aug" => b"08",
        b"Sep" => b"09",
        b"Oct" => b"10",
        b"Nov" => b"11",
        _ => b"12",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_tell_the_second() {
        for (unix_s, common, rfc3339) in [
            (0, "01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00"),
            (784_111_777, "06/Nov/1994:08:49:37 +0000", "1994-11-06T08:49:37"),
            (1_709_251_199, "29/Feb/2024:23:59:59 +0000", "2024-02-29T23:59:59"),
            (1_735_689_599, "31/Dec/2024:23:59:59 +0000", "2024-12-31T23:59:59"),
        ] {
            let (by_common, by_rfc3339) = texts(unix_s);
            assert_eq!(std::str::from_utf8(&by_common), Ok(common));
            assert_eq!(std::str::from_utf8(&by_rfc3339), Ok(rfc3339));
        }
    }

    #[test]
    fn milliseconds_go_on_within_the_second() {
        let began = Moment::from_nanoseconds(5_000_000_000);
        let mut time = LogTime::new();
        time.begin_second(began, (0, 250_000_000));
        for (after_us, expected) in
            [(0, "00.250Z"), (999, "00.250Z"), (1_000, "00.251Z"), (749_999, "00.999Z")]
        {
            let mut line = Vec::new();
            time.now = began + Duration::from_micros(after_us);
            time.push_rfc3339(&mut line);
            assert!(line.ends_with(expected.as_bytes()), "{after_us}: {}", line.escape_ascii());
        }
    }
}
