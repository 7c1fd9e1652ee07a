//! Who writes the site: replaces, writes into, cuts, removes, forbids and restores files while they are served.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use selvedge_runtime::sim::{Dice, Disk, Simulation};

use super::application::pattern;
use super::site_history::{History, Manner, State, Version};

/// The directory served.
pub(super) const ROOT: &str = "/srv/site";
/// The wall clock at a simulation's start.
pub(super) const START_UNIX_S: i64 = 1_767_225_600;
/// Two edits of one file are so far apart: what is written twice within one tick of the file system's clock (4 ms) cannot be told
/// apart by its times, by nobody.
const APART: Duration = Duration::from_millis(10);
/// What the directory that comes and goes is called while it is away.
const AWAY: &str = "/srv/away";

/// The files, and how long each is at most: some fit a small block, some a medium or a large one, some are streamed.
const FILES: [(&str, u64); 14] = [
    ("a0.txt", 3_000),
    ("a1.txt", 3_000),
    ("a2.txt", 100),
    ("a3.html", 3_000),
    ("m0.html", 60_000),
    ("m1.js", 60_000),
    ("l0.bin", 400_000),
    ("l1.bin", 600_000),
    ("l2.txt", 150_000),
    ("sub/index.html", 3_000),
    ("sub/deep/x.css", 3_000),
    ("s0.css", 20_000),
    ("moved/x.txt", 3_000),
    ("moved/l.bin", 200_000),
];
/// Compressed forms of one of them.
const SIBLINGS: [(&str, u64); 2] = [("s0.css.br", 6_000), ("s0.css.gz", 8_000)];

/// The editor, and what it knows of the site's past.
pub(super) struct Editor {
    disk: Disk,
    dice: Dice,
    pub(super) history: History,
    edited_at: BTreeMap<&'static str, Duration>,
    versions: u64,
    is_moved: Moved,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    There,
    Away,
}

impl Editor {
    /// Makes the site as it was an hour before the start.
    pub(super) fn new(simulation: &Simulation, dice: &mut Dice) -> Self {
        let mut editor = Self {
            disk: simulation.disk(),
            dice: dice.fork(),
            history: History::default(),
            edited_at: BTreeMap::new(),
            versions: 0,
            is_moved: Moved::There,
        };
        let disk = editor.disk.clone();
        for (name, bytes_max) in all() {
            let content = editor.content(bytes_max);
            disk.replace(at(name), &content);
            disk.set_modified(at(name), START_UNIX_S - 3_600);
            editor.note(name, Duration::ZERO, Manner::Apart);
        }
        disk.write("/srv/secret", b"no path of the site's leads here");
        disk.link(at("out.txt"), "../secret");
        disk.link(at("link.txt"), "a0.txt");
        disk.link(at("sub/up.txt"), "../a1.txt");
        disk.link(at("abs.txt"), at("a2.txt"));
        disk.link(at("loop.txt"), "loop.txt");
        disk.make_fifo(at("fifo.txt"));
        disk.make_directory(at("empty"));
        disk.write(at(".hidden"), b"nobody asks for this");
        for directory in ["", "sub", "sub/deep", "moved"] {
            disk.set_modified(at(directory), START_UNIX_S - 3_600);
        }
        editor
    }

