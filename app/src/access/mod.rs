//! Who may read: step 5 of a request's walk, before its path is looked at. In: a request. Out: nothing where it goes on,
//! else the refusal. Next: [`crate::site`].
//!
//! [`AccessRules`] are read once, at the start, and shared by all workers, who only read them. What a worker remembers of
//! passwords is in its [`Access`].

mod address_rules;
mod apr1;
mod credentials;
mod password_file;
mod password_hash;
mod sign_in;

pub use address_rules::AddressRules;
pub use password_file::{BadPasswordFile, Users};

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use http::{HeaderValue, StatusCode, header};
use selvedge_http::h1::KnownField;
use selvedge_http::{Body, Request, Response, ResponseHead};
use selvedge_runtime::process;

use self::sign_in::{SignIn, SignIns, Verifications};
use crate::config::Config;
use crate::failure::Failure;

/// What a client without a valid password is asked for (RFC 7617 section 2). The realm is the same for every site: a name of
/// its own would tell strangers something.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"restricted\", charset=\"UTF-8\"");

/// When to come again while as many passwords are checked as can be.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");

/// Most bytes of a password file.
const PASSWORD_FILE_BYTES_MAX: usize = 1024 * 1024;

/// The rules of a site, for all workers.
#[derive(Debug)]
pub struct AccessRules {
    addresses: AddressRules,
    passwords: Option<Passwords>,
}

/// Users, and what all workers share to check them.
struct Passwords {
    users: Arc<Users>,
    /// Of the keyed hash under which workers remember passwords; made by the first of them.
    key: OnceLock<[u8; 32]>,
    verifications: Verifications,
}

impl fmt::Debug for Passwords {
    /// Without the key, which is nothing for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("users", &self.users).finish_non_exhaustive()
    }
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
            Some(path) => Some(Passwords {
                users: Arc::new(read_users(path, config)?),
                key: OnceLock::new(),
                verifications: Verifications::default(),
            }),
        };
        let open = addresses.are_empty() && passwords.is_none();
        Ok((!open).then(|| Arc::new(Self { addresses, passwords })))
    }
}

/// Reads a password file, which may not be one of those that are served.
fn read_users(path: &Path, config: &Config) -> Result<Users, Failure> {
    let unreadable = |error| Failure::password_file(path, &error);
    let mounts = config.site.mounts.iter().map(|mount| mount.directory.as_path());
    for place in mounts.chain([config.root.as_path()]) {
        if process::is_within(path, place).map_err(unreadable)? {
            return Err(Failure::password_file_served(path, place));
        }
    }
    let text = process::read_file(path, PASSWORD_FILE_BYTES_MAX).map_err(unreadable)?;
    Users::parse(&text).map_err(|bad| Failure::password_line(path, &bad))
}

/// The rules on one worker.
#[derive(Debug)]
pub struct Access {
    rules: Arc<AccessRules>,
    sign_ins: Option<SignIns>,
}

impl Access {
    /// The rules, with nothing remembered.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn new(rules: &Arc<AccessRules>) -> Self {
        let sign_ins = rules.passwords.as_ref().map(|passwords| {
            let key = passwords.key.get_or_init(random_key);
            SignIns::new(&passwords.users, key, passwords.verifications.clone())
        });
        Self { rules: Arc::clone(rules), sign_ins }
    }

    /// The answer to a client who may not read; `None` where the request goes on. Both address and password must be right.
    pub async fn refusal(&self, request: &Request<'_>) -> Option<Response> {
        if !self.rules.addresses.permit(request) {
            return Some(Response::error(StatusCode::FORBIDDEN, ""));
        }
        let sign_ins = self.sign_ins.as_ref()?;
        let sign_in = match sign_ins.look_up(request.field(KnownField::Authorization)) {
            Ok(sign_in) => sign_in,
            // Boxed, so that requests that need no check have no room for one.
            Err(unverified) => Box::pin(sign_ins.verify(unverified)).await,
        };
        match sign_in {
            SignIn::Accepted => None,
            SignIn::Refused => Some(error(StatusCode::UNAUTHORIZED, header::WWW_AUTHENTICATE, CHALLENGE)),
            SignIn::Busy => Some(error(StatusCode::SERVICE_UNAVAILABLE, header::RETRY_AFTER, RETRY_AFTER_S)),
        }
    }
}

fn random_key() -> [u8; 32] {
    let halves = [selvedge_runtime::random_bits(), selvedge_runtime::random_bits()];
    let mut key = [0; 32];
    for (place, half) in key.chunks_exact_mut(16).zip(halves) {
        place.copy_from_slice(&half.to_ne_bytes());
    }
    key
}

/// An error with a field of its own.
fn error(status: StatusCode, name: http::HeaderName, value: HeaderValue) -> Response {
    let head = ResponseHead {
        content_type: Some("text/plain; charset=utf-8"),
        fields: vec![(name, value)],
        ..ResponseHead::new(status)
    };
    Response::new(head, Body::Error { reason: "" })
}
