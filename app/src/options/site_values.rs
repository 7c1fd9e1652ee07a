//! How the values of the options about answers are read.

use std::path::PathBuf;

use http::{HeaderName, HeaderValue, StatusCode, header};
use selvedge_http::files::{
    FieldRule, FilePattern, LANGUAGE_BYTES_MAX, LANGUAGES_MAX, Precompressed, RuleAnswers, TagSource,
};
use selvedge_http::media_type::{self, Charset};
use selvedge_http::middleware::{BadOrigin, BadRedirect, CorsPolicy, Redirect};
use selvedge_http::negotiation::{Coding, CodingSet};
use selvedge_http::path::SitePath;

use super::values::{OrOff, number, switch, yes_or_no};
use crate::bad_value::BadValue;
use crate::site_config::{
    CleanUrls, Cors, ErrorPage, MOUNTS_MAX, Mount, PagePath, REDIRECTS_MAX, SecurityHeaders,
};

/// Most rules for fields, types and pages, of each option: they are looked through once per file.
const RULES_MAX: usize = 256;
/// Octets of the fields of one option: a head should stay far from what clients take.
const FIELDS_BYTES_MAX: usize = 8 * 1024;
/// Most origins that may read: they are looked through for each request that names one.
const ORIGINS_MAX: usize = 64;

/// Languages of files. A type of its own, as clap takes a plain vector for an option that repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Languages(pub(super) Vec<String>);

/// Reads a variable that holds several values, one per line; blank lines are skipped.
pub(super) fn lines<T>(text: &str, parse: impl Fn(&str) -> Result<T, BadValue>) -> Result<Vec<T>, BadValue> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(parse).collect()
}

pub(super) fn page(text: &str) -> Result<PagePath, BadValue> {
    let path = text.strip_prefix('/').unwrap_or(text).as_bytes();
    match SitePath::decoded(path) {
        Some(path) if !path.key().is_empty() && !path.key().ends_with(b"/") => {
            Ok(PagePath(path.key().to_vec()))
        }
        _ => Err(BadValue::new(
            "this is not the path of a file below the root",
            "name it relative to the directory that is served, as in 404.html or errors/404.html",
        )),
    }
}

/// The page of a single-page application, or a word that switches it on or off.
pub(super) fn spa(text: &str) -> Result<OrOff<PagePath>, BadValue> {
    match switch(text) {
        Some(true) => Ok(OrOff::Set(PagePath(b"index.html".to_vec()))),
        Some(false) => Ok(OrOff::Off),
        None => page(text).map(OrOff::Set),
    }
}

pub(super) fn clean_urls(text: &str) -> Result<CleanUrls, BadValue> {
    match (text, switch(text)) {
        ("redirect", _) => Ok(CleanUrls::Redirect),
        (_, Some(true)) => Ok(CleanUrls::On),
        (_, Some(false)) => Ok(CleanUrls::Off),
        _ => Err(BadValue::new("there is no such choice", "choose one of on, redirect, off")),
    }
}

pub(super) fn error_page(text: &str) -> Result<ErrorPage, BadValue> {
    let fix = "write a status from 400 to 599 and a file, as in 403=errors/403.html";
    let (status, file) = text.split_once('=').ok_or_else(|| BadValue::new("there is no equals sign", fix))?;
    let status = status.parse().ok().and_then(|number: u16| StatusCode::from_u16(number).ok());
    match status.filter(|status| status.is_client_error() || status.is_server_error()) {
        Some(status) => Ok(ErrorPage { status, page: page(file)? }),
        None => Err(BadValue::new("this is not the status of an error", fix)),
    }
}

pub(super) fn mount(text: &str) -> Result<Mount, BadValue> {
    let fix = "write a path and a directory, as in /docs=/srv/docs";
    let (path, directory) =
        text.split_once('=').ok_or_else(|| BadValue::new("there is no equals sign", fix))?;
    if directory.is_empty() {
        return Err(BadValue::new("the directory is empty", fix));
    }
    let path = site_path(path).ok_or_else(|| BadValue::new("the path is not one of a site", fix))?;
    let path = path.strip_suffix(b"/").map_or(path.clone(), <[u8]>::to_vec);
    if path.is_empty() {
        return Err(BadValue::new("the path is the root", "give the directory itself as DIR"));
    }
    Ok(Mount { path, directory: PathBuf::from(directory) })
}

pub(super) fn mounts(mounts: &[Mount]) -> Result<(), BadValue> {
    for (number, mount) in mounts.iter().enumerate() {
        if mounts[..number].iter().any(|other| other.path == mount.path) {
            let path = String::from_utf8_lossy(&mount.path);
            return Err(BadValue::new(format!("/{path} is given twice"), "give each path one directory"));
        }
    }
    at_most(mounts.len(), MOUNTS_MAX)
}

