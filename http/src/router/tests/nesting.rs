//! Routers and other applications below a prefix, and routers beside each other.

use super::{check, router_of, says};
use crate::BoxApplication;
use crate::application::Application;
use crate::request::Request;
use crate::response::Response;
use crate::router::Router;

/// Middleware that changes nothing.
struct Around<A>(A);

impl<A: Application> Application for Around<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        self.0.call(request).await
    }
}

#[test]
fn an_application_sees_what_is_below_its_prefix() {
    let router = Router::new()
        .nest("/static", says("files"))
        .nest("/deep/er", says("deep"))
        .nest("/slash/", says("slash"))
        .nest("/u/{id}/files", says("own"))
        .get("/static/special", says("special"));
    check(
        &router,
        "GET /static -> files at /
         GET /static/ -> files at /
         GET /static/a -> files at /a
         GET /static/a/b/ -> files at /a/b/
         GET /static//a -> files at //a
         GET /static/%2e%2E/x -> files at /%2e%2E/x
         GET /static/a%2Fb -> files at /a%2Fb
         GET /%73tatic/a -> files at /a
         GET /staticx -> 404
         GET /stati -> 404
         GET /STATIC/a -> 404
         PUT /static/a -> files at /a
         OPTIONS /static/a -> files at /a
         BREW /static -> files at /
         GET /static/special -> special at /static/special
         HEAD /static/special -> special at /static/special
         POST /static/special -> 405 allow GET, HEAD, OPTIONS
         GET /static/special/ -> files at /special/
         GET /deep -> 404
         GET /deep/ -> 404
         GET /deep/er -> deep at /
         GET /deep/er/x -> deep at /x
         GET /slash -> 404
         GET /slash/ -> slash at /
         GET /slash/x -> slash at /x
         GET /u/7/files -> own id=7 at /
         GET /u/7/files/a/b -> own id=7 at /a/b
         GET /u//files/a -> 404",
    );
    let all = Router::new().nest("/", says("all")).get("/a", says("a"));
    check(
        &all,
        "GET / -> all at /
         GET /a -> a at /a
         GET /b/c -> all at /b/c
         GET // -> all at //",
    );
}

#[test]
fn a_router_below_a_prefix_is_part_of_the_outer_one() {
    let users = router_of(&["GET /", "POST /", "GET /{id}", "GET /{id}/"]);
    let slashed = router_of(&["GET /", "GET /x"]);
    let versions = router_of(&["GET /api/{id}"]);
    let router = Router::new()
        .nest("/users", users)
        .nest("/slashed/", slashed)
        .nest("/{version}", versions)
        .put("/users", says("put"))
        .get("/users/me", says("me"));
    check(
        &router,
        "GET /users -> GET / at /
         POST /users -> POST / at /
         PUT /users -> put at /users
         DELETE /users -> 405 allow GET, HEAD, OPTIONS, POST, PUT
         OPTIONS /users -> 204 allow GET, HEAD, OPTIONS, POST, PUT
         GET /users/ -> 404
         GET /users/7 -> GET /{id} id=7 at /7
         GET /users/7/ -> GET /{id}/ id=7 at /7/
         GET /users/me -> me at /users/me
         POST /users/7 -> 405 allow GET, HEAD, OPTIONS
         GET /slashed -> 404
         GET /slashed/ -> GET / at /
         GET /slashed/x -> GET /x at /x
         GET /2/api/7 -> GET /api/{id} version=2 id=7 at /api/7
         GET /users/api/7 -> GET /api/{id} version=users id=7 at /api/7",
    );
}

#[test]
fn prefixes_add_up() {
    let inner =
        Router::new().get("/leaf/{x}", says("leaf")).nest("/files", says("files")).get("/", says("root"));
    let middle = Router::new().nest("/{b}", inner).get("/own", says("own"));
    let router = Router::new().nest("/a", middle);
    check(
        &router,
        "GET /a/own -> own at /own
         GET /a/1 -> root b=1 at /
         GET /a/1/leaf/2 -> leaf b=1 x=2 at /leaf/2
         GET /a/1/files -> files b=1 at /
         GET /a/1/files/x/y -> files b=1 at /x/y
         GET /a -> 404
         GET /a/own/leaf/2 -> leaf b=own x=2 at /leaf/2",
    );
    check(
        &Router::new().nest("/", router),
        "GET /a/1/files/x -> files b=1 at /x\n GET /a/own -> own at /own",
    );
}

