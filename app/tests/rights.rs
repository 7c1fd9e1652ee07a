//! What the server may do no more once it serves: whom it became, what the kernel says of each of its threads, and what it
//! can still do all the same.
#![allow(clippy::unwrap_used, reason = "a test's helpers end it as the test itself does")]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Output;

use rustix::process::Signal;
use support::{
    Client, Server, Site, as_ordinary_user, eventually, finish, get, is_root, run, shell, skipped, unshare,
};

/// Who owns nothing on Debian, Fedora and Alpine alike.
const NOBODY: u32 = 65_534;
const AS_NOBODY: [&str; 2] = ["--user", "65534:65534"];

/// Sets of capabilities.
const NONE: &str = "0000000000000000";
const IPC_LOCK: &str = "0000000000004000";

/// What the kernel says of a thread, by the names in proc_pid_status(5).
fn of_thread(status: &str, name: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("{name} is in {status}")).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The statuses of all threads.
fn threads(server: &Server) -> Vec<String> {
    let tasks = format!("/proc/{}/task", server.pid().as_raw_nonzero());
    let statuses =
        fs::read_dir(tasks).unwrap().map(|task| fs::read_to_string(task.unwrap().path().join("status")));
    // One may end meanwhile.
    statuses.filter_map(Result::ok).collect()
}

fn needs_root() -> bool {
    if !is_root() {
        skipped("needs root");
    }
    is_root()
}

fn said(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// An address of this machine that no other test has, for ports that are always the same.
fn own_address() -> String {
    let [.., a, b, c] = std::process::id().to_be_bytes();
    format!("127.{}.{b}.{c}", 64 + a % 64)
}

#[test]
fn every_thread_is_the_user_s_alone_and_has_no_way_back() {
    if !needs_root() {
        return;
    }
    let (site, scratch) = (Site::with(&[("file", "words"), ("d/a", "")]), Site::new());
    chown(scratch.path(), Some(NOBODY), None).unwrap();
    let log = scratch.join("log");
    let more = ["--browse", "--metrics", "--compress", "--access-log", log.to_str().unwrap()];
    let server = Server::with(site.path(), &[&AS_NOBODY[..], &more].concat());
    for _ in 0..4 {
        assert_eq!(get(server.address(), "/file").text(), "words");
        // By a helper.
        assert_eq!(get(server.address(), "/d/").status, 200);
    }
    let threads = threads(&server);
    for expected in ["selvedge", "selvedge-0", "selvedge-1", "selvedge-log", "selvedge-signa"] {
        let named = |status: &String| of_thread(status, "Name").starts_with(expected);
        assert!(threads.iter().any(named), "{expected} is among {threads:?}");
    }
    for status in &threads {
        let is = |name| of_thread(status, name);
        assert_eq!(
            (is("Uid"), is("Gid")),
            ("65534 65534 65534 65534".into(), "65534 65534 65534 65534".into())
        );
        assert!(is("Groups").split(' ').all(|group| group == "65534"), "{status}");
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(is(set), NONE, "{set} of {status}");
        }
        assert_eq!(is("NoNewPrivs"), "1", "{status}");
    }
    assert!(server.banner().contains(" user=65534:65534 sandbox="), "{}", server.banner());
    assert!(server.banner().contains("(no capabilities, no new privileges, "), "{}", server.banner());
    server.stop();
}

#[test]
fn a_user_is_become_without_the_sandbox_too() {
    if !needs_root() {
        return;
    }
    let site = Site::with(&[("file", "words")]);
    let server = Server::with(site.path(), &[&AS_NOBODY[..], &["--sandbox", "off"]].concat());
    assert!(server.banner().contains(" user=65534:65534 sandbox=off "), "{}", server.banner());
    assert_eq!(get(server.address(), "/file").text(), "words");
    for status in threads(&server) {
        assert_eq!(
            (of_thread(&status, "CapEff"), of_thread(&status, "NoNewPrivs")),
            (NONE.into(), "0".into())
        );
    }
    server.stop();
}

