//! What grows, and how far. In: the machine. Out: the values to be measured, and a sentence for each that can't be.

use std::path::Path;

use clap::ValueEnum;

use super::files;
use super::measure::Point;
use crate::chart::Scale;
use crate::compare::process::descriptor_limit;
use crate::compare::servers::Server;
use crate::experiments::page::Place;
use crate::experiments::setting::Setting;
use crate::plural::counted;

const CONNECTIONS: [usize; 8] = [1, 4, 16, 64, 256, 1_000, 4_000, 15_000];
/// What a server needs beside its connections, at most.
const DESCRIPTORS_BESIDE: usize = 1_024;
const FILES: [usize; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
/// Up to what most servers take in a head.
const HEADER_BYTES: [usize; 7] = [0, 128, 512, 1_024, 2_048, 4_096, 8_192];
const DEPTHS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// Of a quick run: enough for a line.
const QUICK_VALUES: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Curve {
    /// Open connections that ask one request after the other
    Connections,
    /// Workers, each on a CPU of its own
    Workers,
    /// Files that are asked for, each as often as the others
    Files,
    /// Octets of header fields in each request
    HeaderBytes,
    /// Requests in one write
    Pipelining,
}

impl Curve {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Workers => "workers",
            Self::Files => "files",
            Self::HeaderBytes => "header-bytes",
            Self::Pipelining => "pipelining",
        }
    }

    /// Where its figures go.
    pub(super) fn place(self, folder: &Path) -> Place<'_> {
        let (command, name) = match self {
            Self::Connections => ("growth connections", "growth/connections"),
            Self::Workers => ("growth workers", "growth/workers"),
            Self::Files => ("growth files", "growth/files"),
            Self::HeaderBytes => ("growth header-bytes", "growth/header-bytes"),
            Self::Pipelining => ("growth pipelining", "growth/pipelining"),
        };
        Place { folder, page: "growth", command, name }
    }

    /// What the values are of.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Workers => "workers",
            Self::Files => "files",
            Self::HeaderBytes => "octets of fields",
            Self::Pipelining => "requests in one write",
        }
    }

    pub(super) fn told(self, value: usize) -> String {
        let one = match self {
            Self::Connections => "connection",
            Self::Workers => "worker",
            Self::Files => "file",
            Self::HeaderBytes => "octet of fields",
            Self::Pipelining => "request in one write",
        };
        counted(value, one, self.unit())
    }

    /// What stays the same meanwhile.
    pub(super) fn beside(self) -> &'static str {
        match self {
            Self::Connections => "151 octets, one worker",
            Self::Workers => "151 octets, 64 connections per worker",
            Self::Files => "151 octets each, 64 connections, one worker",
            Self::HeaderBytes | Self::Pipelining => "151 octets, 64 connections, one worker",
        }
    }

    pub(super) fn scale(self) -> Scale {
        match self {
            Self::Connections | Self::Files | Self::Pipelining => Scale::Logarithmic,
            Self::Workers | Self::HeaderBytes => Scale::Linear,
        }
    }

    /// This server, a peer, and what a request costs without being read where the ceiling can be asked so.
    pub(super) fn servers(self) -> &'static [Server] {
        match self {
            Self::Connections | Self::Workers => {
                &[Server::Selvedge, Server::NginxWithoutSendfile, Server::Ceiling]
            }
            Self::Files | Self::HeaderBytes | Self::Pipelining => {
                &[Server::Selvedge, Server::NginxWithoutSendfile]
            }
        }
    }

    /// Those that are possible here, ascending; `missing` is told of the others.
    pub(super) fn values(
        self,
        setting: &Setting<'_>,
        is_quick: bool,
        missing: &mut Vec<String>,
    ) -> anyhow::Result<Vec<usize>> {
        let (all, most, why) = match self {
            Self::Connections => {
                let limit = descriptor_limit();
                let why = format!("{limit} descriptors are allowed: raise the limit (ulimit -Hn)");
                (CONNECTIONS.to_vec(), limit.saturating_sub(DESCRIPTORS_BESIDE), why)
            }
            Self::Files => {
                let room = files::room(&setting.load.docroot.files(), setting.machine.memory_bytes)?;
                (FILES.to_vec(), room.files, room.why)
            }
            Self::Workers => (setting.workers.clone(), usize::MAX, String::new()),
            Self::HeaderBytes => (HEADER_BYTES.to_vec(), usize::MAX, String::new()),
            Self::Pipelining => (DEPTHS.to_vec(), usize::MAX, String::new()),
        };
        let (mut possible, others): (Vec<usize>, Vec<usize>) =
            all.into_iter().partition(|&value| value <= most);
        if is_quick {
            possible.truncate(QUICK_VALUES);
        } else {
            missing.extend(others.into_iter().map(|value| format!("{}: {why}", self.told(value))));
        }
        Ok(possible)
    }

    pub(super) fn point(self, value: usize) -> Point {
        let usual = Point::default();
        match self {
            Self::Connections => Point { connections: value, ..usual },
            Self::Workers => Point { workers: value, connections: usual.connections * value, ..usual },
            Self::Files => Point { files: value, ..usual },
            Self::HeaderBytes => Point { header_bytes: value, ..usual },
            Self::Pipelining => Point { depth: value, ..usual },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_has_a_place_on_the_page() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        for curve in Curve::value_variants() {
            let place = curve.place(&folder);
            place.check().unwrap();
            assert!(place.command.ends_with(curve.name()) && place.name.ends_with(curve.name()));
        }
    }

    #[test]
    fn only_one_thing_grows_on_a_curve() {
        assert_eq!(Curve::Connections.point(64), Point::default());
        assert_eq!(Curve::Pipelining.point(1), Point::default());
        assert_eq!(Curve::HeaderBytes.point(0), Point::default());
        let workers = Curve::Workers.point(4);
        assert_eq!((workers.workers, workers.connections), (4, 256));
    }
}
