//! What a server says of other origins: plain data, for all workers.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};

/// Which other origins' scripts may read what is answered, and what else they may.
///
/// By default they may send what a form could: GET, HEAD and POST with the fields and types of one (Fetch standard,
/// CORS-safelisted). They are told nothing but the fields every script may read, their requests carry no cookies, and browsers
/// ask anew after 5 seconds.
///
/// ```
/// use std::time::Duration;
///
/// use selvedge_http::middleware::CorsPolicy;
/// use selvedge_http::{Method, header};
///
/// # fn main() -> Result<(), selvedge_http::middleware::BadOrigin> {
/// let policy = CorsPolicy::origins(["https://app.example", "http://localhost:3000"])?
///     .methods([Method::GET, Method::PUT, Method::DELETE])
///     .headers([header::AUTHORIZATION, header::CONTENT_TYPE])
///     .exposed([header::ETAG, header::LOCATION])
///     .credentials()
///     .age_max(Duration::from_secs(3_600));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct CorsPolicy {
    pub(super) origins: Origins,
    pub(super) methods: Names,
    pub(super) headers: Names,
    exposed: Names,
    pub(super) credentials: Credentials,
    pub(super) age_max: Option<Duration>,
}

/// Whether scripts of an origin may read, by its octets.
type OriginCheck = dyn Fn(&[u8]) -> bool + Send + Sync;

/// Whose scripts may read.
#[derive(Clone)]
pub(super) enum Origins {
    Any,
    Listed(Vec<HeaderValue>),
    Where(Arc<OriginCheck>),
}

/// Whether requests with cookies, client certificates or passwords of the browser are answered so that scripts may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credentials {
    Omitted,
    Included,
}

/// A list of names, among which `*` may be.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(Vec<String>);

impl CorsPolicy {
    /// For scripts of all origins: for what anybody may read.
    pub fn any_origin() -> Self {
        Self::new(Origins::Any)
    }

    /// For scripts of these origins, as a browser writes them: scheme, host and port in lower case, without a slash at the end,
    /// or `null`. They are compared with each request's, one by one.
    ///
    /// # Errors
    /// The first that no browser would send.
    pub fn origins<O: AsRef<str>>(origins: impl IntoIterator<Item = O>) -> Result<Self, BadOrigin> {
        let origins = origins.into_iter().map(|origin| parse_origin(origin.as_ref()));
        Ok(Self::new(Origins::Listed(origins.collect::<Result<_, _>>()?)))
    }

    /// For scripts of those origins for which `allowed` says so of their octets.
    ///
    /// ```
    /// use selvedge_http::middleware::CorsPolicy;
    ///
    /// let previews = CorsPolicy::origins_where(|origin| {
    ///     origin.starts_with(b"https://") && origin.ends_with(b".preview.example")
    /// });
    /// ```
    pub fn origins_where(allowed: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Self {
        Self::new(Origins::Where(Arc::new(allowed)))
    }

    fn new(origins: Origins) -> Self {
        Self {
            origins,
            methods: Names::default(),
            headers: Names::default(),
            exposed: Names::default(),
            credentials: Credentials::Omitted,
            age_max: None,
        }
    }

    /// The methods that scripts may use, besides GET, HEAD and POST.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods.0.extend(methods.into_iter().map(|method| method.to_string()));
        self
    }

    /// Scripts may use all methods.
    #[must_use]
    pub fn any_method(mut self) -> Self {
        self.methods.0.push("*".to_owned());
        self
    }