#[test]
fn ports_are_bound_and_secrets_read_before_the_rights_are_gone() {
    if !needs_root() {
        return;
    }
    let (site, scratch) = (Site::with(&[("file", "words"), ("secret", "keys")]), Site::new());
    fs::set_permissions(site.join("secret"), Permissions::from_mode(0o600)).unwrap();
    let users = scratch.join("users");
    // htpasswd -bnBC 4 user word
    fs::write(&users, "user:$2y$04$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK\n").unwrap();
    fs::set_permissions(&users, Permissions::from_mode(0o600)).unwrap();
    let listen = format!("{}:80", own_address());
    let server = Server::with(site.path(), &[&AS_NOBODY[..], &["-l", &listen]].concat());
    assert_eq!(get(server.address(), "/file").text(), "words");
    assert_eq!(get(server.address(), "/secret").status, 403);
    server.stop();
    let options = [&AS_NOBODY[..], &["--auth-file", users.to_str().unwrap()]].concat();
    let server = Server::with(site.path(), &options);
    assert_eq!(get(server.address(), "/file").status, 401);
    server.stop();
}

#[test]
fn a_log_in_the_user_s_directory_is_rotated_as_ever() {
    if !needs_root() {
        return;
    }
    let (site, scratch) = (Site::with(&[("file", "words")]), Site::new());
    chown(scratch.path(), Some(NOBODY), None).unwrap();
    let (log, old) = (scratch.join("log"), scratch.join("log.1"));
    let server =
        Server::with(site.path(), &[&AS_NOBODY[..], &["--access-log", log.to_str().unwrap()]].concat());
    assert_eq!(fs::metadata(&log).unwrap().uid(), NOBODY);
    get(server.address(), "/file?before");
    fs::rename(&log, &old).unwrap();
    server.signal(Signal::USR1);
    eventually("a new log", || log.exists());
    get(server.address(), "/file?after");
    assert!(!server.stderr().contains("access log"), "{}", server.stderr());
    server.stop();
    assert!(fs::read_to_string(&log).unwrap().contains("?after"));
}

#[test]
fn a_log_in_root_s_directory_is_told_and_needs_its_new_file_made() {
    if !needs_root() {
        return;
    }
    let (site, scratch) = (Site::with(&[("file", "words")]), Site::new());
    let (log, old) = (scratch.join("log"), scratch.join("log.1"));
    let server =
        Server::with(site.path(), &[&AS_NOBODY[..], &["--access-log", log.to_str().unwrap()]].concat());
    assert!(server.stderr().contains("may make no files there; whoever rotates it"), "{}", server.stderr());
    // Nobody makes it: the log goes on in the old one.
    fs::rename(&log, &old).unwrap();
    server.signal(Signal::USR1);
    eventually("a word", || server.stderr().contains("access log cannot be opened again: "));
    assert!(!log.exists());
    // As logrotate's `create` does.
    fs::write(&log, "").unwrap();
    chown(&log, Some(NOBODY), None).unwrap();
    eventually("a line in the new log", || {
        // The same signal within 100 ms is the same wish.
        server.signal(Signal::USR1);
        get(server.address(), "/file");
        fs::metadata(&log).unwrap().len() > 0
    });
    server.stop();
}

#[test]
fn a_unix_socket_is_the_user_s_and_what_stays_of_it_is_replaced() {
    if !needs_root() {
        return;
    }
    let (site, scratch) = (Site::with(&[("file", "words")]), Site::new());
    let path = scratch.join("socket");
    let listen = format!("unix:{}", path.display());
    for stays in [true, true, false] {
        if !stays {
            chown(scratch.path(), Some(NOBODY), None).unwrap();
        }
        let server = Server::with(site.path(), &[&AS_NOBODY[..], &["-l", &listen]].concat());
        assert_eq!(fs::metadata(&path).unwrap().uid(), NOBODY);
        assert_eq!(Client::connect_unix(&path).get("/file").text(), "words");
        assert_eq!(server.stderr().contains("stays behind at the end"), stays, "{}", server.stderr());
        server.stop();
        assert_eq!(path.exists(), stays);
    }
}

#[test]
fn a_user_that_cannot_be_become_is_refused_with_what_helps() {
    let site = Site::with(&[("file", "words")]);
    let start = |user| said(&run(&[site.path().to_str().unwrap(), "-p", "0", "--user", user]));
    assert!(start("nobody-of-that-name").contains("there is no user 'nobody-of-that-name'; name one of"));
    assert!(start("0:no-such-group").contains("there is no group 'no-such-group'; name one of"));
    assert!(start("3999999999").contains("has no entry in /etc/passwd; say its group too"));
    assert!(
        start("root").contains("--user root is root, who keeps every file of the machine within reach; name")
    );
    let ordinary = finish(as_ordinary_user(&site, "exec", site.path()).args(AS_NOBODY));
    assert!(said(&ordinary).contains("only root may become another user; start it as root, or leave"));
    if needs_root() {
        let closed = Site::with(&[("closed/file", "words")]);
        fs::set_permissions(closed.join("closed"), Permissions::from_mode(0o700)).unwrap();
        let root = closed.join("closed");
        let arguments = [&[root.to_str().unwrap(), "-p", "0"], &AS_NOBODY[..]].concat();
        assert!(said(&run(&arguments)).contains("may not be read by this user; run as its owner"));
    }
}

