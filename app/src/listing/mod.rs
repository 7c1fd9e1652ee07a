//! Listings of directories, step 6 of a request's walk where no index file answers. In: a path that ends in a slash. Out: a
//! page for people or one for programs, made beside the worker. Next: the engine sends it.

mod entries;
mod escape;
mod form;
mod html;
mod json;
mod order;
mod shares;
mod size;
mod time;

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode, header};
use selvedge_http::files::{Directory, FieldRules, Files, Listable, Target};
use selvedge_http::path::SitePath;
use selvedge_http::{Body, FixedFields, Request, Response, ResponseHead};
use selvedge_runtime::{Turn, timer};

use self::entries::Page;
use self::form::Form;
use self::order::Order;
pub use self::shares::Shares;
use crate::config::HiddenPolicy;

/// How long a request waits until others have been read.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// After how many seconds a client may try again that has waited in vain.
const RETRY_AFTER_S: u32 = 1;

/// Names read of a directory, hidden ones and links that may not be followed included: some seconds of a helper's time.
const NAMES_MAX: usize = 1_000_000;

/// The listings of a site on one worker.
#[derive(Debug)]
pub struct Listings {
    shares: Shares,
    hidden: HiddenPolicy,
    html_fields: FixedFields,
    json_fields: FixedFields,
}

impl Listings {
    /// Listings within `shares`, which all workers share, with the fields that `rules` say.
    pub fn new(shares: Shares, hidden: HiddenPolicy, rules: &FieldRules) -> Self {
        let policy = HeaderValue::from_static(html::SECURITY_POLICY);
        Self {
            shares,
            hidden,
            html_fields: rules.of_listing(&[vary(), (header::CONTENT_SECURITY_POLICY, policy)]),
            json_fields: rules.of_listing(&[vary()]),
        }
    }

    /// The page for the directory at `target`, which the request has asked for as `path`.
    pub async fn answer<'a>(
        &self,
        files: &Files,
        request: &Request<'_>,
        path: &SitePath<'_>,
        target: impl Into<Target<'a>>,
    ) -> Response {
        // Before the directory is opened, so that requests that wait hold no descriptor.
        let Ok(turn) = timer::timeout(WAIT_MAX, self.shares.turns.next()).await else {
            return Response::unavailable("too many listings at once", RETRY_AFTER_S);
        };
        match files.directory(target).await {
            Listable::Directory(directory) => self.list(&directory, request, path, turn).await,
            // It was there a moment ago.
            Listable::No => Response::error(StatusCode::NOT_FOUND, ""),
            Listable::Refused(response) => response,
        }
    }

    async fn list(
        &self,
        directory: &Directory,
        request: &Request<'_>,
        path: &SitePath<'_>,
        turn: Turn,
    ) -> Response {
        let form = Form::of(request);
        let page = Page { path: path.relative().to_vec(), form, order: Order::of(request.query()) };
        let (hidden, in_root) = (self.hidden, path.relative().is_empty());
        let wanted = move |name: &[u8]| is_shown(name, hidden, in_root);
        let shares = self.shares.clone();
        let composed = directory
            .read(NAMES_MAX, wanted, move |entries| {
                // Held until the work is done, even if nobody waits for it any more.
                let _turn = turn;
                Ok(shares.hold(page.compose(entries)?))
            })
            .await;
        match composed {
            Ok(Some(page)) => Response::new(self.head(form), Body::Full(page.into())),
            Ok(None) => Response::unavailable("too many listings are being sent", RETRY_AFTER_S),
            Err(response) => *response,
        }
    }

    /// No validators, since nothing says cheaply whether a directory's page would be the same.
    fn head(&self, form: Form) -> ResponseHead {
        let fields = match form {
            Form::Html => &self.html_fields,
            Form::Json => &self.json_fields,
        };
        ResponseHead {
            content_type: Some(form.content_type()),
            resource_fields: fields.clone(),
            ..ResponseHead::new(StatusCode::OK)
        }
    }
}

/// Whether a request for this name would be answered: the rule of [`SitePath::visibility`].
fn is_shown(name: &[u8], hidden: HiddenPolicy, in_root: bool) -> bool {
    hidden == HiddenPolicy::Show || !name.starts_with(b".") || (in_root && name == b".well-known")
}

/// Which form it has depends on that.
fn vary() -> (HeaderName, HeaderValue) {
    (header::VARY, HeaderValue::from_static("Accept"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_not_listed_either() {
        let hide = |name: &[u8], in_root| is_shown(name, HiddenPolicy::Hide, in_root);
        assert!(hide(b"file", true) && hide(b"file.", false) && hide(b".well-known", true));
        assert!(!hide(b".git", true) && !hide(b".well-known", false) && !hide(b".well-known2", true));
        assert!(is_shown(b".git", HiddenPolicy::Show, false));
    }
}
