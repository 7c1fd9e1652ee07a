//! Files in several forms: compressed beforehand, in several languages; and names that lead to other names.

use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue};
use selvedge_http::files::{
    CleanUrls, FieldRule, FileOptions, FilePattern, Precompressed, RuleAnswers, TreeOptions,
};

use crate::FOR_EVER;
use crate::support::client::{Client, Reply};
use crate::support::directory::Directory;
use crate::support::site::site;
use crate::support::{TestServer, patient, pattern};

fn start(directory: &Directory, change: impl FnOnce(&mut TreeOptions)) -> TestServer {
    start_with(directory, Duration::ZERO, change)
}

fn start_with(
    directory: &Directory,
    fresh_for: Duration,
    change: impl FnOnce(&mut TreeOptions),
) -> TestServer {
    let mut options = FileOptions { fresh_for, ..FileOptions::new(directory.path()) };
    change(&mut options.trees[0]);
    TestServer::start(patient(), site(options))
}

fn get(client: &mut Client, path: &str, fields: &[(&str, &str)]) -> Reply {
    let lines: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
    client.reply()
}

/// A script in every coding, each with a content of its own.
fn with_siblings() -> Directory {
    let directory = Directory::new("forms");
    for (name, content) in
        [("a.js", "plain"), ("a.js.gz", "as gzip"), ("a.js.br", "as br"), ("a.js.zst", "as zstd")]
    {
        directory.write(name, content);
    }
    directory
}

