//! What the layout promises, held against the source itself: imports go one way, and only `runtime::sys` meets the kernel.

use std::fs;
use std::path::{Path, PathBuf};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace").to_path_buf()
}

/// All Rust files below `folder`, with their text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![workspace().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("source is UTF-8");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

/// The lines of code, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line))
}

fn assert_absent(folder: &str, except: &str, words: &[&str]) {
    for (path, text) in sources(folder) {
        if !except.is_empty() && path.starts_with(workspace().join(except)) {
            continue;
        }
        for (line, content) in code(&text) {
            for word in words {
                assert!(!content.contains(word), "{}:{line}: `{word}` has no place here", path.display());
            }
        }
    }
}

#[test]
fn imports_go_one_way() {
    assert_absent("runtime/src", "", &["selvedge_http", "selvedge::"]);
    assert_absent("http/src", "", &["selvedge::"]);
}

#[test]
fn only_the_runtime_s_sys_meets_the_kernel() {
    let kernel = ["libc::", "io_uring::", "rustix::", "socket2::", "RawFd"];
    assert_absent("runtime/src", "runtime/src/sys", &kernel);
    assert_absent("http/src", "", &kernel);
    assert_absent("app/src", "", &kernel);
}

#[test]
fn unsafe_code_is_in_the_runtime_s_sys_alone() {
    let blocks = ["unsafe {", "unsafe fn", "unsafe impl"];
    assert_absent("runtime/src", "runtime/src/sys", &blocks);
    assert_absent("http/src", "", &blocks);
    assert_absent("app/src", "", &blocks);
    for crate_root in ["http/src/lib.rs", "app/src/lib.rs", "app/src/main.rs"] {
        let text = fs::read_to_string(workspace().join(crate_root)).unwrap();
        assert!(text.contains("#![forbid(unsafe_code)]"), "{crate_root}");
    }
}

#[test]
fn protocol_code_does_no_input_or_output() {
    for (path, text) in sources("http/src/h1") {
        for (line, content) in code(&text) {
            assert!(!content.contains("selvedge_runtime"), "{}:{line}", path.display());
        }
    }
}

#[test]
fn every_source_file_says_first_what_it_is() {
    for folder in ["runtime/src", "http/src", "app/src", "benches/src"] {
        for (path, text) in sources(folder) {
            // A module's tests are about the module.
            let is_test = path.file_name().is_some_and(|name| name == "tests.rs");
            assert!(is_test || text.starts_with("//!"), "{} begins with its subject", path.display());
        }
    }
}

/// The texts between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Whether a function of this name is run as a test.
fn has_test(text: &str, name: &str) -> bool {
    let Some(at) = text.find(&format!("fn {name}(")) else { return false };
    let before = text[..at].lines().rev().map(str::trim);
    before.take_while(|line| line.starts_with("#[") || line.is_empty()).any(|line| line == "#[test]")
}

#[test]
fn every_fault_has_what_is_seen_of_it_and_a_test_that_is_there() {
    let text = fs::read_to_string(workspace().join("docs/faults.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Fault"));
    let mut count = 0;
    // The last that was named: a row may be about another test there.
    let mut file = None;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.len() == 4 && cells.iter().all(|cell| !cell.is_empty()), "{row}");
        assert!(cells[3].starts_with('`') || cells[3].starts_with("there"), "a file first: {row}");
        for name in quoted(cells[3]) {
            if name.contains('/') {
                assert!(workspace().join(name).exists(), "there is no {name}: {row}");
                file = Some(name);
            } else {
                let file = file.unwrap_or_else(|| panic!("{name} is in a file: {row}"));
                let text = fs::read_to_string(workspace().join(file)).unwrap();
                assert!(has_test(&text, name), "{file} has no test {name}: {row}");
            }
        }
        assert!(file.is_some(), "a file is named: {row}");
        count += 1;
    }
    assert!(count > 30, "{count}");
}
