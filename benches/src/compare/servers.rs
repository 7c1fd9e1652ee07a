//! The servers: which of them are here, and how each is started for speed, in the foreground and without a log.

mod configuration;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::{
    Options,
    process::find_executable,
    workloads::{Kind, Sharing, Workload},
};
use crate::ceiling::Variant;
use crate::cpus;

/// Files below this are cheaper to read than to send by sendfile.
const SMALL_BYTES: usize = 32 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Server {
    Selvedge,
    /// Another binary of Selvedge: what a change costs, in one run.
    #[value(skip)]
    SelvedgeBefore,
    /// Selvedge with a listener per worker instead of the hand-off; measured in the workload 'cores' only.
    #[value(skip)]
    SelvedgeReuseport,
    Ceiling,
    /// Other forms of the ceiling for a connection per request: the least of them is the ceiling.
    #[value(skip)]
    CeilingInline,
    #[value(skip)]
    CeilingEpoll,
    #[value(skip)]
    CeilingLinked,
    #[value(skip)]
    CeilingDirect,
    Nginx,
    /// nginx reading files into its own buffers, which is cheaper for small ones; measured where they are small.
    #[value(skip)]
    NginxWithoutSendfile,
    /// nginx whose threads wait for the disk; measured in the workload 'cold' only.
    #[value(skip)]
    NginxWithThreads,
    /// nginx opening the file for each request; measured in the experiment about that only.
    #[value(skip)]
    NginxWithoutFileCache,
    Lighttpd,
    H2o,
    Mighty,
    Caddy,
    /// On tokio; measured in the workload 'hello' only, as the two that follow.
    Hyper,
    /// On io_uring.
    Ntex,
    Warp,
}

impl Server {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Selvedge => "selvedge",
            Self::SelvedgeBefore => "selvedge before",
            Self::SelvedgeReuseport => "selvedge --accept reuseport",
            Self::Ceiling => "ceiling",
            Self::CeilingInline => "ceiling, all but waiting inline",
            Self::CeilingEpoll => "ceiling, inline with epoll",
            Self::CeilingLinked => "ceiling, all on the ring",
            Self::CeilingDirect => "ceiling, on the ring, direct descriptors",
            Self::Nginx => "nginx",
            Self::NginxWithoutSendfile => "nginx, sendfile off",
            Self::NginxWithThreads => "nginx, aio threads",
            Self::NginxWithoutFileCache => "nginx, open_file_cache off",
            Self::Lighttpd => "lighttpd",
            Self::H2o => "h2o",
            Self::Mighty => "mighty",
            Self::Caddy => "caddy",
            Self::Hyper => "hyper",
            Self::Ntex => "ntex",
            Self::Warp => "warp",
        }
    }

    /// The program that answers in the workload 'hello'; `None` where the server itself does, or has no handlers.
    fn hello_program(self) -> Option<&'static str> {
        match self {
            Self::Selvedge => Some("selvedge-hello"),
            Self::Hyper => Some("hyper-hello"),
            Self::Ntex => Some("ntex-hello"),
            Self::Warp => Some("warp-hello"),
            _ => None,
        }
    }

    /// Whether it serves files.
    fn has_files(self) -> bool {
        !matches!(self, Self::Hyper | Self::Ntex | Self::Warp)
    }

    /// Whether it is another project's server.
    pub(crate) fn is_peer(self) -> bool {
        let is_ours = matches!(self, Self::Selvedge | Self::SelvedgeBefore | Self::SelvedgeReuseport);
        !is_ours && !self.is_ceiling()
    }

    /// Whether it is nginx, configured in whatever way.
    pub(super) fn is_nginx(self) -> bool {
        matches!(
            self,
            Self::Nginx | Self::NginxWithoutSendfile | Self::NginxWithThreads | Self::NginxWithoutFileCache
        )
    }

    /// Whether it shows what a request has to cost anyhow.
    pub(super) fn is_ceiling(self) -> bool {
        self.ceiling_form().is_some()
    }

    /// How it is a ceiling: in the way of the workload, or in one that is its own.
    fn ceiling_form(self) -> Option<Option<Variant>> {
        match self {
            Self::Ceiling => Some(None),
            Self::CeilingInline => Some(Some(Variant::CloseInline)),
            Self::CeilingEpoll => Some(Some(Variant::CloseEpoll)),
            Self::CeilingLinked => Some(Some(Variant::CloseLinked)),
            Self::CeilingDirect => Some(Some(Variant::CloseDirect)),
            _ => None,
        }
    }

    /// Debian's package of a peer.
    fn package(self) -> &'static str {
        match self {
            nginx if nginx.is_nginx() => "nginx-light",
            Self::Mighty => "mighttpd2",
            other => other.name(),
        }
    }
}

