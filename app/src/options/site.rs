//! The options about answers, put together from flags and variables.

use super::given::Given;
use super::site_flags::SiteFlags;
use super::site_values as values;
use super::values::OrOff;
use crate::failure::Failure;
use crate::site_config::{ErrorPage, SecurityHeaders, ServerName, SiteConfig};

use http::StatusCode;
use selvedge_http::files::{Compression, Precompressed};
use selvedge_http::negotiation::CodingSet;

/// Reads them, flags before variables.
///
/// # Errors
///
/// A usage failure that names the option or variable at fault.
pub(super) fn resolve(flags: SiteFlags, given: &mut Given<'_>) -> Result<SiteConfig, Failure> {
    let mut error_pages = given.all(
        flags.error_page,
        "SELVEDGE_ERROR_PAGE",
        |text| values::lines(text, values::error_page),
        "--error-page",
        |pages| values::at_most(pages.len(), 64),
    )?;
    let not_found = given.meant(flags.not_found, "SELVEDGE_NOT_FOUND", values::page)?;
    error_pages.extend(not_found.map(|page| ErrorPage { status: StatusCode::NOT_FOUND, page }));
    check_pages(&error_pages)?;
    let only = flags.precompressed_only.then_some(Precompressed::Alone);
    let mounts = |text: &str| values::lines(text, values::mount);
    let redirects = |text: &str| values::lines(text, values::redirect);
    let headers = |text: &str| values::lines(text, values::header);
    let caches = |text: &str| values::lines(text, values::cache);
    let types = |text: &str| values::lines(text, values::media_type);
    let security = flags.security_headers.then_some(SecurityHeaders::On);
    Ok(SiteConfig {
        clean_urls: given
            .meant(flags.clean_urls, "SELVEDGE_CLEAN_URLS", values::clean_urls)?
            .unwrap_or_default(),
        spa: match given.meant(flags.spa, "SELVEDGE_SPA", values::spa)? {
            Some(OrOff::Set(page)) => Some(page),
            Some(OrOff::Off) | None => None,
        },
        error_pages,
        mounts: given.all(flags.mount, "SELVEDGE_MOUNT", mounts, "--mount", values::mounts)?,
        redirects: given.all(
            flags.redirect,
            "SELVEDGE_REDIRECT",
            redirects,
            "--redirect",
            values::redirects,
        )?,
        languages: given
            .meant(flags.languages, "SELVEDGE_LANGUAGES", values::languages)?
            .map_or_else(Vec::new, |languages| languages.0),
        precompressed: given
            .meant(flags.precompressed.or(only), "SELVEDGE_PRECOMPRESSED", values::precompressed)?
            .unwrap_or_default(),
        compression: compression(flags.compress, flags.compress_types, flags.compress_min, given)?,
        tags: given.meant(flags.etag, "SELVEDGE_ETAG", values::etag)?.unwrap_or_default(),
        cache: given.all(flags.cache, "SELVEDGE_CACHE", caches, "--cache", values::fields)?,
        headers: given.all(flags.header, "SELVEDGE_HEADER", headers, "--header", values::fields)?,
        cors: given.meant(flags.cors, "SELVEDGE_CORS", values::cors)?.unwrap_or_default(),
        security_headers: given
            .meant(security, "SELVEDGE_SECURITY_HEADERS", values::security_headers)?
            .unwrap_or_default(),
        server_name: match given.meant(flags.server_name, "SELVEDGE_SERVER_NAME", values::server_name)? {
            None => ServerName::Own,
            Some(OrOff::Off) => ServerName::Off,
            Some(OrOff::Set(name)) => ServerName::Named(name),
        },
        types: given.all(flags.media_type, "SELVEDGE_TYPE", types, "--type", |types| {
            values::at_most(types.len(), 256)
        })?,
        charset: given.meant(flags.charset, "SELVEDGE_CHARSET", values::charset)?.unwrap_or_default(),
    })
}

fn compression(
    codings: Option<CodingSet>,
    types: Option<values::Types>,
    bytes_min: Option<u64>,
    given: &mut Given<'_>,
) -> Result<Compression, Failure> {
    let codings = given.meant(codings, "SELVEDGE_COMPRESS", values::compress)?.unwrap_or(CodingSet::EMPTY);
    let types = given.meant(types, "SELVEDGE_COMPRESS_TYPES", values::compress_types)?;
    let bytes_min = given.meant(bytes_min, "SELVEDGE_COMPRESS_MIN", values::compress_min)?;
    if codings.is_empty() {
        let idle = [("--compress-types", types.is_some()), ("--compress-min", bytes_min.is_some())];
        given.note_idle(&idle, "without --compress");
    }
    let default = Compression::default();
    Ok(Compression {
        codings,
        types: types.map_or_else(Vec::new, |types| types.0),
        bytes_min: bytes_min.unwrap_or(default.bytes_min),
        ..default
    })
}

fn check_pages(pages: &[ErrorPage]) -> Result<(), Failure> {
    for (number, page) in pages.iter().enumerate() {
        if pages[..number].iter().any(|other| other.status == page.status) {
            let what = format!("{} has two pages", page.status.as_u16());
            return Err(Failure::usage(
                what,
                "give each status one --error-page, and 404 that or --not-found",
            ));
        }
    }
    Ok(())
}
