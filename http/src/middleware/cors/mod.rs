//! Which other origins' scripts may read (Fetch standard, "HTTP extensions").
//!
//! In: a request. Out: the response of the application behind it, with what the script's browser must be told; and the answer
//! to preflights, with which browsers ask before a request that no form could send.

mod policy;

pub use policy::{BadOrigin, CorsPolicy};

use http::{HeaderName, HeaderValue, StatusCode, header};

use self::policy::{Credentials, Names, Origins};
use crate::application::Application;
use crate::fixed_fields::FixedFields;
use crate::h1::{Field, Method};
use crate::request::Request;
use crate::response::{Body, Response, ResponseHead};

/// What a preflight asks for, and how it is known.
const REQUEST_METHOD: &str = "access-control-request-method";
const REQUEST_HEADERS: &str = "access-control-request-headers";

/// Tells browsers which other origins' scripts may read the responses of the application, and answers their preflights.
///
/// It is added after what asks for passwords, since preflights have none (Fetch standard, "CORS-preflight request"). The
/// application should say none of CORS's fields itself: browsers refuse a field that is there twice. A prepared response stays
/// one.
///
/// ```
/// use selvedge_http::middleware::{CorsPolicy, cors};
/// use selvedge_http::{Application, Request};
///
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
///
/// let application = hello.with(cors(CorsPolicy::any_origin()));
/// ```
pub fn cors<A: Application>(policy: CorsPolicy) -> impl FnOnce(A) -> Cors<A> {
    let of_all = policy.fields_of_all();
    let answers = CorsAnswers::with(policy, &of_all);
    move |application| Cors { answers, application }
}

/// An application that scripts of other origins may ask: [`cors`] makes one.
///
/// ```
/// use selvedge_http::middleware::{Cors, CorsPolicy, cors};
/// use selvedge_http::{Application, Method, Request, testing};
///
/// fn application() -> Cors<impl Application> {
///     let policy = CorsPolicy::origins(["https://app.example"]).expect("as a browser writes it");
///     (async |_: Request<'_>| "hello").with(cors(policy.methods([Method::PUT])))
/// }
///
/// testing::run(application, async |client| {
///     let asks = |origin| client.get("/").header("origin", origin).send();
///     asks("https://app.example").await.assert_header("access-control-allow-origin", "https://app.example");
///     asks("https://other.example").await.assert_no_header("access-control-allow-origin");
///     let preflight = client.options("/").header("origin", "https://app.example");
///     let mut allowed = preflight.header("access-control-request-method", "PUT").send().await;
///     allowed.assert_status(204).assert_header("access-control-allow-methods", "PUT");
/// });
/// ```
#[derive(Debug)]
pub struct Cors<A> {
    answers: CorsAnswers,
    application: A,
}

impl<A: Application> Application for Cors<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        let fields = self.answers.fields(&request);
        let response = match self.answers.preflight(&request) {
            Some(response) => response,
            None => self.application.call(request).await,
        };
        response.with_fixed_fields(&fields)
    }
}

/// What [`cors`] says, for applications that say [`CorsPolicy::fields_of_all`] themselves, as a site of files does whose
/// prepared responses have them.
///
/// ```
/// use selvedge_http::middleware::{CorsAnswers, CorsPolicy};
/// use selvedge_http::{Application, FixedFields, Request, Response};
///
/// struct Greeting {
///     /// Of all answers.
///     fields: FixedFields,
///     cors: CorsAnswers,
/// }
///
/// impl Greeting {
///     fn new(policy: CorsPolicy) -> Self {
///         let fields = policy.fields_of_all();
///         let fields = FixedFields::new(fields.iter().map(|(name, value)| (name, value)));
///         Self { fields: fields.expect("none is the engine's"), cors: CorsAnswers::new(policy) }
///     }
/// }
///
/// impl Application for Greeting {
///     async fn call(&self, request: Request<'_>) -> Response {
///         let response = self.cors.preflight(&request).unwrap_or_else(|| Response::text("hello"));
///         response.with_fixed_fields(&self.fields).with_fixed_fields(&self.cors.fields(&request))
///     }
/// }
/// ```
#[derive(Debug)]
pub struct CorsAnswers {
    policy: CorsPolicy,
    /// What they all say by this.
    of_all: Vec<(HeaderName, HeaderValue)>,
    of_others: FixedFields,
    /// For each of the listed origins, what it is told.
    of_listed: Vec<FixedFields>,
}

