//! Other programs.

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where a program is; says so if the test cannot run without it.
pub fn program(name: &str, package: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|directory| directory.join(name)).find(|path| path.is_file());
    if found.is_none() {
        skipped(&format!("needs {name} (Debian package {package})"));
    }
    found
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

/// No variable of the developer's own shell speaks to the server.
pub fn without_own_variables(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name == "PORT" || name.as_encoded_bytes().starts_with(b"SELVEDGE_") {
            command.env_remove(name);
        }
    }
}
