use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use clap::CommandFactory;
use selvedge_http::address_limits::ConnectionRate;
use selvedge_http::files::Precompressed;
use selvedge_http::networks::Networks;
use selvedge_runtime::LogTarget;
use selvedge_runtime::net::listen::{LISTENERS_MAX, ListenSpec, TcpAddress};

use super::environment::VARIABLES;
use super::*;
use crate::address_limits::AddressConfig;
use crate::config::{BrowsePolicy, HiddenPolicy, PORT_DEFAULT, SymlinkPolicy, Verbosity};
use crate::monitoring_config::MonitoringConfig;
use crate::rights_config::{AccountName, RightsConfig, SandboxPolicy};
use crate::site_config::{Cors, PagePath, SecurityHeaders, SiteConfig};

fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Command, Failure> {
    let arguments = ["selvedge"].iter().chain(arguments);
    parse(arguments, variables.iter().map(|(name, value)| (name.into(), value.into())))
}

fn config(arguments: &[&str], variables: &[(&str, &str)]) -> Config {
    match command(arguments, variables).unwrap() {
        Command::Serve(config) => *config,
        Command::Print(text) => panic!("printed {text}"),
    }
}

fn usage(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let failure = command(arguments, variables).unwrap_err();
    assert_eq!(failure.exit_status(), 2);
    let message = failure.to_string();
    assert!(!message.contains('\n') && message.contains("; "), "{message}");
    message
}

fn printed(argument: &str) -> String {
    match command(&[argument], &[]).unwrap() {
        Command::Print(text) => text,
        Command::Serve(config) => panic!("would serve {config:?}"),
    }
}

fn tcp(address: TcpAddress, port: u16) -> Vec<ListenSpec> {
    vec![ListenSpec::Tcp { address, port }]
}

const LOCAL: TcpAddress = TcpAddress::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST));

#[test]
fn without_arguments_the_current_directory_is_served_on_loopback() {
    let expected = Config {
        root: PathBuf::from("."),
        listeners: tcp(TcpAddress::Loopback, 8080),
        threads: None,
        cpus: None,
        accept: AcceptPolicy::Auto,
        backlog: BACKLOG_DEFAULT,
        index: vec![String::from("index.html")],
        drain: Duration::from_secs(8),
        max_connections: None,
        keep_alive_requests: None,
        site: SiteConfig::default(),
        symlinks: SymlinkPolicy::Inside,
        hidden: HiddenPolicy::Hide,
        fresh_for: Duration::from_secs(1),
        browse: BrowsePolicy::Off,
        allow: Networks::default(),
        deny: Networks::default(),
        trusted_proxies: Networks::default(),
        proxy_protocol: Networks::default(),
        addresses: AddressConfig::default(),
        auth_file: None,
        request_timeout: None,
        monitoring: MonitoringConfig::default(),
        rights: RightsConfig::default(),
        verbosity: Verbosity::Normal,
        notices: Vec::new(),
    };
    assert_eq!(config(&[], &[]), expected);
}

#[test]
fn a_named_directory_is_served_on_all_addresses() {
    for (arguments, variables) in [(&["public"][..], &[][..]), (&[], &[("SELVEDGE_DIR", "public")])] {
        let config = config(arguments, variables);
        assert_eq!(config.root, PathBuf::from("public"));
        assert_eq!(config.listeners, tcp(TcpAddress::DualStack, 8080));
    }
    assert_eq!(config(&["."], &[]).listeners, tcp(TcpAddress::DualStack, 8080));
}

#[test]
fn a_port_alone_does_not_open_the_current_directory_to_the_network() {
    assert_eq!(config(&["-p", "80"], &[]).listeners, tcp(TcpAddress::Loopback, 80));
    assert_eq!(config(&[], &[("PORT", "80")]).listeners, tcp(TcpAddress::Loopback, 80));
}

#[test]
fn an_address_or_a_listener_overrides_loopback() {
    assert_eq!(config(&["-a", "::"], &[]).listeners, tcp(TcpAddress::DualStack, 8080));
    assert_eq!(config(&["-l", ":80"], &[]).listeners, tcp(TcpAddress::DualStack, 80));
}

