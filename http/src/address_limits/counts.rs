//! How many each address has now. In: its cells, when one comes and when one ends. Out: whether one more may come.

use std::num::NonZero;
use std::sync::atomic::{AtomicU32, Ordering};

use super::rows::{Cells, Rows};

/// The numbers of all addresses.
#[derive(Debug)]
pub(super) struct Counts {
    cells: Box<[AtomicU32]>,
    max: u32,
}

impl Counts {
    pub(super) const CELL_BYTES: usize = size_of::<AtomicU32>();

    pub(super) fn new(rows: &Rows, max: NonZero<u32>) -> Self {
        Self { cells: (0..rows.len()).map(|_| AtomicU32::new(0)).collect(), max: max.get() }
    }

    /// Counts one more, unless that is too many in every row.
    ///
    /// Looked at after the count, in one order for all threads: of those that are within the limit by their own look, the last
    /// to count has seen all others. So there are never more of them than the limit.
    pub(super) fn enter(&self, cells: Cells) -> bool {
        for cell in cells {
            self.cells[cell].fetch_add(1, Ordering::SeqCst);
        }
        let is_within = cells.iter().any(|&cell| self.cells[cell].load(Ordering::SeqCst) <= self.max);
        if !is_within {
            self.leave(cells);
        }
        is_within
    }

    /// Counts one less.
    pub(super) fn leave(&self, cells: Cells) {
        for cell in cells {
            self.cells[cell].fetch_sub(1, Ordering::SeqCst);
        }
    }
}
