//! Password files as htpasswd(1) writes them: `USER:HASH` on each line, `#` before a comment.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::credentials::{PASSWORD_BYTES_MAX, USER_BYTES_MAX};
use super::password_hash::{BadHash, PasswordHash};
use super::sign_in::{SignIns, Verifications};

/// Most users of one file.
const USERS_MAX: usize = 10_000;

/// The users of a password file, and what all workers share to check their passwords. A clone is the same file.
///
/// Hashes may be of bcrypt, SHA-crypt and apr1. A check that is slower than some 2 s by its own cost is not taken, nor more
/// than 10,000 users. The text is read once: for another one the server starts anew.
///
/// ```
/// use selvedge_http::middleware::{PasswordFile, basic_auth};
/// use selvedge_http::{Application, Request};
///
/// # fn main() -> Result<(), selvedge_http::middleware::BadPasswordFile> {
/// async fn secrets(_: Request<'_>) -> &'static str {
///     "the password was right"
/// }
///
/// // Once, before the workers are started; `htpasswd -B` has made it.
/// let file = PasswordFile::parse(b"al:$2y$04$NBzEtW3Wrb/zTIUMaiIAtu9n1/w.lEcLpjKfKTxO/3ghf1pPWK98q")?;
/// // On each worker.
/// let factory = move || secrets.with(basic_auth("secrets", file.sign_ins()));
/// # drop(factory);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PasswordFile {
    users: Arc<Users>,
    /// Of the keyed hash under which workers remember passwords; made by the first of them.
    key: Arc<OnceLock<[u8; 32]>>,
    verifications: Verifications,
}

impl PasswordFile {
    /// Reads a file's text.
    ///
    /// # Errors
    /// The first line that is not taken; too many users, or none.
    pub fn parse(text: &[u8]) -> Result<Self, BadPasswordFile> {
        Ok(Self {
            users: Arc::new(Users::parse(text)?),
            key: Arc::default(),
            verifications: Verifications::default(),
        })
    }

    /// What one worker knows of passwords, nothing yet: the [`Authenticator`](super::Authenticator) for
    /// [`basic_auth`](super::basic_auth).
    ///
    /// # Panics
    /// Outside a worker.
    pub fn sign_ins(&self) -> SignIns {
        SignIns::new(&self.users, self.key.get_or_init(random_key), self.verifications.clone())
    }
}

impl fmt::Debug for PasswordFile {
    /// Without the key, which is nothing for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordFile").field("users", &self.users).finish_non_exhaustive()
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

/// Those who may sign in.
pub(super) struct Users {
    /// In the order of their names; at least one.
    entries: Box<[User]>,
}

struct User {
    name: Box<[u8]>,
    hash: PasswordHash,
}

impl fmt::Debug for Users {
    /// How many: names are nothing for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("count", &self.entries.len()).finish_non_exhaustive()
    }
}

/// A file that is not taken: the line at fault, if it is one line, and what is wrong there.
///
/// ```
/// use selvedge_http::middleware::PasswordFile;
///
/// let bad = PasswordFile::parse(b"# staff\nbob:hunter2").unwrap_err();
/// assert_eq!(
///     bad.to_string(),
///     "line 2: user 'bob': the password is not hashed; make it anew with `htpasswd -B FILE USER`"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPasswordFile {
    /// Counted from 1; `None` where the whole file is meant.
    pub line: Option<usize>,
    /// What is wrong, without the closing stop.
    pub what: String,
    /// How to mend it, as an imperative.
    pub fix: String,
}

impl BadPasswordFile {
    fn new(line: Option<usize>, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { line, what: what.into(), fix: fix.into() }
    }
}

impl fmt::Display for BadPasswordFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{}; {}", self.what, self.fix)
    }
}

impl Error for BadPasswordFile {}

impl Users {
    pub(super) fn parse(text: &[u8]) -> Result<Self, BadPasswordFile> {
        let mut entries: Vec<(usize, User)> = Vec::new();
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let number = index + 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.starts_with(b"#") || line.trim_ascii().is_empty() {
                continue;
            }
            entries.push((number, parse_line(line, number)?));
            if entries.len() > USERS_MAX {
                let what = format!("there are more than {USERS_MAX} users");
                return Err(BadPasswordFile::new(Some(number), what, "leave some out"));
            }
        }
        entries.sort_by(|one, other| one.1.name.cmp(&other.1.name));
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].1.name == pair[1].1.name) {
            let name = String::from_utf8_lossy(&pair[0].1.name);
            let what = format!("user '{name}' is there for the second time");
            return Err(BadPasswordFile::new(Some(pair[1].0), what, "leave one line out"));
        }
        if entries.is_empty() {
            let fix = "add one with `htpasswd -B FILE USER`";
            return Err(BadPasswordFile::new(None, "there is no user in it", fix));
        }
        Ok(Self { entries: entries.into_iter().map(|(_, user)| user).collect() })
    }

    /// Whether this is a user's password. Takes its time. For a name that nobody has it takes as long as for the user at
    /// `stand_in`, taken by the number of users: a number that is the same whenever that name comes makes the name look like
    /// one that somebody has.
    pub(super) fn verify(&self, name: &[u8], password: &[u8], stand_in: u64) -> bool {
        let found = self.entries.binary_search_by(|user| (*user.name).cmp(name));
        let at = found.unwrap_or((stand_in % self.entries.len() as u64) as usize);
        let matches = self.entries[at].hash.verify(password);
        found.is_ok() && matches
    }
}

