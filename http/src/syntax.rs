//! Classes of octets used by more than one grammar (RFC 9110 section 5.6, RFC 3986).

const TOKEN: u8 = 1;
const VALUE: u8 = 1 << 1;
const TARGET: u8 = 1 << 2;
const REG_NAME: u8 = 1 << 3;

static CLASSES: [u8; 256] = classes();

/// `tchar` of RFC 9110 section 5.6.2: what methods and field names are made of.
#[inline]
pub(crate) fn is_token(byte: u8) -> bool {
    CLASSES[byte as usize] & TOKEN != 0
}

/// An octet that may stand in a field value (RFC 9110 section 5.5): HTAB, SP, VCHAR, obs-text.
#[inline]
pub(crate) fn is_field_value(byte: u8) -> bool {
    CLASSES[byte as usize] & VALUE != 0
}

/// An octet accepted in a request target. Wider than RFC 3986, because browsers send `|`, `^`, `{`, `[` and `\` as they
/// are; narrower than what servers used to take: no `#`, `"`, `<`, `>`, no control, no octet from 0x80 up.
#[inline]
pub(crate) fn is_target(byte: u8) -> bool {
    CLASSES[byte as usize] & TARGET != 0
}

/// `unreserved` or `sub-delims` of RFC 3986: a `reg-name` without its percent-encoded octets.
#[inline]
pub(crate) fn is_reg_name(byte: u8) -> bool {
    CLASSES[byte as usize] & REG_NAME != 0
}

/// The value of one hexadecimal digit.
#[inline]
pub(crate) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Cuts optional whitespace (OWS, RFC 9110 section 5.6.3) from both ends.
#[inline]
pub(crate) fn trim_ows(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Parses `1*DIGIT`. `None`: empty, another octet (signs and spaces too), or more than fits.
#[inline]
pub(crate) fn parse_digits(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0u64, |number, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Whether eight octets are a target's and no question marks; some that are may be refused.
#[inline]
pub(crate) fn is_target_word(word: u64) -> bool {
    let others = octets_equal(word | eight(1), b'#') // and the quotation mark
        | octets_equal(word | eight(3), b'?') // and `<`, `=`, `>`
        | octets_equal(word, 0x7f)
        | (word & eight(0x80));
    others == 0 && octets_from(word, 0x21) == eight(0x80)
}

/// Whether each octet may stand in a field's value.
#[inline]
pub(crate) fn is_field_text(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks();
    let is_text = |octets: &[u8; 8]| {
        let word = u64::from_ne_bytes(*octets);
        let is_printable = octets_from(word, b' ') == eight(0x80) && octets_equal(word, 0x7f) == 0;
        // It may hold a tab.
        is_printable || octets.iter().all(|&byte| is_field_value(byte))
    };
    words.iter().all(is_text) && rest.iter().all(|&byte| is_field_value(byte))
}

/// A word of eight times the same octet.
const fn eight(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The highest bit of each octet of `word` that is `byte`, and no other bit.
#[inline]
pub(crate) const fn octets_equal(word: u64, byte: u8) -> u64 {
    let differing = word ^ eight(byte);
    // The sum has the highest bit of those that have a lower one; no octet of it carries into the next.
    !(((differing & eight(0x7f)) + eight(0x7f)) | differing | eight(0x7f))
}

/// The highest bit of each octet that is `least` or more, at most 0x80, and no other bit.
#[inline]
const fn octets_from(word: u64, least: u8) -> u64 {
    (((word & eight(0x7f)) + eight(0x80 - least)) | word) & eight(0x80)
}

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let byte = index as u8;
        let alphanumeric = byte.is_ascii_alphanumeric();
        if alphanumeric || contains(b"!#$%&'*+-.^_`|~", byte) {
            table[index] |= TOKEN;
        }
        if byte == b'\t' || byte >= b' ' && byte != 0x7f {
            table[index] |= VALUE;
        }
        if byte > b' ' && byte < 0x7f && !contains(b"#\"<>", byte) {
            table[index] |= TARGET;
        }
        if alphanumeric || contains(b"-._~!$&'()*+,;=", byte) {
            table[index] |= REG_NAME;
        }
        index += 1;
    }
    table
}

const fn contains(set: &[u8], byte: u8) -> bool {
    let mut index = 0;
    while index < set.len() {
        if set[index] == byte {
            return true;
        }
        index += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_refuse_signs_spaces_and_overflow() {
        assert_eq!(parse_digits(b"0"), Some(0));
        assert_eq!(parse_digits(b"18446744073709551615"), Some(u64::MAX));
        for refused in [&b""[..], b"18446744073709551616", b"+1", b"-1", b" 1", b"1 ", b"0x1", b"1_0", b"1,1"]
        {
            assert_eq!(parse_digits(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn a_text_of_a_field_is_told_by_words_as_by_octets() {
        for index in 0..11 {
            for byte in 0..=255 {
                let mut text = *b"one and two";
                text[index] = byte;
                assert_eq!(is_field_text(&text), is_field_value(byte), "{byte:#04x}");
            }
        }
    }

    #[test]
    fn words_of_a_target_hold_nothing_else() {
        for index in 0..8 {
            for byte in 0..=255 {
                let mut octets = *b"/a-b.txt";
                octets[index] = byte;
                let expected = is_target(byte) && !b"?=".contains(&byte);
                assert_eq!(is_target_word(u64::from_ne_bytes(octets)), expected, "{byte:#04x}");
            }
        }
    }

    #[test]
    fn equal_octets_are_found_whatever_stands_beside_them() {
        for byte in 0..=255_u8 {
            for other in 0..=255 {
                let octets = [other, byte, !byte, byte, 0, 255, other, byte];
                let expected = octets.map(|octet| if octet == byte { 0x80 } else { 0 });
                let found = octets_equal(u64::from_ne_bytes(octets), byte);
                assert_eq!(found.to_ne_bytes(), expected, "{byte:#04x} beside {other:#04x}");
            }
        }
    }

    #[test]
    fn whitespace_is_cut_at_both_ends_only() {
        assert_eq!(trim_ows(b" \ta b\t "), b"a b");
        assert_eq!(trim_ows(b" \t "), b"");
    }

    #[test]
    fn targets_exclude_what_could_end_or_split_them() {
        for byte in 0..=255u8 {
            let refused = byte <= b' ' || byte >= 0x7f || b"#\"<>".contains(&byte);
            assert_eq!(is_target(byte), !refused, "{byte:#04x}");
        }
    }
}
