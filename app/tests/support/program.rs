//! Other programs.

use std::env;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::Site;

/// Where a program is; says so if the test cannot run without it.
pub fn program(name: &str, package: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|directory| directory.join(name)).find(|path| path.is_file());
    if found.is_none() {
        skipped(&format!("needs {name} (Debian package {package})"));
    }
    found
}

/// `unshare` with these options, as in `-m`, if this user may do that; says so if not.
pub fn unshare(options: &[&str]) -> Option<Command> {
    let program = program("unshare", "util-linux")?;
    let begin = || {
        let mut command = Command::new(&program);
        command.args(options);
        without_own_variables(&mut command);
        command
    };
    let may = begin().arg("true").output().is_ok_and(|output| output.status.success());
    if !may {
        skipped(&format!("needs to be allowed `unshare {}`", options.join(" ")));
    }
    may.then(begin)
}

/// Past the test harness, which keeps the words of a test that passes to itself.
pub fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("test").to_owned();
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}

/// Whether the tests may become another user.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// `sh -c` with the server's path in `$0` and `arguments` in `$@`.
pub fn shell(script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script).arg(super::binary()).args(arguments).stdin(Stdio::null());
    without_own_variables(&mut command);
    command
}

/// The server run as a user without privileges: this one, or where this one is root one that owns nothing, and whose
/// limits nobody shares. `start` is what the shell
/// does with the server's command line, `exec` at the least.
pub fn as_ordinary_user(scratch: &Site, start: &str, root: &Path) -> Command {
    let script = format!("{start} \"$0\" \"$@\"");
    if !is_root() {
        let mut command = shell(&script, &[]);
        command.arg(root).args(OPTIONS);
        return command;
    }
    // Where it may reach the binary, whatever the permissions above the build's folder.
    let copy = scratch.join(".selvedge");
    if !copy.exists() {
        std::fs::copy(super::binary(), &copy).expect("the binary can be copied");
    }
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script]).arg(copy).arg(root).args(OPTIONS).stdin(Stdio::null());
    let user = stranger();
    command.current_dir("/").uid(user).gid(user);
    without_own_variables(&mut command);
    command
}

const OPTIONS: [&str; 6] = ["-p", "0", "-a", "127.0.0.1", "-j", "2"];

/// A user for one server: locked memory is counted per user. Within what a container's users usually are.
fn stranger() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    40_000 + (std::process::id() * 8 + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000
}

/// No variable of the developer's own shell speaks to the server.
pub fn without_own_variables(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name == "PORT" || name.as_encoded_bytes().starts_with(b"SELVEDGE_") {
            command.env_remove(name);
        }
    }
}
