//! The command line as clap reads it, and its help. Every field is optional: defaults come after the environment.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser};
use selvedge_http::networks::Networks;
use selvedge_runtime::net::listen::{ListenSpec, TcpAddress};

use super::addresses::AddressFlags;
use super::monitoring::MonitoringFlags;
use super::rights::RightsFlags;
use super::site_flags::SiteFlags;
use super::times;
use super::values::{self, IndexNames, OrAuto, OrOff};
use crate::config::{AcceptPolicy, BrowsePolicy, HiddenPolicy, SymlinkPolicy, Verbosity};
use crate::cpu_list::CpuList;

const EXAMPLES: &str = "\
Examples:
  selvedge                                  this directory, for this machine only
  selvedge ./public                         ./public for everyone, on port 8080
  selvedge ./public -a localhost -p 3000    for this machine only, on port 3000
  selvedge ./public -l :80 -l 'unix:/run/selvedge.sock?mode=660'
  selvedge ./public --cpus 0-6/2            a thread on each of the CPUs 0, 2, 4 and 6

A flag wins over its variable. Ctrl-C lets running answers end; a second one ends at once.";

/// Serve a directory over HTTP: one thread and one io_uring per CPU.
#[derive(Debug, Parser)]
#[command(name = "selvedge", bin_name = "selvedge", version, max_term_width = 100, after_help = EXAMPLES)]
#[command(override_usage = "selvedge [OPTIONS] [DIR]", disable_help_flag = true, disable_version_flag = true)]
pub(super) struct Flags {
    #[arg(value_name = "DIR")]
    #[arg(help = "Directory to serve [default: the current one, on loopback only] [env: SELVEDGE_DIR]")]
    pub(super) dir: Option<PathBuf>,

    #[arg(short, long, help_heading = "Listening", value_parser = values::port)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help = "Port, 0 for any free one\n\
        [default: 8080] [env: SELVEDGE_PORT, then PORT]")]
    pub(super) port: Option<u16>,

    #[arg(short, long, value_name = "IP", help_heading = "Listening", value_parser = values::address)]
    #[arg(help = "IP address, or localhost\n\
        [default: all; without DIR localhost] [env: SELVEDGE_ADDRESS]")]
    pub(super) address: Option<TcpAddress>,

    #[arg(short, long, value_name = "URI", help_heading = "Listening", value_parser = values::listen)]
    #[arg(help = "HOST:PORT, :PORT, unix:PATH[?mode=660] or fd:N; repeatable\n\
        [env: SELVEDGE_LISTEN, separated by spaces]")]
    pub(super) listen: Vec<ListenSpec>,

    #[arg(long, value_name = "N", help_heading = "Listening", value_parser = values::backlog)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help = "Connections that may wait to be accepted\n\
        [default: 4096] [env: SELVEDGE_BACKLOG]")]
    pub(super) backlog: Option<NonZero<u32>>,

    #[arg(long, value_name = "N", help_heading = "Listening", value_parser = values::max_connections)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help = "Most open connections, or auto: what the descriptor limit allows\n\
        [default: auto] [env: SELVEDGE_MAX_CONNECTIONS]")]
    pub(super) max_connections: Option<OrAuto<NonZero<u32>>>,

    #[arg(short = 'j', long, value_name = "N", help_heading = "Threads", value_parser = values::threads)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help = "Worker threads, or auto: one per CPU it may use\n\
        [default: auto] [env: SELVEDGE_THREADS]")]
    pub(super) threads: Option<OrAuto<NonZero<usize>>>,

    #[arg(long, value_name = "LIST", help_heading = "Threads", value_parser = values::cpus)]
    #[arg(help = "CPUs to pin them to, as in 0-3,6,8-10/2, or auto: the affinity mask\n\
        [default: auto] [env: SELVEDGE_CPUS]")]
    pub(super) cpus: Option<OrAuto<CpuList>>,

    #[arg(long, value_name = "POLICY", help_heading = "Threads", value_parser = values::accept)]
    #[arg(help = "Who accepts: one thread (shared, dedicated), each (reuseport), or auto\n\
        [default: auto] [env: SELVEDGE_ACCEPT]")]
    pub(super) accept: Option<AcceptPolicy>,

    #[arg(long, value_name = "NAME,...", help_heading = "Files", value_parser = values::index)]
    #[arg(help = "Files that answer for a directory, the first that exists; '' for none\n\
        [default: index.html] [env: SELVEDGE_INDEX]")]
    pub(super) index: Option<IndexNames>,

    #[arg(long, value_name = "POLICY", help_heading = "Files", value_parser = values::symlinks)]
    #[arg(help = "Symbolic links to follow: inside (those that stay in DIR), all or none\n\
        [default: inside] [env: SELVEDGE_SYMLINKS]")]
    pub(super) symlinks: Option<SymlinkPolicy>,

