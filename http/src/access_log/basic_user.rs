//! Who a client says it is, by Basic credentials (RFC 7617). In: the value of `Authorization`. Out: the user's name in it.

/// Octets of credentials that are looked at: no name that is written is longer.
pub(super) const ROOM: usize = 258;

/// The name before the colon, decoded into `room`; `None` where the credentials are none, are malformed before the colon, or
/// have none within the room.
pub(super) fn basic_user<'r>(authorization: &[u8], room: &'r mut [u8; ROOM]) -> Option<&'r [u8]> {
    let (scheme, rest) = authorization.split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let mut length = 0;
    // Four digits are three octets; what stands behind them, padding too, is nobody's name.
    for digits in rest.trim_ascii().chunks(4) {
        let digits = digits.strip_suffix(b"==").or_else(|| digits.strip_suffix(b"=")).unwrap_or(digits);
        let mut bits = 0_u32;
        for place in 0..4 {
            bits = bits << 6 | digits.get(place).map_or(Some(0), |&digit| value(digit))?;
        }
        for octet in &bits.to_be_bytes()[1..][..digits.len() * 3 / 4] {
            if *octet == b':' {
                return Some(&room[..length]);
            }
            *room.get_mut(length)? = *octet;
            length += 1;
        }
    }
    None
}

/// The six bits of a digit of base64 (RFC 4648 section 4).
fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_stands_before_the_first_colon() {
        for (authorization, user) in [
            // The example of RFC 7617: Aladdin:open sesame.
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some(&b"Aladdin"[..])),
            ("basic   QWxhZGRpbjpvcGVuIHNlc2FtZQ== ", Some(b"Aladdin")),
            ("Basic OnNlY3JldA==", Some(b"")),
            ("Basic YTo=", Some(b"a")),
            ("Basic YTpiOmM", Some(b"a")),
            // Without a colon, and what is no base64.
            ("Basic QWxhZGRpbg==", None),
            ("Basic Q!xh", None),
            ("Basic Y=E6", None),
            ("Basic ", None),
            ("Basic", None),
            ("Bearer YTpi", None),
            ("", None),
        ] {
            assert_eq!(basic_user(authorization.as_bytes(), &mut [0; ROOM]), user, "{authorization}");
        }
        let endless = format!("Basic {}", "YWFh".repeat(1_000));
        assert_eq!(basic_user(endless.as_bytes(), &mut [0; ROOM]), None);
    }
}
