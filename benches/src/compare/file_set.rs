//! Workloads of many files. In: which of the sets. Out: its files, and the paths in the order in which they are asked for; the same
//! in every run.

mod site;
mod zipf;

use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FileSet {
    /// The files of a site, with siblings in two codings, in turn.
    Site,
    /// Ten thousand small files, some asked for far more often than others.
    Zipf,
}

/// A file to be served.
#[derive(Debug)]
pub(super) struct SetFile {
    /// Below the root.
    pub(super) name: String,
    pub(super) content: Vec<u8>,
}

impl FileSet {
    /// Its directory below the root.
    pub(super) fn directory(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Zipf => "zipf",
        }
    }

    /// The file, beside the configurations, that has its paths in the order in which they are asked for, a line each.
    pub(super) fn list(self) -> String {
        format!("{}.paths", self.directory())
    }

    /// All its files, one after the other; siblings after what they are siblings of.
    pub(super) fn files(self) -> Box<dyn Iterator<Item = SetFile>> {
        match self {
            Self::Site => Box::new(site::files(self.directory())),
            Self::Zipf => Box::new(zipf::files(self.directory())),
        }
    }

    /// What is asked for, in this order and then again from the first. Each begins with a slash.
    pub(super) fn paths(self) -> Vec<String> {
        match self {
            Self::Site => site::paths(self.directory()),
            Self::Zipf => zipf::paths(self.directory()),
        }
    }

    /// What is asked for, each once, in the order in which the load comes to it first.
    pub(super) fn distinct_paths(self) -> Vec<String> {
        let (mut paths, mut seen) = (self.paths(), BTreeSet::new());
        paths.retain(|path| seen.insert(path.clone()));
        paths
    }

    /// Header fields of its requests.
    pub(super) fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Site => &["Accept-Encoding: br;q=1, gzip;q=0.8"],
            Self::Zipf => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_that_is_asked_for_is_a_file() {
        for set in [FileSet::Site, FileSet::Zipf] {
            let files: BTreeSet<String> = set.files().map(|file| format!("/{}", file.name)).collect();
            let paths = set.distinct_paths();
            assert!(paths.iter().all(|path| files.contains(path)), "{set:?}");
            assert_eq!(paths[..2], set.paths()[..2], "{set:?}");
            assert_eq!(paths.len(), set.paths().into_iter().collect::<BTreeSet<_>>().len(), "{set:?}");
        }
    }
}
