//! A page of figures: its text is written by hand, its figures by a command. In: what was measured. Out: the page with these
//! figures between its markers, and beside it the same as JSON and as a plot.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::json;

use super::report::Report;
use super::setting::Setting;
use crate::marked::Marks;

/// Where figures go. A page may have several.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) folder: &'a Path,
    /// The page's file name, without the ending.
    pub(crate) page: &'a str,
    /// Who writes the figures, as the line above them says.
    pub(crate) command: &'a str,
    /// The file name of plot and JSON, without the ending, from the page's folder.
    pub(crate) name: &'a str,
}

impl Place<'_> {
    /// Fails, with a way out, where there is no page to write into.
    pub(crate) fn check(self) -> anyhow::Result<()> {
        let filled = Marks::figures(&self.begin()).filled(&self.path(self.page, "md"), "");
        filled.map(drop).context("run it in the repository's top folder, or name the folder by --pages")
    }

    /// Writes page, JSON and plot.
    pub(crate) fn write(self, setting: &Setting<'_>, report: &Report) -> anyhow::Result<()> {
        let Self { page, name, .. } = self;
        for missing in &report.missing {
            eprintln!("{name}: LEFT OUT: {missing}");
        }
        ensure!(!report.is_empty(), "the page stays as it is, since nothing was measured");
        let figures = figures(name, setting, report);
        println!("# {name}\n\n{figures}");
        let save = |name: &str, ending: &str, text: &str| {
            let path = self.path(name, ending);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        };
        Marks::figures(&self.begin()).write(&self.path(page, "md"), &figures)?;
        save(name, "svg", &report.plot)?;
        let json = json!({
            "experiment": name,
            "machine": &setting.machine,
            "versions": &report.versions,
            "rounds": setting.rounds,
            "missing": &report.missing,
            "figures": &report.figures,
        });
        save(name, "json", &(serde_json::to_string_pretty(&json)? + "\n"))
    }

    /// How the line before the figures begins.
    fn begin(self) -> String {
        format!("<!-- figures: written by `selvedge-benches {}`", self.command)
    }

    fn path(self, name: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{name}.{ending}"))
    }
}

fn figures(name: &str, setting: &Setting<'_>, report: &Report) -> String {
    let machine = &setting.machine;
    let rounds = match setting.rounds {
        1 => "one round".to_owned(),
        rounds => format!("{rounds} rounds, medians with the least and the most"),
    };
    let mut text = format!(
        "Measured on {} by\n\n    {}\n\non {}, CPUs {}, {}; {}.",
        machine.date, machine.command, machine.cpu, machine.cpus, machine.kernel, rounds
    );
    if !report.versions.is_empty() {
        text += &format!(" {}.", report.versions.join("; "));
    }
    if cfg!(debug_assertions) {
        text += "\n\n**Built without optimisation: these figures only show that it runs.**";
    }
    for missing in &report.missing {
        text += &format!("\n\n**Left out: {missing}**");
    }
    for table in &report.tables {
        text += &format!("\n\n{table}");
    }
    text + &format!("\n![The figures above as a plot]({name}.svg)\n\n[All figures]({name}.json)\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_experiment_has_a_page() {
        use clap::ValueEnum;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/experiments");
        for experiment in super::super::Experiment::value_variants() {
            super::super::place(&folder, &experiment.name()).check().unwrap();
        }
    }
}
