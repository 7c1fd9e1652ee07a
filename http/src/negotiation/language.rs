//! Accept-Language (RFC 9110 section 12.5.4): which languages to look for, in which order, by the lookup of RFC 4647
//! section 3.4. For files that exist in several languages, such as `index.html.ja`.

use super::quality::{Elements, Grammar, Weight};
use crate::h1::RequestHead;

/// Ranges that are read of a field; later ones are skipped. Browsers send one for each language of their settings.
const RANGES_MAX: usize = 16;

/// Tags that are tried for one request, since each may cost a look at the disk.
pub const TAGS_MAX: usize = 8;

/// Octets of a range; longer ones are skipped. RFC 5646 section 4.4.1 finds room for every sensible tag in 35.
pub const TAG_BYTES_MAX: usize = 35;

/// What an Accept-Language field says: language ranges, the one wanted most first.
///
/// ```
/// use selvedge_http::negotiation::LanguagePriorities;
///
/// let wanted = LanguagePriorities::parse([&b"ja;q=0.5, zh-Hant-TW"[..]]);
/// assert!(wanted.tags().eq([&b"zh-Hant-TW"[..], b"zh-Hant", b"zh", b"ja"]));
/// assert_eq!(wanted.choose(&["en", "ja", "zh-hant"]), Some(2));
/// assert_eq!(wanted.choose(&["en", "fr"]), None, "then the default is served");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanguagePriorities<'b> {
    /// By falling weight, among equals in the order of the field. Refused ones stand at the end.
    ranges: [Range<'b>; RANGES_MAX],
    len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range<'b> {
    /// `1*8ALPHA *( "-" 1*8alphanum )`, in the case in which it was sent.
    tag: &'b [u8],
    weight: Weight,
}

impl<'b> LanguagePriorities<'b> {
    /// What the request whose head stands in `bytes` says. A search through the head: few answers depend on it.
    ///
    /// # Panics
    /// When `bytes` is shorter than the parsed head was.
    pub fn of_request(head: &RequestHead, bytes: &'b [u8]) -> Self {
        LanguagePriorities::parse(head.values_named(bytes, "accept-language"))
    }

    /// Reads the values of all lines of the field. What is no language range of RFC 4647 section 2.1 is skipped, and so
    /// is what `*` outweighs: then any language is wanted more, the default one too. Among equals `*` comes last, as
    /// RFC 4647 section 3.4 wants it.
    pub fn parse(values: impl IntoIterator<Item = &'b [u8]>) -> Self {
        let mut priorities =
            LanguagePriorities { ranges: [Range { tag: b"", weight: Weight::ZERO }; RANGES_MAX], len: 0 };
        let mut others = Weight::ZERO;
        for element in Elements::new(values.into_iter(), Grammar::Tokens).take(RANGES_MAX) {
            match element.name {
                b"*" => others = others.max(element.weight()),
                tag if is_range(tag) => priorities.insert(Range { tag, weight: element.weight() }),
                _ => {}
            }
        }
        // Refused ranges are kept: a longer one does not fall back to them.
        for range in &mut priorities.ranges[..priorities.len] {
            if range.weight < others {
                range.weight = Weight::ZERO;
            }
        }
        priorities
    }

    fn insert(&mut self, range: Range<'b>) {
        let wanted_more =
            self.ranges[..self.len].iter().take_while(|other| other.weight >= range.weight).count();
        self.ranges.copy_within(wanted_more..self.len, wanted_more + 1);
        self.ranges[wanted_more] = range;
        self.len += 1;
    }

    /// The tags to try, in this order, at most [`TAGS_MAX`], each once; then the default language is served. Each is
    /// 1 to [`TAG_BYTES_MAX`] letters, digits and hyphens in the case in which it was sent: compare without case.
    ///
    /// A range is followed by what is left of it without its last subtag, down to its first one: `zh-Hant-TW`,
    /// `zh-Hant`, `zh`.
    pub fn tags(&self) -> impl Iterator<Item = &'b [u8]> {
        Tags { priorities: *self, index: 0, len: 0, tried: [b""; TAGS_MAX], tried_len: 0 }
    }

    /// The first of the tags that is among `available`, as the place in it. Tags are compared without case.
    pub fn choose<T: AsRef<[u8]>>(&self, available: &[T]) -> Option<usize> {
        self.tags()
            .find_map(|tag| available.iter().position(|language| language.as_ref().eq_ignore_ascii_case(tag)))
    }

    fn refuses(&self, tag: &[u8]) -> bool {
        self.ranges[..self.len]
            .iter()
            .any(|range| !range.weight.is_acceptable() && range.tag.eq_ignore_ascii_case(tag))
    }
}

