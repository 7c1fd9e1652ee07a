//! An exchange from its head to its record. In: whose it is, and what its connection answers. Out: one record, also where the
//! exchange's task panics or is dropped: then of what was answered so far.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

use selvedge_runtime::Moment;

use super::Connection;
use super::input::HeadBytes;
use crate::h1::RequestHead;
use crate::networks::ClientAddress;
use crate::record::{CloseReason, ExchangeEnd, ExchangeRecord};
use crate::request::{Request, RequestState};
use crate::shared::Shared;

/// An exchange that has begun. It is recorded exactly once, and has its connection until then.
pub(super) struct Underway<'a, A, W: Whose> {
    shared: &'a Shared<A>,
    pub(super) connection: &'a mut Connection,
    pub(super) whose: W,
    received_at: Moment,
}

/// What is known of its request.
pub(super) trait Whose {
    /// The request on `connection`; `None` where nothing could be read.
    fn request<'r>(&'r self, connection: &'r Connection) -> Option<Request<'r>>;
}

/// A request whose head could be read.
pub(super) struct Readable<'a> {
    pub(super) head: &'a RequestHead,
    pub(super) head_bytes: &'a mut HeadBytes,
    pub(super) state: &'a RequestState<'a>,
}

/// A head that could not be read, or not in time.
pub(super) struct Unreadable;

/// What was sent of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Octets {
    pub(super) bytes: u64,
    pub(super) head_bytes: u64,
}

impl<'a, A, W: Whose> Underway<'a, A, W> {
    pub(super) fn begin(
        shared: &'a Shared<A>,
        connection: &'a mut Connection,
        whose: W,
        received_at: Moment,
    ) -> Self {
        connection.count_answered();
        // They are of the exchange before.
        (connection.answered_status, connection.answered_bytes, connection.answered_head_bytes) =
            (None, 0, 0);
        Self { shared, connection, whose, received_at }
    }

    /// Records it. Its answer has so many octets.
    pub(super) fn end(self, bytes: u64, end: ExchangeEnd) {
        // Its drop is for exchanges that do not come to this, an observer that panics included.
        ManuallyDrop::new(self).record(bytes, end);
    }

    /// Leaves it to be begun once more: nothing of it was answered.
    pub(super) fn abandon(self) {
        let _ = ManuallyDrop::new(self);
    }

    fn record(&self, bytes: u64, end: ExchangeEnd) {
        let answered_at = selvedge_runtime::now();
        let received_at = self.received_at;
        let connection = &*self.connection;
        let Octets { bytes, head_bytes } = connection.octets(bytes);
        // Only who looks on wants to know whose it was.
        let request = if self.shared.is_observed() { self.whose.request(connection) } else { None };
        let client = if request.is_some() { None } else { connection.client() };
        let status = connection.answered_status;
        let record = ExchangeRecord { status, bytes, head_bytes, client, received_at, answered_at, end };
        self.shared.note_exchange(&record, request);
    }
}

impl<A, W: Whose> Drop for Underway<'_, A, W> {
    fn drop(&mut self) {
        // A panic in a drop while another one unwinds would end the process.
        let record = || {
            let bytes = self.connection.answered_bytes_before_failure();
            self.record(bytes, ExchangeEnd::Closed(CloseReason::of_drop()));
        };
        let _ = catch_unwind(AssertUnwindSafe(record));
    }
}

impl Readable<'_> {
    pub(super) fn request_on<'r>(&'r self, connection: &'r Connection) -> Request<'r> {
        Request::new(self.head, self.head_bytes, self.state, &connection.peer, Some(&connection.stream))
    }
}

impl Whose for Readable<'_> {
    fn request<'r>(&'r self, connection: &'r Connection) -> Option<Request<'r>> {
        Some(self.request_on(connection))
    }
}

impl Whose for Unreadable {
    fn request<'r>(&'r self, _: &'r Connection) -> Option<Request<'r>> {
        None
    }
}

impl Connection {
    /// The client, if its address was asked for.
    fn client(&self) -> Option<ClientAddress> {
        self.peer.known().map(ClientAddress::from)
    }

    /// `bytes` of the last answer, told apart.
    fn octets(&self, bytes: u64) -> Octets {
        Octets { bytes, head_bytes: self.answered_head_bytes.min(bytes) }
    }
}
