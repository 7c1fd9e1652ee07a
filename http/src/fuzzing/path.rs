//! `path`: a request path below the root.

use crate::path::{SitePath, TrailingSlash, Visibility};

/// Resolves a path: it stays below the root, and the redirect made from it stays on the host and comes back to it.
pub fn path(bytes: &[u8]) {
    let mut buffer = Vec::new();
    let Ok(path) = SitePath::resolve(bytes, &mut buffer) else {
        return;
    };
    let relative = path.relative();
    if !relative.is_empty() {
        for segment in relative.split(|&byte| byte == b'/') {
            assert!(!segment.is_empty() && segment != b"." && segment != b".." && !segment.contains(&0));
        }
    }
    let is_hidden = relative
        .split(|&byte| byte == b'/')
        .enumerate()
        .any(|(index, segment)| segment.starts_with(b".") && !(index == 0 && segment == b".well-known"));
    assert_eq!(path.visibility() == Visibility::Hidden, is_hidden);

    let mut location = Vec::new();
    assert!(path.redirect_location(TrailingSlash::Present, Some(b"q=%2F"), &mut location).is_ok());
    let target = location.strip_suffix(b"?q=%2F").expect("the query is kept");
    assert!(target.starts_with(b"/") && !target.starts_with(b"//") && target.ends_with(b"/"));
    assert!(target.iter().all(|&byte| byte > b' ' && byte < 0x7f && byte != b'\\'));
    let mut again = Vec::new();
    let resolved = SitePath::resolve(target, &mut again).expect("the redirect's path is valid");
    assert_eq!((resolved.relative(), resolved.trailing_slash()), (relative, TrailingSlash::Present));

    let mut location = Vec::new();
    assert!(path.redirect_location(TrailingSlash::Absent, None, &mut location).is_ok());
    assert!(location.starts_with(b"/") && !location.starts_with(b"//"));
    let mut again = Vec::new();
    let resolved = SitePath::resolve(&location, &mut again).expect("the redirect's path is valid");
    assert_eq!(resolved.key(), relative);
    assert_eq!(SitePath::decoded(path.key()), Some(path));
}
