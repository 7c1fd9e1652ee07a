//! What a server says of the versions of the site's files. In: its address. Out: each file's validators, for requests
//! to hold against the file and for answers to say again.

use std::net::SocketAddr;

use super::conversation::Conversation;
use super::site::{self, File, There};

/// A file, and what tells its version from others.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) file: &'static File,
    /// A strong one, in its quotes.
    pub(super) entity_tag: String,
    pub(super) last_modified: String,
}

/// Those of all files; nobody changes any.
#[derive(Debug)]
pub(super) struct Versions(Vec<Version>);

impl Versions {
    /// Asks for each file's.
    pub(super) fn ask(server: SocketAddr) -> Result<Self, String> {
        let mut conversation = Conversation::open(server).map_err(|error| error.to_string())?;
        let mut versions: Vec<Version> = Vec::new();
        for file in site::files() {
            let version =
                ask_for(&mut conversation, file).map_err(|what| format!("/{}: {what}", file.name))?;
            if versions.iter().any(|other| other.entity_tag == version.entity_tag) {
                return Err(format!("/{}: another file has the tag {} too", file.name, version.entity_tag));
            }
            versions.push(version);
        }
        Ok(Self(versions))
    }

    /// Each as `tell` says.
    #[cfg(test)]
    pub(super) fn with(tell: impl Fn(&'static File) -> Version) -> Self {
        Self(site::files().map(tell).collect())
    }

    /// That of a file which anybody may have.
    pub(super) fn of(&self, file: &'static File) -> &Version {
        self.0.iter().find(|version| version.file == file).expect("it was asked for")
    }

    /// That of what is at a target.
    pub(super) fn at(&self, target: &str) -> Option<&Version> {
        match site::at(target.strip_prefix('/')?.as_bytes()) {
            There::File(file) => self.0.iter().find(|version| version.file == file),
            There::Directory | There::Nothing => None,
        }
    }

    pub(super) fn all(&self) -> &[Version] {
        &self.0
    }
}

fn ask_for(conversation: &mut Conversation, file: &'static File) -> Result<Version, String> {
    let request = format!("HEAD /{} HTTP/1.1\r\nHost: a\r\n\r\n", file.name);
    conversation.say(request.as_bytes()).map_err(|error| error.to_string())?;
    let reply = conversation.reply(true)?.ok_or("the connection ended")?;
    let said = |name| Ok::<_, String>(reply.field(name)?.ok_or(format!("no {name}"))?.to_owned());
    let version = Version { file, entity_tag: said("etag")?, last_modified: said("last-modified")? };
    match version.entity_tag.starts_with('"') && reply.status == 200 {
        true => Ok(version),
        false => Err(format!("{} with {version:?}", reply.status)),
    }
}