#[test]
fn numbers_of_a_user_need_no_database() {
    let site = Site::with(&[("file", "words")]);
    let start = |user| {
        let mut command = unshare(&["-m", "--propagation", "private"])?;
        command
            .args(["/bin/sh", "-ec", "mount -t tmpfs none /etc; exec \"$0\" \"$@\""])
            .arg(support::binary());
        command.arg(site.path()).args(["-p", "0", "-a", "127.0.0.1", "-j", "2", "--user", user]);
        Some(command)
    };
    let Some(command) = start("65534:65534") else { return };
    let server = Server::of(command);
    assert_eq!(get(server.address(), "/file").text(), "words");
    assert!(threads(&server).iter().all(|status| of_thread(status, "Groups") == "65534"));
    server.stop();
    for (user, wanted) in [
        ("nobody", "users and groups cannot be looked up: "),
        ("nobody", "; give numbers, as in 33:33"),
        ("65534", "; give numbers, as in 33:33"),
        ("65534:nogroup", "; give numbers, as in 33:33"),
    ] {
        let line = said(&finish(&mut start(user).unwrap()));
        assert!(line.contains(wanted), "{user}: {line}");
    }
}

#[test]
fn what_root_alone_can_follow_needs_no_rights_of_the_user() {
    if !needs_root() {
        return;
    }
    let (site, closed) = (Site::with(&[("file", "words")]), Site::with(&[("sub/file", "words")]));
    fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();
    // The log's directory is root's own, as is that of the socket.
    let log = closed.join("sub/log");
    let listen = format!("unix:{}", closed.join("sub/socket").display());
    let options = ["-l", "127.0.0.1:0", "-l", &listen, "--access-log", log.to_str().unwrap()];
    let server = Server::with(site.path(), &[&AS_NOBODY[..], &options].concat());
    assert_eq!(get(server.address(), "/file").text(), "words");
    assert!(server.stderr().contains("user 65534:65534 may make no files there"), "{}", server.stderr());
    server.stop();
    assert!(fs::read_to_string(log).unwrap().contains("GET /file"));
    // A root there is told as any other that cannot be read.
    let root = closed.join("sub");
    let arguments = [&[root.to_str().unwrap(), "-p", "0"], &AS_NOBODY[..]].concat();
    let line = said(&run(&arguments));
    assert!(line.contains("/sub' may not be read by this user; run as its owner"), "{line}");
}

#[test]
fn a_user_that_the_namespace_does_not_have_is_refused_with_what_helps() {
    let Some(mut command) = unshare(&["--user", "--map-root-user"]) else { return };
    let site = Site::with(&[("file", "words")]);
    command.arg(support::binary()).arg(site.path()).args(["-p", "0"]).args(AS_NOBODY);
    let line = said(&finish(&mut command));
    assert!(line.contains("--user 65534:65534: it cannot be become: "), "{line}");
    assert!(line.contains("or leave the option out") && !line.contains("--sandbox"), "{line}");
}

#[test]
fn root_without_capabilities_says_what_it_may_not_change_and_what_it_may_not_read() {
    if !needs_root() {
        return;
    }
    let (site, others) = (Site::with(&[("file", "words")]), Site::with(&[("root/file", "words")]));
    for path in [others.path(), &others.join("root")] {
        chown(path, Some(NOBODY), None).unwrap();
    }
    let (log, socket) = (others.join("log"), others.join("socket"));
    let listen = format!("unix:{}", socket.display());
    let options = ["-l", "127.0.0.1:0", "-l", &listen, "--access-log", log.to_str().unwrap()];
    let server = Server::with(site.path(), &options);
    for said in [
        "this user, without capabilities, may make no files there; whoever rotates it",
        "stays behind at the end, as this user, without capabilities, may remove nothing there",
    ] {
        assert!(server.stderr().contains(said), "{}", server.stderr());
    }
    server.stop();
    assert!(socket.exists());
    // With them it may.
    let server = Server::with(site.path(), &[&options[..], &["--sandbox", "off"]].concat());
    assert!(!server.stderr().contains("may "), "{}", server.stderr());
    server.stop();
    assert!(!socket.exists());
    fs::set_permissions(others.join("root"), Permissions::from_mode(0o700)).unwrap();
    let root = others.join("root");
    let line = said(&run(&[root.to_str().unwrap(), "-p", "0"]));
    assert!(
        line.contains("/root' may not be read without capabilities, which this server gives up; "),
        "{line}"
    );
    let server = Server::with(&root, &["--sandbox", "off"]);
    assert_eq!(get(server.address(), "/file").text(), "words");
    server.stop();
}

