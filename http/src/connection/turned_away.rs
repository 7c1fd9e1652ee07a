//! Connections that their address has no place for. In: a connection just handed over, and why it may not stay. Out: an answer
//! in one system call, before anything is received; then its end, so that the client reads that.

use selvedge_runtime::net::More;

use super::{Close, Connection};
use crate::address_limits::AddressRefusal;
use crate::h1::{HeadWriter, Persistence, Version};
use crate::networks::ClientAddress;
use crate::record::{CloseReason, ExchangeEnd, ExchangeRecord};
use crate::shared::Shared;

/// Of one worker, those whose ends are waited for; others are closed at once, which their clients may see as a reset. So
/// whoever connects without end takes no more places than these from others.
pub(crate) const LINGERING_MAX: usize = 64;

/// Seconds after which a client may come again: a token comes within one (rates are whole numbers a second), and when its
/// connections end the client knows best.
const RETRY_AFTER: &[u8] = b"1";

/// The head of an answer without a body, whose only long field is the date.
const HEAD_BYTES_MAX: usize = 256;

/// The task of a connection that is turned away.
pub(crate) async fn turn_away<A>(
    mut connection: Box<Connection>,
    mut close: Close<A>,
    refusal: AddressRefusal,
) {
    let reason = connection.answer_turned_away(&close.shared, refusal);
    close.note(reason);
    connection.linger_turned_away(&close.shared).await;
}

impl Connection {
    /// Takes the place of a connection from the client's address, if that is limited, and nobody else tells whose it is.
    ///
    /// # Errors
    /// Why it gets none.
    pub(crate) fn claim_place<A>(&mut self, shared: &Shared<A>) -> Result<(), AddressRefusal> {
        if shared.address_limiter().is_none() || shared.proxies().is_some() {
            return Ok(());
        }
        match self.peer.get(Some(&self.stream)).map(ClientAddress::from) {
            Ok(client) => self.claim_place_of(shared, client),
            // It is gone, which its first receive finds.
            Err(_) => Ok(()),
        }
    }

    /// As [`claim_place`](Self::claim_place), of a client whose address was told.
    pub(super) fn claim_place_of<A>(
        &mut self,
        shared: &Shared<A>,
        client: ClientAddress,
    ) -> Result<(), AddressRefusal> {
        if let Some(limiter) = shared.address_limiter() {
            let place = limiter.claim(client, selvedge_runtime::now())?;
            self.place = place.is_counted().then(|| Box::new(place));
        }
        Ok(())
    }

    /// Waits for the end of a connection that was answered, unless [too many](LINGERING_MAX) are waited for.
    pub(super) async fn linger_turned_away<A>(&mut self, shared: &Shared<A>) {
        if let Some(_place) = shared.lingering().enter() {
            self.linger(shared).await;
        }
    }

    /// Answers whatever the request will be: without a body, since that of a HEAD has none. Tells the observer of it.
    pub(super) fn answer_turned_away<A>(
        &mut self,
        shared: &Shared<A>,
        refusal: AddressRefusal,
    ) -> CloseReason {
        let reason = match refusal {
            AddressRefusal::Connections => CloseReason::AddressConnections,
            AddressRefusal::Rate => CloseReason::AddressRate,
        };
        let (head, length) = head(shared, refusal);
        // Nothing was sent on it before, so a socket that does not take it at once has failed.
        let sent = self.stream.get_mut().send_now(&head[..length], More::Nothing).unwrap_or(0);
        let now = selvedge_runtime::now();
        let record = ExchangeRecord {
            status: Some(refusal.status()),
            bytes: sent as u64,
            head_bytes: sent as u64,
            client: self.peer.known().map(ClientAddress::from),
            received_at: now,
            answered_at: now,
            end: ExchangeEnd::Closed(reason),
        };
        shared.note_exchange(&record, None);
        reason
    }
}

fn head<A>(shared: &Shared<A>, refusal: AddressRefusal) -> ([u8; HEAD_BYTES_MAX], usize) {
    let mut room = [0; HEAD_BYTES_MAX];
    let mut clock = shared.clock();
    let mut writer = HeadWriter::new(&mut room);
    writer.status(refusal.status()).date(clock.date()).content_length(0);
    writer.field("retry-after", RETRY_AFTER).connection(Version::Http11, Persistence::Close);
    let length = writer.finish().map_or(0, |written| written.len);
    (room, length)
}