#[test]
fn the_coding_that_the_client_likes_best_is_sent() {
    let directory = with_siblings();
    let server = start_with(&directory, FOR_EVER, |_| {});
    let mut client = server.connect();
    for (accepted, text, coding) in [
        ("gzip, deflate, br, zstd", "as br", Some("br")),
        ("br;q=1, gzip;q=0.8", "as br", Some("br")),
        ("gzip;q=1.0, br;q=0.9", "as gzip", Some("gzip")),
        ("x-gzip", "as gzip", Some("gzip")),
        ("zstd", "as zstd", Some("zstd")),
        ("*", "as br", Some("br")),
        ("identity", "plain", None),
        ("deflate", "plain", None),
        ("", "plain", None),
        ("br;q=0, *", "as zstd", Some("zstd")),
        ("identity;q=0, gzip;q=0.001", "as gzip", Some("gzip")),
    ] {
        let reply = get(&mut client, "/a.js", &[("Accept-Encoding", accepted)]);
        assert_eq!((reply.status, reply.text()), (200, text), "{accepted}");
        assert_eq!(reply.field("content-encoding"), coding, "{accepted}");
        assert_eq!(reply.field("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(reply.field("vary"), Some("Accept-Encoding"), "{accepted}");
    }
    let without = client.get("/a.js");
    assert_eq!((without.text(), without.field("content-encoding")), ("plain", None));
}

#[test]
fn nothing_that_fits_is_406() {
    let directory = with_siblings();
    directory.write("b.txt", "only as it is");
    let server = start(&directory, |_| {});
    let mut client = server.connect();
    for path in ["/a.js", "/b.txt"] {
        for accepted in ["identity;q=0", "*;q=0", "identity;q=0, compress"] {
            let reply = get(&mut client, path, &[("Accept-Encoding", accepted)]);
            assert_eq!((reply.status, reply.field("vary")), (406, Some("Accept-Encoding")), "{accepted}");
        }
    }
    let reply = get(&mut client, "/b.txt", &[("Accept-Encoding", "identity;q=0.5, gzip")]);
    assert_eq!((reply.status, reply.field("vary")), (200, None));
}

#[test]
fn each_coding_has_validators_and_ranges_of_its_own() {
    let directory = with_siblings();
    // Of equal size and time, as a build makes them.
    let time = SystemTime::now() - Duration::from_secs(9_999);
    for name in ["a.js", "a.js.br"] {
        directory.write(name, "same size");
        let file = std::fs::File::open(directory.join(name)).expect("it was written");
        file.set_modified(time).expect("its owner may");
    }
    let server = start(&directory, |_| {});
    let mut client = server.connect();
    let plain = client.get("/a.js").field("etag").expect("a tag").to_owned();
    let br = [("Accept-Encoding", "br")];
    let tag = get(&mut client, "/a.js", &br).field("etag").expect("a tag").to_owned();
    assert_ne!(plain, tag);
    for (tag, status) in [(&tag, 304), (&plain, 200)] {
        let reply = get(&mut client, "/a.js", &[br[0], ("If-None-Match", tag)]);
        assert_eq!((reply.status, reply.field("vary")), (status, Some("Accept-Encoding")));
    }
    let reply = get(&mut client, "/a.js", &[br[0], ("Range", "bytes=5-"), ("If-Range", &tag)]);
    assert_eq!((reply.status, reply.text(), reply.field("content-encoding")), (206, "size", Some("br")));
    let reply = get(&mut client, "/a.js", &[br[0], ("Range", "bytes=5-"), ("If-Range", &plain)]);
    assert_eq!(reply.status, 200);
}

#[test]
fn siblings_may_be_large() {
    let directory = Directory::new("forms");
    directory.write("a.data", pattern(300_000));
    directory.write("a.data.br", pattern(200_000));
    let server = start(&directory, |_| {});
    let mut client = server.connect();
    for (accepted, size) in [("br", 200_000), ("gzip", 300_000), ("br", 200_000)] {
        assert!(get(&mut client, "/a.data", &[("Accept-Encoding", accepted)]).body == pattern(size));
    }
}

#[test]
fn an_outdated_sibling_is_used_only_where_it_is_asked_for() {
    let directory = with_siblings();
    let file = std::fs::File::open(directory.join("a.js.br")).expect("it was written");
    file.set_modified(SystemTime::now() - Duration::from_secs(9_999)).expect("its owner may");
    let all = [("Accept-Encoding", "br, gzip;q=0.5, zstd;q=0.1")];
    for (precompressed, text) in [
        (Precompressed::Auto, "as gzip"),
        (Precompressed::Always, "as br"),
        (Precompressed::Off, "plain"),
        (Precompressed::Alone, "as gzip"),
    ] {
        let server = start(&directory, |tree| tree.precompressed = precompressed);
        let reply = get(&mut server.connect(), "/a.js", &all);
        assert_eq!(reply.text(), text, "{precompressed:?}");
        assert_eq!(reply.field("vary").is_some(), precompressed != Precompressed::Off);
    }
}

#[test]
fn a_sibling_alone_answers_only_where_it_is_asked_for() {
    let directory = Directory::new("forms");
    directory.write("a.js.gz", "as gzip");
    for (precompressed, accepted, status) in [
        (Precompressed::Auto, "gzip", 404),
        (Precompressed::Alone, "gzip", 200),
        (Precompressed::Alone, "br", 404),
        (Precompressed::Alone, "identity", 404),
    ] {
        let server = start(&directory, |tree| tree.precompressed = precompressed);
        let reply = get(&mut server.connect(), "/a.js", &[("Accept-Encoding", accepted)]);
        assert_eq!(reply.status, status, "{precompressed:?}, {accepted}");
    }
}

#[test]
fn siblings_that_come_and_go_are_noticed() {
    let directory = Directory::new("forms");
    directory.write("d/a.js", "plain");
    let server = start(&directory, |_| {});
    let mut client = server.connect();
    let br = [("Accept-Encoding", "br")];
    for _ in 0..3 {
        assert_eq!(get(&mut client, "/d/a.js", &br).text(), "plain");
        directory.write("d/a.js.br", "first");
        assert_eq!(get(&mut client, "/d/a.js", &br).text(), "first");
        directory.replace("d/a.js.br", "second");
        assert_eq!(get(&mut client, "/d/a.js", &br).text(), "second");
        std::fs::remove_file(directory.join("d/a.js.br")).expect("it is there");
    }
}

#[test]
fn what_is_compressed_already_has_no_siblings() {
    let directory = Directory::new("forms");
    for name in ["a.png", "a.png.gz", "a.js.gz", "a.js.gz.br"] {
        directory.write(name, name);
    }
    let server = start(&directory, |_| {});
    let mut client = server.connect();
    for name in ["a.png", "a.js.gz"] {
        let reply = get(&mut client, &format!("/{name}"), &[("Accept-Encoding", "gzip, br")]);
        assert_eq!((reply.text(), reply.field("vary")), (name, None));
    }
}

#[test]
fn a_language_is_chosen_before_a_coding() {
    let directory = Directory::new("forms");
    for name in
        ["index.html.en", "index.html.ja", "index.html.ja.br", "about.html", "about.html.ja", "x.html"]
    {
        directory.write(name, name);
    }
    let languages = vec!["en".to_owned(), "ja".to_owned()];
    let server = start(&directory, |tree| tree.languages = languages);
    let mut client = server.connect();
    for (path, accepted, name) in [
        ("/", "ja", "index.html.ja.br"),
        ("/", "en", "index.html.en"),
        ("/", "ja-JP, en;q=0.5", "index.html.ja.br"),
        ("/", "de, en;q=0.1, ja;q=0.2", "index.html.ja.br"),
        ("/", "de", "index.html.en"),
        ("/", "", "index.html.en"),
        ("/about.html", "ja", "about.html.ja"),
        ("/about.html", "en", "about.html"),
        ("/x.html", "ja", "x.html"),
    ] {
        let reply = get(&mut client, path, &[("Accept-Language", accepted), ("Accept-Encoding", "br")]);
        assert_eq!((reply.status, reply.text()), (200, name), "{path} in {accepted}");
        assert_eq!(reply.field("content-type"), Some("text/html; charset=utf-8"));
        let language = name.split('.').nth(2);
        assert_eq!(reply.field("content-language"), language, "{path} in {accepted}");
        let vary = match path {
            "/" => Some("Accept-Encoding, Accept-Language"),
            "/about.html" => Some("Accept-Language"),
            _ => None,
        };
        assert_eq!(reply.field("vary"), vary, "{path}");
    }
    let by_itself = client.get("/about.html.ja");
    assert_eq!(by_itself.field("content-type"), Some("text/html; charset=utf-8"));
    assert_ne!(
        get(&mut client, "/", &[("Accept-Language", "en")]).field("etag"),
        get(&mut client, "/", &[("Accept-Language", "ja")]).field("etag")
    );
}

#[test]
fn clean_urls_lead_to_pages_and_files_go_first() {
    let directory = Directory::new("forms");
    for name in ["a.html", "b", "b.html", "c/index.html", "c.html", "d/index.html", "e/f.html"] {
        directory.write(name, name);
    }
    let server = start(&directory, |tree| tree.clean_urls = CleanUrls::On);
    let mut client = server.connect();
    for (path, status, text) in [
        ("/a", 200, "a.html"),
        ("/a.html", 200, "a.html"),
        ("/b", 200, "b"),
        ("/c", 200, "c.html"),
        ("/c/", 200, "c/index.html"),
        ("/d", 301, ""),
        ("/e/f", 200, "e/f.html"),
        ("/a/", 301, ""),
        ("/x", 404, "404 Not Found\n"),
        ("/x/", 404, "404 Not Found\n"),
    ] {
        let reply = client.get(path);
        assert_eq!((reply.status, reply.text()), (status, text), "{path}");
    }
    assert_eq!(client.get("/a").field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(start(&directory, |_| {}).connect().get("/a").status, 404);
}

#[test]
fn rules_put_their_fields_on_the_answers_of_files() {
    let directory = with_siblings();
    directory.write("d/b.txt", pattern(100_000));
    let rule = |glob: &str, answers, name, value| FieldRule {
        files: FilePattern::glob(glob).expect("a pattern"),
        answers,
        name: HeaderName::from_static(name),
        value: Some(HeaderValue::from_static(value)),
    };
    let options = FileOptions {
        fields: vec![
            rule("**", RuleAnswers::Success, "cache-control", "no-cache"),
            rule("*.js", RuleAnswers::All, "x-script", "yes"),
            rule("/d/*", RuleAnswers::Success, "cache-control", "max-age=9"),
        ],
        ..FileOptions::new(directory.path())
    };
    let server = TestServer::start(patient(), site(options));
    let mut client = server.connect();
    for (path, cache, script) in [("/a.js", "no-cache", Some("yes")), ("/d/b.txt", "max-age=9", None)] {
        let whole = client.get(path);
        let tag = whole.field("etag").expect("a tag").to_owned();
        let part = get(&mut client, path, &[("Range", "bytes=1-2")]);
        let same = get(&mut client, path, &[("If-None-Match", &tag)]);
        for (reply, status) in [(whole, 200), (part, 206), (same, 304)] {
            assert_eq!(reply.status, status);
            assert_eq!(reply.field("cache-control"), Some(cache), "{path}, {status}");
            assert_eq!(reply.field("x-script"), script, "{path}, {status}");
        }
    }
    assert_eq!(client.get("/none").field("cache-control"), None);
}