#[test]
fn every_flag_is_read() {
    let short = ["d", "-p1", "-a", "127.0.0.1", "-j", "3", "-v"];
    let long = ["d", "--port=1", "--address=127.0.0.1", "--threads=3", "--verbose"];
    for arguments in [short.as_slice(), long.as_slice()] {
        let config = config(arguments, &[]);
        assert_eq!(config.listeners, tcp(LOCAL, 1));
        assert_eq!(config.threads, NonZero::new(3));
        assert_eq!(config.verbosity, Verbosity::Verbose);
    }
    let rest = [
        "--cpus=1,0",
        "--accept=reuseport",
        "--backlog=7",
        "--index=a.html, b",
        "--drain=500ms",
        "--max-connections=9",
        "--symlinks=none",
        "--hidden=show",
        "--fresh-for=2m",
        "--browse",
        "--keep-alive-requests=5",
        "--allow=192.0.2.0/24,::1",
        "--allow=10.0.0.0/8",
        "--deny=192.0.2.7",
        "--trusted-proxy=unix",
        "--proxy-protocol=all",
        "--connections-per-address=8",
        "--new-connections-per-address=10:50",
        "--auth-file=users",
    ];
    let config = config(&rest, &[]);
    assert_eq!(config.cpus, Some("1,0".parse().unwrap()));
    assert_eq!(config.accept, AcceptPolicy::Reuseport);
    assert_eq!(config.backlog.get(), 7);
    assert_eq!(config.index, ["a.html", "b"]);
    assert_eq!(config.drain, Duration::from_millis(500));
    assert_eq!(config.max_connections, NonZero::new(9));
    assert_eq!(config.symlinks, SymlinkPolicy::None);
    assert_eq!(config.hidden, HiddenPolicy::Show);
    assert_eq!(config.fresh_for, Duration::from_secs(120));
    assert_eq!(config.browse, BrowsePolicy::On);
    assert_eq!(config.keep_alive_requests, NonZero::new(5));
    assert_eq!(config.allow, networks("192.0.2.0/24,::1,10.0.0.0/8"));
    assert_eq!(config.deny, networks("192.0.2.7"));
    assert_eq!(config.trusted_proxies, networks("unix"));
    assert_eq!(config.proxy_protocol, networks("all"));
    assert_eq!(config.addresses.connections, NonZero::new(8));
    assert_eq!(config.addresses.new_connections, ConnectionRate::per_second(10, 50));
    assert_eq!(config.auth_file, Some(PathBuf::from("users")));
}

fn networks(list: &str) -> Networks {
    list.parse().unwrap()
}

