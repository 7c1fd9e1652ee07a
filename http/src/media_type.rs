//! The content type of a file by the extension of its name.

use std::collections::BTreeMap;

mod intern;

use intern::intern;

/// For a name without an extension, or with an unknown one.
const UNKNOWN: &str = "application/octet-stream";

/// How the content types of files are found.
///
/// ```
/// use selvedge_http::media_type::MediaTypes;
///
/// let mut types = MediaTypes::default();
/// types.set("recipe", "text/x-recipe".to_owned());
/// assert_eq!(types.of_path(b"/soup/Leek.recipe"), "text/x-recipe; charset=utf-8");
/// assert_eq!(types.of_path(b"/logo.SVG"), "image/svg+xml");
/// assert_eq!(types.of_path(b"/LICENSE"), "application/octet-stream");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MediaTypes {
    /// Types by extension, in lower case and without its dot, that go before those that are known.
    given: BTreeMap<String, &'static str>,
    charset: Charset,
}

/// What text says of its charset, where its type does not say it.
///
/// ```
/// use selvedge_http::media_type::{Charset, MediaTypes};
///
/// let mut types = MediaTypes::default();
/// assert_eq!(types.of_path(b"notes.txt"), "text/plain; charset=utf-8");
/// types.set_charset(Charset::Named("iso-8859-1".to_owned()));
/// assert_eq!(types.of_path(b"notes.txt"), "text/plain; charset=iso-8859-1");
/// types.set_charset(Charset::Off);
/// assert_eq!(types.of_path(b"notes.txt"), "text/plain");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Charset {
    /// `charset=utf-8`
    #[default]
    Utf8,
    /// This.
    Named(String),
    /// Nothing.
    Off,
}

impl MediaTypes {
    /// What text says of its charset.
    pub fn set_charset(&mut self, charset: Charset) {
        self.charset = charset;
    }

    /// Gives an extension, in any case and without its dot, a type of its own. Text without parameters says its charset as
    /// any other. The type is kept for the life of the process.
    pub fn set(&mut self, extension: &str, media_type: String) {
        let is_text = media_type.starts_with("text/") && media_type != "text/xml";
        let with_charset = match is_text && !media_type.contains(';') {
            true => format!("{media_type}; charset=utf-8"),
            false => media_type,
        };
        self.given.insert(extension.to_ascii_lowercase(), intern(with_charset));
    }

    /// The value of `Content-Type` for a file with this name or path. Text says its charset; XML and JSON do not: XML
    /// documents say it themselves and a parameter would overrule them (RFC 7303 section 3.2), JSON is UTF-8 anyway
    /// (RFC 8259 section 8.1).
    ///
    /// Costs a search in a table of some 1,400 extensions; keep the answer with the file.
    pub fn of_path(&self, path: &[u8]) -> &'static str {
        let Some(extension) = extension(path) else { return UNKNOWN };
        let given = self.given.get(&extension.to_ascii_lowercase());
        let known = given.copied().unwrap_or_else(|| of_extension(extension));
        let Some(bare) = known.strip_suffix("; charset=utf-8") else { return known };
        match &self.charset {
            Charset::Utf8 => known,
            Charset::Named(name) => intern(format!("{bare}; charset={name}")),
            Charset::Off => bare,
        }
    }
}

/// A media type without its parameters.
pub fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// Whether a type is one of `types`: such as `text/html`, or with a star at the end, `text/*`; of none, whether it gains by
/// compression.
pub(crate) fn is_selected(types: &[String], media_type: &str) -> bool {
    let essence = essence(media_type);
    let is_of = |wanted: &String| match wanted.strip_suffix('*') {
        Some(kind) => essence.starts_with(kind),
        None => essence.eq_ignore_ascii_case(wanted),
    };
    match types.is_empty() {
        true => is_compressible(media_type),
        false => types.iter().any(is_of),
    }
}

/// Whether files of this type gain by compression: text, and what is text or bare numbers inside. What is not known
/// (`application/octet-stream`) does not count.
pub fn is_compressible(media_type: &str) -> bool {
    const OTHERS: [&str; 22] = [
        "application/javascript",
        "application/json",
        "application/jsonl",
        "application/manifest+json",
        "application/rtf",
        "application/sql",
        "application/toml",
        "application/vnd.apple.mpegurl",
        "application/vnd.ms-fontobject",
        "application/wasm",
        "application/x-sh",
        "application/x-tar",
        "application/xml",
        "application/yaml",
        "font/otf",
        "font/ttf",
        "image/bmp",
        "image/svg+xml",
        "image/x-icon",
        "image/vnd.microsoft.icon",
        "model/gltf+json",
        "model/obj",
    ];
    let essence = essence(media_type);
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || OTHERS.contains(&essence)
}

