//! What the server was asked to do, after flags, environment and defaults were put together.
//!
//! Plain data: nothing here was checked against the machine yet (does the directory exist, is the port free, are the
//! CPUs in the affinity mask).

use std::fmt;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use selvedge_http::networks::Networks;
use selvedge_runtime::net::listen::{self, ListenSpec};

use crate::address_limits::AddressConfig;
use crate::cpu_list::CpuList;
use crate::monitoring_config::MonitoringConfig;
use crate::rights_config::RightsConfig;
use crate::site_config::SiteConfig;

/// Port when neither `--port` nor a variable names one.
pub const PORT_DEFAULT: u16 = 8080;

/// Length of the queue of connections that wait for accept.
pub const BACKLOG_DEFAULT: NonZero<u32> = NonZero::new(listen::BACKLOG_DEFAULT).expect("it is not zero");

/// How long running exchanges may take to end after the signal to stop.
pub const DRAIN_DEFAULT: Duration = Duration::from_secs(8);

/// How long a file that was looked at is served without another look.
pub const FRESH_FOR_DEFAULT: Duration = Duration::from_secs(1);

/// The file that answers for a directory.
pub const INDEX_DEFAULT: &str = "index.html";

/// Everything the command line and the environment decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The directory to serve, as given: not resolved, since a deploy may replace what the path leads to.
    pub root: PathBuf,
    /// Where to listen: at least one, at most [`LISTENERS_MAX`](listen::LISTENERS_MAX), all different.
    pub listeners: Vec<ListenSpec>,
    /// Number of workers; `None`: one per CPU of the affinity mask, bounded by the CPU quota.
    pub threads: Option<NonZero<usize>>,
    /// CPUs to pin workers to, in this order and again from its start; `None`: those of the affinity mask.
    pub cpus: Option<CpuList>,
    /// Who accepts connections.
    pub accept: AcceptPolicy,
    /// Connections that may wait for accept, per listener (listen(2)).
    pub backlog: NonZero<u32>,
    /// File names that answer for a directory, the first that exists; may be empty.
    pub index: Vec<String>,
    /// How long running exchanges may take to end after the signal to stop; zero: they are dropped.
    pub drain: Duration,
    /// Limit of open connections of the process; `None`: what the limit of descriptors allows.
    pub max_connections: Option<NonZero<u32>>,
    /// Requests a connection may have before it is closed after an answer; `None`: as many as it likes.
    pub keep_alive_requests: Option<NonZero<u32>>,
    /// What is about answers.
    pub site: SiteConfig,
    /// Which symbolic links are followed.
    pub symlinks: SymlinkPolicy,
    /// Whether paths with a segment that begins with a dot are served.
    pub hidden: HiddenPolicy,
    /// How long a file that was looked at is served without another look; not zero.
    pub fresh_for: Duration,
    /// Whether directories without an index file are listed.
    pub browse: BrowsePolicy,
    /// Who may read by address, and nobody else; empty: whoever is not in `deny`.
    pub allow: Networks,
    /// Who may not read by address, in `allow` or not.
    pub deny: Networks,
    /// Who is believed about whose request it is (`Forwarded`, `X-Forwarded-For`).
    pub trusted_proxies: Networks,
    /// Who must begin each connection with a header of the PROXY protocol, while nobody else may connect; empty: the protocol
    /// is not spoken.
    pub proxy_protocol: Networks,
    /// What one client address may have.
    pub addresses: AddressConfig,
    /// The file of users and hashed passwords, one of which must come with each request; `None`: no password is asked for.
    pub auth_file: Option<PathBuf>,
    /// How long a handler may take to answer; `None`: as long as it likes.
    pub request_timeout: Option<Duration>,
    /// What is told of the requests.
    pub monitoring: MonitoringConfig,
    /// What rights it keeps.
    pub rights: RightsConfig,
    /// How much is said on standard error.
    pub verbosity: Verbosity,
    /// What was given and is without effect, a line each (see [`options`](crate::options)).
    pub notices: Vec<String>,
}

impl Config {
    /// All that is served: the directories of the mounts, then the root, which may be one file.
    pub fn served_places(&self) -> impl Iterator<Item = &Path> {
        let mounts = self.site.mounts.iter().map(|mount| mount.directory.as_path());
        mounts.chain([self.root.as_path()])
    }
}

/// Who accepts connections, and how workers come by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcceptPolicy {
    /// `Shared` with few workers, `Dedicated` with many.
    #[default]
    Auto,
    /// One worker accepts for all and takes its own turn too.
    Shared,
    /// One worker accepts for all and does nothing else. Needs two workers.
    Dedicated,
    /// Each worker has its own listening socket and the kernel chooses (`SO_REUSEPORT`, socket(7)).
    Reuseport,
}

impl AcceptPolicy {
    /// All policies, in the order in which messages list them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Shared, Self::Dedicated, Self::Reuseport];
}

impl fmt::Display for AcceptPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Shared => "shared",
            Self::Dedicated => "dedicated",
            Self::Reuseport => "reuseport",
        })
    }
}

/// Which symbolic links are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SymlinkPolicy {
    /// Those whose target lies beneath the root.
    #[default]
    Inside,
    /// All: files outside the root can be reached through links.
    All,
    /// No link at all.
    None,
}

impl SymlinkPolicy {
    /// All policies, in the order in which messages list them.
    pub const ALL: [Self; 3] = [Self::Inside, Self::All, Self::None];
}

impl fmt::Display for SymlinkPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inside => "inside",
            Self::All => "all",
            Self::None => "none",
        })
    }
}

/// Whether paths with a segment that begins with a dot are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HiddenPolicy {
    /// They are 404, but for a first segment `.well-known`.
    #[default]
    Hide,
    /// As any other.
    Show,
}

impl HiddenPolicy {
    /// All policies, in the order in which messages list them.
    pub const ALL: [Self; 2] = [Self::Hide, Self::Show];
}

impl fmt::Display for HiddenPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hide => "hide",
            Self::Show => "show",
        })
    }
}

/// Whether directories without an index file are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BrowsePolicy {
    /// They are 404.
    #[default]
    Off,
    /// They are listed.
    On,
}

/// How much is said on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// The start line, warnings and errors.
    #[default]
    Normal,
    /// What was decided and why, besides.
    Verbose,
}
