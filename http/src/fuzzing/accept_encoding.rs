//! `accept_encoding`: the choice of a content coding, held against a slow reading of the same field.

use super::choices::Choices;
use crate::negotiation::{Acceptable, Coding, CodingSet};

/// Reads the octets, one line of the field each, and a field composed of them: every weight is what a slow reading says,
/// the choice has the highest weight of what is there, and neither depends on how the list is divided into lines.
pub fn accept_encoding(bytes: &[u8]) {
    let lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    check(&lines, slow_weights(&lines));

    let mut choices = Choices::new(bytes);
    let elements: Vec<(&str, Option<u16>)> =
        (0..choices.below(8)).map(|_| (choices.pick(&NAMES), choose_weight(&mut choices))).collect();
    let texts: Vec<String> =
        elements.iter().map(|&(name, weight)| write(&mut choices, name, weight)).collect();
    let lines = choices.list_lines(&texts);
    let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
    let named = |name: &str| {
        elements.iter().filter(|element| element.0 == name).map(|element| element.1.unwrap_or(1000)).min()
    };
    check(&lines, weights_by(named));
}

const CODINGS: usize = Coding::BY_PREFERENCE.len();

const NAMES: [&str; 7] = ["gzip", "x-gzip", "br", "zstd", "identity", "*", "deflate"];

fn choose_weight(choices: &mut Choices<'_>) -> Option<u16> {
    match choices.below(4) {
        0 => None,
        1 => Some(0),
        2 => Some(1000),
        _ => Some((choices.below(256) * 4).min(1000) as u16),
    }
}

/// An element in one of the spellings of its weight.
fn write(choices: &mut Choices<'_>, name: &str, weight: Option<u16>) -> String {
    let name = choices.recase(name);
    let Some(weight) = weight else { return name };
    let (before, after, q) = (choices.whitespace(), choices.whitespace(), choices.pick(&["q", "Q"]));
    let mut number = format!("{}.{:03}", weight / 1000, weight % 1000);
    while choices.one_in(2) && number.ends_with(['0', '.']) && number.len() > 1 {
        number.pop();
    }
    format!("{name}{before};{after}{q}={number}")
}

/// Holds the reading of `lines` against `expected`, the weight of each coding of [`Coding::BY_PREFERENCE`].
fn check(lines: &[&[u8]], expected: [u16; CODINGS]) {
    let acceptable = Acceptable::parse(lines.iter().copied());
    assert_eq!(Coding::BY_PREFERENCE.map(|coding| acceptable.weight(coding).thousandths()), expected);
    for bits in 0..1 << CODINGS {
        let there = (0..CODINGS).filter(|index| bits >> index & 1 == 1);
        let available: CodingSet = there.clone().map(|index| Coding::BY_PREFERENCE[index]).collect();
        // The greatest weight, and the first of those that have it.
        let best = there.rev().max_by_key(|&index| expected[index]).filter(|&index| expected[index] > 0);
        assert_eq!(acceptable.choose(available), best.map(|index| Coding::BY_PREFERENCE[index]));
    }

    let joined = lines.join(&b',');
    assert_eq!(Acceptable::parse([&joined[..]]), acceptable, "as one line");
    let elements = joined.split(|&byte| byte == b',');
    assert_eq!(Acceptable::parse(elements), acceptable, "as a line for each element");
}

/// The weight of each coding, where `named` is the lowest weight that a name has in the list.
fn weights_by(named: impl Fn(&str) -> Option<u16>) -> [u16; CODINGS] {
    Coding::BY_PREFERENCE.map(|coding| {
        let own = match coding {
            Coding::Gzip => [named("gzip"), named("x-gzip")].into_iter().flatten().min(),
            Coding::Brotli => named("br"),
            Coding::Zstd => named("zstd"),
            Coding::Identity => named("identity"),
        };
        let otherwise = if coding == Coding::Identity { 1 } else { 0 };
        own.or(named("*")).unwrap_or(otherwise)
    })
}

/// The weights by splitting text, with a copy of everything.
fn slow_weights(lines: &[&[u8]]) -> [u16; CODINGS] {
    let text = lines.iter().map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join(",");
    let elements: Vec<(String, u16)> = text
        .split(',')
        .map(|element| {
            let mut parts = element.split(';').map(|part| part.trim_matches([' ', '\t']));
            (parts.next().unwrap_or_default().to_ascii_lowercase(), slow_weight_of(parts))
        })
        .collect();
    weights_by(|name| elements.iter().filter(|element| element.0 == name).map(|element| element.1).min())
}

/// The weight of an element whose parameters are `parts`.
pub(super) fn slow_weight_of<'t>(parts: impl Iterator<Item = &'t str>) -> u16 {
    let mut weights = parts
        .filter_map(|part| part.split_once('='))
        .map(|(key, value)| (key.trim_matches([' ', '\t']), value.trim_matches([' ', '\t'])))
        .filter(|(key, _)| key.eq_ignore_ascii_case("q"));
    weights.next().map_or(1000, |(_, number)| slow_number(number))
}

fn slow_number(number: &str) -> u16 {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{decimals}");
    if digits.is_empty() || digits.contains(|letter: char| !letter.is_ascii_digit()) {
        return 1000;
    }
    if whole.contains(|digit| digit != '0') {
        return 1000;
    }
    format!("{decimals:0<3}")[..3].parse().expect("three digits")
}
