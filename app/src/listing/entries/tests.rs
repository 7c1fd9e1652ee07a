use selvedge_runtime::fs::{Kind, Metadata};
use serde_json::Value;

use super::*;

fn entry(name: &[u8], kind: Kind) -> DirectoryEntry {
    let (modified, changed, identity) = ((1_709_193_959, 0), (0, 0), (0, 0));
    let metadata = Metadata { kind, size_bytes: 151, modified, changed, identity };
    DirectoryEntry { name: name.to_vec(), metadata }
}

/// Entries `00000` and so on, the last first.
fn numbered(count: usize) -> impl Iterator<Item = io::Result<DirectoryEntry>> {
    (0..count).rev().map(|number| Ok(entry(format!("{number:05}").as_bytes(), Kind::Regular)))
}

fn page(path: &[u8], form: Form) -> Page {
    Page { path: path.to_vec(), form, order: Order::default() }
}

fn html(entries: impl Iterator<Item = io::Result<DirectoryEntry>>) -> String {
    let page = page(b"", Form::Html).write(Html::default(), entries, |_| MoreNames::None);
    String::from_utf8(page.unwrap()).expect("it is UTF-8 whatever the names are")
}

fn json(entries: impl Iterator<Item = io::Result<DirectoryEntry>>) -> Value {
    let page = page(b"a", Form::Json).write(Json::default(), entries, |_| MoreNames::None);
    serde_json::from_slice(&page.unwrap()).expect("it is JSON")
}

#[test]
fn hostile_names_are_text_in_both_forms() {
    let name = b"\"><script>alert(1)</script>\n\xff";
    let page = html([Ok(entry(name, Kind::Regular)), Ok(entry(b"d'&", Kind::Directory))].into_iter());
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains(
        "<tr><td><a href=\"./%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%0A%FF\">\
         &quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\u{240a}\u{fffd}</a></td><td>151 B</td>\
         <td>2024-02-29 08:05</td></tr>"
    ));
    assert!(page.contains("<tr class=\"dir\"><td><a href=\"./d&#39;&amp;/\">d&#39;&amp;/</a></td><td></td>"));
    let page = json([Ok(entry(name, Kind::Regular)), Ok(entry(b"d", Kind::Directory))].into_iter());
    let expected = serde_json::json!({
        "path": "/a/",
        "entries": [
            { "name": "d", "href": "./d/", "type": "directory", "modified": "2024-02-29T08:05:59Z" },
            {
                "name": "\"><script>alert(1)</script>\n\u{fffd}",
                "href": "./%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%0A%FF",
                "type": "file",
                "size": 151,
                "modified": "2024-02-29T08:05:59Z",
            },
        ],
        "sorted": true,
        "complete": true,
    });
    assert_eq!(page, expected);
}

#[test]
fn an_empty_directory_is_a_page_too() {
    let page = html(std::iter::empty());
    assert!(page.contains("<footer>0 directories, 0 files</footer>"), "{page}");
    assert_eq!(json(std::iter::empty())["entries"], serde_json::json!([]));
}

#[test]
fn as_many_as_may_be_are_sorted_and_one_more_is_not() {
    let sorted = json(numbered(SORTED_MAX));
    assert_eq!(sorted["sorted"], true);
    assert_eq!(sorted["entries"][0]["name"], "00000");
    let unsorted = json(numbered(SORTED_MAX + 1));
    assert_eq!(unsorted["sorted"], false);
    assert_eq!(unsorted["entries"][0]["name"], SORTED_MAX.to_string());
    assert_eq!(unsorted["entries"].as_array().unwrap().len(), SORTED_MAX + 1);
    assert_eq!(unsorted["complete"], true);
    let page = html(numbered(SORTED_MAX + 1));
    assert!(page.contains("Too many entries to sort") && !page.contains("?sort="));
    assert!(page.contains("<footer>0 directories, 20001 files</footer>"));
    assert!(
        html(numbered(SORTED_MAX))
            .contains("<th aria-sort=\"ascending\"><a href=\"?sort=name&amp;order=desc\">")
    );
}

#[test]
fn a_page_that_is_too_long_is_cut_between_entries_and_says_so() {
    // The longest there are, in either form.
    let name = b"\"".repeat(255);
    let endless = || std::iter::repeat_with(|| Ok(entry(&name, Kind::Regular)));
    for form in [Form::Html, Form::Json] {
        let page = page(b"", form);
        let written = match form {
            Form::Html => page.write(Html::default(), endless(), |_| MoreNames::None),
            Form::Json => page.write(Json::default(), endless(), |_| MoreNames::None),
        };
        let written = written.unwrap();
        assert!(written.len() <= PAGE_BYTES_MAX && written.len() > PAGE_BYTES_MAX - 2 * LAST_BYTES_MAX);
        let text = str::from_utf8(&written).unwrap();
        match form {
            Form::Html => assert!(text.contains("The list is cut here") && text.ends_with("</html>\n")),
            Form::Json => {
                let value: Value = serde_json::from_str(text).expect("it is JSON all the same");
                assert_eq!(
                    (&value["complete"], &value["sorted"]),
                    (&Value::Bool(false), &Value::Bool(false))
                );
            }
        }
    }
}

#[test]
fn names_that_were_not_read_cut_a_page_too() {
    let page = page(b"", Form::Json).write(Json::default(), numbered(3), |_| MoreNames::Some).unwrap();
    let value: Value = serde_json::from_slice(&page).unwrap();
    assert_eq!(value["complete"], false);
}

#[test]
fn a_directory_that_cannot_be_read_to_its_end_is_an_error_and_no_shorter_page() {
    for read in [0, 5, SORTED_MAX + 5] {
        let entries = numbered(read).chain([Err(io::Error::other("the disk"))]);
        let written = page(b"", Form::Html).write(Html::default(), entries, |_| MoreNames::None);
        assert_eq!(written.unwrap_err().to_string(), "the disk");
    }
}
