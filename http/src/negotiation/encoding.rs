//! Accept-Encoding (RFC 9110 section 12.5.3): which content codings a client takes, and which of them to send.

use super::quality::{Elements, Grammar, Weight};
use crate::h1::{KnownField, RequestHead};

/// A content coding (RFC 9110 section 8.4.1) that a file may exist in.
///
/// ```
/// use selvedge_http::negotiation::Coding;
/// use selvedge_http::{Response, header};
///
/// // It is compressed already: the answer says so.
/// let mut response = Response::octets(&b"\x1f\x8b\x08"[..]);
/// response.head_mut().content_coding = Some(Coding::Gzip);
/// assert_eq!(response.head().to_header_map()[header::CONTENT_ENCODING], "gzip");
/// assert_eq!(Coding::BY_PREFERENCE.map(Coding::as_str), ["br", "zstd", "gzip", "identity"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Coding {
    /// The file as it is; never named in Content-Encoding.
    Identity,
    /// `gzip`, and `x-gzip`, which is the same (section 8.4.1.3).
    Gzip,
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878).
    Zstd,
}

impl Coding {
    const COUNT: usize = 4;

    /// All codings, the server's first choice first. Among codings that a client likes equally the one that is usually
    /// smallest is sent: browsers give no weights at all. h2o and Caddy look for `br`, `zstd`, `gzip` in this order;
    /// static-web-server has zstd before br, because it also compresses while it sends. The file itself comes last, or
    /// a variant would never be served.
    pub const BY_PREFERENCE: [Coding; Coding::COUNT] =
        [Coding::Brotli, Coding::Zstd, Coding::Gzip, Coding::Identity];

    /// The coding's name in Accept-Encoding and Content-Encoding.
    pub const fn as_str(self) -> &'static str {
        match self {
            Coding::Identity => "identity",
            Coding::Gzip => "gzip",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }

    /// The coding called `name`, in any case.
    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        if name.eq_ignore_ascii_case(b"x-gzip") {
            return Some(Coding::Gzip);
        }
        Coding::BY_PREFERENCE.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.as_str().as_bytes()))
    }
}

/// A set of codings: what a file exists in.
///
/// ```
/// use selvedge_http::negotiation::{Coding, CodingSet};
///
/// let mut there: CodingSet = [Coding::Identity, Coding::Gzip].into_iter().collect();
/// assert!(there.contains(Coding::Gzip) && !there.contains(Coding::Brotli));
/// there = there.with(Coding::Brotli);
/// assert!(there.iter().eq([Coding::Brotli, Coding::Gzip, Coding::Identity]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CodingSet {
    /// Bit `Coding as u8`.
    bits: u8,
}

impl CodingSet {
    /// No coding.
    pub const EMPTY: CodingSet = CodingSet { bits: 0 };
    /// Every coding.
    pub const ALL: CodingSet = CodingSet { bits: (1 << Coding::COUNT) - 1 };

    /// This set and `coding`.
    #[must_use]
    pub const fn with(self, coding: Coding) -> Self {
        CodingSet { bits: self.bits | 1 << coding as u8 }
    }

    /// This set but `coding`.
    #[must_use]
    pub const fn without(self, coding: Coding) -> Self {
        CodingSet { bits: self.bits & !(1 << coding as u8) }
    }

    /// Whether `coding` is in it.
    pub const fn contains(self, coding: Coding) -> bool {
        self.bits & 1 << coding as u8 != 0
    }

    /// Whether no coding is in it.
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// Its codings, the server's first choice first.
    pub fn iter(self) -> impl Iterator<Item = Coding> {
        Coding::BY_PREFERENCE.into_iter().filter(move |&coding| self.contains(coding))
    }
}

impl FromIterator<Coding> for CodingSet {
    fn from_iter<I: IntoIterator<Item = Coding>>(codings: I) -> Self {
        codings.into_iter().fold(CodingSet::EMPTY, CodingSet::with)
    }
}

