//! Step 5 of a request's walk, route: a site of files. In: a request. Out: the file its path leads to, a listing, a
//! redirect, or an error. Next: [`selvedge_http::files`], or [`crate::listing`].

mod cors;
mod fields;
mod pages;

use std::rc::Rc;

use http::{HeaderValue, StatusCode, header};
use selvedge_http::files::{Answer, Files, Target};
use selvedge_http::h1::Method;
use selvedge_http::middleware::{CorsAnswers, Redirects};
use selvedge_http::path::{SitePath, TrailingSlash, Visibility};
use selvedge_http::{Application, FixedFields, Request, Response};

use crate::access::Access;
use crate::config::HiddenPolicy;
use crate::listing::{Listings, Shares};
use crate::site_config::{CleanUrls, SiteConfig};
pub use fields::rules;
use pages::Pages;

/// What a site allows (RFC 9110 section 10.2.1).
const ALLOWED: &str = "GET, HEAD, OPTIONS";

/// No path of a file has so many bytes (PATH_MAX, limits.h(0p)).
const PATH_BYTES_MAX: usize = 4_096;

/// A site on one worker.
#[derive(Debug)]
pub struct Site {
    files: Rc<Files>,
    options: SiteOptions,
    /// The trees beside the first and their paths, the longest first.
    mounts: Vec<(Vec<u8>, usize)>,
    redirects: Redirects,
    pages: Pages,
    /// `None`: scripts of no other origin may read.
    cors: Option<CorsAnswers>,
    listings: Option<Listings>,
    /// `None`: everybody may read.
    access: Option<Access>,
    /// Fields of what is no file.
    fields: FixedFields,
}

/// What a site is beside its files.
#[derive(Debug, Clone, Default)]
pub struct SiteOptions {
    /// Everything about answers.
    pub config: SiteConfig,
    /// Whether paths with a segment that begins with a dot are served.
    pub hidden: HiddenPolicy,
    /// Files that answer for directories.
    pub index: Vec<String>,
    /// The one file that the first tree is about: it answers for `/` and for its name.
    pub only: Option<Vec<u8>>,
}

/// An answer, by what made its fields.
enum Routed {
    /// A file or a listing, whose fields are said.
    Own(Response),
    /// Anything else: it has the site's fields.
    Other(Response),
}

impl Site {
    /// A site of these files, whose trees are the root and the mounts in their order.
    pub fn new(files: Rc<Files>, options: SiteOptions) -> Self {
        let config = &options.config;
        let mounts = config.mounts.iter().enumerate().map(|(number, mount)| (mount.path.clone(), number + 1));
        let mut mounts: Vec<_> = mounts.collect();
        mounts.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Self {
            mounts,
            redirects: Redirects::new(config.redirects.clone()),
            pages: Pages::new(config),
            cors: cors::policy(&config.cors).map(CorsAnswers::new),
            listings: None,
            access: None,
            fields: files.rules().of_others(),
            files,
            options,
        }
    }

    /// The same with listings of its directories, within `shares`, which all workers have together; without them if `None`.
    pub fn with_listings(self, shares: Option<Shares>) -> Self {
        let rules = self.files.rules();
        let listings = shares.map(|shares| Listings::new(shares, self.options.hidden, rules));
        Self { listings, ..self }
    }

    /// For those whom `access` lets read; `None`: for everybody.
    pub fn with_access(self, access: Option<Access>) -> Self {
        let mut cors = cors::policy(&self.options.config.cors);
        if access.as_ref().is_some_and(Access::asks_for_passwords) {
            // A script of another origin signs in by a field that it makes itself: its browser adds none.
            cors = cors.map(|policy| policy.headers([header::AUTHORIZATION]));
        }
        Self { access, cors: cors.map(CorsAnswers::new), ..self }
    }
}

