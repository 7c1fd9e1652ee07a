//! Which other origins' scripts may read (Fetch standard, "HTTP extensions").

use http::{HeaderName, HeaderValue, StatusCode, header};
use selvedge_http::h1::Field;
use selvedge_http::{Body, FixedFields, Request, Response, ResponseHead};

use super::fields::EXPOSED;
use crate::site_config::Cors;

/// How long a browser may remember that it has asked, in seconds; browsers cut it to two hours and less.
const PREFLIGHT_AGE_S: &str = "86400";

/// Answers by the origin that asks.
#[derive(Debug)]
pub(super) struct CorsPolicy {
    kind: Cors,
    /// For each of the listed origins, what it is told.
    fields: Vec<FixedFields>,
}

impl CorsPolicy {
    pub(super) fn new(cors: &Cors) -> Self {
        let origins = match cors {
            Cors::Origins(origins) => origins.as_slice(),
            Cors::Off | Cors::Any => &[],
        };
        let exposed = HeaderValue::from_static(EXPOSED);
        let fields = origins.iter().map(|origin| {
            let origin = HeaderValue::from_str(origin).expect("an origin is made of visible characters");
            let fields = [
                (&header::ACCESS_CONTROL_ALLOW_ORIGIN, &origin),
                (&header::ACCESS_CONTROL_EXPOSE_HEADERS, &exposed),
            ];
            FixedFields::new(fields).expect("none is the engine's own")
        });
        Self { kind: cors.clone(), fields: fields.collect() }
    }

    /// What the request's origin is told on every answer, beside what all are told.
    pub(super) fn fields(&self, request: &Request<'_>) -> &FixedFields {
        let none = const { &FixedFields::NONE };
        let Cors::Origins(origins) = &self.kind else { return none };
        let Field::One(asking) = request.field_named("origin") else { return none };
        let place = origins.iter().position(|origin| origin.as_bytes() == asking);
        place.map_or(none, |place| &self.fields[place])
    }

    /// The answer to OPTIONS: what is allowed, and to a script's browser that asks beforehand, what the script may do.
    pub(super) fn options(&self, request: &Request<'_>, allowed: &'static str) -> Response {
        let mut head = ResponseHead::new(StatusCode::NO_CONTENT);
        head.fields.push((header::ALLOW, HeaderValue::from_static(allowed)));
        let may_read = match self.kind {
            Cors::Off => false,
            Cors::Any => true,
            Cors::Origins(_) => !self.fields(request).as_bytes().is_empty(),
        };
        if may_read && request.field_named("access-control-request-method") != Field::Absent {
            let fields: [(HeaderName, &'static str); 3] = [
                (header::ACCESS_CONTROL_ALLOW_METHODS, allowed),
                // All but Authorization, which no script of another origin should send to a site of files.
                (header::ACCESS_CONTROL_ALLOW_HEADERS, "*"),
                (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE_S),
            ];
            head.fields.extend(fields.map(|(name, value)| (name, HeaderValue::from_static(value))));
        }
        Response::new(head, Body::Empty)
    }
}
