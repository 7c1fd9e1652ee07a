//! Other people's clients get the right bytes.
#![allow(clippy::unwrap_used, reason = "a test's helpers end it as the test itself does")]

mod support;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use support::{PATIENCE, SIZES, Server, Site, expect_content, finish, pattern, program};

/// Runs a program that ends well, and returns what it printed.
fn output(command: &mut Command) -> String {
    let output = finish(command);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}\n{errors}", output.status);
    text
}

/// What follows `name` on its line.
fn figure<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name:?} begins a line of {text}")).trim()
}

#[test]
fn curl_gets_the_bytes_of_every_size() {
    let Some(curl) = program("curl", "curl") else { return };
    let site = Site::with_sizes();
    let server = Server::start(site.path());
    for (name, _) in SIZES {
        let mut child = Command::new(&curl)
            .args(["--silent", "--show-error", "--fail", "--http1.1", "--noproxy", "*"])
            .arg(server.url(&format!("/{name}")))
            .stdout(Stdio::piped())
            .spawn()
            .expect("curl starts");
        expect_content(child.stdout.take().expect("it is piped"), &site.join(name));
        assert!(child.wait().expect("a child can be waited for").success(), "{name}");
    }
    server.stop();
}

#[test]
fn ab_with_and_without_keep_alive_sees_no_failure() {
    let Some(ab) = program("ab", "apache2-utils") else { return };
    let site = Site::with_sizes();
    let server = Server::start(site.path());
    for (name, size) in SIZES {
        let requests = requests_for(size);
        for keep_alive in [&["-k"][..], &[]] {
            let mut command = Command::new(&ab);
            command.args(["-q", "-c", "2", "-n", &requests.to_string()]).args(keep_alive);
            let text = output(command.arg(server.url(&format!("/{name}"))));
            assert_eq!(figure(&text, "Document Length:"), format!("{size} bytes"), "{text}");
            assert_eq!(figure(&text, "Complete requests:"), requests.to_string(), "{text}");
            assert_eq!(figure(&text, "Failed requests:"), "0", "{text}");
            assert!(!text.contains("Non-2xx"), "{text}");
            if !keep_alive.is_empty() {
                assert_eq!(figure(&text, "Keep-Alive requests:"), requests.to_string(), "{text}");
            }
            if size < 1 << 30 {
                let bytes = (requests * size).to_string();
                assert_eq!(figure(&text, "HTML transferred:"), format!("{bytes} bytes"), "{text}");
            }
        }
    }
    server.stop();
}

#[test]
fn h2load_over_http_1_sees_no_failure() {
    let Some(h2load) = program("h2load", "nghttp2-client") else { return };
    let site = Site::with_sizes();
    let server = Server::start(site.path());
    for (name, size) in SIZES {
        let requests = requests_for(size);
        let mut command = Command::new(&h2load);
        command.args(["--h1", "-c", "2", "-n", &requests.to_string()]);
        let text = output(command.arg(server.url(&format!("/{name}"))));
        let outcome = format!("{requests} succeeded, 0 failed, 0 errored, 0 timeout");
        assert!(figure(&text, "requests:").ends_with(&outcome), "{text}");
        assert_eq!(figure(&text, "status codes:"), format!("{requests} 2xx, 0 3xx, 0 4xx, 0 5xx"));
        assert!(figure(&text, "traffic:").ends_with(&format!("({}) data", requests * size)), "{text}");
    }
    server.stop();
}

#[test]
fn wrk_sees_no_error() {
    let Some(wrk) = program("wrk", "wrk") else { return };
    let site = Site::with_sizes();
    let server = Server::start(site.path());
    for (name, size) in SIZES {
        let patience = format!("{}s", PATIENCE.as_secs());
        let mut command = Command::new(&wrk);
        command.args(["-t", "1", "-c", "8", "-d", "1s", "--timeout", &patience]);
        let text = output(command.arg(server.url(&format!("/{name}"))));
        assert!(!text.contains("Socket errors") && !text.contains("Non-2xx"), "{text}");
        // "12345 requests in 1.00s, 3.21MB read"; eight times a gigabyte may take longer.
        let requests =
            text.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse::<u64>().ok());
        assert!(requests.is_some_and(|requests| requests > 0 || size == 1 << 30), "{text}");
    }
    server.stop();
}

