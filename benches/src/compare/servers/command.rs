//! How a server is started. In: a workload, its files, a port and CPUs. Out: the command that serves, for speed, in the foreground and
//! without a log.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Installed, Server, configuration};
use crate::argument::argument;
use crate::ceiling::Variant;
use crate::compare::workloads::{Kind, Looks, Workload};
use crate::cpus;

/// Where descriptors are scarce, the server's own share for connections may be less than a workload of more than this.
const CONNECTIONS_PLENTY: usize = 10_000;
/// Connections beside those of the load.
const SPARE: usize = 64;

/// How one run is to be started.
#[derive(Debug)]
pub(in crate::compare) struct Start<'a> {
    pub(in crate::compare) workload: &'a Workload,
    pub(in crate::compare) files: &'a Path,
    pub(in crate::compare) scratch: &'a Path,
    pub(in crate::compare) port: u16,
    pub(in crate::compare) workers: usize,
    pub(in crate::compare) cpus: &'a [usize],
}

impl Installed {
    /// The command that serves, in the foreground; configurations are written to the scratch folder.
    pub(in crate::compare) fn command(&self, start: &Start<'_>) -> io::Result<Command> {
        let mut command = Command::new(&self.executable);
        let Start { port, workers, .. } = *start;
        let server = self.server.program();
        if server.hello_program(start.workload.kind).is_some() {
            let served = match start.workload.kind {
                Kind::Handler => start.files.join(start.workload.file),
                _ => start.files.to_owned(),
            };
            command.arg(port.to_string());
            return Ok(match server {
                Server::Warp => {
                    command.arg(served).args(["+RTS", &format!("-N{workers}"), "-RTS"]);
                    command
                }
                _ => {
                    command.arg(workers.to_string()).arg(served);
                    command
                }
            });
        }
        match server {
            Server::Hyper | Server::Ntex | Server::Warp => {
                unreachable!("it takes part in no other workload")
            }
            Server::Build(_) => unreachable!("a build is one of the others"),
            Server::Selvedge
            | Server::SelvedgeBefore
            | Server::SelvedgeReuseport
            | Server::SelvedgeDedicated => {
                command.arg(start.files).args(["-a", "127.0.0.1", "-p", &port.to_string()]);
                // More workers than CPUs share these.
                let cpus = &start.cpus[..workers.min(start.cpus.len())];
                command.args(["-j", &workers.to_string(), "--cpus", &cpus::list(cpus)]);
                let accept = match server {
                    Server::SelvedgeReuseport => "reuseport",
                    Server::SelvedgeDedicated => "dedicated",
                    _ => "shared",
                };
                command.args(["--accept", accept]);
                if start.workload.looks == Looks::AsNginx {
                    command.args(["--fresh-for", &configuration::FILE_CACHE_VALID_S.to_string()]);
                }
                if start.workload.connections > CONNECTIONS_PLENTY {
                    command.args(["--max-connections", &(start.workload.connections + SPARE).to_string()]);
                }
            }
            Server::Ceiling
            | Server::CeilingInline
            | Server::CeilingEpoll
            | Server::CeilingLinked
            | Server::CeilingDirect => {
                let own = server.ceiling_form().flatten();
                let variant = own.or(start.workload.ceiling).expect("it takes part in no other workload");
                command.args(["ceiling", "--variant", &argument(&variant), "--port", &port.to_string()]);
                command.args(["--status", &argument(&start.workload.asked.canned())]);
                match variant {
                    // The same as the others', since the kernel has each file in memory as it found room.
                    Variant::Sendfile => command.arg("--file").arg(start.files.join(start.workload.file)),
                    _ => command.args(["--bytes", &start.workload.bytes.to_string()]),
                };
                command.args(["--reuseport-workers", &workers.to_string()]);
            }
            Server::Nginx
            | Server::NginxWithoutSendfile
            | Server::NginxWithThreads
            | Server::NginxWithoutFileCache
            | Server::NginxWithOneListener => {
                command.arg("-e").arg(start.scratch.join("nginx.error.log")).arg("-p").arg(start.scratch);
                let text = configuration::nginx(start, server, &self.executable);
                command.arg("-c").arg(write(start, "nginx.conf", &text)?);
            }
            Server::Lighttpd => {
                fs::create_dir_all(start.scratch.join("deflated"))?;
                command.arg("-D").arg("-f").arg(write(
                    start,
                    "lighttpd.conf",
                    &configuration::lighttpd(start),
                )?);
            }
            Server::H2o => {
                command.args(["-m", "worker", "-c"]).arg(write(
                    start,
                    "h2o.conf",
                    &configuration::h2o(start),
                )?);
            }
            Server::Mighty => {
                command.arg(write(start, "mighty.conf", &configuration::mighty(start))?);
                let route = format!("[*]\n/ -> {}/\n", start.files.display());
                command.arg(write(start, "mighty.route", &route)?);
                command.args(["+RTS", &format!("-N{workers}"), "-RTS"]);
            }
            Server::Caddy => {
                command.args(["run", "--adapter", "caddyfile", "--config"]);
                command.arg(write(start, "Caddyfile", &configuration::caddy(start))?);
                command.env("GOMAXPROCS", workers.to_string());
                command.env("HOME", start.scratch);
                command.env("XDG_DATA_HOME", start.scratch).env("XDG_CONFIG_HOME", start.scratch);
            }
            Server::StaticWebServer => {
                command.arg("--config-file").arg(write(
                    start,
                    "sws.toml",
                    &configuration::static_web_server(start),
                )?);
            }
        }
        Ok(command)
    }
}

fn write(start: &Start<'_>, name: &str, text: &str) -> io::Result<PathBuf> {
    let path = start.scratch.join(name);
    fs::write(&path, text)?;
    Ok(path)
}
