//! What rights the server keeps once it serves: the part of the configuration that is about users and sandboxes.

use std::fmt;

/// Everything about rights that the command line and the environment decide.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RightsConfig {
    /// Whom the server becomes once its ports are bound and its log is open; `None`: it stays who it is.
    pub user: Option<AccountName>,
    /// What it does without beside that.
    pub sandbox: SandboxPolicy,
}

/// A user, and its group where that is not the one in the database: `NAME[:GROUP]`, names or numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountName {
    /// The user.
    pub user: String,
    /// The group.
    pub group: Option<String>,
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            None => f.write_str(&self.user),
            Some(group) => write!(f, "{}:{group}", self.user),
        }
    }
}

/// Whether rights that serving does not need are given up at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SandboxPolicy {
    /// As far as the kernel can.
    #[default]
    Auto,
    /// All of it, or the server does not start.
    Require,
    /// They are kept.
    Off,
}

impl SandboxPolicy {
    /// All policies, in the order in which messages list them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Require, Self::Off];
}

impl fmt::Display for SandboxPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Require => "require",
            Self::Off => "off",
        })
    }
}
