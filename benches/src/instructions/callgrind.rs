//! This program under callgrind. In: how many requests. Out: the instructions of each step, from the files that callgrind writes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, bail, ensure};

use super::steps::{COUNTED, NOTED, REQUESTS, Step};
use crate::compare::interrupt;

/// Instructions of all requests together, by kind of request and then by step.
pub(super) type Counts = Vec<[u64; Step::ALL.len()]>;

/// Takes the steps under callgrind, which leaves its files in `folder`, or nothing without one.
///
/// # Errors
/// No valgrind, or one that fails; a file that is not as expected.
pub(super) fn count(requests: u64, folder: Option<&Path>) -> anyhow::Result<Counts> {
    let temporary = tempfile::tempdir()?;
    let folder = folder.unwrap_or(temporary.path());
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let file = folder.join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--error-exitcode=1"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .args([format!("--toggle-collect=*{COUNTED}*"), format!("--dump-before=*{NOTED}*")])
        .arg(env::current_exe()?)
        .args(["instructions", "steps", "--requests", &requests.to_string()])
        // What lies on the stack before the program begins moves all that it puts there.
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => bail!("valgrind cannot be started ({error}): apt install valgrind"),
    };
    // Its files go with the folder, which a signal would have left.
    interrupt::check()?;
    ensure!(output.status.success(), "valgrind: {}", String::from_utf8_lossy(&output.stderr));
    let count_of = |number: usize| {
        let path = folder.join(format!("callgrind.out.{number}"));
        let text = fs::read_to_string(&path)
            .with_context(|| format!("callgrind has not written {}", path.display()))?;
        total(&text).with_context(|| format!("callgrind has counted nothing in {}", path.display()))
    };
    // Callgrind numbers its files from 1, in the order of the steps.
    let mut numbers = 1..;
    let mut of_request = || {
        let mut counts = [0; Step::ALL.len()];
        for (count, number) in counts.iter_mut().zip(&mut numbers) {
            *count = count_of(number)?;
        }
        Ok(counts)
    };
    REQUESTS.iter().map(|_| of_request()).collect()
}

/// The instructions of one file.
fn total(text: &str) -> Option<u64> {
    let count = text.lines().find_map(|line| line.strip_prefix("totals: "))?;
    count.trim().parse().ok().filter(|&count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_callgrind_tells_its_total() {
        let file =
            "# callgrind format\nversion: 1\nevents: Ir\nsummary: 1\n\nfn=(1) a\n1 7\n\ntotals: 70021\n";
        assert_eq!(total(file), Some(70_021));
        assert_eq!(total("totals: 0\n"), None);
        assert_eq!(total("events: Ir\n"), None);
    }
}
