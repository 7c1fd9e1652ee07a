//! What the server tells of its requests. In: the configuration. Out: the log, the page of numbers and the answer for load
//! balancers, as far as they were asked for.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use selvedge_http::access_log::{AccessLog, LogFormat};
use selvedge_http::address_limits::AddressLimiter;
use selvedge_http::files::DeniedRoots;
use selvedge_http::metrics::Metrics;
use selvedge_http::middleware::{MetricsReaders, budgets, exchanges_per_address, health, metrics, optional};
use selvedge_http::networks::Networks;
use selvedge_http::{Application, Budgets, Observer};
use selvedge_runtime::{LineLog, LogTarget, OpenLog, process, report_line};

use crate::config::Config;
use crate::failure::Failure;

/// The access log, and how it is written.
#[derive(Debug, Clone)]
pub struct Log {
    lines: LineLog,
    format: LogFormat,
    trusted_proxies: Networks,
    unlogged_path: Option<String>,
    sign_in: SignIn,
}

/// Whether clients say who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SignIn {
    /// They are asked for a user and a password.
    Asked,
    /// Nobody wants to know.
    Unasked,
}

impl Log {
    /// Opens the target of the log, if there is to be one. No thread is started.
    ///
    /// # Errors
    /// Why it cannot be opened, with what helps.
    pub fn open(config: &Config) -> Result<Option<OpenLog>, Failure> {
        let Some(target) = &config.monitoring.access_log else { return Ok(None) };
        let open = OpenLog::open(target.clone()).map_err(|error| Failure::access_log(target, &error))?;
        warn_of_served_log(target, config);
        Ok(Some(open))
    }

    /// Starts the thread that writes to it.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(open: OpenLog, config: &Config, workers: usize) -> io::Result<Self> {
        let lines = open.start("access log", workers)?;
        Ok(Self {
            lines,
            format: config.monitoring.log_format,
            trusted_proxies: config.trusted_proxies.clone(),
            unlogged_path: config.monitoring.health.clone(),
            sign_in: if config.auth_file.is_some() { SignIn::Asked } else { SignIn::Unasked },
        })
    }

    /// What a worker's server tells its exchanges.
    ///
    /// # Panics
    /// Outside a worker.
    pub fn observer(&self) -> Observer {
        let log = AccessLog::new(self.lines.sink(), self.format);
        let mut log = log.with_trusted_proxies(self.trusted_proxies.clone());
        if self.sign_in == SignIn::Asked {
            log = log.with_basic_users();
        }
        match &self.unlogged_path {
            Some(path) => log.without_path(path.as_bytes()).observer(),
            None => log.observer(),
        }
    }

    /// The lines on their way.
    pub fn lines(&self) -> &LineLog {
        &self.lines
    }
}

/// Who visits a site is not for its visitors to know.
fn warn_of_served_log(target: &LogTarget, config: &Config) {
    let LogTarget::File(path) = target else { return };
    let is_within = |place: &&Path| process::is_within(path, place).unwrap_or(false);
    if let Some(place) = config.served_places().find(is_within) {
        report_line(&format!(
            "access log {path:?} lies in {place:?}, which is served: whoever asks for it can read who asked for what"
        ));
    }
}

/// What answers before the site, and how long the site may take.
#[derive(Debug, Clone)]
pub struct Front {
    request_timeout: Option<Duration>,
    health: Option<String>,
    metrics: Option<(String, MetricsReaders)>,
    numbers: Metrics,
    /// Of exchanges that come through trusted proxies.
    limiter: Option<AddressLimiter>,
}

impl Front {
    /// What the configuration asks for; `None` where that is nothing. `log` is counted in the numbers, and so are whom
    /// `limiter` refuses and roots that are denied.
    pub fn new(
        config: &Config,
        log: Option<&Log>,
        limiter: Option<&AddressLimiter>,
        denied_roots: &Arc<DeniedRoots>,
    ) -> Option<Self> {
        let monitoring = &config.monitoring;
        let has_limit = |limiter: &&AddressLimiter| limiter.limits().connections_max.is_some();
        let limiter = limiter.filter(has_limit).filter(|_| !config.trusted_proxies.is_empty()).cloned();
        if (&monitoring.metrics, &monitoring.health, config.request_timeout) == (&None, &None, None)
            && limiter.is_none()
        {
            return None;
        }
        let numbers = Metrics::new();
        if let Some(limiter) = limiter.clone() {
            numbers.collect(move |page| {
                let help = "Requests refused since their client, behind a proxy, had too many at once.";
                page.counter("selvedge_address_exchanges_refused_total", help, limiter.refused_exchanges());
            });
        }
        if let Some(log) = log {
            let lines = log.lines.clone();
            numbers.collect(move |page| {
                let help = "Lines of the access log that were dropped or could not be written.";
                page.counter("selvedge_access_log_lines_lost_total", help, lines.lines_lost());
            });
        }
        let denied_roots = Arc::clone(denied_roots);
        numbers.collect(move |page| {
            let help = "Roots the sandbox denies since they were replaced; those before them are served.";
            page.gauge("selvedge_roots_denied", help, denied_roots.count());
        });
        let readers = monitoring.metrics_readers(&config.trusted_proxies);
        Some(Self {
            request_timeout: config.request_timeout,
            health: monitoring.health.clone(),
            metrics: monitoring.metrics.clone().map(|path| (path, readers)),
            numbers,
            limiter,
        })
    }

    /// The numbers, to be told which server they are of.
    pub fn numbers(&self) -> &Metrics {
        &self.numbers
    }

    /// The site behind it.
    pub fn before<A: Application>(&self, site: A) -> impl Application + use<A> {
        let page = self.metrics.clone();
        let page = page.map(|(path, readers)| metrics(path, &self.numbers, readers));
        let time =
            self.request_timeout.map(|time| Budgets { handler_time: Some(time), ..Budgets::default() });
        site.with(optional(time.map(budgets)))
            .with(optional(self.limiter.as_ref().map(exchanges_per_address)))
            .with(optional(self.health.clone().map(health)))
            .with(optional(page))
    }
}
