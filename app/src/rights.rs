//! What the server may do no more once it is about to serve. In: the configuration, with ports bound and the log open, and no
//! thread started. Out: what is in force, for the start line. What is given up is given up for good.

mod sandbox;

use std::fmt;
use std::io;
use std::path::PathBuf;

use selvedge_runtime::net::Listening;
use selvedge_runtime::process::{self, Account, CapabilitiesLeft, FileNeeds, FileRules};
use selvedge_runtime::{LogTarget, report_line};

pub use self::sandbox::{Places, Sandbox};
use crate::config::{Config, SymlinkPolicy};
use crate::failure::Failure;
use crate::rights_config::{AccountName, SandboxPolicy};

/// Whom the server is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    name: AccountName,
    account: Account,
}

/// What is in force, as the start line tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RightsInForce {
    /// Whom the server became.
    pub user: Option<String>,
    /// What was given up; `None`: nothing was to be.
    pub sandbox: Option<Sandbox>,
}

impl fmt::Display for RightsInForce {
    /// As in `user=nobody sandbox=partial (no capabilities, no new privileges, no landlock: ENOSYS)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "user={user} ")?;
        }
        match &self.sandbox {
            None => f.write_str("sandbox=off"),
            Some(sandbox) => sandbox.fmt(f),
        }
    }
}

impl NewUser {
    /// Finds out whom the configuration asks for; `None` where the server stays who it is.
    ///
    /// # Errors
    /// There is no such account, or this process may not become it.
    pub fn find(config: &Config) -> Result<Option<Self>, Failure> {
        let Some(name) = &config.rights.user else { return Ok(None) };
        let account = Account::find(&name.user, name.group.as_deref()).map_err(|error| {
            let text = error.to_string();
            let (what, fix) = text.split_once("; ").unwrap_or((&text, "give numbers"));
            Failure::fatal(format!("--user {name}: {what}"), fix)
        })?;
        if account.user == 0 {
            return Err(Failure::fatal(
                format!("--user {name} is root, who keeps every file of the machine within reach"),
                "name a user that owns nothing, as in nobody",
            ));
        }
        if !process::may_change_user() {
            return Err(Failure::fatal(
                format!("--user {name}: only root may become another user"),
                "start it as root, or leave the option out",
            ));
        }
        Ok(Some(Self { name: name.clone(), account }))
    }

    /// Lets the user go on with what is made before it is there: the log, if it is a new one, and Unix sockets.
    ///
    /// # Errors
    /// A file that cannot be made, or given away.
    pub fn own(&self, log: Option<&LogTarget>, listeners: &mut [Vec<Listening>]) -> Result<(), Failure> {
        if let Some(log) = log {
            log.make_for(&self.account).map_err(|error| Failure::access_log(log, &error))?;
        }
        for listening in listeners.iter_mut().flatten() {
            listening.give_file_to(&self.account).map_err(|error| {
                let what = format!("a unix socket cannot be given to user {}: {error}", self.name);
                Failure::fatal(what, "put it on a file system that has owners")
            })?;
        }
        Ok(())
    }
}

/// Gives up what serving does not need. Nothing that needs root comes after it, and no thread was started before.
///
/// # Errors
/// What could not be given up, where that must be.
pub fn give_up(
    config: &Config,
    user: Option<&NewUser>,
    listeners: &[Vec<Listening>],
) -> Result<RightsInForce, Failure> {
    let policy = config.rights.sandbox;
    // As root, who can follow every path.
    let rules = match policy {
        SandboxPolicy::Off => None,
        SandboxPolicy::Auto | SandboxPolicy::Require => Some(file_rules(config, listeners)?),
    };
    let mut left = CapabilitiesLeft::None;
    if user.is_some() || policy != SandboxPolicy::Off {
        left = process::drop_privileges(user.map(|user| &user.account)).map_err(|error| match user {
            Some(NewUser { name, .. }) => not_become(name, &error),
            None => failure("rights cannot be given up", &error),
        })?;
        warn(user, config.monitoring.access_log.as_ref(), listeners);
    }
    let name = user.map(|user| user.name.to_string());
    let Some((rules, places)) = rules else { return Ok(RightsInForce { user: name, sandbox: None }) };
    process::forbid_new_privileges().map_err(|error| failure("no_new_privs cannot be set", &error))?;
    let landlock = rules.enforce().map_err(|error| failure("Landlock cannot be set up", &error))?;
    let sandbox = Sandbox::of(left, landlock, &places);
    match sandbox.shortfall() {
        Some(failure) if policy == SandboxPolicy::Require => Err(failure),
        _ => Ok(RightsInForce { user: name, sandbox: Some(sandbox) }),
    }
}

/// The rules about what serving opens, not in force yet, and where it is.
fn file_rules(config: &Config, listeners: &[Vec<Listening>]) -> Result<(FileRules, Places), Failure> {
    let read = match config.symlinks {
        // A link may lead anywhere.
        SymlinkPolicy::All => vec![PathBuf::from("/")],
        SymlinkPolicy::Inside | SymlinkPolicy::None => {
            let mut places = Vec::new();
            for served in config.served_places() {
                let directory = if process::is_file(served) { process::directory_of(served) } else { served };
                let found = process::replaceable_places(directory);
                places.extend(found.map_err(|error| Failure::root(directory, &error))?);
            }
            process::outermost(places)
        }
    };
    let files = listeners.iter().flatten().filter_map(Listening::socket_file);
    // Each of them: one that seems to lie below another may do so by a link that leads elsewhere.
    let remove = files.map(|file| process::directory_of(file.path()).to_path_buf()).collect();
    let logs = config.monitoring.access_log.iter().cloned().collect();
    let needs = FileNeeds { read: read.clone(), logs, remove };
    let rules = FileRules::open(&needs).map_err(|error| failure("Landlock cannot be set up", &error))?;
    let (written, removed) = (rules.written().to_vec(), rules.removed().to_vec());
    Ok((rules, Places { read, written, removed }))
}

/// Says what is out of the server's reach from now on: directories of others, once it has no capabilities.
fn warn(user: Option<&NewUser>, log: Option<&LogTarget>, listeners: &[Vec<Listening>]) {
    let (who, owner) = match user {
        Some(NewUser { name, .. }) => (format!("user {name}"), name.user.as_str()),
        None => ("this user, without capabilities,".to_owned(), "USER"),
    };
    if let Some(log @ LogTarget::File(path)) = log
        && !log.may_be_made_anew()
    {
        report_line(&format!(
            "access log {path:?}: {who} may make no files there; whoever rotates it is to make the new one, \
             writable by that user (`create 0640 {owner}` of logrotate), before SIGUSR1"
        ));
    }
    let files = listeners.iter().flatten().filter_map(Listening::socket_file);
    for file in files.filter(|file| !file.may_be_removed()) {
        report_line(&format!(
            "unix socket {:?} stays behind at the end, as {who} may remove nothing there; \
             the next start puts its own in its place",
            file.path()
        ));
    }
}

fn not_become(name: &AccountName, error: &io::Error) -> Failure {
    Failure::fatal(
        format!("--user {name}: it cannot be become: {error}"),
        "name a user that this container or namespace has (/proc/self/uid_map, and gid_map), see what else it forbids, \
         or leave the option out",
    )
}

fn failure(what: &str, error: &io::Error) -> Failure {
    Failure::fatal(
        format!("{what}: {error}"),
        "see what the container or service manager forbids, or write --sandbox off",
    )
}
