//! The files of a soak: a page, pictures, something large.

use std::fs;
use std::path::Path;

use super::visitor::Connection;
use crate::content::content;

/// Names and sizes in octets.
pub(super) const SMALL: (&str, usize) = ("small.html", 151);
pub(super) const MEDIUM: (&str, usize) = ("medium.css", 16 * 1024);
pub(super) const LARGE: (&str, usize) = ("large.bin", 1 << 20);
pub(super) const HUGE: (&str, usize) = ("huge.bin", 16 << 20);

/// Files that are asked for by chance, of 2 to 160 KB.
pub(super) const MANY: usize = 80;

pub(super) fn of_many(number: usize) -> (String, usize) {
    (format!("many/{number}.jpg"), 2_000 * (number + 1))
}

pub(super) fn write(site: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(site.join("many"))?;
    for (name, length) in all() {
        fs::write(site.join(name), content(length))?;
    }
    Ok(())
}

/// Asks once for each, so that what is kept of them is kept.
pub(super) fn ask_for_each(port: u16) -> anyhow::Result<()> {
    let mut connection = Connection::open(port)?;
    for (name, length) in all() {
        let answer = connection.ask(&format!("/{name}"), "")?;
        anyhow::ensure!(answer.status == 200 && answer.body.len() == length, "{name}: {}", answer.status);
    }
    Ok(())
}

fn all() -> impl Iterator<Item = (String, usize)> {
    let named = [SMALL, MEDIUM, LARGE, HUGE].map(|(name, length)| (name.to_owned(), length));
    named.into_iter().chain((0..MANY).map(of_many))
}
