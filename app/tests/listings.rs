//! Listings of directories: what is in them, in which form and order, and that each entry leads to what it names.

mod support;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;
use support::{Client, Response, Server, Site, as_ordinary_user, eventually, get, is_root};

/// Names that are hard to say in a page, each the text of its own file.
const HOSTILE: [&[u8]; 14] = [
    b"\"><script>alert(1)</script>",
    b"' onclick=x",
    b"&amp;",
    b"line\nfeed\ttab",
    b"not UTF-8 \xff\xfe",
    b"100%41",
    b"query?x=y",
    b"anchor#there",
    b"javascript:alert(1)",
    b"back\\slash",
    b"  spaces  ",
    b"+plus",
    b"...",
    "größe 大きさ \u{202e}txt".as_bytes(),
];

/// With `.` before it only where dots are shown.
fn hostile_site() -> Site {
    let site = Site::new();
    for name in HOSTILE {
        // A slash is what no name holds.
        let name: Vec<u8> = name.iter().map(|&byte| if byte == b'/' { b'|' } else { byte }).collect();
        fs::write(site.path().join(OsStr::from_bytes(&name)), &name).expect("the site is writable");
    }
    site.write("folder: <b>/file", "within");
    site
}

fn json(client: &mut Client, target: &str) -> Value {
    let response = client.get_with(target, &[("accept", "application/json")]);
    assert_eq!(
        (response.status, response.field("content-type")),
        (200, Some("application/json")),
        "{target}"
    );
    serde_json::from_slice(&response.body).expect("it is JSON")
}

fn names(page: &Value) -> Vec<&str> {
    let entries = page["entries"].as_array().expect("it is a list");
    entries.iter().map(|entry| entry["name"].as_str().expect("it is text")).collect()
}

/// What `href="..."` says in a page's table, with the five entities of HTML taken back.
fn hrefs(page: &Response) -> Vec<String> {
    let text = page.text().split_once("<tbody>").expect("there is a table").1;
    let quoted = text.split("<td><a href=\"").skip(1).map(|rest| rest.split_once('"').expect("it ends").0);
    let entities = [("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&amp;", "&")];
    quoted
        .map(|href| entities.iter().fold(href.to_owned(), |href, (from, to)| href.replace(from, to)))
        .collect()
}

#[test]
fn without_the_option_directories_are_not_listed() {
    let site = Site::with(&[("sub/file", "words")]);
    let server = Server::start(site.path());
    for target in ["/", "/sub/", "/?format=json"] {
        assert_eq!(get(server.address(), target).status, 404, "{target}");
    }
}

#[test]
fn every_entry_leads_to_what_it_names_whatever_that_is() {
    let site = hostile_site();
    let server = Server::with(site.path(), &["--browse", "--hidden", "show"]);
    let mut client = Client::connect(server.address());
    let page = client.get("/");
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("<script") && !page.text().contains("<b>"), "{}", page.text());
    let of_html = hrefs(&page);
    let listed = json(&mut client, "/");
    let entries = listed["entries"].as_array().unwrap();
    let of_json: Vec<_> = entries.iter().map(|entry| entry["href"].as_str().unwrap()).collect();
    assert_eq!(of_html, of_json);
    assert_eq!(of_json.len(), HOSTILE.len() + 1);
    let mut served = Vec::new();
    for (href, entry) in of_json.iter().zip(entries) {
        let path = href.strip_prefix("./").expect("no entry is taken for a scheme");
        assert!(path.bytes().all(|byte| byte.is_ascii_graphic()), "{path}");
        let response = client.get(&format!("/{path}"));
        assert_eq!(response.status, 200, "{path}");
        if entry["type"] == "file" {
            assert_eq!(entry["size"], response.body.len(), "{path}");
            assert_eq!(String::from_utf8_lossy(&response.body), entry["name"].as_str().unwrap());
            served.push(response.body);
        } else {
            assert_eq!(hrefs(&response), ["../", "./file"]);
            assert_eq!(client.get(&format!("/{path}file")).text(), "within");
        }
    }
    served.sort();
    served.dedup();
    assert_eq!(served.len(), HOSTILE.len());
    server.stop();
}