#[test]
fn every_variable_is_read_and_its_flag_wins() {
    let cases: [(&str, &str, &str); 46] = [
        ("SELVEDGE_PORT", "1", "--port=2"),
        ("SELVEDGE_ADDRESS", "::1", "--address=127.0.0.1"),
        ("SELVEDGE_BACKLOG", "1", "--backlog=2"),
        ("SELVEDGE_MAX_CONNECTIONS", "1", "--max-connections=2"),
        ("SELVEDGE_THREADS", "1", "--threads=2"),
        ("SELVEDGE_CPUS", "1", "--cpus=2"),
        ("SELVEDGE_ACCEPT", "shared", "--accept=reuseport"),
        ("SELVEDGE_INDEX", "a", "--index=b"),
        ("SELVEDGE_SYMLINKS", "all", "--symlinks=none"),
        ("SELVEDGE_DRAIN", "1", "--drain=2"),
        ("SELVEDGE_HIDDEN", "show", "--hidden=hide"),
        ("SELVEDGE_FRESH_FOR", "60", "--fresh-for=500ms"),
        ("SELVEDGE_KEEP_ALIVE_REQUESTS", "1", "--keep-alive-requests=2"),
        ("SELVEDGE_SPA", "app.html", "--spa=b.html"),
        ("SELVEDGE_CLEAN_URLS", "redirect", "--clean-urls=on"),
        ("SELVEDGE_NOT_FOUND", "404.html", "--not-found=b.html"),
        ("SELVEDGE_ERROR_PAGE", "403=a.html", "--error-page=500=b.html"),
        ("SELVEDGE_MOUNT", "/a=b", "--mount=/c=d"),
        ("SELVEDGE_REDIRECT", "/a=http://b", "--redirect=/c=/d"),
        ("SELVEDGE_LANGUAGES", "ja", "--languages=en,de"),
        ("SELVEDGE_PRECOMPRESSED", "only", "--precompressed=off"),
        ("SELVEDGE_COMPRESS", "br", "--compress=gzip,zstd"),
        ("SELVEDGE_COMPRESS_TYPES", "text/*", "--compress-types=a/b"),
        ("SELVEDGE_COMPRESS_MIN", "0", "--compress-min=5"),
        ("SELVEDGE_ETAG", "hash", "--etag=time"),
        ("SELVEDGE_HEADER", "X-A: b", "--header=*.js=X-C: d"),
        ("SELVEDGE_CACHE", "max-age=1", "--cache=*.js=max-age=2"),
        ("SELVEDGE_CORS", "https://a.example", "--cors=*"),
        ("SELVEDGE_SERVER_NAME", "off", "--server-name=me"),
        ("SELVEDGE_TYPE", "a=text/plain", "--type=b=text/html"),
        ("SELVEDGE_CHARSET", "off", "--charset=latin1"),
        ("SELVEDGE_ALLOW", "::1,10.0.0.1", "--allow=192.0.2.1"),
        ("SELVEDGE_DENY", "unix", "--deny=all"),
        ("SELVEDGE_TRUSTED_PROXY", "10.0.0.0/8", "--trusted-proxy=192.0.2.1"),
        ("SELVEDGE_PROXY_PROTOCOL", "10.0.0.0/8", "--proxy-protocol=192.0.2.1"),
        ("SELVEDGE_CONNECTIONS_PER_ADDRESS", "5", "--connections-per-address=off"),
        ("SELVEDGE_NEW_CONNECTIONS_PER_ADDRESS", "5", "--new-connections-per-address=5:9"),
        ("SELVEDGE_AUTH_FILE", "a", "--auth-file=b"),
        ("SELVEDGE_REQUEST_TIMEOUT", "5", "--request-timeout=off"),
        ("SELVEDGE_ACCESS_LOG", "a.log", "--access-log=-"),
        ("SELVEDGE_LOG_FORMAT", "json", "--log-format=common"),
        ("SELVEDGE_METRICS", "/a", "--metrics=/b"),
        ("SELVEDGE_METRICS_ALLOW", "all", "--metrics-allow=10.0.0.0/8"),
        ("SELVEDGE_HEALTH", "on", "--health=/up"),
        ("SELVEDGE_USER", "nobody", "--user=33:33"),
        ("SELVEDGE_SANDBOX", "require", "--sandbox=off"),
    ];
    let default = config(&[], &[]);
    for (variable, value, flag) in cases {
        let (option, _) = flag.split_once('=').unwrap();
        let by_variable = config(&[], &[(variable, value)]);
        assert_ne!(by_variable, default, "{variable}");
        assert_eq!(by_variable, config(&[&format!("{option}={value}")], &[]), "{variable}");
        assert_eq!(config(&[flag], &[(variable, value)]), config(&[flag], &[]), "{variable}");
        assert_eq!(config(&[flag], &[(variable, "\u{1}bad")]), config(&[flag], &[]), "{variable}");
    }
    assert_eq!(config(&[], &[("SELVEDGE_VERBOSE", "1")]).verbosity, Verbosity::Verbose);
    assert_eq!(config(&[], &[("SELVEDGE_VERBOSE", "0")]).verbosity, Verbosity::Normal);
    assert_eq!(config(&[], &[("SELVEDGE_BROWSE", "1")]).browse, BrowsePolicy::On);
    assert_eq!(config(&[], &[("SELVEDGE_BROWSE", "no")]).browse, BrowsePolicy::Off);
    assert_eq!(config(&["--browse"], &[("SELVEDGE_BROWSE", "0")]).browse, BrowsePolicy::On);
    assert_eq!(config(&["a"], &[("SELVEDGE_DIR", "b")]).root, PathBuf::from("a"));
    let secure = |variable| config(&[], &[("SELVEDGE_SECURITY_HEADERS", variable)]).site.security_headers;
    assert_eq!((secure("1"), secure("0")), (SecurityHeaders::On, SecurityHeaders::Off));
    assert_eq!(config(&["--security-headers"], &[]).site.security_headers, SecurityHeaders::On);
    assert_eq!(config(&["--precompressed-only"], &[]).site.precompressed, Precompressed::Alone);
    assert_eq!(config(&["--cors"], &[]).site.cors, Cors::Any);
    assert_eq!(config(&["--spa"], &[]).site.spa, Some(PagePath(b"index.html".to_vec())));
    for (on, off) in [("1", "0"), ("on", "off"), ("yes", "no")] {
        let by = |variable, value| config(&[], &[(variable, value)]);
        for (variable, flag) in [
            ("SELVEDGE_SPA", "--spa"),
            ("SELVEDGE_COMPRESS", "--compress"),
            ("SELVEDGE_METRICS", "--metrics"),
            ("SELVEDGE_HEALTH", "--health"),
            ("SELVEDGE_CORS", "--cors"),
            ("SELVEDGE_CLEAN_URLS", "--clean-urls"),
        ] {
            assert_eq!(by(variable, on), config(&[flag], &[]), "{variable}={on}");
            assert_eq!(by(variable, off), config(&[], &[]), "{variable}={off}");
        }
    }
    let kept = config(&["--header", "Cache-Control: immutable"], &[]).site.headers;
    assert_eq!(kept[0].answers, selvedge_http::files::RuleAnswers::Success);
    let lines = config(&[], &[("SELVEDGE_HEADER", "X-A: 1\n\n X-B: 2\n")]).site.headers;
    assert_eq!(lines, config(&["--header", "X-A: 1", "--header", "X-B: 2"], &[]).site.headers);
}

