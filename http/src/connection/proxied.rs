//! Step 3 of a request's walk where proxies stand before the server: what precedes the first head. In: a connection just
//! handed over. Out: the same behind its PROXY header, with the client's address as its peer. Next: [`super::exchange`].

use std::ffi::OsStr;
use std::future::{Future, poll_fn};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use selvedge_runtime::net::Address;

use super::{After, Connection, ExchangePool, Parked, Received, WaitsFor};
use crate::networks::ClientAddress;
use crate::proxy_protocol::Source;
use crate::record::CloseReason;
use crate::shared::Shared;

/// Waits for a connection's header, and answers what came behind it.
pub(super) async fn begin<A, F, E>(
    mut connection: Box<Connection>,
    shared: &Shared<A>,
    pool: &ExchangePool<F, E>,
) -> (Box<Connection>, After)
where
    F: Future<Output = (Box<Connection>, After)>,
    E: Fn(Box<Connection>, Option<Received>) -> F,
{
    if let Err(end) = connection.receive_proxy_header(shared).await {
        return (connection, end);
    }
    let mut running = pool.start(connection, None);
    let (mut connection, after) = running.future().await;
    pool.finish(running);
    if after == After::Park {
        connection.park(0);
    }
    (connection, after)
}

impl Connection {
    /// Takes the header, within the time of a head. Whoever is none of the proxies is not waited for.
    ///
    /// # Errors
    /// Why it is over that has none: nobody is answered who does not speak the protocol. Or because its client has too many
    /// connections, or comes too often: that it was told, and its end was waited for.
    async fn receive_proxy_header<A>(&mut self, shared: &Shared<A>) -> Result<(), After> {
        let abort = After::Abort;
        let peer = self.stream.get_mut().peer().map_err(|_| abort(CloseReason::ClientFailure))?;
        if !shared.proxies().is_some_and(|proxies| proxies.contains(ClientAddress::from(&peer))) {
            return Err(abort(CloseReason::UntrustedPeer));
        }
        loop {
            match poll_fn(|context| self.poll_parked(context, shared)).await {
                Parked::Input => {}
                Parked::HeadTimeout => return Err(abort(CloseReason::HeadTimeout)),
                Parked::Over(CloseReason::ClientEnd) if !self.input.is_empty() => {
                    return Err(abort(CloseReason::ClientCutShort));
                }
                Parked::Over(reason) => return Err(abort(reason)),
            }
            match self.input.take_proxy_header(source_address) {
                Ok(Some(source)) => {
                    let told = source.as_ref().map(ClientAddress::from);
                    self.peer.set(source.unwrap_or(peer));
                    // A proxy that asks for itself has no limit.
                    let claimed = told.map_or(Ok(()), |client| self.claim_place_of(shared, client));
                    let Err(refusal) = claimed else { return Ok(()) };
                    let reason = self.answer_turned_away(shared, refusal);
                    Box::pin(self.linger_turned_away(shared)).await;
                    return Err(abort(reason));
                }
                Ok(None) if self.waits_for == WaitsFor::Request => {
                    (self.waits_for, self.waits_since) = (WaitsFor::Head, selvedge_runtime::now());
                }
                Ok(None) => {}
                Err(_) => return Err(abort(CloseReason::ProxyHeader)),
            }
        }
    }
}

/// The address a header tells, `None` where it leaves it to the connection.
fn source_address(source: Source<'_>) -> Option<Address> {
    match source {
        Source::Peer => None,
        Source::Ip(address) => Some(address.into()),
        Source::Unix(b"") => Some(Address::Unnamed),
        Source::Unix(path) => Some(Address::Unix(PathBuf::from(OsStr::from_bytes(path)))),
    }
}
