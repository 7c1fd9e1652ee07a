//! `accept_language`: the tags to try, held against a slow lookup of RFC 4647.

use super::choices::Choices;
use crate::negotiation::LanguagePriorities;
use crate::negotiation::language::{TAG_BYTES_MAX, TAGS_MAX};

/// Reads the octets, one line of the field each, and a field composed of them: the tags are those of a slow lookup, few,
/// different and harmless in a file's name, and the same however the list is divided into lines.
pub fn accept_language(bytes: &[u8]) {
    let lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    check(&lines);

    let mut choices = Choices::new(bytes);
    let elements: Vec<String> = (0..choices.below(20)).map(|_| choose_element(&mut choices)).collect();
    let lines = choices.list_lines(&elements);
    let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
    check(&lines);
}

fn choose_element(choices: &mut Choices<'_>) -> String {
    let mut tag = choices.pick(&["ja", "en", "zh", "de", "i", "*", "abcdefghi", "d_e"]).to_owned();
    for _ in 0..choices.below(4) {
        tag.push('-');
        tag.push_str(choices.pick(&["US", "Hant", "x", "1", "private1", "", "a", "CH-1996-verylong"]));
    }
    let tag = choices.recase(&tag);
    let weight = choices.pick(&["", ";q=1", ";q=0", ";q=0.5", ";q=0.50", ";q=0.9", "; Q=0.001", ";q=x"]);
    format!("{tag}{weight}")
}

fn check(lines: &[&[u8]]) {
    let priorities = LanguagePriorities::parse(lines.iter().copied());
    let tags: Vec<&[u8]> = priorities.tags().collect();
    assert!(tags.len() <= TAGS_MAX);
    for (index, tag) in tags.iter().enumerate() {
        assert!((1..=TAG_BYTES_MAX).contains(&tag.len()));
        assert!(tag.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        assert!(!tags[..index].iter().any(|before| before.eq_ignore_ascii_case(tag)));
    }
    let lower: Vec<String> =
        tags.iter().map(|tag| String::from_utf8_lossy(tag).to_ascii_lowercase()).collect();
    assert_eq!(lower, slow_tags(lines));

    // Only the last one is there; a tag has no underscore.
    let expected = lower.last().map(|_| 1);
    assert_eq!(priorities.choose(&["_", lower.last().map_or("__", String::as_str)]), expected);
    let joined = lines.join(&b',');
    assert!(LanguagePriorities::parse([&joined[..]]).tags().eq(tags), "as one line");
}

/// The lookup with lists of text, in lower case: read, order, expand, and cross out.
fn slow_tags(lines: &[&[u8]]) -> Vec<String> {
    let text = lines.iter().map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join(",");
    let mut ranges: Vec<(String, u16)> = text
        .split(',')
        .map(|element| element.trim_matches([' ', '\t']))
        .filter(|element| !element.is_empty())
        .take(16)
        .map(|element| {
            let mut parts = element.split(';').map(|part| part.trim_matches([' ', '\t']));
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            (name, super::accept_encoding::slow_weight_of(parts))
        })
        .collect();
    let others = ranges.iter().filter(|range| range.0 == "*").map(|range| range.1).max().unwrap_or(0);
    ranges.retain(|range| is_slow_range(&range.0));
    let refused: Vec<String> =
        ranges.iter().filter(|range| range.1 == 0 || range.1 < others).map(|range| range.0.clone()).collect();
    ranges.retain(|range| range.1 > 0 && range.1 >= others);
    ranges.sort_by_key(|range| std::cmp::Reverse(range.1));

    let mut tags = Vec::new();
    for (range, _) in ranges {
        let mut subtags: Vec<&str> = range.split('-').collect();
        while !subtags.is_empty() {
            let tag = subtags.join("-");
            if !tags.contains(&tag) && !refused.contains(&tag) {
                tags.push(tag);
            }
            subtags.pop();
            if subtags.len() > 1 && subtags.last().is_some_and(|subtag| subtag.len() == 1) {
                subtags.pop();
            }
        }
    }
    tags.truncate(TAGS_MAX);
    tags
}

fn is_slow_range(range: &str) -> bool {
    let mut subtags = range.split('-');
    let is_part =
        |part: &str| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric());
    range.len() <= TAG_BYTES_MAX
        && subtags
            .next()
            .is_some_and(|first| is_part(first) && first.chars().all(|c| c.is_ascii_alphabetic()))
        && subtags.all(is_part)
}