    #[arg(long, value_name = "POLICY", help_heading = "Files", value_parser = values::hidden)]
    #[arg(help = "Paths with a segment that begins with a dot: hide (404) or show\n\
        [default: hide] [env: SELVEDGE_HIDDEN]")]
    pub(super) hidden: Option<HiddenPolicy>,

    #[command(flatten)]
    pub(super) site: SiteFlags,

    #[arg(long, value_name = "SECONDS", help_heading = "Files", value_parser = times::fresh_for)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help = "Time for which a file is not looked at again, as in 60, 500ms or 2m\n\
        [default: 1] [env: SELVEDGE_FRESH_FOR]")]
    pub(super) fresh_for: Option<Duration>,

    #[arg(long, help_heading = "Files", action = ArgAction::SetTrue)]
    #[arg(help = "List directories that have no index file [env: SELVEDGE_BROWSE=1]")]
    browse: bool,

    #[arg(long, value_name = "CIDR,...", help_heading = "Access", value_parser = values::networks)]
    #[arg(help = "Who may read, and nobody else: addresses, blocks, unix or all; repeatable\n\
        [env: SELVEDGE_ALLOW]")]
    pub(super) allow: Vec<Networks>,

    #[arg(long, value_name = "CIDR,...", help_heading = "Access", value_parser = values::networks)]
    #[arg(help = "Who may not read, allowed or not; repeatable [env: SELVEDGE_DENY]")]
    pub(super) deny: Vec<Networks>,

    #[arg(long, value_name = "FILE", help_heading = "Access")]
    #[arg(help = "Ask for a user and password of this file, as htpasswd makes it\n\
        [env: SELVEDGE_AUTH_FILE]")]
    pub(super) auth_file: Option<PathBuf>,

    #[arg(long, value_name = "CIDR,...", help_heading = "Access", value_parser = values::networks)]
    #[arg(help = "Who is believed about the client (Forwarded, X-Forwarded-For); repeatable\n\
        [env: SELVEDGE_TRUSTED_PROXY]")]
    pub(super) trusted_proxy: Vec<Networks>,

    #[arg(long, value_name = "CIDR,...", help_heading = "Access", value_parser = values::networks)]
    #[arg(help = "Who must speak the PROXY protocol, while nobody else may connect; repeatable\n\
        [env: SELVEDGE_PROXY_PROTOCOL]")]
    pub(super) proxy_protocol: Vec<Networks>,

    #[command(flatten)]
    pub(super) addresses: AddressFlags,

    #[arg(long, value_name = "N", help_heading = "Running", value_parser = values::keep_alive_requests)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help = "Requests after which a connection is closed, or auto: it is not\n\
        [default: auto] [env: SELVEDGE_KEEP_ALIVE_REQUESTS]")]
    pub(super) keep_alive_requests: Option<OrAuto<NonZero<u32>>>,

    #[arg(long, value_name = "SECONDS", help_heading = "Running", value_parser = times::drain)]
    #[arg(allow_negative_numbers = true)]
    #[arg(help = "Time that running answers get at the end, as in 8, 500ms or 2m\n\
        [default: 8] [env: SELVEDGE_DRAIN]")]
    pub(super) drain: Option<Duration>,

    #[arg(long, value_name = "SECONDS", help_heading = "Running", value_parser = times::request_timeout)]
    #[arg(help = "Time that an answer may take until it begins, then 503, as in 10 or 500ms; or off\n\
        [default: off] [env: SELVEDGE_REQUEST_TIMEOUT]")]
    pub(super) request_timeout: Option<OrOff<Duration>>,

    #[command(flatten)]
    pub(super) monitoring: MonitoringFlags,

    #[command(flatten)]
    pub(super) rights: RightsFlags,

    #[arg(short, long, help_heading = "Running", action = ArgAction::Count)]
    #[arg(help = "Say more on standard error [env: SELVEDGE_VERBOSE=1]")]
    verbose: u8,

    #[arg(short = 'V', long, help_heading = "Running", action = ArgAction::Version, help = "Print the version")]
    version: Option<bool>,

    #[arg(short, long, help_heading = "Running", action = ArgAction::Help, help = "Print this help")]
    help: Option<bool>,
}

impl Flags {
    /// `None` where the flag was not given: it can't ask for silence.
    pub(super) fn verbosity(&self) -> Option<Verbosity> {
        (self.verbose > 0).then_some(Verbosity::Verbose)
    }

    /// As [`Flags::verbosity`].
    pub(super) fn browse(&self) -> Option<BrowsePolicy> {
        self.browse.then_some(BrowsePolicy::On)
    }
}
