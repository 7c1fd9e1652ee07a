use proptest::prelude::*;

use super::*;

fn key(raw: &str) -> Result<String, PathError> {
    let mut buffer = Vec::new();
    SitePath::resolve(raw.as_bytes(), &mut buffer)
        .map(|path| String::from_utf8_lossy(path.key()).into_owned())
}

fn visibility(raw: &str) -> Visibility {
    SitePath::resolve(raw.as_bytes(), &mut Vec::new()).unwrap().visibility()
}

fn location(raw: &str, query: Option<&str>) -> String {
    let mut buffer = Vec::new();
    let mut location = Vec::new();
    let path = SitePath::resolve(raw.as_bytes(), &mut buffer).unwrap();
    path.redirect_location(TrailingSlash::Present, query.map(str::as_bytes), &mut location).unwrap();
    String::from_utf8(location).unwrap()
}

#[test]
fn plain_path_is_borrowed() {
    for raw in ["/", "/a", "/a/b.html", "/a/b/", "/a..b/c.", "/a b\\c"] {
        let mut buffer = Vec::new();
        let path = SitePath::resolve(raw.as_bytes(), &mut buffer).unwrap();
        assert!(std::ptr::eq(path.key(), &raw.as_bytes()[1..]), "{raw}");
    }
}

#[test]
fn segments_are_decoded_dropped_and_resolved() {
    for (raw, expected) in [
        ("/", ""),
        ("//", ""),
        ("/a//b///c", "a/b/c"),
        ("//a//", "a/"),
        ("/%61%2Ehtml", "a.html"),
        ("/a%20b/%C3%A9", "a b/é"),
        ("/a/./b", "a/b"),
        ("/./", ""),
        ("/a/.", "a/"),
        ("/a/b/..", "a/"),
        ("/a/b/../", "a/"),
        ("/a/b/../c", "a/c"),
        ("/a/..", ""),
        ("/a/../b", "b"),
        ("/a//../b", "b"),
        ("/a/%2e%2E/b", "b"),
        ("/a/%2e/b", "a/b"),
        ("/a/.%2e/b/", "b/"),
        ("/a%25%32%65", "a%2e"),
        ("/...", "..."),
        ("/a/..b", "a/..b"),
        ("/a%5c..%5cb", "a\\..\\b"),
        ("/%3Fa%23", "?a#"),
    ] {
        assert_eq!(key(raw).as_deref(), Ok(expected), "{raw}");
    }
}

#[test]
fn climbing_above_the_root_is_refused_in_every_spelling() {
    for raw in [
        "/..",
        "/../",
        "/../a",
        "/a/../..",
        "/a/../../b",
        "/%2e%2e/a",
        "/.%2E",
        "//..",
        "/./..",
        "/a/%2e%2e/..",
    ] {
        assert_eq!(key(raw), Err(PathError::ClimbsAboveRoot), "{raw}");
    }
}

#[test]
fn what_names_nothing_is_refused() {
    for (raw, error) in [
        ("", PathError::NotAbsolute),
        ("a", PathError::NotAbsolute),
        ("*", PathError::NotAbsolute),
        ("/%", PathError::Escape),
        ("/%2", PathError::Escape),
        ("/%2/a", PathError::Escape),
        ("/%zz", PathError::Escape),
        ("/%+1", PathError::Escape),
        ("/%u002e", PathError::Escape),
        ("/a%00.html", PathError::Nul),
        ("/a\0", PathError::Nul),
        ("/a%2Fb", PathError::EncodedSlash),
        ("/..%2fetc", PathError::EncodedSlash),
        ("/%2f", PathError::EncodedSlash),
    ] {
        assert_eq!(key(raw), Err(error), "{raw}");
    }
    assert_eq!(PathError::EncodedSlash.status(), 404);
    assert_eq!(PathError::Escape.status(), 400);
}

#[test]
fn dot_segments_are_hidden_except_a_first_well_known() {
    for raw in [
        "/.git/config",
        "/a/.env",
        "/%2egit",
        "/.well-known/.git",
        "/.well-known2/a",
        "/a/.well-known/b",
        "/.Well-Known/a",
        "/...",
        "/.well-knowN",
        "/a/.hidden/",
    ] {
        assert_eq!(visibility(raw), Visibility::Hidden, "{raw}");
    }
    for raw in [
        "/",
        "/a.b",
        "/.well-known",
        "/.well-known/",
        "/.well-known/acme-challenge/x",
        "/.git/../a",
        "/%2ewell-known/a",
        "/a./b",
        "/./a",
    ] {
        assert_eq!(visibility(raw), Visibility::Shown, "{raw}");
    }
}

