//! Weights (RFC 9110 section 12.4.2), and the lists of weighted elements that the Accept fields are.

use memchr::{memchr, memchr2};

use crate::syntax::trim_ows;

/// How much something is wanted, in thousandths: 0 is "not acceptable", 1,000 the most.
///
/// ```
/// use selvedge_http::negotiation::Weight;
///
/// let half = Weight::parse(b"0.5");
/// assert_eq!(half.thousandths(), 500);
/// assert!(half.is_acceptable() && half < Weight::ONE);
/// assert!(!Weight::parse(b"0.000").is_acceptable());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u16);

impl Weight {
    /// Not acceptable.
    pub const ZERO: Weight = Weight(0);
    /// The least that is still acceptable.
    pub const LEAST: Weight = Weight(1);
    /// Of what carries no weight, the most.
    pub const ONE: Weight = Weight(1000);

    /// The weight in thousandths, at most 1,000.
    pub fn thousandths(self) -> u16 {
        self.0
    }

    /// Whether it is more than 0.
    pub fn is_acceptable(self) -> bool {
        self != Weight::ZERO
    }

    /// Reads the number after `q=`. RFC 9110 allows 0 to 1 with three decimals; what goes beyond that is read for what
    /// it means: `.5` is a half, decimals after the third are dropped, above 1 is 1. What is no number at all counts as
    /// if no weight were there, which is what Caddy and static-web-server do with it.
    pub fn parse(number: &[u8]) -> Self {
        let (whole, decimals) = match memchr(b'.', number) {
            Some(point) => (&number[..point], &number[point + 1..]),
            None => (number, &[][..]),
        };
        let has_digits = !(whole.is_empty() && decimals.is_empty());
        if !has_digits || !whole.iter().chain(decimals).all(u8::is_ascii_digit) {
            return Weight::ONE;
        }
        if whole.iter().any(|&digit| digit != b'0') {
            return Weight::ONE;
        }
        let decimal = |place: usize| u16::from(decimals.get(place).map_or(0, |digit| digit - b'0'));
        Weight(decimal(0) * 100 + decimal(1) * 10 + decimal(2))
    }
}

/// What may stand between the commas of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grammar {
    /// Tokens only: Accept-Encoding, Accept-Language.
    Tokens,
    /// Quoted strings too, in which commas and semicolons separate nothing: Accept.
    QuotedStrings,
}

impl Grammar {
    /// Splits at the first `separator`; `None` after it if there is none. A quoted string without an end takes the
    /// rest.
    fn split(self, bytes: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
        let found = match self {
            Grammar::Tokens => memchr(separator, bytes),
            Grammar::QuotedStrings => find_outside_quotes(bytes, separator),
        };
        match found {
            Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
            None => (bytes, None),
        }
    }
}

fn find_outside_quotes(bytes: &[u8], separator: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr2(separator, b'"', &bytes[at..])?;
        if bytes[at] == separator {
            return Some(at);
        }
        at += 1 + quoted_len(&bytes[at + 1..])?;
    }
}

/// Octets up to and with the closing quote of a quoted string whose opening one came before (RFC 9110 section 5.6.4).
fn quoted_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', &bytes[at..])?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        // A backslash and the octet it quotes.
        at = (at + 2).min(bytes.len());
    }
}

/// One element of a list: `name *( OWS ";" OWS parameter )`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'b> {
    /// Without the whitespace around it. It may be anything, empty as well.
    pub(super) name: &'b [u8],
    parameters: &'b [u8],
    grammar: Grammar,
}

impl Element<'_> {
    /// The first parameter called `q`. Whitespace around the equals sign, which the grammar lacks, leaves no doubt
    /// about what is meant.
    pub(super) fn weight(&self) -> Weight {
        let mut rest = Some(self.parameters);
        while let Some(parameters) = rest {
            let (parameter, after) = self.grammar.split(parameters, b';');
            if let Some(equals) = memchr(b'=', parameter)
                && trim_ows(&parameter[..equals]).eq_ignore_ascii_case(b"q")
            {
                return Weight::parse(trim_ows(&parameter[equals + 1..]));
            }
            rest = after;
        }
        Weight::ONE
    }
}

/// The elements of a field's list over all its lines, the empty ones left out (RFC 9110 section 5.6.1.2).
#[derive(Clone, Debug)]
pub(super) struct Elements<'b, I> {
    lines: I,
    /// What is left of the line being walked.
    rest: Option<&'b [u8]>,
    grammar: Grammar,
}

impl<'b, I: Iterator<Item = &'b [u8]>> Elements<'b, I> {
    pub(super) fn new(lines: I, grammar: Grammar) -> Self {
        Elements { lines, rest: None, grammar }
    }
}

