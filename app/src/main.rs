//! The binary `selvedge`: from the command line to the exit status.
#![forbid(unsafe_code)]

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use selvedge::config::Config;
use selvedge::options::{self, Command};
use selvedge::serve;

fn main() -> ExitCode {
    match options::parse(env::args_os(), env::vars_os()) {
        Ok(Command::Serve(config)) => serve(&config),
        Ok(Command::Print(text)) => print(&text),
        Err(failure) => failure.report(),
    }
}

fn serve(config: &Config) -> ExitCode {
    serve::serve(config).unwrap_or_else(|failure| failure.report())
}

fn print(text: &str) -> ExitCode {
    // A reader that left early, as in `selvedge --help | head -1`, is no failure.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
