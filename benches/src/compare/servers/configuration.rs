//! What the peers' configurations say. In: how a run is to be started. Out: a text for each server, the settings for speed among
//! it: open files kept, no log, connections that stay.

use std::path::Path;

use super::{Server, Start, siblings::Siblings};
use crate::compare::{
    file_set::FileSet,
    process::descriptor_limit,
    workloads::{Asked, Kind},
};
use crate::content::content;

/// More than any workload opens. Some servers reserve memory for each.
const CONNECTIONS_MAX: usize = 16_384;
/// More files than any workload but that of a million asks for.
const FILES_MAX: usize = 20_000;
/// Long enough that no idle connection is closed while it is measured.
const IDLE_TIMEOUT_S: usize = 3_600;

/// How long nginx believes what it has seen of a file.
pub(super) const FILE_CACHE_VALID_S: usize = 60;

/// Where Debian's package has the module.
const LIGHTTPD_DEFLATE: &str = "/usr/lib/lighttpd/mod_deflate.so";

/// Whether files have siblings that are to be sent instead.
fn has_siblings(start: &Start<'_>) -> bool {
    start.workload.asked == Asked::Many(FileSet::Site)
}

/// A line that keeps the user, for servers that would change it; only root may say so.
fn as_root(line: &'static str) -> &'static str {
    if rustix::process::geteuid().is_root() { line } else { "" }
}

pub(super) fn nginx(start: &Start<'_>, server: Server, executable: &Path) -> String {
    let sendfile = if server == Server::NginxWithoutSendfile { "off" } else { "on" };
    let file_cache = match server {
        Server::NginxWithoutFileCache => "open_file_cache off;".to_owned(),
        // Each is a descriptor, of which connections need some.
        _ => format!(
            "open_file_cache max={} inactive=60s; open_file_cache_valid {FILE_CACHE_VALID_S}s;",
            (descriptor_limit() / 4 * 3).min(FILES_MAX)
        ),
    };
    let (files, scratch) = (start.files.display(), start.scratch.display());
    let Start { port, workers, .. } = *start;
    let has_listeners_of_workers = workers > 1 && server != Server::NginxWithOneListener;
    let reuse_port = if has_listeners_of_workers { " reuseport" } else { "" };
    let user = as_root("user root;");
    let answer = match start.workload.kind {
        Kind::Handler => {
            // In its configuration a backslash, a quote and a dollar mean something; the first two can be escaped.
            let text = String::from_utf8_lossy(&content(start.workload.bytes)).into_owned();
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "${dollar}");
            format!("default_type text/plain; location / {{ return 200 \"{text}\"; }}")
        }
        _ => format!("root {files};"),
    };
    let Siblings { load_module, send: siblings } = match has_siblings(start) {
        true => Siblings::of(executable),
        false => Siblings::NONE,
    };
    // Without the module for it, nginx would refuse to start: the server is left out then.
    let threads = if server == Server::NginxWithThreads { "aio threads;" } else { "" };
    // The one way to say a dollar.
    let dollar = "geo $dollar { default \"$\"; }";
    format!(
        "{load_module} daemon off; {user} worker_processes {workers}; pid {scratch}/nginx.pid;
events {{ use epoll; multi_accept on; accept_mutex off; worker_connections {CONNECTIONS_MAX}; }}
http {{
  {dollar}
  access_log off; {threads} sendfile {sendfile}; tcp_nopush {sendfile}; tcp_nodelay on;
  keepalive_timeout {IDLE_TIMEOUT_S}s; keepalive_requests 1000000000;
  {file_cache}
  types {{ text/plain txt; text/html html; text/css css; application/javascript js; image/svg+xml svg; application/json json; image/jpeg jpg; }}
  client_body_temp_path {scratch}/body; proxy_temp_path {scratch}/proxy; fastcgi_temp_path {scratch}/fastcgi;
  uwsgi_temp_path {scratch}/uwsgi; scgi_temp_path {scratch}/scgi;
  server {{ listen 127.0.0.1:{port} backlog=4096{reuse_port}; {siblings} {answer} }}
}}
"
    )
}

