//! Variables: which count as set, and how a bad one is told.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::values::Parse;
use crate::failure::Failure;

/// Every variable that is read.
pub(super) const VARIABLES: [&str; 52] = [
    "SELVEDGE_DIR",
    "SELVEDGE_PORT",
    "PORT",
    "SELVEDGE_ADDRESS",
    "SELVEDGE_LISTEN",
    "SELVEDGE_BACKLOG",
    "SELVEDGE_MAX_CONNECTIONS",
    "SELVEDGE_THREADS",
    "SELVEDGE_CPUS",
    "SELVEDGE_ACCEPT",
    "SELVEDGE_INDEX",
    "SELVEDGE_SYMLINKS",
    "SELVEDGE_HIDDEN",
    "SELVEDGE_FRESH_FOR",
    "SELVEDGE_BROWSE",
    "SELVEDGE_KEEP_ALIVE_REQUESTS",
    "SELVEDGE_SPA",
    "SELVEDGE_CLEAN_URLS",
    "SELVEDGE_NOT_FOUND",
    "SELVEDGE_ERROR_PAGE",
    "SELVEDGE_MOUNT",
    "SELVEDGE_REDIRECT",
    "SELVEDGE_LANGUAGES",
    "SELVEDGE_PRECOMPRESSED",
    "SELVEDGE_COMPRESS",
    "SELVEDGE_COMPRESS_TYPES",
    "SELVEDGE_COMPRESS_MIN",
    "SELVEDGE_ETAG",
    "SELVEDGE_HEADER",
    "SELVEDGE_CACHE",
    "SELVEDGE_CORS",
    "SELVEDGE_SECURITY_HEADERS",
    "SELVEDGE_SERVER_NAME",
    "SELVEDGE_TYPE",
    "SELVEDGE_CHARSET",
    "SELVEDGE_DRAIN",
    "SELVEDGE_ALLOW",
    "SELVEDGE_DENY",
    "SELVEDGE_TRUSTED_PROXY",
    "SELVEDGE_PROXY_PROTOCOL",
    "SELVEDGE_CONNECTIONS_PER_ADDRESS",
    "SELVEDGE_NEW_CONNECTIONS_PER_ADDRESS",
    "SELVEDGE_AUTH_FILE",
    "SELVEDGE_REQUEST_TIMEOUT",
    "SELVEDGE_ACCESS_LOG",
    "SELVEDGE_LOG_FORMAT",
    "SELVEDGE_METRICS",
    "SELVEDGE_METRICS_ALLOW",
    "SELVEDGE_HEALTH",
    "SELVEDGE_USER",
    "SELVEDGE_SANDBOX",
    "SELVEDGE_VERBOSE",
];

/// Most variables that are named for being none of these.
const UNKNOWN_MAX: usize = 8;

/// What a value with `://` in it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UrlValue {
    /// Put there by a container orchestrator: the variable counts as not set.
    Injected,
    /// Meant by the user, so it is read as any other value.
    Meant,
}

/// The variables that may be the server's, and what there is to say about those that are without effect.
pub(super) struct Environment {
    values: BTreeMap<String, OsString>,
    notices: Vec<String>,
}

impl Environment {
    /// Those of all variables that are set.
    pub(super) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let may_be_ours = |name: &str| name == "PORT" || name.starts_with("SELVEDGE_");
        let values = variables.into_iter().filter(|(_, value)| !value.is_empty());
        let values: BTreeMap<String, OsString> = values
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| may_be_ours(name))
            .collect();
        let unknown = values.iter().filter(|(name, value)| is_unknown(name, value)).take(UNKNOWN_MAX);
        let notices = unknown.map(|(name, _)| {
            format!("{name} is no variable of selvedge; it is ignored; `selvedge --help` names them all")
        });
        Self { notices: notices.collect(), values }
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
            self.note(format!("{variable} holds a URL, as orchestrators inject it; it is ignored"));
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

    /// Something that was given is without effect, as this line says.
    pub(super) fn note(&mut self, line: String) {
        if !self.notices.contains(&line) {
            self.notices.push(line);
        }
    }

    /// The lines noted so far, each once.
    pub(super) fn notices(self) -> Vec<String> {
        self.notices
    }

    fn set(&self, variable: &str) -> Option<OsString> {
        debug_assert!(VARIABLES.contains(&variable), "{variable} is read and not listed");
        self.values.get(variable).cloned()
    }
}

/// Whether nobody reads it, and no orchestrator put it there for a service whose name begins like the server's.
fn is_unknown(name: &str, value: &OsString) -> bool {
    let is_injected = ["_SERVICE_", "_PORT_"].iter().any(|part| name.contains(part))
        || name.ends_with("_PORT") && value.to_string_lossy().contains("://");
    !VARIABLES.contains(&name) && !is_injected
}
