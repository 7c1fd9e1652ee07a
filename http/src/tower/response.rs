//! Responses in the terms of `http`, and back. What nobody has looked into comes back as it was.

use std::any::Any;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::response::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use http_body::{Body, Frame};

use super::exchange::Exchange;
use super::feed::Feed;
use super::{BoxError, ResponseBody};
use crate::body::{BodyWriter, StreamBody};
use crate::fixed_fields::is_owned;
use crate::response::{self, Response, ResponseHead};

/// What the bodies are that come out of a service's layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bodies {
    /// They may be others than went in, unless their type says that they are the same.
    Changed,
    /// They are the same in other types.
    Transparent,
}

/// An application's response, as layers see it.
pub(super) fn to_http(response: Response, feed: Option<Feed>) -> http::Response<ResponseBody> {
    let (status, fields, body) = if let response::Body::Parts(_) = &response.body {
        // Its boundary, and so its Content-Type, is made now.
        let (head, reader) = response.into_reader();
        (head.status, head.to_header_map(), ResponseBody::pulled(reader))
    } else {
        (response.status(), fields_of(&response), ResponseBody::whole(response, feed))
    };
    let mut converted = http::Response::new(body);
    *converted.status_mut() = status;
    *converted.headers_mut() = fields;
    converted
}

/// Where no application can answer.
pub(super) fn unanswered() -> http::Response<ResponseBody> {
    to_http(Response::error(StatusCode::INTERNAL_SERVER_ERROR, ""), None)
}

/// All fields, without those the engine owns.
pub(super) fn fields_of(response: &Response) -> HeaderMap {
    match &response.body {
        response::Body::Prepared(prepared) => {
            let mut plain = Response::prepared(prepared.clone());
            plain.head.status = response.status();
            plain.head.site_fields = response.head.site_fields.clone();
            plain.head_mut().to_header_map()
        }
        _ => response.head.to_header_map(),
    }
}

/// A service's response to a request of `method`.
pub(super) async fn of_http<B>(
    response: http::Response<B>,
    method: &Method,
    bodies: Bodies,
    exchange: &Exchange,
) -> Response
where
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    let (parts, body) = response.into_parts();
    let is_tunnel = method == Method::CONNECT && parts.status.is_success();
    if (is_tunnel || parts.status == StatusCode::SWITCHING_PROTOCOLS)
        && let Some(upgrade) = exchange.take_upgrade()
    {
        let head = ResponseHead::of_header_map(parts.status, parts.headers);
        return Response::new(head, response::Body::Upgrade(upgrade));
    }
    let mut body = Box::pin(body);
    if let Some(own) = (&*body as &dyn Any).downcast_ref::<ResponseBody>() {
        if let Some(whole) = own.held().take_whole() {
            return with_head(whole, parts);
        }
    } else if bodies == Bodies::Transparent
        && let Some(held) = exchange.only_body()
        // One that compresses is not transparent.
        && held.coding().as_ref() == parts.headers.get(header::CONTENT_ENCODING)
        && let Some(whole) = held.take_whole()
    {
        // It has nothing any more: whoever counts or waits for its end is told so.
        let _ = poll_fn(|context| Poll::Ready(body.as_mut().poll_frame(context))).await;
        return with_head(whole, parts);
    }
    let body = pulled(&parts, method, body).await;
    Response::new(ResponseHead::of_header_map(parts.status, parts.headers), body)
}

/// `response` with the head that layers have made of its own.
fn with_head(mut response: Response, mut parts: Parts) -> Response {
    let owned = [header::DATE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];
    debug_assert!(owned.iter().all(is_owned));
    owned.iter().for_each(|name| drop(parts.headers.remove(name)));
    if parts.status != response.status() || parts.headers != fields_of(&response) {
        *response.head_mut() = ResponseHead::of_header_map(parts.status, parts.headers);
    }
    response
}

/// A body that is pulled. One that is there at once is sent at once.
async fn pulled<B>(parts: &Parts, method: &Method, mut body: Pin<Box<B>>) -> response::Body
where
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    let said = parts.headers.get(header::CONTENT_LENGTH);
    let said = said.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if method == Method::HEAD {
        // The length is that of the answer to a GET, which is not here (RFC 9110 section 8.6).
        return match said.or_else(|| body.size_hint().exact()) {
            Some(0) => response::Body::Empty,
            Some(length) => nothing().with_length(length).into(),
            None => nothing().into(),
        };
    }
    if body.is_end_stream() {
        return response::Body::Empty;
    }
    let Some(length) = body.size_hint().exact().or(said) else {
        return StreamBody::of(async move |writer| forward(None, body, writer).await).into();
    };
    let first = match poll_fn(|context| Poll::Ready(poll_frame(&mut body, context))).await {
        Poll::Pending => None,
        Poll::Ready(None) if length == 0 => return response::Body::Empty,
        Poll::Ready(None) => return nothing().with_length(length).into(),
        Poll::Ready(Some(frame)) => Some(frame),
    };
    if let Some(Ok(frame)) = &first
        && let Some(data) = frame.data_ref()
        && data.len() as u64 == length
    {
        // Whoever waits for its end is told; a body of a known length has no trailers.
        let data = data.clone();
        let _ = poll_fn(|context| Poll::Ready(poll_frame(&mut body, context))).await;
        return response::Body::Full(data.into());
    }
    let body = StreamBody::of(async move |writer| forward(first, body, writer).await);
    body.with_length(length).into()
}

/// Brings a body to its client, as fast as that reads.
async fn forward<B>(
    first: Option<Result<Frame<Bytes>, B::Error>>,
    mut body: Pin<Box<B>>,
    mut writer: BodyWriter,
) -> io::Result<()>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let mut trailers = HeaderMap::new();
    let mut next = first;
    loop {
        if let Some(frame) = next {
            match frame.map_err(io::Error::other)?.into_data() {
                Ok(data) => writer.send(data).await?,
                Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
            }
        }
        let Some(frame) = poll_fn(|context| poll_frame(&mut body, context)).await else { break };
        next = Some(frame);
    }
    let mut name = None;
    let trailers = trailers.into_iter().filter_map(|(next, value)| {
        name = next.or(name.take());
        Some((name.clone()?, value))
    });
    writer.finish_with_trailers(trailers.collect());
    Ok(())
}

fn poll_frame<B: Body>(
    body: &mut Pin<Box<B>>,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
    let bytes_of = |mut data: B::Data| data.copy_to_bytes(data.remaining());
    body.as_mut().poll_frame(context).map_ok(|frame| frame.map_data(bytes_of))
}

/// A body that is never written.
fn nothing() -> StreamBody {
    StreamBody::of(async |_| Ok(()))
}

impl From<StreamBody> for response::Body {
    fn from(body: StreamBody) -> Self {
        Self::Stream(Box::new(body))
    }
}
