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
        // Rows by double hashing: two halves of one hash are as good as a hash for each row (Kirsch and Mitzenmacher, 2006).
        let (start, step) = (hash as usize & 0xffff_ffff, (hash >> 32) as usize | 1);
        std::array::from_fn(|row| {
            row * (self.mask + 1) + (start.wrapping_add(row.wrapping_mul(step)) & self.mask)
        })
    }
}