/// A server that can be started.
#[derive(Debug, Clone)]
pub(crate) struct Installed {
    pub(crate) server: Server,
    executable: PathBuf,
    /// As it says itself, or for one that does not, as its package says.
    pub(crate) version: Option<String>,
}

/// What is here and what is not.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) servers: Vec<Installed>,
    pub(crate) wrk: Option<String>,
    /// A sentence for each thing that is missing, with the way to get it.
    pub(crate) missing: Vec<String>,
}

/// Looks for all servers, or for those asked for. Fails if a server of this project was asked for and is not here.
pub(crate) fn find(options: &Options) -> anyhow::Result<Found> {
    let wanted = |server: &Server| options.servers.is_empty() || options.servers.contains(server);
    let mut found = Found { servers: Vec::new(), wrk: None, missing: Vec::new() };
    for &server in Server::value_variants().iter().filter(|server| wanted(server)) {
        let executable = match server {
            Server::Selvedge => match selvedge(options.selvedge.as_deref(), Profile::Release) {
                Ok(executable) => Some(executable),
                Err(error) if options.servers.is_empty() && options.selvedge.is_none() => {
                    found.missing.push(format!("selvedge is left out: {error:#}"));
                    continue;
                }
                Err(error) => return Err(error),
            },
            Server::Ceiling => Some(env::current_exe()?),
            // In the folder that `--hello` names, if anywhere.
            peer if !peer.has_files() => match &options.hello {
                Some(folder) => hello(folder, peer),
                None => continue,
            },
            peer => find_executable(peer.name()),
        };
        match executable {
            Some(executable) => {
                let version = version(server, &executable);
                found.servers.push(Installed { server, executable, version });
            }
            None if !server.has_files() => {
                found.missing.push(format!("{} is missing: see benches/hello", server.name()));
            }
            None => {
                found.missing.push(format!("{} is missing: apt install {}", server.name(), server.package()))
            }
        }
    }
    if let Some(before) = &options.before {
        let executable =
            before.canonicalize().with_context(|| format!("there is no {}", before.display()))?;
        let version = version(Server::SelvedgeBefore, &executable);
        found.servers.push(Installed { server: Server::SelvedgeBefore, executable, version });
    }
    match find_executable("wrk") {
        Some(wrk) => found.wrk = Some(first_line(Command::new(wrk).arg("-v")).unwrap_or_default()),
        None => found
            .missing
            .push("the client wrk is missing, without it only 'idle' runs: apt install wrk".into()),
    }
    Ok(found)
}

/// How the server is built (the workspace's profiles).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }

    /// Its folder in the target's.
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// The binary given, or the one of this workspace, built first where cargo runs us.
pub(crate) fn selvedge(given: Option<&Path>, profile: Profile) -> anyhow::Result<PathBuf> {
    if let Some(path) = given {
        return path.canonicalize().with_context(|| format!("there is no {}", path.display()));
    }
    if let (Some(cargo), Some(folder)) = (env::var_os("CARGO"), env::var_os("CARGO_MANIFEST_DIR")) {
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "-p", "selvedge", "--profile", profile.name()]).current_dir(folder);
        if !build.status()?.success() {
            bail!("cargo build --profile {} -p selvedge failed", profile.name());
        }
    }
    let own = env::current_exe()?;
    let target = own.parent().and_then(Path::parent).context("no target folder")?;
    let path = target.join(profile.folder()).join("selvedge");
    if !path.is_file() {
        bail!("there is no {}: build it, or name it by its option", path.display());
    }
    Ok(path)
}

/// The server's program of the workload 'hello', if it was built.
fn hello(folder: &Path, server: Server) -> Option<PathBuf> {
    let path = folder.join(server.hello_program()?);
    path.is_file().then_some(path)
}

fn version(server: Server, executable: &Path) -> Option<String> {
    let flag = match server {
        Server::Selvedge | Server::SelvedgeBefore | Server::SelvedgeReuseport => "-V",
        Server::Hyper | Server::Ntex | Server::Warp => return None,
        Server::Ceiling
        | Server::CeilingInline
        | Server::CeilingEpoll
        | Server::CeilingLinked
        | Server::CeilingDirect => return None,
        Server::Mighty => {
            let format = format!("--showformat={} ${{Version}}\n", server.name());
            return first_line(Command::new("dpkg-query").args(["--show", &format, server.package()]));
        }
        Server::Nginx
        | Server::NginxWithoutSendfile
        | Server::NginxWithThreads
        | Server::NginxWithoutFileCache
        | Server::Lighttpd => "-v",
        Server::H2o => "--version",
        Server::Caddy => "version",
    };
    first_line(Command::new(executable).arg(flag))
}

