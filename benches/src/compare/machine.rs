//! What the figures were measured on.

use std::{fs, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::cpus;

/// How this program was built, and the ceiling with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Build {
    Optimised,
    Development,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cpus: String,
    pub(crate) memory_bytes: u64,
    pub(crate) kernel: String,
    pub(crate) date: String,
    pub(crate) command: String,
    pub(crate) build: Build,
}

impl Machine {
    pub(crate) fn describe(cpus: &[usize]) -> anyhow::Result<Self> {
        let name = rustix::system::uname();
        let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        Ok(Self {
            cpu: cpu_model(&fs::read_to_string("/proc/cpuinfo")?).unwrap_or_else(|| text(name.machine())),
            cpus: cpus::list(cpus),
            memory_bytes: memory_bytes(&fs::read_to_string("/proc/meminfo")?),
            kernel: format!("{} {}", text(name.sysname()), text(name.release())),
            date: httpdate::fmt_http_date(SystemTime::now()),
            command: format!("cargo run --release -p selvedge-benches -- {}", arguments.join(" ")),
            build: if cfg!(debug_assertions) { Build::Development } else { Build::Optimised },
        })
    }
}

fn cpu_model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory_bytes(meminfo: &str) -> u64 {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    total.and_then(|kib| kib.trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_and_the_memory_are_found() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n";
        assert_eq!(cpu_model(cpuinfo).as_deref(), Some("Some CPU @ 2 GHz"));
        assert_eq!(cpu_model("processor : 0\n"), None);
        assert_eq!(memory_bytes("MemTotal:       24685016 kB\nMemFree: 1 kB\n"), 24_685_016 * 1024);
    }
}
