//! From a directory's entries to a page, on a helper's thread. In: entries as the file system has them. Out: the page's bytes,
//! sorted where there are not too many, cut where there are far too many.

use std::io;

use selvedge_runtime::fs::{DirectoryEntries, DirectoryEntry, MoreNames};

use super::form::Form;
use super::html::Html;
use super::json::Json;
use super::order::Order;

/// Entries that are sorted. Of more, the page is in the file system's order.
const SORTED_MAX: usize = 20_000;
/// Bytes that an entry takes until it is on the page: a name of 255, metadata, and what allocations take above that.
const ENTRY_BYTES_MAX: usize = 512;
/// Bytes that the entries which are sorted take at most.
pub(super) const SORTED_BYTES_MAX: usize = SORTED_MAX * ENTRY_BYTES_MAX;
/// The longest page. Entries that have no room on it are left out, and it says so.
pub(super) const PAGE_BYTES_MAX: usize = 32 << 20;
/// Room for one more entry and the page's end: each octet of a name takes at most 6 octets as text and 3 as a reference.
const LAST_BYTES_MAX: usize = 8_192;
/// The capacity of a page grows by so much, and not by its own size.
const GROWTH_BYTES: usize = 1 << 20;

/// What a page is to be.
#[derive(Debug)]
pub(super) struct Page {
    /// The directory's path relative to the root, decoded, without a slash at either end.
    pub(super) path: Vec<u8>,
    pub(super) form: Form,
    pub(super) order: Order,
}

/// In which order the entries are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sorting {
    Sorted(Order),
    /// There are too many: as the file system has them.
    Unsorted,
}

/// Whether all entries are on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completeness {
    Whole,
    Cut,
}

/// A page that is being written: its begin, each entry, its end.
pub(super) trait Writer {
    fn begin(&mut self, page: &mut Vec<u8>, path: &[u8], sorting: Sorting);
    fn entry(&mut self, page: &mut Vec<u8>, entry: &DirectoryEntry);
    fn end(&mut self, page: &mut Vec<u8>, completeness: Completeness);
}

impl Page {
    /// # Errors
    /// The directory cannot be read to its end.
    pub(super) fn compose(&self, entries: DirectoryEntries) -> io::Result<Vec<u8>> {
        match self.form {
            Form::Html => self.write(Html::default(), entries, DirectoryEntries::more),
            Form::Json => self.write(Json::default(), entries, DirectoryEntries::more),
        }
    }

    /// `more` tells, when `entries` have ended, whether the directory has more names.
    fn write<I: Iterator<Item = io::Result<DirectoryEntry>>>(
        &self,
        mut writer: impl Writer,
        mut entries: I,
        more: fn(&I) -> MoreNames,
    ) -> io::Result<Vec<u8>> {
        let mut first = entries.by_ref().take(SORTED_MAX + 1).collect::<io::Result<Vec<_>>>()?;
        let sorting = if first.len() <= SORTED_MAX {
            self.order.sort(&mut first);
            Sorting::Sorted(self.order)
        } else {
            Sorting::Unsorted
        };
        let mut page = Vec::with_capacity(GROWTH_BYTES);
        writer.begin(&mut page, &self.path, sorting);
        let mut completeness = Completeness::Whole;
        for entry in first.into_iter().map(Ok).chain(entries.by_ref()) {
            let entry = entry?;
            if page.len() > PAGE_BYTES_MAX - LAST_BYTES_MAX {
                completeness = Completeness::Cut;
                break;
            }
            if page.capacity() - page.len() < LAST_BYTES_MAX {
                page.reserve_exact(GROWTH_BYTES);
            }
            writer.entry(&mut page, &entry);
        }
        if more(&entries) == MoreNames::Some {
            completeness = Completeness::Cut;
        }
        writer.end(&mut page, completeness);
        page.shrink_to_fit();
        Ok(page)
    }
}

#[cfg(test)]
mod tests;
