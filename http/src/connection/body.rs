//! Request bodies nobody has read: drained where that is cheap, so that the connection can go on.

use selvedge_runtime::Lease;

use super::Connection;
use super::pace::{Pace, paced};
use crate::h1::{BodyFraming, ChunkEvent, ChunkedDecoder, Expect, RequestHead};
use crate::record::CloseReason;
use crate::shared::Shared;

/// Octets of a body that are read and thrown away; a longer one closes the connection.
const DRAIN_BYTES_MAX: u64 = 64 * 1024;

/// What is done with a body that was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// There is none.
    Nothing,
    /// It is read and thrown away.
    Drain,
    /// The connection closes after the answer.
    Leave,
}

impl Unread {
    /// What becomes of the body of a request that was answered without it.
    pub(super) fn after(head: &RequestHead) -> Self {
        match (head.framing(), head.expect()) {
            (BodyFraming::None, _) => Self::Nothing,
            // It waits for a 100 that does not come; whether it sends the body now cannot be known (RFC 9110 10.1.1).
            (_, Expect::Continue) => Self::Leave,
            (BodyFraming::Length(length), _) if length > DRAIN_BYTES_MAX => Self::Leave,
            (BodyFraming::Length(_) | BodyFraming::Chunked, _) => Self::Drain,
        }
    }
}

impl Connection {
    /// Reads to the end of the body, so that the next head follows in the input.
    pub(super) async fn drain_body<A>(
        &mut self,
        shared: &Shared<A>,
        framing: BodyFraming,
    ) -> Result<(), CloseReason> {
        let mut pace = Pace::reading(selvedge_runtime::now(), shared.timeouts());
        let mut received = 0;
        match framing {
            BodyFraming::None => {}
            BodyFraming::Length(length) => {
                let mut left = length;
                loop {
                    let here = left.min(self.input.bytes().len() as u64);
                    self.input.consume(here as usize);
                    left -= here;
                    if left == 0 {
                        break;
                    }
                    self.receive_body(&mut pace, &mut received).await?;
                }
            }
            BodyFraming::Chunked => {
                let mut decoder = ChunkedDecoder::new(shared.limits());
                loop {
                    let decoded = decoder.decode(self.input.bytes()).map_err(CloseReason::Rejected)?;
                    self.input.consume(decoded.consumed);
                    match decoded.event {
                        ChunkEvent::Data(_) => {}
                        ChunkEvent::End => break,
                        ChunkEvent::NeedMore if received > DRAIN_BYTES_MAX => {
                            return Err(CloseReason::UnreadBody);
                        }
                        ChunkEvent::NeedMore => self.receive_body(&mut pace, &mut received).await?,
                    }
                }
            }
        }
        Ok(())
    }

    async fn receive_body(&mut self, pace: &mut Pace, received: &mut u64) -> Result<(), CloseReason> {
        let stream = self.stream.get_mut();
        let so_far = *received as i64;
        let lease: Lease =
            paced(&self.deadline, pace, stream, |stream, context| stream.poll_receive(context), |_| so_far)
                .await
                .map_err(|_| CloseReason::BodyTimeout)?
                .map_err(|_| CloseReason::ClientFailure)?
                .ok_or(CloseReason::ClientCutShort)?;
        *received += lease.len() as u64;
        self.input.push(lease);
        Ok(())
    }
}
