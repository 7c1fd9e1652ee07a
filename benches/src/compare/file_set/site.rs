//! The files of a site: pages, styles, programs, drawings, data and pictures, made from a seed so that what is text shrinks as text
//! does. What shrinks has siblings in brotli and gzip.

mod text;

use std::io::Write;

use brotli::CompressorWriter;
use flate2::{Compression, write::GzEncoder};
use selvedge_runtime::sim::Dice;

use super::SetFile;

/// What a file is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Like {
    Page,
    Style,
    Program,
    Drawing,
    Data,
    /// Compressed by its format.
    Picture,
}

/// Names, what they are like, and sizes in bytes.
const FILES: [(&str, Like, usize); 20] = [
    ("index.html", Like::Page, 24_000),
    ("about.html", Like::Page, 9_000),
    ("article.html", Like::Page, 62_000),
    ("archive.html", Like::Page, 118_000),
    ("site.css", Like::Style, 46_000),
    ("print.css", Like::Style, 2_000),
    ("fonts.css", Like::Style, 5_000),
    ("app.js", Like::Program, 180_000),
    ("vendor.js", Like::Program, 300_000),
    ("chart.js", Like::Program, 88_000),
    ("menu.js", Like::Program, 7_000),
    ("logo.svg", Like::Drawing, 4_000),
    ("icons.svg", Like::Drawing, 31_000),
    ("map.svg", Like::Drawing, 120_000),
    ("index.json", Like::Data, 210_000),
    ("feed.json", Like::Data, 17_000),
    ("photo.jpg", Like::Picture, 240_000),
    ("portrait.jpg", Like::Picture, 95_000),
    ("thumbnail.webp", Like::Picture, 12_000),
    ("icon.png", Like::Picture, 3_000),
];

const SEED: u64 = 0x517e;
/// Of 0 to 11. The last two take ten times as long for some hundredths less.
const BROTLI_QUALITY: u32 = 9;
/// Base-two logarithm of the window, what brotli(1) takes for files of this size.
const BROTLI_WINDOW: u32 = 22;

pub(super) fn files(directory: &'static str) -> impl Iterator<Item = SetFile> {
    (0..FILES.len()).flat_map(move |number| {
        let (name, like, bytes) = FILES[number];
        with_siblings(format!("{directory}/{name}"), make(number as u64, like, bytes), like)
    })
}

pub(super) fn paths(directory: &str) -> Vec<String> {
    FILES.iter().map(|(name, ..)| format!("/{directory}/{name}")).collect()
}

fn make(number: u64, like: Like, bytes: usize) -> Vec<u8> {
    let mut dice = Dice::new(SEED + number);
    match like {
        Like::Page => text::page(&mut dice, bytes),
        Like::Style => text::style(&mut dice, bytes),
        Like::Program => text::program(&mut dice, bytes),
        Like::Drawing => text::drawing(&mut dice, bytes),
        Like::Data => text::data(&mut dice, bytes),
        Like::Picture => (0..bytes).map(|_| dice.bits() as u8).collect(),
    }
}

fn with_siblings(name: String, content: Vec<u8>, like: Like) -> Vec<SetFile> {
    let mut files = Vec::new();
    if like != Like::Picture {
        files.push(SetFile { name: format!("{name}.br"), content: brotli(&content) });
        files.push(SetFile { name: format!("{name}.gz"), content: gzip(&content) });
    }
    files.insert(0, SetFile { name, content });
    files
}

fn brotli(content: &[u8]) -> Vec<u8> {
    let mut compressor = CompressorWriter::new(Vec::new(), 4096, BROTLI_QUALITY, BROTLI_WINDOW);
    compressor.write_all(content).expect("memory takes it");
    compressor.into_inner()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_files_of_2_to_300_kb_are_as_long_as_they_are_said_to_be() {
        assert_eq!(paths("site").len(), 20);
        for (number, (name, like, bytes)) in FILES.into_iter().enumerate() {
            assert!((2_000..=300_000).contains(&bytes), "{name}");
            assert_eq!(make(number as u64, like, bytes).len(), bytes, "{name}");
        }
    }

    #[test]
    fn text_shrinks_as_text_does_and_pictures_do_not() {
        for like in [Like::Page, Like::Style, Like::Program, Like::Drawing, Like::Data] {
            let share = gzip(&make(1, like, 40_000)).len() as f64 / 40_000.0;
            assert!((0.10..0.45).contains(&share), "{like:?}: {share}");
        }
        assert!(gzip(&make(1, Like::Picture, 40_000)).len() > 39_000);
    }

    #[test]
    fn siblings_hold_the_same_text() {
        let files = with_siblings("a.html".into(), make(0, Like::Page, 5_000), Like::Page);
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["a.html", "a.html.br", "a.html.gz"]);
        for (coding, file) in [("br", &files[1]), ("gzip", &files[2])] {
            let text = crate::compare::check::decoded(&file.content, Some(coding)).expect("it is whole");
            assert_eq!(text, files[0].content, "{coding}");
        }
    }
}
