//! Who may read: step 5 of a request's walk, before its path is looked at. In: a request. Out: nothing where it goes on,
//! else the refusal. Next: [`crate::site`]. Both address and password must be right.
//!
//! [`AccessRules`] are read once, at the start, and shared by all workers, who only read them. What a worker remembers of
//! passwords is in its [`Access`].

use std::path::Path;
use std::sync::Arc;

use selvedge_http::middleware::{AddressRules, BasicAuthGate, PasswordFile, SignIns};
use selvedge_http::{Request, Response};
use selvedge_runtime::process;

use crate::config::Config;
use crate::failure::Failure;

/// The realm is the same for every site: a name of its own would tell strangers something.
const REALM: &str = "restricted";

/// Most bytes of a password file.
const PASSWORD_FILE_BYTES_MAX: usize = 1024 * 1024;

/// The rules of a site, for all workers.
#[derive(Debug)]
pub struct AccessRules {
    addresses: AddressRules,
    passwords: Option<PasswordFile>,
}

impl AccessRules {
    /// The rules that the configuration asks for, with the password file read; `None` where everybody may read.
    ///
    /// # Errors
    /// What is wrong with the password file, and how to mend it.
    pub fn load(config: &Config) -> Result<Option<Arc<Self>>, Failure> {
        let addresses = AddressRules {
            allow: config.allow.clone(),
            deny: config.deny.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
        };
        let passwords = match &config.auth_file {
            None => None,
            Some(path) => Some(read_passwords(path, config)?),
        };
        let open = addresses.are_empty() && passwords.is_none();
        Ok((!open).then(|| Arc::new(Self { addresses, passwords })))
    }
}

/// Reads a password file, which may not be one of those that are served.
fn read_passwords(path: &Path, config: &Config) -> Result<PasswordFile, Failure> {
    let unreadable = |error| Failure::password_file(path, &error);
    for place in config.served_places() {
        if process::is_within(path, place).map_err(unreadable)? {
            return Err(Failure::password_file_served(path, place));
        }
    }
    let text = process::read_file(path, PASSWORD_FILE_BYTES_MAX).map_err(unreadable)?;
    PasswordFile::parse(&text).map_err(|bad| Failure::password_line(path, &bad))
}

/// The rules on one worker.
#[derive(Debug)]
pub struct Access {
    rules: Arc<AccessRules>,
    gate: Option<BasicAuthGate<SignIns>>,
}

impl Access {
    /// The rules, with nothing remembered.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn new(rules: &Arc<AccessRules>) -> Self {
        let gate = rules.passwords.as_ref().map(|file| BasicAuthGate::new(REALM, file.sign_ins()));
        Self { rules: Arc::clone(rules), gate }
    }

    /// Whether a password is needed to read.
    pub fn asks_for_passwords(&self) -> bool {
        self.gate.is_some()
    }

    /// Whether the client may read by its address.
    pub fn permits_address(&self, request: &Request<'_>) -> bool {
        self.rules.addresses.permit(request)
    }

    /// The answer to a client who may not read for want of a password; `None` where the request goes on.
    pub async fn refusal(&self, request: &Request<'_>) -> Option<Response> {
        self.gate.as_ref()?.refusal(request).await
    }
}