/// Few of the large ones.
fn requests_for(size: u64) -> u64 {
    match size {
        0..1_000 => 500,
        1_000..1_000_000 => 200,
        1_000_000..100_000_000 => 20,
        _ => 2,
    }
}

#[test]
fn hypers_client_gets_the_bytes_of_every_size_on_one_connection() {
    let site = Site::with_sizes();
    let server = Server::start(site.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        let io = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        let connection = tokio::spawn(connection);
        for (name, size) in SIZES {
            let request = hyper::Request::builder()
                .uri(format!("/{name}"))
                .header("host", "localhost")
                .body(Empty::<Bytes>::new())
                .unwrap();
            let mut response = sender.send_request(request).await.unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()["content-length"], size.to_string());
            let mut file = BufReader::new(File::open(site.join(name)).unwrap());
            let mut expected = Vec::new();
            let mut received = 0;
            while let Some(frame) = response.frame().await {
                let data = frame.unwrap().into_data().expect("there are no trailers");
                expected.resize(data.len(), 0);
                file.read_exact(&mut expected).unwrap();
                assert!(data[..] == expected[..], "{name} differs after {received} bytes");
                received += data.len() as u64;
            }
            assert_eq!(received, size);
        }
        drop(sender);
        connection.await.unwrap().unwrap();
    });
    server.stop();
}

/// A PNG of one transparent pixel.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xff\xff?\0\x05\xfe\x02\xfe\xa75\x81\x84\0\0\0\0IEND\xaeB`\x82";

const PAGE: &str = r#"<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>A page</title>
<link rel="stylesheet" href="style/main.css">
<script src="app.js"></script>
</head><body><img id="pixel" src="pixel.png"><p id="result">nothing yet</p><p id="gigabyte">nothing yet</p>
<img src="http://HOLDER/held">
</body></html>
"#;

/// Writes what the browser got into the page: the style in force, the picture's size, and length and checksum of files.
///
/// The browser prints the page when all of it has loaded, so a picture is held back until the gigabyte has come.
const SCRIPT: &str = r#"
function file(name) {
    const request = new XMLHttpRequest();
    request.open("GET", name, false);
    request.overrideMimeType("text/plain; charset=x-user-defined");
    request.send();
    const text = request.responseText;
    let sum = 0;
    for (let at = 0; at < text.length; at++) sum = (Math.imul(sum, 31) + (text.charCodeAt(at) & 255)) >>> 0;
    return name + "=" + request.status + "/" + text.length + "/" + sum;
}
async function gigabyte() {
    const response = await fetch("1g.bin");
    const reader = response.body.getReader();
    let length = 0;
    for (;;) {
        const { done, value } = await reader.read();
        if (done) return "1g.bin=" + response.status + "/" + length;
        length += value.length;
    }
}
gigabyte().then(async (seen) => {
    document.getElementById("gigabyte").textContent = seen;
    await fetch("http://HOLDER/let-go", { mode: "no-cors" });
});
window.addEventListener("load", () => {
    const seen = ["0.bin", "151.bin", "64k.bin", "1m.bin"].map(file);
    const pixel = document.getElementById("pixel");
    seen.push("pixel=" + pixel.naturalWidth + "x" + pixel.naturalHeight);
    seen.push("color=" + getComputedStyle(document.body).color);
    document.getElementById("result").textContent = seen.join(" ");
});
"#;

/// As the page's script counts it.
fn checksum(path: &Path) -> u32 {
    let bytes = std::fs::read(path).unwrap();
    bytes.iter().fold(0_u32, |sum, &byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)))
}

/// Answers `/held` only after `/let-go` was asked for. Returns where it listens.
fn start_holder() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let gate = Arc::new(Barrier::new(2));
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let (connection, gate) = (connection.unwrap(), Arc::clone(&gate));
            // A browser also connects without asking anything.
            std::thread::spawn(move || {
                let mut request = String::new();
                let _ = BufReader::new(&connection).read_line(&mut request);
                if request.starts_with("GET /held ") || request.starts_with("GET /let-go ") {
                    gate.wait();
                }
                let _ = (&connection).write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
            });
        }
    });
    address
}