#[test]
fn a_listing_is_not_kept_and_nothing_in_it_runs() {
    let site = Site::with(&[("sub/file", "words")]);
    let server = Server::with(site.path(), &["--browse"]);
    let mut client = Client::connect(server.address());
    for (target, content_type) in
        [("/sub/", "text/html; charset=utf-8"), ("/sub/?format=json", "application/json")]
    {
        let page = client.get(target);
        assert_eq!(page.field("content-type"), Some(content_type));
        assert_eq!(page.field("cache-control"), Some("no-cache"));
        assert_eq!(page.field("vary"), Some("Accept"));
        assert_eq!(page.field("x-content-type-options"), Some("nosniff"));
        for validator in ["etag", "last-modified", "accept-ranges"] {
            assert_eq!(page.field(validator), None);
        }
        let policy = page.field("content-security-policy").unwrap_or_default();
        assert_eq!(
            policy.starts_with("default-src 'none'; style-src 'sha256-"),
            target == "/sub/",
            "{policy}"
        );
        let head = client.head(target);
        assert_eq!((head.status, head.content_length()), (200, page.body.len() as u64));
        // Neither a condition nor a range applies.
        let fields = [("if-modified-since", "Fri, 31 Dec 9999 23:59:59 GMT"), ("range", "bytes=0-1")];
        let again = client.get_with(target, &fields);
        assert_eq!((again.status, again.body), (200, page.body));
    }
    server.stop();
}

#[test]
fn the_form_is_asked_for_by_accept_or_by_the_query() {
    let site = Site::with(&[("file", "words")]);
    let server = Server::with(site.path(), &["--browse"]);
    let mut client = Client::connect(server.address());
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    for (target, accept, json) in [
        ("/", browser, false),
        ("/", "*/*", false),
        ("/", "application/json", true),
        ("/?format=json", browser, true),
        ("/?format=html", "application/json", false),
        ("/?x=1&format=json", browser, true),
        ("/?format=xml", "application/json", true),
    ] {
        let page = client.get_with(target, &[("accept", accept)]);
        assert_eq!(page.field("content-type") == Some("application/json"), json, "{target} {accept}");
        assert_eq!(serde_json::from_slice::<Value>(&page.body).is_ok(), json, "{target} {accept}");
    }
    let page = json(&mut client, "/");
    assert_eq!(
        (&page["path"], &page["sorted"], &page["complete"]),
        (&"/".into(), &true.into(), &true.into())
    );
    let entry = &page["entries"][0];
    assert_eq!((&entry["name"], &entry["type"], &entry["size"]), (&"file".into(), &"file".into(), &5.into()));
    assert_eq!(entry["modified"].as_str().map(str::len), Some("2024-02-29T08:05:59Z".len()));
    server.stop();
}

#[test]
fn entries_are_sorted_as_the_query_says_with_directories_first() {
    let site = Site::with(&[("b", "1"), ("A", "333"), ("c", "22"), ("z/x", ""), ("y/x", "")]);
    let times = [("b", 2), ("A", 1), ("c", 3), ("z", 1), ("y", 2)];
    for (name, days) in times {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(days * 86_400);
        fs::File::open(site.join(name)).unwrap().set_modified(time).unwrap();
    }
    let server = Server::with(site.path(), &["--browse"]);
    let mut client = Client::connect(server.address());
    for (query, expected) in [
        ("", ["y", "z", "A", "b", "c"]),
        ("?sort=name&order=desc", ["z", "y", "c", "b", "A"]),
        ("?sort=size&order=asc", ["y", "z", "b", "c", "A"]),
        ("?sort=size&order=desc", ["z", "y", "A", "c", "b"]),
        ("?sort=time", ["z", "y", "A", "b", "c"]),
        ("?order=desc&sort=time", ["y", "z", "c", "b", "A"]),
    ] {
        assert_eq!(names(&json(&mut client, &format!("/{query}"))), expected, "{query}");
    }
    // Each head of the table leads to another order, and the one it is sorted by to the reverse.
    let page = client.get("/?sort=size&order=desc");
    for link in ["?sort=name&amp;order=asc", "?sort=size&amp;order=asc", "?sort=time&amp;order=desc"] {
        assert!(page.text().contains(&format!("<a href=\"{link}\">")), "{link} is in {}", page.text());
    }
    assert!(page.text().contains("<td>1970-01-02 00:00</td>"), "{}", page.text());
    server.stop();
}

#[test]
fn an_index_file_goes_first_and_a_directory_has_its_slash() {
    let site = Site::with(&[("with/index.html", "index"), ("without/x", "x"), ("file", "words")]);
    let server = Server::with(site.path(), &["--browse"]);
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/with/").text(), "index");
    let redirect = client.get("/without?sort=size");
    assert_eq!((redirect.status, redirect.field("location")), (301, Some("/without/?sort=size")));
    let redirect = client.get("/file/");
    assert_eq!((redirect.status, redirect.field("location")), (301, Some("/file")));
    for target in ["/nothing/", "/nothing", "/without/nothing/"] {
        assert_eq!(client.get(target).status, 404, "{target}");
    }
    client.send(support::request("POST", "/without/", &[]));
    assert_eq!(client.response().status, 405);
    assert!(!hrefs(&client.get("/")).contains(&"../".to_owned()), "nothing is above the root");
    assert_eq!(hrefs(&client.get("/without/")), ["../", "./x"]);
    // Sooner or later a new index file is seen.
    site.write("without/index.html", "index");
    eventually("the look for a new index file", || client.get("/without/").text() == "index");
    server.stop();
}