/// Whether files of this type are compressed in themselves, so that nobody would compress them once more.
pub fn is_compressed(media_type: &str) -> bool {
    const OTHERS: [&str; 10] = [
        "application/gzip",
        "application/java-archive",
        "application/pdf",
        "application/x-7z-compressed",
        "application/x-bzip2",
        "application/x-xz",
        "application/zip",
        "application/zstd",
        "font/woff",
        "font/woff2",
    ];
    let in_itself = ["image/", "audio/", "video/"].iter().any(|kind| media_type.starts_with(kind));
    (in_itself && !is_compressible(media_type)) || OTHERS.contains(&media_type)
}

/// What follows the last dot of the last segment; nothing if that dot is the name's first octet (`.profile`).
fn extension(path: &[u8]) -> Option<&str> {
    let name_start = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    let name = &path[name_start..];
    match memchr::memrchr(b'.', name)? {
        0 => None,
        dot => str::from_utf8(&name[dot + 1..]).ok(),
    }
}

fn of_extension(extension: &str) -> &'static str {
    match corrected(extension) {
        Some(media_type) => media_type,
        None => mime_guess::from_ext(extension).first_raw().map_or(UNKNOWN, with_charset),
    }
}

/// Where mime_guess has none or an outdated type.
fn corrected(extension: &str) -> Option<&'static str> {
    const CORRECTIONS: [(&str, &str); 14] = [
        ("cjs", "text/javascript; charset=utf-8"),
        ("jsonl", "application/jsonl"),
        ("m3u8", "application/vnd.apple.mpegurl"),
        ("m4a", "audio/mp4"),
        ("map", "application/json"),
        ("mjs", "text/javascript; charset=utf-8"),
        ("otf", "font/otf"),
        ("toml", "application/toml"),
        ("ts", "video/mp2t"),
        ("woff", "font/woff"),
        ("xml", "application/xml"),
        ("yaml", "application/yaml"),
        ("yml", "application/yaml"),
        ("zst", "application/zstd"),
    ];
    CORRECTIONS
        .iter()
        .find(|(corrected, _)| extension.eq_ignore_ascii_case(corrected))
        .map(|&(_, media_type)| media_type)
}

