//! Who may read: by address, by what proxies tell, by password.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{Client, Response, Server, Site, get, program, run, skipped};

fn site() -> Site {
    Site::with(&[("index.html", "home"), ("a.txt", "a"), ("sub/b.txt", "b")])
}

fn status(server: &Server, fields: &[(&str, &str)]) -> u16 {
    Client::connect(server.address()).get_with("/a.txt", fields).status
}

/// `Authorization` of a user and password.
fn basic(user: &str, password: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::from("Basic ");
    for three in format!("{user}:{password}").as_bytes().chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let character = ALPHABET[(bits >> (18 - 6 * place) & 0x3f) as usize] as char;
            encoded.push(if place <= three.len() { character } else { '=' });
        }
    }
    encoded
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}

// ---- by address ----

#[test]
fn lists_of_addresses_let_in_and_keep_out() {
    let site = site();
    for (options, expected) in [
        (&["--deny", "127.0.0.1"][..], 403),
        (&["--deny", "192.0.2.0/24"], 200),
        (&["--allow", "192.0.2.0/24,::1"], 403),
        (&["--allow", "192.0.2.0/24", "--allow", "127.0.0.0/8"], 200),
        (&["--allow", "all", "--deny", "0.0.0.0/0"], 403),
        (&["--allow", "unix"], 403),
    ] {
        let server = Server::with(site.path(), options);
        let mut client = Client::connect(server.address());
        let got = client.get("/a.txt");
        assert_eq!(got.status, expected, "{options:?}");
        // Whatever is asked for, and on the same connection.
        let others =
            [("HEAD", "/a.txt"), ("GET", "/none"), ("POST", "/a.txt"), ("OPTIONS", "/"), ("GET", "/%00")];
        for (method, target) in others {
            client.send(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
            let other = client.response_to(method);
            assert_eq!(other.status == 403, expected == 403, "{method} {target}");
            assert!(!other.closes());
        }
        if expected == 403 {
            assert_eq!(got.text(), "403 Forbidden\n");
        }
    }
}

#[test]
fn ipv4_clients_of_a_socket_for_both_count_as_ipv4() {
    let site = site();
    let server = Server::with(site.path(), &["-l", ":0", "--allow", "127.0.0.1"]);
    assert_eq!(status(&server, &[]), 200);
    let server = Server::with(site.path(), &["-l", ":0", "--deny", "127.0.0.0/8"]);
    assert_eq!(status(&server, &[]), 403);
}

#[test]
fn clients_of_a_unix_socket_are_named_unix() {
    let site = site();
    let scratch = Site::new();
    let socket = scratch.join("s");
    let listen = format!("unix:{}", socket.display());
    for (options, expected) in [
        (["--allow", "unix"], 200),
        (["--allow", "all"], 200),
        (["--allow", "0.0.0.0/0,::/0"], 403),
        (["--deny", "unix"], 403),
        (["--deny", "0.0.0.0/0,::/0"], 200),
    ] {
        let server = Server::with(site.path(), &["-l", &listen, options[0], options[1]]);
        assert_eq!(Client::connect_unix(&socket).get("/a.txt").status, expected, "{options:?}");
        server.stop();
    }
}

// ---- behind proxies ----

#[test]
fn a_trusted_proxy_tells_the_client_s_address_and_nobody_else_does() {
    let site = site();
    let rules = ["--trusted-proxy", "127.0.0.0/8", "--deny", "192.0.2.0/24"];
    let server = Server::with(site.path(), &rules);
    for (field, value, expected) in [
        ("x-forwarded-for", "192.0.2.1", 403),
        ("x-forwarded-for", "198.51.100.1", 200),
        ("x-forwarded-for", "192.0.2.1, 198.51.100.1", 200),
        ("x-forwarded-for", "198.51.100.1, 192.0.2.1, 127.0.0.9", 403),
        ("x-forwarded-for", "unreadable", 403),
        ("forwarded", "for=192.0.2.1;proto=https", 403),
        ("forwarded", "for=\"[2001:db8::1]:80\"", 200),
        ("forwarded", "for=192.0.2.1, for=198.51.100.1", 200),
        ("forwarded", "for=_hidden", 403),
        ("forwarded", "for=\"", 403),
        ("x-other", "192.0.2.1", 200),
    ] {
        assert_eq!(status(&server, &[(field, value)]), expected, "{field}: {value}");
    }
    let both = |forwarded, other| status(&server, &[("forwarded", forwarded), ("x-forwarded-for", other)]);
    assert_eq!(both("for=198.51.100.1", "198.51.100.1"), 200);
    assert_eq!(both("for=198.51.100.1", "198.51.100.2"), 403);

    let untrusting = Server::with(site.path(), &["--deny", "192.0.2.0/24"]);
    assert_eq!(status(&untrusting, &[("x-forwarded-for", "192.0.2.1")]), 200);
    let of_another = Server::with(site.path(), &["--trusted-proxy", "10.0.0.1", "--allow", "192.0.2.1"]);
    assert_eq!(status(&of_another, &[("x-forwarded-for", "192.0.2.1")]), 403);
}

#[test]
fn the_proxy_protocol_tells_the_client_s_address() {
    let site = site();
    let server = Server::with(site.path(), &["--proxy-protocol", "127.0.0.1", "--deny", "192.0.2.0/24"]);
    for (header, expected) in [
        ("PROXY TCP4 192.0.2.1 198.51.100.1 1 80\r\n", 403),
        ("PROXY TCP4 198.51.100.7 198.51.100.1 1 80\r\n", 200),
        ("PROXY UNKNOWN\r\n", 200),
    ] {
        let mut client = Client::connect(server.address());
        client.send(header);
        assert_eq!(client.get("/a.txt").status, expected, "{header}");
        assert_eq!(client.get("/a.txt").status, expected, "{header}");
    }
    for beginning in ["", "GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let untrusting = Server::with(site.path(), &["--proxy-protocol", "192.0.2.0/24"]);
        let mut client = Client::connect(untrusting.address());
        let _ = client.try_send(beginning);
        // A reset, if the request was there first.
        assert_eq!(client.rest().unwrap_or_default(), b"");
    }
    let mut client = Client::connect(server.address());
    client.send("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.rest().unwrap_or_default(), b"");
    support::eventually("the report", || {
        server.stderr().contains("did not begin with a PROXY protocol header")
    });
}

#[test]
fn behind_the_proxy_protocol_the_next_proxies_are_believed_if_trusted() {
    let site = site();
    let options = ["--proxy-protocol", "all", "--trusted-proxy", "10.0.0.0/8", "--allow", "192.0.2.0/24"];
    let server = Server::with(site.path(), &options);
    for (source, expected) in [("10.0.0.1", 200), ("198.51.100.1", 403), ("192.0.2.9", 200)] {
        let mut client = Client::connect(server.address());
        client.send(format!("PROXY TCP4 {source} 198.51.100.1 1 80\r\n"));
        let got = client.get_with("/a.txt", &[("x-forwarded-for", "192.0.2.1")]);
        assert_eq!(got.status, expected, "{source}");
    }
}

#[test]
fn unix_sockets_speak_the_proxy_protocol_where_they_are_named() {
    let site = site();
    let scratch = Site::new();
    let socket = scratch.join("s");
    let listen = format!("unix:{}", socket.display());
    let _server =
        Server::with(site.path(), &["-l", &listen, "--proxy-protocol", "unix", "--allow", "192.0.2.1"]);
    for (source, expected) in [("192.0.2.1", 200), ("192.0.2.2", 403)] {
        let mut client = Client::connect_unix(&socket);
        client.send(format!("PROXY TCP4 {source} 198.51.100.1 1 80\r\n"));
        assert_eq!(client.get("/a.txt").status, expected, "{source}");
    }
}

// ---- by password ----

/// A password file of a user for each form that htpasswd(1) has an option for: al, bea, cid and dot with their passwords.
fn password_file(scratch: &Site) -> Option<PathBuf> {
    program("htpasswd", "apache2-utils")?;
    let file = scratch.join("users");
    let users: [(&[&str], &str, &str); 4] = [
        (&["-B", "-C", "4", "-c"], "al", "opensesame"),
        (&["-m"], "bea", "p:ass word"),
        (&["-2"], "cid", "pässwörd"),
        (&["-5"], "dot", ""),
    ];
    for (options, user, password) in users {
        let mut command = Command::new("htpasswd");
        command.args(options).arg("-b").arg(&file).args([user, password]);
        let output = command.output().expect("htpasswd runs");
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("illegal option") || said.contains("invalid option") || said.starts_with("Usage:") {
            skipped("needs an htpasswd that makes SHA-crypt (apache2-utils 2.4.58 or newer)");
            return None;
        }
        assert!(output.status.success(), "{command:?}: {said}");
    }
    Some(file)
}

const USERS: [(&str, &str); 4] =
    [("al", "opensesame"), ("bea", "p:ass word"), ("cid", "pässwörd"), ("dot", "")];

/// The file's text put together with what a test adds.
fn with_lines(scratch: &Site, lines: &str) -> PathBuf {
    // "secret".
    let hash = "$2y$04$NBzEtW3Wrb/zTIUMaiIAtu9n1/w.lEcLpjKfKTxO/3ghf1pPWK98q";
    scratch.write("users", format!("bob:{hash}\n{lines}"))
}

fn expect_challenge(response: &Response) {
    assert_eq!(response.status, 401);
    assert_eq!(response.field("www-authenticate"), Some("Basic realm=\"restricted\", charset=\"UTF-8\""));
    assert!(!response.closes());
}

#[test]
fn users_of_every_form_that_htpasswd_makes_may_read() {
    let (site, scratch) = (site(), Site::new());
    let Some(file) = password_file(&scratch) else { return };
    let server = Server::with(site.path(), &["--auth-file", text(&file)]);
    for (user, password) in USERS {
        let mut client = Client::connect(server.address());
        expect_challenge(&client.get("/a.txt"));
        expect_challenge(
            &client.get_with("/a.txt", &[("authorization", &basic(user, &format!("{password}x")))]),
        );
        let right = basic(user, password);
        for target in ["/a.txt", "/", "/sub/b.txt"] {
            let got = client.get_with(target, &[("authorization", &right)]);
            assert_eq!(got.status, 200, "{user} {target}");
        }
        assert_eq!(client.get_with("/none", &[("authorization", &right)]).status, 404);
        // Signed in is a request, not a connection.
        expect_challenge(&client.get("/a.txt"));
    }
    let (of_al, of_bea) = (basic("al", "p:ass word"), basic("bea", "opensesame"));
    for other in [of_al, of_bea, basic("al", ""), basic("nobody", "opensesame"), basic("", "")] {
        expect_challenge(&Client::connect(server.address()).get_with("/a.txt", &[("authorization", &other)]));
    }
}

#[test]
fn every_request_is_asked_for_a_password() {
    let (site, scratch) = (site(), Site::new());
    let file = with_lines(&scratch, "");
    let server = Server::with(site.path(), &["--auth-file", text(&file)]);
    let mut client = Client::connect(server.address());
    for (method, target) in [
        ("GET", "/"),
        ("HEAD", "/a.txt"),
        ("GET", "/none"),
        ("GET", "/sub"),
        ("POST", "/"),
        ("OPTIONS", "/"),
        ("GET", "/%00"),
        ("BREW", "/"),
    ] {
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        expect_challenge(&client.response_to(method));
    }
    let secret = basic("bob", "secret");
    for (fields, expected) in [
        (&[("authorization", secret.as_str())][..], 200),
        (&[("Authorization", &secret.replace("Basic", "bAsIc"))], 200),
        (&[("authorization", &secret), ("authorization", &secret)], 401),
        (&[("authorization", &secret.replace("Basic", "Bearer"))], 401),
        (&[("authorization", secret.trim_end_matches('='))], 401),
        (&[("authorization", "Basic")], 401),
        (&[("authorization", &basic("bob", &"x".repeat(8_000)))], 401),
        (&[("proxy-authorization", &secret)], 401),
    ] {
        assert_eq!(client.get_with("/a.txt", fields).status, expected, "{fields:?}");
    }
}

#[test]
fn preflights_are_answered_before_a_password_is_asked_for_and_after_the_address() {
    let (site, scratch) = (site(), Site::new());
    let file = with_lines(&scratch, "");
    let preflight = "Origin: https://app.example\r\nAccess-Control-Request-Method: GET\r\n";
    let cors = ["--cors=https://app.example", "--auth-file", text(&file)];
    for (more, expected) in [(&[][..], 204), (&["--deny", "127.0.0.1"], 403)] {
        let server = Server::with(site.path(), &[&cors, more].concat());
        let mut client = Client::connect(server.address());
        client.send(format!("OPTIONS /a.txt HTTP/1.1\r\nHost: a\r\n{preflight}\r\n"));
        let got = client.response_to("OPTIONS");
        assert_eq!(got.status, expected);
        assert_eq!(got.field("access-control-allow-methods").is_some(), expected == 204);
        let fields = Some("*, authorization").filter(|_| expected == 204);
        assert_eq!(got.field("access-control-allow-headers"), fields);
    }
    let server = Server::with(site.path(), &cors);
    let mut client = Client::connect(server.address());
    // What only looks like one, and what comes after it.
    for (method, fields) in [("OPTIONS", "Origin: https://app.example\r\n"), ("GET", preflight)] {
        client.send(format!("{method} /a.txt HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        let got = client.response_to(method);
        expect_challenge(&got);
        assert_eq!(got.field("access-control-allow-origin"), Some("https://app.example"));
    }
    let fields = [("origin", "https://app.example"), ("authorization", &basic("bob", "secret"))];
    let got = client.get_with("/a.txt", &fields);
    assert_eq!((got.status, got.field("access-control-allow-origin")), (200, Some("https://app.example")));
    let without = Server::with(site.path(), &["--auth-file", text(&file)]);
    let mut client = Client::connect(without.address());
    client.send(format!("OPTIONS /a.txt HTTP/1.1\r\nHost: a\r\n{preflight}\r\n"));
    expect_challenge(&client.response_to("OPTIONS"));
}

#[test]
fn a_page_with_its_files_is_signed_in_at_once_on_many_connections() {
    let (site, scratch) = (site(), Site::new());
    let file = with_lines(&scratch, "");
    let server = Server::with(site.path(), &["--auth-file", text(&file)]);
    let secret = basic("bob", "secret");
    let mut clients: Vec<_> = (0..20).map(|_| Client::connect(server.address())).collect();
    let request = format!("GET /a.txt HTTP/1.1\r\nHost: a\r\nAuthorization: {secret}\r\n\r\n");
    // All of them before the first is answered, several in one packet.
    for client in &mut clients {
        client.send(request.repeat(5));
    }
    for client in &mut clients {
        for _ in 0..5 {
            assert_eq!(client.response().status, 200);
        }
    }
    server.stop();
}

#[test]
fn a_refusal_has_the_site_s_page_and_fields_and_asks_all_the_same() {
    let (site, scratch) = (site(), Site::new());
    site.write("refused.html", "not you");
    let file = with_lines(&scratch, "");
    let pages =
        ["--error-page", "401=refused.html", "--error-page", "403=refused.html", "--header", "X-Site: here"];
    let auth = Server::with(site.path(), &[&pages[..], &["--auth-file", text(&file)]].concat());
    let mut client = Client::connect(auth.address());
    for (method, target) in [("GET", "/a.txt"), ("HEAD", "/"), ("GET", "/refused.html"), ("POST", "/")] {
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2\r\n\r\n"));
        let got = client.response_to(method);
        expect_challenge(&got);
        assert_eq!((got.field("x-site"), got.content_length()), (Some("here"), 7), "{method} {target}");
        assert!(method == "HEAD" || got.text() == "not you");
    }
    let denied = Server::with(site.path(), &[&pages[..], &["--deny", "all"]].concat());
    let got = get(denied.address(), "/a.txt");
    assert_eq!((got.status, got.text(), got.field("x-site")), (403, "not you", Some("here")));
}

#[test]
fn address_and_password_must_both_be_right() {
    let (site, scratch) = (site(), Site::new());
    let file = with_lines(&scratch, "");
    let denied = Server::with(site.path(), &["--auth-file", text(&file), "--deny", "127.0.0.1"]);
    let secret = basic("bob", "secret");
    assert_eq!(status(&denied, &[("authorization", &secret)]), 403);
    let allowed = Server::with(site.path(), &["--auth-file", text(&file), "--allow", "127.0.0.1"]);
    assert_eq!(status(&allowed, &[("authorization", &secret)]), 200);
    assert_eq!(status(&allowed, &[]), 401);
}

#[test]
fn answers_behind_a_password_are_not_offered_to_shared_caches() {
    let (site, scratch) = (site(), Site::new());
    let file = with_lines(&scratch, "");
    let server = Server::with(site.path(), &["--auth-file", text(&file), "--browse"]);
    let mut client = Client::connect(server.address());
    let secret = basic("bob", "secret");
    for target in ["/a.txt", "/", "/sub", "/sub/", "/none"] {
        let got = client.get_with(target, &[("authorization", &secret)]);
        // RFC 9111 section 3.5: without one of these no shared cache keeps it.
        let cache_control = got.field("cache-control").unwrap_or_default();
        for directive in ["public", "must-revalidate", "s-maxage"] {
            assert!(!cache_control.contains(directive), "{target}: {cache_control}");
        }
    }
}

#[test]
fn a_password_file_that_cannot_be_used_keeps_the_server_from_starting() {
    let (site, scratch) = (site(), Site::new());
    let root = text(site.path()).to_owned();
    let inside = site.write("sub/.htpasswd", "bob:x");
    let link = scratch.join("link");
    std::os::unix::fs::symlink(&inside, &link).expect("a link can be made");
    let large = scratch.write("large", vec![b'#'; 1024 * 1024 + 1]);
    let none = scratch.join("none");
    let sha = scratch.write("sha", "# staff\n\nbob:{SHA}oPFJCiDQIRyZe0S8NX4Zct6riuM=\n");
    let plain = scratch.write("plain", "bob:hunter2\n");
    let empty = scratch.write("empty", "# nobody\n");
    for (file, expected) in [
        (&inside, "which is served; move it out of there"),
        (&link, "which is served; move it out of there"),
        (&large, "is larger than 1 MiB; name"),
        (&none, "does not exist; make it with `htpasswd -B -c"),
        (&scratch.path().to_path_buf(), "is a directory; name"),
        (
            &sha,
            ", line 3: user 'bob': the hash is SHA-1 without salt ({SHA}), which is guessed in no time; make it anew",
        ),
        (&plain, ", line 1: user 'bob': the password is not hashed; make it anew"),
        (&empty, ": there is no user in it; add one with"),
    ] {
        let output = run(&[&root, "-p", "0", "-a", "127.0.0.1", "--auth-file", text(file)]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("selvedge: ") && said.contains(expected), "{said}");
        assert!(said.lines().count() == 1 && !said.contains("hunter2"), "{said}");
    }
    // A mount is served too, and so is the one file that is all of a site.
    let mount = format!("/m={}", text(scratch.path()));
    let options = ["-p", "0", "-a", "127.0.0.1", "--auth-file", text(&empty)];
    for what in [&[&root, "--mount", &mount][..], &[text(&empty)]] {
        let output = run(&[what, &options].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("which is served; move it out of there"), "{said}");
    }
    let twice = with_lines(
        &scratch,
        "al:$apr1$BhbxCujg$zYmbLyvEM92NOuTccTh.x/\nbob:$apr1$a$lsAcX0kKaMIVmrCtUuk5b0\n",
    );
    let output = run(&[&root, "-p", "0", "-a", "127.0.0.1", "--auth-file", text(&twice)]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(", line 3: user 'bob' is there for the second time; "), "{said}");
}

#[test]
fn cleartext_that_leaves_the_machine_is_warned_of() {
    let (site, scratch) = (site(), Site::new());
    let file = with_lines(&scratch, "");
    let socket = format!("unix:{}", scratch.join("s").display());
    let auth = ["--auth-file", text(&file)];
    for (listen, warned) in [
        (&["-l", "127.0.0.1:0", "-l", "[::1]:0"][..], false),
        (&["-l", &socket], false),
        (&["-l", "127.0.0.1:0", "-l", ":0"], true),
        (&["-l", "0.0.0.0:0"], true),
    ] {
        let server = Server::with(site.path(), &[listen, &auth].concat());
        server.signal(rustix::process::Signal::TERM);
        let (_, said) = server.wait();
        assert_eq!(said.contains("in cleartext"), warned, "{listen:?}: {said}");
    }
    let server = Server::with(site.path(), &["-l", ":0"]);
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.wait().1, "");
}

#[test]
fn the_variables_keep_out_too() {
    let site = site();
    let mut command = Command::new(support::binary());
    command.arg(site.path()).args(["-p", "0", "-a", "127.0.0.1", "-j", "1"]).stdin(Stdio::null());
    command.env("SELVEDGE_DENY", "127.0.0.0/8");
    let server = Server::of(command);
    assert_eq!(get(server.address(), "/a.txt").status, 403);
}
