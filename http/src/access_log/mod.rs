//! The access log. In: exchanges at their end, those that the engine refused among them. Out: a line each, in a form that log
//! tools read, into the worker's end of a [`LineLog`](selvedge_runtime::LineLog).
//!
//! A line is formatted in place: no allocation, no lock, one formatted time per second.

mod basic_user;
mod escape;
mod json;
mod text;
mod time;

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

use selvedge_runtime::LineSink;

use crate::h1::KnownField;
use crate::networks::{ClientAddress, Networks};
use crate::real_address::RealAddress;
use crate::record::ExchangeRecord;
use crate::request::Request;
use crate::shared::Observer;
use basic_user::basic_user;
use time::LogTime;

/// Most octets of a request line or target in a line, escaped; the rest is cut, which three dots say.
const TARGET_BYTES_MAX: usize = 8 * 1024;
/// The same of Host, Referer and User-Agent each.
const FIELD_BYTES_MAX: usize = 2 * 1024;
/// The same of a method, a user and a request's number each.
const NAME_BYTES_MAX: usize = 256;
/// Everything else in a line: times, numbers, an address, names of members.
const REST_BYTES_MAX: usize = 512;

/// A line always fits.
const _: () = assert!(
    TARGET_BYTES_MAX + 3 * FIELD_BYTES_MAX + 3 * NAME_BYTES_MAX + REST_BYTES_MAX
        <= selvedge_runtime::LINE_BYTES_MAX
);

/// What a line looks like. Octets that could end a line or a value early, and those that are no ASCII text, are escaped.
///
/// ```
/// use selvedge_http::access_log::{AccessLog, LogFormat};
/// use selvedge_http::{Request, WorkerApplication, testing};
/// use selvedge_runtime::{LineLog, LogTarget};
///
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("selvedge-doc-log-format-{}", std::process::id()));
/// let log = LineLog::start("access log", LogTarget::File(path.clone()), 1)?;
/// let log_there = log.clone();
/// let logged = move || WorkerApplication {
///     observer: Some(AccessLog::new(log_there.sink(), LogFormat::Common).observer()),
///     ..WorkerApplication::from(async |_: Request<'_>| "hello")
/// };
/// testing::run(logged, async |client| {
///     client.get("/a").send().await.assert_text("hello").await;
/// });
/// log.finish();
/// let line = std::fs::read_to_string(&path)?;
/// assert!(line.starts_with("127.0.0.1 - - [") && line.ends_with("] \"GET /a HTTP/1.1\" 200 5\n"));
/// # std::fs::remove_file(path)
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// NCSA's: `192.0.2.1 - user [21/Nov/2026:18:01:27 +0000] "GET / HTTP/1.1" 200 151`. The number is the octets of the body.
    Common,
    /// The same, with `"referer" "user agent"` behind it, as nginx and Apache write it by default.
    #[default]
    Combined,
    /// A JSON object in each line, with more in it: [`JSON_MEMBERS`].
    Json,
}

/// The members of a line of [`LogFormat::Json`], in their order. Those from `user` on are there only where they say something;
/// the others are null where there is nothing to say.
pub const JSON_MEMBERS: [&str; 15] = [
    "time",
    "address",
    "method",
    "target",
    "version",
    "status",
    "bytes",
    "duration_us",
    "host",
    "referer",
    "user_agent",
    "user",
    "request_id",
    "close",
    "reason",
];

/// Who has signed in, for the log: to be noted in a request's [`extensions`](Request::extensions) by what checked it.
///
/// ```
/// # use selvedge_http::access_log::{AccessLog, LogFormat};
/// use selvedge_http::access_log::User;
/// use selvedge_http::{Request, testing};
/// # use selvedge_http::WorkerApplication;
/// # use selvedge_runtime::{LineLog, LogTarget};
///
/// async fn account(request: Request<'_>) -> &'static str {
///     // What checks a password notes whose it was.
///     request.extensions().insert(User::new(*b"alice"));
///     "your account"
/// }
///
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("selvedge-doc-user-{}", std::process::id()));
/// # let log = LineLog::start("access log", LogTarget::File(path.clone()), 1)?;
/// # let log_there = log.clone();
/// # let logged = move || WorkerApplication {
/// #     observer: Some(AccessLog::new(log_there.sink(), LogFormat::Common).observer()),
/// #     ..account.into()
/// # };
/// // `logged` is this application with an access log in the file at `path`.
/// testing::run(logged, async |client| {
///     client.get("/account").send().await.assert_text("your account").await;
/// });
/// # log.finish();
/// assert!(std::fs::read_to_string(&path)?.starts_with("127.0.0.1 - alice ["));
/// # std::fs::remove_file(path)
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User(Rc<[u8]>);

