use proptest::prelude::*;

use super::*;

/// Name, file name and octets of each field.
type Fields = Vec<(String, Option<String>, Vec<u8>)>;

/// Reads a form in pieces that end at `ends` and at its end.
fn read_split(form: &[u8], ends: &[usize]) -> Result<Fields, &'static str> {
    let mut parser = FormParser::new(b"b0");
    let mut fields = Fields::new();
    let mut at = 0;
    for end in ends.iter().copied().chain([form.len()]).map(Some).chain([None]) {
        match end {
            Some(end) => parser.push(&form[at..end]),
            None => parser.end_of_input(),
        }
        at = end.unwrap_or(at);
        loop {
            match parser.step()? {
                FormStep::NeedMore => break,
                FormStep::Field(head) => fields.push((head.name, head.file_name, Vec::new())),
                FormStep::Data(octets) => {
                    assert!(!octets.is_empty() && !octets.windows(6).any(|window| window == b"\r\n--b0"));
                    fields.last_mut().expect("a field has begun").2.extend_from_slice(&octets);
                }
                FormStep::FieldEnd => assert!(!parser.is_in_field()),
                FormStep::End => return Ok(fields),
            }
        }
    }
    panic!("neither an end nor an error");
}

fn read(form: impl AsRef<[u8]>) -> Result<Fields, &'static str> {
    read_split(form.as_ref(), &[])
}

fn named(name: &str, content: &str) -> String {
    format!("--b0\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
}

#[test]
fn fields_come_in_order_with_names_files_and_octets() {
    let form = format!(
        "{}--b0 \t\r\nContent-Type: image/png\r\ncontent-disposition: FORM-DATA; filename=\"a\u{e9}.png\"; NAME=file\r\n\r\n\
         \0\r\n--b\r\n--b\r\n--b0--\r\nepilogue\r\n--b0\r\n",
        named("text", "some\r\ntext")
    );
    let expected = vec![
        ("text".to_owned(), None, b"some\r\ntext".to_vec()),
        ("file".to_owned(), Some("a\u{e9}.png".to_owned()), b"\0\r\n--b\r\n--b".to_vec()),
    ];
    assert_eq!(read(&form), Ok(expected.clone()));
    assert_eq!(read(format!("preamble\r\n--b\r\n{form}")), Ok(expected));
}

#[test]
fn forms_and_fields_may_be_empty() {
    assert_eq!(read("--b0--"), Ok(vec![]));
    assert_eq!(read("--b0--\r\n"), Ok(vec![]));
    assert_eq!(read(format!("{}--b0--", named("", ""))), Ok(vec![(String::new(), None, vec![])]));
}

#[test]
fn what_is_no_form_is_refused() {
    let head = "--b0\r\nContent-Disposition: form-data; name=a\r\n\r\n";
    for form in [
        String::new(),
        "no boundary".into(),
        "--b0".into(),
        "--b0-".into(),
        "--b0x\r\n".into(),
        "--b0\n".into(),
        "--b0\r\r".into(),
        "--b0 --".into(),
        format!("--b0{}\r\n", " ".repeat(65)),
        "--b0\r\n\r\n".into(),
        "--b0\r\nContent-Type: a/b\r\n\r\nx\r\n--b0--".into(),
        "--b0\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b0--".into(),
        "--b0\r\nContent-Disposition: form-data; filename=a\r\n\r\nx\r\n--b0--".into(),
        "--b0\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--b0--".into(),
        "--b0\r\nContent-Disposition form-data; name=a\r\n\r\nx\r\n--b0--".into(),
        "--b0\r\nContent-Disposition: form-data; name=a\r\n folded\r\n\r\nx\r\n--b0--".into(),
        "--b0\r\nContent-Disposition: form-data; name=a\r\nA: \0\r\n\r\nx\r\n--b0--".into(),
        format!("--b0\r\nA: {}\r\n\r\n", "a".repeat(HEAD_BYTES_MAX)),
        format!("--b0\r\nA: {}", "a".repeat(HEAD_BYTES_MAX)),
        head.into(),
        format!("{head}x"),
        format!("{head}x\r\n--b0"),
        format!("{head}x\n--b0--"),
    ] {
        assert!(read(&form).is_err(), "{:?}", form.as_bytes().escape_ascii().to_string());
    }
    assert!(read(b"--b0\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\nx\r\n--b0--").is_err());
}

#[test]
fn parameters_are_found_in_every_form_that_clients_send() {
    for (value, expected) in [
        ("form-data; name=a", Some("a")),
        ("form-data;name=\"a b;c=d\"", Some("a b;c=d")),
        ("form-data; x=\"name=b\"; name = a ; y=z", Some("a")),
        ("form-data; flag; name=a", Some("a")),
        (r#"form-data; name="a\"b\\c""#, Some(r#"a"b\c"#)),
        (r#"form-data; name="C:\dir\file""#, Some(r"C:\dir\file")),
        ("form-data; name=a; name=b", Some("a")),
        ("form-data; filename=a", None),
        ("form-data; name=\"a", None),
        ("form-data; name", None),
        ("form-data", None),
        ("", None),
    ] {
        let found = parameter(value.as_bytes(), b"name").map(|value| String::from_utf8(value).unwrap());
        assert_eq!(found.as_deref(), expected, "{value:?}");
    }
}

/// Octets among which delimiters and their beginnings are frequent.
fn nearly_a_form() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => Just(named("a", "").into_bytes()),
        2 => Just(b"\r\n--b0--".to_vec()),
        2 => Just(b"\r\n--b0\r\n".to_vec()),
        3 => prop::sample::select(vec![&b"\r\n--b"[..], b"\r", b"\r\n", b"\r\n\r\n", b"--b0", b"-"]).prop_map(<[u8]>::to_vec),
        2 => proptest::collection::vec(any::<u8>(), 1..6),
    ];
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn splitting_anywhere_changes_nothing(
        form in nearly_a_form(),
        ends in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut ends: Vec<usize> = ends.iter().map(|end| end.index(form.len() + 1)).collect();
        ends.sort_unstable();
        let whole = read_split(&form, &[]);
        let one_by_one: Vec<usize> = (0..form.len()).collect();
        prop_assert_eq!(&read_split(&form, &one_by_one), &whole);
        prop_assert_eq!(&read_split(&form, &ends), &whole);
    }

    #[test]
    fn what_was_written_is_read(contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6)) {
        let mut form = Vec::new();
        for content in &contents {
            form.extend_from_slice(b"--b0\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n");
            form.extend_from_slice(content);
            form.extend_from_slice(b"\r\n");
        }
        form.extend_from_slice(b"--b0--\r\n");
        let expected: Fields = contents.into_iter().map(|content| ("n".to_owned(), None, content)).collect();
        prop_assert_eq!(read_split(&form, &[]), Ok(expected));
    }
}
