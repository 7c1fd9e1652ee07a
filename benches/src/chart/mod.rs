//! Charts. In: figures with their spread. Out: SVG documents (Scalable Vector Graphics 1.1) that need no script and no font.

mod bars;
mod lines;

pub(crate) use bars::{Bar, Panel, bars};
pub(crate) use lines::{Axes, Scale, Series, lines};

const WIDTH: f64 = 760.0;
const TITLE_HEIGHT: f64 = 56.0;

/// What a colour says of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// This project's.
    Own,
    /// Another project's, or another way.
    Other,
    /// What the others are compared with.
    Reference,
}

impl Colour {
    fn code(self) -> &'static str {
        match self {
            Self::Own => "#c2571a",
            Self::Other => "#4a7ba6",
            Self::Reference => "#b9b9b9",
        }
    }
}

/// What a chart is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Title<'a> {
    /// What is drawn, with its unit.
    pub(crate) title: &'a str,
    /// Where and when it was measured.
    pub(crate) under: &'a str,
}

/// A document of this height, with its title, around `body`.
fn document(title: Title<'_>, height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"24\" font-size=\"17\">{}</text>\n\
         <text x=\"10\" y=\"44\" fill=\"#666\">{}</text>\n{body}</svg>\n",
        escape(title.title),
        escape(title.under),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A figure with as many digits as it is worth.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        least if least < 0.1 => format!("{value:.3}"),
        small if small < 100.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("a<b & c>"), "a&lt;b &amp; c&gt;");
    }

    #[test]
    fn figures_have_the_digits_they_are_worth() {
        assert_eq!([0.0, 0.0123, 1.234, 12_345.6].map(short), ["0", "0.012", "1.23", "12346"]);
    }
}