#[test]
fn a_router_in_middleware_is_an_application_of_its_own() {
    let inner = || Router::new().get("/", says("root")).get("/{id}", says("inner"));
    let router = Router::new()
        .nest("/around/{id}", inner().with(Around))
        .nest("/boxed/{outer}", BoxApplication::new(inner().fallback(says("inner fallback"))))
        .fallback(says("fallback"));
    check(
        &router,
        "GET /around/1 -> root id=1 at /
         GET /around/1/ -> root id=1 at /
         GET /around/1/2 -> inner id=2 id=1 at /2
         GET /around/1/2/3 -> 404
         POST /around/1 -> 405 allow GET, HEAD, OPTIONS
         GET /boxed/1/2 -> inner id=2 outer=1 at /2
         GET /boxed/1/2/3 -> inner fallback outer=1 at /2/3
         GET /none -> fallback at /none",
    );
}

#[test]
fn a_nested_router_has_the_outer_fallback_unless_it_has_its_own() {
    let plain = router_of(&["GET /x"]);
    let own = router_of(&["GET /x"]).fallback(says("own fallback"));
    let deep = Router::new().nest("/deeper", router_of(&["GET /x"]).fallback(says("deepest")));
    let router = Router::new()
        .nest("/plain", plain)
        .nest("/own", own)
        .nest("/deep", deep.fallback(says("deep fallback")))
        .nest("/t/{tenant}", router_of(&["GET /x"]).fallback(says("tenant fallback")))
        .fallback(says("fallback"));
    check(
        &router,
        "GET /plain/y -> fallback at /plain/y
         GET /plain -> fallback at /plain
         GET /plain/x -> GET /x at /x
         GET /own/x -> GET /x at /x
         GET /own/y -> own fallback at /y
         GET /own/y/z -> own fallback at /y/z
         GET /own -> own fallback at /
         GET /own/ -> own fallback at /
         POST /own/y -> own fallback at /y
         POST /own/x -> 405 allow GET, HEAD, OPTIONS
         GET /ownx -> fallback at /ownx
         GET /deep/y -> deep fallback at /y
         GET /deep/deeper/y -> deepest at /y
         GET /deep/deeper -> deepest at /
         GET /deep/deeper/x -> GET /x at /x
         GET /t/1/y -> tenant fallback at /y
         GET /t/1 -> tenant fallback at /
         GET /t/ -> fallback at /t/
         GET /t -> fallback at /t",
    );
    let without = Router::new().nest("/own", router_of(&["GET /x"]).fallback(says("own fallback")));
    check(&without, "GET /own/y -> own fallback at /y\n GET /y -> 404");
}

#[test]
fn a_nested_router_has_the_outer_answer_to_methods_unless_it_has_its_own() {
    let plain = router_of(&["GET /x"]);
    let own = router_of(&["GET /x"]).method_not_allowed_fallback(says("own"));
    let router = Router::new().nest("/plain", plain).nest("/own", own).get("/x", says("x"));
    check(
        &router,
        "POST /plain/x -> 405 allow GET, HEAD, OPTIONS
         POST /own/x -> own at /x allow GET, HEAD, OPTIONS
         POST /x -> 405 allow GET, HEAD, OPTIONS",
    );
    let router = router.method_not_allowed_fallback(says("outer"));
    check(
        &router,
        "POST /plain/x -> outer at /plain/x allow GET, HEAD, OPTIONS
         POST /own/x -> own at /x allow GET, HEAD, OPTIONS
         POST /x -> outer at /x allow GET, HEAD, OPTIONS",
    );
}

#[test]
fn routers_beside_each_other_are_one() {
    let one = router_of(&["GET /a", "GET /b/{x}"]);
    let two = router_of(&["POST /a", "GET /b/{y}/c"]).nest("/n", says("n")).fallback(says("fallback"));
    let three = router_of(&["GET /own"]).method_not_allowed_fallback(says("own"));
    check(
        &one.merge(two).merge(three),
        "GET /a -> GET /a at /a
         POST /a -> POST /a at /a
         PUT /a -> 405 allow GET, HEAD, OPTIONS, POST
         GET /b/1 -> GET /b/{x} x=1 at /b/1
         GET /b/1/c -> GET /b/{y}/c y=1 at /b/1/c
         GET /n/1 -> n at /1
         GET /none -> fallback at /none
         PUT /own -> own at /own allow GET, HEAD, OPTIONS",
    );
}
