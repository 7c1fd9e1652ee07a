//! Which methods a path has an answer for.

use http::{HeaderValue, StatusCode, header};

use super::{answer, check, router_of, says};
use crate::request::Request;
use crate::response::Response;
use crate::router::Router;

#[test]
fn a_method_is_answered_by_its_route_and_else_told_the_others() {
    let router = router_of(&[
        "GET /r",
        "POST /r",
        "DELETE /r/{id}",
        "PATCH /r/{id}",
        "PUT /r/{id}",
        "HEAD /h",
        "GET /h",
        "HEAD /only",
        "OPTIONS /o",
        "GET /o",
        "POST /p",
    ]);
    check(
        &router,
        "GET /r -> GET /r at /r
         HEAD /r -> GET /r at /r
         POST /r -> POST /r at /r
         OPTIONS /r -> 204 allow GET, HEAD, OPTIONS, POST
         PUT /r -> 405 allow GET, HEAD, OPTIONS, POST
         DELETE /r -> 405 allow GET, HEAD, OPTIONS, POST
         PATCH /r -> 405 allow GET, HEAD, OPTIONS, POST
         GET /r/7 -> 405 allow DELETE, OPTIONS, PATCH, PUT
         HEAD /r/7 -> 405 allow DELETE, OPTIONS, PATCH, PUT
         POST /r/7 -> 405 allow DELETE, OPTIONS, PATCH, PUT
         DELETE /r/7 -> DELETE /r/{id} id=7 at /r/7
         PATCH /r/7 -> PATCH /r/{id} id=7 at /r/7
         PUT /r/7 -> PUT /r/{id} id=7 at /r/7
         OPTIONS /r/7 -> 204 allow DELETE, OPTIONS, PATCH, PUT
         GET /h -> GET /h at /h
         HEAD /h -> HEAD /h at /h
         POST /h -> 405 allow GET, HEAD, OPTIONS
         OPTIONS /h -> 204 allow GET, HEAD, OPTIONS
         HEAD /only -> HEAD /only at /only
         GET /only -> 405 allow HEAD, OPTIONS
         OPTIONS /o -> OPTIONS /o at /o
         PUT /o -> 405 allow GET, HEAD, OPTIONS
         GET /p -> 405 allow OPTIONS, POST
         HEAD /p -> 405 allow OPTIONS, POST
         GET /none -> 404
         PUT /none -> 404
         OPTIONS /none -> 404",
    );
}

#[test]
fn a_method_that_nothing_here_knows_is_not_implemented() {
    let router = router_of(&["GET /a", "PROPFIND /b", "GET /b"]);
    check(
        &router,
        "BREW /a -> 501
         get /a -> 501
         TRACE /a -> 501
         AMETHODOFMORETHANFIFTEENOCTETS /a -> 501
         PROPFIND /a -> 405 allow GET, HEAD, OPTIONS
         PROPFIND /b -> PROPFIND /b at /b
         OPTIONS /b -> 204 allow GET, HEAD, OPTIONS, PROPFIND
         propfind /b -> 501
         PUT /b -> 405 allow GET, HEAD, OPTIONS, PROPFIND
         BREW /b -> 501
         BREW /none -> 404",
    );
    let merged = Router::new().nest("/n", router).get("/c", says("c"));
    check(&merged, "PROPFIND /c -> 405 allow GET, HEAD, OPTIONS\n BREW /c -> 501");
}

#[test]
fn any_takes_the_methods_without_a_route() {
    let router = router_of(&["any /a", "GET /a", "any /b/{*rest}", "any /c", "OPTIONS /c"]);
    check(
        &router,
        "GET /a -> GET /a at /a
         HEAD /a -> GET /a at /a
         POST /a -> any /a at /a
         OPTIONS /a -> any /a at /a
         BREW /a -> any /a at /a
         DELETE /b/x -> any /b/{*rest} rest=x at /b/x
         HEAD /b/ -> any /b/{*rest} rest= at /b/
         OPTIONS /c -> OPTIONS /c at /c
         GET /c -> any /c at /c",
    );
}

#[test]
fn another_answer_to_methods_that_are_not_allowed_says_which_are() {
    let router = router_of(&["GET /a", "any /b"]).method_not_allowed_fallback(says("not so"));
    check(
        &router,
        "POST /a -> not so at /a allow GET, HEAD, OPTIONS
         BREW /a -> not so at /a allow GET, HEAD, OPTIONS
         OPTIONS /a -> 204 allow GET, HEAD, OPTIONS
         GET /a -> GET /a at /a
         POST /b -> any /b at /b
         POST /none -> 404",
    );
    let of_its_own = async |_: Request<'_>| {
        Response::empty(StatusCode::METHOD_NOT_ALLOWED)
            .with_header(header::ALLOW, HeaderValue::from_static("GET"))
    };
    let router = router_of(&["GET /a"]).method_not_allowed_fallback(of_its_own);
    assert_eq!(answer(&router, "POST /a"), "405 allow GET");
}

#[test]
fn a_fallback_has_what_has_no_path() {
    let router = router_of(&["GET /a", "GET /a/{id}/b"]).fallback(says("fallback"));
    check(
        &router,
        "GET / -> fallback at /
         POST /none -> fallback at /none
         BREW /none -> fallback at /none
         OPTIONS /none -> fallback at /none
         GET /a/1/c -> fallback at /a/1/c
         GET /a/ -> fallback at /a/
         GET /a -> GET /a at /a
         POST /a -> 405 allow GET, HEAD, OPTIONS",
    );
    check(&Router::new(), "GET / -> 404\n OPTIONS / -> 404\n BREW / -> 404");
}
