//! How much of the sandbox is in force, in words. In: what was given up, and what Landlock enforces. Out: the start line's part
//! about it, and what keeps it from being all.

use std::fmt;
use std::path::PathBuf;

use selvedge_runtime::process::{CapabilitiesLeft, Landlock};

use crate::banner::Word;
use crate::failure::Failure;

/// What Landlock has no rules for before one of its versions, and that version.
const RULES_SINCE: [(&str, u8); 4] =
    [("truncation", 3), ("ports", LANDLOCK_ABI_OF_PORTS), ("ioctls", 5), ("signals and abstract sockets", 6)];
const LANDLOCK_ABI_OF_PORTS: u8 = 4;

/// What was given up, and what could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// Each part that is in force, in words.
    pub parts: Vec<String>,
    /// Each part that is not, in words. Empty: all of it is in force.
    pub missing: Vec<String>,
}

/// Where Landlock lets files be read, made and written to, and removed: below these directories.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// Files are read, directories listed.
    pub read: Vec<PathBuf>,
    /// Files are made and written to.
    pub written: Vec<PathBuf>,
    /// Files are removed.
    pub removed: Vec<PathBuf>,
}

impl Sandbox {
    /// Puts into words what is in force and what not.
    pub fn of(left: CapabilitiesLeft, landlock: Landlock, places: &Places) -> Self {
        let mut parts = Vec::new();
        if left == CapabilitiesLeft::None {
            parts.push("no capabilities".to_owned());
        }
        parts.push("no new privileges".to_owned());
        if let Landlock::Enforced { abi } = landlock {
            let ports = if abi < LANDLOCK_ABI_OF_PORTS { "" } else { "no new ports, " };
            parts.push(format!("landlock {abi}: {ports}{places}"));
        }
        Self { parts, missing: missing(left, landlock) }
    }

    /// Why this is not all that `--sandbox require` asks for; `None` where it is.
    pub fn shortfall(&self) -> Option<Failure> {
        let [first, rest @ ..] = self.missing.as_slice() else { return None };
        let is_of_landlock = |missing: &String| missing.contains("landlock");
        let landlock = "boot a kernel with Landlock 6 (Linux 6.12 or newer, with landlock in `lsm=`)";
        let memory = "name another user (--user), or lift the limit of locked memory (`ulimit -l unlimited`, \
             LimitMEMLOCK=infinity in systemd)";
        let fix = match (is_of_landlock(first), rest.iter().any(is_of_landlock)) {
            (true, _) => landlock.to_owned(),
            (false, false) => memory.to_owned(),
            (false, true) => format!("{memory}, and {landlock}"),
        };
        let what = format!("--sandbox require cannot be met: {}", self.missing.join(", "));
        Some(Failure::fatal(what, format!("{fix}, or write --sandbox auto")))
    }
}

/// What of the sandbox is not in force, the capability first.
fn missing(left: CapabilitiesLeft, landlock: Landlock) -> Vec<String> {
    let mut missing = Vec::new();
    if left == CapabilitiesLeft::IpcLock {
        missing.push("no capabilities but ipc_lock".to_owned());
    }
    match landlock {
        Landlock::Missing { why } => missing.push(format!("no landlock: {why}")),
        Landlock::Enforced { abi } => {
            let lacking = RULES_SINCE.iter().filter(|&&(_, since)| abi < since);
            missing
                .extend(lacking.map(|(what, since)| format!("no rules for {what} before landlock {since}")));
        }
    }
    missing
}

impl fmt::Display for Sandbox {
    /// As in `sandbox=partial (no capabilities, no new privileges, no landlock: ENOSYS)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extent = if self.missing.is_empty() { "full" } else { "partial" };
        let words: Vec<_> = self.parts.iter().chain(&self.missing).map(String::as_str).collect();
        write!(f, "sandbox={extent} ({})", words.join(", "))
    }
}

