//! Bars. In: panels of them. Out: one under the other, each panel with a scale of its own that begins at zero.

use std::fmt::Write;

use super::{Colour, TITLE_HEIGHT, Title, WIDTH, document, escape, short};
use crate::compare::summary::Spread;

const LABEL_WIDTH: f64 = 230.0;
const VALUE_WIDTH: f64 = 110.0;
const BAR_HEIGHT: f64 = 18.0;
const BAR_STEP: f64 = 24.0;
const PANEL_HEAD: f64 = 40.0;

/// Bars that are compared with each other.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) bars: Vec<Bar>,
}

/// The median is the bar, the least and the most its whisker.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: Spread,
    pub(crate) colour: Colour,
}

pub(crate) fn bars(title: Title<'_>, panels: &[Panel]) -> String {
    let mut body = String::new();
    let mut top = TITLE_HEIGHT;
    for panel in panels {
        draw(&mut body, panel, top);
        top += PANEL_HEAD + BAR_STEP * panel.bars.len() as f64;
    }
    document(title, top + BAR_STEP, &body)
}

fn draw(body: &mut String, panel: &Panel, top: f64) {
    let longest = panel.bars.iter().map(|bar| bar.value.max).fold(f64::MIN_POSITIVE, f64::max);
    let length = |value: f64| value / longest * (WIDTH - LABEL_WIDTH - VALUE_WIDTH);
    // Writing to a String does not fail.
    let _ = writeln!(
        body,
        "<text x=\"10\" y=\"{}\" font-weight=\"bold\">{}</text>",
        top + 28.0,
        escape(&panel.title)
    );
    for (number, bar) in panel.bars.iter().enumerate() {
        let y = top + PANEL_HEAD + BAR_STEP * number as f64;
        let (middle, base) = (y + BAR_HEIGHT / 2.0, y + BAR_HEIGHT - 4.0);
        let (least, most) = (LABEL_WIDTH + length(bar.value.min), LABEL_WIDTH + length(bar.value.max));
        let _ = writeln!(
            body,
            "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABEL_WIDTH}\" y=\"{y}\" width=\"{:.1}\" height=\"{BAR_HEIGHT}\" fill=\"{}\"/>\
             <line x1=\"{least:.1}\" x2=\"{most:.1}\" y1=\"{middle}\" y2=\"{middle}\" stroke=\"#222\"/>\
             <text x=\"{:.1}\" y=\"{base}\">{}</text>",
            LABEL_WIDTH - 8.0,
            escape(&bar.label),
            length(bar.value.median),
            bar.colour.code(),
            most + 6.0,
            short(bar.value.median),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_median_and_the_longest_whisker_fills_the_panel() {
        let bar = |median, max| Bar {
            label: "one".to_owned(),
            value: Spread { median, min: 0.0, max },
            colour: Colour::Own,
        };
        let panel = Panel { title: "p".to_owned(), bars: vec![bar(5.0, 10.0), bar(2.5, 2.5)] };
        let svg = bars(Title { title: "t", under: "u" }, &[panel]);
        let full = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
        assert!(svg.contains(&format!("width=\"{:.1}\"", full / 2.0)), "{svg}");
        assert!(svg.contains(&format!("width=\"{:.1}\"", full / 4.0)), "{svg}");
        assert!(svg.contains(&format!("x2=\"{:.1}\"", LABEL_WIDTH + full)), "{svg}");
    }
}