/// `language-range` of RFC 4647 section 2.1, but `*`.
fn is_range(tag: &[u8]) -> bool {
    tag.len() <= TAG_BYTES_MAX
        && tag.split(|&byte| byte == b'-').enumerate().all(|(index, subtag)| {
            let is_allowed = |byte: &u8| byte.is_ascii_alphabetic() || index > 0 && byte.is_ascii_digit();
            (1..=8).contains(&subtag.len()) && subtag.iter().all(is_allowed)
        })
}

/// What is left of a range without its last subtag, and without a single letter or digit before that, which only
/// introduces what followed it (RFC 4647 section 3.4).
fn fall_back(tag: &[u8]) -> &[u8] {
    let cut = |tag: &[u8]| memchr::memrchr(b'-', tag).unwrap_or(0);
    let shorter = &tag[..cut(tag)];
    match shorter {
        [rest @ .., b'-', _] => rest,
        _ => shorter,
    }
}

/// By [`LanguagePriorities::tags`].
struct Tags<'b> {
    priorities: LanguagePriorities<'b>,
    /// The range whose turn it is.
    index: usize,
    /// Octets of the tag of this range that was looked at last; 0 at the start of a range.
    len: usize,
    tried: [&'b [u8]; TAGS_MAX],
    tried_len: usize,
}

