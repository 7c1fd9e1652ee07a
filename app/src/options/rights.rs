//! The options about rights: as clap reads them, from variables, and put together.

use clap::Args;

use super::given::Given;
use super::values;
use crate::bad_value::BadValue;
use crate::failure::Failure;
use crate::rights_config::{AccountName, RightsConfig, SandboxPolicy};

/// Flags about rights.
#[derive(Debug, Args)]
pub(super) struct RightsFlags {
    #[arg(long, value_name = "NAME[:GROUP]", help_heading = "Rights", value_parser = account_name)]
    #[arg(help = "Whom to become once ports are bound and logs are open; needs root\n\
        [default: nobody else] [env: SELVEDGE_USER]")]
    user: Option<AccountName>,

    #[arg(long, value_name = "POLICY", help_heading = "Rights", value_parser = sandbox)]
    #[arg(help = "Give up what serving does not need: auto (as far as the kernel can), require or off\n\
        [default: auto] [env: SELVEDGE_SANDBOX]")]
    sandbox: Option<SandboxPolicy>,
}

/// Reads them, flags before variables.
///
/// # Errors
///
/// A usage failure that names the option or variable at fault.
pub(super) fn resolve(flags: RightsFlags, given: &mut Given<'_>) -> Result<RightsConfig, Failure> {
    Ok(RightsConfig {
        user: given.meant(flags.user, "SELVEDGE_USER", account_name)?,
        sandbox: given.meant(flags.sandbox, "SELVEDGE_SANDBOX", sandbox)?.unwrap_or_default(),
    })
}

fn account_name(text: &str) -> Result<AccountName, BadValue> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    if user.is_empty() || group.is_some_and(|group| group.is_empty() || group.contains(':')) {
        let fix = "give a user, or a user and a group, as in www-data or nobody:nogroup";
        return Err(BadValue::new("this is no user", fix));
    }
    Ok(AccountName { user: user.to_owned(), group: group.map(str::to_owned) })
}

fn sandbox(text: &str) -> Result<SandboxPolicy, BadValue> {
    values::choose(text, &SandboxPolicy::ALL)
}
