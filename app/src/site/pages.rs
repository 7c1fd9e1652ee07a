//! What is answered instead of a file: the page of a single-page application, the pages of errors.

use http::{HeaderValue, StatusCode, header};
use selvedge_http::files::{Answer, Files, Target};
use selvedge_http::negotiation::AcceptedMedia;
use selvedge_http::path::SitePath;
use selvedge_http::{FixedFields, Request, Response};

use super::Routed;
use crate::site_config::{ErrorPage, PagePath, SiteConfig};

/// Files of the first tree that stand for others.
#[derive(Debug)]
pub(super) struct Pages {
    spa: Option<PagePath>,
    errors: Vec<ErrorPage>,
}

impl Pages {
    pub(super) fn new(config: &SiteConfig) -> Self {
        Self { spa: config.spa.clone(), errors: config.error_pages.clone() }
    }

    /// Whether no file stands for others.
    pub(super) fn are_none(&self) -> bool {
        self.spa.is_none() && self.errors.is_empty()
    }

    /// For a path where nothing is: the application's page for a browser's navigation, else 404.
    pub(super) async fn missing(
        &self,
        files: &Files,
        request: &Request<'_>,
        path: &SitePath<'_>,
        fields: &FixedFields,
    ) -> Routed {
        let mut response = Response::error(StatusCode::NOT_FOUND, "");
        if let Some(page) = &self.spa
            && !has_extension(path)
        {
            if AcceptedMedia::of_request(request.head(), request.head_bytes()).names_html()
                && let Some(page) = SitePath::decoded(&page.0)
                && let Answer::File(response) =
                    files.fallback(request, Target { tree: 0, path: &page, fields }).await
            {
                return Routed::Own(response);
            }
            // Another request for the same may get the page.
            response.head_mut().fields.push((header::VARY, HeaderValue::from_static("Accept")));
        }
        self.refused(files, request, response, fields).await
    }

    /// The response to a request that is refused, or the page for its status.
    pub(super) async fn refused(
        &self,
        files: &Files,
        request: &Request<'_>,
        mut response: Response,
        fields: &FixedFields,
    ) -> Routed {
        let status = response.status();
        let Some(page) = self.errors.iter().find(|error| error.status == status) else {
            return Routed::Other(response);
        };
        let Some(path) = SitePath::decoded(&page.page.0) else { return Routed::Other(response) };
        match files.page(request, Target { tree: 0, path: &path, fields }, status).await {
            Answer::File(mut answer) => {
                let page = &mut answer;
                // What the status itself must say: Allow, Content-Range, WWW-Authenticate and the like.
                let (page, refused) = (page.head_mut(), response.head_mut());
                page.range = refused.range;
                page.fields = std::mem::take(&mut refused.fields);
                Routed::Own(answer)
            }
            _ => Routed::Other(response),
        }
    }
}

/// Whether the last segment looks like a file's name: a script that is not there must not be answered with a page.
fn has_extension(path: &SitePath<'_>) -> bool {
    let last = path.relative().rsplit(|&byte| byte == b'/').next();
    last.is_some_and(|name| name.contains(&b'.'))
}
