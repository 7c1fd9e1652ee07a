//! The options about logs and numbers: as clap reads them, from variables, and put together.

use clap::Args;
use selvedge_http::access_log::LogFormat;
use selvedge_http::networks::Networks;
use selvedge_runtime::LogTarget;

use super::given::Given;
use super::values::{self, OrOff, switch};
use crate::bad_value::BadValue;
use crate::failure::Failure;
use crate::monitoring_config::{HEALTH_PATH_DEFAULT, METRICS_PATH_DEFAULT, MonitoringConfig};

/// Flags about logs and numbers.
#[derive(Debug, Args)]
pub(super) struct MonitoringFlags {
    #[arg(long, value_name = "FILE", help_heading = "Monitoring", value_parser = access_log)]
    #[arg(
        help = "Write a line for each request to FILE, or - for standard output; SIGUSR1 opens it again\n\
        [default: off] [env: SELVEDGE_ACCESS_LOG]"
    )]
    access_log: Option<OrOff<LogTarget>>,

    #[arg(long, value_name = "FORMAT", help_heading = "Monitoring", value_parser = log_format)]
    #[arg(help = "What a line looks like: common, combined or json\n\
        [default: combined] [env: SELVEDGE_LOG_FORMAT]")]
    log_format: Option<LogFormat>,

    #[arg(long, value_name = "PATH", help_heading = "Monitoring", value_parser = metrics)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    #[arg(help = "A page for Prometheus, for who is on this machine\n\
        [default PATH: /metrics] [env: SELVEDGE_METRICS]")]
    metrics: Option<OrOff<String>>,

    #[arg(long, value_name = "CIDR,...", help_heading = "Monitoring", value_parser = values::networks)]
    #[arg(help = "Who may read it instead; repeatable [env: SELVEDGE_METRICS_ALLOW]")]
    metrics_allow: Vec<Networks>,

    #[arg(long, value_name = "PATH", help_heading = "Monitoring", value_parser = health)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    #[arg(help = "A path that is 200 until the server takes leave, then 503; not logged\n\
        [default PATH: /health] [env: SELVEDGE_HEALTH]")]
    health: Option<OrOff<String>>,
}

/// Reads them, flags before variables.
///
/// # Errors
///
/// A usage failure that names the option or variable at fault.
pub(super) fn resolve(flags: MonitoringFlags, given: &mut Given<'_>) -> Result<MonitoringConfig, Failure> {
    let format = given.value(flags.log_format, "SELVEDGE_LOG_FORMAT", log_format)?;
    let config = MonitoringConfig {
        access_log: given
            .value(flags.access_log, "SELVEDGE_ACCESS_LOG", access_log)?
            .and_then(OrOff::into_option),
        log_format: format.unwrap_or_default(),
        metrics: given.value(flags.metrics, "SELVEDGE_METRICS", metrics)?.and_then(OrOff::into_option),
        metrics_allow: given.networks(flags.metrics_allow, "--metrics-allow", "SELVEDGE_METRICS_ALLOW")?,
        health: given.value(flags.health, "SELVEDGE_HEALTH", health)?.and_then(OrOff::into_option),
    };
    if config.metrics.is_some() && config.metrics == config.health {
        return Err(Failure::usage(
            "--metrics and --health have the same path",
            "give one of them another, as in --health=/up",
        ));
    }
    if config.access_log.is_none() {
        given.note_idle(&[("--log-format", format.is_some())], "without --access-log");
    }
    if config.metrics.is_none() {
        given.note_idle(&[("--metrics-allow", !config.metrics_allow.is_empty())], "without --metrics");
    }
    Ok(config)
}

fn access_log(text: &str) -> Result<OrOff<LogTarget>, BadValue> {
    match text {
        "" => Err(BadValue::new("no file is named", "name a file, - for standard output, or off")),
        "off" => Ok(OrOff::Off),
        "-" => Ok(OrOff::Set(LogTarget::StandardOutput)),
        path => Ok(OrOff::Set(LogTarget::File(path.into()))),
    }
}

fn log_format(text: &str) -> Result<LogFormat, BadValue> {
    match text {
        "common" => Ok(LogFormat::Common),
        "combined" => Ok(LogFormat::Combined),
        "json" => Ok(LogFormat::Json),
        _ => Err(BadValue::new("there is no such choice", "choose one of common, combined, json")),
    }
}

fn metrics(text: &str) -> Result<OrOff<String>, BadValue> {
    own_path(text, METRICS_PATH_DEFAULT)
}

fn health(text: &str) -> Result<OrOff<String>, BadValue> {
    own_path(text, HEALTH_PATH_DEFAULT)
}

/// A path that no file answers for: as it stands in a request line, since it is compared with that.
fn own_path(text: &str, default: &str) -> Result<OrOff<String>, BadValue> {
    match switch(text) {
        Some(true) => return Ok(OrOff::Set(default.to_owned())),
        Some(false) => return Ok(OrOff::Off),
        None => {}
    }
    let fix = format!("write a path as it stands in a URL, as in {default}, or off");
    if !text.starts_with('/') {
        return Err(BadValue::new("this is not a path", fix));
    }
    match text.bytes().find(|&byte| !byte.is_ascii_graphic() || b"?#%\"<>\\".contains(&byte)) {
        Some(_) => Err(BadValue::new("the path holds a character that a URL's cannot", fix)),
        None => Ok(OrOff::Set(text.to_owned())),
    }
}
