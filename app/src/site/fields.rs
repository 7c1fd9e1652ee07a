//! The fields that a site says, as rules: the defaults, then what the operator wants.

use http::{HeaderName, HeaderValue, header};
use selvedge_http::files::{FieldRule, FilePattern, RuleAnswers};

use super::cors;
use crate::site_config::{SecurityHeaders, ServerName, SiteConfig};

/// Against being framed by other sites, telling them the whole URL, and being held by their windows. What more there is
/// (a policy for content, transport security) depends on the site.
const SECURITY: [(HeaderName, &str); 4] = [
    (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    (header::CONTENT_SECURITY_POLICY, "frame-ancestors 'self'"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// All rules of a site, in their order.
pub fn rules(config: &SiteConfig) -> Vec<FieldRule> {
    let mut rules = Vec::new();
    match &config.server_name {
        ServerName::Own => rules.push(everywhere(header::SERVER, HeaderValue::from_static("selvedge"))),
        ServerName::Named(name) => rules.push(everywhere(header::SERVER, name.clone())),
        ServerName::Off => {}
    }
    // A type that the server says is the type it is: a browser that guesses runs what was meant to be read.
    rules.push(everywhere(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
    if config.security_headers == SecurityHeaders::On {
        let security = SECURITY.map(|(name, value)| everywhere(name, HeaderValue::from_static(value)));
        rules.extend(security);
    }
    if let Some(policy) = cors::policy(&config.cors) {
        rules.extend(policy.fields_of_all().into_iter().map(|(name, value)| everywhere(name, value)));
    }
    // A new page must not meet an old script: whatever is kept is asked about before it is used.
    let no_cache = HeaderValue::from_static("no-cache");
    rules.push(FieldRule { answers: RuleAnswers::Success, ..everywhere(header::CACHE_CONTROL, no_cache) });
    rules.extend(config.cache.iter().chain(&config.headers).cloned());
    rules
}

fn everywhere(name: HeaderName, value: HeaderValue) -> FieldRule {
    FieldRule { files: FilePattern::All, answers: RuleAnswers::All, name, value: Some(value) }
}