#[test]
fn the_one_capability_for_low_ports_is_given_up_too() {
    if !needs_root() {
        return;
    }
    let Some(setpriv) = support::program("setpriv", "util-linux") else { return };
    let (site, scratch) = (Site::with(&[("file", "words")]), Site::new());
    // Where others may reach it, whatever the permissions above the build's folder.
    let copy = scratch.join("selvedge");
    fs::copy(support::binary(), &copy).unwrap();
    let start = format!(
        "exec {} --reuid 40000 --regid 40000 --clear-groups --inh-caps +net_bind_service \
         --ambient-caps +net_bind_service {} \"$@\"",
        setpriv.display(),
        copy.display()
    );
    let listen = format!("{}:81", own_address());
    let server = Server::of(shell(&start, &[site.path().to_str().unwrap(), "-j", "2", "-l", &listen]));
    assert_eq!(get(server.address(), "/file").text(), "words");
    for status in threads(&server) {
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(of_thread(&status, set), NONE, "{set} of {status}");
        }
        assert_eq!((of_thread(&status, "NoNewPrivs"), of_thread(&status, "Groups")), ("1".into(), "".into()));
    }
    server.stop();
}

#[test]
fn without_a_user_the_sandbox_holds_for_whoever_it_is_and_can_be_switched_off() {
    let site = Site::with(&[("file", "words")]);
    let server = Server::start(site.path());
    assert_eq!(get(server.address(), "/file").text(), "words");
    for status in threads(&server) {
        // CAP_IPC_LOCK, where no limit of locked memory can stand in its place.
        let most = if server.banner().contains("no capabilities but ipc_lock") { IPC_LOCK } else { NONE };
        assert_eq!(of_thread(&status, "CapEff"), most, "{status}");
        assert_eq!(of_thread(&status, "NoNewPrivs"), "1", "{status}");
    }
    server.stop();
    let own = fs::read_to_string("/proc/self/status").unwrap();
    let server = Server::with(site.path(), &["--sandbox", "off"]);
    for status in threads(&server) {
        for name in ["CapEff", "CapBnd", "NoNewPrivs"] {
            assert_eq!(of_thread(&status, name), of_thread(&own, name));
        }
    }
    assert!(server.banner().contains(" sandbox=off memory~"), "{}", server.banner());
    server.stop();
}

/// Whether the start line says that Landlock is in force; else what it says instead.
fn landlock(banner: &str) -> Result<(), &str> {
    match banner.split_once(", no landlock: ") {
        Some((_, why)) => Err(why.split(')').next().unwrap()),
        None => {
            assert!(banner.contains(", landlock "), "{banner}");
            Ok(())
        }
    }
}

/// Whether Landlock is in force; says so where it is not.
fn has_landlock(banner: &str) -> bool {
    let landlock = landlock(banner);
    if let Err(why) = landlock {
        skipped(&format!("needs a kernel with Landlock (Linux 5.13 or newer, `lsm=landlock`); here: {why}"));
    }
    landlock.is_ok()
}

#[test]
fn a_kernel_without_landlock_is_told_and_refused_where_it_is_required() {
    let site = Site::with(&[("file", "words")]);
    let server = Server::start(site.path());
    match landlock(server.banner()) {
        Ok(()) => skipped("needs a kernel without Landlock"),
        Err(why) => {
            assert!(["ENOSYS", "EOPNOTSUPP"].contains(&why), "{}", server.banner());
            assert!(server.banner().contains(" sandbox=partial ("), "{}", server.banner());
            let line = said(&run(&[site.path().to_str().unwrap(), "-p", "0", "--sandbox", "require"]));
            assert!(line.contains("--sandbox require cannot be met: no landlock: "), "{line}");
            assert!(line.contains("; boot a kernel with Landlock 6 (Linux 6.12 or newer"), "{line}");
        }
    }
    server.stop();
}

