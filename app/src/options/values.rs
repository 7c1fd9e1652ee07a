//! How the value of each option is read, from a flag and from a variable alike.

use std::fmt::Display;
use std::num::NonZero;

use selvedge_http::networks::{NetworkError, Networks};
use selvedge_runtime::net::listen::{self, ListenSpec, TcpAddress};

use crate::bad_value::BadValue;
use crate::config::{AcceptPolicy, BrowsePolicy, HiddenPolicy, SymlinkPolicy, Verbosity};
use crate::cpu_list::CpuList;

/// Most worker threads: no machine to be had has more CPUs in one affinity mask (CPU_SET(3)).
const THREADS_MAX: usize = 1024;

/// Longest queue of waiting connections: what `net.core.somaxconn` was ever limited to. More hides overload.
const BACKLOG_MAX: u32 = 65_535;

/// Most open connections: more than `fs.nr_open` allows descriptors to a process by default (proc_sys_fs(5)).
const CONNECTIONS_MAX: u32 = 16_777_216;

/// Most names of index files. Each costs an open per directory that lacks it.
const INDEX_NAMES_MAX: usize = 16;

/// Longest name of a file (`NAME_MAX`, limits.h(0p)).
const NAME_BYTES_MAX: usize = 255;

/// Reads one value.
pub(super) type Parse<T> = fn(&str) -> Result<T, BadValue>;

/// A value, or `auto` where a variable's value is to be put aside for the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OrAuto<T> {
    Auto,
    Set(T),
}

impl<T> OrAuto<T> {
    pub(super) fn into_option(self) -> Option<T> {
        match self {
            Self::Auto => None,
            Self::Set(value) => Some(value),
        }
    }

    fn parse(text: &str, parse: impl FnOnce(&str) -> Result<T, BadValue>) -> Result<Self, BadValue> {
        if text == "auto" { Ok(Self::Auto) } else { parse(text).map(Self::Set) }
    }
}

/// A value, or `off`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OrOff<T> {
    Off,
    Set(T),
}