impl User {
    /// A user of this name.
    pub fn new(name: impl Into<Rc<[u8]>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn name(&self) -> &[u8] {
        &self.0
    }
}

/// Keeps an exchange out of the log, noted in a request's [`extensions`](Request::extensions): for what asks every second and
/// is nobody's visit.
///
/// ```
/// # use selvedge_http::access_log::{AccessLog, LogFormat};
/// use selvedge_http::access_log::NotLogged;
/// use selvedge_http::{Request, testing};
/// # use selvedge_http::WorkerApplication;
/// # use selvedge_runtime::{LineLog, LogTarget};
///
/// async fn pages(request: Request<'_>) -> &'static str {
///     if request.path() == b"/alive" {
///         request.extensions().insert(NotLogged);
///     }
///     "a page"
/// }
///
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("selvedge-doc-not-logged-{}", std::process::id()));
/// # let log = LineLog::start("access log", LogTarget::File(path.clone()), 1)?;
/// # let log_there = log.clone();
/// # let logged = move || WorkerApplication {
/// #     observer: Some(AccessLog::new(log_there.sink(), LogFormat::Common).observer()),
/// #     ..pages.into()
/// # };
/// // `logged` is this application with an access log in the file at `path`.
/// testing::run(logged, async |client| {
///     client.get("/alive").send().await.assert_text("a page").await;
///     client.get("/news").send().await.assert_text("a page").await;
/// });
/// # log.finish();
/// let lines = std::fs::read_to_string(&path)?;
/// assert!(lines.contains("GET /news") && !lines.contains("GET /alive"));
/// # std::fs::remove_file(path)
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotLogged;

/// The access log on one worker.
///
/// ```no_run
/// use selvedge_http::access_log::{AccessLog, LogFormat};
/// use selvedge_http::{Request, WorkerApplication};
/// use selvedge_runtime::{LineLog, LogTarget, Worker};
///
/// let log = LineLog::start("access log", LogTarget::StandardOutput, 2)?;
/// // What a server's factory does on each worker:
/// let factory = move |_: &Worker| {
///     let hello = async |_: Request<'_>| "hello";
///     let observer = AccessLog::new(log.sink(), LogFormat::Json).observer();
///     WorkerApplication { observer: Some(observer), ..hello.into() }
/// };
/// # let _ = factory;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct AccessLog {
    sink: LineSink,
    format: LogFormat,
    trusted_proxies: Networks,
    unlogged_path: Option<Box<[u8]>>,
    users: Users,
    time: RefCell<LogTime>,
}

