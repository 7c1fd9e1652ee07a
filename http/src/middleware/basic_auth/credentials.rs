//! `Authorization: Basic` (RFC 7617): a user and a password in base64.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

/// Longest name of a user and longest password, as htpasswd(1) has them. A longer one is nobody's, and is not hashed: some
/// forms take time by the square of the length.
pub(super) const USER_BYTES_MAX: usize = 255;
pub(super) const PASSWORD_BYTES_MAX: usize = 255;

/// Both, and the colon between them.
const BYTES_MAX: usize = USER_BYTES_MAX + 1 + PASSWORD_BYTES_MAX;

/// A user's name and password as a client sent them, up to 255 octets each. Nothing shows them but the two methods.
///
/// ```
/// use selvedge_http::middleware::Credentials;
///
/// let credentials = Credentials::parse(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").expect("they are well formed");
/// assert_eq!(credentials.user(), b"Aladdin");
/// assert!(credentials.are("Aladdin", "open sesame") && !credentials.are("Aladdin", "open"));
/// ```
#[derive(Clone, Copy)]
pub struct Credentials {
    /// `USER:PASSWORD`, with room to decode into.
    bytes: [u8; BYTES_MAX],
    length: usize,
    colon: usize,
}

impl Credentials {
    /// Reads the value of `Authorization`; `None` for another scheme and for what is not well formed.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (scheme, rest) = value.split_at_checked(b"Basic".len())?;
        let encoded = rest.trim_ascii_start();
        if !scheme.eq_ignore_ascii_case(b"Basic") || encoded.len() == rest.len() {
            return None;
        }
        let mut bytes = [0; BYTES_MAX];
        // Of the alphabet, padded, without bits left over: what is encoded otherwise is not told apart from a guess.
        let length = STANDARD.decode_slice(encoded, &mut bytes).ok()?;
        let decoded = &bytes[..length];
        let colon = decoded.iter().position(|&byte| byte == b':')?;
        let too_long = colon > USER_BYTES_MAX || length - colon - 1 > PASSWORD_BYTES_MAX;
        // RFC 7617 section 2.
        if too_long || decoded.iter().any(u8::is_ascii_control) {
            return None;
        }
        Some(Self { bytes, length, colon })
    }

    /// Whether they are this user's name and this password. How long that takes tells their lengths at most, so that neither
    /// can be guessed octet by octet.
    pub fn are(&self, user: &str, password: &str) -> bool {
        let user = self.user().ct_eq(user.as_bytes());
        (user & self.password().ct_eq(password.as_bytes())).into()
    }

    /// `USER:PASSWORD`. The first colon ends the name, so different credentials are different bytes.
    #[cfg(feature = "password-files")]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// The user's name.
    pub fn user(&self) -> &[u8] {
        &self.bytes[..self.colon]
    }

    /// The password.
    pub fn password(&self) -> &[u8] {
        &self.bytes[self.colon + 1..self.length]
    }
}

impl fmt::Debug for Credentials {
    /// Nothing of them: they are nothing for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(value: &str) -> Option<(Vec<u8>, Vec<u8>)> {
        let credentials = Credentials::parse(value.as_bytes())?;
        Some((credentials.user().to_vec(), credentials.password().to_vec()))
    }

    fn basic(text: impl AsRef<[u8]>) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn user_and_password_are_parted_by_the_first_colon() {
        let expected = |user: &str, password: &str| Some((user.into(), password.into()));
        assert_eq!(read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), expected("Aladdin", "open sesame"));
        assert_eq!(read("basic  dGVzdDoxMjPCow=="), expected("test", "123£"));
        assert_eq!(read(&basic("a:b:c")), expected("a", "b:c"));
        assert_eq!(read(&basic(":")), expected("", ""));
        assert_eq!(read(&basic(b"a:\xff")), Some((b"a".to_vec(), b"\xff".to_vec())));
    }

    #[test]
    fn what_is_no_basic_credentials_is_refused() {
        for value in [
            "",
            "Basic",
            "Basic ",
            "BasicQTpi",
            "Bearer QTpi",
            "Digest username=\"a\"",
            // Unpadded, wrongly padded, of another alphabet, with bits left over, with whitespace or more behind it.
            "Basic YWI6Yw",
            "Basic YWI6Yw=",
            "Basic YTo_Pz8_",
            "Basic YWI6Yx==",
            "Basic YTpi YTpi",
            "Basic YTpi, Basic YTpi",
            "Basic YTpi\n",
        ] {
            assert_eq!(read(value), None, "{value}");
        }
        for decoded in ["", "no colon", "a\0:b", "a:b\n", "a:\x7f"] {
            assert_eq!(read(&basic(decoded)), None, "{decoded:?}");
        }
    }

    #[test]
    fn names_and_passwords_have_a_length() {
        let of = |user: usize, password: usize| {
            read(&basic(format!("{}:{}", "u".repeat(user), "p".repeat(password))))
        };
        assert!(of(USER_BYTES_MAX, PASSWORD_BYTES_MAX).is_some());
        assert!(of(USER_BYTES_MAX + 1, 1).is_none() && of(1, PASSWORD_BYTES_MAX + 1).is_none());
        assert!(of(USER_BYTES_MAX + 1, PASSWORD_BYTES_MAX).is_none() && of(9_000, 9_000).is_none());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(user in "[^:\\pC]{0,60}", password in "[^\\pC]{0,60}") {
            let read = read(&basic(format!("{user}:{password}")));
            prop_assert_eq!(read, Some((user.into_bytes(), password.into_bytes())));
        }

        #[test]
        fn any_octets_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Credentials::parse(&bytes);
            let _ = Credentials::parse(&[b"Basic ", &bytes[..]].concat());
        }
    }
}
