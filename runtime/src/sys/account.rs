//! Whom a server becomes once it has bound its ports. In: a user and a group, by name or number. Out: the numbers.

use std::ffi::CString;
use std::fmt;
use std::io;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

/// A user with its groups, as the system's databases have them (passwd(5), group(5), or what nsswitch.conf(5) names).
///
/// ```
/// use selvedge_runtime::process::{Account, AccountError};
///
/// let account = Account::find("40000", Some("40001"))?;
/// assert_eq!((account.user, account.group), (40_000, 40_001));
///
/// let unknown = Account::find("nobody-of-that-name", None).unwrap_err();
/// assert_eq!(unknown.to_string(), "there is no user 'nobody-of-that-name'; name one of /etc/passwd, or a number");
/// # Ok::<(), AccountError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub user: u32,
    /// The number of its group.
    pub group: u32,
    /// The numbers of all groups it is in, `group` among them: at most NGROUPS_MAX (65,536).
    pub groups: Vec<u32>,
}

/// An [`Account`] that cannot be found. Its text is one line: what is wrong, then what to do.
///
/// ```
/// use selvedge_runtime::process::{Account, AccountError};
///
/// let error = Account::find("0", Some("no-such-group")).unwrap_err();
/// assert!(matches!(error, AccountError::UnknownGroup(name) if name == "no-such-group"));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum AccountError {
    /// No user has that name, and it is no number of one.
    UnknownUser(String),
    /// No group has that name, and it is no number of one.
    UnknownGroup(String),
    /// A number of a user that is in no database, so that nobody can tell its group.
    GroupNeeded(String),
    /// A database cannot be read.
    Databases(io::Error),
}

impl Account {
    /// Finds the user of this name, or else of this number; in the given group, or else in its own. The groups it is in
    /// beside that are those of the databases, as with initgroups(3). Two numbers need no database that can be read.
    ///
    /// # Errors
    /// Why there is no such account.
    pub fn find(user: &str, group: Option<&str>) -> Result<Self, AccountError> {
        let entry = match find_user(user) {
            // In a container there may be none.
            Err(AccountError::Databases(_)) if number(user).is_some() && group.is_some() => None,
            found => found?,
        };
        let group = match (group, &entry) {
            (Some(group), _) => find_group(group)?,
            (None, Some(entry)) => entry.gid,
            (None, None) => return Err(AccountError::GroupNeeded(user.to_owned())),
        };
        let groups = match &entry {
            Some(entry) => {
                let name = CString::new(entry.name.clone()).expect("a name of a database has no NUL");
                getgrouplist(&name, group).map_err(databases)?
            }
            None => vec![group],
        };
        let user = entry.map(|entry| entry.uid.as_raw()).or_else(|| number(user));
        Ok(Self {
            user: user.expect("it has an entry or is a number"),
            group: group.as_raw(),
            groups: groups.into_iter().map(Gid::as_raw).collect(),
        })
    }
}

/// The entry of this name or number; `None` for a number without one.
fn find_user(user: &str) -> Result<Option<User>, AccountError> {
    if let Some(entry) = User::from_name(user).map_err(databases)? {
        return Ok(Some(entry));
    }
    match number(user) {
        Some(number) => User::from_uid(Uid::from_raw(number)).map_err(databases),
        None => Err(AccountError::UnknownUser(user.to_owned())),
    }
}

fn find_group(group: &str) -> Result<Gid, AccountError> {
    match (Group::from_name(group), number(group)) {
        (Ok(Some(entry)), _) => Ok(entry.gid),
        (_, Some(number)) => Ok(Gid::from_raw(number)),
        (Ok(None), None) => Err(AccountError::UnknownGroup(group.to_owned())),
        (Err(error), None) => Err(databases(error)),
    }
}

/// Digits alone; the largest number means "leave it as it is" to setresuid(2), and is nobody's.
fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&number| is_number && number != u32::MAX)
}

fn databases(error: nix::errno::Errno) -> AccountError {
    AccountError::Databases(error.into())
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownUser(name) => {
                write!(f, "there is no user '{name}'; name one of /etc/passwd, or a number")
            }
            Self::UnknownGroup(name) => {
                write!(f, "there is no group '{name}'; name one of /etc/group, or a number")
            }
            Self::GroupNeeded(number) => {
                write!(
                    f,
                    "user {number} has no entry in /etc/passwd; say its group too, as in {number}:{number}"
                )
            }
            Self::Databases(error) => {
                write!(f, "users and groups cannot be looked up: {error}; give numbers, as in 33:33")
            }
        }
    }
}

impl std::error::Error for AccountError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Databases(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name_and_by_number_with_its_groups() {
        let root = Account::find("root", None).unwrap();
        assert_eq!((root.user, root.group), (0, 0));
        assert!(root.groups.contains(&0), "{root:?}");
        assert_eq!(Account::find("0", None).unwrap(), root);
        let other_group = Account::find("root", Some("40001")).unwrap();
        assert!(other_group.group == 40_001 && other_group.groups.contains(&40_001), "{other_group:?}");
    }

    #[test]
    fn a_number_without_an_entry_needs_its_group() {
        let error = Account::find("3999999999", None).unwrap_err().to_string();
        assert!(error.contains("say its group too, as in 3999999999:3999999999"), "{error}");
        let account = Account::find("3999999999", Some("7")).unwrap();
        assert_eq!((account.user, account.group, account.groups), (3_999_999_999, 7, vec![7]));
    }

    #[test]
    fn what_is_neither_a_name_nor_a_number_is_refused() {
        // The last but one is -1, which would change nothing.
        for user in ["no such user", "", "-1", "+1", "1e3", "4294967295", "4294967296"] {
            let error = Account::find(user, Some("0")).unwrap_err();
            assert!(matches!(error, AccountError::UnknownUser(_)), "{user}: {error:?}");
            let error = Account::find("0", Some(user)).unwrap_err();
            assert!(matches!(error, AccountError::UnknownGroup(_)), "{user}: {error:?}");
        }
    }
}
