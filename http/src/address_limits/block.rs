//! What counts as one client. In: an address. Out: the block of addresses that it is in.

use std::hash::Hash;
use std::net::IpAddr;

/// A block of addresses of one family, by its first address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum AddressBlock {
    V4(u32),
    V6(u128),
}

impl AddressBlock {
    pub(super) fn of(address: IpAddr, v4_prefix_bits: u8, v6_prefix_bits: u8) -> Self {
        match address {
            IpAddr::V4(address) => {
                let rest = 32 - u32::from(v4_prefix_bits);
                Self::V4(address.to_bits() & u32::MAX.checked_shl(rest).unwrap_or(0))
            }
            IpAddr::V6(address) => {
                let rest = 128 - u32::from(v6_prefix_bits);
                Self::V6(address.to_bits() & u128::MAX.checked_shl(rest).unwrap_or(0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(address: &str, v4: u8, v6: u8) -> AddressBlock {
        AddressBlock::of(address.parse().unwrap(), v4, v6)
    }

    #[test]
    fn addresses_of_one_prefix_are_one_client() {
        for (one, other, v4, v6, is_one) in [
            ("192.0.2.1", "192.0.2.1", 32, 64, true),
            ("192.0.2.1", "192.0.2.2", 32, 64, false),
            ("192.0.2.1", "192.0.2.254", 24, 64, true),
            ("192.0.2.1", "198.51.100.7", 0, 64, true),
            ("2001:db8::1", "2001:db8::ffff:2", 32, 64, true),
            ("2001:db8::1", "2001:db8:0:1::1", 32, 64, false),
            ("2001:db8::1", "2001:db8::2", 32, 128, false),
            ("2001:db8::1", "::1", 32, 0, true),
            ("0.0.0.0", "::", 0, 0, false),
        ] {
            assert_eq!(block(one, v4, v6) == block(other, v4, v6), is_one, "{one} and {other}");
        }
    }
}
