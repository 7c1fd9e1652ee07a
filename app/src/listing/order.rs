//! The order of a listing: directories first, then as the query asks.

use std::cmp::Ordering;

use selvedge_runtime::fs::{DirectoryEntry, Kind};

/// What entries are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Key {
    #[default]
    Name,
    Size,
    Time,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Direction {
    #[default]
    Ascending,
    Descending,
}

/// The order of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Order {
    pub(super) key: Key,
    pub(super) direction: Direction,
}

impl Key {
    pub(super) const ALL: [Self; 3] = [Self::Name, Self::Size, Self::Time];

    /// As the query calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Time => "time",
        }
    }
}

impl Direction {
    /// As the query calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }

    pub(super) fn turned(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

impl Order {
    /// `sort=name|size|time` and `order=asc|desc`; by name, ascending, where the query says nothing of these.
    pub(super) fn of(query: Option<&[u8]>) -> Self {
        let key = match query_value(query, b"sort") {
            Some(b"size") => Key::Size,
            Some(b"time") => Key::Time,
            _ => Key::Name,
        };
        let direction = match query_value(query, b"order") {
            Some(b"desc") => Direction::Descending,
            _ => Direction::Ascending,
        };
        Self { key, direction }
    }

    pub(super) fn sort(self, entries: &mut [DirectoryEntry]) {
        entries.sort_unstable_by(|one, other| self.compare(one, other));
    }

    /// Directories first whichever way; equal ones, and directories by size, by name.
    fn compare(self, one: &DirectoryEntry, other: &DirectoryEntry) -> Ordering {
        let is_file = |entry: &DirectoryEntry| entry.metadata.kind != Kind::Directory;
        let by_key = match self.key {
            Key::Name => Ordering::Equal,
            Key::Size if is_file(one) => one.metadata.size_bytes.cmp(&other.metadata.size_bytes),
            Key::Size => Ordering::Equal,
            Key::Time => one.metadata.modified.cmp(&other.metadata.modified),
        };
        let ascending = by_key.then_with(|| compare_names(&one.name, &other.name));
        is_file(one).cmp(&is_file(other)).then(match self.direction {
            Direction::Ascending => ascending,
            Direction::Descending => ascending.reverse(),
        })
    }
}

/// Upper and lower case of ASCII letters together, other octets as they are.
fn compare_names(one: &[u8], other: &[u8]) -> Ordering {
    let folded = one.iter().map(u8::to_ascii_lowercase).cmp(other.iter().map(u8::to_ascii_lowercase));
    folded.then_with(|| one.cmp(other))
}

/// The value of the first `name=value` in a query.
pub(super) fn query_value<'a>(query: Option<&'a [u8]>, name: &[u8]) -> Option<&'a [u8]> {
    query?.split(|&byte| byte == b'&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::fs::Metadata;

    use super::*;

    fn entry(name: &str, kind: Kind, size_bytes: u64, modified_s: i64) -> DirectoryEntry {
        let (modified, changed, identity) = ((modified_s, 0), (0, 0), (0, 0));
        let metadata = Metadata { kind, size_bytes, modified, changed, identity };
        DirectoryEntry { name: name.into(), metadata }
    }

    fn sorted(query: &str) -> String {
        let mut entries = [
            entry("b", Kind::Regular, 1, 30),
            entry("A", Kind::Regular, 2, 20),
            entry("a", Kind::Regular, 2, 10),
            entry("Y", Kind::Directory, 4_096, 1),
            entry("x", Kind::Directory, 8_192, 2),
        ];
        Order::of(Some(query.as_bytes())).sort(&mut entries);
        entries.iter().map(|entry| str::from_utf8(&entry.name).unwrap()).collect()
    }

    #[test]
    fn directories_come_first_whichever_way_the_rest_is_sorted() {
        for (query, expected) in [
            ("", "xYAab"),
            ("order=desc", "YxbaA"),
            ("sort=name&order=asc", "xYAab"),
            ("sort=size", "xYbAa"),
            ("order=desc&sort=size", "YxaAb"),
            ("sort=time", "YxaAb"),
            ("sort=time&order=desc", "xYbAa"),
            ("sort=nonsense&order=nonsense", "xYAab"),
            ("resort=size&sort", "xYAab"),
        ] {
            assert_eq!(sorted(query), expected, "{query}");
        }
    }
}
