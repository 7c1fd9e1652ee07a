//! What a completion is about: the 64 bits that travel through the kernel in `user_data`.
//!
//! ```text
//!  63      56 55                 32 31                             0
//! +----------+---------------------+--------------------------------+
//! |   kind   |     generation      |             index              |
//! +----------+---------------------+--------------------------------+
//! ```
//!
//! The generation catches mistakes; safety rests on op slots being freed only at their last completion.

/// Generations are counted in 24 bits and wrap.
pub(super) const GENERATION_MASK: u32 = 0x00ff_ffff;

/// The kinds of completion a ring can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// A completion of the op in slot `index`.
    Op { index: u32, generation: u32 },
    /// Another ring rang (MSG_RING), the message carries nothing.
    Doorbell,
    /// The eventfd that other threads ring with became readable.
    EventFd,
    /// Our MSG_RING to the inbox `index` failed: successes are not reported.
    RingFailed { index: u32 },
    /// Our attempt to cancel the op in slot `index` was made; the op's own completion comes apart from it.
    Cancel { index: u32, generation: u32 },
    /// Nobody waits for this completion (close).
    Unattended,
}

impl Token {
    pub(super) const fn encode(self) -> u64 {
        let (kind, generation, index) = match self {
            Self::Op { index, generation } => (1, generation & GENERATION_MASK, index),
            Self::Doorbell => (2, 0, 0),
            Self::EventFd => (3, 0, 0),
            Self::RingFailed { index } => (4, 0, index),
            Self::Unattended => (5, 0, 0),
            Self::Cancel { index, generation } => (6, generation & GENERATION_MASK, index),
        };
        (kind << 56) | ((generation as u64) << 32) | index as u64
    }

    /// # Panics
    /// On bits that `encode` cannot have made: a ring carries our own tokens only.
    pub(super) fn decode(bits: u64) -> Self {
        let index = bits as u32;
        match bits >> 56 {
            1 => Self::Op { index, generation: (bits >> 32) as u32 & GENERATION_MASK },
            2 => Self::Doorbell,
            3 => Self::EventFd,
            4 => Self::RingFailed { index },
            5 => Self::Unattended,
            6 => Self::Cancel { index, generation: (bits >> 32) as u32 & GENERATION_MASK },
            _ => panic!("a completion with a foreign token {bits:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_the_way_through_the_kernel() {
        for token in [
            Token::Op { index: u32::MAX, generation: GENERATION_MASK },
            Token::Op { index: 0, generation: 0 },
            Token::Doorbell,
            Token::EventFd,
            Token::RingFailed { index: 4095 },
            Token::Cancel { index: 7, generation: GENERATION_MASK },
            Token::Unattended,
        ] {
            assert_eq!(Token::decode(token.encode()), token);
        }
    }

    #[test]
    fn a_generation_beyond_its_bits_leaves_the_kind_alone() {
        let op = Token::Op { index: 7, generation: GENERATION_MASK + 2 };
        assert_eq!(Token::decode(op.encode()), Token::Op { index: 7, generation: 1 });
        let cancel = Token::Cancel { index: 7, generation: GENERATION_MASK + 2 };
        assert_eq!(Token::decode(cancel.encode()), Token::Cancel { index: 7, generation: 1 });
    }

    #[test]
    #[should_panic(expected = "a foreign token")]
    fn what_no_ring_of_ours_has_made_is_a_mistake() {
        Token::decode(7 << 56);
    }
}
