//! Variables: which count as set, and how a bad one is told.

use std::ffi::OsString;
use std::path::PathBuf;

use super::values::Parse;
use crate::failure::Failure;

/// What a value with `://` in it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UrlValue {
    /// Put there by a container orchestrator: the variable counts as not set.
    Injected,
    /// Meant by the user, so it is read as any other value.
    Meant,
}

/// The variables, by a function that finds one, and which of them were ignored so far.
pub(super) struct Environment<'a> {
    find: &'a dyn Fn(&str) -> Option<OsString>,
    ignored: Vec<&'static str>,
}

impl<'a> Environment<'a> {
    pub(super) fn new(find: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Self { find, ignored: Vec::new() }
    }

    /// The variable's value, `None` if it is not set, empty or injected.
    pub(super) fn value<T>(
        &mut self,
        variable: &'static str,
        url_value: UrlValue,
        parse: Parse<T>,
    ) -> Result<Option<T>, Failure> {
        let Some(value) = self.set(variable) else {
            return Ok(None);
        };
        let text = value.to_string_lossy();
        if url_value == UrlValue::Injected && text.contains("://") {
            if !self.ignored.contains(&variable) {
                self.ignored.push(variable);
            }
            return Ok(None);
        }
        let invalid = |what: &str, fix: &str| {
            Failure::usage(format!("invalid value '{text}' for {variable}: {what}"), fix)
        };
        let Some(valid) = value.to_str() else {
            return Err(invalid("it is not UTF-8", "set it anew or unset it"));
        };
        parse(valid).map(Some).map_err(|bad| invalid(&bad.what, &bad.fix))
    }

    /// The variable's value as a path, which need not be UTF-8; `None` if it is not set or empty.
    pub(super) fn path(&self, variable: &'static str) -> Option<PathBuf> {
        self.set(variable).map(PathBuf::from)
    }

    /// The variables ignored so far, each once, in the order they were read.
    pub(super) fn ignored(&self) -> Vec<&'static str> {
        self.ignored.clone()
    }

    fn set(&self, variable: &str) -> Option<OsString> {
        (self.find)(variable).filter(|value| !value.is_empty())
    }
}
