//! What is known of an exchange when it is over, and of a connection when it ends: for logs and metrics.

use http::StatusCode;
use selvedge_runtime::Moment;

use crate::budgets::Budget;
use crate::h1::Reject;
use crate::networks::ClientAddress;

/// One exchange, at its end.
///
/// ```
/// # use std::cell::Cell;
/// # use std::rc::Rc;
/// use selvedge_http::{ExchangeRecord, Request, StatusCode, WorkerApplication, testing};
///
/// # selvedge_runtime::block_on(|| async {
/// let last = Rc::new(Cell::new(None));
/// let there = Rc::clone(&last);
/// let application = WorkerApplication {
///     observer: Some(Rc::new(move |record: &ExchangeRecord, _| there.set(Some(*record)))),
///     ..WorkerApplication::from(async |_: Request<'_>| "hello")
/// };
/// testing::Client::new(application).get("/").send().await.assert_text("hello").await;
/// let record = last.get().expect("the exchange is over");
/// assert_eq!(record.status, Some(StatusCode::OK));
/// assert_eq!(record.bytes, record.head_bytes + 5);
/// # });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeRecord {
    /// The status answered; `None` where there was no answer, because the handler panicked or was dropped at its await.
    pub status: Option<StatusCode>,
    /// Octets of head and body handed to the kernel, or gathered for it with other answers; of an answer that was cut short,
    /// those it had taken by then. A connection that fails later does not change what was recorded.
    pub bytes: u64,
    /// Those of `bytes` that were the head's.
    pub head_bytes: u64,
    /// Whose it was, where there is no request that tells it. `None` also where the client was gone.
    pub client: Option<ClientAddress>,
    /// When its head was complete.
    pub received_at: Moment,
    /// When its last octet was handed to the kernel.
    pub answered_at: Moment,
    /// What comes after it.
    pub end: ExchangeEnd,
}

/// How an exchange ended.
///
/// ```
/// # use std::cell::Cell;
/// # use std::rc::Rc;
/// use selvedge_http::{CloseReason, ExchangeEnd, ExchangeRecord, Request, WorkerApplication, testing};
///
/// # selvedge_runtime::block_on(|| async {
/// # let end = Rc::new(Cell::new(None));
/// # let there = Rc::clone(&end);
/// # let client = testing::Client::new(WorkerApplication {
/// #     observer: Some(Rc::new(move |record: &ExchangeRecord, _| there.set(Some(record.end)))),
/// #     ..WorkerApplication::from(async |_: Request<'_>| "hello")
/// # });
/// // `end` is that of the record that an observer was given last.
/// client.get("/").send().await.assert_text("hello").await;
/// assert_eq!(end.get(), Some(ExchangeEnd::Kept));
/// client.get("/").header("connection", "close").send().await.assert_text("hello").await;
/// assert_eq!(end.get(), Some(ExchangeEnd::Closed(CloseReason::Requested)));
/// # });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeEnd {
    /// The connection stays open.
    Kept,
    /// The connection closes.
    Closed(CloseReason),
}

