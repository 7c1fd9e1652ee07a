//! The public interface of the library crates, as `docs/public-api/` has it: a change of it is seen in a review.
//!
//! `UPDATE_PUBLIC_API=1 cargo test -p selvedge-http --test public_api` writes it anew.
#![allow(clippy::disallowed_methods, reason = "a test of files")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use public_api::Builder;
use serde_json::Value;

/// Crates, and the features whose interface is part of it.
const CRATES: [(&str, &str); 2] = [("selvedge-runtime", ""), ("selvedge-http", "tower,tokio,password-files")];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate of the workspace").to_path_buf()
}

/// Where rustdoc has written what it knows of a crate, in the form for programs: unstable, so another release may have another.
fn documented(name: &str, features: &str) -> Result<PathBuf, String> {
    let target = workspace().join("target/public-api");
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["rustdoc", "--locked", "--lib", "--package", name, "--features", features, "--target-dir"])
        .arg(&target)
        .args(["--", "-Z", "unstable-options", "--output-format", "json", "--cap-lints", "allow"])
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(workspace())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(target.join("doc").join(format!("{}.json", name.replace('-', "_"))))
}

fn interface(json: &Path) -> Result<String, String> {
    let api = Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(api.to_string())
}

/// Such as `rustc 1.95`.
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output().expect("a compiler is here");
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    version.rsplit_once('.').map_or(version.clone(), |(release, _)| release.to_owned())
}

#[test]
fn the_public_interface_is_the_committed_one() {
    for (name, features) in CRATES {
        let path = workspace().join("docs/public-api").join(format!("{name}.txt"));
        let committed = fs::read_to_string(&path).unwrap_or_default();
        let update = env::var_os("UPDATE_PUBLIC_API").is_some();
        let (committed_compiler, committed) = committed.split_once('\n').unwrap_or_default();
        if !update && committed_compiler != compiler() {
            println!("SKIPPED: {name}: written with {committed_compiler}, and this is {}", compiler());
            continue;
        }
        let api = documented(name, features).and_then(|json| interface(&json));
        let api = api.unwrap_or_else(|error| panic!("{name}: {error}"));
        if update {
            fs::write(&path, format!("{}\n{api}", compiler())).expect("it can be written");
            continue;
        }
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let (now, then) = (lines(&api), lines(committed));
        let changes: Vec<String> = then
            .iter()
            .filter(|line| !now.contains(line))
            .map(|line| format!("- {line}"))
            .chain(now.iter().filter(|line| !then.contains(line)).map(|line| format!("+ {line}")))
            .collect();
        assert!(
            changes.is_empty(),
            "the public interface of {name} has changed; if that is meant, run\n    \
             UPDATE_PUBLIC_API=1 cargo test -p selvedge-http --test public_api\n{}",
            changes.join("\n")
        );
    }
}

#[test]
fn every_public_type_has_an_example() {
    for (name, features) in CRATES {
        let json = documented(name, features).unwrap_or_else(|error| panic!("{name}: {error}"));
        let text = fs::read_to_string(json).expect("rustdoc has written it");
        let known: Value = serde_json::from_str(&text).expect("rustdoc writes JSON");
        let items = known["index"].as_object().expect("items by their numbers");
        let types = items.values().filter(|item| {
            let is_type = ["struct", "enum", "union", "trait", "type_alias"]
                .iter()
                .any(|kind| !item["inner"][kind].is_null());
            is_type && item["crate_id"] == 0 && item["visibility"] == "public"
        });
        let (with, without): (Vec<_>, Vec<_>) =
            types.partition(|item| item["docs"].as_str().is_some_and(|docs| docs.contains("```")));
        assert!(with.len() > 50, "{name}: the form of rustdoc has changed: {} types", with.len());
        let without: Vec<_> = without.iter().map(|item| item["name"].to_string()).collect();
        assert!(without.is_empty(), "{name}: types without an example: {}", without.join(", "));
    }
}
