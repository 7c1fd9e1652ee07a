//! Hashed passwords in the forms of crypt(5) that are taken, and why the others are not.

use std::fmt;

use bcrypt::HashParts;
use sha_crypt::{PasswordVerifier, ShaCrypt};
use subtle::ConstantTimeEq;

use super::apr1::apr1;

/// The characters of salts and digests.
pub(super) const CRYPT_ALPHABET: &[u8; 64] =
    b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Highest cost of bcrypt: each step doubles the time, and this one is about 2 s.
const BCRYPT_COST_MAX: u32 = 15;

/// Most rounds of SHA-crypt, about 2 s.
const SHA_CRYPT_ROUNDS_MAX: u32 = 2_000_000;

/// Longest salts of their forms (crypt(5)).
const SHA_CRYPT_SALT_BYTES_MAX: usize = 16;
const APR1_SALT_BYTES_MAX: usize = 8;

/// What makes a hash that is taken.
const FIX: &str = "make it anew with `htpasswd -B FILE USER`";

/// Why a hash is not taken, and what helps. Without a word of the hash itself: it may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadHash {
    /// What is wrong, without the closing stop.
    pub(super) what: String,
    /// How to mend it, as an imperative.
    pub(super) fix: String,
}

impl BadHash {
    fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }
}

/// A hashed password. It was looked at closely enough to be computed, within a bounded time.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum PasswordHash {
    /// `$2y$`, `$2a$`, `$2b$`.
    Bcrypt(Box<str>),
    /// `$5$`, `$6$`.
    ShaCrypt(Box<str>),
    /// `$apr1$`.
    Apr1 { salt: Box<[u8]>, digest: [u8; 22] },
}

impl PasswordHash {
    /// Reads a hash.
    ///
    /// # Errors
    /// Why it is not taken.
    pub(super) fn parse(text: &str) -> Result<Self, BadHash> {
        match text.split('$').nth(1).unwrap_or_default() {
            "2a" | "2b" | "2y" if text.starts_with('$') => parse_bcrypt(text),
            "5" if text.starts_with('$') => parse_sha_crypt(text, 43),
            "6" if text.starts_with('$') => parse_sha_crypt(text, 86),
            "apr1" if text.starts_with('$') => parse_apr1(text),
            _ => Err(BadHash::new(other_form(text), FIX)),
        }
    }

    /// Whether it is that of `password`; takes as long for one as for the other.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        match self {
            // Neither fails: their hashes were parsed.
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Self::ShaCrypt(hash) => ShaCrypt::default().verify_password(password, &**hash).is_ok(),
            Self::Apr1 { salt, digest } => apr1(password, salt).ct_eq(digest).into(),
        }
    }
}

impl fmt::Debug for PasswordHash {
    /// Its form alone: a hash is nothing for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bcrypt(_) => "Bcrypt",
            Self::ShaCrypt(_) => "ShaCrypt",
            Self::Apr1 { .. } => "Apr1",
        })
    }
}

fn parse_bcrypt(text: &str) -> Result<PasswordHash, BadHash> {
    let parts: HashParts =
        text.parse().map_err(|_| BadHash::new("the bcrypt hash is cut or damaged", FIX))?;
    match parts.get_cost() {
        ..4 => Err(BadHash::new("the bcrypt hash has a cost below 4", FIX)),
        cost if cost > BCRYPT_COST_MAX => Err(BadHash::new(
            format!("a cost of {cost} takes minutes or hours for every look at a password"),
            format!(
                "make the hash anew with `htpasswd -B -C 10 FILE USER`; {BCRYPT_COST_MAX} is the highest cost"
            ),
        )),
        _ => Ok(PasswordHash::Bcrypt(text.into())),
    }
}

/// `$5$[rounds=N$]SALT$DIGEST`, with a digest of so many characters.
fn parse_sha_crypt(text: &str, digest_bytes: usize) -> Result<PasswordHash, BadHash> {
    let damaged = || BadHash::new("the SHA-crypt hash is cut or damaged", FIX);
    let mut rest = text.strip_prefix("$5$").or_else(|| text.strip_prefix("$6$")).ok_or_else(damaged)?;
    if let Some(after) = rest.strip_prefix("rounds=") {
        let (rounds, after) = after.split_once('$').ok_or_else(damaged)?;
        let rounds: u32 = rounds.parse().map_err(|_| damaged())?;
        if !(1_000..=SHA_CRYPT_ROUNDS_MAX).contains(&rounds) {
            return Err(BadHash::new(
                format!("{rounds} rounds are not from 1000 to {SHA_CRYPT_ROUNDS_MAX}"),
                "make the hash anew with `htpasswd -2 FILE USER`",
            ));
        }
        rest = after;
    }
    let (salt, digest) = rest.split_once('$').ok_or_else(damaged)?;
    let well_formed = (1..=SHA_CRYPT_SALT_BYTES_MAX).contains(&salt.len())
        && is_of_alphabet(salt)
        && digest.len() == digest_bytes
        && is_of_alphabet(digest);
    if well_formed { Ok(PasswordHash::ShaCrypt(text.into())) } else { Err(damaged()) }
}

/// `$apr1$SALT$DIGEST`.
fn parse_apr1(text: &str) -> Result<PasswordHash, BadHash> {
    let damaged = || BadHash::new("the apr1 hash is cut or damaged", FIX);
    let (salt, digest) =
        text.strip_prefix("$apr1$").and_then(|rest| rest.split_once('$')).ok_or_else(damaged)?;
    let well_formed = salt.len() <= APR1_SALT_BYTES_MAX && is_of_alphabet(salt) && is_of_alphabet(digest);
    let digest = digest.as_bytes().try_into().ok().filter(|_| well_formed).ok_or_else(damaged)?;
    Ok(PasswordHash::Apr1 { salt: salt.as_bytes().into(), digest })
}

fn is_of_alphabet(text: &str) -> bool {
    text.bytes().all(|byte| CRYPT_ALPHABET.contains(&byte))
}

/// What a hash is that is not taken, as far as its looks tell.
fn other_form(text: &str) -> &'static str {
    if text.is_empty() {
        "there is no password behind the user's name"
    } else if text.starts_with("{SHA}") {
        "the hash is SHA-1 without salt ({SHA}), which is guessed in no time"
    } else if text.starts_with('{') {
        "the hash is of an LDAP form, which is not known here"
    } else if text.starts_with("$1$") {
        "the hash is of the system's MD5 form ($1$)"
    } else if text.starts_with('$') {
        "the hash is of a form that is not known here (bcrypt, SHA-crypt and apr1 are)"
    } else if text.len() == 13 && is_of_alphabet(text) {
        "the hash is DES crypt, which looks at 8 characters and is guessed in no time"
    } else {
        "the password is not hashed"
    }
}

#[cfg(test)]
mod tests;
