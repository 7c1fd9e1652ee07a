//! A server that is here. In: how it was found. Out: the ways in which it takes part in a workload.

use std::path::{Path, PathBuf};

use super::Server;
use super::find::program;
use crate::compare::workloads::{Kind, Sharing, Workload};

/// Files below this are cheaper to read than to send by sendfile.
const SMALL_BYTES: usize = 32 * 1024;

/// A server that can be started.
#[derive(Debug, Clone)]
pub(crate) struct Installed {
    pub(crate) server: Server,
    pub(super) executable: PathBuf,
    /// As it says itself, or for one that does not, as its package says.
    pub(crate) version: Option<String>,
}

impl Installed {
    /// One that cannot be started.
    #[cfg(test)]
    pub(in crate::compare) fn absent(server: Server) -> Self {
        Self { server, executable: PathBuf::new(), version: None }
    }

    /// The version with the server's name before it, where it does not say that itself.
    pub(crate) fn named_version(&self) -> Option<String> {
        let (version, name) = (self.version.as_ref()?, self.server.program().name());
        Some(if version.contains(name) { version.clone() } else { format!("{name} {version}") })
    }

    /// How it takes part in `workload`, if it does; `hello` is the folder of the programs of benches/hello.
    pub(in crate::compare) fn for_workload(
        &self,
        workload: &Workload,
        hello_folder: Option<&Path>,
    ) -> Option<Self> {
        let server = self.server.program();
        if let Some(name) = server.hello_program(workload.kind) {
            return Some(Self { executable: program(hello_folder?, name)?, ..self.clone() });
        }
        let takes_part = match (workload.kind, server) {
            (Kind::Handler, server) => matches!(server, Server::Nginx | Server::Ceiling),
            (_, Server::Ceiling) => workload.ceiling.is_some(),
            (_, server) => !server.is_library(),
        };
        takes_part.then(|| self.clone())
    }

    /// The same binary configured otherwise, where that is worth a line of its own in `workload`.
    pub(crate) fn other_configurations(&self, workload: &Workload) -> Vec<Self> {
        use Server::{CeilingDirect, CeilingEpoll, CeilingInline, CeilingLinked};
        let servers: &[Server] = match self.server.program() {
            Server::Selvedge if workload.sharing == Sharing::Together => &[Server::SelvedgeReuseport],
            Server::Nginx if workload.kind == Kind::BesideCold => &[Server::NginxWithThreads],
            Server::Nginx if workload.bytes < SMALL_BYTES && workload.kind != Kind::Handler => {
                &[Server::NginxWithoutSendfile]
            }
            Server::Ceiling if workload.kind == Kind::Close => {
                &[CeilingInline, CeilingEpoll, CeilingLinked, CeilingDirect]
            }
            _ => &[],
        };
        servers.iter().map(|&server| self.configured(server)).collect()
    }

    /// The same binary in the other ways that it has to accept connections.
    pub(crate) fn other_ways_to_accept(&self) -> Vec<Self> {
        let servers: &[Server] = match self.server {
            Server::Selvedge => &[Server::SelvedgeDedicated, Server::SelvedgeReuseport],
            Server::Nginx => &[Server::NginxWithOneListener],
            _ => &[],
        };
        servers.iter().map(|&server| self.configured(server)).collect()
    }

    /// The same binary that remembers no open files, of those that can be told so.
    pub(crate) fn without_file_cache(&self) -> Option<Self> {
        (self.server.program() == Server::Nginx).then(|| self.configured(Server::NginxWithoutFileCache))
    }

    fn configured(&self, server: Server) -> Self {
        Self { server: self.server.configured(server), ..self.clone() }
    }
}
