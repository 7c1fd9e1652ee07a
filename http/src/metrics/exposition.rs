//! Prometheus' text format, version 0.0.4. In: numbers with names. Out: a page of them.

use std::fmt::{Display, Write};

/// The media type of the format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page that is being written. Names are `[a-zA-Z_:][a-zA-Z0-9_:]*`, each once on a page; labels' values may be any text.
///
/// ```
/// use selvedge_http::metrics::Exposition;
///
/// let mut page = Exposition::default();
/// page.counter("jobs_total", "Jobs done.", 7);
/// page.counters("jobs_failed_total", "Jobs that failed, by reason.", "reason", [("late", 1), ("lost", 2)]);
/// assert_eq!(page.text(), "\
/// ## HELP jobs_total Jobs done.
/// ## TYPE jobs_total counter
/// jobs_total 7
/// ## HELP jobs_failed_total Jobs that failed, by reason.
/// ## TYPE jobs_failed_total counter
/// jobs_failed_total{reason=\"late\"} 1
/// jobs_failed_total{reason=\"lost\"} 2
/// ");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Exposition(String);

impl Exposition {
    /// A number that only grows. Its name ends in `_total`.
    pub fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.begin(name, help, "counter");
        self.sample(name, &[], value);
    }

    /// Several of these, told apart by a label.
    pub fn counters<'a, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, V)>,
    ) {
        self.begin(name, help, "counter");
        for (of, value) in values {
            self.sample(name, &[(label, of)], value);
        }
    }

    /// A number that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.begin(name, help, "gauge");
        self.sample(name, &[], value);
    }

    /// What always is 1 and has its meaning in a label.
    pub fn info(&mut self, name: &str, help: &str, label: &str, value: &str) {
        self.begin(name, help, "gauge");
        self.sample(name, &[(label, value)], 1);
    }

    /// How many values lay below which bounds. `counts` are those of each bound that are above the bound before it, and last
    /// those above all: one more than `bounds`. `sum` is that of all values.
    pub fn histogram(
        &mut self,
        name: &str,
        help: &str,
        bounds: impl IntoIterator<Item = f64>,
        counts: &[u64],
        sum: f64,
    ) {
        self.begin(name, help, "histogram");
        let bucket = format!("{name}_bucket");
        let mut counts = counts.iter();
        let mut below = 0;
        for (bound, count) in bounds.into_iter().zip(&mut counts) {
            below += count;
            self.sample(&bucket, &[("le", &bound.to_string())], below);
        }
        below += counts.sum::<u64>();
        self.sample(&bucket, &[("le", "+Inf")], below);
        self.sample(&format!("{name}_sum"), &[], sum);
        self.sample(&format!("{name}_count"), &[], below);
    }

    /// The page so far.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The whole page.
    pub fn into_text(self) -> String {
        self.0
    }

    fn begin(&mut self, name: &str, help: &str, kind: &str) {
        debug_assert!(is_name(name), "{name:?} is no name of a metric");
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (place, (label, of)) in labels.iter().enumerate() {
            debug_assert!(is_name(label), "{label:?} is no name of a label");
            let of = of.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let before = if place == 0 { '{' } else { ',' };
            self.line(format_args!("{before}{label}=\"{of}\""));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        self.line(format_args!(" {value}\n"));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        let written = self.0.write_fmt(text);
        debug_assert!(written.is_ok(), "a string takes what is written");
    }
}

fn is_name(name: &str) -> bool {
    let is_first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte == b':';
    name.as_bytes().first().is_some_and(|&byte| is_first(byte))
        && name.bytes().all(|byte| is_first(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_what_is_below_each_bound() {
        let mut page = Exposition::default();
        page.histogram("wait_seconds", "Waits.", [0.0001, 2.5], &[3, 0, 4], 11.25);
        let expected = "\
# HELP wait_seconds Waits.
# TYPE wait_seconds histogram
wait_seconds_bucket{le=\"0.0001\"} 3
wait_seconds_bucket{le=\"2.5\"} 3
wait_seconds_bucket{le=\"+Inf\"} 7
wait_seconds_sum 11.25
wait_seconds_count 7
";
        assert_eq!(page.text(), expected);
    }

    #[test]
    fn help_and_labels_cannot_break_their_lines() {
        let mut page = Exposition::default();
        page.info("build_info", "a\\b\nc", "version", "1\"\\\n");
        let expected = "# HELP build_info a\\\\b\\nc\n# TYPE build_info gauge\n\
            build_info{version=\"1\\\"\\\\\\n\"} 1\n";
        assert_eq!(page.text(), expected);
    }
}