macro_rules! with_charset {
    ($($text:literal)*) => {
        /// A text type with its charset, so that it can stay a static string; any other type as it is.
        fn with_charset(media_type: &'static str) -> &'static str {
            match media_type {
                $($text => concat!($text, "; charset=utf-8"),)*
                _ => media_type,
            }
        }
    };
}

// Every text type of mime_guess but the XML ones.
with_charset! {
    "text/cache-manifest" "text/calendar" "text/coffeescript" "text/css" "text/csv" "text/dlm" "text/gemini"
    "text/h323" "text/html" "text/iuls" "text/jade" "text/javascript" "text/less" "text/markdown" "text/n3"
    "text/plain" "text/prs.lines.tag" "text/richtext" "text/scriptlet" "text/sgml" "text/shex" "text/slim"
    "text/stylus" "text/tab-separated-values" "text/turtle" "text/uri-list" "text/vbscript" "text/vcard"
    "text/vnd.curl" "text/vnd.curl.dcurl" "text/vnd.curl.mcurl" "text/vnd.curl.scurl"
    "text/vnd.dvb.subtitle" "text/vnd.fly" "text/vnd.fmi.flexstor" "text/vnd.graphviz" "text/vnd.in3d.3dml"
    "text/vnd.in3d.spot" "text/vnd.sun.j2me.app-descriptor" "text/vnd.wap.wml" "text/vnd.wap.wmlscript"
    "text/vtt" "text/webviewhtml" "text/x-c" "text/x-component" "text/x-fortran" "text/x-gherkin"
    "text/x-handlebars-template" "text/x-hdml" "text/x-html-insertion" "text/x-lua" "text/x-markdown"
    "text/x-ms-contact" "text/x-ms-group" "text/x-ms-iqy" "text/x-ms-rqy" "text/x-nfo" "text/x-opml"
    "text/x-pascal" "text/x-processing" "text/x-rust" "text/x-sass" "text/x-scss" "text/x-setext"
    "text/x-sfv" "text/x-suse-ymp" "text/x-toml" "text/x-uuencode" "text/x-vcard" "text/x-yaml"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_the_web_are_right() {
        for (path, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a.htm", "text/html; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.min.js", "text/javascript; charset=utf-8"),
            ("a.js.map", "application/json"),
            ("a.json", "application/json"),
            ("a.webmanifest", "application/manifest+json"),
            ("a.wasm", "application/wasm"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.jpg", "image/jpeg"),
            ("a.JPEG", "image/jpeg"),
            ("a.gif", "image/gif"),
            ("a.avif", "image/avif"),
            ("a.webp", "image/webp"),
            ("a.ico", "image/x-icon"),
            ("a.woff2", "font/woff2"),
            ("a.woff", "font/woff"),
            ("a.ttf", "font/ttf"),
            ("a.otf", "font/otf"),
            ("a.xml", "application/xml"),
            ("a.xhtml", "application/xhtml+xml"),
            ("a.rss", "application/rss+xml"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a.md", "text/markdown; charset=utf-8"),
            ("a.csv", "text/csv; charset=utf-8"),
            ("a.vtt", "text/vtt; charset=utf-8"),
            ("a.pdf", "application/pdf"),
            ("a.mp4", "video/mp4"),
            ("a.webm", "video/webm"),
            ("a.tar.gz", "application/gzip"),
            ("a.zip", "application/zip"),
            ("a.jsonld", "application/ld+json"),
            ("a.geojson", "application/geo+json"),
            ("a.atom", "application/atom+xml"),
            ("a.ics", "text/calendar; charset=utf-8"),
            ("a.epub", "application/epub+zip"),
            ("a.jxl", "image/jxl"),
            ("a.heic", "image/heic"),
            ("a.glb", "model/gltf-binary"),
            ("a.flac", "audio/flac"),
            ("a.mp3", "audio/mpeg"),
            ("a.opus", "audio/ogg"),
            ("a.ogg", "audio/ogg"),
            ("a.wav", "audio/wav"),
            ("a.mov", "video/quicktime"),
            ("a.7z", "application/x-7z-compressed"),
        ] {
            assert_eq!(MediaTypes::default().of_path(path.as_bytes()), expected, "{path}");
        }
    }

    #[test]
    fn only_the_extension_of_the_last_segment_counts() {
        for path in [
            &b"README"[..],
            b"a.html/b",
            b".html",
            b"d/.css",
            b"a.",
            b"a.unknownext",
            b"a.\xff",
            b"",
            b"a.js ",
        ] {
            assert_eq!(MediaTypes::default().of_path(path), UNKNOWN, "{}", path.escape_ascii());
        }
        assert_eq!(MediaTypes::default().of_path(b"a.b/c.HTML"), "text/html; charset=utf-8");
        assert_eq!(MediaTypes::default().of_path(b"a\xff.css"), "text/css; charset=utf-8");
    }

    #[test]
    fn every_text_type_of_short_extensions_has_its_charset() {
        let letters = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let mut texts = 0;
        for a in letters {
            for b in letters {
                for c in letters {
                    let media_type = of_extension(str::from_utf8(&[*a, *b, *c]).unwrap());
                    if media_type.starts_with("text/") && !["text/xml", "text/mathml"].contains(&media_type) {
                        texts += 1;
                        assert!(media_type.ends_with("; charset=utf-8"), "{media_type}");
                    }
                }
            }
        }
        assert!(texts > 50, "{texts}");
    }

    #[test]
    fn given_types_go_first_and_are_taken_as_they_are() {
        let mut types = MediaTypes::default();
        types.set("JS", "text/plain".to_owned());
        types.set("data", "application/x-data".to_owned());
        assert_eq!(types.of_path(b"a.js"), "text/plain; charset=utf-8");
        assert_eq!(types.of_path(b"a.DATA"), "application/x-data");
        assert_eq!(types.of_path(b"a.css"), "text/css; charset=utf-8");
    }

    #[test]
    fn a_charset_is_for_text_alone() {
        let mut types = MediaTypes::default();
        types.set_charset(Charset::Named("iso-8859-1".to_owned()));
        assert_eq!(types.of_path(b"a.txt"), "text/plain; charset=iso-8859-1");
        assert_eq!(types.of_path(b"a.json"), "application/json");
        types.set_charset(Charset::Off);
        assert_eq!(types.of_path(b"a.txt"), "text/plain");
    }

    #[test]
    fn a_type_gains_by_compression_or_is_compressed_or_neither_is_known() {
        for path in
            ["a.html", "a.js", "a.json", "a.svg", "a.wasm", "a.xml", "a.ttf", "a.ico", "a.rss", "a.geojson"]
        {
            let media_type = MediaTypes::default().of_path(path.as_bytes());
            assert!(is_compressible(media_type) && !is_compressed(media_type), "{media_type}");
        }
        for path in
            ["a.png", "a.jpg", "a.webp", "a.mp4", "a.mp3", "a.zip", "a.gz", "a.woff", "a.woff2", "a.pdf"]
        {
            let media_type = MediaTypes::default().of_path(path.as_bytes());
            assert!(!is_compressible(media_type) && is_compressed(media_type), "{media_type}");
        }
        assert!(!is_compressible(UNKNOWN) && !is_compressed(UNKNOWN));
    }
}