impl<T> OrOff<T> {
    pub(super) fn into_option(self) -> Option<T> {
        match self {
            Self::Off => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// Names of index files. A type of its own, as clap takes a plain vector for an option that repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IndexNames(pub(super) Vec<String>);

pub(super) fn port(text: &str) -> Result<u16, BadValue> {
    Ok(listen::parse_port(text)?)
}

pub(super) fn address(text: &str) -> Result<TcpAddress, BadValue> {
    Ok(text.parse::<TcpAddress>()?)
}

pub(super) fn listen(text: &str) -> Result<ListenSpec, BadValue> {
    Ok(text.parse::<ListenSpec>()?)
}

/// Several places to listen at, separated by white space: a path may hold any other separator.
pub(super) fn listen_list(text: &str) -> Result<Vec<ListenSpec>, BadValue> {
    let specs = text.split_whitespace().map(self::listen).collect::<Result<Vec<_>, _>>()?;
    if specs.is_empty() {
        return Err(BadValue::new("it is blank", "name where to listen, as in :8080, or unset it"));
    }
    Ok(specs)
}

pub(super) fn backlog(text: &str) -> Result<NonZero<u32>, BadValue> {
    count(text, BACKLOG_MAX)
}

pub(super) fn max_connections(text: &str) -> Result<OrAuto<NonZero<u32>>, BadValue> {
    OrAuto::parse(text, |text| count(text, CONNECTIONS_MAX))
}

pub(super) fn threads(text: &str) -> Result<OrAuto<NonZero<usize>>, BadValue> {
    OrAuto::parse(text, |text| {
        let threads = count(text, THREADS_MAX as u32)?;
        Ok(threads.try_into().expect("a count up to THREADS_MAX fits"))
    })
}

pub(super) fn cpus(text: &str) -> Result<OrAuto<CpuList>, BadValue> {
    OrAuto::parse(text, str::parse)
}

pub(super) fn accept(text: &str) -> Result<AcceptPolicy, BadValue> {
    choose(text, &AcceptPolicy::ALL)
}

pub(super) fn symlinks(text: &str) -> Result<SymlinkPolicy, BadValue> {
    choose(text, &SymlinkPolicy::ALL)
}

pub(super) fn hidden(text: &str) -> Result<HiddenPolicy, BadValue> {
    choose(text, &HiddenPolicy::ALL)
}

pub(super) fn keep_alive_requests(text: &str) -> Result<OrAuto<NonZero<u32>>, BadValue> {
    OrAuto::parse(text, |text| count(text, u32::MAX))
}

pub(super) fn browse(text: &str) -> Result<BrowsePolicy, BadValue> {
    yes_or_no(text, BrowsePolicy::On, BrowsePolicy::Off)
}

pub(super) fn networks(text: &str) -> Result<Networks, BadValue> {
    text.parse().map_err(|error| bad_networks(&error))
}

/// What the error says, in the two parts of every message.
pub(super) fn bad_networks(error: &NetworkError) -> BadValue {
    let text = error.to_string();
    let (what, fix) = text.split_once("; ").expect("its message has two parts");
    BadValue::new(what, fix)
}

pub(super) fn verbosity(text: &str) -> Result<Verbosity, BadValue> {
    yes_or_no(text, Verbosity::Verbose, Verbosity::Normal)
}

/// The value of a variable that stands for a flag.
pub(super) fn yes_or_no<T>(text: &str, yes: T, no: T) -> Result<T, BadValue> {
    match switch(text) {
        Some(true) => Ok(yes),
        Some(false) => Ok(no),
        None => Err(BadValue::new(format!("'{text}' is neither yes nor no"), "set it to 1 or 0")),
    }
}

/// A word for yes or no.
pub(super) fn switch(text: &str) -> Option<bool> {
    match text {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

pub(super) fn index(text: &str) -> Result<IndexNames, BadValue> {
    if text.is_empty() {
        return Ok(IndexNames(Vec::new()));
    }
    let names = text.split(',').map(str::trim).map(index_name).collect::<Result<Vec<_>, _>>()?;
    if names.len() > INDEX_NAMES_MAX {
        let what = format!("{} names are too many", names.len());
        return Err(BadValue::new(what, format!("give at most {INDEX_NAMES_MAX}")));
    }
    Ok(IndexNames(names))
}

/// A name that can be found and may be served: one path segment, not hidden.
fn index_name(name: &str) -> Result<String, BadValue> {
    let fix = "give plain file names separated by commas, as in index.html,index.htm";
    let what = if name.is_empty() {
        "a name is empty"
    } else if name.contains('/') {
        "a name holds a slash"
    } else if name.starts_with('.') {
        "a name starts with a dot, which hides a file"
    } else if name.chars().any(char::is_control) {
        "a name holds a control character"
    } else if name.len() > NAME_BYTES_MAX {
        "a name is longer than 255 bytes"
    } else {
        return Ok(name.to_owned());
    };
    Err(BadValue::new(what, fix))
}

/// A count from 1 to `max`.
pub(super) fn count(text: &str, max: u32) -> Result<NonZero<u32>, BadValue> {
    let count = number(text).and_then(|number| u32::try_from(number).ok()).and_then(NonZero::new);
    count.filter(|count| count.get() <= max).ok_or_else(|| {
        let what = if number(text).is_some() { "this is out of range" } else { "this is not a whole number" };
        BadValue::new(what, format!("give a number from 1 to {max}"))
    })
}

/// Digits and nothing else: Rust's own parser takes a plus sign too. Too many of them read as the largest number.
pub(super) fn number(digits: &str) -> Option<u64> {
    let well_formed = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    well_formed.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// One of `choices`, by its name.
pub(super) fn choose<T: Copy + Display>(text: &str, choices: &[T]) -> Result<T, BadValue> {
    if let Some(choice) = choices.iter().find(|choice| choice.to_string() == text) {
        return Ok(*choice);
    }
    let names = choices.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Err(BadValue::new("there is no such choice", format!("choose one of {names}")))
}
