//! The oracle's reading of chunked bodies (RFC 9112 section 7.1), line by line.

use super::head::{BODY_BYTES_MAX, field, is_token_octet, is_value_octet};
use super::oracle::End;

/// The server's bounds.
const EXTENSIONS_BYTES_MAX: usize = 4 * 1024;
const TRAILERS_BYTES_MAX: usize = 4 * 1024;

/// What is behind a chunked body (RFC 9112 section 7.1). Malformed, the connection ends: the answer is on its way.
pub(super) fn chunked_end(octets: &[u8]) -> Result<&[u8], End> {
    let mut rest = octets;
    let (mut announced, mut extensions) = (0, 0);
    loop {
        let line = line(&mut rest, |octet, line| match line.iter().position(|it| !it.is_ascii_hexdigit()) {
            None => {
                octet.is_ascii_hexdigit() && line.len() < 16 || !line.is_empty() && b"; \t".contains(&octet)
            }
            Some(_) if line.contains(&b';') => is_value_octet(octet),
            Some(_) => b"; \t".contains(&octet),
        })?;
        let digits = line.iter().take_while(|octet| octet.is_ascii_hexdigit()).count();
        let has_bad_end = digits < line.len() && !line.contains(&b';');
        extensions += line.len() - digits;
        if digits == 0 || has_bad_end || extensions > EXTENSIONS_BYTES_MAX {
            return Err(End::Closed);
        }
        let size =
            str::from_utf8(&line[..digits]).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let size = size.filter(|&size| size <= BODY_BYTES_MAX - announced).ok_or(End::Closed)?;
        announced += size;
        if size == 0 {
            break;
        }
        rest = rest.get(size as usize..).ok_or(End::Incomplete)?;
        match rest {
            [b'\r', b'\n', ..] => rest = &rest[2..],
            [] | [b'\r'] => return Err(End::Incomplete),
            _ => return Err(End::Closed),
        }
    }
    let mut trailers = 0;
    loop {
        let trailer = line(&mut rest, |octet, line| match line.contains(&b':') {
            true => is_value_octet(octet),
            false => is_token_octet(octet) || octet == b':' && !line.is_empty(),
        })?;
        if trailer.is_empty() {
            return Ok(rest);
        }
        // The octets that are kept: each line with its CRLF.
        trailers += trailer.len() + 2;
        if field(trailer).is_none() || trailers > TRAILERS_BYTES_MAX {
            return Err(End::Closed);
        }
    }
}

/// Takes a line off the front, each of whose octets `is_next` lets follow those before it.
fn line<'a>(rest: &mut &'a [u8], is_next: impl Fn(u8, &[u8]) -> bool) -> Result<&'a [u8], End> {
    for (at, &octet) in rest.iter().enumerate() {
        match octet {
            b'\r' => {
                let line = &rest[..at];
                return match rest.get(at + 1) {
                    Some(b'\n') => {
                        *rest = &rest[at + 2..];
                        Ok(line)
                    }
                    Some(_) => Err(End::Closed),
                    None => Err(End::Incomplete),
                };
            }
            octet if !is_next(octet, &rest[..at]) => return Err(End::Closed),
            _ => {}
        }
    }
    Err(End::Incomplete)
}