pub(super) fn lighttpd(start: &Start<'_>) -> String {
    let Start { port, workers, .. } = *start;
    // One process serves by itself; from two on there is a parent that only watches.
    let processes = if workers > 1 { workers } else { 0 };
    // It takes half as many connections as descriptors. Only root may raise the limit above the inherited one.
    let root = rustix::process::geteuid().is_root();
    let descriptors = if root { 2 * CONNECTIONS_MAX + 1024 } else { descriptor_limit() };
    // It knows no siblings: what it compresses once, it keeps.
    let deflate = match has_siblings(start) && Path::new(LIGHTTPD_DEFLATE).is_file() {
        false => String::new(),
        true => format!(
            "server.modules = ( \"mod_deflate\" )
deflate.mimetypes = ( \"text/\", \"image/svg+xml\", \"application/json\" )
deflate.allowed-encodings = ( \"br\", \"gzip\" )
deflate.cache-dir = \"{}/deflated\"
",
            start.scratch.display()
        ),
    };
    format!(
        "server.document-root = \"{}\"
server.bind = \"127.0.0.1\"
server.port = {port}
server.max-worker = {processes}
server.max-connections = {CONNECTIONS_MAX}
server.max-fds = {}
server.max-keep-alive-requests = 1000000000
server.max-keep-alive-idle = {IDLE_TIMEOUT_S}
server.listen-backlog = 4096
server.network-backend = \"sendfile\"
server.stat-cache-engine = \"simple\"
mimetype.assign = ( \".txt\" => \"text/plain\", \".html\" => \"text/html\", \".css\" => \"text/css\", \".js\" => \"text/javascript\",
  \".svg\" => \"image/svg+xml\", \".json\" => \"application/json\", \".jpg\" => \"image/jpeg\" )
{deflate}",
        start.files.display(),
        descriptors,
    )
}

pub(super) fn h2o(start: &Start<'_>) -> String {
    let Start { port, workers, .. } = *start;
    let user = as_root("user: root\n");
    let siblings = if has_siblings(start) { "ON" } else { "OFF" };
    format!(
        "{user}num-threads: {workers}
max-connections: {CONNECTIONS_MAX}
http1-request-timeout: {IDLE_TIMEOUT_S}
listen:
  host: 127.0.0.1
  port: {port}
hosts:
  default:
    paths:
      \"/\":
        file.dir: {}
        file.send-compressed: {siblings}
",
        start.files.display()
    )
}

pub(super) fn static_web_server(start: &Start<'_>) -> String {
    let siblings = has_siblings(start);
    // A thread for each CPU that it may use. Builds without a cache in memory say that they do not know the last section.
    format!(
        "[general]
host = \"127.0.0.1\"
port = {}
root = \"{}\"
threads-multiplier = 1
log-level = \"error\"
cache-control-headers = false
security-headers = false
compression = false
compression-static = {siblings}
directory-listing = false

[advanced.memory-cache]
capacity = {FILES_MAX}
ttl = {IDLE_TIMEOUT_S}
tti = {IDLE_TIMEOUT_S}
max-file-size = 1024
",
        start.port,
        start.files.display()
    )
}

pub(super) fn mighty(start: &Start<'_>) -> String {
    let scratch = start.scratch.display();
    let port = start.port;
    let user = as_root("User: root\nGroup: root\n");
    // Debug mode is what keeps it in the foreground.
    format!(
        "Port: {port}
Host: 127.0.0.1
Debug_Mode: Yes
{user}Pid_File: {scratch}/mighty.pid
Report_File: {scratch}/mighty.report
Logging: No
Status_File_Dir: {scratch}
Connection_Timeout: {IDLE_TIMEOUT_S}
Fd_Cache_Duration: 60
Service: 0
"
    )
}

pub(super) fn caddy(start: &Start<'_>) -> String {
    let port = start.port;
    let siblings = if has_siblings(start) { " {\n    precompressed br gzip\n  }" } else { "" };
    format!(
        "{{
  admin off
  auto_https off
  servers {{
    protocols h1
    timeouts {{
      idle {IDLE_TIMEOUT_S}s
    }}
  }}
}}
http://127.0.0.1:{port} {{
  bind 127.0.0.1
  root * {}
  file_server{siblings}
}}
",
        start.files.display()
    )
}
