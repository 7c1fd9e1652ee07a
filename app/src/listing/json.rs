//! A listing for programs: one object, with a line for each entry.
//!
//! `path` and `name` are text, in which what is not UTF-8 is replaced; `href` is the reference to follow, and exact.

use std::io::Write;

use selvedge_runtime::fs::{DirectoryEntry, Kind};

use super::entries::{Completeness, Sorting, Writer};
use super::escape::{json_text, reference};
use super::time::UtcTime;

/// Writes the page.
#[derive(Debug, Default)]
pub(super) struct Json {
    entries: u64,
    sorted: bool,
    reference: Vec<u8>,
}

impl Writer for Json {
    fn begin(&mut self, page: &mut Vec<u8>, path: &[u8], sorting: Sorting) {
        self.sorted = sorting != Sorting::Unsorted;
        page.extend_from_slice(b"{\"path\":\"/");
        json_text(path, page);
        page.extend_from_slice(if path.is_empty() { b"\",\"entries\":[" } else { b"/\",\"entries\":[" });
    }

    fn entry(&mut self, page: &mut Vec<u8>, entry: &DirectoryEntry) {
        page.extend_from_slice(if self.entries == 0 { b"\n{\"name\":\"" } else { b",\n{\"name\":\"" });
        self.entries += 1;
        json_text(&entry.name, page);
        let directory = entry.metadata.kind == Kind::Directory;
        reference(&entry.name, if directory { "/" } else { "" }, &mut self.reference);
        page.extend_from_slice(b"\",\"href\":\"");
        // Nothing in it needs an escape: all but a few characters are percent-encoded.
        page.extend_from_slice(&self.reference);
        let modified = UtcTime(entry.metadata.modified.0);
        // A vector takes all that is written.
        let _ = match directory {
            true => write!(page, "\",\"type\":\"directory\",\"modified\":\"{modified:#}\"}}"),
            false => {
                let size = entry.metadata.size_bytes;
                write!(page, "\",\"type\":\"file\",\"size\":{size},\"modified\":\"{modified:#}\"}}")
            }
        };
    }

    fn end(&mut self, page: &mut Vec<u8>, completeness: Completeness) {
        let complete = completeness == Completeness::Whole;
        let _ = writeln!(page, "\n],\"sorted\":{},\"complete\":{complete}}}", self.sorted);
    }
}