impl CorsAnswers {
    /// What is said beside the fields of all answers.
    pub fn new(policy: CorsPolicy) -> Self {
        Self::with(policy, &[])
    }

    /// What is said, with `of_all` in front.
    fn with(policy: CorsPolicy, of_all: &[(HeaderName, HeaderValue)]) -> Self {
        let listed = match &policy.origins {
            Origins::Listed(origins) => origins.as_slice(),
            Origins::Any | Origins::Where(_) => &[],
        };
        let told =
            |origin: &HeaderValue| fixed(of_all.iter().chain(&policy.fields_of_origin(origin.clone())));
        Self {
            of_listed: listed.iter().map(told).collect(),
            of_others: fixed(of_all.iter()),
            of_all: of_all.to_vec(),
            policy,
        }
    }

    /// What the answer to this request says. Allocates nothing but for [`CorsPolicy::origins_where`].
    pub fn fields(&self, request: &Request<'_>) -> FixedFields {
        let told = match &self.policy.origins {
            Origins::Any => None,
            Origins::Listed(origins) => origin(request).and_then(|asking| {
                let place = origins.iter().position(|origin| origin.as_bytes() == asking)?;
                Some(self.of_listed[place].clone())
            }),
            Origins::Where(allowed) => origin(request).filter(|asking| allowed(asking)).and_then(|asking| {
                let origin = HeaderValue::from_bytes(asking).ok()?;
                Some(fixed(self.of_all.iter().chain(&self.policy.fields_of_origin(origin))))
            }),
        };
        told.unwrap_or_else(|| self.of_others.clone())
    }

    /// The answer to a preflight, without the [`fields`](Self::fields) of every answer: 204 with what the script may do, if its
    /// origin may read. `None` for any other request, OPTIONS among them.
    pub fn preflight(&self, request: &Request<'_>) -> Option<Response> {
        if request.head().method() != Method::Options || request.field_named(REQUEST_METHOD) == Field::Absent
        {
            return None;
        }
        let mut head = ResponseHead::new(StatusCode::NO_CONTENT);
        if self.may_read(request) {
            let CorsPolicy { methods, headers, age_max, .. } = &self.policy;
            self.allow(&mut head, header::ACCESS_CONTROL_ALLOW_METHODS, methods, request, REQUEST_METHOD);
            self.allow(&mut head, header::ACCESS_CONTROL_ALLOW_HEADERS, headers, request, REQUEST_HEADERS);
            let age = age_max.map(|age| (header::ACCESS_CONTROL_MAX_AGE, age.as_secs().into()));
            head.fields.extend(age);
        }
        Some(Response::new(head, Body::Empty))
    }

    fn may_read(&self, request: &Request<'_>) -> bool {
        match (&self.policy.origins, origin(request)) {
            (Origins::Any, _) => true,
            (Origins::Listed(origins), Some(asking)) => {
                origins.iter().any(|origin| origin.as_bytes() == asking)
            }
            (Origins::Where(allowed), Some(asking)) => allowed(asking),
            (_, None) => false,
        }
    }

    /// Says what of `names` a script may use. With credentials `*` is a name like any other (Fetch standard), so it is told
    /// the very names it asks for.
    fn allow(
        &self,
        head: &mut ResponseHead,
        field: HeaderName,
        names: &Names,
        request: &Request<'_>,
        asked: &'static str,
    ) {
        let mirrors = self.policy.credentials == Credentials::Included && names.are_all();
        let value = match mirrors {
            true => request.field_named(asked).one().and_then(|asked| HeaderValue::from_bytes(asked).ok()),
            false => names.value(),
        };
        head.fields.extend(value.map(|value| (field, value)));
    }
}

/// Whose script asks.
fn origin<'a>(request: &Request<'a>) -> Option<&'a [u8]> {
    request.field_named("origin").one()
}

fn fixed<'a>(fields: impl Iterator<Item = &'a (HeaderName, HeaderValue)>) -> FixedFields {
    FixedFields::new(fields.map(|(name, value)| (name, value))).expect("none is the engine's own")
}
