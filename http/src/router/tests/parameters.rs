//! What handlers are told of the path.

use http::StatusCode;

use super::{answer, asked, check, router_of, says};
use crate::application::Application;
use crate::into_response::IntoResponse;
use crate::request::Request;
use crate::response::Response;
use crate::router::{ParamError, Router};

#[test]
fn a_parameter_that_is_not_utf_8_is_a_bad_request() {
    let router = router_of(&["GET /u/{id}", "GET /f/{*path}", "any /b/{*path}"]).nest("/n", says("nested"));
    check(
        &router,
        "GET /u/%FF -> 400
         GET /u/%C3 -> 400
         GET /u/a%C3b -> 400
         GET /u/%ED%A0%80 -> 400
         GET /u/%C3%A9 -> GET /u/{id} id=\u{e9} at /u/%C3%A9
         GET /f/a/%80/b -> 400
         GET /f/%C3/%A9 -> 400
         POST /b/%FF -> 400
         GET /n/%FF -> nested at /%FF
         GET /u/%00 -> GET /u/{id} id=\0 at /u/%00",
    );
}

#[test]
fn a_parameter_is_read_as_any_type_that_is_read_from_text() {
    async fn number(request: Request<'_>) -> Result<String, ParamError> {
        Ok(request.param_as::<u8>("n")?.to_string())
    }
    async fn truth(request: Request<'_>) -> Result<String, ParamError> {
        Ok(request.param_as::<bool>("n")?.to_string())
    }
    async fn missing(request: Request<'_>) -> Result<String, ParamError> {
        request.param_as("m")
    }
    let router =
        Router::new().get("/number/{n}", number).get("/truth/{n}", truth).get("/missing/{n}", missing);
    check(
        &router,
        "GET /number/255 -> 255
         GET /number/%32%35 -> 25
         GET /number/256 -> 400
         GET /number/-1 -> 400
         GET /number/x -> 400
         GET /number/ -> 404
         GET /truth/true -> true
         GET /truth/1 -> 400
         GET /missing/1 -> 404",
    );
    assert_eq!(ParamError::Absent.into_response().status(), StatusCode::NOT_FOUND);
    assert_eq!(ParamError::Absent.to_string(), "the path has no such parameter");
}

#[test]
fn who_has_no_router_has_no_parameters() {
    let plain = async |request: Request<'_>| {
        let count = request.parameters().count();
        format!("{count} {:?} {:?}", request.param("id"), request.route())
    };
    assert_eq!(answer(&plain, "GET /u/7"), "0 None None");
}

/// In front of an application: it answers for nobody.
struct Outside<A>(A);

impl<A: Application> Application for Outside<A> {
    async fn call(&self, request: Request<'_>) -> Response {
        assert_eq!(request.route(), None);
        let response = self.0.call(request).await;
        let route = request.route().map_or("none".into(), |route| route.to_string());
        response.with_header(http::header::VIA, route)
    }
}

#[test]
fn the_route_is_known_to_all_once_it_is_found() {
    let inner = router_of(&["GET /x/{y}"]);
    let router = router_of(&["GET /u/{id}", "POST /u/{user}", "any /all/{*rest}"])
        .nest("/n/{m}", router_of(&["GET /", "GET /x/{y}"]))
        .nest("/static", says("files"))
        .nest("/boxed", crate::BoxApplication::new(inner))
        .fallback(says("fallback"));
    let application = router.with(Outside);
    for (request, route) in [
        ("GET /u/7", Some("/u/{id}")),
        ("HEAD /u/7", Some("/u/{id}")),
        ("POST /u/7", Some("/u/{user}")),
        ("PUT /u/7", None),
        ("OPTIONS /u/7", None),
        ("GET /u/%FF", None),
        ("GET /all/x", Some("/all/{*rest}")),
        ("GET /n/1", Some("/n/{m}")),
        ("GET /n/1/x/2", Some("/n/{m}/x/{y}")),
        ("GET /static", Some("/static/{*}")),
        ("GET /static/x", Some("/static/{*}")),
        ("GET /boxed/x/1", Some("/x/{y}")),
        ("GET /boxed/y", Some("/boxed/{*}")),
        ("GET /none", None),
    ] {
        let (_, found) = asked(&application, request, |request| request.route());
        assert_eq!(found.as_deref(), route, "{request}");
    }
}
