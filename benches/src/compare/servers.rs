//! The servers: what each is. `find` says which of them are here, `installed` how one of these takes part in a workload, `build` how
//! several builds of one are told apart, `command` how each is started.

mod build;
mod command;
mod configuration;
mod find;
mod installed;
mod siblings;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use self::build::Build;
pub(super) use self::build::NamedBuild;
pub(super) use self::command::Start;
pub(crate) use self::find::{Found, Profile, find, selvedge};
pub(crate) use self::installed::Installed;
use super::workloads::Kind;
use crate::ceiling::Variant;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::enum_variant_names, reason = "one is called so")]
pub(crate) enum Server {
    Selvedge,
    /// Another binary of Selvedge: what a change costs, in one run.
    #[value(skip)]
    SelvedgeBefore,
    /// Selvedge with a listener per worker instead of the hand-off; measured in the workload 'cores' and in the experiment about
    /// accepting only.
    #[value(skip)]
    SelvedgeReuseport,
    /// Selvedge whose first worker only accepts; measured in that experiment only.
    #[value(skip)]
    SelvedgeDedicated,
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
    /// nginx whose workers wait at one listener; measured in the experiment about accepting only.
    #[value(skip)]
    NginxWithOneListener,
    Lighttpd,
    H2o,
    Mighty,
    Caddy,
    StaticWebServer,
    /// On io_uring, with handlers and with files, by programs of benches/hello, as the two that follow.
    Ntex,
    /// On tokio; measured in the workload 'hello' only.
    Hyper,
    /// In Haskell; measured in the workload 'hello' only.
    Warp,
    /// One of those above, where several builds of it take part.
    #[value(skip)]
    Build(Build),
}

impl Server {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Selvedge => "selvedge",
            Self::SelvedgeBefore => "selvedge before",
            Self::SelvedgeReuseport => "selvedge --accept reuseport",
            Self::SelvedgeDedicated => "selvedge --accept dedicated",
            Self::Ceiling => "ceiling",
            Self::CeilingInline => "ceiling, all but waiting inline",
            Self::CeilingEpoll => "ceiling, inline with epoll",
            Self::CeilingLinked => "ceiling, all on the ring",
            Self::CeilingDirect => "ceiling, on the ring, direct descriptors",
            Self::Nginx => "nginx",
            Self::NginxWithoutSendfile => "nginx, sendfile off",
            Self::NginxWithThreads => "nginx, aio threads",
            Self::NginxWithoutFileCache => "nginx, open_file_cache off",
            Self::NginxWithOneListener => "nginx, one listener",
            Self::Lighttpd => "lighttpd",
            Self::H2o => "h2o",
            Self::Mighty => "mighty",
            Self::Caddy => "caddy",
            Self::StaticWebServer => "static-web-server",
            Self::Ntex => "ntex",
            Self::Hyper => "hyper",
            Self::Warp => "warp",
            Self::Build(build) => build.name,
        }
    }

    /// What is started, whichever build of it.
    fn program(self) -> Self {
        match self {
            Self::Build(build) => *build.server,
            server => server,
        }
    }

    /// The same build, configured as `other` is.
    fn configured(self, other: Self) -> Self {
        match self {
            Self::Build(build) => Self::Build(build.configured(other)),
            _ => other,
        }
    }

    /// The program of benches/hello that stands for it in workloads of this kind; `None` where the server itself answers, or takes no
    /// part.
    fn hello_program(self, kind: Kind) -> Option<&'static str> {
        match (self, kind) {
            (Self::Selvedge, Kind::Handler) => Some("selvedge-hello"),
            (Self::Hyper, Kind::Handler) => Some("hyper-hello"),
            (Self::Ntex, Kind::Handler) => Some("ntex-hello"),
            (Self::Ntex, _) => Some("ntex-file-server"),
            (Self::Warp, Kind::Handler) => Some("warp-hello"),
            _ => None,
        }
    }

    /// Whether it is a library, which takes part by programs of benches/hello only.
    fn is_library(self) -> bool {
        matches!(self, Self::Hyper | Self::Ntex | Self::Warp)
    }

    /// Whether other builds of it may be named.
    fn has_builds(self) -> bool {
        self.is_peer() && !self.is_library()
    }

    /// Whether it is another project's server.
    pub(crate) fn is_peer(self) -> bool {
        !self.is_selvedge() && !self.is_ceiling()
    }

    /// Whether it is this project's server, whichever binary and however configured.
    fn is_selvedge(self) -> bool {
        matches!(
            self,
            Self::Selvedge | Self::SelvedgeBefore | Self::SelvedgeReuseport | Self::SelvedgeDedicated
        )
    }

    /// Whether it is nginx, configured in whatever way.
    pub(super) fn is_nginx(self) -> bool {
        matches!(
            self.program(),
            Self::Nginx
                | Self::NginxWithoutSendfile
                | Self::NginxWithThreads
                | Self::NginxWithoutFileCache
                | Self::NginxWithOneListener
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

    /// Debian's package of a peer, or a command that builds one.
    fn how_to_get(self) -> String {
        match self {
            library if library.is_library() => {
                "build benches/hello, and name its folder by --hello".to_owned()
            }
            Self::StaticWebServer => "cargo install static-web-server --locked".to_owned(),
            other => format!("apt install {}", other.package()),
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
