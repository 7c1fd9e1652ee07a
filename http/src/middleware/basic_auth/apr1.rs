//! Apache's MD5 form of crypt (`$apr1$`): the form of `$1$` (crypt(5)) under a name of its own. Old, and what htpasswd(1)
//! makes unless it is asked for something better.

use md5::{Digest, Md5};

/// What every hash of the form begins with.
const PREFIX: &[u8] = b"$apr1$";

/// Rounds of the form; it has no other number of them.
const ROUNDS: usize = 1_000;

/// The digest of `password` with `salt`, of up to 8 bytes, as it stands in a hash: 22 characters.
pub(super) fn apr1(password: &[u8], salt: &[u8]) -> [u8; 22] {
    let inner = digest(&[password, salt, password]);
    let mut begun = Md5::new();
    begun.update(password);
    begun.update(PREFIX);
    begun.update(salt);
    for start in (0..password.len()).step_by(inner.len()) {
        begun.update(&inner[..inner.len().min(password.len() - start)]);
    }
    // For each bit of the length a byte: a slip of the first implementation that became the form.
    let mut bits = password.len();
    while bits > 0 {
        begun.update(if bits & 1 == 1 { &[0] } else { &password[..1] });
        bits >>= 1;
    }
    let mut last: [u8; 16] = begun.finalize().into();
    for round in 0..ROUNDS {
        let (first, final_part): (&[u8], &[u8]) =
            if round % 2 == 1 { (password, &last) } else { (&last, password) };
        let salt = if round % 3 == 0 { &[][..] } else { salt };
        let again = if round % 7 == 0 { &[][..] } else { password };
        last = digest(&[first, salt, again, final_part]);
    }
    encode(&last)
}

fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = Md5::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// Six bits to a character, three bytes of the digest to four characters, the bytes in an order of the form's own.
fn encode(digest: &[u8; 16]) -> [u8; 22] {
    let mut text = [0; 22];
    let triples = [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)];
    for (place, (high, middle, low)) in text.chunks_mut(4).zip(triples) {
        let bits = u32::from(digest[high]) << 16 | u32::from(digest[middle]) << 8 | u32::from(digest[low]);
        encode_bits(place, bits);
    }
    encode_bits(&mut text[20..], u32::from(digest[11]));
    text
}

fn encode_bits(place: &mut [u8], mut bits: u32) {
    for character in place {
        *character = super::password_hash::CRYPT_ALPHABET[(bits & 0x3f) as usize];
        bits >>= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_openssl() {
        // openssl passwd -apr1 -salt SALT PASSWORD
        for (password, salt, expected) in [
            ("secret", "abcdefgh", "h9FWgUz3n9YxylKLlR5SQ/"),
            ("", "a", "lsAcX0kKaMIVmrCtUuk5b0"),
            (&"x".repeat(100), "12345678", "yiFoyfrrVNwrIepED8sjv0"),
        ] {
            let made = apr1(password.as_bytes(), salt.as_bytes());
            assert_eq!(made.escape_ascii().to_string(), expected, "{password} {salt}");
        }
    }
}
