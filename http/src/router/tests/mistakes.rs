//! Routes that can't be, and what is said of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::Method;

use super::{answer, check, router_of, says};
use crate::router::{RouteError, Router};

#[track_caller]
fn panic_of(build: impl FnOnce() -> Router) -> String {
    let panic = catch_unwind(AssertUnwindSafe(build)).expect_err("a mistake");
    *panic.downcast::<String>().expect("a message")
}

/// What was added, what was there: both with this file's name.
fn conflict(error: &str) -> (&str, &str) {
    let (added, before) = error.split_once(" answers the same requests as ").expect(error);
    for named in [added, before] {
        assert!(named.contains("/router/tests/"), "{named}");
    }
    let name = |named: &'_ str| named.split_once(" (added at ").expect("a place").0.len();
    (&added[..name(added)], &before[..name(before)])
}

#[test]
fn a_second_route_for_the_same_requests_is_named_with_the_first() {
    for (before, added) in [
        ("GET /", "GET /"),
        ("GET /a", "GET /a"),
        ("GET /a", "GET /%61"),
        ("GET /a b", "GET /a%20b"),
        ("GET /{a}", "GET /{b}"),
        ("GET /{a}/x/{b}", "GET /{b}/x/{a}"),
        ("GET /{*a}", "GET /{*b}"),
        ("any /a", "any /a"),
        ("any /{*a}", "any /{*b}"),
        ("BREW /a", "BREW /a"),
    ] {
        let mut router = router_of(&[before]);
        let (method, path) = added.split_once(' ').expect("a method and a path");
        let error = match method {
            "any" => router.try_any(path, says("second")),
            _ => router.try_on(Method::from_bytes(method.as_bytes()).expect("a token"), path, says("second")),
        };
        let error = error.expect_err(added).to_string();
        let expected = |route: &str| format!("the route {}", route.replace("any ", "any method "));
        assert_eq!(conflict(&error), (&*expected(added), &*expected(before)));
    }
}

#[test]
fn routes_for_other_requests_are_none_of_a_conflict() {
    router_of(&[
        "GET /{a}",
        "POST /{b}",
        "any /{c}",
        "GET /a",
        "GET /a/",
        "GET /{*a}",
        "HEAD /a",
        "GET /A",
        "GET /a/{*a}",
        "GET /{a}/{*a1}",
        "GET /{a}/b",
        "GET /a/{b}",
        "GET //",
        "GET /a//b",
        "get /a",
    ]);
}

#[test]
fn a_route_that_was_refused_was_not_added() {
    let mut router = router_of(&["GET /a"]);
    router.try_on(Method::GET, "/a", says("second")).expect_err("there is one");
    router.try_on(Method::PUT, "/{a", says("none")).expect_err("no path");
    check(&router, "GET /a -> GET /a at /a\n PUT /a -> 405 allow GET, HEAD, OPTIONS");
}

#[test]
fn a_builder_panics_with_the_line_that_is_wrong() {
    let second = panic_of(|| Router::new().get("/a", says("a")).get("/a", says("b")));
    assert_eq!(conflict(&second), ("the route GET /a", "the route GET /a"));
    let line = line!() - 2;
    assert!(second.contains(&format!("mistakes.rs:{line}:")), "{second}");
    let path = panic_of(|| Router::new().post("users", says("a")));
    let line = line!() - 1;
    assert!(path.starts_with("the path \"users\" (added at "), "{path}");
    assert!(path.contains(&format!("mistakes.rs:{line}:")), "{path}");
    assert!(path.ends_with(") is not one of a route: it does not begin with a slash"), "{path}");
    for build in [
        (|| Router::new().put("/{}", says("a"))) as fn() -> Router,
        || Router::new().patch("/{}", says("a")),
        || Router::new().delete("/{}", says("a")),
        || Router::new().any("/{}", says("a")),
        || Router::new().nest("/{}", says("a")),
        || Router::new().nest("/{*rest}", says("a")),
        || Router::new().nest("/{*rest}", Router::new()),
    ] {
        let error = panic_of(build);
        assert!(error.contains("tests/mistakes.rs:"), "{error}");
    }
}

#[test]
fn what_is_nested_or_merged_may_be_at_odds_too() {
    let inner = || router_of(&["GET /x"]);
    let error = panic_of(|| router_of(&["GET /api/x"]).nest("/api", inner()));
    assert_eq!(conflict(&error), ("the route GET /api/x", "the route GET /api/x"));
    let error = panic_of(|| router_of(&["any /api/{*rest}"]).nest("/api", says("files")));
    assert_eq!(conflict(&error), ("the route any method /api/{*}", "the route any method /api/{*rest}"));
    let error = panic_of(|| Router::new().nest("/a", says("one")).nest("/a", says("two")));
    assert_eq!(conflict(&error), ("the route any method /a/{*}", "the route any method /a/{*}"));
    let error = panic_of(|| inner().merge(inner()));
    assert_eq!(conflict(&error), ("the route GET /x", "the route GET /x"));
    let error = panic_of(|| Router::new().nest("/{id}", router_of(&["GET /{id}"])));
    assert!(error.starts_with("the path \"/{id}/{id}\" (added at "), "{error}");
    assert!(error.ends_with("two parameters have one name"), "{error}");
    let error = Router::new().try_nest("/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}", says("files")).expect_err("nine");
    assert!(matches!(error, RouteError::Path { reason: "it has more than 8 parameters", .. }), "{error}");
}

#[test]
fn one_fallback_is_enough() {
    let with = || Router::new().fallback(says("fallback"));
    for build in [
        (|with: fn() -> Router| with().fallback(says("second"))) as fn(fn() -> Router) -> Router,
        |with| with().merge(with()),
        |with| with().nest("/", with()),
    ] {
        assert_eq!(conflict(&panic_of(|| build(with))), ("the fallback of /", "the fallback of /"));
    }
    let error = panic_of(|| Router::new().nest("/a", with()).nest("/a", with()));
    assert_eq!(conflict(&error), ("the fallback of /a", "the fallback of /a"));
    assert_eq!(answer(&Router::new().merge(with()).nest("/a", with()), "GET /b"), "fallback at /b");
}
