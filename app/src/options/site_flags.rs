//! The flags about answers, as clap reads them.

use clap::{ArgAction, Args};
use http::HeaderValue;
use selvedge_http::files::{FieldRule, Precompressed, TagSource};
use selvedge_http::media_type::Charset;
use selvedge_http::middleware::Redirect;
use selvedge_http::negotiation::CodingSet;

use super::site_values::{self as values, Languages, Types};
use super::values::OrOff;
use crate::site_config::{CleanUrls, Cors, ErrorPage, Mount, PagePath};

/// Flags about finding files and about what is said with them.
#[derive(Debug, Args)]
pub(super) struct SiteFlags {
    #[arg(short, long, value_name = "FILE", help_heading = "Files", value_parser = values::spa)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    #[arg(help = "Answer navigations to what is not there with FILE, as single-page applications want\n\
        [default FILE: index.html] [env: SELVEDGE_SPA]")]
    pub(super) spa: Option<OrOff<PagePath>>,

    #[arg(long, value_name = "redirect", help_heading = "Files", value_parser = values::clean_urls)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    #[arg(help = "Let /a lead to a.html; with =redirect, and /a.html to /a\n\
        [env: SELVEDGE_CLEAN_URLS=on|redirect|off]")]
    pub(super) clean_urls: Option<CleanUrls>,

    #[arg(long, value_name = "FILE", help_heading = "Files", value_parser = values::page)]
    #[arg(help = "Page for 404, below DIR [env: SELVEDGE_NOT_FOUND]")]
    pub(super) not_found: Option<PagePath>,

    #[arg(long, value_name = "STATUS=FILE", help_heading = "Files", value_parser = values::error_page)]
    #[arg(help = "Page for another error of the site; repeatable\n\
        [env: SELVEDGE_ERROR_PAGE, separated by newlines]")]
    pub(super) error_page: Vec<ErrorPage>,

    #[arg(long, value_name = "/PATH=DIR", help_heading = "Files", value_parser = values::mount)]
    #[arg(help = "Serve another directory below a path; repeatable\n\
        [env: SELVEDGE_MOUNT, separated by newlines]")]
    pub(super) mount: Vec<Mount>,

    #[arg(long, value_name = "/FROM=TO", help_heading = "Files", value_parser = values::redirect)]
    #[arg(help = "Redirect a path, or with * at its end all below it, by 301 or as 302:/FROM=TO says;\n\
        repeatable [env: SELVEDGE_REDIRECT, separated by newlines]")]
    pub(super) redirect: Vec<Redirect>,

    #[arg(long, value_name = "TAG,...", help_heading = "Files", value_parser = values::languages)]
    #[arg(help = "Languages in which a file may exist, as in index.html.ja, the default first\n\
        [env: SELVEDGE_LANGUAGES]")]
    pub(super) languages: Option<Languages>,

    #[arg(long, value_name = "POLICY", help_heading = "Files", value_parser = values::precompressed)]
    #[arg(help = "Answer with FILE.br, .zst or .gz beside FILE: auto (if not older), always or off\n\
        [default: auto] [env: SELVEDGE_PRECOMPRESSED]")]
    pub(super) precompressed: Option<Precompressed>,

    #[arg(long, help_heading = "Files", action = ArgAction::SetTrue, conflicts_with = "precompressed")]
    #[arg(help = "The same, and without FILE too; then who takes no such coding gets 404\n\
        [env: SELVEDGE_PRECOMPRESSED=only]")]
    pub(super) precompressed_only: bool,

    #[arg(long, value_name = "CODING,...", help_heading = "Files", value_parser = values::compress)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "br,zstd,gzip")]
    #[arg(help = "Compress what has no such sibling, once per version\n\
        [default: off; without =CODING,...: br,zstd,gzip] [env: SELVEDGE_COMPRESS]")]
    pub(super) compress: Option<CodingSet>,

    #[arg(long, value_name = "TYPE,...", help_heading = "Files", value_parser = values::compress_types)]
    #[arg(help = "What is compressed, as in text/*,application/json\n\
        [default: what gains by it] [env: SELVEDGE_COMPRESS_TYPES]")]
    pub(super) compress_types: Option<Types>,

    #[arg(long, value_name = "BYTES", help_heading = "Files", value_parser = values::compress_min)]
    #[arg(help = "The shortest file that is compressed [default: 1024] [env: SELVEDGE_COMPRESS_MIN]")]
    pub(super) compress_min: Option<u64>,

    #[arg(long, value_name = "SOURCE", help_heading = "Files", value_parser = values::etag)]
    #[arg(help = "What tags are made of: time (and size), or hash (the content)\n\
        [default: time] [env: SELVEDGE_ETAG]")]
    pub(super) etag: Option<TagSource>,

    #[arg(long, value_name = "[GLOB=]NAME: VALUE", help_heading = "Headers", value_parser = values::header)]
    #[arg(help = "A field for all answers, or for those of files that match; no value: none; repeatable\n\
        [env: SELVEDGE_HEADER, separated by newlines]")]
    pub(super) header: Vec<FieldRule>,

    #[arg(long, value_name = "[GLOB=]VALUE", help_heading = "Headers", value_parser = values::cache)]
    #[arg(help = "Cache-Control of files, or of those that match; repeatable\n\
        [default: no-cache] [env: SELVEDGE_CACHE, separated by newlines]")]
    pub(super) cache: Vec<FieldRule>,

    #[arg(long, value_name = "ORIGIN,...", help_heading = "Headers", value_parser = values::cors)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "*")]
    #[arg(help = "Let scripts of these origins read, or of all [env: SELVEDGE_CORS]")]
    pub(super) cors: Option<Cors>,

    #[arg(long, help_heading = "Headers", action = ArgAction::SetTrue)]
    #[arg(help = "Fields against framing, leaking referrers and cross-origin windows\n\
        [env: SELVEDGE_SECURITY_HEADERS=1]")]
    pub(super) security_headers: bool,

    #[arg(long, value_name = "NAME", help_heading = "Headers", value_parser = values::server_name)]
    #[arg(help = "What Server says, or off [default: selvedge] [env: SELVEDGE_SERVER_NAME]")]
    pub(super) server_name: Option<OrOff<HeaderValue>>,

    #[arg(long = "type", value_name = "EXT=TYPE", help_heading = "Headers", value_parser = values::media_type)]
    #[arg(help = "Content-Type of an extension; repeatable [env: SELVEDGE_TYPE, separated by newlines]")]
    pub(super) media_type: Vec<(String, String)>,

    #[arg(long, value_name = "NAME", help_heading = "Headers", value_parser = values::charset)]
    #[arg(help = "Charset of text, or off [default: utf-8] [env: SELVEDGE_CHARSET]")]
    pub(super) charset: Option<Charset>,
}