#[test]
fn a_bad_value_about_answers_is_told_with_its_remedy() {
    for (option, value, what, fix) in [
        ("--spa", "../x", "not the path of a file below the root", "relative to the directory"),
        ("--spa", "d/", "not the path of a file", "404.html"),
        ("--clean-urls", "maybe", "no such choice", "on, redirect, off"),
        ("--error-page", "404", "no equals sign", "403=errors/403.html"),
        ("--error-page", "200=a", "not the status of an error", "400 to 599"),
        ("--mount", "/=d", "the path is the root", "as DIR"),
        ("--mount", "a=d", "not one of a site", "/docs=/srv/docs"),
        ("--mount", "/../a=d", "not one of a site", "/docs"),
        ("--mount", "/a=", "directory is empty", "/docs"),
        ("--redirect", "/a", "no equals sign", "/from=/to"),
        ("--redirect", "/a=b", "neither a path nor a URL", "/from=/to"),
        ("--redirect", "/a=//evil.example", "neither a path nor a URL", "/from"),
        ("--redirect", "/a=/\\evil.example", "neither a path nor a URL", "/from"),
        ("--redirect", "/a=javascript:1", "neither a path nor a URL", "/from"),
        ("--redirect", "/a=/b c", "a URL cannot", "percent-encode"),
        ("--redirect", "/a=/\u{e9}", "a URL cannot", "percent-encode"),
        ("--redirect", "/a*=/b", "within a segment", "/from/*"),
        ("--redirect", "/a=/b*", "in the target alone", "/from/*"),
        ("--redirect", "303:/a=/b", "another status", "301, 302, 307, 308"),
        ("--languages", "en,,ja", "'' is not a language tag", "en,ja"),
        ("--languages", "ja_JP", "not a language tag", "en,ja"),
        ("--languages", "en,EN", "given twice", "en,ja"),
        ("--languages", "a,b,c,d,e,f,g,h,i", "9 languages are too many", "at most 8"),
        ("--precompressed", "on", "no such choice", "auto, always, off, only"),
        ("--compress", "br,lzma", "no coding 'lzma'", "br, zstd, gzip"),
        ("--compress-types", "text", "not a media type", "text/*"),
        ("--compress-min", "1k", "not a number of bytes", "1024"),
        ("--etag", "weak", "no such choice", "time, hash"),
        ("--header", "X-A", "no colon", "X-Frame-Options"),
        ("--header", "X A: b", "not the name of a field", "X-Frame-Options"),
        ("--header", "X-A: b\nX-C: d", "a character that a field cannot", "X-Frame-Options"),
        ("--header", "Content-Length: 1", "the server itself says content-length", "leave it"),
        ("--header", "Content-Type: text/plain", "the server itself says content-type", "--type"),
        ("--header", "a[=X-A: b", "'a[' is no pattern", "*.js"),
        ("--header", "/docs/=X-A: b", "matches no file, as it ends in a slash", "/assets/**"),
        ("--header", "*.js:X-A: b", "not the name of a field", "*.js=X-Robots-Tag"),
        ("--cache", "3600", "'3600' is not a directive", "max-age=60"),
        ("--cache", "*.js", "'*.js' is not a directive", "max-age=60"),
        ("--cache", "max-age=x, public", "'max-age=x' is not a directive", "max-age=60"),
        ("--redirect", "/a/*=https://b.example*", "does not stand behind a slash", "/to/*"),
        ("--redirect", "/a/*=/b*", "does not stand behind a slash", "/to/*"),
        ("--redirect", "/a=/a", "it leads to itself", "/from=/to"),
        ("--redirect", "/a/*=/a/b/*", "it leads to itself", "/from=/to"),
        ("--cache", "no-store\u{1}", "is not a directive", "max-age=60"),
        ("--cache", "Cache-Control: no-store", "a colon has no place", "max-age=60"),
        ("--cors", "https://a.example/", "not an origin", "without a slash"),
        ("--cors", "app.example", "not an origin", "scheme"),
        ("--server-name", " ", "blank", "off"),
        ("--type", "wasm", "no equals sign", "wasm=application/wasm"),
        ("--type", "wasm=wasm", "not a media type", "wasm=application/wasm"),
        ("--type", "a/b=text/plain", "not an extension", "wasm="),
        ("--charset", "utf 8", "not the name of a charset", "utf-8"),
    ] {
        let message = usage(&[&format!("{option}={value}")], &[]);
        assert!(message.contains(what) && message.contains(fix), "{option}={value:?}: {message}");
    }
    let twice = usage(&["--mount=/a=b", "--mount=/a/=c"], &[]);
    assert!(twice.starts_with("--mount: /a is given twice; "), "{twice}");
    let twice = usage(&["--redirect=/a=/b", "--redirect=/a=/c"], &[]);
    assert!(twice.starts_with("--redirect: /a is redirected twice; "), "{twice}");
    let twice = usage(&["--not-found=a", "--error-page=404=b"], &[]);
    assert!(twice.starts_with("404 has two pages; "), "{twice}");
    let long = format!("--header=X-A: {}", "x".repeat(9_000));
    assert!(usage(&[&long], &[]).contains("too long together; keep them within 8192 bytes"));
    let beside = usage(&["--precompressed=off", "--precompressed-only"], &[]);
    assert!(beside.contains("--precompressed-only"), "{beside}");
}

#[test]
fn the_own_port_variable_wins_over_the_common_one() {
    assert_eq!(config(&[], &[("PORT", "1")]).listeners, tcp(TcpAddress::Loopback, 1));
    assert_eq!(config(&[], &[("PORT", "1"), ("SELVEDGE_PORT", "2")]).listeners, tcp(TcpAddress::Loopback, 2));
    assert_eq!(config(&["-p", "3"], &[("PORT", "1")]).listeners, tcp(TcpAddress::Loopback, 3));
}

