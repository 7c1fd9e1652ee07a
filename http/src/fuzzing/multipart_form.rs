//! `multipart_form`: a form with files (RFC 7578).

use super::choices::Choices;
use crate::body::{FieldHead, FormParser, FormStep};

const BOUNDARY: &[u8] = b"b0";
const DELIMITER: &[u8] = b"\r\n--b0";

/// Name, file name and octets of each field.
type Fields = Vec<(String, Option<String>, Vec<u8>)>;

/// Reads the octets as a form, and then a form composed of them: the same fields or the same fault however it is split;
/// what was meant; a field's octets are those between the delimiters, and never hold one.
pub fn multipart_form(bytes: &[u8]) {
    if let Ok(fields) = read_in_all_ways(bytes) {
        let octets = fields.into_iter().map(|(_, _, octets)| octets);
        assert_eq!(octets.collect::<Vec<_>>(), slowly(bytes), "{}", bytes.escape_ascii());
    }
    let (form, fields) = compose(&mut Choices::new(bytes));
    assert_eq!(read_in_all_ways(&form), Ok(fields), "{}", form.escape_ascii());
}

fn read_in_all_ways(form: &[u8]) -> Result<Fields, &'static str> {
    let whole = read(&mut [form].into_iter());
    for piece_len in [1, 2, 7, 64, form.len() / 2] {
        let fields = read(&mut form.chunks(piece_len.max(1)));
        assert_eq!(fields, whole, "in pieces of {piece_len}: {}", form.escape_ascii());
    }
    whole
}

fn read(pieces: &mut dyn Iterator<Item = &[u8]>) -> Result<Fields, &'static str> {
    let mut parser = FormParser::new(BOUNDARY);
    let mut fields = Fields::new();
    loop {
        match parser.step()? {
            FormStep::NeedMore => match pieces.next() {
                Some(piece) => parser.push(piece),
                None => parser.end_of_input(),
            },
            FormStep::Field(FieldHead { name, file_name, .. }) => fields.push((name, file_name, Vec::new())),
            FormStep::Data(octets) => {
                assert!(!octets.is_empty());
                fields.last_mut().expect("a field has begun").2.extend_from_slice(&octets);
            }
            FormStep::FieldEnd => assert!(!parser.is_in_field()),
            FormStep::End => return Ok(fields),
        }
    }
}

/// The fields' octets of a form without a fault, by cutting the whole at its delimiters.
fn slowly(form: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = [b"\r\n", form].concat();
    let mut fields = Vec::new();
    while let Some(at) = rest.windows(DELIMITER.len()).position(|window| window == DELIMITER) {
        let behind = rest.split_off(at);
        // The first piece is the preamble.
        fields.push(rest);
        rest = behind[DELIMITER.len()..].to_vec();
        if rest.starts_with(b"--") {
            break;
        }
        let head = rest.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
        rest.drain(..head + 4);
    }
    fields.remove(0);
    fields
}

fn compose(choices: &mut Choices<'_>) -> (Vec<u8>, Fields) {
    let mut form = choices.pick(&["", "preamble\r\n", "\r\n", "--b\r\n"]).as_bytes().to_vec();
    let mut fields = Fields::new();
    for _ in 0..choices.below(4) {
        let (name, written_name) = choices.pick(&[
            ("a", "a"),
            ("", "\"\""),
            ("a\"b", r#""a\"b""#),
            ("\u{e9}; x=y", "\"\u{e9}; x=y\""),
        ]);
        let file = choices.pick(&[None, None, Some(("f.txt", "f.txt")), Some((r"C:\f", r#""C:\f""#))]);
        let padding = choices.pick(&["", " ", "\t \t"]);
        form.extend_from_slice(format!("--b0{padding}\r\n").as_bytes());
        if choices.one_in(3) {
            form.extend_from_slice(b"Content-Type:text/plain\r\n");
        }
        let disposition = choices.recase("content-disposition: form-data; name");
        form.extend_from_slice(format!("{disposition}={written_name}").as_bytes());
        if let Some((_, written)) = file {
            form.extend_from_slice(format!(" ; FileName={written}").as_bytes());
        }
        form.extend_from_slice(b"\r\n\r\n");
        let mut octets = Vec::new();
        for _ in 0..choices.below(6) {
            octets.extend_from_slice(
                choices.pick(&["x", "\r", "\r\n", "\r\n--b", "--b0", "\r\n-", "\0\u{e9}"]).as_bytes(),
            );
        }
        // Pieces that are one only together.
        if octets.windows(DELIMITER.len()).any(|window| window == DELIMITER) {
            octets.clear();
        }
        form.extend_from_slice(&octets);
        form.extend_from_slice(b"\r\n");
        fields.push((name.to_owned(), file.map(|(name, _)| name.to_owned()), octets));
    }
    form.extend_from_slice(choices.pick(&["--b0--", "--b0--\r\n", "--b0--epilogue\r\n--b0\r\n"]).as_bytes());
    (form, fields)
}