    /// The fields that scripts may send, besides those of every script.
    #[must_use]
    pub fn headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.headers.0.extend(names.into_iter().map(|name| name.to_string()));
        self
    }

    /// Scripts may send all fields; `Authorization` only where [`headers`](Self::headers) names it too or there are
    /// [`credentials`](Self::credentials).
    #[must_use]
    pub fn any_header(mut self) -> Self {
        self.headers.0.push("*".to_owned());
        self
    }

    /// The fields of responses that scripts may read, besides those of every script.
    #[must_use]
    pub fn exposed(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.exposed.0.extend(names.into_iter().map(|name| name.to_string()));
        self
    }

    /// Scripts may read responses to requests that carry their users' cookies, client certificates and passwords: they act in
    /// their users' names.
    ///
    /// # Panics
    /// For a policy of [`any_origin`](Self::any_origin): browsers refuse that, as every page of the web could read all that its
    /// visitors can. Name the origins.
    #[must_use]
    pub fn credentials(mut self) -> Self {
        assert!(!matches!(self.origins, Origins::Any), "credentials are for origins that are named");
        self.credentials = Credentials::Included;
        self
    }

    /// How long a browser may remember what it was told when it asked beforehand, in whole seconds; browsers cut it to two
    /// hours and less.
    #[must_use]
    pub fn age_max(mut self, age: Duration) -> Self {
        self.age_max = Some(age);
        self
    }

    /// What every answer says, whoever asks: for applications that have fields of their own for all answers, and a
    /// [`CorsAnswers`](super::CorsAnswers) for the rest.
    pub fn fields_of_all(&self) -> Vec<(HeaderName, HeaderValue)> {
        match self.origins {
            Origins::Any => self.fields_of_origin(HeaderValue::from_static("*")),
            // The answer to one origin must not be given to another.
            Origins::Listed(_) | Origins::Where(_) => {
                vec![(header::VARY, HeaderValue::from_static("Origin"))]
            }
        }
    }

    /// What an origin is told that may read.
    pub(super) fn fields_of_origin(&self, origin: HeaderValue) -> Vec<(HeaderName, HeaderValue)> {
        let mut fields = vec![(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)];
        if self.credentials == Credentials::Included {
            fields.push((header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")));
        }
        fields.extend(self.exposed.value().map(|names| (header::ACCESS_CONTROL_EXPOSE_HEADERS, names)));
        fields
    }
}

impl Names {
    /// The list as a field's value; `None` where it is empty.
    pub(super) fn value(&self) -> Option<HeaderValue> {
        let text = self.0.join(", ");
        (!text.is_empty()).then(|| HeaderValue::from_str(&text).expect("names are tokens"))
    }

    pub(super) fn are_all(&self) -> bool {
        self.0.iter().any(|name| name == "*")
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("Any"),
            Self::Listed(origins) => f.debug_tuple("Listed").field(origins).finish(),
            Self::Where(_) => f.write_str("Where"),
        }
    }
}

/// What is not an origin as browsers write it.
///
/// ```
/// use selvedge_http::middleware::CorsPolicy;
///
/// let bad = CorsPolicy::origins(["https://app.example/"]).unwrap_err();
/// assert!(bad.to_string().starts_with("'https://app.example/' is not an origin; write"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadOrigin(pub String);

impl fmt::Display for BadOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fix =
            "write scheme, host and port as a browser does, in lower case and without a slash at the end";
        write!(f, "'{}' is not an origin; {fix}", self.0)
    }
}

impl Error for BadOrigin {}

/// An origin as it stands in `Origin` (RFC 6454 section 7).
fn parse_origin(text: &str) -> Result<HeaderValue, BadOrigin> {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_lowercase())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte))
    };
    let is_host = |host: &str| {
        !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte))
    };
    match text.split_once("://") {
        Some((scheme, host)) if is_scheme(scheme) && is_host(host) => {}
        None if text == "null" => {}
        _ => return Err(BadOrigin(text.to_owned())),
    }
    HeaderValue::from_str(text).map_err(|_| BadOrigin(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_taken_as_browsers_write_them() {
        for origin in [
            "https://app.example",
            "http://[::1]:3000",
            "null",
            "tauri://localhost",
            "chrome-extension://abc",
        ] {
            assert!(CorsPolicy::origins([origin]).is_ok(), "{origin}");
        }
        for origin in [
            "",
            "*",
            "app.example",
            "https://",
            "https://App.example",
            "https://a.example/",
            "https://a.example/b",
            "://a.example",
            "1x://a",
            "https://a.example\r\n",
            "https://ü.example",
        ] {
            assert_eq!(CorsPolicy::origins([origin]).unwrap_err(), BadOrigin(origin.to_owned()));
        }
    }

    #[test]
    #[should_panic(expected = "origins that are named")]
    fn all_origins_with_credentials_are_refused() {
        drop(CorsPolicy::any_origin().credentials());
    }
}
