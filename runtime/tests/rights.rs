//! What a thread can still do once Landlock's rules are in force for it, and what it can do no more. Each test restricts a
//! thread of its own. Without Landlock there is nothing to see, which is said.

mod support;

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, test_kill_process};
use selvedge_runtime::fs::open_directory;
use selvedge_runtime::process::{FileNeeds, FileRules, Landlock, listen_backlog_max};
use selvedge_runtime::{LogTarget, block_on};
use support::directory::Directory;

/// What `act` comes to on a thread under these rules; it is told the version of Landlock. `None` where there is none.
fn under<T: Send>(rules: FileRules, act: impl FnOnce(u8) -> T + Send) -> Option<T> {
    let name = std::thread::current().name().unwrap_or("test").to_owned();
    std::thread::scope(|scope| {
        let restricted = scope.spawn(|| match rules.enforce().expect("rules can be enforced") {
            Landlock::Enforced { abi } => Some(act(abi)),
            Landlock::Missing { why } => {
                let _ = writeln!(io::stderr(), "SKIPPED {name}: needs a kernel with Landlock; here: {why}");
                None
            }
        });
        restricted.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn rules(needs: &FileNeeds) -> FileRules {
    FileRules::open(needs).expect("rules can be made")
}

fn log(path: PathBuf) -> FileNeeds {
    FileNeeds { logs: vec![LogTarget::File(path)], ..FileNeeds::default() }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).open(path)
}

fn append_or_make(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

#[track_caller]
fn assert_denied<T>(result: io::Result<T>) {
    assert_eq!(result.err().map(|error| error.kind()), Some(ErrorKind::PermissionDenied));
}

#[test]
fn files_are_read_written_and_removed_where_that_is_needed_and_nowhere_else() {
    let top = Directory::new("rights-files");
    for name in ["site/file", "site/sub/file", "logs/log", "logs/old", "sockets/file", "other/file"] {
        top.write(name, "words");
    }
    let needs = FileNeeds {
        read: vec![top.join("site")],
        remove: vec![top.join("sockets")],
        ..log(top.join("logs/log"))
    };
    let rules = rules(&needs);
    assert_eq!(rules.written(), [fs::canonicalize(top.join("logs")).unwrap()]);
    under(rules, |abi| {
        assert_eq!(fs::read(top.join("site/sub/file")).unwrap(), b"words");
        assert_eq!(fs::read_dir(top.join("site")).unwrap().count(), 2);
        for name in ["logs/log", "sockets/file", "other/file", "site/../other/file"] {
            assert_denied(fs::read(top.join(name)));
        }
        assert_denied(fs::read_dir(top.join("logs")));
        append_or_make(&top.join("logs/log")).unwrap();
        append_or_make(&top.join("logs/new")).unwrap();
        if abi >= 3 {
            assert_denied(OpenOptions::new().write(true).truncate(true).open(top.join("logs/log")));
        }
        for name in ["site/file", "sockets/file", "other/file"] {
            assert_denied(append(&top.join(name)));
        }
        for name in ["site/new", "sockets/new", "other/new"] {
            assert_denied(append_or_make(&top.join(name)));
        }
        assert_denied(fs::create_dir(top.join("logs/directory")));
        fs::remove_file(top.join("sockets/file")).unwrap();
        for name in ["site/file", "logs/log", "other/file"] {
            assert_denied(fs::remove_file(top.join(name)));
        }
        // Nor may what is reachable be led elsewhere.
        assert!(fs::rename(top.join("logs/old"), top.join("other/old")).is_err());
    });
    assert_eq!(fs::read(top.join("other/file")).unwrap(), b"words");
}

#[test]
fn what_the_sandbox_denies_is_told_from_what_permissions_forbid() {
    let top = Directory::new("rights-denied");
    for name in ["site/file", "other/file", "closed/file"] {
        top.write(name, "words");
    }
    fs::set_permissions(top.join("closed"), Permissions::from_mode(0o000)).unwrap();
    // Root may read it all the same.
    let is_forbidden = fs::read_dir(top.join("closed")).is_err();
    let is_denied = |path: PathBuf| {
        block_on(move || async move { open_directory(&path).map(|place| place.is_denied_by_sandbox()) })
    };
    let places = ["site", "other", "closed"].map(|name| top.join(name));
    assert_eq!(places.clone().map(|place| is_denied(place).unwrap()), [false; 3]);
    under(rules(&FileNeeds { read: vec![top.join("site")], ..FileNeeds::default() }), |_| {
        assert_eq!(places.map(|place| is_denied(place).unwrap()), [false, true, !is_forbidden]);
    });
}

#[test]
fn no_port_is_bound_and_none_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    under(rules(&FileNeeds::default()), |abi| {
        if abi >= 4 {
            assert_denied(TcpListener::bind("127.0.0.1:0"));
            assert_denied(TcpStream::connect(address));
        } else {
            TcpStream::connect(address).unwrap();
        }
    });
    TcpStream::connect(address).unwrap();
}

#[test]
fn no_other_process_is_signalled_or_reached_by_its_abstract_socket() {
    let mut other = Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat is there");
    let name = SocketAddr::from_abstract_name(format!("selvedge-rights-{}", std::process::id())).unwrap();
    let _listener = UnixListener::bind_addr(&name).unwrap();
    let pid = Pid::from_child(&other);
    under(rules(&FileNeeds::default()), |abi| {
        let (signalled, connected) = (test_kill_process(pid), UnixStream::connect_addr(&name));
        if abi >= 6 {
            assert_eq!(signalled, Err(rustix::io::Errno::PERM));
            assert_denied(connected);
        } else {
            assert!(signalled.is_ok() && connected.is_ok(), "{signalled:?}, {connected:?}");
        }
    });
    assert!(test_kill_process(pid).is_ok() && UnixStream::connect_addr(&name).is_ok());
    drop(other.stdin.take());
    other.wait().unwrap();
}

#[test]
fn the_longest_backlog_is_known_as_before_and_the_process_s_own_memory_out_of_reach() {
    let before = listen_backlog_max();
    assert!(before.is_some());
    under(rules(&FileNeeds::default()), |_| {
        assert_eq!(listen_backlog_max(), before);
        for name in ["environ", "maps", "mem"] {
            assert_denied(File::open(format!("/proc/self/{name}")));
        }
        assert!(fs::read_link("/proc/self/exe").is_ok(), "links are no files");
    });
}

#[test]
fn what_is_not_there_needs_no_rule() {
    let top = Directory::new("rights-nothing");
    let nothing = top.join("nothing");
    let needs =
        FileNeeds { read: vec![nothing.clone()], remove: vec![nothing.clone()], ..log(nothing.join("log")) };
    assert_eq!(rules(&needs).written(), [] as [PathBuf; 0]);
    let loops = top.join("loops");
    symlink("loops", &loops).unwrap();
    let error = FileRules::open(&FileNeeds { read: vec![loops], ..FileNeeds::default() }).unwrap_err();
    assert!(error.to_string().contains("/loops\": "), "{error}");
}

#[test]
fn a_log_behind_a_link_is_made_anew_on_both_sides() {
    let top = Directory::new("rights-links");
    top.write("data/real", "");
    fs::create_dir(top.join("logs")).unwrap();
    symlink("../data/real", top.join("logs/log")).unwrap();
    let rules = rules(&log(top.join("logs/log")));
    assert_eq!(rules.written().len(), 2);
    under(rules, |_| {
        for name in ["logs/log", "data/new", "logs/new"] {
            append_or_make(&top.join(name)).unwrap();
        }
    });
}

#[test]
fn a_log_that_is_open_already_opens_no_directory() {
    let top = Directory::new("rights-open");
    top.write("data/beside", "");
    let open = File::create(top.join("data/output")).unwrap();
    // As /dev/stdout is one.
    fs::create_dir(top.join("devices")).unwrap();
    let link = top.join("devices/output");
    symlink(format!("/proc/self/fd/{}", open.as_raw_fd()), &link).unwrap();
    for path in [link.clone(), format!("/dev/fd/{}", open.as_raw_fd()).into()] {
        let rules = rules(&log(path.clone()));
        assert_eq!(rules.written(), [] as [PathBuf; 0]);
        under(rules, |_| {
            append_or_make(&path).unwrap().write_all(b"line\n").unwrap();
            assert_denied(append(&top.join("data/beside")));
            for name in ["data/new", "devices/new"] {
                assert_denied(append_or_make(&top.join(name)));
            }
        });
    }
}

#[test]
fn a_log_that_is_a_pipe_is_opened_again_with_a_name_and_without() {
    let top = Directory::new("rights-pipes");
    let named = top.join("pipe");
    assert!(Command::new("mkfifo").arg(&named).status().unwrap().success());
    let (_reader, writer) = io::pipe().unwrap();
    for path in [named, format!("/proc/self/fd/{}", writer.as_raw_fd()).into()] {
        under(rules(&log(path.clone())), |_| {
            OpenOptions::new().read(true).append(true).open(&path).unwrap();
            assert_denied(append_or_make(&top.join("new")));
        });
    }
}
