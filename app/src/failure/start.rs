//! A runtime that can't start.

use selvedge_runtime::StartError;

use super::Failure;
use crate::rights_config::{RightsConfig, SandboxPolicy};

impl Failure {
    /// Rings, buffers or threads could not be had, with these rights.
    pub fn start(error: &StartError, rights: &RightsConfig) -> Self {
        if let StartError::Forbidden { sysctl: Some(1) } = error
            && let Some(failure) = Self::privileges_gone(rights)
        {
            return failure;
        }
        let text = error.to_string();
        let (what, fix) = text.split_once("; ").unwrap_or((&text, "see the kernel's log"));
        Self::fatal(what, fix)
    }

    /// io_uring is for privileged users, and this server is none any more: rings are made when privileges are gone.
    fn privileges_gone(rights: &RightsConfig) -> Option<Self> {
        let reserved = "io_uring is reserved for privileged users (kernel.io_uring_disabled=1)";
        let (why, fix) = match (&rights.user, rights.sandbox) {
            (None, SandboxPolicy::Off) => return None,
            (Some(user), _) => (
                format!("and --user {user} is none"),
                "set kernel.io_uring_group to a group of that user".to_owned(),
            ),
            (None, SandboxPolicy::Auto | SandboxPolicy::Require) => (
                "and a server that root starts gives its privileges up first".to_owned(),
                "set kernel.io_uring_group to a group of this user, as root write --sandbox off".to_owned(),
            ),
        };
        let fix = format!("{fix}, or run `sysctl -w kernel.io_uring_disabled=0` as root");
        Some(Self::fatal(format!("{reserved}, {why}"), fix))
    }
}
