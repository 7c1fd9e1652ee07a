//! A listing for people: a table that can be sorted by its head, in light and dark, on a phone too, without a script.

use std::io::Write;

use selvedge_runtime::fs::{DirectoryEntry, Kind};

use super::entries::{Completeness, Sorting, Writer};
use super::escape::{html_text, reference};
use super::order::{Direction, Key, Order};
use super::size::HumanSize;
use super::time::UtcTime;

/// What the page looks like.
const STYLE: &str = include_str!("style.css");

/// Nothing is loaded, run or sent, whatever a name might make of the page: its own style alone is applied, known by its hash
/// (Content Security Policy Level 3, section 2.3.1).
pub(super) const SECURITY_POLICY: &str = "default-src 'none'; \
    style-src 'sha256-BoDjturNBotS7rtR1JOCL+QaY56Y4Lj9hutObO2ItYI='; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'self'";

/// Directories above this one that the heading links to.
const CRUMBS_MAX: usize = 32;

/// Writes the page.
#[derive(Debug, Default)]
pub(super) struct Html {
    directories: u64,
    files: u64,
    reference: Vec<u8>,
}

impl Writer for Html {
    fn begin(&mut self, page: &mut Vec<u8>, path: &[u8], sorting: Sorting) {
        put(
            page,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <link rel=\"alternate\" type=\"application/json\" href=\"?format=json\">\n<title>/",
        );
        html_text(path, page);
        put(page, if path.is_empty() { "" } else { "/" });
        put(page, "</title>\n<style>");
        put(page, STYLE);
        put(page, "</style>\n</head>\n<body>\n<h1>Index of ");
        crumbs(page, path);
        put(page, "</h1>\n");
        if sorting == Sorting::Unsorted {
            put(page, "<p class=\"note\">Too many entries to sort: they come in no order.</p>\n");
        }
        put(page, "<table>\n<thead>\n<tr>");
        for key in Key::ALL {
            heading(page, key, sorting);
        }
        put(page, "</tr>\n</thead>\n<tbody>\n");
        if !path.is_empty() {
            put(
                page,
                "<tr class=\"up\"><td><a href=\"../\">Parent directory</a></td><td></td><td></td></tr>\n",
            );
        }
    }

    fn entry(&mut self, page: &mut Vec<u8>, entry: &DirectoryEntry) {
        let slash = match entry.metadata.kind {
            Kind::Directory => "/",
            _ => "",
        };
        put(page, if slash.is_empty() { "<tr><td><a href=\"" } else { "<tr class=\"dir\"><td><a href=\"" });
        reference(&entry.name, slash, &mut self.reference);
        html_text(&self.reference, page);
        put(page, "\">");
        html_text(&entry.name, page);
        put(page, slash);
        put(page, "</a></td><td>");
        if slash.is_empty() {
            self.files += 1;
            // A vector takes all that is written.
            let _ = write!(page, "{}", HumanSize(entry.metadata.size_bytes));
        } else {
            self.directories += 1;
        }
        let _ = writeln!(page, "</td><td>{}</td></tr>", UtcTime(entry.metadata.modified.0));
    }

    fn end(&mut self, page: &mut Vec<u8>, completeness: Completeness) {
        put(page, "</tbody>\n</table>\n");
        if completeness == Completeness::Cut {
            put(
                page,
                "<p class=\"note\">The list is cut here: there are more entries than fit on a page.</p>\n",
            );
        }
        let (directories, files) = (Counted(self.directories, "directory", "directories"), self.files);
        let files = Counted(files, "file", "files");
        let _ = write!(page, "<footer>{directories}, {files}</footer>\n</body>\n</html>\n");
    }
}

/// The path, each directory above this one a link to it.
fn crumbs(page: &mut Vec<u8>, path: &[u8]) {
    let segments: Vec<&[u8]> =
        if path.is_empty() { vec![] } else { path.split(|&byte| byte == b'/').collect() };
    // The root is above all of them.
    for (number, segment) in std::iter::once(&b""[..]).chain(segments.iter().copied()).enumerate() {
        let levels_up = segments.len() - number;
        if number > 0 {
            put(page, "<wbr>");
        }
        let linked = (1..=CRUMBS_MAX).contains(&levels_up);
        if linked {
            put(page, "<a href=\"");
            (0..levels_up).for_each(|_| put(page, "../"));
            put(page, "\">");
        }
        html_text(segment, page);
        put(page, if linked { "/</a>" } else { "/" });
    }
}

/// The head of a column: a link that sorts by it, and the other way if it is sorted by it already.
fn heading(page: &mut Vec<u8>, key: Key, sorting: Sorting) {
    let label = match key {
        Key::Name => "Name",
        Key::Size => "Size",
        Key::Time => "Modified (UTC)",
    };
    let Sorting::Sorted(order) = sorting else {
        let _ = write!(page, "<th>{label}</th>");
        return;
    };
    let (aria, arrow, next) = match order {
        Order { key: by, direction } if by == key => match direction {
            Direction::Ascending => (" aria-sort=\"ascending\"", " \u{2191}", direction.turned()),
            Direction::Descending => (" aria-sort=\"descending\"", " \u{2193}", direction.turned()),
        },
        // The largest and the newest are what people look for.
        _ if key == Key::Name => ("", "", Direction::Ascending),
        _ => ("", "", Direction::Descending),
    };
    let (key, next) = (key.name(), next.name());
    let _ = write!(page, "<th{aria}><a href=\"?sort={key}&amp;order={next}\">{label}{arrow}</a></th>");
}

/// A number and what it counts.
struct Counted(u64, &'static str, &'static str);

impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(count, one, many) = self;
        write!(f, "{count} {}", if *count == 1 { one } else { many })
    }
}

fn put(page: &mut Vec<u8>, text: &str) {
    page.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use sha2::Digest;

    use super::*;

    #[test]
    fn the_policy_allows_the_pages_own_style_and_no_other() {
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(STYLE));
        let style_src = format!("style-src 'sha256-{hash}'");
        assert!(SECURITY_POLICY.contains(&style_src), "style.css has changed: say {style_src}");
        assert!(!STYLE.contains("</"), "it would end the element it stands in");
    }

    fn crumbs_of(path: &[u8]) -> String {
        let mut page = Vec::new();
        crumbs(&mut page, path);
        String::from_utf8(page).unwrap()
    }

    #[test]
    fn the_heading_leads_to_every_directory_above() {
        assert_eq!(crumbs_of(b""), "/");
        assert_eq!(crumbs_of(b"a"), "<a href=\"../\">/</a><wbr>a/");
        assert_eq!(
            crumbs_of(b"a/<b>/c"),
            "<a href=\"../../../\">/</a><wbr><a href=\"../../\">a/</a><wbr>\
             <a href=\"../\">&lt;b&gt;/</a><wbr>c/"
        );
        let deep = crumbs_of("d/".repeat(2_000).trim_end_matches('/').as_bytes());
        assert_eq!(deep.matches("<a ").count(), CRUMBS_MAX);
        assert!(deep.len() < 32_768, "{}", deep.len());
    }
}
