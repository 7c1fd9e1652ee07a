//! A setting as it was given: by its flag, or else by its variable.

use std::path::PathBuf;

use selvedge_http::networks::Networks;

use super::environment::{Environment, UrlValue};
use super::values::{self, OrAuto, Parse};
use crate::bad_value::BadValue;
use crate::failure::Failure;

/// The flag if it was given, else its variable.
pub(super) struct Given<'a> {
    environment: &'a mut Environment,
}

impl<'a> Given<'a> {
    pub(super) fn new(environment: &'a mut Environment) -> Self {
        Self { environment }
    }

    /// One value. A URL in the variable was injected by an orchestrator and counts as not set.
    pub(super) fn value<T>(
        &mut self,
        flag: Option<T>,
        variable: &'static str,
        parse: Parse<T>,
    ) -> Result<Option<T>, Failure> {
        self.one(flag, variable, UrlValue::Injected, parse)
    }

    /// As [`value`](Self::value), of a variable that nobody injects: a URL in it is meant.
    pub(super) fn meant<T>(
        &mut self,
        flag: Option<T>,
        variable: &'static str,
        parse: Parse<T>,
    ) -> Result<Option<T>, Failure> {
        self.one(flag, variable, UrlValue::Meant, parse)
    }

    fn one<T>(
        &mut self,
        flag: Option<T>,
        variable: &'static str,
        url_value: UrlValue,
        parse: Parse<T>,
    ) -> Result<Option<T>, Failure> {
        match flag {
            Some(value) => Ok(Some(value)),
            None => self.environment.value(variable, url_value, parse),
        }
    }

    /// As [`value`](Self::value), where `auto` asks for the default.
    pub(super) fn or_auto<T>(
        &mut self,
        flag: Option<OrAuto<T>>,
        variable: &'static str,
        parse: Parse<OrAuto<T>>,
    ) -> Result<Option<T>, Failure> {
        Ok(self.value(flag, variable, parse)?.and_then(OrAuto::into_option))
    }

    /// All values of an option that repeats; `check` looks at them together. A URL in the variable is meant.
    pub(super) fn all<T>(
        &mut self,
        flags: Vec<T>,
        variable: &'static str,
        parse: Parse<Vec<T>>,
        option: &'static str,
        check: fn(&[T]) -> Result<(), BadValue>,
    ) -> Result<Vec<T>, Failure> {
        let (values, name) = if flags.is_empty() {
            (self.environment.value(variable, UrlValue::Meant, parse)?.unwrap_or_default(), variable)
        } else {
            (flags, option)
        };
        check(&values).map_err(|bad| Failure::bad_value(name, &bad))?;
        Ok(values)
    }

    /// A list of addresses from all its flags together, else from its variable.
    pub(super) fn networks(
        &mut self,
        flags: Vec<Networks>,
        option: &'static str,
        variable: &'static str,
    ) -> Result<Networks, Failure> {
        if flags.is_empty() {
            // A variable with `://` in it is refused, not ignored: that could let in whom it was to keep out.
            let list = self.environment.value(variable, UrlValue::Meant, values::networks)?;
            return Ok(list.unwrap_or_default());
        }
        let all = flags.into_iter().try_fold(Networks::default(), Networks::with);
        all.map_err(|error| Failure::bad_value(option, &values::bad_networks(&error)))
    }

    /// The variable's value as a path.
    pub(super) fn path(&self, variable: &'static str) -> Option<PathBuf> {
        self.environment.path(variable)
    }

    /// Those of `options` that were given are without effect `situation`, as in `without --metrics`.
    pub(super) fn note_idle(&mut self, options: &[(&str, bool)], situation: &str) {
        for (option, _) in options.iter().filter(|(_, was_given)| *was_given) {
            self.environment.note(format!("{option} has no effect {situation}"));
        }
    }
}
