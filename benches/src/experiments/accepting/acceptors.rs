//! Who accepts: bare workers in every way, among them one that the server does not offer; this server, and nginx, in each way that they
//! have. In: what is installed. Out: servers that run.

use super::Answers;
use crate::argument::argument;
use crate::chart::Colour;
use crate::compare::measure;
use crate::compare::process::Running;
use crate::compare::servers::{Installed, Server};
use crate::compare::workloads::Workload;
use crate::cpus::Placement;
use crate::experiments::herd::Way;
use crate::experiments::setting::{Found, Setting};

/// The ways on rings, and what they are called here; what epoll does to a herd is the other experiment's question.
const BARE: [(Way, &str); 4] = [
    (Way::Shared, "bare, shared"),
    (Way::Dedicated, "bare, dedicated"),
    (Way::ReusePort, "bare, reuseport"),
    (Way::RingHerd, "bare, one listener"),
];
const SERVERS: [Server; 2] = [Server::Selvedge, Server::Nginx];

pub(super) enum Acceptor {
    /// A subject, by its way and name.
    Bare(Way, &'static str),
    Server(Installed),
}

/// Those that are here, their versions, and what is missing.
pub(super) fn find(setting: &Setting<'_>) -> anyhow::Result<(Vec<Acceptor>, Vec<String>, Vec<String>)> {
    let Found { servers, mut versions, mut missing } = setting.servers()?;
    let is_of_these = |text: &str| SERVERS.iter().any(|server| text.contains(server.name()));
    versions.retain(|version| is_of_these(version));
    missing.retain(|missing| is_of_these(missing));
    let mut acceptors: Vec<Acceptor> =
        BARE.into_iter().map(|(way, title)| Acceptor::Bare(way, title)).collect();
    for installed in servers.into_iter().filter(|installed| SERVERS.contains(&installed.server)) {
        let other = installed.other_ways_to_accept();
        acceptors.push(Acceptor::Server(installed));
        acceptors.extend(other.into_iter().map(Acceptor::Server));
    }
    Ok((acceptors, versions, missing))
}

impl Acceptor {
    pub(super) fn title(&self) -> &'static str {
        match self {
            Self::Bare(_, title) => title,
            Self::Server(installed) => match installed.server {
                Server::Selvedge => "selvedge --accept shared",
                Server::Nginx => "nginx, reuseport",
                other => other.name(),
            },
        }
    }

    pub(super) fn colour(&self) -> Colour {
        match self {
            Self::Bare(..) => Colour::Reference,
            Self::Server(installed) => installed.server.colour(),
        }
    }

    /// Starts it on all CPUs, which it shares with its clients.
    pub(super) fn start(
        &self,
        setting: &Setting<'_>,
        workload: &Workload,
        workers: usize,
        answers: Answers,
    ) -> anyhow::Result<Running> {
        let placement = Placement::together(&setting.load.cpus);
        match self {
            Self::Bare(way, _) => {
                let (way, workers, answers) = (argument(way), workers.to_string(), argument(&answers));
                let arguments = ["accepting", "--way", &way, "--workers", &workers, "--answers", &answers];
                setting.start_subject(&arguments, &placement)
            }
            Self::Server(installed) => {
                measure::start(&setting.load, installed, workload, &placement, workers)
            }
        }
    }
}
