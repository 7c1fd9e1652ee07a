//! A request's body as services pull it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::bytes_of;
use super::worker_bound::WorkerBound;
use crate::body::{self, BodyError};

/// A request's body as a service pulls it: nothing is received that is not pulled, so a slow reader holds its client back.
///
/// Its pieces are copies, of 4 KiB at most each; it belongs to its worker (see [the module](super)). The limit on bodies is that
/// of the request: [`Request::limit_body`](crate::Request::limit_body).
///
/// ```
/// use selvedge_http::tower::{RequestBody, from_service};
///
/// async fn length(request: http::Request<RequestBody>) -> Result<http::Response<String>, std::convert::Infallible> {
///     let length = http_body::Body::size_hint(request.body()).exact();
///     Ok(http::Response::new(format!("{length:?}")))
/// }
/// let application = from_service(tower::service_fn(length));
/// # let _ = application;
/// ```
#[derive(Debug)]
pub struct RequestBody {
    body: WorkerBound<body::RequestBody>,
    /// Octets still to come, where that is known.
    left: Option<u64>,
}

impl RequestBody {
    pub(super) fn new(body: body::RequestBody) -> Self {
        let left = body.length();
        Self { body: WorkerBound::new(body), left }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let Some(chunk) = ready!(this.body.poll_chunk(context))? else { return Poll::Ready(None) };
        this.left = this.left.map(|left| left.saturating_sub(chunk.len() as u64));
        Poll::Ready(Some(Ok(Frame::data(bytes_of(chunk)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