#[test]
fn trailing_slash_is_known_and_not_part_of_the_name() {
    for (raw, relative, slash) in [
        ("/", "", TrailingSlash::Present),
        ("/a", "a", TrailingSlash::Absent),
        ("/a/", "a", TrailingSlash::Present),
        ("/a/b/.", "a/b", TrailingSlash::Present),
        ("/a/b//", "a/b", TrailingSlash::Present),
    ] {
        let mut buffer = Vec::new();
        let path = SitePath::resolve(raw.as_bytes(), &mut buffer).unwrap();
        assert_eq!((path.relative(), path.trailing_slash()), (relative.as_bytes(), slash), "{raw}");
    }
}

#[test]
fn redirects_stay_on_the_host() {
    for (raw, query, expected) in [
        ("/docs", None, "/docs/"),
        ("/docs", Some("a=b&c=%2F"), "/docs/?a=b&c=%2F"),
        ("/docs", Some(""), "/docs/?"),
        ("//evil.example/%2e%2e", None, "/"),
        ("//evil.example", None, "/evil.example/"),
        ("///evil.example/a", None, "/evil.example/a/"),
        ("/%5cevil.example", None, "/%5Cevil.example/"),
        ("/\\evil.example", None, "/%5Cevil.example/"),
        ("/a%20b/%c3%a9%3f%23%25", None, "/a%20b/%C3%A9%3F%23%25/"),
        ("/a%0d%0aSet-Cookie:b", None, "/a%0D%0ASet-Cookie:b/"),
        ("/x:y@z", None, "/x:y@z/"),
        ("/", None, "/"),
    ] {
        assert_eq!(location(raw, query), expected, "{raw}");
    }
}

#[test]
fn redirects_without_a_slash_stay_on_the_host_too() {
    for (raw, expected) in
        [("/a.txt/", "/a.txt"), ("//evil.example/", "/evil.example"), ("/%5cevil/", "/%5Cevil"), ("/", "/")]
    {
        let (mut buffer, mut location) = (Vec::new(), Vec::new());
        let path = SitePath::resolve(raw.as_bytes(), &mut buffer).unwrap();
        path.redirect_location(TrailingSlash::Absent, None, &mut location).unwrap();
        assert_eq!(location, expected.as_bytes(), "{raw}");
    }
}

#[test]
fn what_lies_below_a_directory_is_cut_at_its_segments() {
    for (path, directory, expected) in [
        ("docs/a", "docs", Some("a")),
        ("docs/", "docs", Some("")),
        ("docs/a/", "docs", Some("a/")),
        ("docs", "docs", None),
        ("docsx/a", "docs", None),
        ("a/b/c", "a/b", Some("c")),
        ("a", "", Some("a")),
    ] {
        let path = SitePath::decoded(path.as_bytes()).unwrap();
        let below = path.below(directory.as_bytes());
        assert_eq!(below.map(|path| path.key()), expected.map(str::as_bytes), "{path:?}");
    }
}

#[test]
fn a_configured_path_is_taken_only_as_one_that_is_resolved() {
    for valid in ["", "a", "a/", "a/b.html", ".a", "%2e%2e", "a b"] {
        assert!(SitePath::decoded(valid.as_bytes()).is_some(), "{valid}");
    }
    for invalid in ["/a", "a//b", ".", "..", "a/../b", "a/.", "a\0", "//"] {
        assert!(SitePath::decoded(invalid.as_bytes()).is_none(), "{invalid}");
    }
}

#[test]
fn query_that_could_end_the_field_is_refused() {
    let mut buffer = Vec::new();
    let path = SitePath::resolve(b"/a", &mut buffer).unwrap();
    for query in [&b"a\r\nb"[..], b"a b", b"\xff", b"#"] {
        let mut location = Vec::new();
        assert_eq!(
            path.redirect_location(TrailingSlash::Present, Some(query), &mut location),
            Err(InvalidQuery)
        );
        assert!(location.is_empty());
    }
}

#[test]
fn a_path_is_looked_through_by_words_as_by_octets() {
    for length in 1..=26 {
        for place in 1..length {
            for pair in ["//", "/.", "%2", "\0a", ".a", "a.", "a/", ".."] {
                let mut raw = vec![b'a'; length];
                raw[0] = b'/';
                let end = length.min(place + 2);
                raw[place..end].copy_from_slice(&pair.as_bytes()[..end - place]);
                let refused =
                    |pair: &[u8]| matches!(pair, b"//" | b"/.") || pair.contains(&b'%') || pair.contains(&0);
                assert_eq!(is_plain(&raw), !raw.windows(2).any(refused), "{}", raw.escape_ascii());
            }
        }
    }
}

proptest! {
    #[test]
    fn resolved_paths_stay_below_the_root(raw in "(/|\\.|%2e|%2E|a|%5c|%){0,24}") {
        crate::fuzzing::path(raw.as_bytes());
        crate::fuzzing::path(format!("/{raw}").as_bytes());
    }

    #[test]
    fn random_octets_stay_below_the_root(mut raw in proptest::collection::vec(any::<u8>(), 1..40)) {
        raw[0] = b'/';
        crate::fuzzing::path(&raw);
    }
}
