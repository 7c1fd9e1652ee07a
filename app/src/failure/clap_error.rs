//! clap's errors in one line.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Failure;
use crate::bad_value::BadValue;

/// What other servers call it, and what it is here.
const NAMES_ELSEWHERE: [(&[&str], &str); 4] = [
    (
        &["--bind", "--host", "--interface", "-b"],
        "--address says at which address, --listen says it with the port",
    ),
    (&["--root", "--dir", "--directory", "-d"], "name the directory without an option"),
    (&["--tls", "--ssl", "--cert", "--key", "--https"], "there is no TLS: put a proxy in front"),
    (&["--config", "-c"], "there is no configuration file: options and SELVEDGE_ variables are all"),
];

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
        let tips: Vec<_> = match unexpected(error) {
            Some(tip) => vec![tip.to_owned()],
            None => parts.map(|part| part.trim_start_matches("tip: ").to_owned()).collect(),
        };
        let fixes =
            tips.into_iter().chain([String::from("`selvedge --help` lists the options")]).collect::<Vec<_>>();
        Self::usage(what, fixes.join("; "))
    }
}

/// What is meant by an argument that is none here, where that can be told better than clap does by names that look like it.
fn unexpected(error: &clap::Error) -> Option<&'static str> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let argument = context(error, ContextKind::InvalidArg);
    if !argument.starts_with('-') {
        return Some(
            "one directory is served, and --mount /PATH=DIR adds another; an option whose value may be left out takes it \
             behind an equals sign, as in --spa=FILE",
        );
    }
    let named = NAMES_ELSEWHERE.iter().find(|(names, _)| names.contains(&argument.as_str()));
    named.map(|&(_, tip)| tip)
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