/// A path as a browser would ask for it, decoded, without its first slash.
fn site_path(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    SitePath::resolve(text.as_bytes(), &mut decoded).ok().map(|path| path.key().to_vec())
}

pub(super) fn redirect(text: &str) -> Result<Redirect, BadValue> {
    let fix = "write /from=/to, /from/*=/to/*, /from=https://host/to or 302:/from=/to";
    let (status, paths) = match text.split_once(':') {
        Some((status, paths)) if !status.is_empty() && status.bytes().all(|byte| byte.is_ascii_digit()) => {
            (status, paths)
        }
        _ => ("301", text),
    };
    let (from, to) = paths.split_once('=').ok_or_else(|| BadValue::new("there is no equals sign", fix))?;
    // What is no status at all is none of a redirect's.
    let status = status.parse().unwrap_or(StatusCode::OK);
    Redirect::new(from, to, status).map_err(|bad| {
        let fix = match bad {
            BadRedirect::Status => "choose one of 301, 302, 307, 308",
            BadRedirect::StarInSegment => "write it behind a slash, as in /from/*",
            BadRedirect::TargetCharacter => "percent-encode it",
            _ => fix,
        };
        BadValue::new(bad.to_string(), fix)
    })
}

pub(super) fn redirects(redirects: &[Redirect]) -> Result<(), BadValue> {
    for (number, redirect) in redirects.iter().enumerate() {
        if redirects[..number].iter().any(|other| other.is_about_the_same(redirect)) {
            let from = String::from_utf8_lossy(redirect.from());
            return Err(BadValue::new(format!("/{from} is redirected twice"), "leave one of them out"));
        }
    }
    at_most(redirects.len(), REDIRECTS_MAX)
}

pub(super) fn languages(text: &str) -> Result<Languages, BadValue> {
    let fix = "give language tags separated by commas, as in en,ja,zh-Hant";
    let tags: Vec<String> = text.split(',').map(|tag| tag.trim().to_owned()).collect();
    if tags.len() > LANGUAGES_MAX {
        return Err(BadValue::new(
            format!("{} languages are too many", tags.len()),
            format!("give at most {LANGUAGES_MAX}"),
        ));
    }
    for (number, tag) in tags.iter().enumerate() {
        let subtag = |part: &str| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if !tag.split('-').all(subtag) || tag.len() > LANGUAGE_BYTES_MAX {
            return Err(BadValue::new(format!("'{tag}' is not a language tag"), fix));
        }
        if tags[..number].iter().any(|other| other.eq_ignore_ascii_case(tag)) {
            return Err(BadValue::new(format!("'{tag}' is given twice"), fix));
        }
    }
    Ok(Languages(tags))
}

pub(super) fn precompressed(text: &str) -> Result<Precompressed, BadValue> {
    match text {
        "auto" => Ok(Precompressed::Auto),
        "always" => Ok(Precompressed::Always),
        "only" => Ok(Precompressed::Alone),
        "off" => Ok(Precompressed::Off),
        _ => Err(BadValue::new("there is no such choice", "choose one of auto, always, off, only")),
    }
}

/// Types of what is compressed. A type of its own, as [`Languages`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Types(pub(super) Vec<String>);

pub(super) fn compress(text: &str) -> Result<CodingSet, BadValue> {
    match switch(text) {
        Some(true) => return Ok(CodingSet::ALL.without(Coding::Identity)),
        Some(false) => return Ok(CodingSet::EMPTY),
        None => {}
    }
    let coding = |name: &str| match name.trim() {
        "br" => Ok(Coding::Brotli),
        "zstd" => Ok(Coding::Zstd),
        "gzip" => Ok(Coding::Gzip),
        other => {
            Err(BadValue::new(format!("there is no coding '{other}'"), "choose from br, zstd, gzip, or off"))
        }
    };
    text.split(',').map(coding).collect()
}

pub(super) fn compress_types(text: &str) -> Result<Types, BadValue> {
    let fix = "give media types separated by commas, as in text/*,application/json";
    let types: Vec<String> = text.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    at_most(types.len(), RULES_MAX)?;
    for name in &types {
        let pattern = name.strip_suffix("/*").map_or(name.clone(), |kind| format!("{kind}/x"));
        if !is_media_type(&pattern) {
            return Err(BadValue::new(format!("'{name}' is not a media type"), fix));
        }
    }
    Ok(Types(types))
}

