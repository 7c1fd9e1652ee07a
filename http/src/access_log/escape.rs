//! What a client sent, as a part of a line that it cannot end or forge. In: octets. Out: text of a bounded length.

/// Stands at the end of what was cut.
const CUT: &[u8] = b"...";

const HEX_UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// Appends `value` as nginx does: quotes, backslashes, control octets and those from 0x7f on as `\xHH`. At most `bytes_max`
/// octets, at least three.
pub(super) fn push_text(line: &mut Vec<u8>, value: &[u8], bytes_max: usize) {
    let mut room = Room::new(bytes_max);
    let mut rest = value;
    while !rest.is_empty() {
        let (plain, after) = rest.split_at(plain_octets(rest, |byte| byte < 0x7f));
        if !room.push(line, plain) {
            return;
        }
        rest = after;
        if let [byte, after @ ..] = rest {
            let [high, low] = hex(*byte);
            if !room.push_whole(line, &[b'\\', b'x', high, low]) {
                return;
            }
            rest = after;
        }
    }
}

/// Appends `value` as the inside of a JSON string (RFC 8259 section 7). What is not UTF-8 is replaced by U+FFFD. At most
/// `bytes_max` octets, at least three.
pub(super) fn push_json(line: &mut Vec<u8>, value: &[u8], bytes_max: usize) {
    let mut room = Room::new(bytes_max);
    for chunk in value.utf8_chunks() {
        let mut rest = chunk.valid();
        while !rest.is_empty() {
            let (plain, after) = rest.split_at(plain_octets(rest.as_bytes(), |byte| byte != 0x7f));
            if !room.push_str(line, plain) {
                return;
            }
            rest = after;
            if let Some(&byte) = rest.as_bytes().first() {
                let [high, low] = hex(byte);
                let escaped: &[u8] = match byte {
                    b'"' => b"\\\"",
                    b'\\' => b"\\\\",
                    _ => &[b'\\', b'u', b'0', b'0', high, low],
                };
                if !room.push_whole(line, escaped) {
                    return;
                }
                // What is escaped is ASCII, one octet.
                rest = &rest[1..];
            }
        }
        if !chunk.invalid().is_empty() && !room.push_whole(line, "\u{fffd}".as_bytes()) {
            return;
        }
    }
}

/// How many octets at the beginning need no escape: none that ends a line or a value, and of the others those that are `fine`.
#[inline]
fn plain_octets(bytes: &[u8], fine: impl Fn(u8) -> bool) -> usize {
    let escaped = bytes.iter().position(|&byte| byte < b' ' || byte == b'"' || byte == b'\\' || !fine(byte));
    escaped.unwrap_or(bytes.len())
}

fn hex(byte: u8) -> [u8; 2] {
    [HEX_UPPER[usize::from(byte >> 4)], HEX_UPPER[usize::from(byte & 15)]]
}

/// How many octets more may be appended, with [`CUT`] kept back.
struct Room(usize);

impl Room {
    fn new(bytes_max: usize) -> Self {
        Self(bytes_max - CUT.len())
    }

    /// Appends as many octets as there is room for; false if they were cut.
    fn push(&mut self, line: &mut Vec<u8>, octets: &[u8]) -> bool {
        let length = octets.len().min(self.0);
        line.extend_from_slice(&octets[..length]);
        self.0 -= length;
        if length < octets.len() {
            line.extend_from_slice(CUT);
        }
        length == octets.len()
    }

    /// The same, by whole characters.
    fn push_str(&mut self, line: &mut Vec<u8>, text: &str) -> bool {
        let mut length = text.len().min(self.0);
        while !text.is_char_boundary(length) {
            length -= 1;
        }
        let fits = length == text.len();
        self.push(line, &text.as_bytes()[..length]);
        if !fits {
            line.extend_from_slice(CUT);
        }
        fits
    }

    /// Appends all or nothing.
    fn push_whole(&mut self, line: &mut Vec<u8>, octets: &[u8]) -> bool {
        if octets.len() > self.0 {
            line.extend_from_slice(CUT);
            return false;
        }
        self.push(line, octets)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: &[u8], bytes_max: usize) -> Vec<u8> {
        let mut line = Vec::new();
        push_text(&mut line, value, bytes_max);
        line
    }

    fn json(value: &[u8], bytes_max: usize) -> String {
        let mut line = Vec::new();
        push_json(&mut line, value, bytes_max);
        String::from_utf8(line).expect("always UTF-8")
    }

    #[test]
    fn text_is_escaped_as_nginx_does() {
        for (value, escaped) in [
            (&b"Mozilla/5.0 (X11)"[..], "Mozilla/5.0 (X11)"),
            (b"", ""),
            (b"a\"b", "a\\x22b"),
            (b"\\", "\\x5C"),
            (b"\r\n\t\0", "\\x0D\\x0A\\x09\\x00"),
            (b"\x7f\x80\xff", "\\x7F\\x80\\xFF"),
            ("é".as_bytes(), "\\xC3\\xA9"),
        ] {
            assert_eq!(text(value, 100), escaped.as_bytes());
        }
    }

    #[test]
    fn json_is_escaped_and_what_is_not_utf8_replaced() {
        for (value, escaped) in [
            (&b"a b"[..], "a b"),
            (b"a\"b\\c", "a\\\"b\\\\c"),
            (b"\n\x1f\x7f", "\\u000A\\u001F\\u007F"),
            ("é\u{10348}".as_bytes(), "é\u{10348}"),
            (b"\x80a\xff\xfe", "\u{fffd}a\u{fffd}\u{fffd}"),
            (b"\xe2\x82", "\u{fffd}"),
        ] {
            assert_eq!(json(value, 100), escaped);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters_and_escapes() {
        assert_eq!(text(b"abcdefghij", 9), b"abcdef...");
        assert_eq!(text(b"abcd\nefgh", 9), b"abcd...");
        assert_eq!(text(b"ab\ncdefgh", 9), b"ab\\x0A...");
        assert_eq!(json("abcdeéfgh".as_bytes(), 9), "abcde...");
        assert_eq!(json(b"abc\"\"\"\"\"", 9), "abc\\\"...");
        assert_eq!(json(b"abcdef\xff", 9), "abcdef...");
    }

    proptest! {
        #[test]
        fn whatever_a_client_sends_is_one_line_of_bounded_length(value: Vec<u8>, bytes_max in 3_usize..64) {
            let escaped = text(&value, bytes_max);
            prop_assert!(escaped.len() <= bytes_max);
            prop_assert!(escaped.iter().all(|byte| (b' '..0x7f).contains(byte) && *byte != b'"'));
            let escaped = json(&value, bytes_max);
            prop_assert!(escaped.len() <= bytes_max);
            let controls = escaped.chars().filter(|c| c.is_ascii_control()).count();
            prop_assert_eq!(controls, 0);
            let unescaped = escaped.replace("\\\\", "").replace("\\\"", "");
            prop_assert!(!unescaped.contains('"'));
        }
    }
}
