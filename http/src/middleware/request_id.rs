//! A name for each request. In: a request, maybe with a name already. Out: the same with a [`RequestId`] in its
//! extensions, and a response that says it.

use std::cell::Cell;

use http::{HeaderName, HeaderValue};

use crate::application::Application;
use crate::request::Request;
use crate::response::Response;

/// Octets of a client's or proxy's own name that are taken; a longer one is replaced.
const BYTES_MAX: usize = 128;

/// Gives each request a name, to find it again in the logs of several servers: the one that came in `field`, or a new
/// one of 128 random bits. What is behind sees it as [`RequestId`]; the response says it in the same field, unless it
/// has that already.
///
/// A name that came is taken if it is 1 to 128 octets of visible ASCII. It is the client's word: no proof of anything.
/// New names do not repeat, but whoever has seen some may foretell others: they are no secrets.
///
/// ```
/// use selvedge_http::middleware::{RequestId, request_id};
/// use selvedge_http::{Application, HeaderName, Request};
///
/// async fn hello(request: Request<'_>) -> String {
///     let id = request.extensions().get::<RequestId>();
///     format!("hello, {}", id.as_ref().map_or("nobody", RequestId::as_str))
/// }
///
/// fn application() -> impl Application {
///     hello.with(request_id(HeaderName::from_static("x-request-id")))
/// }
/// # application();
/// ```
pub fn request_id<A: Application>(field: HeaderName) -> impl FnOnce(A) -> RequestIds<A> {
    move |application| RequestIds { application, field, random: Random::default() }
}

/// A request's name: visible ASCII, at most 128 octets.
///
/// ```
/// use selvedge_http::Request;
/// use selvedge_http::middleware::RequestId;
///
/// async fn name(request: Request<'_>) -> String {
///     match request.extensions().get::<RequestId>() {
///         Some(id) => id.as_str().to_owned(),
///         None => "it has none".to_owned(),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The name.
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("it is made of visible ASCII")
    }

    /// The name as a field's value, for requests to other servers.
    pub fn as_value(&self) -> &HeaderValue {
        &self.0
    }

    fn of_sent(name: &[u8]) -> Option<Self> {
        let is_name = (1..=BYTES_MAX).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
        if is_name { HeaderValue::from_bytes(name).ok().map(Self) } else { None }
    }

    fn of_bits(bits: u128) -> Self {
        Self(HeaderValue::try_from(format!("{bits:032x}")).expect("hexadecimal digits are visible ASCII"))
    }
}

/// What [`request_id`] makes.
///
/// ```
/// use selvedge_http::middleware::{RequestIds, request_id};
/// use selvedge_http::{Application, HeaderName, Request, testing};
///
/// fn application() -> RequestIds<impl Application> {
///     (async |_: Request<'_>| "hello").with(request_id(HeaderName::from_static("x-request-id")))
/// }
///
/// testing::run(application, async |client| {
///     let named = client.get("/").send().await;
///     assert_eq!(named.header("x-request-id").map(str::len), Some(32));
///     // A name that came with the request stays.
///     let mut of_proxy = client.get("/").header("x-request-id", "of-the-proxy").send().await;
///     of_proxy.assert_header("x-request-id", "of-the-proxy");
/// });
/// ```
#[derive(Debug)]
pub struct RequestIds<A> {
    application: A,
    field: HeaderName,
    random: Random,
}

impl<A: Application> Application for RequestIds<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        let sent = request.header(&self.field).and_then(RequestId::of_sent);
        let id = sent.unwrap_or_else(|| RequestId::of_bits(self.random.bits()));
        request.extensions().insert(id.clone());
        let mut response = self.application.call(request).await;
        if !response.has_field(&self.field) {
            response.head_mut().fields.push((self.field.clone(), id.0));
        }
        response
    }
}

/// xoshiro256++ (Blackman and Vigna, 2018), seeded by the kernel when it is first asked: no system call per request.
#[derive(Debug, Default)]
struct Random(Cell<Option<[u64; 4]>>);

impl Random {
    fn bits(&self) -> u128 {
        let state = self.0.take();
        let mut state = state.unwrap_or_else(|| {
            let [low, high] = [selvedge_runtime::random_bits(), selvedge_runtime::random_bits()];
            [low as u64, (low >> 64) as u64, high as u64, (high >> 64) as u64]
        });
        let bits = u128::from(next(&mut state)) << 64 | u128::from(next(&mut state));
        self.0.set(Some(state));
        bits
    }
}

fn next(state: &mut [u64; 4]) -> u64 {
    let result = state[0].wrapping_add(state[3]).rotate_left(23).wrapping_add(state[0]);
    let shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = state[3].rotate_left(45);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_its_authors_numbers() {
        let mut state = [1, 2, 3, 4];
        let numbers: Vec<u64> = (0..6).map(|_| next(&mut state)).collect();
        let expected = [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
            9_228_616_714_210_784_205,
            9_973_669_472_204_895_162,
        ];
        assert_eq!(numbers, expected);
    }

    #[test]
    fn a_sent_name_is_taken_only_if_it_can_stand_in_a_log() {
        let long = [b'a'; BYTES_MAX + 1];
        for (name, taken) in [
            (&b"a-1/b:2"[..], true),
            (&long[1..], true),
            (&long, false),
            (b"", false),
            (b"two words", false),
            (b"\xc3\xa9", false),
            (b"a\x7f", false),
        ] {
            assert_eq!(RequestId::of_sent(name).is_some(), taken, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn a_new_name_is_32_digits() {
        assert_eq!(RequestId::of_bits(0xa5).as_str(), format!("{}a5", "0".repeat(30)));
    }
}
