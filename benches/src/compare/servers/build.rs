//! Builds of a server, where several take part. In: `NAME=PATH` of the command line, and what is here. Out: servers of which each has
//! a name of its own in tables and files.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use rustix::fs::{Access, access};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Installed, Server};

/// A build of a peer that was named on the command line.
#[derive(Debug, Clone)]
pub(crate) struct NamedBuild {
    pub(super) server: Server,
    pub(super) executable: PathBuf,
}

impl FromStr for NamedBuild {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, path) = text.split_once('=').context("it is NAME=PATH, such as nginx=/opt/nginx/nginx")?;
        let known: Vec<Server> =
            Server::value_variants().iter().copied().filter(|server| server.has_builds()).collect();
        let Some(&server) = known.iter().find(|server| server.name() == name) else {
            let names: Vec<&str> = known.iter().map(|server| server.name()).collect();
            bail!("there is no peer '{name}': choose among {}", names.join(", "));
        };
        let executable = PathBuf::from(path).canonicalize().with_context(|| format!("there is no {path}"))?;
        let is_executable = executable.is_file() && access(&executable, Access::EXEC_OK).is_ok();
        ensure!(is_executable, "{path} cannot be executed: name the server's program itself");
        Ok(Self { server, executable })
    }
}

/// Which of a server's builds, and how that is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "Written")]
pub(crate) struct Build {
    pub(super) server: &'static Server,
    version: &'static str,
    /// The server's name with the version behind its first word.
    pub(super) name: &'static str,
}

impl Build {
    /// Its texts are never freed, so that servers stay small and can be copied: some for each workload and each build named.
    fn new(server: Server, version: &str) -> Self {
        let (name, configuration) = match server.name().split_once(", ") {
            Some((name, configuration)) => (name, format!(", {configuration}")),
            None => (server.name(), String::new()),
        };
        let name = format!("{name} {version}{configuration}");
        Self { server: Box::leak(Box::new(server)), version: version.to_owned().leak(), name: name.leak() }
    }

    /// The same build, configured as `server` is.
    pub(super) fn configured(self, server: Server) -> Self {
        Self::new(server, self.version)
    }
}

/// A build in a file.
#[derive(Serialize, Deserialize)]
struct Written {
    server: Server,
    version: String,
}

impl<'de> Deserialize<'de> for Build {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { server, version } = Written::deserialize(deserializer)?;
        Ok(Self::new(server, &version))
    }
}

impl From<Build> for Written {
    fn from(build: Build) -> Self {
        Self { server: *build.server, version: build.version.to_owned() }
    }
}

/// Gives a name with its version to each server of which there are several builds; with its path, where the version is the same or
/// unknown. A build that is there twice stays once.
pub(super) fn tell_apart(servers: &mut Vec<Installed>) {
    let mut seen = BTreeSet::new();
    let file = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    servers.retain(|installed| seen.insert((installed.server, file(&installed.executable))));
    let all = servers.clone();
    for installed in servers {
        let builds = || all.iter().filter(|other| other.server == installed.server);
        let number = installed.version_number();
        let same = builds().filter(|other| other.version_number() == number).count();
        let path = installed.executable.display();
        let version = match number {
            _ if builds().count() == 1 => continue,
            Some(number) if same == 1 => number.to_owned(),
            Some(number) => format!("{number} ({path})"),
            None => format!("({path})"),
        };
        installed.server = Server::Build(Build::new(installed.server, &version));
    }
}

impl Installed {
    /// What of the version tells builds apart: its first part that begins with a digit.
    fn version_number(&self) -> Option<&str> {
        let parts = self.version.as_deref()?.split([' ', '/']);
        let numbers = parts.map(|part| part.strip_prefix('v').unwrap_or(part));
        numbers.into_iter().find(|part| part.starts_with(|first: char| first.is_ascii_digit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(server: Server, executable: &str, version: &str) -> Installed {
        Installed { server, executable: executable.into(), version: Some(version.to_owned()) }
    }

    fn names(servers: &[Installed]) -> Vec<&'static str> {
        servers.iter().map(|installed| installed.server.name()).collect()
    }

    #[test]
    fn builds_of_one_server_have_their_version_in_their_names() {
        let mut servers = vec![
            installed(Server::Nginx, "/usr/sbin/nginx", "nginx version: nginx/1.22.1"),
            installed(Server::H2o, "/usr/bin/h2o", "h2o version 2.2.5"),
            installed(Server::Nginx, "/opt/nginx", "nginx version: nginx/1.31.5"),
        ];
        tell_apart(&mut servers);
        assert_eq!(names(&servers), ["nginx 1.22.1", "h2o", "nginx 1.31.5"]);
        let newer = servers[2].server;
        assert!(newer.is_nginx() && newer.is_peer() && newer != servers[0].server);
        assert_eq!(newer.configured(Server::NginxWithoutSendfile).name(), "nginx 1.31.5, sendfile off");
    }

    #[test]
    fn builds_of_one_version_are_told_apart_by_their_paths() {
        let mut servers = vec![
            installed(Server::Caddy, "/usr/bin/caddy", "v2.8.4 h1:abc="),
            installed(Server::Caddy, "/opt/caddy", "v2.8.4 h1:abc="),
        ];
        tell_apart(&mut servers);
        assert_eq!(names(&servers), ["caddy 2.8.4 (/usr/bin/caddy)", "caddy 2.8.4 (/opt/caddy)"]);
    }

    #[test]
    fn a_build_that_is_named_again_is_one() {
        let mut servers = vec![installed(Server::Nginx, "/opt/nginx", "nginx version: nginx/1.31.5"); 2];
        tell_apart(&mut servers);
        assert_eq!(names(&servers), ["nginx"]);
    }

    #[test]
    fn a_build_is_the_same_after_it_was_written() {
        let server = Server::Build(Build::new(Server::NginxWithoutSendfile, "1.31.5"));
        let text = serde_json::to_string(&server).unwrap();
        assert_eq!(text, r#"{"build":{"server":"nginxwithoutsendfile","version":"1.31.5"}}"#);
        assert_eq!(serde_json::from_str::<Server>(&text).unwrap(), server);
    }

    #[test]
    fn what_is_no_build_is_refused_with_the_way_out() {
        for (text, told) in [
            ("nginx", "it is NAME=PATH"),
            ("apache=/bin/true", "choose among nginx, lighttpd"),
            ("selvedge=/bin/true", "there is no peer 'selvedge'"),
            ("nginx=/no/such/nginx", "there is no /no/such/nginx"),
            ("nginx=/etc/passwd", "cannot be executed"),
        ] {
            let error = text.parse::<NamedBuild>().unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
        assert_eq!("h2o=/bin/sh".parse::<NamedBuild>().unwrap().server, Server::H2o);
    }
}
