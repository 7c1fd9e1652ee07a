//! The public interface of the library crates, as `docs/public-api/` has it: a change of it is seen in a review.
//!
//! `UPDATE_PUBLIC_API=1 cargo test -p selvedge-http --test public_api` writes it anew.
#![allow(clippy::disallowed_methods, reason = "a test of files")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use public_api::Builder;

/// Crates, and the features whose interface is part of it.
const CRATES: [(&str, &str); 2] = [("selvedge-runtime", ""), ("selvedge-http", "tower,tokio,password-files")];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate of the workspace").to_path_buf()
}

/// What rustdoc says of a crate, in the form it has for programs: unstable, so another release may have another one.
fn documented(name: &str, features: &str) -> Result<String, String> {
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
    let json = target.join("doc").join(format!("{}.json", name.replace('-', "_")));
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
        let api = documented(name, features).unwrap_or_else(|error| panic!("{name}: {error}"));
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