#[test]
fn a_browser_loads_a_page_with_what_belongs_to_it() {
    let Some(chromium) = program("chromium", "chromium") else { return };
    let site = Site::with_sizes();
    let holder = start_holder().to_string();
    site.write("index.html", PAGE.replace("HOLDER", &holder));
    site.write("style/main.css", "body { color: rgb(1, 2, 3); }\n");
    site.write("app.js", SCRIPT.replace("HOLDER", &holder));
    site.write("pixel.png", PIXEL);
    let server = Server::start(site.path());
    let profile = Site::new();
    let mut command = Command::new(chromium);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-proxy-server",
        "--dump-dom",
    ]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    let dom = output(command.arg(server.url("/")));
    let mut expected = Vec::new();
    for (name, size) in &SIZES[..4] {
        expected.push(format!("{name}=200/{size}/{}", checksum(&site.join(name))));
    }
    expected.push("pixel=1x1 color=rgb(1, 2, 3)".to_owned());
    assert!(dom.contains(&expected.join(" ")), "{expected:?} is not in {dom}");
    assert!(dom.contains("1g.bin=200/1073741824"), "{dom}");
    server.stop();
}

#[test]
fn the_pattern_of_the_files_does_not_repeat_within_a_block() {
    assert_ne!(pattern(0, 4_096), pattern(4_096, 4_096));
    assert_ne!(pattern(0, 251), pattern(251, 251));
}

#[test]
fn a_download_that_was_cut_off_is_resumed_by_ranges() {
    let site = Site::new();
    support::write_pattern(&site.join("1m.bin"), 1 << 20);
    let server = Server::start(site.path());
    let partly = pattern(0, 300_000);
    for (name, package, arguments) in [
        ("curl", "curl", &["--silent", "--fail", "--noproxy", "*", "-C", "-", "-o", "1m.bin"][..]),
        ("wget", "wget", &["--quiet", "--no-proxy", "--continue"]),
    ] {
        let Some(client) = program(name, package) else { continue };
        let folder = Site::new();
        folder.write("1m.bin", &partly);
        output(Command::new(&client).current_dir(folder.path()).args(arguments).arg(server.url("/1m.bin")));
        expect_content(File::open(folder.join("1m.bin")).unwrap(), &site.join("1m.bin"));
    }
    server.stop();
}

#[test]
fn a_copy_is_fetched_again_only_where_the_file_has_changed() {
    let site = Site::with(&[("a.txt", "first")]);
    let server = Server::start(site.path());
    if let Some(wget) = program("wget", "wget") {
        let folder = Site::new();
        let fetch = || {
            let mut command = Command::new(&wget);
            command.current_dir(folder.path()).args(["--no-proxy", "--timestamping", "--server-response"]);
            let output = finish(command.arg(server.url("/a.txt")));
            assert!(output.status.success());
            String::from_utf8_lossy(&output.stderr).into_owned()
        };
        assert!(fetch().contains("200 OK"));
        assert!(fetch().contains("304 Not Modified"));
    }
    if let Some(curl) = program("curl", "curl") {
        let folder = Site::new();
        let fetch = || {
            let mut command = Command::new(&curl);
            command.current_dir(folder.path()).args(["--silent", "--noproxy", "*", "-w", "%{http_code}"]);
            command.args(["--etag-compare", "tag", "--etag-save", "tag", "-o", "copy"]);
            output(command.arg(server.url("/a.txt")))
        };
        folder.write("tag", "");
        assert_eq!(fetch(), "200");
        assert_eq!(fetch(), "304");
        site.write("a.txt", "another");
        support::eventually("the change is seen", || fetch() == "200");
        assert_eq!(std::fs::read(folder.join("copy")).unwrap(), b"another");
    }
    server.stop();
}

#[test]
fn curl_decodes_what_the_server_compresses() {
    let Some(curl) = program("curl", "curl") else { return };
    let site = Site::new();
    let script = "let selvedge = 'warp and weft';\n".repeat(20_000);
    site.write("a.js", &script);
    let server = Server::with(site.path(), &["--compress"]);
    for coding in ["gzip", "br", "zstd"] {
        let mut command = Command::new(&curl);
        command.args(["--silent", "--show-error", "--noproxy", "*", "--compressed", "-D", "/dev/stderr"]);
        let output =
            finish(command.args(["-H", &format!("accept-encoding: {coding}")]).arg(server.url("/a.js")));
        let errors = String::from_utf8_lossy(&output.stderr);
        if errors.contains("Unrecognized content encoding") {
            // This curl was built without it.
            continue;
        }
        assert!(errors.contains(&format!("content-encoding: {coding}")), "{errors}");
        assert!(output.stdout == script.as_bytes(), "{coding}");
    }
    server.stop();
}