/// What a command prints first, on either stream; its exit status is not looked at (`wrk -v` fails).
fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    let line = String::from_utf8_lossy(&text).lines().next()?.trim().to_owned();
    (!line.is_empty()).then_some(line)
}

/// How one run is to be started.
#[derive(Debug)]
pub(super) struct Start<'a> {
    pub(super) workload: &'a Workload,
    pub(super) files: &'a Path,
    pub(super) scratch: &'a Path,
    pub(super) port: u16,
    pub(super) workers: usize,
    pub(super) cpus: &'a [usize],
}

impl Installed {
    /// The version with the server's name before it, where it does not say that itself.
    pub(crate) fn named_version(&self) -> Option<String> {
        let (version, name) = (self.version.as_ref()?, self.server.name());
        Some(if version.contains(name) { version.clone() } else { format!("{name} {version}") })
    }

    /// How it takes part in `workload`, if it does; `hello` is the folder of the programs with handlers.
    pub(super) fn for_workload(&self, workload: &Workload, hello_folder: Option<&Path>) -> Option<Self> {
        match (workload.kind, self.server) {
            (Kind::Handler, Server::Nginx | Server::Ceiling) => Some(self.clone()),
            (Kind::Handler, server) => {
                Some(Self { executable: hello(hello_folder?, server)?, ..self.clone() })
            }
            (_, Server::Ceiling) => workload.ceiling.is_some().then(|| self.clone()),
            (_, server) => server.has_files().then(|| self.clone()),
        }
    }

    /// The same binary configured otherwise, where that is worth a line of its own in `workload`.
    pub(crate) fn other_configurations(&self, workload: &Workload) -> Vec<Self> {
        use Server::{CeilingDirect, CeilingEpoll, CeilingInline, CeilingLinked};
        let servers: &[Server] = match self.server {
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
        servers.iter().map(|&server| Self { server, ..self.clone() }).collect()
    }

    /// The same binary that remembers no open files, of those that can be told so.
    pub(crate) fn without_file_cache(&self) -> Option<Self> {
        let server = Server::NginxWithoutFileCache;
        (self.server == Server::Nginx).then(|| Self { server, ..self.clone() })
    }

    /// The command that serves, in the foreground; configurations are written to the scratch folder.
    pub(super) fn command(&self, start: &Start<'_>) -> io::Result<Command> {
        let mut command = Command::new(&self.executable);
        let Start { port, workers, .. } = *start;
        if start.workload.kind == Kind::Handler && self.server.hello_program().is_some() {
            let text = start.files.join(start.workload.file);
            command.arg(port.to_string());
            return Ok(match self.server {
                Server::Warp => {
                    command.arg(text).args(["+RTS", &format!("-N{workers}"), "-RTS"]);
                    command
                }
                _ => {
                    command.arg(workers.to_string()).arg(text);
                    command
                }
            });
        }
        match self.server {
            Server::Hyper | Server::Ntex | Server::Warp => {
                unreachable!("it takes part in no other workload")
            }
            Server::Selvedge | Server::SelvedgeBefore | Server::SelvedgeReuseport => {
                command.arg(start.files).args(["-a", "127.0.0.1", "-p", &port.to_string()]);
                command.args(["-j", &workers.to_string(), "--cpus", &cpus::list(&start.cpus[..workers])]);
                let accept = if self.server == Server::SelvedgeReuseport { "reuseport" } else { "shared" };
                command.args(["--accept", accept]);
            }
            Server::Ceiling
            | Server::CeilingInline
            | Server::CeilingEpoll
            | Server::CeilingLinked
            | Server::CeilingDirect => {
                let own = self.server.ceiling_form().flatten();
                let variant = own.or(start.workload.ceiling).expect("it takes part in no other workload");
                let variant = variant.to_possible_value().expect("no variant is skipped");
                command.args(["ceiling", "--variant", variant.get_name(), "--port", &port.to_string()]);
                let status = start.workload.asked.canned().to_possible_value().expect("none is skipped");
                command.args(["--status", status.get_name()]);
                command.args(["--bytes", &start.workload.bytes.to_string()]);
                command.args(["--reuseport-workers", &workers.to_string()]);
            }
            Server::Nginx
            | Server::NginxWithoutSendfile
            | Server::NginxWithThreads
            | Server::NginxWithoutFileCache => {
                command.arg("-e").arg(start.scratch.join("nginx.error.log")).arg("-p").arg(start.scratch);
                command.arg("-c").arg(write(start, "nginx.conf", &configuration::nginx(start, self.server))?);
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
        }
        Ok(command)
    }
}

fn write(start: &Start<'_>, name: &str, text: &str) -> io::Result<PathBuf> {
    let path = start.scratch.join(name);
    fs::write(&path, text)?;
    Ok(path)
}
