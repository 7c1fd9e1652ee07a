//! What scripts of other origins may do with a site of files: read it, and nothing else.

use std::time::Duration;

use http::{HeaderName, Method, header};
use selvedge_http::middleware::CorsPolicy;

use crate::site_config::Cors;

/// What these scripts may read of a head besides what every script may (Fetch standard, CORS-safelisted response-header
/// names).
const EXPOSED: [HeaderName; 4] =
    [header::ACCEPT_RANGES, header::CONTENT_ENCODING, header::CONTENT_RANGE, header::ETAG];

/// How long a browser may remember that it has asked.
const PREFLIGHT_AGE: Duration = Duration::from_secs(86_400);

/// The policy that the operator wants, if any. Its scripts may send all fields but Authorization, which is for a site that asks
/// for passwords.
pub(super) fn policy(cors: &Cors) -> Option<CorsPolicy> {
    let policy = match cors {
        Cors::Off => return None,
        Cors::Any => CorsPolicy::any_origin(),
        Cors::Origins(origins) => {
            CorsPolicy::origins(origins).expect("they were looked at as the options were")
        }
    };
    let policy = policy.methods([Method::GET, Method::HEAD, Method::OPTIONS]).any_header();
    Some(policy.exposed(EXPOSED).age_max(PREFLIGHT_AGE))
}
