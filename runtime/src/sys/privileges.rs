//! What a process may do, given up for good before its first thread starts: on Linux these rights belong to threads, and a
//! thread begins with those of the one that started it (credentials(7), capabilities(7)).

use std::fs;
use std::io;

use rustix::process::{DumpableBehavior, Gid, Resource, Rlimit, Uid, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::account::Account;

/// The capabilities that a process has left.
///
/// ```no_run
/// use selvedge_runtime::process::{CapabilitiesLeft, drop_privileges};
///
/// # fn main() -> std::io::Result<()> {
/// match drop_privileges(None)? {
///     CapabilitiesLeft::None => println!("no capabilities"),
///     CapabilitiesLeft::IpcLock => println!("no capabilities but that to lock memory"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapabilitiesLeft {
    /// None.
    None,
    /// That to lock memory (CAP_IPC_LOCK), which rings and their buffers need.
    IpcLock,
}

/// Whether this process may become another user: it has CAP_SETUID and CAP_SETGID, as root has unless they were taken from it.
/// A user namespace may still have no such user (user_namespaces(7)), which [`drop_privileges`] finds out.
pub fn may_change_user() -> bool {
    let needed = CapabilitySet::SETUID | CapabilitySet::SETGID;
    rustix::thread::capabilities(None).is_ok_and(|held| held.effective.contains(needed))
}

/// Becomes `account`, if there is one, in the real, effective and saved places, with its groups; gives up all capabilities
/// (permitted, effective, inheritable, ambient, and with CAP_SETPCAP the bounding set; without it only
/// [`forbid_new_privileges`] bounds what a program that is executed can get); and tries the way back, which
/// must be closed. To be called before the first thread is started, and after all that needs the rights.
///
/// Who becomes another user can no longer be traced by others of that user and leaves no core file (PR_SET_DUMPABLE): in
/// memory may be what only root may read.
///
/// Rings and their buffers are locked memory. Who could lock it without limit (CAP_IPC_LOCK) gets no limit instead; where that
/// is refused (without CAP_SYS_RESOURCE), the capability stays, unless there is an `account`.
///
/// # Errors
/// Those of setgroups(2), setresgid(2), setresuid(2), capset(2) and prctl(2); `ResourceBusy` where there are other threads;
/// `Other` where the rights could be had again. A process must not go on after any of them.
pub fn drop_privileges(account: Option<&Account>) -> io::Result<CapabilitiesLeft> {
    check_single_thread()?;
    // Known from now on: before Linux 6.4 it is read from /proc/self/auxv, which is root's once nobody may trace this process.
    super::page_size_bytes();
    let held = rustix::thread::capabilities(None)?.effective;
    let unlimited = Rlimit { current: None, maximum: None };
    let is_limited =
        held.contains(CapabilitySet::IPC_LOCK) && setrlimit(Resource::Memlock, unlimited).is_err();
    let left = match account {
        None if is_limited => CapabilitiesLeft::IpcLock,
        _ => CapabilitiesLeft::None,
    };
    if held.contains(CapabilitySet::SETPCAP) {
        empty_bounding_set()?;
    }
    if let Some(account) = account {
        become_account(account)?;
    }
    rustix::thread::clear_ambient_capability_set()?;
    let kept = match left {
        CapabilitiesLeft::None => CapabilitySet::empty(),
        CapabilitiesLeft::IpcLock => CapabilitySet::IPC_LOCK,
    };
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets)?;
    check_way_back(account, kept)?;
    Ok(left)
}

/// Programs that this process may execute from now on get no more rights than it has, setuid or not (PR_SET_NO_NEW_PRIVS).
/// Landlock asks for it where there is no CAP_SYS_ADMIN.
///
/// # Errors
/// Those of prctl(2).
pub fn forbid_new_privileges() -> io::Result<()> {
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// The calls below change the calling thread alone.
fn check_single_thread() -> io::Result<()> {
    match fs::read_dir("/proc/self/task")?.count() {
        1 => Ok(()),
        threads => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            format!("{threads} threads run already, and each would keep its rights"),
        )),
    }
}

fn empty_bounding_set() -> io::Result<()> {
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        // An error: the kernel has none of that number (PR_CAPBSET_READ).
        if rustix::thread::capability_is_in_bounding_set(capability) == Ok(true) {
            rustix::thread::remove_capability_from_bounding_set(capability)?;
        }
    }
    Ok(())
}

fn become_account(account: &Account) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(account.user), Gid::from_raw(account.group));
    let groups: Vec<_> = account.groups.iter().map(|&group| Gid::from_raw(group)).collect();
    // The user last: it is root who may do the rest.
    rustix::thread::set_thread_groups(&groups)?;
    rustix::thread::set_thread_res_gid(group, group, group)?;
    rustix::thread::set_thread_res_uid(user, user, user)?;
    Ok(rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

fn check_way_back(account: Option<&Account>, kept: CapabilitySet) -> io::Result<()> {
    let held = rustix::thread::capabilities(None)?;
    let is_root_again = account.is_some_and(|account| {
        account.user != 0 && rustix::thread::set_thread_res_uid(None, Uid::ROOT, None).is_ok()
    });
    if is_root_again || held.permitted != kept {
        return Err(io::Error::other("the rights could be had again"));
    }
    Ok(())
}
