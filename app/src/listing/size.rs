//! Sizes as people read them.

use std::fmt;

/// A number of bytes in the largest unit that leaves one or more: `151 B`, `1.5 KiB`, `12 MiB`.
#[derive(Debug, Clone, Copy)]
pub(super) struct HumanSize(pub(super) u64);

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

impl fmt::Display for HumanSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1_024 {
            return write!(f, "{} B", self.0);
        }
        let size = u128::from(self.0);
        for (index, unit) in UNITS.iter().enumerate() {
            let unit_bits = 10 * (index + 1);
            let rounded = |number: u128| (number + (1 << unit_bits) / 2) >> unit_bits;
            let (whole, tenths) = (rounded(size), rounded(size * 10));
            if tenths < 100 {
                return write!(f, "{}.{} {unit}", tenths / 10, tenths % 10);
            }
            // What rounds to a whole next unit is said in that.
            if whole < 1_024 {
                return write!(f, "{whole} {unit}");
            }
        }
        unreachable!("2^64 bytes are 16 EiB");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_digits_or_are_whole() {
        for (size, expected) in [
            (0, "0 B"),
            (1, "1 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_536, "1.5 KiB"),
            (10_188, "9.9 KiB"),
            (10_240, "10 KiB"),
            (10_200, "10 KiB"),
            (1_048_063, "1023 KiB"),
            (1_048_064, "1.0 MiB"),
            (1_048_576, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (123 << 40, "123 TiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(HumanSize(size).to_string(), expected, "{size}");
        }
    }
}