impl AccessLog {
    /// A log of this form.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn new(sink: LineSink, format: LogFormat) -> Self {
        let (trusted_proxies, time) = (Networks::default(), RefCell::new(LogTime::new()));
        Self { sink, format, trusted_proxies, unlogged_path: None, users: Users::Noted, time }
    }

    /// Believes these about whose request it is. Where middleware has noted a [`RealAddress`], that is written.
    pub fn with_trusted_proxies(self, trusted_proxies: Networks) -> Self {
        Self { trusted_proxies, ..self }
    }

    /// Writes down the user that Basic credentials name where no [`User`] was noted, as nginx does: the client's own word, which
    /// only a status other than 401, 403 or 503 makes more of.
    pub fn with_basic_users(self) -> Self {
        Self { users: Users::NotedOrBasic, ..self }
    }

    /// Leaves out the requests for this path, as it stands in the request line: a load balancer's questions, mostly.
    pub fn without_path(self, path: impl Into<Box<[u8]>>) -> Self {
        Self { unlogged_path: Some(path.into()), ..self }
    }

    /// What a server is to tell its exchanges ([`WorkerApplication`](crate::WorkerApplication)).
    pub fn observer(self) -> Observer {
        Rc::new(move |record, request| self.note(record, request))
    }

    fn note(&self, record: &ExchangeRecord, request: Option<Request<'_>>) {
        if request.is_some_and(|request| self.leaves_out(&request)) {
            return;
        }
        let mut time = self.time.borrow_mut();
        time.advance(record.answered_at);
        let noted = request.and_then(|request| request.extensions().get::<User>());
        let mut room = [0; basic_user::ROOM];
        let user = match (&noted, self.users) {
            (Some(user), _) => Some(user.name()),
            (None, Users::Noted) => None,
            (None, Users::NotedOrBasic) => {
                let credentials = request.and_then(|request| request.field(KnownField::Authorization).one());
                credentials.and_then(|credentials| basic_user(credentials, &mut room))
            }
        };
        let exchange = Exchange { record, request, address: self.address(record, request), user };
        self.sink.write(|line| match self.format {
            LogFormat::Common => text::common(line, &exchange, &time),
            LogFormat::Combined => text::combined(line, &exchange, &time),
            LogFormat::Json => json::object(line, &exchange, &time),
        });
    }

    fn leaves_out(&self, request: &Request<'_>) -> bool {
        self.unlogged_path.as_deref() == Some(request.original_path())
            || request.extensions().get::<NotLogged>().is_some()
    }

    fn address(&self, record: &ExchangeRecord, request: Option<Request<'_>>) -> Option<ClientAddress> {
        let Some(request) = request else { return record.client };
        let noted = request.extensions().get::<RealAddress>();
        let address = noted.or_else(|| request.real_address(&self.trusted_proxies).ok());
        address.map(RealAddress::address)
    }
}

/// Whose word about users is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Users {
    /// That of what has noted a [`User`].
    Noted,
    /// Else the client's own.
    NotedOrBasic,
}

/// What a line tells.
struct Exchange<'a> {
    record: &'a ExchangeRecord,
    request: Option<Request<'a>>,
    address: Option<ClientAddress>,
    user: Option<&'a [u8]>,
}

impl<'a> Exchange<'a> {
    /// The request line as it was sent.
    fn request_line(&self) -> Option<&'a [u8]> {
        let bytes = self.request?.head_bytes();
        // An empty line may stand before it (RFC 9112 section 2.2).
        let bytes = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
        Some(&bytes[..memchr::memchr(b'\r', bytes).unwrap_or(bytes.len())])
    }

    fn field(&self, field: KnownField) -> Option<&'a [u8]> {
        self.request?.values(field).next()
    }

    fn body_bytes(&self) -> u64 {
        self.record.bytes - self.record.head_bytes
    }
}

fn push_number(line: &mut Vec<u8>, number: impl itoa::Integer) {
    line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// `unix:` for clients of unix sockets, as nginx has it.
fn push_address(line: &mut Vec<u8>, address: ClientAddress) {
    match address {
        ClientAddress::Ip(IpAddr::V4(address)) => {
            for (place, octet) in address.octets().into_iter().enumerate() {
                if place > 0 {
                    line.push(b'.');
                }
                push_number(line, octet);
            }
        }
        ClientAddress::Ip(IpAddr::V6(address)) => {
            use std::io::Write;
            // Which run of zeros is left out is for the standard library to know (RFC 5952). It allocates nothing.
            let written = write!(line, "{address}");
            debug_assert!(written.is_ok(), "memory takes what is written");
        }
        ClientAddress::Unix => line.extend_from_slice(b"unix:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_they_are_read() {
        for address in ["0.0.0.0", "192.0.2.1", "255.255.255.255", "::1", "2001:db8::", "2001:db8::1:0:0:1"] {
            let mut line = Vec::new();
            push_address(&mut line, ClientAddress::ip(address.parse().unwrap()));
            assert_eq!(line, address.as_bytes());
        }
        let mut line = Vec::new();
        push_address(&mut line, ClientAddress::ip("::ffff:192.0.2.1".parse().unwrap()));
        push_address(&mut line, ClientAddress::Unix);
        assert_eq!(line, b"192.0.2.1unix:");
    }
}