pub(super) fn compress_min(text: &str) -> Result<u64, BadValue> {
    // Too many digits read as the largest number.
    number(text)
        .filter(|&bytes| bytes < u64::MAX)
        .ok_or_else(|| BadValue::new("this is not a number of bytes", "give digits alone, as in 1024"))
}

pub(super) fn etag(text: &str) -> Result<TagSource, BadValue> {
    match text {
        "time" => Ok(TagSource::Time),
        "hash" => Ok(TagSource::Content),
        _ => Err(BadValue::new("there is no such choice", "choose one of time, hash")),
    }
}

fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, name)| is_token(kind) && is_token(name))
}

/// Fields that the server makes itself, and the option that has a say in them, if there is one.
const RESERVED: [(HeaderName, &str); 15] = [
    (header::CONTENT_TYPE, "use --type or --charset"),
    (header::CONTENT_ENCODING, "see --precompressed"),
    (header::CONTENT_LENGTH, "leave it to the server"),
    (header::CONTENT_RANGE, "leave it to the server"),
    (header::ACCEPT_RANGES, "leave it to the server"),
    (header::TRANSFER_ENCODING, "leave it to the server"),
    (header::CONNECTION, "leave it to the server"),
    (header::UPGRADE, "leave it to the server"),
    (header::TRAILER, "leave it to the server"),
    (header::DATE, "leave it to the server"),
    (header::ETAG, "leave it to the server"),
    (header::LAST_MODIFIED, "leave it to the server"),
    (header::LOCATION, "use --redirect"),
    (header::ALLOW, "leave it to the server"),
    (header::SERVER, "use --server-name"),
];

/// Splits a pattern off: what stands before the first equals sign, if it looks like one. Neither the names of fields nor
/// those of directives hold any of these characters.
fn split_pattern(text: &str) -> Result<(FilePattern, &str), BadValue> {
    match text.split_once('=') {
        Some((pattern, rest))
            if pattern.contains(['*', '?', '[', '{', '/', '.']) && !pattern.contains(':') =>
        {
            let fix = "write a pattern as in *.js or /assets/**";
            if pattern.ends_with('/') {
                return Err(BadValue::new(
                    format!("'{pattern}' matches no file, as it ends in a slash"),
                    fix,
                ));
            }
            let glob = FilePattern::glob(pattern).map_err(|error| {
                BadValue::new(format!("'{pattern}' is no pattern: {}", error.kind()), fix)
            })?;
            Ok((glob, rest))
        }
        _ => Ok((FilePattern::All, text)),
    }
}

pub(super) fn header(text: &str) -> Result<FieldRule, BadValue> {
    let fix = "write it as in 'X-Frame-Options: DENY' or '*.js=X-Robots-Tag: none'";
    let (files, field) = split_pattern(text)?;
    let (name, value) = field.split_once(':').ok_or_else(|| BadValue::new("there is no colon", fix))?;
    let name: HeaderName = name
        .trim()
        .parse()
        .map_err(|_| BadValue::new(format!("'{name}' is not the name of a field"), fix))?;
    // A token may hold more, but no field's name does.
    if !name.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        return Err(BadValue::new(format!("'{name}' is not the name of a field"), fix));
    }
    if let Some((_, instead)) = RESERVED.iter().find(|(reserved, _)| *reserved == name) {
        return Err(BadValue::new(format!("the server itself says {name}"), *instead));
    }
    // An error, a redirect or a fallback that is kept as long as a file would stay when it is mended.
    let answers = match name {
        header::CACHE_CONTROL => RuleAnswers::Success,
        _ => RuleAnswers::All,
    };
    Ok(FieldRule { files, answers, name, value: field_value(value, fix)? })
}

pub(super) fn cache(text: &str) -> Result<FieldRule, BadValue> {
    let fix = "write it as in 'max-age=60' or '/assets/**=public, max-age=31536000, immutable'";
    let (files, value) = split_pattern(text)?;
    if value.contains(':') {
        return Err(BadValue::new("a colon has no place here", fix));
    }
    if let Some(unknown) = value.split(',').map(str::trim).find(|directive| !is_cache_directive(directive))
        && !value.trim().is_empty()
    {
        return Err(BadValue::new(format!("'{unknown}' is not a directive of Cache-Control"), fix));
    }
    let value = field_value(value, fix)?;
    Ok(FieldRule { files, answers: RuleAnswers::Success, name: header::CACHE_CONTROL, value })
}