impl<'b, I: Iterator<Item = &'b [u8]>> Iterator for Elements<'b, I> {
    type Item = Element<'b>;

    fn next(&mut self) -> Option<Element<'b>> {
        loop {
            let line = match self.rest.take() {
                Some(rest) => rest,
                None => self.lines.next()?,
            };
            let (element, after) = self.grammar.split(line, b',');
            self.rest = after;
            let element = trim_ows(element);
            if !element.is_empty() {
                let (name, parameters) = self.grammar.split(element, b';');
                let parameters = parameters.unwrap_or(b"");
                return Some(Element { name: trim_ows(name), parameters, grammar: self.grammar });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn elements(lines: &[&'static str], grammar: Grammar) -> Vec<(&'static str, u16)> {
        let lines = lines.iter().map(|line| line.as_bytes());
        Elements::new(lines, grammar)
            .map(|element| (str::from_utf8(element.name).unwrap(), element.weight().thousandths()))
            .collect()
    }

    #[test]
    fn weights_have_three_decimals() {
        for (number, thousandths) in [
            ("0", 0),
            ("0.", 0),
            ("0.0", 0),
            ("0.000", 0),
            ("0.001", 1),
            ("0.01", 10),
            ("0.5", 500),
            ("0.50", 500),
            ("0.999", 999),
            ("1", 1000),
            ("1.", 1000),
            ("1.000", 1000),
        ] {
            assert_eq!(Weight::parse(number.as_bytes()).thousandths(), thousandths, "{number}");
        }
    }

    #[test]
    fn weights_beyond_the_grammar_are_read_for_what_they_mean() {
        for (number, thousandths) in [
            (".5", 500),
            (".", 1000),
            ("", 1000),
            ("00.5", 500),
            ("0.0000", 0),
            ("0.12345", 123),
            ("1.5", 1000),
            ("2", 1000),
            ("100000000000000000000", 1000),
            ("-1", 1000),
            ("-0", 1000),
            ("0x", 1000),
            ("1e-3", 1000),
            ("0.5.5", 1000),
            ("\"0\"", 1000),
            ("nan", 1000),
        ] {
            assert_eq!(Weight::parse(number.as_bytes()).thousandths(), thousandths, "{number}");
        }
    }

    #[test]
    fn lists_are_walked_over_lines_empty_elements_and_whitespace() {
        for lines in [
            &["a, b;q=0.5,c"][..],
            &[" a ,\tb ; q=0.5 ,\t, c ,"],
            &[",,a,b;Q=0.5,,c"],
            &["a", "", "b ;q = 0.5", ", ,c"],
            &["a,b;x=1;q=0.5;q=0,c;q"],
        ] {
            assert_eq!(elements(lines, Grammar::Tokens), [("a", 1000), ("b", 500), ("c", 1000)], "{lines:?}");
        }
        assert_eq!(elements(&[], Grammar::Tokens), []);
        assert_eq!(elements(&["", " ", ",\t,"], Grammar::Tokens), []);
        assert_eq!(elements(&[";q=0"], Grammar::Tokens), [("", 0)]);
    }

    #[test]
    fn quoted_strings_hide_separators_where_the_field_has_them() {
        let line = r#"a;x="1,\";q=0,";q=0.5, b;y="c"#;
        assert_eq!(elements(&[line, "d"], Grammar::QuotedStrings), [("a", 500), ("b", 1000), ("d", 1000)]);
        assert_eq!(elements(&[r#"a;x="\"#, "d"], Grammar::QuotedStrings), [("a", 1000), ("d", 1000)]);
        assert_eq!(
            elements(&[r#"a;x="1,b"#], Grammar::Tokens),
            [("a", 1000), ("b", 1000)],
            "a quote is an octet like others"
        );
    }

    /// Splits octet by octet, with the state that RFC 9110 section 5.6.4 gives each.
    fn slow_split(text: &str, separator: char) -> Vec<String> {
        let mut parts = vec![String::new()];
        let (mut is_quoted, mut is_escaped) = (false, false);
        for letter in text.chars() {
            if letter == separator && !is_quoted {
                parts.push(String::new());
                continue;
            }
            (is_quoted, is_escaped) = match letter {
                _ if is_escaped => (true, false),
                '\\' if is_quoted => (true, true),
                '"' => (!is_quoted, false),
                _ => (is_quoted, false),
            };
            parts.last_mut().unwrap().push(letter);
        }
        parts
    }

    proptest! {
        #[test]
        fn lists_of_quoted_strings_are_split_as_octet_by_octet(line in "([a-c]|[,;]|\"|\\\\| |q=0){0,24}") {
            let expected: Vec<(String, u16)> = slow_split(&line, ',')
                .iter()
                .map(|element| element.trim_matches(' '))
                .filter(|element| !element.is_empty())
                .map(|element| {
                    let parts = slow_split(element, ';');
                    let is_zero = parts[1..].iter().any(|part| part.trim_matches(' ').starts_with("q=0"));
                    (parts[0].trim_matches(' ').to_owned(), if is_zero { 0 } else { 1000 })
                })
                .collect();
            let found: Vec<(String, u16)> = Elements::new([line.as_bytes()].into_iter(), Grammar::QuotedStrings)
                .map(|element| (String::from_utf8(element.name.to_vec()).unwrap(), element.weight().thousandths()))
                .collect();
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert_eq!(&found.0, &expected.0);
                // What follows the digit may make it no number, which counts as 1.
                prop_assert!(found.1 == expected.1 || expected.1 == 0);
            }
        }
    }
}