#[test]
fn what_is_not_served_is_not_listed() {
    let site = Site::with(&[
        (".hidden", ""),
        (".well-known/security.txt", ""),
        ("sub/.well-known", ""),
        ("sub/file", ""),
        ("outside/secret", "secret"),
    ]);
    fs::create_dir(site.join("root")).unwrap();
    for name in [".hidden", ".well-known", "sub"] {
        fs::rename(site.join(name), site.join(&format!("root/{name}"))).unwrap();
    }
    let root = site.join("root");
    symlink("sub", root.join("link-inside")).unwrap();
    symlink(root.join("sub/file").canonicalize().unwrap(), root.join("absolute-inside")).unwrap();
    symlink("../outside", root.join("link-out")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink(".hidden", root.join("link-to-hidden")).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, root.join("fifo"), fifo, rustix::fs::Mode::from_raw_mode(0o644), 0)
        .unwrap();
    let every = [
        ".hidden",
        ".well-known",
        "absolute-inside",
        "dangling",
        "fifo",
        "link-inside",
        "link-out",
        "link-to-hidden",
        "sub",
    ];
    for options in [
        &["--browse"][..],
        &["--browse", "--hidden", "show"],
        &["--browse", "--symlinks", "none"],
        &["--browse", "--symlinks", "all"],
    ] {
        let server = Server::with(&root, options);
        let mut client = Client::connect(server.address());
        let page = json(&mut client, "/");
        let mut listed = names(&page);
        listed.sort_unstable();
        let is_served = |name: &&str| matches!(client.get(&format!("/{name}")).status, 200 | 301);
        let served: Vec<_> = every.into_iter().filter(is_served).collect();
        assert_eq!(listed, served, "{options:?}");
        let below = json(&mut client, "/sub/");
        assert_eq!(names(&below).contains(&".well-known"), options.contains(&"show"), "only at the root");
        // It is a file, which is redirected to its name where it is shown.
        let hidden = if options.contains(&"show") { 301 } else { 404 };
        assert_eq!(client.get("/.hidden/").status, hidden, "{options:?}");
        if options.contains(&"all") {
            assert_eq!(names(&json(&mut client, "/link-out/")), ["secret"]);
        } else {
            assert_eq!(client.get("/link-out/").status, 404, "{options:?}");
        }
        if !options.contains(&"none") {
            assert!(names(&json(&mut client, "/link-inside/")).contains(&"file"), "{options:?}");
        }
        server.stop();
    }
}

#[test]
fn the_fields_that_the_operator_wants_are_said_but_the_page_keeps_its_own_policy() {
    let site = Site::with(&[("sub/file", "words")]);
    let options = [
        "--browse",
        "--security-headers",
        "--cors=https://a.example",
        "--header",
        "Content-Security-Policy: default-src 'self'",
        "--header",
        "Cache-Control: max-age=5",
        "--header",
        "*.html=X-Page: 1",
    ];
    let server = Server::with(site.path(), &options);
    let mut client = Client::connect(server.address());
    let page = client.get_with("/sub/", &[("origin", "https://a.example")]);
    let policy = page.field("content-security-policy").expect("the page has one");
    assert!(
        policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'self'"),
        "{policy}"
    );
    // A directory changes without a sign.
    assert_eq!(page.field("cache-control"), Some("no-cache"));
    assert_eq!(page.field("x-frame-options"), Some("SAMEORIGIN"));
    assert_eq!(page.field("access-control-allow-origin"), Some("https://a.example"));
    assert_eq!(page.field("x-page"), None);
    let vary: Vec<_> =
        page.fields.iter().filter(|(name, _)| name == "vary").map(|(_, value)| &**value).collect();
    assert_eq!(vary, ["Accept", "Origin"]);
    let json = client.get("/sub/?format=json");
    assert_eq!(json.field("content-security-policy"), Some("default-src 'self'"));
    server.stop();
}

