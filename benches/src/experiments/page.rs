//! A page of figures: its text is written by hand, its figures by a command. In: what was measured. Out: the page with these
//! figures between its markers, and beside it the same as JSON and as a plot.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::json;

use super::report::Report;
use super::setting::Setting;

const END: &str = "<!-- end of figures -->";

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
        let filled = fill(&self.read()?, &self.begin(), "");
        filled.map(drop).with_context(|| self.path(self.page, "md").display().to_string())
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
        save(page, "md", &fill(&self.read()?, &self.begin(), &figures)?)?;
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

    /// The line before the figures.
    fn begin(self) -> String {
        format!("<!-- figures: written by `selvedge-benches {}` -->", self.command)
    }

    fn path(self, name: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{name}.{ending}"))
    }

    fn read(self) -> anyhow::Result<String> {
        let path = self.path(self.page, "md");
        fs::read_to_string(&path).with_context(|| {
            format!(
                "no page {}: run it in the repository's top folder, or name the folder by --pages",
                path.display()
            )
        })
    }
}

/// `page` with `figures` between the line `begin` and the next end instead of what was there.
fn fill(page: &str, begin: &str, figures: &str) -> anyhow::Result<String> {
    let parts = page.split_once(begin).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, behind)) = parts else {
        bail!("the page has no place for figures: it needs the lines '{begin}' and '{END}'");
    };
    Ok(format!("{before}{begin}\n\n{figures}\n{END}{behind}"))
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

    const BEGIN: &str = "<!-- begin -->";

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let page = format!("# Title\n\n{BEGIN}\nold\n{END}\n\nText\n\n<!-- other -->\nstays\n{END}\n");
        let filled = fill(&page, BEGIN, "new\n").unwrap();
        assert_eq!(filled, page.replace("\nold\n", "\n\nnew\n\n"));
        assert_eq!(fill(&filled, BEGIN, "new\n").unwrap(), filled, "once more changes nothing");
    }

    #[test]
    fn a_page_without_a_place_is_told_what_it_needs() {
        let error = fill(&format!("{END} {BEGIN}"), BEGIN, "").unwrap_err().to_string();
        assert!(error.contains(BEGIN) && error.contains(END), "{error}");
    }

    #[test]
    fn every_experiment_has_a_page() {
        use clap::ValueEnum;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/experiments");
        for experiment in super::super::Experiment::value_variants() {
            experiment.place(&folder).check().unwrap();
        }
    }
}
