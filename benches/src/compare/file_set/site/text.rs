//! Text in the manner of a site's files. In: chance, and how many octets. Out: text of that size, with as few different words, and
//! as much markup, as such files have.

use std::fmt::Write;

use selvedge_runtime::sim::Dice;

/// Words there are; that of rank r comes with a weight that falls as in a language.
const WORDS: u64 = 1_500;
const SYLLABLES: [&str; 24] = [
    "an", "ber", "con", "den", "er", "fal", "gra", "hin", "in", "ker", "lo", "mar", "ne", "or", "pre", "qua",
    "ri", "sta", "ter", "un", "ver", "wil", "ex", "tion",
];
const NAMES: [&str; 12] = [
    "item", "value", "index", "node", "list", "state", "options", "result", "target", "event", "width",
    "count",
];

pub(super) fn page(dice: &mut Dice, bytes: usize) -> Vec<u8> {
    let begin = "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"></head>\n<body>\n";
    fill(begin.to_owned(), bytes, |text| {
        let (level, class) = (dice.within(1..=4), NAMES[dice.below(12) as usize]);
        let _ = writeln!(
            text,
            "<section class=\"{class} column-{level}\">\n  <h{level}>{}</h{level}>",
            words(dice, 4)
        );
        for _ in 0..dice.within(1..=3) {
            let _ = writeln!(text, "  <p>{}.</p>", words(dice, 40));
        }
        let _ = writeln!(
            text,
            "  <a class=\"link\" href=\"/{}.html\">{}</a>\n</section>",
            word(dice),
            words(dice, 2)
        );
    })
}

pub(super) fn style(dice: &mut Dice, bytes: usize) -> Vec<u8> {
    const PROPERTIES: [&str; 8] = [
        "margin",
        "padding",
        "width",
        "height",
        "font-size",
        "line-height",
        "border-radius",
        "letter-spacing",
    ];
    fill(String::new(), bytes, |text| {
        let _ = writeln!(text, ".{} .{}:hover {{", word(dice), NAMES[dice.below(12) as usize]);
        for _ in 0..dice.within(2..=5) {
            let _ = writeln!(text, "  {}: {}px;", dice.pick(&PROPERTIES), dice.below(64));
        }
        let _ = writeln!(text, "  color: #{:06x};\n}}", dice.below(1 << 24));
    })
}

pub(super) fn program(dice: &mut Dice, bytes: usize) -> Vec<u8> {
    fill(String::from("'use strict';\n"), bytes, |text| {
        let (one, other) = (*dice.pick(&NAMES), *dice.pick(&NAMES));
        let _ = writeln!(text, "export function {}{}({one}, {other}) {{", word(dice), word(dice));
        for _ in 0..dice.within(2..=6) {
            let _ = match dice.below(3) {
                0 => writeln!(
                    text,
                    "  const {} = {one}.{}({other}, {});",
                    word(dice),
                    word(dice),
                    dice.below(100)
                ),
                1 => writeln!(text, "  if ({one}.{} === '{}') return {other};", word(dice), word(dice)),
                _ => writeln!(text, "  this.{}.push({{ {one}: {other}.{} }});", word(dice), word(dice)),
            };
        }
        text.push_str("}\n");
    })
}

pub(super) fn drawing(dice: &mut Dice, bytes: usize) -> Vec<u8> {
    let begin = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 600\">\n";
    fill(begin.to_owned(), bytes, |text| {
        let _ = write!(
            text,
            "<path fill=\"none\" stroke=\"#333\" stroke-width=\"2\" d=\"M{} {}",
            dice.below(800),
            dice.below(600)
        );
        for _ in 0..dice.within(4..=24) {
            let _ = write!(text, " l{}.{} {}", dice.below(20), dice.below(10), dice.below(20));
        }
        text.push_str("\"/>\n");
    })
}

pub(super) fn data(dice: &mut Dice, bytes: usize) -> Vec<u8> {
    let mut number = 0;
    fill(String::from("[\n"), bytes, |text| {
        number += 1;
        let (title, summary, day) = (words(dice, 3), words(dice, 12), dice.within(10..=28));
        let _ = writeln!(
            text,
            "{{\"id\":{number},\"title\":\"{title}\",\"summary\":\"{summary}\",\"date\":\"2026-03-{day}\",\"views\":{}}},",
            dice.below(10_000)
        );
    })
}

/// Adds parts until there is enough, and cuts.
fn fill(mut text: String, bytes: usize, mut add: impl FnMut(&mut String)) -> Vec<u8> {
    while text.len() < bytes {
        add(&mut text);
    }
    text.truncate(bytes);
    text.into_bytes()
}

fn words(dice: &mut Dice, count: usize) -> String {
    let words: Vec<String> = (0..count).map(|_| word(dice)).collect();
    words.join(" ")
}

/// A word: the smaller of three ranks, so that some are frequent.
fn word(dice: &mut Dice) -> String {
    let rank = (0..3).map(|_| dice.below(WORDS)).min().unwrap_or(0);
    // The rank alone decides what the word is.
    let mut letters = Dice::new(rank);
    (0..letters.within(1..=3)).map(|_| *letters.pick(&SYLLABLES)).collect()
}