#[test]
fn a_listing_goes_before_an_applications_page_and_a_mount_has_its_own() {
    let (site, other) =
        (Site::with(&[("app.html", "app"), ("sub/file", "")]), Site::with(&[("d/within", "")]));
    let mount = format!("/mounted/here={}", other.path().display());
    let options = ["--browse", "--spa=app.html", "--not-found", "app.html", "--mount", &mount];
    let server = Server::with(site.path(), &options);
    let mut client = Client::connect(server.address());
    assert_eq!(names(&json(&mut client, "/sub/")), ["file"]);
    assert_eq!(client.get_with("/nothing/", &[("accept", "text/html")]).text(), "app");
    assert_eq!(client.get("/nothing/").status, 404);
    let mounted = json(&mut client, "/mounted/here/");
    assert_eq!((&mounted["path"], names(&mounted)), (&"/mounted/here/".into(), vec!["d"]));
    assert_eq!(names(&json(&mut client, "/mounted/here/d/")), ["within"]);
    let page = client.get("/mounted/here/d/");
    assert!(
        page.text().contains("<a href=\"../../../\">/</a><wbr><a href=\"../../\">mounted/</a>"),
        "{}",
        page.text()
    );
    server.stop();
}

#[test]
fn a_directory_that_may_not_be_listed_is_403_and_its_files_are_served() {
    let site = Site::with(&[("closed/file", "words"), ("open/file", "words")]);
    fs::set_permissions(site.join("closed"), Permissions::from_mode(0o711)).unwrap();
    if !is_root() {
        fs::set_permissions(site.join("closed"), Permissions::from_mode(0o311)).unwrap();
    }
    let mut command = as_ordinary_user(&site, "exec", site.path());
    command.env("SELVEDGE_BROWSE", "1");
    let server = Server::of(command);
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/closed/").status, 403);
    assert_eq!(client.get("/closed/file").text(), "words");
    assert_eq!(names(&json(&mut client, "/open/")), ["file"]);
    eventually("the operator is told", || server.stderr().contains("closed"));
    server.stop();
    // It can be removed again.
    fs::set_permissions(site.join("closed"), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn many_clients_all_get_their_listings() {
    let site = Site::with(&[("a/1", ""), ("b/1", ""), ("c/1", "")]);
    let server = Server::with(site.path(), &["--browse"]);
    let address = server.address();
    let clients: Vec<_> = (0..40)
        .map(|number| {
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                for round in 0..5 {
                    let folder = ["a", "b", "c"][(number + round) % 3];
                    let page = json(&mut client, &format!("/{folder}/"));
                    assert_eq!((&page["path"], names(&page)), (&format!("/{folder}/").into(), vec!["1"]));
                }
                // Some leave without waiting for what they have asked for.
                client.send(support::request("GET", "/", &[]));
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    assert_eq!(names(&json(&mut Client::connect(address), "/")), ["a", "b", "c"]);
    server.stop();
}

#[test]
fn a_hundred_thousand_entries_are_listed_unsorted_and_held_only_as_far_as_memory_allows() {
    const ENTRIES: usize = 100_000;
    let site = Site::new();
    let directory = site.join("many");
    fs::create_dir(&directory).unwrap();
    // A thousand names for each file: fewer inodes than names.
    let long = "n".repeat(60);
    for number in 0..ENTRIES {
        let first = directory.join(format!("{long}-{:06}", number / 1_000 * 1_000));
        let path = directory.join(format!("{long}-{number:06}"));
        match number % 1_000 {
            0 => fs::write(path, "words").unwrap(),
            _ => fs::hard_link(first, path).unwrap(),
        }
    }
    site.write("file", "words");
    let server = Server::with(site.path(), &["--browse"]);
    let mut client = Client::connect(server.address());
    let page = json(&mut client, "/many/");
    assert_eq!((&page["sorted"], &page["complete"]), (&Value::Bool(false), &Value::Bool(true)));
    let mut listed = names(&page);
    assert_eq!(listed.len(), ENTRIES);
    listed.sort_unstable();
    listed.dedup();
    assert_eq!(listed.len(), ENTRIES);
    let page = client.get("/many/");
    assert!(page.text().contains("Too many entries to sort"));
    assert!(
        page.text()
            .ends_with(&format!("<footer>0 directories, {ENTRIES} files</footer>\n</body>\n</html>\n"))
    );
    // Three such pages that nobody reads are held, a fourth has no room.
    assert!((64 << 20) / 4 < page.body.len() && page.body.len() <= (64 << 20) / 3, "{}", page.body.len());
    let mut slow: Vec<_> = (0..3).map(|_| Client::connect(server.address())).collect();
    for slow in &mut slow {
        slow.send(support::request("GET", "/many/", &[]));
        assert_eq!(slow.try_head().unwrap().status, 200);
    }
    let refused = client.get("/many/");
    assert_eq!((refused.status, refused.field("retry-after")), (503, Some("1")));
    assert_eq!(names(&json(&mut client, "/")), ["many", "file"], "small ones have room still");
    drop(slow);
    eventually("room for another page", || client.get("/many/").status == 200);
    server.stop();
}
