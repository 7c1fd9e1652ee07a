//! Times of the last change in UTC, as people and programs read them.

use std::fmt;

/// Seconds since 1970 as `2024-02-29 08:05`, and with `{:#}` in the form of RFC 3339: `2024-02-29T08:05:59Z`.
#[derive(Debug, Clone, Copy)]
pub(super) struct UtcTime(pub(super) i64);

const DAY_S: i64 = 24 * 60 * 60;

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0.div_euclid(DAY_S), self.0.rem_euclid(DAY_S));
        let (year, month, day) = date(days);
        let (hour, minute) = (second / 3_600, second / 60 % 60);
        if f.alternate() {
            write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
        } else {
            write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
        }
    }
}

/// Year, month and day of the Gregorian calendar, of a day counted from 1970-01-01.
///
/// Counted from 1 March of year 0, a leap day is the last of its year, and the calendar repeats every 146,097 days, which are
/// 400 years.
fn date(days_since_1970: i64) -> (i64, i64, i64) {
    let days = days_since_1970 + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March on have 153 days in each five.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use selvedge_http::h1::date::format_date;

    use super::*;

    #[test]
    fn times_are_said_to_the_minute_for_people_and_to_the_second_for_programs() {
        for (unix_s, people, programs) in [
            (0, "1970-01-01 00:00", "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31 23:59", "1969-12-31T23:59:59Z"),
            (784_111_777, "1994-11-06 08:49", "1994-11-06T08:49:37Z"),
            (1_709_193_959, "2024-02-29 08:05", "2024-02-29T08:05:59Z"),
            (-62_135_596_800, "0001-01-01 00:00", "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(UtcTime(unix_s).to_string(), people);
            assert_eq!(format!("{:#}", UtcTime(unix_s)), programs);
        }
    }

    #[test]
    fn dates_are_those_of_http_dates() {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        for unix_s in (0..253_402_300_799_i64).step_by(86_399 * 7) {
            let (year, month, day) = date(unix_s.div_euclid(DAY_S));
            let http = format_date(unix_s as u64);
            let http = str::from_utf8(&http).unwrap();
            let expected = format!("{day:02} {} {year:04}", MONTHS[month as usize - 1]);
            assert_eq!(http[5..16], expected, "{unix_s}");
        }
    }

    #[test]
    fn times_that_no_clock_shows_are_said_too() {
        assert!(!UtcTime(i64::MAX / 2).to_string().is_empty());
        assert!(!UtcTime(i64::MIN / 2).to_string().is_empty());
    }
}
