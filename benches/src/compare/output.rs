//! Files that what was measured is written to. In: their names, and a comparison. Out: JSON, a plot, a page, a part of the README.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use clap::Args;

use super::{comparison::Comparison, page, plot, readme};
use crate::marked::{FIGURES, MEASURED};

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Output {
    /// Write everything measured to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the CPU time per request into this file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Write all of it into this page, between its markers, and plots and figures into the folder of its name: docs/benchmarks.md
    #[arg(long, value_name = "FILE.md")]
    page: Option<PathBuf>,
    /// Write the main figures into this page, between its markers: README.md
    #[arg(long, value_name = "FILE.md")]
    readme: Option<PathBuf>,
}

impl Output {
    /// # Errors
    /// What could not be written, before anything is measured in vain.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let files = [&self.json, &self.plot, &self.page, &self.readme];
        files.into_iter().flatten().try_for_each(|path| can_be_written(path))?;
        if let Some(page) = &self.page {
            FIGURES.filled(page, "")?;
        }
        if let Some(readme) = &self.readme {
            MEASURED.filled(readme, "")?;
        }
        Ok(())
    }

    /// # Errors
    /// When a file cannot be written.
    pub(super) fn write(&self, measured: &Comparison) -> anyhow::Result<()> {
        if let Some(path) = &self.json {
            write(path, &serde_json::to_string_pretty(measured)?)?;
        }
        if let Some(path) = &self.plot {
            write(path, &plot::cpu_time(measured))?;
        }
        if let Some(path) = &self.page {
            page::write(path, measured)?;
        }
        if let Some(path) = &self.readme {
            MEASURED.write(path, &readme::text(measured))?;
        }
        Ok(())
    }
}

/// Writes a file.
pub(super) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn can_be_written(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    ensure!(!path.is_dir(), "cannot write {}: it is a directory", path.display());
    let trial = tempfile::tempfile_in(folder.unwrap_or(Path::new(".")));
    trial.map(drop).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_and_the_page_of_the_comparison_have_a_place() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        MEASURED.filled(&workspace.join("README.md"), "").unwrap();
        FIGURES.filled(&workspace.join("docs/benchmarks.md"), "").unwrap();
    }
}
