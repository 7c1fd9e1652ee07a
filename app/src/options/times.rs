//! How times are read: whole seconds, or milliseconds, seconds or minutes with their unit.

use std::time::Duration;

use super::values::{OrOff, number};
use crate::bad_value::BadValue;

/// A time and its name.
type Longest = (Duration, &'static str);

/// Longest time to drain, and to wait for an answer. What needs more is no longer waiting for exchanges to end.
const DRAIN_MAX: Longest = (Duration::from_secs(24 * 60 * 60), "a day");

/// Longest time for which a file is not looked at again. A change that takes longer to show is taken for one that never does.
const FRESH_FOR_MAX: Longest = (Duration::from_secs(60 * 60), "an hour");

pub(super) fn request_timeout(text: &str) -> Result<OrOff<Duration>, BadValue> {
    match text {
        "off" => Ok(OrOff::Off),
        text => match drain(text)? {
            Duration::ZERO => Err(BadValue::new("nothing is answered in no time", "give a time, or off")),
            time => Ok(OrOff::Set(time)),
        },
    }
}

pub(super) fn drain(text: &str) -> Result<Duration, BadValue> {
    time(
        text,
        DRAIN_MAX,
        "give whole seconds up to a day, or ms, s or m behind the number, as in 8, 8s, 500ms or 2m",
    )
}

/// Not zero: requests that wait for a look at the same path could not use what it finds, and would look one behind the other.
pub(super) fn fresh_for(text: &str) -> Result<Duration, BadValue> {
    let fix = "give whole seconds up to an hour, or ms, s or m behind the number, from 1ms on, as in 60, 500ms or 2m";
    match time(text, FRESH_FOR_MAX, fix)? {
        Duration::ZERO => Err(BadValue::new("every request would have to look for itself", fix)),
        time => Ok(time),
    }
}

fn time(text: &str, (longest, name): Longest, fix: &str) -> Result<Duration, BadValue> {
    let (digits, unit_ms) = if let Some(digits) = text.strip_suffix("ms") {
        (digits, 1)
    } else if let Some(digits) = text.strip_suffix('m') {
        (digits, 60_000)
    } else {
        (text.strip_suffix('s').unwrap_or(text), 1000)
    };
    let number = number(digits).ok_or_else(|| BadValue::new("this is not a time", fix))?;
    let time = number.checked_mul(unit_ms).map(Duration::from_millis);
    time.filter(|time| *time <= longest)
        .ok_or_else(|| BadValue::new(format!("this is longer than {name}"), fix))
}
