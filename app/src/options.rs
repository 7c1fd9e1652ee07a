//! The command line and the environment, put together into a [`Config`].
//!
//! Precedence: flag, then `SELVEDGE_*` variable, then `PORT` (for the port alone), then default. A variable that a
//! flag overrides is not read, an empty one counts as not set.
//!
//! Container orchestrators put URLs into variables named after a service, such as `SELVEDGE_PORT=tcp://10.0.0.1:80`.
//! A value with `://` is therefore ignored and named in [`Config::notices`]. Where ignoring it would open
//! addresses or files that nobody asked for (`SELVEDGE_LISTEN`, `SELVEDGE_ADDRESS`, `SELVEDGE_DIR`), let in whom
//! nobody meant to (the lists of addresses, `SELVEDGE_AUTH_FILE`) or keep rights that were to go (`SELVEDGE_USER`,
//! `SELVEDGE_SANDBOX`), it is read as any other value, and so it is in those about pages and headers, where a URL may be
//! meant: none of these is ever injected.

mod addresses;
mod environment;
mod flags;
mod given;
mod listeners;
mod monitoring;
mod rights;
mod site;
mod site_flags;
mod site_values;
mod times;
mod values;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::num::NonZero;
use std::path::PathBuf;

use clap::Parser;

use self::environment::Environment;
use self::flags::Flags;
use self::given::Given;
use self::listeners::Directory;
use self::values::OrOff;
use crate::config::{AcceptPolicy, BACKLOG_DEFAULT, Config, DRAIN_DEFAULT, FRESH_FOR_DEFAULT, INDEX_DEFAULT};
use crate::failure::Failure;

/// What the command line asks the program to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Serve, as the configuration says.
    Serve(Box<Config>),
    /// Write this text (help or version) to standard output and end with success.
    Print(String),
}

/// Reads the arguments, the program's own name first, and the environment's variables.
///
/// # Errors
///
/// A usage failure that names the option or variable at fault and how to fix it.
pub fn parse<A>(
    arguments: A,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Command, Failure>
where
    A: IntoIterator<Item: Into<OsString> + Clone>,
{
    match Flags::try_parse_from(arguments) {
        Ok(flags) => {
            resolve(flags, Environment::new(variables)).map(|config| Command::Serve(Box::new(config)))
        }
        Err(error) if error.use_stderr() => Err(Failure::from_clap(&error)),
        Err(help_or_version) => {
            let text = help_or_version.render().to_string();
            Ok(Command::Print(format!("{}\n", text.trim_end())))
        }
    }
}

fn resolve(flags: Flags, mut environment: Environment) -> Result<Config, Failure> {
    let (verbosity, browse) = (flags.verbosity(), flags.browse());
    let (root, directory) = match flags.dir.or_else(|| environment.path("SELVEDGE_DIR")) {
        Some(dir) => (dir, Directory::Named),
        None => (PathBuf::from("."), Directory::Current),
    };
    let listeners = listeners::resolve(flags.listen, flags.address, flags.port, directory, &mut environment)?;

    let mut given = Given::new(&mut environment);
    let site = site::resolve(flags.site, &mut given)?;
    let threads = given.or_auto(flags.threads, "SELVEDGE_THREADS", values::threads)?;
    let accept = given.value(flags.accept, "SELVEDGE_ACCEPT", values::accept)?.unwrap_or_default();
    check_accept(accept, threads)?;
    let proxy_protocol =
        given.networks(flags.proxy_protocol, "--proxy-protocol", "SELVEDGE_PROXY_PROTOCOL")?;
    let addresses = addresses::resolve(flags.addresses, &listeners, &proxy_protocol, &mut given)?;
    let index = given.value(flags.index, "SELVEDGE_INDEX", values::index)?;
    let monitoring = monitoring::resolve(flags.monitoring, &mut given)?;
    let rights = rights::resolve(flags.rights, &mut given)?;
    let request_timeout =
        given.value(flags.request_timeout, "SELVEDGE_REQUEST_TIMEOUT", times::request_timeout)?;

    Ok(Config {
        root,
        listeners,
        site,
        threads,
        cpus: given.or_auto(flags.cpus, "SELVEDGE_CPUS", values::cpus)?,
        accept,
        backlog: given.value(flags.backlog, "SELVEDGE_BACKLOG", values::backlog)?.unwrap_or(BACKLOG_DEFAULT),
        index: index.map_or_else(|| vec![String::from(INDEX_DEFAULT)], |names| names.0),
        drain: given.value(flags.drain, "SELVEDGE_DRAIN", times::drain)?.unwrap_or(DRAIN_DEFAULT),
        max_connections: given.or_auto(
            flags.max_connections,
            "SELVEDGE_MAX_CONNECTIONS",
            values::max_connections,
        )?,
        keep_alive_requests: given.or_auto(
            flags.keep_alive_requests,
            "SELVEDGE_KEEP_ALIVE_REQUESTS",
            values::keep_alive_requests,
        )?,
        hidden: given.value(flags.hidden, "SELVEDGE_HIDDEN", values::hidden)?.unwrap_or_default(),
        browse: given.value(browse, "SELVEDGE_BROWSE", values::browse)?.unwrap_or_default(),
        fresh_for: given
            .value(flags.fresh_for, "SELVEDGE_FRESH_FOR", times::fresh_for)?
            .unwrap_or(FRESH_FOR_DEFAULT),
        symlinks: given.value(flags.symlinks, "SELVEDGE_SYMLINKS", values::symlinks)?.unwrap_or_default(),
        allow: given.networks(flags.allow, "--allow", "SELVEDGE_ALLOW")?,
        deny: given.networks(flags.deny, "--deny", "SELVEDGE_DENY")?,
        trusted_proxies: given.networks(flags.trusted_proxy, "--trusted-proxy", "SELVEDGE_TRUSTED_PROXY")?,
        proxy_protocol,
        addresses,
        auth_file: flags.auth_file.or_else(|| given.path("SELVEDGE_AUTH_FILE")),
        request_timeout: request_timeout.and_then(OrOff::into_option),
        monitoring,
        rights,
        verbosity: given.value(verbosity, "SELVEDGE_VERBOSE", values::verbosity)?.unwrap_or_default(),
        notices: environment.notices(),
    })
}

/// `dedicated` with one worker would leave none to serve. The caller asks again when it knows the number of workers
/// that "one per CPU" comes to.
///
/// # Errors
///
/// A usage failure when `accept` does not work with this number of workers.
pub fn check_accept(accept: AcceptPolicy, threads: Option<NonZero<usize>>) -> Result<(), Failure> {
    if accept == AcceptPolicy::Dedicated && threads == NonZero::new(1) {
        return Err(Failure::usage(
            "--accept dedicated with 1 thread leaves none to serve",
            "use --threads 2 or more, or --accept shared",
        ));
    }
    Ok(())
}
