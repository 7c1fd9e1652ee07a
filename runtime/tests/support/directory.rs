//! A scratch directory for tests on the real disk; those of `http` use it too.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

/// A directory of its own, removed when it is dropped.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("selvedge-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary directory is writable");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file that seems to have lain there for an hour: one that has just changed has no validators, and in a
    /// directory that has just changed things are looked for again.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.write_now(name, content);
        let an_hour_ago = SystemTime::now() - Duration::from_secs(3_600);
        for changed in [path.as_path(), path.parent().expect("below the root")] {
            let file = std::fs::File::open(changed).expect("it was written");
            file.set_modified(an_hour_ago).expect("its owner may");
        }
        path
    }

    pub(crate) fn write_now(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("it is writable");
        std::fs::write(&path, content).expect("it is writable");
        path
    }

    /// Puts a file in the place of another at once (rename(2)).
    pub(crate) fn replace(&self, name: &str, content: impl AsRef<[u8]>) {
        let fresh = self.write(&format!("{name}.new"), content);
        std::fs::rename(fresh, self.0.join(name)).expect("within one directory");
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
