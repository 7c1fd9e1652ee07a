//! What the simulated server serves: answers that say whose they are, in every form the engine has.

use std::time::Duration;

use selvedge_http::middleware::recover;
use selvedge_http::{Application, HeaderValue, IntoResponse, Request, Response, StatusCode};
use selvedge_runtime::timer;

/// Octets of a body that the server reads.
pub(super) const BODY_BYTES_MAX: usize = 64 * 1_024;

/// What becomes of a handler's panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Panics {
    /// 500, and its connection goes on.
    Answered,
    /// No answer.
    EndTheirConnection,
}

/// The octets of the answer to request `id`: of no other request.
pub(super) fn pattern(id: u64, length: usize) -> Vec<u8> {
    let mut octets = Vec::with_capacity(length + 8);
    let mut mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    while octets.len() < length {
        mixed = mixed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(id | 1);
        octets.extend_from_slice(&mixed.to_be_bytes());
    }
    octets.truncate(length);
    octets
}

/// The application, and what it does about panics.
pub(super) fn application(panics: Panics) -> impl Application {
    let (recovering, plain) = (serve.with(recover()), serve);
    async move |request: Request<'_>| -> Response {
        match panics {
            Panics::Answered => Application::call(&recovering, request).await,
            Panics::EndTheirConnection => Application::call(&plain, request).await,
        }
    }
}

/// `/text/ID/LENGTH`, `/stream/ID/LENGTH/PIECE`, `/pieces/ID/LENGTH/PIECE`, `/wait/ID/LENGTH/MILLISECONDS`, `/helper/ID/LENGTH`: the pattern, at once,
/// copied in pieces, in pieces as they are, later, from another thread. `/echo`, `/through`, `/trailers`: the body, read first, or passed on while it comes, or
/// with its trailer fields. `/early/ID/LENGTH`: the pattern, and no look at the body. `/upgrade`: every octet back. `/panic`.
async fn serve(request: Request<'_>) -> Response {
    let segments: Vec<_> = request.segments().collect();
    let number = |at: usize| segments.get(at).and_then(|segment| segment.parse::<u64>().ok()).unwrap_or(0);
    let (id, length) = (number(1), number(2) as usize);
    match &*segments[0] {
        "text" | "early" => Response::octets(pattern(id, length)),
        "stream" => {
            let piece = number(3).max(1) as usize;
            Response::stream(async move |mut writer| {
                for octets in pattern(id, length).chunks(piece) {
                    writer.write(octets).await?;
                }
                Ok(())
            })
        }
        "pieces" => {
            let piece = number(3).max(1) as usize;
            Response::stream(async move |mut writer| {
                for octets in pattern(id, length).chunks(piece) {
                    writer.send(octets.to_vec()).await?;
                }
                Ok(())
            })
        }
        "wait" => {
            timer::sleep(Duration::from_millis(number(3))).await;
            Response::octets(pattern(id, length))
        }
        "helper" => match selvedge_runtime::blocking(move || pattern(id, length)).await {
            Ok(octets) => Response::octets(octets),
            Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        },
        "echo" => match request.body().bytes(BODY_BYTES_MAX).await {
            Ok(body) => Response::octets(body),
            Err(error) => error.into_response(),
        },
        "through" => {
            let mut body = request.body();
            Response::stream(async move |mut writer| {
                while let Some(piece) = body.chunk().await? {
                    writer.send(piece).await?;
                }
                Ok(())
            })
        }
        "trailers" => {
            let mut body = request.body();
            let (mut writer, response) = Response::channel();
            let read = body.bytes(BODY_BYTES_MAX).await;
            let Ok(read) = read else { return StatusCode::BAD_REQUEST.into_response() };
            selvedge_runtime::spawn_detached("trailers", async move {
                if writer.write(&read).await.is_ok() {
                    writer.finish_with_trailers(body.trailers());
                }
            });
            response
        }
        "upgrade" => Response::upgrade(HeaderValue::from_static("echo"), async |mut client| {
            while let Some(octets) = client.receive().await? {
                client.send(octets).await?;
            }
            Ok(())
        }),
        // Without the hook that prints: it is meant.
        "panic" => std::panic::resume_unwind(Box::new("as it was asked to")),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
