//! Where the numbers of an address stand. In: a block of addresses. Out: its cell in each row.
//!
//! A count-min sketch (Cormode and Muthukrishnan, 2005): an address has one cell in each of several rows, others may have
//! the same cell in one row, and hardly ever in all.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

use super::block::AddressBlock;

/// Rows of cells.
pub(super) const ROWS: usize = 4;

/// Cells of a row for each address that may be there: with 4, a row of addresses at their limit hides one in five others, and
/// four rows one in 400; of addresses with a tenth of it each, one in two million.
const CELLS_PER_ADDRESS: usize = 4;

/// More addresses than a process has descriptors for (`fs.nr_open`, proc_sys_fs(5)).
const ADDRESSES_MAX: usize = 1 << 24;

/// The cells of an address in a table of all rows, one behind the other.
pub(super) type Cells = [usize; ROWS];

#[derive(Debug)]
pub(super) struct Rows {
    /// Cells of one row, less one: all ones in binary.
    mask: usize,
    /// Nobody outside can choose addresses that meet.
    secret: OnceLock<u128>,
}

impl Rows {
    pub(super) fn new(addresses_max: usize) -> Self {
        Self { mask: Self::cells_of(addresses_max) / ROWS - 1, secret: OnceLock::new() }
    }

    /// Cells of all rows together.
    pub(super) fn cells_of(addresses_max: usize) -> usize {
        ROWS * (addresses_max.clamp(1, ADDRESSES_MAX) * CELLS_PER_ADDRESS).next_power_of_two()
    }

    pub(super) fn len(&self) -> usize {
        (self.mask + 1) * ROWS
    }

    /// What stands for the block from now on. On a worker, which knows the secret.
    pub(super) fn hash(&self, block: AddressBlock) -> u64 {
        // SipHash, with the secret as the beginning of what is hashed.
        let mut hasher = DefaultHasher::new();
        self.secret.get_or_init(selvedge_runtime::random_bits).hash(&mut hasher);
        block.hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn cells(&self, hash: u64) -> Cells {
        // Each row has a quarter of the hash, and with more than 2^16 cells in a row bits of the next one besides. Rows
        // that follow from two numbers (double hashing) would not do: who meets in two of them would meet in all.
        std::array::from_fn(|row| {
            row * (self.mask + 1) + (hash.rotate_right(16 * row as u32) as usize & self.mask)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the process' secret is.
    fn hash(number: u32) -> u64 {
        let mut hasher = DefaultHasher::new();
        number.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn addresses_that_meet_in_some_rows_do_not_meet_in_all() {
        let rows = Rows::new(64);
        assert_eq!(rows.len(), 4 * 256);
        let one = rows.cells(hash(0));
        let met =
            |number| rows.cells(hash(number)).iter().zip(one).filter(|(cell, mine)| **cell == *mine).count();
        let mut by_rows = [0; ROWS + 1];
        (1..=100_000).for_each(|number| by_rows[met(number)] += 1);
        // 1,563 and 9.2 are to be expected in one row and in two.
        assert!((1_300..1_800).contains(&by_rows[1]) && (1..30).contains(&by_rows[2]), "{by_rows:?}");
        assert_eq!(by_rows[4], 0, "{by_rows:?}");
    }
}
