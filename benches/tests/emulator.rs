//! The command `benches/emulator/run` where the emulated machine's kernel cannot be had. Out: it says so, and ends with 77.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test is an ordinary program")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

#[test]
fn without_the_kernel_s_package_it_skips_and_says_so() {
    let scratch = std::env::temp_dir().join(format!("selvedge-emulator-{}", std::process::id()));
    let programs = scratch.join("bin");
    fs::create_dir_all(&programs).unwrap();
    // As apt-cache ends where it knows no such package. The others are only looked for.
    for (name, status) in [("apt-cache", 100), ("qemu-system-x86_64", 0), ("strip", 0), ("dpkg-deb", 0)] {
        let program = programs.join(name);
        fs::write(&program, format!("#!/bin/sh\nexit {status}\n")).unwrap();
        fs::set_permissions(program, Permissions::from_mode(0o755)).unwrap();
    }
    let path = std::env::join_paths(
        [programs].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("emulator/run");
    let mut command = Command::new(run);
    command.arg("tests").env("PATH", path.unwrap()).env("CARGO_TARGET_DIR", &scratch);
    let output = command.output().unwrap();
    fs::remove_dir_all(&scratch).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(77), "{said}");
    assert!(
        said.starts_with("SKIPPED emulator: needs Linux 6.1, and linux-image-cloud-amd64 is '' here"),
        "{said}"
    );
}
