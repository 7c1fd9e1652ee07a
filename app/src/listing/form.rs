//! Whether a listing is for people or for programs: by the query, else by Accept.

use selvedge_http::Request;
use selvedge_http::negotiation::AcceptedMedia;

use super::order::query_value;

/// The form of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Html,
    Json,
}

impl Form {
    /// `format=html` or `format=json` in the query; else JSON if Accept prefers it to HTML.
    pub(super) fn of(request: &Request<'_>) -> Self {
        match query_value(request.query(), b"format") {
            Some(b"json") => Self::Json,
            Some(b"html") => Self::Html,
            _ if AcceptedMedia::of_request(request.head(), request.head_bytes()).prefers_json() => Self::Json,
            _ => Self::Html,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}
