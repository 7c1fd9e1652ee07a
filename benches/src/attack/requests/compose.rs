//! Requests that are valid, or nearly: the stuff of which the mutations are made.

use selvedge_runtime::sim::Dice;

use super::conditions::EARLIER;
use super::versions::{Version, Versions};

const METHODS: [&str; 12] =
    ["GET", "GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "TRACE", "M-SEARCH"];

const TARGETS: [&str; 30] = [
    "/",
    "/a.txt",
    "/a.txt",
    "/a.txt",
    "/large.bin",
    "/empty",
    "/dir/b.txt",
    "/dir",
    "/dir/",
    "/index.html",
    "/missing",
    "/a%2etxt",
    "/%61.txt",
    "/./a.txt",
    "/dir/../a.txt",
    "//a.txt",
    "/a.txt/",
    "/a.txt/b",
    "/../a.txt",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/dir%2fb.txt",
    "/a%00",
    "/a%zz",
    "/a%2",
    "/.hidden",
    "/.well-known/x",
    "http://example.org/a.txt",
    "HTTP://example.org:80",
    "/a.txt?q=1&r=%",
    "/a.txt?",
];

/// Fields, in whose values `{tag}` and `{date}` stand for the file's own.
const FIELDS: [(&str, &[&str]); 13] = [
    ("Accept", &["*/*", "text/html, text/plain;q=0.5", ""]),
    ("Accept-Encoding", &["gzip, br", "identity", "gzip;q=0.5"]),
    ("Accept-Language", &["de, en;q=0.5"]),
    ("User-Agent", &["a client/1.0 (of no kind)"]),
    ("Cookie", &["a=b; c=\"d\"", "\u{e9}"]),
    ("Connection", &["close", "keep-alive", "Keep-Alive, te", "x, CLOSE", "upgrade"]),
    ("If-None-Match", &["*", "\"none\"", "W/\"a\", \"b\"", "\"", "{tag}", "W/{tag}", "\"a,b\" ,, {tag}"]),
    ("If-Modified-Since", &["{date}", EARLIER, "yesterday"]),
    ("If-Match", &["*", "\"none\"", "{tag}", "W/{tag}", "\"a\", {tag}"]),
    ("If-Unmodified-Since", &["{date}", EARLIER, "yesterday"]),
    ("If-Range", &["{tag}", "{date}", "\"none\"", EARLIER, "W/{tag}"]),
    ("Upgrade", &["websocket", "h2c"]),
    ("X-Forwarded-For", &["10.0.0.1", "unknown"]),
];

const RANGES: [&str; 14] = [
    "bytes=0-0",
    "bytes=0-",
    "bytes=-1",
    "bytes=10-19",
    "bytes=999-1000",
    "bytes=70000-",
    "bytes=0-9,20-29",
    "bytes=0-9, 5-14, 30-",
    "bytes=-5, 0-4, 6-7",
    "bytes=5-4",
    "bytes=",
    "lines=1-2",
    "bytes=a-b",
    "BYTES=3-3,,7-7,",
];

/// A request with its body, to a server that has these versions.
pub(super) fn request(dice: &mut Dice, versions: &Versions) -> Vec<u8> {
    let method = *dice.pick(&METHODS);
    let target = if method == "OPTIONS" && dice.below(2) == 0 { "*" } else { *dice.pick(&TARGETS) };
    let version = *dice.pick(&["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.7"]);
    let mut lines = vec![format!("{method} {target} {version}")];
    if version != "HTTP/1.0" || dice.below(2) == 0 {
        let hosts = ["a.example", "a.example:8080", "", "[::1]:80", "10.0.0.1"];
        lines.push(format!("Host: {}", dice.pick(&hosts)));
    }
    let of_target = versions.at(target).unwrap_or_else(|| dice.pick(versions.all()));
    for _ in 0..dice.below(4) {
        let (name, values) = dice.pick(&FIELDS);
        let value = *dice.pick(values);
        lines.push(format!("{name}: {}", about(of_target, value)));
    }
    if dice.below(4) == 0 {
        lines.push(format!("Range: {}", dice.pick(&RANGES)));
    }
    let may_have_body = !matches!(method, "GET" | "HEAD" | "TRACE") || dice.below(8) == 0;
    let body = if may_have_body { body(&mut lines, version, dice) } else { Vec::new() };
    let mut octets = (lines.join("\r\n") + "\r\n\r\n").into_bytes();
    octets.extend(body);
    octets
}

fn about(version: &Version, value: &str) -> String {
    value.replace("{tag}", &version.entity_tag).replace("{date}", &version.last_modified)
}

/// A body, and the line that frames it.
fn body(lines: &mut Vec<String>, version: &str, dice: &mut Dice) -> Vec<u8> {
    if dice.below(12) == 0 {
        lines.push(format!("Expect: {}", dice.pick(&["100-continue", "100-Continue", "200-ok"])));
    }
    match dice.below(4) {
        0 => Vec::new(),
        1 | 2 if version != "HTTP/1.0" => {
            lines.push(format!("Transfer-Encoding: {}", dice.pick(&["chunked", "Chunked"])));
            chunked(dice)
        }
        _ => {
            let length = if dice.below(16) == 0 { dice.within(0..=9_000) } else { dice.below(200) };
            lines.push(format!("Content-Length: {length}"));
            (0..length).map(|_| content(dice)).collect()
        }
    }
}

/// Octets of a body, many of which would mean something in a head.
fn content(dice: &mut Dice) -> u8 {
    match dice.below(4) {
        0 => *dice.pick(b"\r\n: 0;"),
        _ => dice.bits() as u8,
    }
}

fn chunked(dice: &mut Dice) -> Vec<u8> {
    let mut octets = Vec::new();
    for _ in 0..dice.below(5) {
        let chunk: Vec<u8> = (0..=dice.below(60)).map(|_| content(dice)).collect();
        let extension = dice.pick(&["", "", "", ";a", ";a=\"b c\"", " ;x"]);
        octets.extend(format!("{:x}{extension}\r\n", chunk.len()).bytes());
        octets.extend(chunk);
        octets.extend(b"\r\n");
    }
    octets.extend(dice.pick(&["0\r\n", "000\r\n", "0;last\r\n"]).bytes());
    octets.extend(
        dice.pick(&["", "", "X-Sum: 1\r\n", "Content-Length: 7\r\nTransfer-Encoding: x\r\n"]).bytes(),
    );
    octets.extend(b"\r\n");
    octets
}
