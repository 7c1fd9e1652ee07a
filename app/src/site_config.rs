//! What a site says and where it finds its files: the part of the configuration that is about answers.

use http::StatusCode;
use selvedge_http::files::{Compression, FieldRule, Precompressed, TagSource};
use selvedge_http::media_type::Charset;
use selvedge_http::middleware::Redirect;

use std::path::PathBuf;

/// Everything about answers that the command line and the environment decide.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SiteConfig {
    /// Whether `/a` leads to `a.html`.
    pub clean_urls: CleanUrls,
    /// The page that answers for what is not there, for a single-page application.
    pub spa: Option<PagePath>,
    /// The pages of errors.
    pub error_pages: Vec<ErrorPage>,
    /// Directories beside the root.
    pub mounts: Vec<Mount>,
    /// Paths that lead elsewhere.
    pub redirects: Vec<Redirect>,
    /// Languages in which files may exist, the default first.
    pub languages: Vec<String>,
    /// Which compressed siblings answer for a file.
    pub precompressed: Precompressed,
    /// What is compressed by the server.
    pub compression: Compression,
    /// What tags are made of.
    pub tags: TagSource,
    /// `Cache-Control`, in order; behind the default and before `headers`.
    pub cache: Vec<FieldRule>,
    /// Further fields, in order.
    pub headers: Vec<FieldRule>,
    /// Which other origins' scripts may read.
    pub cors: Cors,
    /// Fields that keep browsers from doing what few sites want.
    pub security_headers: SecurityHeaders,
    /// What `Server` says.
    pub server_name: ServerName,
    /// Types by extension.
    pub types: Vec<(String, String)>,
    /// What text says of its charset.
    pub charset: Charset,
}

/// Whether paths without `.html` lead to pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CleanUrls {
    /// They do not.
    #[default]
    Off,
    /// They do.
    On,
    /// They do, and those with `.html` are redirected to them.
    Redirect,
}

/// A file of the site by its path below the root, decoded, without a slash at either end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePath(pub Vec<u8>);

/// The page for one status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorPage {
    /// The status, 400 to 599.
    pub status: StatusCode,
    /// Its page.
    pub page: PagePath,
}

/// Most directories beside the root: each has tables of its own.
pub const MOUNTS_MAX: usize = 16;

/// A directory that is served under a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The path, decoded, without a slash at either end.
    pub path: Vec<u8>,
    /// The directory.
    pub directory: PathBuf,
}

/// Most redirects: they are looked through for each request.
pub const REDIRECTS_MAX: usize = 256;

/// Which other origins' scripts may read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Cors {
    /// None.
    #[default]
    Off,
    /// All.
    Any,
    /// These, as they stand in `Origin`.
    Origins(Vec<String>),
}

/// Whether the fields are said that keep browsers from doing what few sites want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecurityHeaders {
    /// They are not.
    #[default]
    Off,
    /// They are.
    On,
}

/// What `Server` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ServerName {
    /// `selvedge`
    #[default]
    Own,
    /// This.
    Named(http::HeaderValue),
    /// There is no such field.
    Off,
}
