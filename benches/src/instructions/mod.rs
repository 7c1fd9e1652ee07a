//! Instructions of a request's steps that ask nobody: from its octets to the head of its answer. In: how many requests to count. Out: a
//! table, the same on each run of one executable, or whether one that was written down still holds.
//!
//! The walk: `run` -> `callgrind` starts this program again, as `steps` -> `table`. Time is another matter: see `compare`.

mod callgrind;
pub(crate) mod heads;
mod steps;
mod table;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use self::table::Table;
use crate::compare::interrupt;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    /// Requests of each kind that are counted; what the first one does more is shared among all
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    requests: u64,
    /// Compare with the table in this file, and fail where a step takes more than 3 % and 5 instructions more
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// Leave callgrind's files in this folder, for callgrind_annotate
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    #[command(subcommand)]
    alone: Option<Alone>,
}

#[derive(Debug, Subcommand)]
enum Alone {
    /// Take the steps that are counted
    #[command(hide = true)]
    Steps {
        #[arg(long)]
        requests: u64,
    },
}

/// Counts and prints Markdown.
///
/// # Errors
/// No valgrind; nothing to count; with `--check` the steps that take more than they did.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    if let Some(Alone::Steps { requests }) = options.alone {
        steps::take_all(requests);
        return Ok(());
    }
    ensure!(options.requests > 0, "--requests 0: nothing would be counted");
    let before = match &options.check {
        None => None,
        Some(path) => {
            let page = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            Some(Table::find(&page).with_context(|| path.display().to_string())?)
        }
    };
    interrupt::catch()?;
    let counts = callgrind::count(options.requests, options.keep.as_deref())?;
    let table = Table::new(&counts, options.requests);
    print!("{table}");
    match before {
        Some(before) => table.check(&before),
        None => Ok(()),
    }
}
