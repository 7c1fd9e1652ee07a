//! Names of files, which may hold anything but NUL and the slash, as text of a page and as references in it.

use selvedge_http::path::encode_segment;

/// What stands where a name has no character that can be shown as it is.
const REPLACEMENT: char = '\u{fffd}';

/// Appends a name to HTML, between tags or in a quoted attribute. What is not UTF-8 is replaced, and so is what changes the
/// direction of the text and would let a name look like another; control characters get pictures.
pub(super) fn html_text(name: &[u8], page: &mut Vec<u8>) {
    for_each_char(name, |character| match character {
        '&' => page.extend_from_slice(b"&amp;"),
        '<' => page.extend_from_slice(b"&lt;"),
        '>' => page.extend_from_slice(b"&gt;"),
        '"' => page.extend_from_slice(b"&quot;"),
        '\'' => page.extend_from_slice(b"&#39;"),
        '\0'..='\x1f' => push(char::from_u32(0x2400 + u32::from(character)).unwrap_or(REPLACEMENT), page),
        '\x7f' => push('\u{2421}', page),
        '\u{80}'..='\u{9f}' => push(REPLACEMENT, page),
        // Unicode Standard Annex 9, table 3, and the two line separators.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            push(REPLACEMENT, page);
        }
        _ => push(character, page),
    });
}

/// Appends a name within a string of JSON (RFC 8259 section 7). What is not UTF-8 is replaced.
pub(super) fn json_text(name: &[u8], page: &mut Vec<u8>) {
    for_each_char(name, |character| match character {
        '"' => page.extend_from_slice(b"\\\""),
        '\\' => page.extend_from_slice(b"\\\\"),
        '\0'..='\x1f' | '\x7f' => {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            let code = character as usize;
            page.extend_from_slice(&[b'\\', b'u', b'0', b'0', DIGITS[code >> 4], DIGITS[code & 15]]);
        }
        _ => push(character, page),
    });
}

/// The reference to an entry from its directory's page: never a scheme, another host, a query or a fragment.
pub(super) fn reference(name: &[u8], slash: &str, reference: &mut Vec<u8>) {
    reference.clear();
    reference.extend_from_slice(b"./");
    encode_segment(name, reference);
    reference.extend_from_slice(slash.as_bytes());
}

fn for_each_char(name: &[u8], mut act: impl FnMut(char)) {
    for chunk in name.utf8_chunks() {
        chunk.valid().chars().for_each(&mut act);
        if !chunk.invalid().is_empty() {
            act(REPLACEMENT);
        }
    }
}

fn push(character: char, page: &mut Vec<u8>) {
    page.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(make: impl Fn(&[u8], &mut Vec<u8>), name: &[u8]) -> String {
        let mut made = Vec::new();
        make(name, &mut made);
        String::from_utf8(made).expect("it is UTF-8 whatever the name was")
    }

    #[test]
    fn no_name_is_markup() {
        for (name, expected) in [
            (&b"plain name.txt"[..], "plain name.txt"),
            (b"\"<script>alert('x')&</script>", "&quot;&lt;script&gt;alert(&#39;x&#39;)&amp;&lt;/script&gt;"),
            ("größe 大きさ".as_bytes(), "größe 大きさ"),
            (b"line\nfeed\r\x00\x1b\x7f", "line\u{240a}feed\u{240d}\u{2400}\u{241b}\u{2421}"),
            (b"not \xff\xc3 UTF-8 \xe4", "not \u{fffd}\u{fffd} UTF-8 \u{fffd}"),
            ("cod\u{202e}txt.exe\u{2069}\u{85}".as_bytes(), "cod\u{fffd}txt.exe\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(made(html_text, name), expected, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn every_name_is_a_string_of_json() {
        for (name, expected) in [
            (&b"plain"[..], "plain"),
            (b"quote\" back\\slash", "quote\\\" back\\\\slash"),
            (b"line\nfeed\x00\x1f\x7f", "line\\u000afeed\\u0000\\u001f\\u007f"),
            (b"not \xff UTF-8", "not \u{fffd} UTF-8"),
            ("größe".as_bytes(), "größe"),
        ] {
            assert_eq!(made(json_text, name), expected, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn a_reference_names_exactly_the_entry() {
        for (name, slash, expected) in [
            (&b"plain.txt"[..], "", "./plain.txt"),
            (b"folder", "/", "./folder/"),
            (b"javascript:alert(1)", "", "./javascript:alert(1)"),
            (b"a b?c#d%20e\"<>", "", "./a%20b%3Fc%23d%2520e%22%3C%3E"),
            (b"\\\\host", "", "./%5C%5Chost"),
            (b"\xff\n", "", "./%FF%0A"),
            ("ü".as_bytes(), "", "./%C3%BC"),
        ] {
            assert_eq!(made(|name, made| reference(name, slash, made), name), expected);
        }
    }
}