#[test]
fn an_injected_url_counts_as_not_set_and_is_named() {
    let injected = ("SELVEDGE_PORT", "tcp://10.0.0.1:80");
    let config_1 = config(&[], &[injected, ("PORT", "9")]);
    assert_eq!(config_1.listeners, tcp(TcpAddress::Loopback, 9));
    let told = |variable| format!("{variable} holds a URL, as orchestrators inject it; it is ignored");
    assert_eq!(config_1.notices, [told("SELVEDGE_PORT")]);
    let both = config(&[], &[injected, ("PORT", "tcp://10.0.0.1:80"), ("SELVEDGE_THREADS", "udp://1")]);
    assert_eq!(both.listeners, tcp(TcpAddress::Loopback, 8080));
    assert_eq!(both.notices, ["SELVEDGE_PORT", "PORT", "SELVEDGE_THREADS"].map(told));
    let beside_listen = config(&[], &[injected, ("SELVEDGE_LISTEN", ":1")]);
    assert_eq!(beside_listen.listeners, tcp(TcpAddress::DualStack, 1));
}

#[test]
fn a_variable_that_is_none_of_the_servers_is_named() {
    let config_1 = config(&[], &[("SELVEDGE_PROT", "1"), ("SELVEDGE_AUTH_FILES", ""), ("SELVEDGEX", "1")]);
    assert_eq!(
        config_1.notices,
        ["SELVEDGE_PROT is no variable of selvedge; it is ignored; `selvedge --help` names them all"]
    );
    assert!(config(&[], &[("SELVEDGE_CORZ", "https://a.example")]).notices[0].starts_with("SELVEDGE_CORZ "));
    let many: Vec<String> = (0..100).map(|n| format!("SELVEDGE_{n:03}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "1")).collect();
    let notices = config(&[], &many).notices;
    assert_eq!(notices.len(), 8);
    assert!(notices[7].starts_with("SELVEDGE_007 "), "{notices:?}");
}

#[test]
fn what_an_orchestrator_says_of_a_service_is_no_mistake() {
    // <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>
    let injected = [
        ("SELVEDGE_SERVICE_HOST", "10.0.0.1"),
        ("SELVEDGE_SERVICE_PORT_HTTP", "80"),
        ("SELVEDGE_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("SELVEDGE_WEB_SERVICE_PORT", "80"),
        ("SELVEDGE_WEB_PORT", "tcp://10.0.0.1:80"),
    ];
    assert_eq!(config(&[], &injected).notices, [""; 0]);
}

#[test]
fn an_option_that_lacks_what_it_is_for_is_named() {
    let address = ["--connections-per-address=9", "--listen=unix:/run/s"];
    for (arguments, variable, notice) in [
        (&["--log-format=json"][..], ("", ""), "--log-format has no effect without --access-log"),
        (&[], ("SELVEDGE_LOG_FORMAT", "json"), "--log-format has no effect without --access-log"),
        (&["--metrics-allow=10.0.0.0/8"], ("", ""), "--metrics-allow has no effect without --metrics"),
        (&["--compress-types=text/*"], ("", ""), "--compress-types has no effect without --compress"),
        (&["--compress-min=9"], ("", ""), "--compress-min has no effect without --compress"),
        (
            &address,
            ("", ""),
            "--connections-per-address has no effect on unix sockets alone, where clients have no address, \
             without --proxy-protocol",
        ),
    ] {
        assert_eq!(config(arguments, &[variable]).notices, [notice]);
    }
    for arguments in [
        &["--log-format=json", "--access-log=-"][..],
        &["--metrics-allow=10.0.0.0/8", "--metrics"],
        &["--compress-types=text/*", "--compress-min=9", "--compress=br"],
        &["--connections-per-address=9", "--listen=unix:/run/s", "--proxy-protocol=unix"],
        &["--connections-per-address=9", "--listen=unix:/run/s", "--listen=:80"],
    ] {
        assert_eq!(config(arguments, &[]).notices, [""; 0], "{arguments:?}");
    }
}

#[test]
fn a_url_that_says_where_to_listen_is_refused_rather_than_ignored() {
    let message = usage(&["d"], &[("SELVEDGE_LISTEN", "unix:///run/s")]);
    assert!(
        message.starts_with(
            "invalid value 'unix:///run/s' for SELVEDGE_LISTEN: this is a URL; write unix:/run/s"
        )
    );
    let message = usage(&["d"], &[("SELVEDGE_ADDRESS", "http://::1")]);
    assert!(message.contains("is not an IP address"), "{message}");
}

#[test]
fn a_url_in_place_of_a_list_of_addresses_is_refused_rather_than_ignored() {
    for variable in ["SELVEDGE_ALLOW", "SELVEDGE_DENY", "SELVEDGE_TRUSTED_PROXY", "SELVEDGE_PROXY_PROTOCOL"] {
        let message = usage(&["d"], &[(variable, "tcp://10.0.0.1:80")]);
        assert!(message.contains(&format!("for {variable}: 'tcp://10.0.0.1:80' is no address")), "{message}");
    }
}

#[test]
fn a_bad_list_of_addresses_is_told_with_its_remedy() {
    for option in ["--allow", "--deny", "--trusted-proxy", "--proxy-protocol", "--metrics-allow"] {
        let message = usage(&[&format!("{option}=10.0.0.1/8")], &[]);
        let start =
            format!("invalid value '10.0.0.1/8' for {option}: the address in 10.0.0.1/8 goes on behind");
        assert!(message.starts_with(&start), "{message}");
        assert!(message.contains("; write 10.0.0.0/8 for the block"), "{message}");
        assert!(usage(&[&format!("{option}=")], &[]).contains("'' is no address"));
    }
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let empty = VARIABLES.map(|name| (name, ""));
    assert_eq!(config(&[], &empty), config(&[], &[]));
}

#[test]
fn a_bad_variable_is_named_with_its_value_and_the_remedy() {
    let message = usage(&[], &[("SELVEDGE_PORT", "eighty")]);
    assert!(message.starts_with("invalid value 'eighty' for SELVEDGE_PORT: "), "{message}");
    assert!(message.contains("; give a number from 1 to 65535"), "{message}");
    assert!(usage(&[], &[("PORT", "99999")]).contains("for PORT: "));
    assert!(usage(&[], &[("SELVEDGE_VERBOSE", "maybe")]).contains("set it to 1 or 0"));
}

#[test]
fn a_variable_that_is_not_utf_8_is_refused_and_a_path_may_be_so() {
    let bytes = b"\xff".to_vec();
    let failure = parse(["selvedge"], [(OsString::from("SELVEDGE_PORT"), OsString::from_vec(bytes.clone()))])
        .unwrap_err();
    assert!(failure.to_string().contains("for SELVEDGE_PORT: it is not UTF-8"), "{failure}");

    let arguments = [OsStr::new("selvedge"), OsStr::new("-l"), OsStr::from_bytes(&bytes)];
    let failure = parse(arguments, []).unwrap_err();
    assert!(failure.to_string().starts_with("invalid UTF-8"), "{failure}");

    let command = parse([OsStr::new("selvedge"), OsStr::from_bytes(&bytes)], []).unwrap();
    let Command::Serve(config) = command else { panic!("{command:?}") };
    assert_eq!(config.root.as_os_str().as_bytes(), bytes);
}

#[test]
fn listeners_may_be_repeated_and_listed_in_the_variable() {
    let config_1 = config(&["-l", ":1", "--listen", "unix:/s", "-l=fd:3"], &[]);
    assert_eq!(config_1.listeners.len(), 3);
    assert_eq!(config(&[], &[("SELVEDGE_LISTEN", ":1 unix:/s\tfd:3")]).listeners, config_1.listeners);
}

#[test]
fn a_listener_beside_a_port_or_an_address_is_refused() {
    let message = usage(&["-l", ":1", "-p", "2"], &[]);
    assert_eq!(
        message,
        "--listen says where to listen, so --port has no place beside it; leave --port out, or --listen"
    );
    assert!(usage(&["-l", ":1", "-a", "::"], &[]).contains("so --address has no place"));
    let variables = [("SELVEDGE_LISTEN", ":1"), ("SELVEDGE_PORT", "2")];
    assert!(
        usage(&[], &variables).starts_with("SELVEDGE_LISTEN says where to listen, so SELVEDGE_PORT has no")
    );
}

#[test]
fn flags_about_listening_put_variables_about_it_aside() {
    assert_eq!(config(&["-l", ":1"], &[("SELVEDGE_PORT", "2")]).listeners, tcp(TcpAddress::DualStack, 1));
    assert_eq!(config(&["-p", "1"], &[("SELVEDGE_LISTEN", ":2")]).listeners, tcp(TcpAddress::Loopback, 1));
    assert_eq!(
        config(&[], &[("SELVEDGE_LISTEN", ":2"), ("PORT", "1")]).listeners,
        tcp(TcpAddress::DualStack, 2)
    );
}

#[test]
fn listening_twice_at_one_place_is_refused_except_at_any_free_port() {
    assert!(
        usage(&["-l", ":1", "-l", "127.0.0.1:1"], &[])
            .starts_with("tcp:[::]:1 and tcp:127.0.0.1:1 both listen at 127.0.0.1:1; leave one of them out")
    );
    assert!(usage(&["-l", ":1", "-l", "[::]:1"], &[]).starts_with("tcp:[::]:1 is listened at twice; "));
    assert_eq!(config(&["-l", ":0", "-l", ":0"], &[]).listeners.len(), 2);
}

#[test]
fn too_many_listeners_are_refused() {
    let specs = (1..=LISTENERS_MAX + 1).map(|port| format!(":{port} ")).collect::<String>();
    assert!(
        usage(&[], &[("SELVEDGE_LISTEN", &specs)])
            .starts_with("65 places to listen at are too many; name at")
    );
}

#[test]
fn auto_puts_a_variable_aside() {
    let variables = [("SELVEDGE_THREADS", "3"), ("SELVEDGE_CPUS", "1"), ("SELVEDGE_MAX_CONNECTIONS", "5")];
    let flags = ["-j", "auto", "--cpus", "auto", "--max-connections", "auto"];
    assert_eq!(config(&flags, &variables), config(&[], &[]));
}

#[test]
fn dedicated_accept_needs_a_second_thread() {
    assert!(
        usage(&["-j1", "--accept=dedicated"], &[])
            .starts_with("--accept dedicated with 1 thread leaves none")
    );
    assert_eq!(config(&["-j2", "--accept=dedicated"], &[]).accept, AcceptPolicy::Dedicated);
    assert!(check_accept(AcceptPolicy::Dedicated, None).is_ok());
}

#[test]
fn index_may_be_empty() {
    assert!(config(&["--index", ""], &[]).index.is_empty());
}

#[test]
fn times_are_read_with_their_units() {
    for (text, time_ms) in
        [("8", 8000), ("8s", 8000), ("0", 0), ("250ms", 250), ("2m", 120_000), ("1440m", 86_400_000)]
    {
        assert_eq!(config(&["--drain", text], &[]).drain, Duration::from_millis(time_ms), "{text}");
    }
    for (text, time_ms) in [("60", 60_000), ("1ms", 1), ("60m", 3_600_000), ("3600s", 3_600_000)] {
        let fresh_for = config(&["--fresh-for", text], &[]).fresh_for;
        assert_eq!(fresh_for, Duration::from_millis(time_ms), "{text}");
    }
}

#[test]
fn bad_values_are_told_with_option_value_and_remedy() {
    for (option, value, wanted) in [
        ("--port", "http", "'http' is not a port; give a number"),
        ("--port", "", "'' is not a port"),
        ("--port", "-1", "'-1' is not a port"),
        ("--address", "example.com", "'example.com' is not an IP address; "),
        ("--address", "0.0.0.0:80", "'0.0.0.0:80' has a port; give the address alone, 0.0.0.0"),
        ("--listen", "8080", "there is no port; write :8080"),
        ("--listen", "0.0.0.0", "there is no port; write the port behind a colon, as in 0.0.0.0:8080"),
        ("--listen", "/run/s.sock", "this is a path; write unix:/run/s.sock"),
        ("--threads", "0", "this is out of range; give a number from 1 to 1024"),
        ("--threads", "1025", "this is out of range"),
        ("--threads", "+2", "this is not a whole number; give"),
        ("--threads", "two", "this is not a whole number"),
        ("--backlog", "99999999999999999999", "this is out of range; give a number from 1 to 65535"),
        ("--max-connections", "0", "this is out of range; "),
        ("--cpus", "3-1", "the range '3-1' runs backwards; "),
        ("--accept", "shred", "there is no such choice; choose one of auto, shared, dedicated, reuseport"),
        ("--symlinks", "yes", "there is no such choice; choose one of inside, all, none"),
        ("--drain", "8h", "this is not a time; give whole seconds"),
        ("--drain", "1.5", "this is not a time"),
        ("--drain", "s", "this is not a time"),
        ("--drain", "1441m", "this is longer than a day; "),
        ("--drain", "18446744073709551615", "this is longer than a day"),
        ("--fresh-for", "0", "every request would have to look for itself; give whole seconds up to an hour"),
        ("--fresh-for", "0ms", "every request would have to look"),
        ("--fresh-for", "-1", "this is not a time; give"),
        (
            "--fresh-for",
            "1h",
            "this is not a time; give whole seconds up to an hour, or ms, s or m behind the number, from 1ms",
        ),
        ("--fresh-for", "3601", "this is longer than an hour; give whole seconds up to an hour"),
        ("--request-timeout", "0", "nothing is answered in no time; "),
        ("--request-timeout", "soon", "this is not a time; "),
        ("--access-log", "", "no file is named; name a file, - for standard output, or off"),
        ("--log-format", "xml", "there is no such choice; choose one of common, combined, json"),
        (
            "--metrics",
            "metrics",
            "this is not a path; write a path as it stands in a URL, as in /metrics, or off",
        ),
        ("--user", "", "this is no user; give a user, or a user and a group"),
        ("--user", ":www", "this is no user; "),
        ("--user", "www:", "this is no user; "),
        ("--user", "a:b:c", "this is no user; "),
        ("--sandbox", "on", "there is no such choice; choose one of auto, require, off"),
        ("--health", "/a b", "the path holds a character that a URL's cannot; "),
        ("--health", "/up?x", "the path holds a character that a URL's cannot; "),
        ("--metrics-allow", "localhost", "'localhost' is no address and no block of addresses; "),
        ("--index", "a/b", "a name holds a slash; "),
        ("--index", "a,", "a name is empty"),
        ("--index", ".x", "a name starts with a dot"),
        ("--index", "a\nb", "a name holds a control character"),
    ] {
        let message = usage(&[&format!("{option}={value}")], &[]);
        let start = format!("invalid value '{}' for {option}: {wanted}", value.escape_default());
        assert!(message.starts_with(&start), "{message}");
    }
    assert!(usage(&[&format!("--index={}", "a".repeat(256))], &[]).contains("longer than 255 bytes"));
    assert!(
        usage(&["--index", &["a"; 17].join(",")], &[]).contains("17 names are too many; give at most 16")
    );
}

#[test]
fn the_log_is_a_file_or_standard_output_and_off_puts_a_variable_aside() {
    let log = |arguments: &[&str]| {
        config(arguments, &[("SELVEDGE_ACCESS_LOG", "/var/log/a")]).monitoring.access_log
    };
    assert_eq!(log(&[]), Some(LogTarget::File("/var/log/a".into())));
    assert_eq!(log(&["--access-log", "-"]), Some(LogTarget::StandardOutput));
    assert_eq!(log(&["--access-log", "./off"]), Some(LogTarget::File("./off".into())));
    assert_eq!(log(&["--access-log", "off"]), None);
}

#[test]
fn numbers_and_health_have_paths_of_their_own() {
    let both = config(&["--metrics", "--health"], &[]).monitoring;
    assert_eq!((both.metrics.as_deref(), both.health.as_deref()), (Some("/metrics"), Some("/health")));
    assert!(usage(&["--metrics=/x", "--health=/x"], &[]).starts_with("--metrics and --health have the same"));
}

#[test]
fn a_user_may_come_with_its_group() {
    let rights = |value| config(&["--user", value], &[]).rights;
    let account = |user: &str, group: Option<&str>| RightsConfig {
        user: Some(AccountName { user: user.to_owned(), group: group.map(str::to_owned) }),
        sandbox: SandboxPolicy::Auto,
    };
    assert_eq!(rights("www-data"), account("www-data", None));
    assert_eq!(rights("33:web"), account("33", Some("web")));
    assert_eq!(rights("33:web").user.unwrap().to_string(), "33:web");
}

#[test]
fn a_mistyped_option_is_told_with_the_one_meant() {
    assert_eq!(
        usage(&["--prot", "80"], &[]),
        "unexpected argument '--prot' found; a similar argument exists: '--port'; `selvedge --help` lists the options"
    );
    for (arguments, wanted) in [
        (
            &["a", "b"][..],
            "unexpected argument 'b' found; one directory is served, and --mount /PATH=DIR adds another; ",
        ),
        (&["--spa", "app.html", "a"], "takes it behind an equals sign, as in --spa=FILE; `selvedge --help`"),
        (&["a", "--bind", "::1"], "unexpected argument '--bind' found; --address says at which address"),
        (
            &["--root", "a"],
            "unexpected argument '--root' found; name the directory without an option; `selvedge",
        ),
        (
            &["a", "--tls"],
            "unexpected argument '--tls' found; there is no TLS: put a proxy in front; `selvedge",
        ),
    ] {
        let line = usage(arguments, &[]);
        assert!(line.contains(wanted), "{line}");
    }
    assert!(
        usage(&["-p"], &[]).starts_with("a value is required for '--port <PORT>' but none was supplied; ")
    );
    assert!(usage(&[""], &[]).starts_with("a value is required for '[DIR]' but none was supplied; "));
    assert!(
        usage(&["-p1", "-p2"], &[])
            .starts_with("the argument '--port <PORT>' cannot be used multiple times; ")
    );
}

#[test]
fn help_names_every_variable_and_shows_examples() {
    let help = printed("--help");
    assert_eq!(help, printed("-h"));
    assert!(help.ends_with("at once.\n"), "{help}");
    for variable in VARIABLES {
        assert!(help.contains(variable), "{variable} is missing in:\n{help}");
    }
    for heading in
        ["Listening:", "Threads:", "Files:", "Access:", "Monitoring:", "Rights:", "Running:", "Examples:"]
    {
        assert!(help.contains(heading), "{heading} is missing in:\n{help}");
    }
}

#[test]
fn help_states_the_defaults_in_force() {
    let help = printed("--help");
    let (drain, fresh_for) = (DRAIN_DEFAULT.as_secs(), FRESH_FOR_DEFAULT.as_secs());
    for default in [&PORT_DEFAULT as &dyn ToString, &BACKLOG_DEFAULT, &INDEX_DEFAULT, &drain, &fresh_for] {
        let default = format!("[default: {}]", default.to_string());
        assert!(help.contains(&default), "{default} is missing in:\n{help}");
    }
    assert!(help.contains(&format!("[default: {}] [env: SELVEDGE_ACCEPT]", AcceptPolicy::default())));
    assert!(help.contains(&format!("[default: {}] [env: SELVEDGE_SYMLINKS]", SymlinkPolicy::default())));
}

#[test]
fn version_is_the_packages() {
    assert_eq!(printed("-V"), concat!("selvedge ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(printed("--version"), printed("-V"));
}

#[test]
fn claps_own_checks_of_the_definition_hold() {
    Flags::command().debug_assert();
}

#[test]
fn a_rate_has_a_burst_of_its_own_or_of_one_second() {
    let rate = |text: &str| config(&[&format!("--new-connections-per-address={text}")], &[]).addresses;
    assert_eq!(rate("10").new_connections, ConnectionRate::per_second(10, 10));
    assert_eq!(rate("10:1").new_connections, ConnectionRate::per_second(10, 1));
    assert_eq!(rate("off").new_connections, None);
    for text in ["", "0", "10:", ":5", "10:0", "1.5", "-1", "1:2:3", "1000001"] {
        let message = usage(&[&format!("--new-connections-per-address={text}")], &[]);
        assert!(message.contains("no rate of connections") && message.contains("10:50"), "{message}");
    }
    for text in ["0", "many"] {
        let message = usage(&[&format!("--connections-per-address={text}")], &[]);
        assert!(message.contains("give a number from 1 to 1000000"), "{message}");
    }
}
