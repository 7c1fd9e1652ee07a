//! Dates: an answer has a Date field, whose text changes once a second. In: nothing. Out: nanoseconds per answer for making the
//! text each time, and for keeping it.

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use selvedge_http::h1::DateCache;
use selvedge_http::h1::date::format_date;
use serde::Serialize;

use super::report::{Report, Table, cell};
use super::{Setting, spread};
use crate::chart::{Bar, Colour, Panel, bars};
use crate::compare::summary::Spread;

/// Answers per run.
const ANSWERS: u64 = 5_000_000;
/// The rate for which a share of a CPU is told.
const ANSWERS_PER_SECOND: f64 = 100_000.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Way {
    ClockOnly,
    GeneralFormatter,
    LibraryFormatter,
    OwnFormatter,
    KeptBySecond,
    KeptByTurn,
}

impl Way {
    const ALL: [Self; 6] = [
        Self::ClockOnly,
        Self::GeneralFormatter,
        Self::LibraryFormatter,
        Self::OwnFormatter,
        Self::KeptBySecond,
        Self::KeptByTurn,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::ClockOnly => "the clock alone",
            Self::GeneralFormatter => "clock, general formatter (format!)",
            Self::LibraryFormatter => "clock, formatter of httpdate",
            Self::OwnFormatter => "clock, this server's formatter",
            Self::KeptBySecond => "clock, text kept for its second",
            Self::KeptByTurn => "clock once a turn, text kept",
        }
    }

    /// Makes the text so many times.
    fn run(self, answers: u64) -> Duration {
        let start = Instant::now();
        match self {
            Self::ClockOnly => repeat(answers, unix_seconds),
            Self::GeneralFormatter => repeat(answers, || format_generally(unix_seconds())),
            Self::LibraryFormatter => repeat(answers, || httpdate::fmt_http_date(SystemTime::now())),
            Self::OwnFormatter => repeat(answers, || format_date(unix_seconds())),
            Self::KeptBySecond => {
                let mut cache = DateCache::new(unix_seconds());
                repeat(answers, || *cache.at(unix_seconds()));
            }
            Self::KeptByTurn => {
                let now = unix_seconds();
                let mut cache = DateCache::new(now);
                repeat(answers, || *cache.at(black_box(now)));
            }
        }
        start.elapsed()
    }
}

fn repeat<T>(times: u64, mut work: impl FnMut() -> T) {
    for _ in 0..times {
        black_box(work());
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// IMF-fixdate (RFC 9110 section 5.6.7) as one writes it without a thought for speed.
fn format_generally(unix_s: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, seconds) = (unix_s / 86_400, unix_s % 86_400);
    let is_leap =
        |year: u64| (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let (mut year, mut left) = (1970, days);
    while left >= 365 + u64::from(is_leap(year)) {
        left -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let of_month = |month: usize| match month {
        1 => 28 + u64::from(is_leap(year)),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    };
    let mut month = 0;
    while left >= of_month(month) {
        left -= of_month(month);
        month += 1;
    }
    format!(
        "{}, {:02} {} {year} {:02}:{:02}:{:02} GMT",
        DAYS[(days % 7) as usize],
        left + 1,
        MONTHS[month],
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[derive(Debug, Serialize)]
struct Row {
    way: Way,
    ns_per_answer: Spread,
}

pub(super) fn run(setting: &Setting<'_>) -> anyhow::Result<Report> {
    let answers = ANSWERS / setting.shortened;
    let mut missing = Vec::new();
    let title = |way: &Way| way.title().to_owned();
    let samples = setting.alternate(&Way::ALL, title, &mut missing, |way, _| {
        Ok(way.run(answers).as_secs_f64() * 1e9 / answers as f64)
    })?;
    let mut rows = Vec::new();
    for (&way, samples) in samples {
        rows.push(Row { way, ns_per_answer: spread(samples)? });
    }
    let mut table = Table::new(
        "The Date of one answer",
        &["way", "ns per answer", "share of a CPU at 100,000 answers a second"],
    );
    for Row { way, ns_per_answer } in &rows {
        let share = ns_per_answer.median * ANSWERS_PER_SECOND / 1e9 * 100.0;
        table.row([way.title().to_owned(), cell(*ns_per_answer), format!("{share:.2} %")]);
    }
    let bar = |row: &Row| Bar {
        label: row.way.title().to_owned(),
        value: row.ns_per_answer,
        colour: match row.way {
            Way::ClockOnly => Colour::Reference,
            Way::OwnFormatter | Way::KeptByTurn => Colour::Own,
            _ => Colour::Other,
        },
    };
    let panel = Panel { title: "one answer's Date".to_owned(), bars: rows.iter().map(bar).collect() };
    Ok(Report {
        tables: vec![table],
        plot: bars(setting.title("Nanoseconds for the Date of an answer (less is better)"), &[panel]),
        figures: serde_json::to_value(&rows)?,
        versions: Vec::new(),
        missing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_formatters_write_the_same() {
        for unix_s in [0, 951_782_400, 1_709_164_799, 1_709_251_199, 1_790_000_000, 4_107_542_400] {
            let time = UNIX_EPOCH + Duration::from_secs(unix_s);
            let expected = httpdate::fmt_http_date(time);
            assert_eq!(format_generally(unix_s), expected);
            assert_eq!(format_date(unix_s), expected.as_bytes());
        }
    }
}
