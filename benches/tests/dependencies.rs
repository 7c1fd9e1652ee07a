//! What `.deny.toml` promises of dependencies, held in every run of the tests, without `cargo deny`: licences, sources, versions.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test is an ordinary program")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use spdx::expression::ExprNode;
use spdx::{Expression, ParseMode};
use toml::Table;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn rules() -> Table {
    fs::read_to_string(workspace().join(".deny.toml")).unwrap().parse().unwrap()
}

fn list<'a>(rules: &'a Table, section: &str, name: &str) -> impl Iterator<Item = &'a toml::Value> {
    rules[section][name].as_array().unwrap_or_else(|| panic!("{section}.{name} is a list")).iter()
}

/// All packages that are built for one of the platforms of the rules, with what is optional.
fn packages(rules: &Table) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--all-features", "--locked"]);
    for target in list(rules, "graph", "targets") {
        command.args(["--filter-platform", target.as_str().unwrap()]);
    }
    let output = command.current_dir(workspace()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let built: BTreeSet<_> = nodes.iter().map(|node| node["id"].as_str().unwrap()).collect();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.filter(|package| built.contains(package["id"].as_str().unwrap())).cloned().collect()
}

fn text<'a>(package: &'a Value, name: &str) -> &'a str {
    package[name].as_str().unwrap_or_default()
}

/// Whether the licence can be chosen among the allowed ones.
fn is_allowed(expression: &Expression, allowed: &[&str]) -> bool {
    expression.evaluate(|wanted| {
        let name = wanted.license.id().map(|id| id.name);
        wanted.addition.is_none() && name.is_some_and(|name| allowed.contains(&name))
    })
}

#[test]
fn every_licence_is_an_allowed_one_and_every_allowed_one_is_needed() {
    let rules = rules();
    let allowed: Vec<_> = list(&rules, "licenses", "allow").map(|name| name.as_str().unwrap()).collect();
    let mut named = BTreeSet::new();
    for package in packages(&rules) {
        let (name, licence) = (text(&package, "name"), text(&package, "license"));
        let expression = Expression::parse_mode(licence, ParseMode::LAX)
            .unwrap_or_else(|error| panic!("{name} has no licence that can be read: {licence:?}: {error}"));
        assert!(
            is_allowed(&expression, &allowed),
            "{name} is under {licence}, which .deny.toml does not allow"
        );
        named.extend(expression.iter().filter_map(|node| match node {
            ExprNode::Req(wanted) => wanted.req.license.id().map(|id| id.name.to_owned()),
            ExprNode::Op(_) => None,
        }));
    }
    for licence in allowed {
        assert!(named.contains(licence), "nothing is under {licence} any more: take it from .deny.toml");
    }
}

#[test]
fn every_source_is_the_one_registry_and_has_its_checksum() {
    let rules = rules();
    let mut registries = BTreeSet::new();
    assert_eq!(list(&rules, "sources", "allow-git").count(), 0);
    let lock: Table = fs::read_to_string(workspace().join("Cargo.lock")).unwrap().parse().unwrap();
    for package in lock["package"].as_array().unwrap() {
        // Without a source it is one of the workspace's own.
        let Some(source) = package.get("source").and_then(toml::Value::as_str) else { continue };
        registries
            .insert(source.strip_prefix("registry+").unwrap_or_else(|| panic!("{package:?}")).to_owned());
        assert!(package.get("checksum").is_some(), "{package:?}");
    }
    assert_eq!(registries.len(), 1, "{registries:?}");
}

#[test]
fn no_crate_is_there_in_two_versions_but_those_that_are_named() {
    let rules = rules();
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages(&rules) {
        versions
            .entry(text(&package, "name").to_owned())
            .or_default()
            .push(text(&package, "version").to_owned());
    }
    for skipped in list(&rules, "bans", "skip") {
        let (name, version) = skipped["crate"].as_str().unwrap().split_once('@').unwrap();
        let there =
            versions.get_mut(name).unwrap_or_else(|| panic!("{name} is gone: take it from .deny.toml"));
        let before = there.len();
        there.retain(|there| !there.starts_with(&format!("{version}.")));
        assert!(there.len() < before, "{name} {version} is gone: take it from .deny.toml");
    }
    for (name, versions) in versions {
        assert!(versions.len() <= 1, "{name} is there as {versions:?}: `cargo tree -i` says who wants which");
    }
}

/// All tables of dependencies of a manifest: its own, those for a platform, and those that a workspace's crates share.
fn dependencies(manifest: &Table) -> Vec<(&String, &toml::Value)> {
    let platforms = manifest.get("target").and_then(toml::Value::as_table);
    let platforms = platforms.into_iter().flatten().filter_map(|(_, platform)| platform.as_table());
    let workspace = manifest.get("workspace").and_then(toml::Value::as_table);
    let parents = [manifest].into_iter().chain(platforms).chain(workspace);
    let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = parents.flat_map(|parent| sections.into_iter().filter_map(|section| parent.get(section)));
    tables.filter_map(toml::Value::as_table).flatten().collect()
}

/// The names of those that may come in any version; what is said once for the workspace is judged there.
fn unbounded(manifest: &Table) -> Vec<&str> {
    let is_unbounded = |wanted: &toml::Value| {
        let version = wanted.as_str().or_else(|| wanted.get("version")?.as_str());
        let is_shared = wanted.get("workspace").is_some();
        version.map_or(!is_shared, |version| version.contains('*'))
    };
    let found = dependencies(manifest).into_iter().filter(|(_, wanted)| is_unbounded(wanted));
    found.map(|(name, _)| name.as_str()).collect()
}

#[test]
fn no_dependency_is_for_whatever_version_comes() {
    for folder in [".", "runtime", "http", "http/fuzz", "app", "benches"] {
        let text = fs::read_to_string(workspace().join(folder).join("Cargo.toml")).unwrap();
        let manifest: Table = text.parse().unwrap();
        assert_eq!(unbounded(&manifest), [] as [&str; 0], "of {folder}");
    }
}

#[test]
fn a_version_is_asked_for_in_every_table() {
    let manifest = "
        [dependencies]
        star = '*'
        git = { git = 'https://example.org' }
        bounded = '1'
        own = { path = '../own' }
        shared = { workspace = true }
        [dev-dependencies]
        for-tests = { version = '1.*' }
        [build-dependencies]
        for-builds = '*'
        [target.'cfg(unix)'.dependencies]
        for-a-platform = '*'
        [workspace.dependencies]
        for-all = '*'
    ";
    let manifest = manifest.parse().unwrap();
    let mut found = unbounded(&manifest);
    found.sort_unstable();
    assert_eq!(found, ["for-a-platform", "for-all", "for-builds", "for-tests", "git", "own", "star"]);
}
