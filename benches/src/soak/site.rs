//! The files of a soak: pages, pictures, something large. Each has octets of its own, so that another's would show.

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::visitor::Connection;
use crate::content::content;

/// Small pages, of 151 octets and more.
pub(super) const PAGES: usize = 16;
/// Pictures, of 2 to 128 KB.
pub(super) const PICTURES: usize = 64;
const MEDIUM_BYTES: usize = 16 * 1024;
const LARGE_BYTES: usize = 1 << 20;
pub(super) const HUGE_BYTES: usize = 16 << 20;

#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    content: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Site {
    pub(super) pages: Vec<File>,
    pub(super) pictures: Vec<File>,
    pub(super) medium: File,
    pub(super) large: File,
    pub(super) huge: File,
}

impl File {
    /// The content of each begins at another place of the same sequence, whose period is longer than there are files.
    fn new(name: String, number: usize, bytes: usize) -> Self {
        Self { name, content: content(number + bytes).split_off(number) }
    }

    pub(super) fn all(&self) -> &[u8] {
        &self.content
    }

    pub(super) fn part(&self, range: Range<usize>) -> &[u8] {
        &self.content[range]
    }
}

impl Site {
    pub(super) fn new() -> Self {
        let page = |number| File::new(format!("pages/{number}.html"), number, 151 + number);
        let picture =
            |number| File::new(format!("pictures/{number}.jpg"), PAGES + number, 2_000 * (number + 1));
        Self {
            pages: (0..PAGES).map(page).collect(),
            pictures: (0..PICTURES).map(picture).collect(),
            medium: File::new("medium.css".into(), PAGES + PICTURES, MEDIUM_BYTES),
            large: File::new("large.bin".into(), PAGES + PICTURES + 1, LARGE_BYTES),
            huge: File::new("huge.bin".into(), PAGES + PICTURES + 2, HUGE_BYTES),
        }
    }

    pub(super) fn write(&self, root: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(root.join("pages"))?;
        fs::create_dir_all(root.join("pictures"))?;
        for file in self.files() {
            let mut written = fs::File::create(root.join(&file.name))?;
            written.write_all(&file.content)?;
            // What has just changed may change again within its second, and has no tag.
            written.set_modified(SystemTime::now() - Duration::from_secs(60))?;
        }
        Ok(())
    }

    /// Asks once for each, so that what is kept of them is kept.
    pub(super) fn ask_for_each(&self, port: u16) -> anyhow::Result<()> {
        let mut connection = Connection::open(port)?;
        for file in self.files() {
            connection.expect(file, "", 200, file.all())?;
        }
        Ok(())
    }

    fn files(&self) -> impl Iterator<Item = &File> {
        self.pages.iter().chain(&self.pictures).chain([&self.medium, &self.large, &self.huge])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_begins_as_another_does() {
        let site = Site::new();
        let beginnings: Vec<_> = site.files().map(|file| file.part(0..151)).collect();
        assert!(beginnings.iter().enumerate().all(|(at, beginning)| !beginnings[..at].contains(beginning)));
    }
}