impl fmt::Display for Places {
    /// As in `reads below /srv, writes below /var/log/site`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reads below")?;
        self.read.iter().try_for_each(|place| write!(f, " {}", Word(place)))?;
        for (verb, places) in [("writes", &self.written), ("removes", &self.removed)] {
            if !places.is_empty() {
                write!(f, ", {verb} below")?;
                places.iter().try_for_each(|place| write!(f, " {}", Word(place)))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_for_every_kernel() {
        const TRUNCATION: &str = "no rules for truncation before landlock 3";
        const PORTS: &str = "no rules for ports before landlock 4";
        const IOCTLS: &str = "no rules for ioctls before landlock 5";
        const OTHERS: &str = "no rules for signals and abstract sockets before landlock 6";
        for (landlock, expected) in [
            (Landlock::Missing { why: "ENOSYS" }, &["no landlock: ENOSYS"][..]),
            (Landlock::Missing { why: "EOPNOTSUPP" }, &["no landlock: EOPNOTSUPP"]),
            (Landlock::Enforced { abi: 1 }, &[TRUNCATION, PORTS, IOCTLS, OTHERS]),
            (Landlock::Enforced { abi: 2 }, &[TRUNCATION, PORTS, IOCTLS, OTHERS]),
            (Landlock::Enforced { abi: 3 }, &[PORTS, IOCTLS, OTHERS]),
            (Landlock::Enforced { abi: 4 }, &[IOCTLS, OTHERS]),
            (Landlock::Enforced { abi: 5 }, &[OTHERS]),
            (Landlock::Enforced { abi: 6 }, &[]),
        ] {
            assert_eq!(missing(CapabilitiesLeft::None, landlock), expected, "{landlock:?}");
            let with_one = [&["no capabilities but ipc_lock"], expected].concat();
            assert_eq!(missing(CapabilitiesLeft::IpcLock, landlock), with_one, "{landlock:?}");
        }
    }

    #[test]
    fn the_line_tells_where_files_are_read_written_and_removed() {
        let below = |path: &str| vec![PathBuf::from(path)];
        let mut places = Places { read: below("/srv"), ..Places::default() };
        let line =
            |landlock, places: &Places| Sandbox::of(CapabilitiesLeft::None, landlock, places).to_string();
        let enforced = |abi| Landlock::Enforced { abi };
        assert_eq!(
            line(enforced(6), &places),
            "sandbox=full (no capabilities, no new privileges, landlock 6: no new ports, reads below /srv)"
        );
        places.written = below("/var/log/site");
        places.removed = below("/run");
        let line = line(enforced(3), &places);
        assert!(
            line.starts_with("sandbox=partial (no capabilities, no new privileges, landlock 3: reads "),
            "{line}"
        );
        assert!(
            line.contains("reads below /srv, writes below /var/log/site, removes below /run, no rules"),
            "{line}"
        );
    }

    #[test]
    fn what_is_required_and_missing_is_told_with_what_helps() {
        let shortfall = |left, landlock| {
            let failure = Sandbox::of(left, landlock, &Places::default()).shortfall();
            failure.map(|failure| failure.to_string())
        };
        let (full, partial) = (Landlock::Enforced { abi: 6 }, Landlock::Enforced { abi: 5 });
        assert_eq!(shortfall(CapabilitiesLeft::None, full), None);
        for (left, landlock, expected) in [
            (
                CapabilitiesLeft::None,
                partial,
                "met: no rules for signals and abstract sockets before landlock 6; boot a",
            ),
            (CapabilitiesLeft::None, Landlock::Missing { why: "ENOSYS" }, "met: no landlock: ENOSYS; boot a"),
            (
                CapabilitiesLeft::IpcLock,
                full,
                "met: no capabilities but ipc_lock; name another user (--user), or lift the limit",
            ),
            (
                CapabilitiesLeft::IpcLock,
                partial,
                "in systemd), and boot a kernel with Landlock 6 (Linux 6.12 or newer",
            ),
        ] {
            let line = shortfall(left, landlock).unwrap();
            assert!(line.contains(expected) && line.ends_with(", or write --sandbox auto"), "{line}");
        }
    }
}
