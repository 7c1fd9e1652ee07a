//! Lines. In: series of points over one quantity. Out: one diagram of them all, with a legend.

use std::fmt::Write;

use super::{TITLE_HEIGHT, Title, WIDTH, document, escape, short};
use crate::compare::summary::Spread;

const LEFT: f64 = 80.0;
const RIGHT: f64 = 20.0;
const PLOT_HEIGHT: f64 = 300.0;
const LEGEND_STEP: f64 = 20.0;
const TICKS: usize = 5;
/// One per series, this project's first; a further series begins again.
const COLOURS: [&str; 6] = ["#c2571a", "#4a7ba6", "#5c8f4d", "#8a5aa0", "#7d7d7d", "#b59a2c"];

/// How far apart values are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// As they are, from zero on.
    Linear,
    /// As their logarithms; for values above zero.
    Logarithmic,
}

#[derive(Debug)]
pub(crate) struct Axes<'a> {
    pub(crate) x: &'a str,
    pub(crate) x_scale: Scale,
    pub(crate) y: &'a str,
    pub(crate) y_scale: Scale,
}

#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) label: String,
    /// By the first number.
    pub(crate) points: Vec<(f64, Spread)>,
}

/// A diagram; series without points are in the legend alone.
pub(crate) fn lines(title: Title<'_>, axes: &Axes<'_>, series: &[Series]) -> String {
    let points = || series.iter().flat_map(|series| &series.points);
    let x = Axis::of(axes.x_scale, points().map(|point| point.0), LEFT, WIDTH - RIGHT);
    let bottom = TITLE_HEIGHT + PLOT_HEIGHT;
    let values = points().flat_map(|point| [point.1.min, point.1.max]);
    let y = Axis::of(axes.y_scale, values, bottom, TITLE_HEIGHT + 20.0);
    let mut body = String::new();
    let mut values: Vec<f64> = points().map(|point| point.0).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    // Writing to a String does not fail.
    for value in values {
        let at = x.at(value);
        let _ = writeln!(
            body,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{bottom}\" y2=\"{}\" stroke=\"#222\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{value}</text>",
            bottom + 4.0,
            bottom + 18.0
        );
    }
    for value in y.ticks() {
        let at = y.at(value);
        let _ = writeln!(
            body,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            short(value)
        );
    }
    let _ = writeln!(
        body,
        "<text x=\"10\" y=\"{}\" fill=\"#666\">{}</text><text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#666\">{}</text>",
        TITLE_HEIGHT + 12.0,
        escape(axes.y),
        WIDTH - RIGHT,
        bottom + 38.0,
        escape(axes.x),
    );
    for (number, one) in series.iter().enumerate() {
        draw(&mut body, one, COLOURS[number % COLOURS.len()], &x, &y);
        let at = bottom + 50.0 + LEGEND_STEP * number as f64;
        let colour = COLOURS[number % COLOURS.len()];
        let _ = writeln!(
            body,
            "<rect x=\"{LEFT}\" y=\"{at}\" width=\"14\" height=\"4\" fill=\"{colour}\"/><text x=\"{}\" y=\"{}\">{}</text>",
            LEFT + 22.0,
            at + 7.0,
            escape(&one.label),
        );
    }
    document(title, bottom + 60.0 + LEGEND_STEP * series.len() as f64, &body)
}

fn draw(body: &mut String, series: &Series, colour: &str, x: &Axis, y: &Axis) {
    let places: Vec<String> = series
        .points
        .iter()
        .map(|(at, value)| format!("{:.1},{:.1}", x.at(*at), y.at(value.median)))
        .collect();
    let _ = writeln!(
        body,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
        places.join(" ")
    );
    for (at, value) in &series.points {
        let at = x.at(*at);
        let _ = writeln!(
            body,
            "<circle cx=\"{at:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>\
             <line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>",
            y.at(value.median),
            y.at(value.min),
            y.at(value.max),
        );
    }
}

/// Where values stand between two places on the paper.
struct Axis {
    scale: Scale,
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn of(scale: Scale, values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut least, mut most) = (f64::INFINITY, f64::MIN_POSITIVE);
        for value in values.filter(|&value| scale == Scale::Linear || value > 0.0) {
            (least, most) = (least.min(value), most.max(value));
        }
        if scale == Scale::Linear || !least.is_finite() {
            least = 0.0;
        }
        Self { scale, least, most, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let span = |low: f64, high: f64| if high > low { high - low } else { 1.0 };
        let share = match self.scale {
            Scale::Linear => (value - self.least) / span(self.least, self.most),
            // What is not above zero has no logarithm; it is drawn at the end.
            Scale::Logarithmic => {
                (value.max(self.least).ln() - self.least.ln()) / span(self.least.ln(), self.most.ln())
            }
        };
        self.from + share * (self.to - self.from)
    }

    fn ticks(&self) -> Vec<f64> {
        let share = |number: usize| number as f64 / TICKS as f64;
        (0..=TICKS)
            .map(|number| match self.scale {
                Scale::Linear => self.least + share(number) * (self.most - self.least),
                Scale::Logarithmic => self.least * (self.most / self.least).powf(share(number)),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_begins_at_zero_and_a_logarithmic_one_at_the_least() {
        let linear = Axis::of(Scale::Linear, [5.0, 10.0].into_iter(), 0.0, 100.0);
        assert_eq!([0.0, 5.0, 10.0].map(|value| linear.at(value)), [0.0, 50.0, 100.0]);
        let logarithmic = Axis::of(Scale::Logarithmic, [1.0, 100.0].into_iter(), 0.0, 100.0);
        assert!((logarithmic.at(10.0) - 50.0).abs() < 1e-9);
        assert_eq!(logarithmic.at(0.0), 0.0);
    }

    #[test]
    fn every_series_is_drawn_and_named() {
        let series = |label: &str| Series {
            label: label.to_owned(),
            points: vec![(1.0, Spread { median: 2.0, min: 1.0, max: 3.0 })],
        };
        let axes = Axes { x: "threads", x_scale: Scale::Logarithmic, y: "ns", y_scale: Scale::Linear };
        let svg = lines(Title { title: "t", under: "u" }, &axes, &[series("one"), series("two")]);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains(">one<") && svg.contains(">two<") && svg.contains(">threads<"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
