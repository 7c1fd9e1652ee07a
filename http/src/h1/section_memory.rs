//! Field sections that have come before. In: what follows a request line. Out: its parsed section, if its octets are those of one
//! that was parsed: most clients' next request has the field lines of their last one.

use super::field_section::FieldSection;
use super::known_field::KnownField;
use super::request::{RequestHead, Version};

/// Sections that are kept; then the oldest goes.
const SECTIONS_MAX: usize = 32;

/// Octets of one; longer ones are parsed each time.
const SECTION_BYTES_MAX: usize = 1024;

/// Sections of a worker's last heads.
#[derive(Debug, Default)]
pub(crate) struct SectionMemory {
    sections: Vec<Remembered>,
    /// The one that was found last.
    last: u8,
    /// The one that goes next.
    oldest: u8,
}

const _: () = assert!(SECTIONS_MAX <= 256);

#[derive(Debug)]
struct Remembered {
    octets: Vec<u8>,
    version: Version,
    section: FieldSection,
}

/// Where a connection's last section is, if it is still there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hint(u8);

impl SectionMemory {
    /// What is known of the section that `received` begins with, and its length.
    #[inline]
    pub(super) fn find(
        &mut self,
        hint: &mut Hint,
        received: &[u8],
        version: Version,
    ) -> Option<(&FieldSection, usize)> {
        let is_it = |index: u8| {
            let remembered = self.sections.get(usize::from(index));
            remembered.is_some_and(|remembered| {
                remembered.version == version && received.starts_with(&remembered.octets)
            })
        };
        let found = if is_it(hint.0) {
            hint.0
        } else if is_it(self.last) {
            self.last
        } else {
            return None;
        };
        (hint.0, self.last) = (found, found);
        let Remembered { octets, section, .. } = &self.sections[usize::from(found)];
        Some((section, octets.len()))
    }

    /// Keeps the section of a head that was parsed from `octets`. One with a secret where secrets usually are is not kept: how long a
    /// comparison takes would tell another client of it.
    pub(crate) fn remember(&mut self, hint: &mut Hint, head: &RequestHead, octets: &[u8]) {
        let (section, octets) = (*head.section(), head.section_octets(octets));
        let has_secret = section.has(KnownField::Authorization) || section.has(KnownField::Cookie);
        if octets.len() > SECTION_BYTES_MAX || has_secret {
            return;
        }
        let is_it =
            |remembered: &Remembered| remembered.version == head.version() && remembered.octets == octets;
        // Found neither by its connection, which may be new, nor last: it takes no place from others.
        if let Some(index) = self.sections.iter().position(is_it) {
            (hint.0, self.last) = (index as u8, index as u8);
            return;
        }
        let index = if self.sections.len() < SECTIONS_MAX {
            let octets = Vec::with_capacity(SECTION_BYTES_MAX);
            self.sections.push(Remembered { octets, version: head.version(), section });
            self.sections.len() - 1
        } else {
            let oldest = usize::from(self.oldest);
            self.oldest = ((oldest + 1) % SECTIONS_MAX) as u8;
            oldest
        };
        let remembered = &mut self.sections[index];
        (remembered.version, remembered.section) = (head.version(), section);
        remembered.octets.clear();
        remembered.octets.extend_from_slice(octets);
        (hint.0, self.last) = (index as u8, index as u8);
    }
}

#[cfg(test)]
mod tests;