impl<'b> Iterator for Tags<'b> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        while self.tried_len < TAGS_MAX && self.index < self.priorities.len {
            let range = self.priorities.ranges[self.index];
            if !range.weight.is_acceptable() {
                self.index += 1;
                continue;
            }
            let tag = match self.len {
                0 => range.tag,
                len => fall_back(&range.tag[..len]),
            };
            self.len = tag.len();
            if tag.is_empty() {
                self.index += 1;
                continue;
            }
            let is_tried = self.tried[..self.tried_len].iter().any(|tried| tried.eq_ignore_ascii_case(tag));
            if !is_tried && !self.priorities.refuses(tag) {
                self.tried[self.tried_len] = tag;
                self.tried_len += 1;
                return Some(tag);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_support::parse_head;

    fn parse<'b>(lines: &[&'b str]) -> LanguagePriorities<'b> {
        LanguagePriorities::parse(lines.iter().map(|line| line.as_bytes()))
    }

    fn tags<'b>(lines: &[&'b str]) -> Vec<&'b str> {
        parse(lines).tags().map(|tag| str::from_utf8(tag).unwrap()).collect()
    }

    #[test]
    fn what_clients_send() {
        for (client, line, expected) in [
            ("Chrome", "ja,en-US;q=0.9,en;q=0.8", &["ja", "en-US", "en"][..]),
            ("Firefox", "en-US,en;q=0.5", &["en-US", "en"]),
            ("Safari", "ja-JP", &["ja-JP", "ja"]),
            ("the RFC", "da, en-gb;q=0.8, en;q=0.7", &["da", "en-gb", "en"]),
            ("MDN", "fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", &["fr-CH", "fr", "en", "de"]),
            ("nobody", "", &[]),
        ] {
            assert_eq!(tags(&[line]), expected, "{client}");
        }
        assert_eq!(tags(&[]), [""; 0]);
    }

    #[test]
    fn ranges_fall_back_by_subtags_and_past_single_letters() {
        assert_eq!(
            tags(&["zh-Hant-CN-x-private1-private2"]),
            ["zh-Hant-CN-x-private1-private2", "zh-Hant-CN-x-private1", "zh-Hant-CN", "zh-Hant", "zh"]
        );
        assert_eq!(tags(&["x-klingon"]), ["x-klingon", "x"]);
        assert_eq!(tags(&["i-a-b"]), ["i-a-b", "i"]);
    }

    #[test]
    fn weights_order_and_ties_keep_the_fields_order() {
        assert_eq!(tags(&["en;q=0.5, ja, de;q=0.5, fr;q=0.9"]), ["ja", "fr", "en", "de"]);
        assert_eq!(tags(&["en;q=0.5", "ja,, de;q=0.5", "fr;q=0.9"]), ["ja", "fr", "en", "de"]);
    }

    #[test]
    fn tag_is_tried_once_and_never_when_refused() {
        assert_eq!(tags(&["en-US, EN-GB, en"]), ["en-US", "en", "EN-GB"]);
        assert_eq!(tags(&["en-US, en;q=0, ja;q=0.1"]), ["en-US", "ja"]);
        assert_eq!(tags(&["en;q=0"]), [""; 0]);
    }

    #[test]
    fn asterisk_ends_it_after_its_equals() {
        assert_eq!(tags(&["*"]), [""; 0]);
        assert_eq!(tags(&["ja, *;q=0.5, en;q=0.3"]), ["ja"]);
        assert_eq!(tags(&["*, en"]), ["en"]);
        assert_eq!(tags(&["en;q=0.5, *"]), [""; 0]);
        assert_eq!(tags(&["ja, *;q=0"]), ["ja"]);
    }

    #[test]
    fn what_is_no_range_is_skipped() {
        for other in ["", "-", "ja-", "-ja", "j_a", "12", "ja-*", "*-CH", "abcdefghi", "../x", "ja/..", "é"]
        {
            assert_eq!(tags(&[other, "de"]), ["de"], "{other}");
        }
        assert_eq!(tags(&[&format!("a{}", "-b".repeat(17))]).len(), TAGS_MAX);
        assert_eq!(tags(&[&format!("a{}", "-b".repeat(18))]), [""; 0], "longer than {TAG_BYTES_MAX} octets");
    }

    #[test]
    fn ranges_and_tags_are_bounded() {
        let many: Vec<String> = ('a'..='z').map(|letter| format!("{letter}{letter}-XX")).collect();
        let line = many.join(",");
        assert_eq!(tags(&[&line]), ["aa-XX", "aa", "bb-XX", "bb", "cc-XX", "cc", "dd-XX", "dd"]);
        let weighted = format!("{};q=0.1, zz", many[..RANGES_MAX - 1].join(";q=0.1,"));
        assert_eq!(tags(&[&weighted])[0], "zz", "the last range that is read");
        assert_eq!(tags(&[&format!("de;q=0.1,{weighted}")])[0], "de", "one more is not read");
    }

    #[test]
    fn choice_is_the_first_that_is_there() {
        let available = ["en", "ja", "zh-Hant"];
        for (line, expected) in [
            ("ja-JP, en;q=0.9", Some(1)),
            ("de, EN-us;q=0.1", Some(0)),
            ("zh-hant-TW", Some(2)),
            ("zh", None),
            ("de, *", None),
        ] {
            assert_eq!(parse(&[line]).choose(&available), expected, "{line}");
        }
    }

    #[test]
    fn field_is_read_from_a_request() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nAccept-Language: de;q=0.5\r\nACCEPT-LANGUAGE: ja\r\n\r\n";
        let head = parse_head(text.as_bytes()).unwrap();
        let priorities = LanguagePriorities::of_request(&head, text.as_bytes());
        assert!(priorities.tags().eq([&b"ja"[..], b"de"]));
    }

    proptest! {
        #[test]
        fn tags_are_few_different_and_harmless_in_a_file_name(line in "([a-z]{1,3}|-|,|;q=0|\\.[0-9]|[*./ é]){0,40}") {
            let tags = tags(&[&line]);
            prop_assert!(tags.len() <= TAGS_MAX);
            for (index, tag) in tags.iter().enumerate() {
                prop_assert!(!tag.is_empty() && tag.len() <= TAG_BYTES_MAX);
                prop_assert!(tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
                prop_assert!(!tags[..index].contains(tag));
            }
        }

        #[test]
        fn several_lines_are_as_one(lines in prop::collection::vec("([a-z]{1,3}|-|;q=0|\\.[0-9]|[*, ]){0,12}", 1..5)) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let joined = lines.join(",");
            prop_assert_eq!(tags(&lines), tags(&[&joined]));
        }
    }
}