    /// One edit.
    pub(super) fn edit(&mut self, now: Duration) {
        if self.dice.below(20) == 0 {
            return self.move_directory(now);
        }
        let all: Vec<_> = all().collect();
        let (name, bytes_max) = *self.dice.pick(&all);
        if name.starts_with("moved/") && self.is_moved == Moved::Away {
            return;
        }
        if self.edited_at.get(name).is_some_and(|&before| now < before + APART) {
            return;
        }
        self.edited_at.insert(name, now);
        let (path, disk) = (at(name), self.disk.clone());
        if disk.metadata(&path).is_none() {
            let content = self.content(bytes_max);
            disk.write(&path, &content);
            return self.note(name, now, Manner::Apart);
        }
        if disk.is_forbidden(&path) && self.dice.below(2) == 0 {
            disk.allow(&path);
            return self.note(name, now, Manner::Apart);
        }
        let mut manner = Manner::Apart;
        match self.dice.below(10) {
            0..=2 => {
                let content = self.content(bytes_max);
                disk.replace(&path, &content);
                if self.dice.below(2) == 0 {
                    // As a deploy does that keeps times: each version has its own, since time and size are its name.
                    disk.set_modified(&path, START_UNIX_S - 100_000 + self.versions as i64);
                }
            }
            3 | 4 => {
                // Of the same length often, so that only the times tell.
                let there = disk.content(&path).map_or(0, |content| content.len());
                let length = if self.dice.below(2) == 0 { there } else { self.length(bytes_max) };
                let content = self.content_of(length);
                disk.write(&path, &content);
                manner = Manner::InPlace;
            }
            5 => {
                let more = self.content(200);
                disk.append(&path, &more);
                // Where the file was cut short before, this stands in the place of what was there.
                manner = Manner::InPlace;
            }
            6 => {
                let there = disk.content(&path).map_or(0, |content| content.len());
                disk.truncate(&path, self.dice.below(there as u64 + 1) as usize);
            }
            7 => disk.remove(&path),
            8 => disk.forbid(&path),
            _ => return disk.evict(&path),
        }
        self.note(name, now, manner);
    }

    /// Takes note of what faults have changed: in one event now and then the same file twice.
    pub(super) fn look_at_faults(&mut self, now: Duration) {
        let mut changes: BTreeMap<&'static str, u32> = BTreeMap::new();
        for changed in self.disk.take_changed_by_faults() {
            let is_it = |place: String| changed == Path::new(&place);
            let of = |(name, _): &(&'static str, u64)| is_it(at(name)) || away(name).is_some_and(is_it);
            if let Some((name, _)) = all().find(of) {
                *changes.entry(name).or_default() += 1;
            }
        }
        for (name, count) in changes {
            self.edited_at.insert(name, now);
            self.note(name, now, if count > 1 { Manner::Unseen } else { Manner::Apart });
        }
    }

    /// A directory goes away as a whole, and comes back as a whole.
    fn move_directory(&mut self, now: Duration) {
        let (from, to) = match self.is_moved {
            Moved::There => (at("moved"), AWAY.to_owned()),
            Moved::Away => (AWAY.to_owned(), at("moved")),
        };
        self.disk.rename(from, to);
        self.is_moved = if self.is_moved == Moved::There { Moved::Away } else { Moved::There };
        for (name, _) in all().filter(|(name, _)| name.starts_with("moved/")) {
            self.note(name, now, Manner::Apart);
        }
    }

    fn note(&mut self, name: &'static str, now: Duration, manner: Manner) {
        let state = match (self.version(&at(name)), away(name).and_then(|place| self.version(&place))) {
            (Some(version), _) if self.disk.is_forbidden(at(name)) => State::Forbidden(version),
            (Some(version), _) => State::File(version),
            (None, Some(version)) => State::Away(version),
            (None, None) => State::Nothing,
        };
        self.history.note(name, now, state, manner);
    }

    fn version(&self, place: &str) -> Option<Version> {
        let (content, metadata) = (self.disk.content(place)?, self.disk.metadata(place)?);
        Some(Version { content: content.into(), modified_unix_s: metadata.modified.0 })
    }

    /// Octets that no version had before.
    fn content(&mut self, bytes_max: u64) -> Vec<u8> {
        let length = self.length(bytes_max);
        self.content_of(length)
    }

    fn content_of(&mut self, length: usize) -> Vec<u8> {
        self.versions += 1;
        pattern(self.versions, length)
    }

    fn length(&mut self, bytes_max: u64) -> usize {
        match self.dice.below(8) {
            0 => self.dice.below(20) as usize,
            _ => self.dice.within(bytes_max / 2..=bytes_max) as usize,
        }
    }
}

/// Where a name is on the disk.
pub(super) fn at(name: &str) -> String {
    format!("{ROOT}/{name}")
}

/// Where it is while its directory is away, if that ever is.
fn away(name: &str) -> Option<String> {
    name.strip_prefix("moved/").map(|rest| format!("{AWAY}/{rest}"))
}

fn all() -> impl Iterator<Item = (&'static str, u64)> {
    FILES.into_iter().chain(SIBLINGS)
}
