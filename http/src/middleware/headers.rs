//! Fields of all responses. In: a response of what is behind. Out: the same with fields set, added or removed.

use std::fmt;

use http::{HeaderName, HeaderValue};

use crate::application::Application;
use crate::fixed_fields::is_owned;
use crate::request::Request;
use crate::response::Response;

/// Makes `changes` to every response, errors among them.
///
/// A change that has nothing to do leaves the response as it was. Where a prepared response gets a field, it costs a
/// copy of its head; fields that all files of a site have are cheaper with the files themselves
/// ([`FileOptions`](crate::files::FileOptions)).
pub fn headers<A: Application>(changes: HeaderChanges) -> impl FnOnce(A) -> Headers<A> {
    move |application| Headers { application, changes }
}

/// What [`headers`] does to a response: the changes are made in the order in which they are said here.
///
/// ```
/// use selvedge_http::middleware::{HeaderChanges, headers};
/// use selvedge_http::{Application, Request, header};
///
/// async fn hello(_: Request<'_>) -> &'static str {
///     "hello"
/// }
///
/// fn application() -> impl Application {
///     let changes = HeaderChanges::new()
///         .set(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
///         .set_if_absent(header::REFERRER_POLICY, "same-origin")
///         .append(header::VARY, "accept-language")
///         .remove(header::SERVER);
///     hello.with(headers(changes))
/// }
/// # application();
/// ```
#[derive(Debug, Clone, Default)]
pub struct HeaderChanges(Vec<Change>);

#[derive(Debug, Clone)]
enum Change {
    Set(HeaderName, HeaderValue),
    SetIfAbsent(HeaderName, HeaderValue),
    Append(HeaderName, HeaderValue),
    Remove(HeaderName),
}

impl HeaderChanges {
    /// No change.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The field has this value alone.
    ///
    /// # Panics
    /// When no field can have the value, and for a field that the engine owns: Date, Content-Length, Transfer-Encoding,
    /// Connection.
    #[must_use]
    pub fn set<V>(mut self, name: HeaderName, value: V) -> Self
    where
        V: TryInto<HeaderValue, Error: fmt::Debug>,
    {
        self.0.push(Change::Set(checked(name), value.try_into().expect("a field's value")));
        self
    }

    /// The field has this value where the response does not say it.
    ///
    /// # Panics
    /// As [`set`](Self::set).
    #[must_use]
    pub fn set_if_absent<V>(mut self, name: HeaderName, value: V) -> Self
    where
        V: TryInto<HeaderValue, Error: fmt::Debug>,
    {
        self.0.push(Change::SetIfAbsent(checked(name), value.try_into().expect("a field's value")));
        self
    }

    /// The field has this value too, on a line of its own.
    ///
    /// # Panics
    /// As [`set`](Self::set).
    #[must_use]
    pub fn append<V>(mut self, name: HeaderName, value: V) -> Self
    where
        V: TryInto<HeaderValue, Error: fmt::Debug>,
    {
        self.0.push(Change::Append(checked(name), value.try_into().expect("a field's value")));
        self
    }

    /// The response does not say the field.
    ///
    /// # Panics
    /// For a field that the engine owns.
    #[must_use]
    pub fn remove(mut self, name: HeaderName) -> Self {
        self.0.push(Change::Remove(checked(name)));
        self
    }

    fn make(&self, response: &mut Response) {
        for change in &self.0 {
            match change {
                Change::Set(name, value) => response.set_field(name.clone(), value.clone()),
                Change::SetIfAbsent(name, _) if response.has_field(name) => {}
                Change::SetIfAbsent(name, value) | Change::Append(name, value) => {
                    response.head_mut().fields.push((name.clone(), value.clone()));
                }
                Change::Remove(name) => response.remove_field(name),
            }
        }
    }
}

fn checked(name: HeaderName) -> HeaderName {
    assert!(!is_owned(&name), "the field {name} is the server's own");
    name
}

/// What [`headers`] makes.
///
/// ```
/// use selvedge_http::middleware::{HeaderChanges, Headers, headers};
/// use selvedge_http::{Application, Request, StatusCode, header, testing};
///
/// fn application() -> Headers<impl Application> {
///     let changes = HeaderChanges::new().set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
///     (async |_: Request<'_>| StatusCode::NOT_FOUND).with(headers(changes))
/// }
///
/// testing::run(application, async |client| {
///     client.get("/").send().await.assert_status(404).assert_header("x-content-type-options", "nosniff");
/// });
/// ```
#[derive(Debug, Clone)]
pub struct Headers<A> {
    application: A,
    changes: HeaderChanges,
}

impl<A: Application> Application for Headers<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        let mut response = self.application.call(request).await;
        self.changes.make(&mut response);
        response
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    fn changed(changes: HeaderChanges, mut response: Response) -> Vec<(String, String)> {
        changes.make(&mut response);
        let map = response.head().to_header_map();
        let text = |value: &HeaderValue| value.to_str().expect("ASCII").to_owned();
        map.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    }

    fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_change_does_what_it_says() {
        let response = || {
            let response = Response::text("x").with_header(header::VARY, "a");
            response.with_header(header::VARY, "b").with_header(header::SERVER, "inner")
        };
        let text = ("content-type", "text/plain; charset=utf-8");
        for (changes, expected) in [
            (HeaderChanges::new().set(header::VARY, "c"), [text, ("server", "inner"), ("vary", "c")]),
            (HeaderChanges::new().remove(header::SERVER), [text, ("vary", "a"), ("vary", "b")]),
        ] {
            assert_eq!(changed(changes, response()), pairs(&expected));
        }
        let changes = HeaderChanges::new()
            .set_if_absent(header::SERVER, "outer")
            .set_if_absent(header::ETAG, "\"1\"")
            .append(header::VARY, "c")
            .set(header::CONTENT_TYPE, "text/csv");
        let expected = [
            ("vary", "a"),
            ("vary", "b"),
            ("vary", "c"),
            ("server", "inner"),
            ("etag", "\"1\""),
            ("content-type", "text/csv"),
        ];
        assert_eq!(changed(changes, response()), pairs(&expected));
    }

    #[test]
    fn changes_are_made_in_their_order() {
        let changes = HeaderChanges::new().set(header::SERVER, "a").remove(header::SERVER);
        assert_eq!(changed(changes, Response::empty(http::StatusCode::OK)), pairs(&[]));
        let changes = HeaderChanges::new().remove(header::SERVER).set(header::SERVER, "a");
        assert_eq!(changed(changes, Response::empty(http::StatusCode::OK)), pairs(&[("server", "a")]));
    }

    #[test]
    #[should_panic(expected = "the field content-length is the server's own")]
    fn fields_of_the_engine_are_refused_at_the_start() {
        let _ = HeaderChanges::new().set(header::CONTENT_LENGTH, "1");
    }
}