/// Why a connection ends.
///
/// ```
/// use selvedge_http::{CloseReason, ExchangeEnd, ExchangeRecord};
///
/// /// A line for whoever has written the application, if that is at fault.
/// fn complaint(record: &ExchangeRecord) -> Option<String> {
///     let ExchangeEnd::Closed(reason) = record.end else { return None };
///     let is_ours = matches!(reason, CloseReason::StreamFailed | CloseReason::InvalidResponse);
///     is_ours.then(|| format!("broken off after {} octets: {}", record.bytes, reason.name()))
/// }
/// # let now = selvedge_runtime::block_on(|| async { selvedge_runtime::now() });
/// # let (status, client, received_at, answered_at) = (None, None, now, now);
/// # let end = ExchangeEnd::Closed(CloseReason::StreamFailed);
/// # let record = ExchangeRecord { status, bytes: 900, head_bytes: 200, client, received_at, answered_at, end };
/// assert_eq!(complaint(&record).as_deref(), Some("broken off after 900 octets: stream_failed"));
/// # let record = ExchangeRecord { end: ExchangeEnd::Closed(CloseReason::ClientFailure), ..record };
/// # assert_eq!(complaint(&record), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The client ended its sending between requests.
    ClientEnd,
    /// The client's end failed: a reset, mostly.
    ClientFailure,
    /// The client went away in the middle of a request.
    ClientCutShort,
    /// The request or the protocol version asked for it.
    Requested,
    /// It is from nobody who may speak the PROXY protocol, which is expected.
    UntrustedPeer,
    /// It did not begin with a header of the PROXY protocol, which is expected.
    ProxyHeader,
    /// It has had as many requests as a connection may have.
    RequestsMax,
    /// Idle too long.
    IdleTimeout,
    /// A head too slow.
    HeadTimeout,
    /// A request body too slow.
    BodyTimeout,
    /// A response read too slowly.
    WriteTimeout,
    /// A request that was refused; of one whose body was too long, [its name](Self::name) is its own.
    Rejected(Reject),
    /// The application has spent more on an exchange than it may.
    OverBudget(Budget),
    /// A request body left unread that is too long to drain.
    UnreadBody,
    /// A file that changed while it was sent.
    FileChanged,
    /// A file that could not be read.
    FileFailure,
    /// A response that breaks the rules of framing.
    InvalidResponse,
    /// A streamed body that was not brought to its end, or has another length than was said.
    StreamFailed,
    /// Another protocol had the connection, and is done with it.
    UpgradeOver,
    /// The server stops.
    Drain,
    /// The server has stopped before the connection was done: the drain was over.
    CutOff,
    /// The connection's task panicked: in the application, mostly.
    Panic,
    /// Its address had as many connections as it may have.
    AddressConnections,
    /// Its address came too often.
    AddressRate,
}

impl CloseReason {
    /// Reasons are counted under these numbers.
    pub(crate) const COUNT: usize = 27;

    pub(crate) const fn number(self) -> usize {
        match self {
            Self::ClientEnd => 0,
            Self::ClientFailure => 1,
            Self::ClientCutShort => 2,
            Self::Requested => 3,
            Self::IdleTimeout => 4,
            Self::HeadTimeout => 5,
            Self::BodyTimeout => 6,
            Self::WriteTimeout => 7,
            Self::Rejected(Reject::BodyTooLarge) => 21,
            Self::Rejected(_) => 8,
            Self::UnreadBody => 9,
            Self::FileChanged => 10,
            Self::FileFailure => 11,
            Self::InvalidResponse => 12,
            Self::Drain => 13,
            Self::CutOff => 14,
            Self::Panic => 15,
            Self::RequestsMax => 16,
            Self::UntrustedPeer => 17,
            Self::ProxyHeader => 18,
            Self::StreamFailed => 19,
            Self::UpgradeOver => 20,
            Self::OverBudget(Budget::HandlerTime) => 22,
            Self::OverBudget(Budget::ExchangeTime) => 23,
            Self::OverBudget(Budget::AllocatedBytes) => 24,
            Self::AddressConnections => 25,
            Self::AddressRate => 26,
        }
    }

    /// Its name in logs and metrics. Those of one number have one name.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self.number()]
    }

    /// The names by their numbers.
    pub(crate) const NAMES: [&'static str; Self::COUNT] = [
        "client_end",
        "client_failure",
        "client_cut_short",
        "requested",
        "idle_timeout",
        "head_timeout",
        "body_timeout",
        "write_timeout",
        "rejected",
        "unread_body",
        "file_changed",
        "file_failure",
        "invalid_response",
        "drain",
        "cut_off",
        "panic",
        "requests_max",
        "untrusted_peer",
        "proxy_header",
        "stream_failed",
        "upgrade_over",
        "body_too_large",
        "over_handler_time",
        "over_exchange_time",
        "over_allocated_bytes",
        "address_connections",
        "address_rate",
    ];

    /// Why something ends that is dropped before its own end.
    pub(crate) fn of_drop() -> Self {
        if std::thread::panicking() { Self::Panic } else { Self::CutOff }
    }

    /// A line for the operator, for the reasons that are no client's everyday doing.
    pub(crate) const fn report(self) -> Option<&'static str> {
        match self {
            Self::InvalidResponse => Some("the application made a response that cannot be sent; it was not"),
            Self::StreamFailed => Some(
                "the application did not write the whole of a body, or more than it had said; the connection was closed short",
            ),
            Self::UntrustedPeer => {
                Some("a connection was closed: it is not from one of the proxies that may connect")
            }
            Self::ProxyHeader => {
                Some("a proxy's connection was closed: it did not begin with a PROXY protocol header")
            }
            _ => None,
        }
    }
}