impl Application for Site {
    async fn call(&self, request: Request<'_>) -> Response {
        let request = &request;
        let fields = &self.cors.as_ref().map_or(FixedFields::NONE, |cors| cors.fields(request));
        if let Some(access) = &self.access
            && !access.permits_address(request)
        {
            return self.refused(request, Response::error(StatusCode::FORBIDDEN, ""), fields).await;
        }
        // Before the password, which no preflight has (Fetch standard, "CORS-preflight request").
        if let Some(cors) = &self.cors
            && let Some(response) = cors.preflight(request)
        {
            return self.other(options(response), fields);
        }
        if let Some(access) = &self.access
            && let Some(refusal) = access.refusal(request).await
        {
            return self.refused(request, refusal, fields).await;
        }
        let mut decoded = Vec::new();
        let (path, tree, below) = match self.route(request, &mut decoded) {
            Route::Files { path, tree, below } => (path, tree, below),
            Route::Other(response) => return self.other(response, fields),
            Route::Refused(response) => return self.refused(request, response, fields).await,
            Route::Missing(path) => return self.missing(request, &path, fields).await,
        };
        if let Some(name) = self.clean_name(&below)
            && self.only(tree).is_none()
            && self.files.same_file(tree, &below, &name).await
            && let Some(name) = self.clean_name(&path)
        {
            return self.other(redirect(request, &name, Slash::Kept), fields);
        }
        let target = Target { tree, path: &self.only(tree).unwrap_or(below), fields };
        match self.files.answer(request, target).await {
            Answer::File(response) => response,
            Answer::Refused(response) => self.refused(request, response, fields).await,
            Answer::NeedsSlash => self.other(redirect(request, &path, Slash::Added), fields),
            Answer::NeedsNoSlash => self.other(redirect(request, &path, Slash::Removed), fields),
            Answer::Directory => match &self.listings {
                Some(listings) => {
                    // Boxed, so that every other request's future has not its size.
                    let answer = Box::pin(listings.answer(&self.files, request, &path, target)).await;
                    self.listed(request, answer, fields).await
                }
                None => self.missing(request, &path, fields).await,
            },
            Answer::Missing => self.missing(request, &path, fields).await,
        }
    }

    fn at_once(&self, request: &Request<'_>) -> Option<Response> {
        if self.access.is_some() || self.cors.is_some() {
            return None;
        }
        let mut decoded = Vec::new();
        let Route::Files { tree, below, .. } = self.route(request, &mut decoded) else { return None };
        if self.clean_name(&below).is_some() {
            return None;
        }
        let target = Target { tree, path: &self.only(tree).unwrap_or(below), fields: &FixedFields::NONE };
        match self.files.at_once(request, target) {
            Some(Answer::File(response)) => Some(response),
            Some(Answer::Missing) if self.pages.are_none() => {
                Some(self.other(Response::error(StatusCode::NOT_FOUND, ""), &FixedFields::NONE))
            }
            _ => None,
        }
    }
}

impl Site {
    /// Where a request leads by its method and path alone.
    fn route<'a>(&self, request: &Request<'a>, decoded: &'a mut Vec<u8>) -> Route<'a> {
        if request.head().method() == Method::Options {
            return Route::Other(options(Response::empty(StatusCode::NO_CONTENT)));
        }
        let path = match SitePath::resolve(request.path(), decoded) {
            Ok(path) if path.relative().len() >= PATH_BYTES_MAX => {
                return Route::Refused(Response::error(StatusCode::URI_TOO_LONG, "path too long"));
            }
            Ok(path) => path,
            Err(error) => return Route::Refused(Response::error(error.status(), error.reason())),
        };
        if let Some(response) = self.redirects.answer(request, &path) {
            return Route::Other(response);
        }
        if !request.is_get_or_head() {
            return Route::Refused(match request.head().method() {
                Method::Other(_) => Response::error(StatusCode::NOT_IMPLEMENTED, "unknown method"),
                _ => Response::method_not_allowed(ALLOWED),
            });
        }
        if path.visibility() == Visibility::Hidden && self.options.hidden == HiddenPolicy::Hide {
            return Route::Refused(Response::error(StatusCode::NOT_FOUND, ""));
        }
        match self.tree(&path) {
            Place::MountItself => Route::Other(redirect(request, &path, Slash::Added)),
            Place::Tree(tree, below) => match &self.options.only {
                Some(name) if tree == 0 && !below.key().is_empty() && below.key() != name => {
                    Route::Missing(path)
                }
                _ => Route::Files { path, tree, below },
            },
        }
    }