/// A link `current` to `releases/1`, beside `releases/2`.
fn deployed() -> Site {
    let site = Site::with(&[("releases/1/file", "one"), ("releases/2/file", "two")]);
    symlink("releases/1", site.join("current")).unwrap();
    site
}

fn switch(site: &Site, target: &Path) {
    symlink(target, site.join("new")).unwrap();
    fs::rename(site.join("new"), site.join("current")).unwrap();
}

#[test]
fn what_is_all_in_force_can_be_required() {
    let site = Site::with(&[("file", "words")]);
    // Who becomes another user keeps no capability for the want of a limit.
    let user = if is_root() { &AS_NOBODY[..] } else { &[] };
    let server = Server::with(site.path(), user);
    let is_full = server.banner().contains(" sandbox=full (");
    server.stop();
    if !is_full {
        return skipped("needs a kernel with Landlock 6 (Linux 6.12 or newer, `lsm=landlock`)");
    }
    let server = Server::with(site.path(), &[user, &["--sandbox", "require"]].concat());
    assert!(
        server
            .banner()
            .contains(" sandbox=full (no capabilities, no new privileges, landlock 6: no new ports, ")
    );
    assert_eq!(get(server.address(), "/file").text(), "words");
    server.stop();
    if is_root() {
        let server = Server::start(site.path());
        let keeps_one = server.banner().contains("no capabilities but ipc_lock");
        server.stop();
        if keeps_one {
            let line = said(&run(&[site.path().to_str().unwrap(), "-p", "0", "--sandbox", "require"]));
            assert!(
                line.contains("cannot be met: no capabilities but ipc_lock; name another user (--user), or"),
                "{line}"
            );
        }
    }
}

#[test]
fn the_start_line_tells_where_files_may_be_written_and_removed() {
    let (site, scratch) =
        (Site::with(&[("file", "words")]), Site::with(&[("logs/log", ""), ("run/old", "")]));
    let (log, listen) = (scratch.join("logs/log"), format!("unix:{}", scratch.join("run/socket").display()));
    let options = ["-l", "127.0.0.1:0", "-l", &listen, "--access-log", log.to_str().unwrap()];
    let server = Server::with(site.path(), &options);
    if landlock(server.banner()).is_ok() {
        let [logs, run] = ["logs", "run"].map(|name| scratch.join(name));
        let told = format!(", writes below {}, removes below {}", logs.display(), run.display());
        assert!(server.banner().contains(&told), "{}", server.banner());
    }
    server.stop();
    // /dev/stdout: what is open already, and no directory.
    let server = Server::with(site.path(), &["--access-log", "/dev/stderr"]);
    assert!(!server.banner().contains("writes below"), "{}", server.banner());
    assert!(!server.stderr().contains("may make no files there"), "{}", server.stderr());
    get(server.address(), "/file");
    server.signal(Signal::USR1);
    get(server.address(), "/file?again");
    eventually("its line", || server.stderr().contains("GET /file?again"));
    assert!(!server.stderr().contains("cannot be opened"), "{}", server.stderr());
    server.stop();
}

#[test]
fn with_landlock_sockets_are_removed_wherever_a_link_has_put_them() {
    let (site, elsewhere) = (Site::with(&[("file", "words")]), Site::with(&[("other", "")]));
    let run = Site::with(&[("old", "")]);
    symlink(elsewhere.path(), run.join("link")).unwrap();
    let listen = ["socket", "link/socket"].map(|name| format!("unix:{}", run.join(name).display()));
    let server = Server::with(site.path(), &["-l", "127.0.0.1:0", "-l", &listen[0], "-l", &listen[1]]);
    if has_landlock(server.banner()) {
        for place in [run.path(), elsewhere.path()] {
            let (_, removes) = server.banner().split_once("removes below").expect("it has sockets");
            assert!(removes.contains(place.to_str().unwrap()), "{}", server.banner());
        }
    }
    let sockets = [run.join("socket"), elsewhere.join("socket")];
    assert!(sockets.iter().all(|socket| socket.exists()));
    server.stop();
    assert!(sockets.iter().all(|socket| !socket.exists()));
}

