//! Which servers are here. In: the options. Out: their executables with their versions, and for each that is missing the way to get it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::{Installed, NamedBuild, Server, build::tell_apart};
use crate::compare::{Options, process::find_executable, workloads::Kind};

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
            library if library.is_library() => match &options.hello {
                Some(folder) => library.hello_program(Kind::Handler).and_then(|name| program(folder, name)),
                None if options.servers.is_empty() => continue,
                None => None,
            },
            peer => find_executable(peer.name()),
        };
        match executable {
            Some(executable) => {
                let version = version(server, &executable);
                found.servers.push(Installed { server, executable, version });
            }
            None => {
                found.missing.push(format!("{} is missing: {}", server.name(), server.how_to_get()));
            }
        }
    }
    for NamedBuild { server, executable } in &options.peers {
        let version = version(*server, executable);
        found.servers.push(Installed { server: *server, executable: executable.clone(), version });
    }
    tell_apart(&mut found.servers);
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
            .push("the client wrk is missing, without it only 'open', 'cold', 'idle' and the workloads at a rate run: apt install wrk".into()),
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
        bail!(
            "there is no {}: `cargo build --profile {} -p selvedge` makes it, or name another by --selvedge \
             (of `soak`: --server)",
            path.display(),
            profile.name()
        );
    }
    Ok(path)
}

/// A program of benches/hello, if it was built.
pub(super) fn program(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = folder.join(name);
    path.is_file().then_some(path)
}

fn version(server: Server, executable: &Path) -> Option<String> {
    let flag = match server {
        Server::Selvedge | Server::SelvedgeBefore | Server::SelvedgeReuseport | Server::SelvedgeDedicated => {
            "-V"
        }
        Server::Hyper | Server::Ntex | Server::Warp => return None,
        // A server becomes a build by its version.
        Server::Build(_) => return None,
        Server::Ceiling
        | Server::CeilingInline
        | Server::CeilingEpoll
        | Server::CeilingLinked
        | Server::CeilingDirect => return None,
        // Only the package tells it.
        Server::Mighty if find_executable(server.name()).as_deref() != Some(executable) => return None,
        Server::Mighty => {
            let format = format!("--showformat={} ${{Version}}\n", server.name());
            return first_line(Command::new("dpkg-query").args(["--show", &format, server.package()]));
        }
        Server::Nginx
        | Server::NginxWithoutSendfile
        | Server::NginxWithThreads
        | Server::NginxWithoutFileCache
        | Server::NginxWithOneListener
        | Server::Lighttpd => "-v",
        Server::StaticWebServer => {
            let line = first_line(Command::new(executable).arg("--version"))?;
            return Some(line.trim_start_matches("Version:").trim().to_owned());
        }
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
