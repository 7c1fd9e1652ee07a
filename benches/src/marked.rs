//! Pages of which a command writes a part. In: a page whose part stands between two comments, and a new text for it. Out: the page with
//! it. What is written by hand around the comments stays as it is.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

/// The comments around a part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks<'a> {
    /// How the first begins; it may say more.
    begin: &'a str,
    end: &'a str,
}

/// Around the figures of a page in `docs`.
pub(crate) const FIGURES: Marks<'_> = Marks::figures("<!-- figures: written by `selvedge-benches");
/// Around those of the README.
pub(crate) const MEASURED: Marks<'_> = Marks { begin: "<!-- measured: begin", end: "<!-- measured: end -->" };

impl<'a> Marks<'a> {
    /// Around figures of a page in `docs`, of which there are several.
    pub(crate) const fn figures(begin: &'a str) -> Self {
        Self { begin, end: "<!-- end of figures -->" }
    }

    /// The page in this file with `text` between its comments.
    ///
    /// # Errors
    /// When the page cannot be read, or has no place for it.
    pub(crate) fn filled(self, path: &Path, text: &str) -> anyhow::Result<String> {
        let page = fs::read_to_string(path)
            .with_context(|| format!("no page {}: name one that is there", path.display()))?;
        self.fill(&page, text).with_context(|| path.display().to_string())
    }

    /// Writes `text` between the comments of the page in this file.
    ///
    /// # Errors
    /// As [`filled`](Self::filled), and when it cannot be written.
    pub(crate) fn write(self, path: &Path, text: &str) -> anyhow::Result<()> {
        fs::write(path, self.filled(path, text)?).with_context(|| format!("cannot write {}", path.display()))
    }

    /// `page` with `text` between its comments instead of what was there.
    fn fill(self, page: &str, text: &str) -> anyhow::Result<String> {
        let Self { begin, end } = self;
        let parts = || {
            let at = page.find(begin)?;
            let (comment, rest) = page[at..].split_once("-->")?;
            Some((&page[..at], comment, rest.split_once(end)?.1))
        };
        let Some((before, comment, behind)) = parts() else {
            bail!(
                "the page has no place for figures: it needs a line that begins with '{begin}', and then '{end}'"
            );
        };
        Ok(format!("{before}{comment}-->\n\n{}\n\n{end}{behind}", text.trim_end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_comments_changes() {
        let page = "# Title\n\n<!-- measured: begin. By hand. -->\nold -->\n<!-- measured: end -->\n\nText\n";
        let filled = MEASURED.fill(page, "new\n").unwrap();
        assert_eq!(
            filled,
            "# Title\n\n<!-- measured: begin. By hand. -->\n\nnew\n\n<!-- measured: end -->\n\nText\n"
        );
        assert_eq!(MEASURED.fill(&filled, "new").unwrap(), filled, "once more changes nothing");
    }

    #[test]
    fn a_page_without_a_place_is_told_what_it_needs() {
        let Marks { begin, end } = FIGURES;
        for page in [String::new(), format!("{end} {begin} -->"), format!("{begin} -->")] {
            let error = FIGURES.fill(&page, "").unwrap_err().to_string();
            assert!(error.contains(begin) && error.contains(end), "{error}");
        }
        let error = FIGURES.filled(Path::new("/no/such/page.md"), "").unwrap_err();
        assert!(error.to_string().contains("no page /no/such/page.md"), "{error:#}");
    }
}