#[test]
fn with_landlock_a_root_is_replaced_within_its_place_and_nothing_beyond_is_read() {
    let (site, elsewhere) = (deployed(), Site::with(&[("file", "elsewhere")]));
    let log = site.join("log");
    // Each worker serves the one that it has followed last.
    let options = ["-j", "1", "--metrics", "--access-log", log.to_str().unwrap()];
    let server = Server::with(site.join("current"), &options);
    if !has_landlock(server.banner()) {
        return server.stop();
    }
    let root = site.join("current");
    let told =
        |what: &str| server.stderr().matches(&format!("{root:?} leads to a directory that {what}")).count();
    let denied = || get(server.address(), "/metrics").text().contains("\nselvedge_roots_denied 1\n");
    assert!(
        server.banner().contains(&format!("reads below {}", site.path().display())),
        "{}",
        server.banner()
    );
    assert_eq!(get(server.address(), "/file").text(), "one");
    switch(&site, Path::new("releases/2"));
    eventually("the next release", || get(server.address(), "/file").text() == "two");
    assert!(!denied());
    // Out of reach, though anybody may read it.
    switch(&site, elsewhere.path());
    eventually("a word about it", || {
        assert_eq!(get(server.address(), "/file").text(), "two");
        told("the sandbox (Landlock) does not let this server read") == 1
    });
    assert!(denied());
    assert!(server.stderr().contains("restart it, or start it with `--sandbox off`"), "{}", server.stderr());
    switch(&site, Path::new("releases/1"));
    eventually("the first release", || get(server.address(), "/file").text() == "one");
    assert!(!denied());
    eventually("a word that all is well", || told("may be read again") == 1);
    assert_eq!(told("the sandbox"), 1, "{}", server.stderr());
    fs::rename(&log, site.join("log.1")).unwrap();
    server.signal(Signal::USR1);
    eventually("a new log", || log.exists());
    server.stop();
    // What forbids it is Landlock.
    let server = Server::with(site.join("current"), &["--sandbox", "off"]);
    switch(&site, elsewhere.path());
    eventually("the other place", || get(server.address(), "/file").text() == "elsewhere");
    server.stop();
}

#[test]
fn with_landlock_a_root_is_served_on_when_the_directory_above_is_replaced() {
    let sites = Site::with(&[
        ("site/public/file", "one"),
        ("site/public/other", "words"),
        ("next/public/file", "two"),
    ]);
    let server = Server::start(sites.join("site/public"));
    if !has_landlock(server.banner()) {
        return server.stop();
    }
    let rename = |from, to| fs::rename(sites.join(from), sites.join(to)).unwrap();
    assert_eq!(get(server.address(), "/file").text(), "one");
    rename("site", "last");
    rename("next", "site");
    let told = || server.stderr().matches("the directory before it is served until that changes").count();
    eventually("a word about it", || {
        assert_eq!(get(server.address(), "/file").text(), "one");
        told() > 0
    });
    // Nobody has asked for it before.
    assert_eq!(get(server.address(), "/other").text(), "words");
    rename("site", "next");
    rename("last", "site");
    eventually("a word that all is well", || {
        assert_eq!(get(server.address(), "/file").text(), "one");
        server.stderr().contains("leads to a directory that may be read again")
    });
    assert_eq!(told(), 1, "{}", server.stderr());
    rename("site", "last");
    rename("next", "site");
    fs::remove_dir_all(sites.join("last")).unwrap();
    eventually("a refusal", || get(server.address(), "/file").status == 403);
    eventually("a word about it", || server.stderr().contains("the directory before it was removed"));
    server.stop();
    let server = Server::start(sites.join("site/public"));
    assert_eq!(get(server.address(), "/file").text(), "two");
    server.stop();
}

#[test]
fn a_root_that_its_permissions_forbid_to_read_is_not_served_on() {
    let site = deployed();
    let next = site.join("releases/2");
    let permit = |mode| fs::set_permissions(&next, Permissions::from_mode(mode)).unwrap();
    permit(0o000);
    // In the sandbox root has no capabilities either.
    let server = Server::start(site.join("current"));
    assert_eq!(get(server.address(), "/file").text(), "one");
    switch(&site, Path::new("releases/2"));
    eventually("a refusal", || get(server.address(), "/file").status == 403);
    permit(0o755);
    eventually("the next release", || get(server.address(), "/file").text() == "two");
    assert!(!server.stderr().contains("the sandbox"), "{}", server.stderr());
    server.stop();
}

#[test]
fn links_that_may_lead_anywhere_are_followed_under_landlock_too() {
    let (site, elsewhere) = (Site::new(), Site::with(&[("file", "elsewhere")]));
    symlink(elsewhere.join("file"), site.join("link")).unwrap();
    let server = Server::with(site.path(), &["--symlinks", "all"]);
    assert_eq!(get(server.address(), "/link").text(), "elsewhere");
    server.stop();
}
