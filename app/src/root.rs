//! What is served, looked at before it is. In: the configuration. Out: the root as a directory, or what is wrong with the root
//! or a mount.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use selvedge_runtime::process;

use crate::config::Config;
use crate::failure::Failure;

/// What is served: a directory, or one file of one.
#[derive(Debug)]
pub struct Root {
    /// The directory.
    pub directory: PathBuf,
    /// The name of that file; `None`: all of the directory.
    pub only: Option<Vec<u8>>,
}

/// A root or a mount that cannot be served.
#[derive(Debug)]
pub enum BadRoot {
    /// The directory that cannot be reached.
    Directory(PathBuf, io::Error),
    /// The one file that cannot be read.
    File(PathBuf, io::Error),
}

impl Root {
    /// Finds the root and the mounts, so that what is wrong with them is told at once.
    ///
    /// # Errors
    /// The first that this process, with the rights it has now, cannot serve.
    pub fn find(config: &Config) -> Result<Self, BadRoot> {
        let check = |directory: &Path| {
            process::check_directory(directory).map_err(|error| BadRoot::Directory(directory.into(), error))
        };
        config.site.mounts.iter().try_for_each(|mount| check(&mount.directory))?;
        let root = &config.root;
        if !process::is_file(root) {
            check(root)?;
            return Ok(Self { directory: root.clone(), only: None });
        }
        let directory = process::directory_of(root).to_path_buf();
        check(&directory)?;
        process::check_file(root).map_err(|error| BadRoot::File(root.clone(), error))?;
        let only = root.file_name().map(|name| name.as_encoded_bytes().to_vec());
        Ok(Self { directory, only })
    }
}

impl BadRoot {
    /// The failure of a process that could read it before it gave up its capabilities, and stayed the user it was.
    pub fn without_capabilities(self) -> Failure {
        match self {
            Self::Directory(path, error) | Self::File(path, error)
                if error.kind() == ErrorKind::PermissionDenied =>
            {
                Failure::root_out_of_reach(&path)
            }
            other => other.into(),
        }
    }
}

impl From<BadRoot> for Failure {
    fn from(bad: BadRoot) -> Self {
        match bad {
            BadRoot::Directory(path, error) => Self::root(&path, &error),
            BadRoot::File(path, error) => Self::root_file(&path, &error),
        }
    }
}
