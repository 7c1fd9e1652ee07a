//! clap's errors in one line.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue};

use super::Failure;
use crate::bad_value::BadValue;

impl Failure {
    /// What clap found wrong with the arguments.
    pub(crate) fn from_clap(error: &clap::Error) -> Self {
        // Our own parsers say how to fix a value. The rest is clap's text, whose last part is its usage.
        if let Some(bad) = error.source().and_then(|source| source.downcast_ref::<BadValue>()) {
            let value = context(error, ContextKind::InvalidValue);
            let option = context(error, ContextKind::InvalidArg);
            return Self::usage(
                format!("invalid value '{value}' for {option}: {}", bad.what),
                bad.fix.clone(),
            );
        }
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let end = ["\n\nUsage:", "\n\nFor more information"].iter().filter_map(|mark| text.find(mark)).min();
        let mut parts = text[..end.unwrap_or(text.len())].split("\n\n").map(one_line);
        let what = parts.next().unwrap_or_default();
        let tips = parts.map(|part| part.trim_start_matches("tip: ").to_owned());
        let fixes = tips.chain([String::from("`selvedge --help` lists the options")]).collect::<Vec<_>>();
        Self::usage(what, fixes.join("; "))
    }
}

fn context(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        // clap writes `--port <PORT>` and `--spa[=<FILE>]`.
        Some(ContextValue::String(text)) => {
            let end = [" <", "[="].iter().filter_map(|mark| text.find(mark)).min();
            text[..end.unwrap_or(text.len())].to_owned()
        }
        _ => String::new(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
