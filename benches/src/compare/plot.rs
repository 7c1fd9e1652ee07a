//! The plot: a panel per workload, a bar per server, its length the CPU time per request.

use std::fmt::Write;

use super::{
    servers::Server,
    summary::{Comparison, Row},
};

const WIDTH: f64 = 760.0;
const LABEL_WIDTH: f64 = 190.0;
const VALUE_WIDTH: f64 = 120.0;
const BAR_HEIGHT: f64 = 18.0;
const BAR_STEP: f64 = 24.0;
const PANEL_HEAD: f64 = 40.0;
const TITLE_HEIGHT: f64 = 56.0;

/// The comparison as an SVG document. Whiskers are the least and the most of the rounds.
pub(super) fn svg(comparison: &Comparison) -> String {
    let panels: Vec<&Row> = comparison.rows.iter().collect();
    let height = TITLE_HEIGHT + panels.iter().map(|row| panel_height(row)).sum::<f64>() + BAR_STEP;
    let mut svg = String::new();
    let mut line = |text: String| svg.push_str(&(text + "\n"));
    line(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">"
    ));
    line(format!("<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>"));
    line(
        "<text x=\"10\" y=\"24\" font-size=\"17\">CPU microseconds per request (less is better)</text>"
            .into(),
    );
    let under =
        format!("{}, {}, {}", comparison.machine.cpu, comparison.machine.kernel, comparison.machine.date);
    line(format!("<text x=\"10\" y=\"44\" fill=\"#666\">{}</text>", escape(&under)));
    let mut top = TITLE_HEIGHT;
    for row in panels {
        line(panel(row, top));
        top += panel_height(row);
    }
    line("</svg>".into());
    svg
}

fn panel_height(row: &Row) -> f64 {
    PANEL_HEAD + BAR_STEP * row.servers.len() as f64
}

fn panel(row: &Row, top: f64) -> String {
    let mut text = String::new();
    let longest =
        row.servers.iter().map(|figures| figures.cpu_us_per_request.max).fold(f64::MIN_POSITIVE, f64::max);
    let length = |us: f64| us / longest * (WIDTH - LABEL_WIDTH - VALUE_WIDTH);
    // Writing to a String does not fail.
    let _ = writeln!(
        text,
        "<text x=\"10\" y=\"{}\" font-weight=\"bold\">{}</text>",
        top + 28.0,
        escape(&row.title)
    );
    for (number, figures) in row.servers.iter().enumerate() {
        let y = top + PANEL_HEAD + BAR_STEP * number as f64;
        let (middle, base) = (y + BAR_HEIGHT / 2.0, y + BAR_HEIGHT - 4.0);
        let spread = figures.cpu_us_per_request;
        let (least, most) = (LABEL_WIDTH + length(spread.min), LABEL_WIDTH + length(spread.max));
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABEL_WIDTH}\" y=\"{y}\" width=\"{:.1}\" height=\"{BAR_HEIGHT}\" fill=\"{}\"/>\
             <line x1=\"{least:.1}\" x2=\"{most:.1}\" y1=\"{middle}\" y2=\"{middle}\" stroke=\"#222\"/>\
             <text x=\"{:.1}\" y=\"{base}\">{:.2}</text>",
            LABEL_WIDTH - 8.0,
            escape(figures.server.name()),
            length(spread.median),
            colour(figures.server),
            most + 6.0,
            spread.median,
        );
    }
    text
}

fn colour(server: Server) -> &'static str {
    match server {
        Server::Selvedge | Server::SelvedgeReuseport => "#c2571a",
        server if server.is_ceiling() => "#b9b9b9",
        _ => "#4a7ba6",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("a<b & c>"), "a&lt;b &amp; c&gt;");
    }
}