/// `USER:HASH`, and perhaps `:` and words that nobody reads.
fn parse_line(line: &[u8], number: usize) -> Result<User, BadPasswordFile> {
    let mut parts = line.split(|&byte| byte == b':');
    let name = parts.next().unwrap_or_default();
    let Some(hash) = parts.next() else {
        let what = "there is no colon between a user and a hash";
        return Err(BadPasswordFile::new(Some(number), what, "write USER:HASH, or # before a comment"));
    };
    if name.is_empty() || name.len() > USER_BYTES_MAX || name.iter().any(u8::is_ascii_control) {
        let what = format!(
            "the user's name is empty, longer than {USER_BYTES_MAX} bytes, or holds a control character"
        );
        return Err(BadPasswordFile::new(Some(number), what, "give another name"));
    }
    let hash = std::str::from_utf8(hash).unwrap_or("not hashed").trim_ascii_end();
    let hash = PasswordHash::parse(hash).map_err(|BadHash { what, fix }| {
        let what = format!("user '{}': {what}", String::from_utf8_lossy(name));
        BadPasswordFile::new(Some(number), what, fix)
    })?;
    Ok(User { name: name.into(), hash })
}

/// No password of a client is longer than what htpasswd(1) takes.
const _: () = assert!(PASSWORD_BYTES_MAX == 255);

#[cfg(test)]
mod tests {
    use super::*;

    /// "secret", each.
    const BCRYPT: &str = "$2y$04$NBzEtW3Wrb/zTIUMaiIAtu9n1/w.lEcLpjKfKTxO/3ghf1pPWK98q";
    const APR1: &str = "$apr1$BhbxCujg$zYmbLyvEM92NOuTccTh.x/";

    fn refused(text: &str) -> (Option<usize>, String) {
        let bad = Users::parse(text.as_bytes()).unwrap_err();
        (bad.line, format!("{}; {}", bad.what, bad.fix))
    }

    #[test]
    fn users_stand_among_comments_and_empty_lines() {
        let text = format!("# staff\n\nbob:{BCRYPT}\r\n \t\nal:{APR1}:Alice, room 4\n#x:y\nzoë b:{APR1} \n");
        let users = Users::parse(text.as_bytes()).unwrap();
        for name in ["bob", "al", "zoë b"] {
            assert!(users.verify(name.as_bytes(), b"secret", 0), "{name}");
            assert!(!users.verify(name.as_bytes(), b"wrong", 0), "{name}");
        }
    }

    #[test]
    fn a_name_that_nobody_has_is_refused_with_everybody_s_password() {
        let users = Users::parse(format!("a:{APR1}\nc:{BCRYPT}").as_bytes()).unwrap();
        for stand_in in [0, 1, 2, u64::MAX] {
            for name in [&b"b"[..], b"", b"A", b"a ", b"d", b"#"] {
                assert!(!users.verify(name, b"secret", stand_in), "{name:?}");
            }
        }
    }

    #[test]
    fn a_bad_line_is_told_by_its_number() {
        for (line, what) in [
            ("bob", "there is no colon"),
            (":x", "the user's name is empty"),
            ("b\tb:x", "holds a control character"),
            ("bob:hunter2", "user 'bob': the password is not hashed"),
            ("bob:", "user 'bob': there is no password"),
            ("bob:{SHA}oPFJCiDQIRyZe0S8NX4Zct6riuM=", "user 'bob': the hash is SHA-1"),
        ] {
            let (number, message) = refused(&format!("# x\na:{APR1}\n\n{line}\n"));
            assert_eq!(number, Some(4), "{line}");
            assert!(message.contains(what) && message.contains("; "), "{message}");
            assert!(!message.contains("hunter2"));
        }
        assert_eq!(refused(&format!("{}:{APR1}", "n".repeat(256))).0, Some(1));
        assert!(Users::parse(format!("{}:{APR1}", "n".repeat(255)).as_bytes()).is_ok());
    }

    #[test]
    fn a_user_who_is_there_twice_is_told_by_the_second_line() {
        let (number, message) = refused(&format!("b:{APR1}\na:{APR1}\nb:{BCRYPT}\n"));
        assert_eq!(number, Some(3));
        assert!(message.starts_with("user 'b' is there for the second time; "), "{message}");
    }

    #[test]
    fn no_user_and_too_many_users_are_refused() {
        for text in ["", "\n\n", "# nobody\n"] {
            assert!(refused(text).1.starts_with("there is no user in it; add one"));
        }
        let many: String = (0..=USERS_MAX).map(|number| format!("u{number}:{APR1}\n")).collect();
        assert_eq!(refused(&many).0, Some(USERS_MAX + 1));
        let (_, as_many_as_may_be) = many.split_once('\n').unwrap();
        assert!(Users::parse(as_many_as_may_be.as_bytes()).is_ok());
    }
}
