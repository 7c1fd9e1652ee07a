//! The body of an application's response as layers see it: pulled piece by piece if one of them does, else given back as it came.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use http_body::{Body, Frame, SizeHint};

use super::bytes_of;
use super::feed::Feed;
use super::response::fields_of;
use super::worker_bound::WorkerBound;
use crate::body::BodyReader;
use crate::h1::ErrorBody;
use crate::response::{self, Response};

/// The body of an application's response, among layers.
///
/// A layer that does not look into it gives back what it was: a file is then sent as files are. Pulled, its pieces are copies
/// of at most 128 KiB, unless the application had them in [`Bytes`]. It belongs to its worker (see [the module](super)).
///
/// ```
/// use http_body::Body;
/// use selvedge_http::tower::{ResponseBody, layer};
/// # use selvedge_http::{Application, HeaderName, HeaderValue, Request, testing};
/// # use tower::util::MapResponseLayer;
///
/// /// For a layer: it looks at the body's length, and gives the body back as it came.
/// fn note_length(mut response: http::Response<ResponseBody>) -> http::Response<ResponseBody> {
///     if let Some(length) = response.body().size_hint().exact() {
///         response.headers_mut().insert(HeaderName::from_static("x-length"), HeaderValue::from(length));
///     }
///     response
/// }
///
/// let make = || (async |_: Request<'_>| "hello").with(layer(MapResponseLayer::new(note_length)));
/// testing::run(make, async |client| {
///     client.get("/").send().await.assert_header("x-length", "5").assert_text("hello").await;
/// });
/// ```
#[derive(Debug)]
pub struct ResponseBody(WorkerBound<Rc<Held>>);

/// What a response's body is, held by it and by its exchange.
#[derive(Debug)]
pub(super) struct Held {
    content: RefCell<Content>,
    /// What the application may still read of the request while it writes.
    feed: RefCell<Option<Feed>>,
}

#[derive(Debug)]
enum Content {
    /// Nobody has pulled it: the response as the application gave it.
    Whole(Response),
    /// Being pulled; octets that are left, where that is known.
    Pulled(BodyReader, Option<u64>),
    /// Pulled to its end, or taken.
    Over,
}

impl ResponseBody {
    /// The body of `response`, which must not be one in several parts: its boundary is made when it is read.
    pub(super) fn whole(response: Response, feed: Option<Feed>) -> Self {
        Self::new(Content::Whole(response), feed)
    }

    pub(super) fn pulled(reader: BodyReader) -> Self {
        let left = reader.length();
        Self::new(Content::Pulled(reader, left), None)
    }

    fn new(content: Content, feed: Option<Feed>) -> Self {
        Self(WorkerBound::new(Rc::new(Held { content: RefCell::new(content), feed: RefCell::new(feed) })))
    }

    pub(super) fn held(&self) -> &Rc<Held> {
        &self.0
    }
}

impl Held {
    /// The response as it was, if its body was not pulled and needs nothing of what layers have done to the request.
    pub(super) fn take_whole(&self) -> Option<Response> {
        let mut content = self.content.borrow_mut();
        let Content::Whole(response) = &*content else { return None };
        if self.feed.borrow().is_some() && matches!(response.body, response::Body::Stream(_)) {
            return None;
        }
        match std::mem::replace(&mut *content, Content::Over) {
            Content::Whole(response) => Some(response),
            _ => None,
        }
    }

    /// The Content-Encoding that the application has given it.
    pub(super) fn coding(&self) -> Option<HeaderValue> {
        match &*self.content.borrow() {
            Content::Whole(response) => fields_of(response).remove(header::CONTENT_ENCODING),
            _ => None,
        }
    }

    fn poll_frame(&self, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut content = self.content.borrow_mut();
        if let Content::Whole(_) = &*content
            && let Content::Whole(response) = std::mem::replace(&mut *content, Content::Over)
        {
            let (_, reader) = response.into_reader();
            let left = reader.length();
            *content = Content::Pulled(reader, left);
        }
        let Content::Pulled(reader, left) = &mut *content else { return Poll::Ready(None) };
        let read = loop {
            if let Poll::Ready(read) = reader.poll_chunk(context) {
                break read;
            }
            let mut feed = self.feed.borrow_mut();
            let Some(feed) = &mut *feed else { return Poll::Pending };
            ready!(feed.poll(context));
        };
        match read {
            Ok(Some(chunk)) => {
                *left = left.map(|left| left.saturating_sub(chunk.len() as u64));
                Poll::Ready(Some(Ok(Frame::data(bytes_of(chunk)))))
            }
            Ok(None) => {
                let trailers = HeaderMap::from_iter(reader.take_trailers());
                *content = Content::Over;
                Poll::Ready((!trailers.is_empty()).then(|| Ok(Frame::trailers(trailers))))
            }
            Err(error) => {
                *content = Content::Over;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    /// Octets that are left, where that is known.
    fn left(&self) -> Option<u64> {
        match &*self.content.borrow() {
            Content::Whole(response) => length_of(response),
            Content::Pulled(_, left) => *left,
            Content::Over => Some(0),
        }
    }
}

fn length_of(response: &Response) -> Option<u64> {
    use response::Body;
    match &response.body {
        // Of the last two neither comes here: they are put aside, and answered before.
        Body::Empty | Body::Upgrade(_) | Body::Path(_) => Some(0),
        Body::Full(chunk) => Some(chunk.len() as u64),
        Body::Segments(segments) => Some(segments.iter().map(|segment| segment.len() as u64).sum()),
        Body::Stream(body) => body.length(),
        Body::File(part) => Some(part.length),
        Body::Parts(_) => None,
        Body::Error { reason } => Some(ErrorBody { status: response.status(), reason }.bytes() as u64),
        Body::Prepared(prepared) => Some(u64::from(prepared.bytes - prepared.head_bytes)),
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        // A stream may have trailers behind its last octet.
        match &*self.0.content.borrow() {
            Content::Whole(response) => {
                !matches!(response.body, response::Body::Stream(_)) && length_of(response) == Some(0)
            }
            Content::Pulled(..) => false,
            Content::Over => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.0.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// An empty body, for a service beside an application that answers by itself.
///
/// ```
/// use http_body::Body;
/// use selvedge_http::tower::ResponseBody;
///
/// assert!(ResponseBody::default().is_end_stream());
/// ```
impl Default for ResponseBody {
    fn default() -> Self {
        Self::new(Content::Over, None)
    }
}