/// The directives of a response (RFC 9111 section 5.2.2, RFC 8246, RFC 5861).
fn is_cache_directive(directive: &str) -> bool {
    let (name, argument) = match directive.split_once('=') {
        Some((name, argument)) => (name, Some(argument)),
        None => (directive, None),
    };
    let is_seconds = |text: &str| number(text).is_some();
    match name.to_ascii_lowercase().as_str() {
        "max-age" | "s-maxage" | "stale-while-revalidate" | "stale-if-error" => {
            argument.is_some_and(is_seconds)
        }
        "no-cache" | "private" => true,
        "no-store" | "no-transform" | "must-revalidate" | "proxy-revalidate" | "must-understand"
        | "public" | "immutable" => argument.is_none(),
        _ => false,
    }
}

/// A value without the spaces around it; `None` if nothing is left.
fn field_value(value: &str, fix: &str) -> Result<Option<HeaderValue>, BadValue> {
    let value = value.trim();
    let parsed = HeaderValue::from_str(value)
        .map_err(|_| BadValue::new("the value holds a character that a field cannot", fix))?;
    Ok((!value.is_empty()).then_some(parsed))
}

pub(super) fn fields(rules: &[FieldRule]) -> Result<(), BadValue> {
    let bytes = |rule: &FieldRule| {
        rule.name.as_str().len() + rule.value.as_ref().map_or(0, HeaderValue::len) + ": \r\n".len()
    };
    if rules.iter().map(bytes).sum::<usize>() > FIELDS_BYTES_MAX {
        let fix = format!("keep them within {FIELDS_BYTES_MAX} bytes");
        return Err(BadValue::new("these fields are too long together", fix));
    }
    at_most(rules.len(), RULES_MAX)
}

pub(super) fn cors(text: &str) -> Result<Cors, BadValue> {
    match (text.trim(), switch(text)) {
        ("*", _) | (_, Some(true)) => return Ok(Cors::Any),
        (_, Some(false)) => return Ok(Cors::Off),
        _ => {}
    }
    let origins: Vec<String> = text.split(',').map(|origin| origin.trim().to_owned()).collect();
    at_most(origins.len(), ORIGINS_MAX)?;
    let bad = |origin: &str| {
        BadValue::new(
            format!("'{origin}' is not an origin"),
            "write scheme, host and port as a browser does, in lower case and without a slash at the end, as in https://app.example",
        )
    };
    // A site's own are of the web; the library takes those of other programs too.
    let is_of_web =
        |origin: &String| origin == "null" || origin.starts_with("http://") || origin.starts_with("https://");
    if let Some(origin) = origins.iter().find(|origin| !is_of_web(origin)) {
        return Err(bad(origin));
    }
    CorsPolicy::origins(&origins).map_err(|BadOrigin(origin)| bad(&origin))?;
    Ok(Cors::Origins(origins))
}

pub(super) fn server_name(text: &str) -> Result<OrOff<HeaderValue>, BadValue> {
    let fix = "give a word or two, or off";
    match text {
        "off" => Ok(OrOff::Off),
        _ => field_value(text, fix)?.map(OrOff::Set).ok_or_else(|| BadValue::new("it is blank", fix)),
    }
}

pub(super) fn media_type(text: &str) -> Result<(String, String), BadValue> {
    let fix = "write it as in wasm=application/wasm or log=text/plain";
    let (extension, media_type) =
        text.split_once('=').ok_or_else(|| BadValue::new("there is no equals sign", fix))?;
    let extension = extension.trim().trim_start_matches('.');
    let media_type = media_type.trim();
    let essence = media_type::essence(media_type);
    if extension.is_empty() || extension.contains(['/', '.']) {
        return Err(BadValue::new("this is not an extension", fix));
    }
    if !is_media_type(essence) || HeaderValue::from_str(media_type).is_err() || media_type.len() > 256 {
        return Err(BadValue::new(format!("'{media_type}' is not a media type"), fix));
    }
    Ok((extension.to_ascii_lowercase(), media_type.to_owned()))
}

pub(super) fn charset(text: &str) -> Result<Charset, BadValue> {
    let is_name = |name: &str| {
        (1..=40).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:+".contains(&byte))
    };
    match text {
        "off" => Ok(Charset::Off),
        name if name.eq_ignore_ascii_case("utf-8") => Ok(Charset::Utf8),
        name if is_name(name) => Ok(Charset::Named(name.to_owned())),
        _ => Err(BadValue::new("this is not the name of a charset", "write utf-8, another name, or off")),
    }
}

pub(super) fn security_headers(text: &str) -> Result<SecurityHeaders, BadValue> {
    yes_or_no(text, SecurityHeaders::On, SecurityHeaders::Off)
}

pub(super) fn at_most(count: usize, max: usize) -> Result<(), BadValue> {
    if count > max {
        return Err(BadValue::new(format!("{count} are too many"), format!("give at most {max}")));
    }
    Ok(())
}
