//! What the server tells of its requests, and to whom: the part of the configuration that is about logs and numbers.

use selvedge_http::access_log::LogFormat;
use selvedge_http::middleware::MetricsReaders;
use selvedge_http::networks::Networks;
use selvedge_runtime::LogTarget;

/// Where the numbers are unless another path is named.
pub const METRICS_PATH_DEFAULT: &str = "/metrics";

/// Where load balancers ask unless another path is named.
pub const HEALTH_PATH_DEFAULT: &str = "/health";

/// Everything about logs and numbers that the command line and the environment decide.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MonitoringConfig {
    /// Where each request has a line; `None`: nowhere.
    pub access_log: Option<LogTarget>,
    /// What such a line looks like.
    pub log_format: LogFormat,
    /// The path of the page for Prometheus; `None`: there is none.
    pub metrics: Option<String>,
    /// Who may read that page; empty: who is on this machine.
    pub metrics_allow: Networks,
    /// The path that says whether the server wants requests; `None`: there is none.
    pub health: Option<String>,
}

impl MonitoringConfig {
    /// Who may read the page for Prometheus.
    pub fn metrics_readers(&self, trusted_proxies: &Networks) -> MetricsReaders {
        let readers =
            MetricsReaders { trusted_proxies: trusted_proxies.clone(), ..MetricsReaders::default() };
        match self.metrics_allow.is_empty() {
            true => readers,
            false => MetricsReaders { allow: self.metrics_allow.clone(), ..readers },
        }
    }
}
