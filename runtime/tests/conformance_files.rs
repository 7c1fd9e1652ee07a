//! What a call about files comes to, case by case, on the real kernel and on the simulated disk: where they differ, the simulator
//! is wrong.
#![allow(clippy::disallowed_methods, reason = "the other side is an ordinary program")]

mod support;

use std::ffi::CString;
use std::fs::Permissions;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use selvedge_runtime::fs::{self, Access, File, Kind, Metadata, Residency, Resolve};
use selvedge_runtime::sim::{Disk, FaultRates, Simulation, SimulationOptions};
use selvedge_runtime::{BufferPool, block_on};
use support::directory::Directory;

use Access::{Place, Read as ForReading};
use Came::{Done, Errno, Is, Names, No, Octets, Sized, Yes, YesIfKnown};
use Resolve::{Anywhere, Beneath, BeneathWithoutLinks};
use Step::*;

/// What is done next, to a tree of its own. `OPEN` is what was opened last.
#[derive(Debug, Clone, Copy)]
enum Step {
    // Another program's.
    Write(&'static str, &'static str),
    Replace(&'static str, &'static str),
    Append(&'static str, &'static str),
    Truncate(&'static str, usize),
    Remove(&'static str),
    Rename(&'static str, &'static str),
    MakeDirectory(&'static str),
    Link(&'static str, &'static str),
    /// A link to a path within the tree, told from the machine's root.
    AbsoluteLink(&'static str, &'static str),
    MakeFifo(&'static str),
    Forbid(&'static str),
    Allow(&'static str),
    // Ours.
    Open(&'static str, Access, Resolve),
    /// A name of so many octets.
    OpenLong(usize),
    OpenCached(&'static str, Access, Resolve),
    Stat(&'static str, Resolve),
    Reopen,
    /// Kind and size of OPEN.
    Look,
    /// Whether OPEN is the same file, of the same size, as at the last look.
    SameAsLooked,
    /// Up to so many octets of OPEN from an offset.
    ReadAt(u64, usize),
    /// The whole of OPEN on a helper's thread, opened anew.
    ReadBeside,
    /// Whether so many octets of OPEN from an offset are in memory.
    InMemory(u64, u64),
    /// The path of OPEN, as the kernel has it, from the tree on.
    PathOfOpen,
    /// The names in OPEN that lead to files and directories.
    List(Resolve),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Came {
    Done,
    Errno(i32),
    Octets(&'static str),
    Is(Kind),
    Sized(Kind, u64),
    Names(&'static [&'static str]),
    Yes,
    No,
    /// Yes, or no where the kernel cannot be asked.
    YesIfKnown,
}

type Case = (&'static str, &'static [(Step, Came)]);

/// The table: calls by outcome.
const CASES: &[Case] = &[
    (
        "a file is opened, looked at and read",
        &[
            (Write("file", "content"), Done),
            (Open("file", ForReading, Beneath), Done),
            (Look, Sized(Kind::Regular, 7)),
            (ReadAt(0, 100), Octets("content")),
            (ReadAt(3, 2), Octets("te")),
            (ReadAt(7, 100), Octets("")),
            (ReadAt(1 << 40, 100), Octets("")),
            (ReadBeside, Octets("content")),
            (InMemory(0, 7), YesIfKnown),
            (InMemory(0, 4_096), YesIfKnown),
            (InMemory(0, 0), Yes),
            // There is no page behind the last one.
            (InMemory(0, 8_192), No),
            (InMemory(4_096, 1), No),
            (PathOfOpen, Octets("/file")),
        ],
    ),
    (
        "a place has no octets until it is opened anew",
        &[
            (Write("file", "content"), Done),
            (Open("file", Place, Beneath), Done),
            (Look, Sized(Kind::Regular, 7)),
            (ReadAt(0, 100), Errno(libc::EBADF)),
            (Reopen, Done),
            (ReadAt(0, 100), Octets("content")),
        ],
    ),
    (
        "nothing is there",
        &[
            (Write("file", ""), Done),
            (Open("missing", ForReading, Beneath), Errno(libc::ENOENT)),
            (Open("missing/file", ForReading, Beneath), Errno(libc::ENOENT)),
            (Open("", ForReading, Beneath), Errno(libc::ENOENT)),
            (Open("file/", ForReading, Beneath), Errno(libc::ENOTDIR)),
            (Open("file/.", ForReading, Beneath), Errno(libc::ENOTDIR)),
            (Open("file/beneath", Place, Beneath), Errno(libc::ENOTDIR)),
            (Stat("missing", Beneath), Errno(libc::ENOENT)),
            (OpenLong(255), Errno(libc::ENOENT)),
            (OpenLong(256), Errno(libc::ENAMETOOLONG)),
            (OpenLong(4_096), Errno(libc::ENAMETOOLONG)),
        ],
    ),
    (
        "names with slashes and dots",
        &[
            (Write("sub/file", "content"), Done),
            (Open("sub//file", ForReading, Beneath), Done),
            (Open("./sub/./file", ForReading, Beneath), Done),
            (Open("sub/../sub/file", ForReading, Beneath), Done),
            (Open("sub/", Place, Beneath), Done),
            (Look, Is(Kind::Directory)),
            (Open(".", Place, Beneath), Done),
            (Look, Is(Kind::Directory)),
        ],
    ),
    (
        "no path leads out",
        &[
            (MakeDirectory("sub"), Done),
            (Open("..", Place, Beneath), Errno(libc::EXDEV)),
            (Open("sub/../..", Place, Beneath), Errno(libc::EXDEV)),
            (Open("missing/../..", Place, Beneath), Errno(libc::ENOENT)),
            (Open("/", Place, Beneath), Errno(libc::EXDEV)),
            (Open("/", Place, BeneathWithoutLinks), Errno(libc::EXDEV)),
            (Open("/", Place, Anywhere), Done),
            (Open("..", Place, Anywhere), Done),
            (Look, Is(Kind::Directory)),
        ],
    ),
    (
        "links",
        &[
            (Write("file", "content"), Done),
            (Link("link", "file"), Done),
            (Link("sub/up", "../file"), Done),
            (Link("sub/out", "../../outside"), Done),
            (Link("loop", "loop"), Done),
            (Link("dangling", "missing"), Done),
            (Link("directory", "sub"), Done),
            (AbsoluteLink("absolute", "file"), Done),
            (Open("link", ForReading, Beneath), Done),
            (ReadAt(0, 100), Octets("content")),
            (PathOfOpen, Octets("/file")),
            (Open("link", ForReading, BeneathWithoutLinks), Errno(libc::ELOOP)),
            (Open("directory/up", ForReading, BeneathWithoutLinks), Errno(libc::ELOOP)),
            (Open("directory/up", ForReading, Beneath), Done),
            (Open("sub/up", Place, Beneath), Done),
            (Look, Sized(Kind::Regular, 7)),
            (Open("sub/out", Place, Beneath), Errno(libc::EXDEV)),
            (Open("absolute", Place, Beneath), Errno(libc::EXDEV)),
            (Open("absolute", Place, Anywhere), Done),
            (Look, Sized(Kind::Regular, 7)),
            (Open("loop", Place, Beneath), Errno(libc::ELOOP)),
            (Open("dangling", Place, Beneath), Errno(libc::ENOENT)),
            (Open("link/", Place, Beneath), Errno(libc::ENOTDIR)),
            (Open("directory/", Place, Beneath), Done),
            (Look, Is(Kind::Directory)),
        ],
    ),
    (
        "directories and FIFOs",
        &[
            (MakeDirectory("sub"), Done),
            (MakeFifo("fifo"), Done),
            (Open("sub", ForReading, Beneath), Done),
            (ReadAt(0, 100), Errno(libc::EISDIR)),
            (Open("fifo", Place, Beneath), Done),
            (Look, Is(Kind::Special)),
            (Stat("fifo", Beneath), Is(Kind::Special)),
            (Stat("sub", Beneath), Is(Kind::Directory)),
        ],
    ),
    (
        "a path in memory",
        &[
            (Write("sub/file", "content"), Done),
            (Open("sub/file", Place, Beneath), Done),
            (OpenCached("sub/file", ForReading, Beneath), Done),
            (ReadAt(0, 100), Octets("content")),
            (Stat("sub/file", Beneath), Sized(Kind::Regular, 7)),
            (OpenCached("sub/file/", Place, Beneath), Errno(libc::ENOTDIR)),
            // In memory alone the kernel does not go that far (fs/namei.c, follow_dotdot_rcu).
            (OpenCached("../sub", Place, Beneath), Errno(libc::EAGAIN)),
            (OpenCached("/", Place, Beneath), Errno(libc::EXDEV)),
        ],
    ),
    (
        "permission lost and regained",
        &[
            (Write("sub/file", "content"), Done),
            (Forbid("sub/file"), Done),
            (Open("sub/file", ForReading, Beneath), Errno(libc::EACCES)),
            // A place is no more than its name.
            (Open("sub/file", Place, Beneath), Done),
            (Look, Sized(Kind::Regular, 7)),
            (Reopen, Errno(libc::EACCES)),
            (ReadBeside, Errno(libc::EACCES)),
            (OpenCached("sub/file", ForReading, Beneath), Errno(libc::EACCES)),
            (Open("sub/file", Place, Beneath), Done),
            (Allow("sub/file"), Done),
            (Reopen, Done),
            (Forbid("sub/file"), Done),
            // What is open stays readable.
            (ReadAt(0, 100), Octets("content")),
            (Allow("sub/file"), Done),
            (Forbid("sub"), Done),
            (Open("sub/file", Place, Beneath), Errno(libc::EACCES)),
            (Open("sub/missing", Place, Beneath), Errno(libc::EACCES)),
            // Nor does it refuse (may_lookup).
            (Stat("sub/file", Beneath), Errno(libc::EAGAIN)),
            (Open("sub", Place, Beneath), Done),
            (List(Beneath), Errno(libc::EACCES)),
            (Allow("sub"), Done),
            (List(Beneath), Names(&["file"])),
        ],
    ),
    (
        "written in place, it is the same file",
        &[
            (Write("file", "content"), Done),
            (Open("file", ForReading, Beneath), Done),
            (Look, Sized(Kind::Regular, 7)),
            (SameAsLooked, Yes),
            (Append("file", " and more"), Done),
            (SameAsLooked, No),
            (ReadAt(0, 100), Octets("content and more")),
            (Truncate("file", 4), Done),
            (Look, Sized(Kind::Regular, 4)),
            (ReadAt(0, 100), Octets("cont")),
            (ReadAt(4, 100), Octets("")),
            (ReadAt(5, 100), Octets("")),
            (Write("file", "other"), Done),
            (ReadAt(0, 100), Octets("other")),
        ],
    ),
    (
        "replaced, what is open stays as it was",
        &[
            (Write("file", "content"), Done),
            (Open("file", ForReading, Beneath), Done),
            (Look, Sized(Kind::Regular, 7)),
            (Replace("file", "another"), Done),
            (ReadAt(0, 100), Octets("content")),
            (ReadBeside, Octets("content")),
            (PathOfOpen, Octets("/file (deleted)")),
            (Open("file", ForReading, Beneath), Done),
            (SameAsLooked, No),
            (ReadAt(0, 100), Octets("another")),
        ],
    ),
    (
        "removed and renamed while it is open",
        &[
            (Write("file", "content"), Done),
            (Write("sub/other", "other"), Done),
            (Open("file", Place, Beneath), Done),
            (Rename("file", "sub/other"), Done),
            (PathOfOpen, Octets("/sub/other")),
            (Open("file", Place, Beneath), Errno(libc::ENOENT)),
            (Open("sub/other", Place, Beneath), Done),
            (Look, Sized(Kind::Regular, 7)),
            (Rename("sub/other", "sub/other"), Done),
            (PathOfOpen, Octets("/sub/other")),
            (Remove("sub"), Done),
            (Reopen, Done),
            (ReadAt(0, 100), Octets("content")),
            (Open("sub/other", Place, Beneath), Errno(libc::ENOENT)),
        ],
    ),
    (
        "what is in a directory",
        &[
            (Write("sub/file", "content"), Done),
            (MakeDirectory("sub/folder"), Done),
            (MakeFifo("sub/fifo"), Done),
            (Link("sub/link", "file"), Done),
            (Link("sub/out", "../../outside"), Done),
            (Link("sub/dangling", "missing"), Done),
            (Link("sub/to-fifo", "fifo"), Done),
            (AbsoluteLink("sub/absolute", "sub/file"), Done),
            (Open("sub", Place, Beneath), Done),
            (List(Beneath), Names(&["absolute", "file", "folder", "link"])),
            (List(BeneathWithoutLinks), Names(&["file", "folder"])),
            (Open("sub/file", Place, Beneath), Done),
            (List(Beneath), Errno(libc::ENOTDIR)),
        ],
    ),
];

/// A tree of one of the machines, as the other programs see it.
trait Tree: Send + 'static {
    fn root(&self) -> PathBuf;
    fn edit(&self, edit: Step);
    /// What may be told of octets that are in memory.
    fn in_memory(&self) -> &'static [Came];
}

struct RealTree(Directory);

impl Tree for RealTree {
    fn in_memory(&self) -> &'static [Came] {
        // cachestat(2) is there from Linux 6.5 on; before, it depends on whether the file system has reads that do not wait.
        let uname = rustix::system::uname();
        let mut numbers =
            uname.release().to_str().unwrap_or_default().split(['.', '-']).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < (6, 5) => {
                let _ = writeln!(
                    io::stderr(),
                    "SKIPPED what is in memory, either answer will do: Linux {major}.{minor} cannot count pages"
                );
                &[Yes, No]
            }
            _ => &[Yes],
        }
    }

    fn root(&self) -> PathBuf {
        self.0.join("tree")
    }

    fn edit(&self, edit: Step) {
        let at = |name: &str| {
            let path = self.root().join(name);
            std::fs::create_dir_all(path.parent().expect("it is beneath the root")).expect("it is writable");
            path
        };
        let edited = match edit {
            Write(name, content) => std::fs::write(at(name), content),
            Replace(name, content) => {
                std::fs::write(at("fresh"), content).and_then(|()| std::fs::rename(at("fresh"), at(name)))
            }
            Append(name, content) => {
                let longer = std::fs::read_to_string(at(name)).expect("it is there") + content;
                std::fs::write(at(name), longer)
            }
            Truncate(name, length) => std::fs::OpenOptions::new()
                .write(true)
                .open(at(name))
                .and_then(|file| file.set_len(length as u64)),
            Remove(name) if at(name).is_dir() => std::fs::remove_dir_all(at(name)),
            Remove(name) => std::fs::remove_file(at(name)),
            Rename(from, to) => std::fs::rename(at(from), at(to)),
            MakeDirectory(name) => std::fs::create_dir_all(at(name)),
            Link(name, target) => symlink(target, at(name)),
            AbsoluteLink(name, target) => symlink(at(target), at(name)),
            MakeFifo(name) => rustix::fs::mknodat(
                rustix::fs::CWD,
                at(name),
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::RUSR,
                0,
            )
            .map_err(io::Error::from),
            Forbid(name) => std::fs::set_permissions(at(name), Permissions::from_mode(0o000)),
            Allow(name) => std::fs::set_permissions(at(name), Permissions::from_mode(0o700)),
            other => panic!("{other:?} is no edit"),
        };
        edited.unwrap_or_else(|error| panic!("{edit:?}: {error}"));
    }
}

struct SimulatedTree;

impl Tree for SimulatedTree {
    fn in_memory(&self) -> &'static [Came] {
        &[Yes]
    }

    fn root(&self) -> PathBuf {
        "/parent/tree".into()
    }

    fn edit(&self, edit: Step) {
        let disk = Disk::current().expect("the thread is in a simulation");
        let at = |name: &str| self.root().join(name);
        match edit {
            Write(name, content) => disk.write(at(name), content.as_bytes()),
            Replace(name, content) => disk.replace(at(name), content.as_bytes()),
            Append(name, content) => disk.append(at(name), content.as_bytes()),
            Truncate(name, length) => disk.truncate(at(name), length),
            Remove(name) => disk.remove(at(name)),
            Rename(from, to) => disk.rename(at(from), at(to)),
            MakeDirectory(name) => disk.make_directory(at(name)),
            Link(name, target) => disk.link(at(name), target),
            AbsoluteLink(name, target) => disk.link(at(name), at(target)),
            MakeFifo(name) => disk.make_fifo(at(name)),
            Forbid(name) => disk.forbid(at(name)),
            Allow(name) => disk.allow(at(name)),
            other => panic!("{other:?} is no edit"),
        }
    }
}

/// A case under way.
struct Run<T> {
    tree: T,
    root: File,
    open: Option<(File, CString)>,
    looked: Option<Metadata>,
}

impl<T: Tree> Run<T> {
    async fn step(&mut self, step: Step) -> io::Result<String> {
        let done = || Ok(format!("{Done:?}"));
        let (access, name, resolve) = match step {
            Open(name, access, resolve) | OpenCached(name, access, resolve) => {
                (access, name.to_owned(), resolve)
            }
            Stat(name, resolve) => (Place, name.to_owned(), resolve),
            OpenLong(octets) => (Place, "n".repeat(octets), Beneath),
            _ => (Place, String::new(), Beneath),
        };
        let name = CString::new(name).expect("no NUL");
        let octets = |octets: &[u8]| Ok(format!("Octets({:?})", String::from_utf8_lossy(octets)));
        let yes = |is_so: bool| Ok(format!("{:?}", if is_so { Yes } else { No }));
        match step {
            Open(..) | OpenLong(_) => {
                let file = fs::open(&self.root, name.clone(), access, resolve).await?;
                self.open = Some((file, name));
                done()
            }
            OpenCached(..) => {
                self.open = Some((fs::open_cached(&self.root, &name, access, resolve)?, name));
                done()
            }
            Stat(..) => told(fs::stat_cached(&self.root, &name, resolve)?),
            Reopen => {
                let (file, name) = self.open.take().expect("something is open");
                let again = fs::reopen(&file);
                self.open = Some((again.as_ref().unwrap_or(&file).clone(), name));
                again.and_then(|_| done())
            }
            Look => {
                self.looked = Some(self.file().metadata()?);
                told(self.file().metadata()?)
            }
            SameAsLooked => {
                let of = |metadata: Metadata| (metadata.identity, metadata.size_bytes);
                yes(Some(of(self.file().metadata()?)) == self.looked.map(of))
            }
            ReadAt(offset, length) => {
                let mut block = BufferPool::file_block().expect("a free block");
                block.truncate(length);
                octets(&fs::read_at(self.file(), block, offset).await?)
            }
            ReadBeside => {
                let read = fs::read_beside(self.file(), |reader| {
                    let mut content = Vec::new();
                    reader?.read_to_end(&mut content)?;
                    Ok::<_, io::Error>(content)
                });
                octets(&read.await.expect("a helper does it")?)
            }
            InMemory(offset, length) => yes(self.file().resident(offset, length) == Residency::Cached),
            PathOfOpen => {
                let path = self.file().current_path()?;
                let path = path.to_str().expect("it is text");
                let root = self.tree.root();
                octets(path.strip_prefix(root.to_str().expect("it is text")).unwrap_or(path).as_bytes())
            }
            List(links) => {
                let (place, location) = self.open.as_ref().expect("something is open");
                let directory = fs::Directory { place, root: &self.root, location, links };
                let names = fs::read_directory(
                    &directory,
                    100,
                    |_| true,
                    |entries| entries?.map(|entry| Ok(entry?.name)).collect::<io::Result<Vec<_>>>(),
                );
                let mut names = names.await.expect("a helper does it")?;
                names.sort();
                let names: Vec<_> = names.iter().map(|name| String::from_utf8_lossy(name)).collect();
                Ok(format!("Names({names:?})"))
            }
            edit => {
                self.tree.edit(edit);
                done()
            }
        }
    }

    fn file(&self) -> &File {
        &self.open.as_ref().expect("something is open").0
    }
}

/// Of a directory the kind alone: its size is the file system's own affair.
fn told(metadata: Metadata) -> io::Result<String> {
    Ok(match metadata.kind {
        Kind::Regular => format!("{:?}", Sized(Kind::Regular, metadata.size_bytes)),
        kind => format!("{:?}", Is(kind)),
    })
}

/// Does what the case says; what came otherwise than the table has it.
fn differences((name, steps): Case, tree: impl Tree) -> Vec<String> {
    tree.edit(MakeDirectory(""));
    block_on(move || async move {
        let root = fs::open_directory(Path::new(&tree.root())).expect("it is there");
        let mut run = Run { tree, root, open: None, looked: None };
        let mut differences = Vec::new();
        for (step, expected) in steps {
            let allowed = match expected {
                YesIfKnown => run.tree.in_memory(),
                expected => std::slice::from_ref(expected),
            };
            let came = run.step(*step).await;
            let came = came.unwrap_or_else(|error| match error.raw_os_error() {
                Some(number) => format!("{:?}", Errno(number)),
                None => format!("{error:?}"),
            });
            if !allowed.iter().any(|expected| came == format!("{expected:?}")) {
                differences.push(format!("{name}: {step:?} came to {came} and not to one of {allowed:?}"));
            }
        }
        differences
    })
}

/// Has the thread, and those it starts, obey the modes of files as any user does.
fn give_up_override() {
    let mut sets = capabilities(None).expect("a thread may ask for its own");
    sets.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
    set_capabilities(None, sets).expect("a thread may give up its own");
}

#[test]
fn the_real_disk_does_what_the_table_says() {
    give_up_override();
    let of_case = |case: &Case| differences(*case, RealTree(Directory::new("conformance")));
    assert_eq!(CASES.iter().flat_map(of_case).collect::<Vec<_>>(), [] as [String; 0]);
}

#[test]
fn the_simulated_disk_does_what_the_table_says() {
    for case in CASES {
        let options = SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() };
        let simulation = Simulation::new(1, options);
        assert_eq!(differences(*case, SimulatedTree), [] as [String; 0]);
        assert_eq!(simulation.descriptors_open(), 0, "{}: every descriptor is closed at the end", case.0);
    }
}