    /// The one file of a tree that is about one alone.
    fn only(&self, tree: usize) -> Option<SitePath<'_>> {
        self.options.only.as_ref().filter(|_| tree == 0).and_then(|name| SitePath::decoded(name))
    }

    /// What is no file, with the site's fields.
    fn other(&self, mut response: Response, fields: &FixedFields) -> Response {
        let head = response.head_mut();
        head.resource_fields = self.fields.clone();
        head.site_fields = fields.clone();
        response
    }

    /// The answer for a path where nothing is.
    async fn missing(&self, request: &Request<'_>, path: &SitePath<'_>, fields: &FixedFields) -> Response {
        if self.pages.are_none() {
            return self.other(Response::error(StatusCode::NOT_FOUND, ""), fields);
        }
        let routed = Box::pin(self.pages.missing(&self.files, request, path, fields)).await;
        self.finish(routed, fields)
    }

    /// The response to a request that is refused, or the page for its status.
    async fn refused(&self, request: &Request<'_>, response: Response, fields: &FixedFields) -> Response {
        if self.pages.are_none() {
            return self.other(response, fields);
        }
        let routed = Box::pin(self.pages.refused(&self.files, request, response, fields)).await;
        self.finish(routed, fields)
    }

    fn finish(&self, routed: Routed, fields: &FixedFields) -> Response {
        match routed {
            Routed::Own(response) => response,
            Routed::Other(response) => self.other(response, fields),
        }
    }

    /// A listing, or what stands in its way.
    async fn listed(&self, request: &Request<'_>, mut answer: Response, fields: &FixedFields) -> Response {
        if answer.status() != StatusCode::OK {
            return self.refused(request, answer, fields).await;
        }
        answer.head_mut().site_fields = fields.clone();
        answer
    }

    /// The tree that a path is in, and what of the path lies in it.
    fn tree<'a>(&self, path: &SitePath<'a>) -> Place<'a> {
        for (mount, tree) in &self.mounts {
            if path.key() == mount {
                return Place::MountItself;
            }
            if let Some(below) = path.below(mount) {
                return Place::Tree(*tree, below);
            }
        }
        Place::Tree(0, *path)
    }

    /// The name that a page has without its `.html`, where those that have it are redirected.
    fn clean_name<'a>(&self, path: &SitePath<'a>) -> Option<SitePath<'a>> {
        if self.options.config.clean_urls != CleanUrls::Redirect {
            return None;
        }
        let key = path.key();
        let name_start = key.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        let is_index = self.options.index.iter().any(|index| index.as_bytes() == &key[name_start..]);
        let clean = if is_index { &key[..name_start] } else { key.strip_suffix(b".html")? };
        // `.html` alone is a name of its own.
        let is_name = is_index || !clean.is_empty() && !clean.ends_with(b"/");
        SitePath::decoded(clean).filter(|_| is_name)
    }
}

/// An answer to OPTIONS, with what is allowed.
fn options(response: Response) -> Response {
    response.with_header(header::ALLOW, HeaderValue::from_static(ALLOWED))
}

/// Where a request leads.
enum Route<'a> {
    /// To what is in this tree at the path `below`; `path` is that of the site.
    Files { path: SitePath<'a>, tree: usize, below: SitePath<'a> },
    /// To an answer that has the site's fields.
    Other(Response),
    /// To a refusal, or the page for it.
    Refused(Response),
    /// To nothing that could be there.
    Missing(SitePath<'a>),
}

/// Where a path is.
enum Place<'a> {
    /// In this tree, as this path.
    Tree(usize, SitePath<'a>),
    /// It names the directory of a mount without its slash.
    MountItself,
}

/// What a redirect does to the slash at the end of a path.
enum Slash {
    Added,
    Removed,
    /// The path is another one, for good.
    Kept,
}

/// To a path of this site, never to another host: by 301 for a slash, as everywhere.
fn redirect(request: &Request<'_>, path: &SitePath<'_>, slash: Slash) -> Response {
    let (slash, status) = match slash {
        Slash::Added => (TrailingSlash::Present, StatusCode::MOVED_PERMANENTLY),
        Slash::Removed => (TrailingSlash::Absent, StatusCode::MOVED_PERMANENTLY),
        Slash::Kept => (path.trailing_slash(), StatusCode::PERMANENT_REDIRECT),
    };
    let mut location = Vec::new();
    if path.redirect_location(slash, request.query(), &mut location).is_err() {
        return Response::error(StatusCode::BAD_REQUEST, "invalid query");
    }
    Response::redirect(status, location)
}