/// What an Accept-Encoding field says: the weight of each coding.
///
/// ```
/// use selvedge_http::negotiation::{Acceptable, Coding, CodingSet};
///
/// let accepted = Acceptable::parse([&b"gzip;q=0.5, br"[..], b"identity;q=0"]);
/// assert_eq!(accepted.choose(CodingSet::ALL), Some(Coding::Brotli));
/// assert_eq!(accepted.choose(CodingSet::ALL.without(Coding::Brotli)), Some(Coding::Gzip));
/// // It is there as it is alone, which this client refuses: 406.
/// assert_eq!(accepted.choose(CodingSet::EMPTY.with(Coding::Identity)), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Acceptable {
    /// At `Coding as usize`.
    weights: [Weight; Coding::COUNT],
}

/// It is kept through a handler.
const _: () = assert!(size_of::<Acceptable>() <= 8);

impl Acceptable {
    /// Without the field every coding is acceptable, but the file as it is wanted most: no server sends a coding to
    /// somebody who did not ask for one, unless it has nothing else.
    pub const UNSTATED: Acceptable = {
        let mut weights = [Weight::LEAST; Coding::COUNT];
        weights[Coding::Identity as usize] = Weight::ONE;
        Acceptable { weights }
    };

    /// What the request whose head stands in `bytes` accepts.
    ///
    /// # Panics
    /// When `bytes` is shorter than the parsed head was.
    pub fn of_request(head: &RequestHead, bytes: &[u8]) -> Self {
        Acceptable::parse(head.values(bytes, KnownField::AcceptEncoding))
    }

    /// Reads the values of all lines of the field.
    ///
    /// * A coding named more than once has the lowest of its weights: who refused it once is not sent it.
    /// * `*` stands for the codings that are not named, identity among them.
    /// * What neither names is not acceptable, but identity is, and wanted least: whoever lists a coding wants it
    ///   rather
    ///   than none, whatever the weight. So an empty field means identity only.
    /// * Codings that are not known here are skipped.
    pub fn parse<'b>(values: impl IntoIterator<Item = &'b [u8]>) -> Self {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return Acceptable::UNSTATED;
        }
        let mut named = [None; Coding::COUNT];
        let mut others = None;
        for element in Elements::new(values, Grammar::Tokens) {
            let slot = match Coding::from_name(element.name) {
                Some(coding) => &mut named[coding as usize],
                None if element.name == b"*" => &mut others,
                None => continue,
            };
            let weight = element.weight();
            *slot = Some(slot.map_or(weight, |before: Weight| before.min(weight)));
        }
        let mut unnamed = [others.unwrap_or(Weight::ZERO); Coding::COUNT];
        unnamed[Coding::Identity as usize] = others.unwrap_or(Weight::LEAST);
        let weight_of = |index: usize| named[index].unwrap_or(unnamed[index]);
        Acceptable { weights: std::array::from_fn(weight_of) }
    }

    /// How much `coding` is wanted.
    pub const fn weight(&self, coding: Coding) -> Weight {
        self.weights[coding as usize]
    }

    /// The coding to send among those that are there: the one wanted most, among equals the first of
    /// [`Coding::BY_PREFERENCE`]. `None`: none of them is acceptable, 406.
    pub fn choose(&self, available: CodingSet) -> Option<Coding> {
        self.choose_first(available.iter())
    }

    /// The same among codings in an order of the caller's own.
    pub fn choose_first(&self, available: impl IntoIterator<Item = Coding>) -> Option<Coding> {
        let mut best: Option<Coding> = None;
        for coding in available.into_iter().filter(|&coding| self.weight(coding).is_acceptable()) {
            if best.is_none_or(|best| self.weight(coding) > self.weight(best)) {
                best = Some(coding);
            }
        }
        best
    }
}

#[cfg(test)]
mod tests;
