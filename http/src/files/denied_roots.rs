//! Roots whose paths lead to directories that the sandbox denies, told to the operator once for all workers.
//!
//! In: how each worker finds a root. Out: a line when that changes, and the number of such roots.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::root::Standing;

/// Roots that cannot be followed, since a sandbox (Landlock, [`FileRules`](selvedge_runtime::process::FileRules))
/// keeps from this process what their paths lead to by now. Their files are served from the directories before, if they
/// are still there.
///
/// ```
/// use std::sync::Arc;
///
/// use selvedge_http::files::{DeniedRoots, FileOptions};
/// use selvedge_http::metrics::Metrics;
///
/// let denied = Arc::new(DeniedRoots::new("restart the service"));
/// let options = FileOptions { denied_roots: Arc::clone(&denied), ..FileOptions::new("/srv/site/public") };
/// let numbers = Metrics::new();
/// numbers.collect(move |page| page.gauge("roots_denied", "Roots that are out of date.", denied.count()));
/// # drop(options);
/// ```
#[derive(Debug)]
pub struct DeniedRoots {
    remedy: String,
    /// At most one per root.
    denied: Mutex<Vec<(PathBuf, Standing)>>,
    count: AtomicUsize,
}

impl Default for DeniedRoots {
    fn default() -> Self {
        Self::new("restart this server")
    }
}

impl DeniedRoots {
    /// None yet. `remedy` is what the operator is told to do.
    pub fn new(remedy: impl Into<String>) -> Self {
        Self { remedy: remedy.into(), denied: Mutex::default(), count: AtomicUsize::default() }
    }

    /// How many there are, as of each root's last look by any worker.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Takes note of how a worker has found a root, and tells if that is news. Costs a load while no root is denied.
    pub(super) fn note(&self, root: &Path, standing: Standing) {
        if standing == Standing::Followed && self.count() == 0 {
            return;
        }
        if let Some(line) = self.news(root, standing) {
            selvedge_runtime::report_line(&line);
        }
    }

    fn news(&self, root: &Path, standing: Standing) -> Option<String> {
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        let known = denied.iter().position(|(path, _)| path == root);
        let what = match (known.map(|place| denied[place].1), standing) {
            (None, Standing::Followed) => return None,
            (Some(_), Standing::Followed) => "",
            (Some(before), now) if before == now => return None,
            // Of a worker that followed the root later than another.
            (Some(Standing::Lost(one)), Standing::Kept(other)) if one == other => return None,
            (_, Standing::Kept(_)) => "the directory before it is served",
            (_, Standing::Lost(_)) => "the directory before it was removed, so nothing can be served (403)",
        };
        if let Some(place) = known {
            denied.swap_remove(place);
        }
        if standing != Standing::Followed {
            denied.push((root.to_owned(), standing));
        }
        self.count.store(denied.len(), Ordering::Relaxed);
        Some(match standing {
            Standing::Followed => {
                format!("{root:?} leads to a directory that may be read again: it is served")
            }
            Standing::Kept(_) | Standing::Lost(_) => format!(
                "{root:?} leads to a directory that the sandbox (Landlock) does not let this server read, since its \
                 rules were made at the start, for what was there then; {what} until that changes; {}",
                self.remedy
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_once_whichever_workers_see_it() {
        let denied = DeniedRoots::new("restart it");
        let [site, mount] = ["/srv/site", "/srv/mount"].map(Path::new);
        let [one, other] = [(1, 10), (1, 11)];
        for (root, standing, expected, count) in [
            (site, Standing::Followed, "", 0),
            (site, Standing::Kept(one), "is served until that changes; restart it", 1),
            // Another worker, and the same one later.
            (site, Standing::Kept(one), "", 1),
            (mount, Standing::Kept(one), "\"/srv/mount\" leads to", 2),
            (site, Standing::Kept(other), "is served until", 2),
            (site, Standing::Lost(other), "was removed, so nothing can be served (403) until", 2),
            (site, Standing::Kept(other), "", 2),
            (site, Standing::Followed, "\"/srv/site\" leads to a directory that may be read again", 1),
            (site, Standing::Followed, "", 1),
            (site, Standing::Lost(one), "was removed", 2),
        ] {
            let line = denied.news(root, standing);
            assert_eq!(line.is_some(), !expected.is_empty(), "{standing:?}: {line:?}");
            assert!(line.is_none_or(|line| line.contains(expected)), "{expected}");
            assert_eq!(denied.count(), count, "{standing:?}");
        }
    }
}
