//! Paths that lead elsewhere, as the operator wants.

use http::StatusCode;

use crate::path::SitePath;
use crate::request::Request;
use crate::response::Response;

/// Redirects, those of whole paths first, then the longest beginnings.
#[derive(Debug)]
pub struct Redirects(Vec<Redirect>);

impl Redirects {
    /// These, in whatever order.
    pub fn new(redirects: &[Redirect]) -> Self {
        let mut redirects = redirects.to_vec();
        redirects
            .sort_by_key(|redirect| (redirect.rest != Rest::None, std::cmp::Reverse(redirect.from.len())));
        Self(redirects)
    }

    /// The redirect of a request for `path`; `None` where it leads nowhere else.
    pub fn answer(&self, request: &Request<'_>, path: &SitePath<'_>) -> Option<Response> {
        let redirect = self.0.iter().find(|redirect| redirect.rest_of(path).is_some())?;
        let rest = redirect.rest_of(path)?;
        let mut location = redirect.to.clone().into_bytes();
        // Encoded anew, and never the first segment of the target: it cannot become a host's name.
        rest.encode_into(&mut location);
        if rest.key().ends_with(b"/") {
            location.push(b'/');
        }
        // What the target says itself is kept; its own query or fragment stands for the request's.
        if let Some(query) = request.query()
            && !redirect.to.contains(['?', '#'])
        {
            location.push(b'?');
            location.extend_from_slice(query);
        }
        Some(Response::redirect(redirect.status, location))
    }
}

/// A path that leads elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The path, decoded, with its slash at the end if it has one; before `rest` if that is there.
    pub from: Vec<u8>,
    /// Whether what follows `from` goes along.
    pub rest: Rest,
    /// Where it leads: a path or a URL, as it will stand in `Location`.
    pub to: String,
    /// 301, 302, 307 or 308.
    pub status: StatusCode,
}

/// What of a path a redirect is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// All of it.
    None,
    /// Its beginning; the rest goes to the end of the target.
    Appended,
    /// Its beginning; the rest is dropped.
    Dropped,
}

impl Redirect {
    /// What of the path goes to the end of the target; `None` if the redirect is not about this path.
    fn rest_of<'a>(&self, path: &SitePath<'a>) -> Option<SitePath<'a>> {
        match self.rest {
            Rest::None => (path.key() == self.from).then_some(b"".as_slice()),
            Rest::Appended => path.key().strip_prefix(self.from.as_slice()),
            Rest::Dropped => path.key().strip_prefix(self.from.as_slice()).map(|_| b"".as_slice()),
        }
        .and_then(SitePath::decoded)
    }
}
