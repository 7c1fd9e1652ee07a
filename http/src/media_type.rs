//! The content type of a file by the extension of its name.

/// For a name without an extension, or with an unknown one.
const UNKNOWN: &str = "application/octet-stream";

/// The value of `Content-Type` for a file with this name or path. Text says that it is UTF-8; XML and JSON do not: XML
/// documents say it themselves and a parameter would overrule them (RFC 7303 section 3.2), JSON is UTF-8 anyway
/// (RFC 8259 section 8.1).
///
/// Costs a search in a table of some 1,400 extensions; keep the answer with the file.
pub fn of_path(path: &[u8]) -> &'static str {
    extension(path).map_or(UNKNOWN, of_extension)
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
            assert_eq!(of_path(path.as_bytes()), expected, "{path}");
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
            assert_eq!(of_path(path), UNKNOWN, "{}", path.escape_ascii());
        }
        assert_eq!(of_path(b"a.b/c.HTML"), "text/html; charset=utf-8");
        assert_eq!(of_path(b"a\xff.css"), "text/css; charset=utf-8");
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
}
