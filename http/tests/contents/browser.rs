//! A browser sends a form with a file, listens to events and talks over a WebSocket connection.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::app::contents;
use super::support::directory::Directory;
use super::support::{PATIENCE, TestServer, patient};

/// Kills its process, which else goes on for good.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_browser_is_understood_and_understands() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|directory| directory.join("chromium"));
    let Some(chromium) = places.find(|path| path.is_file()) else {
        let _ = writeln!(std::io::stderr(), "SKIPPED browser: needs chromium (Debian package chromium)");
        return;
    };
    let server = TestServer::start(patient(), contents);
    let profile = Directory::new("browser");
    let mut command = Command::new(chromium);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-proxy-server",
        // Else it ends when the page is loaded.
        "--remote-debugging-port=0",
    ]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.arg(format!("http://{}/page", server.address())).stdout(Stdio::null()).stderr(Stdio::null());
    let _browser = Browser(command.spawn().expect("chromium starts"));
    let mut client = server.connect();
    let until = Instant::now() + PATIENCE * 4;
    let told = loop {
        match client.get("/told").text() {
            "" => assert!(Instant::now() < until, "the page has told nothing"),
            told => break told.to_owned(),
        }
        // A browser that starts needs the processor more.
        std::thread::sleep(Duration::from_millis(20));
    };
    let expected = "text None  h\u{e9}llo\nfile Some(\"a %22\u{e9}%22.bin\") image/png (3, 6)\n\
        1:event\n1 2:event\n2 3:event\n3 |open echo|\u{e9}cho|4000 as told true|200 {\"article\":\"\u{e9}\",\"count\":0,\"tag\":[]}";
    assert_eq!(told, expected);
}

/// What the page does, one after the other, and tells at its end.
pub(crate) const PAGE: &str = r#"<!doctype html>
<meta charset=utf-8>
<script>
(async () => {
    const form = new FormData();
    form.append('text', 'héllo');
    form.append('file', new File([new Uint8Array([1, 2, 3])], 'a "é".bin', { type: 'image/png' }));
    let told = await (await fetch('/multipart', { method: 'POST', body: form })).text();
    told += await new Promise(done => {
        let seen = '';
        const events = new EventSource('/events');
        events.onmessage = event => {
            seen += `${event.lastEventId}:${event.data} `;
            if (event.lastEventId == '3') { events.close(); done(seen); }
        };
    });
    told += await new Promise(done => {
        let seen = '';
        const socket = new WebSocket(`ws://${location.host}/echo`, ['other', 'echo']);
        socket.onopen = () => { seen += `|open ${socket.protocol}`; socket.send('écho'); };
        socket.onmessage = event => { seen += `|${event.data}`; socket.send('close'); };
        socket.onclose = event => done(`${seen}|${event.code} ${event.reason} ${event.wasClean}|`);
    });
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch('/json', { method: 'POST', headers, body: '{"article":"é"}' });
    told += `${answer.status} ${await answer.text()}`;
    await fetch('/tell', { method: 'POST', body: told });
})().catch(error => fetch('/tell', { method: 'POST', body: `${error}` }));
</script>
"#;
