//! What is done to a valid request before it is sent: little, as a fault on the way would, or what an attacker would.

use selvedge_runtime::sim::Dice;

use super::compose;
use super::versions::Versions;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutation {
    Nothing,
    Octets,
    Insertion,
    Deletion,
    Splice,
    Truncation,
    Lines,
    Lengths,
    Chunks,
    HeaderBomb,
    RangeBomb,
    Noise,
}

impl Mutation {
    const ALL: [Self; 12] = [
        Self::Nothing,
        Self::Octets,
        Self::Insertion,
        Self::Deletion,
        Self::Splice,
        Self::Truncation,
        Self::Lines,
        Self::Lengths,
        Self::Chunks,
        Self::HeaderBomb,
        Self::RangeBomb,
        Self::Noise,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Octets => "octets",
            Self::Insertion => "insertion",
            Self::Deletion => "deletion",
            Self::Splice => "splice",
            Self::Truncation => "truncation",
            Self::Lines => "lines",
            Self::Lengths => "lengths",
            Self::Chunks => "chunks",
            Self::HeaderBomb => "header bomb",
            Self::RangeBomb => "range bomb",
            Self::Noise => "noise",
        }
    }
}

/// A request to a server that has these versions, mutated.
pub(super) fn request(dice: &mut Dice, versions: &Versions) -> (Mutation, Vec<u8>) {
    let mutation = *dice.pick(&Mutation::ALL);
    let mut octets = compose::request(dice, versions);
    match mutation {
        Mutation::Nothing => {}
        Mutation::Octets => {
            for _ in 0..dice.within(1..=4) {
                let at = place(&octets, dice);
                octets[at] = match dice.below(3) {
                    0 => octets[at] ^ 1 << dice.below(8),
                    _ => telling(dice),
                };
            }
        }
        Mutation::Insertion => {
            for _ in 0..dice.within(1..=3) {
                let at = place(&octets, dice);
                octets.insert(at, telling(dice));
            }
        }
        Mutation::Deletion => {
            let from = place(&octets, dice);
            let to = (from + dice.within(1..=8) as usize).min(octets.len());
            octets.drain(from..to);
        }
        Mutation::Splice => {
            let other = compose::request(dice, versions);
            octets.truncate(place(&octets, dice));
            octets.extend_from_slice(&other[place(&other, dice)..]);
        }
        Mutation::Truncation => octets.truncate(dice.below(octets.len() as u64) as usize),
        Mutation::Lines => mutate_lines(&mut octets, dice),
        Mutation::Lengths => {
            let line = *dice.pick(&LENGTHS);
            add_line(&mut octets, line, dice);
        }
        Mutation::Chunks => octets = chunk_games(dice),
        Mutation::HeaderBomb => header_bomb(&mut octets, dice),
        Mutation::RangeBomb => octets = range_bomb(dice),
        Mutation::Noise => octets = (0..dice.within(1..=200)).map(|_| noise(dice)).collect(),
    }
    (mutation, octets)
}

/// Lines about a body's length that two readers may read in two ways.
const LENGTHS: [&str; 24] = [
    "Content-Length: 0",
    "Content-Length: 5",
    "content-length:5",
    "Content-Length: +5",
    "Content-Length: -1",
    "Content-Length: 5, 5",
    "Content-Length: 0x5",
    "Content-Length: ",
    "Content-Length: 99999999999999999999",
    "Content-Length: 1048577",
    "Content-Length: 70000",
    "Content-Length : 5",
    " Content-Length: 5",
    "Content_Length: 5",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding:\tchunked\t",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding: \u{b}chunked",
    "Host: b.example",
    "Host : b.example",
];

/// An octet's place, which there is: no request is empty.
fn place(octets: &[u8], dice: &mut Dice) -> usize {
    dice.below(octets.len() as u64) as usize
}

/// An octet that means something somewhere.
fn telling(dice: &mut Dice) -> u8 {
    match dice.below(5) {
        0 => dice.bits() as u8,
        _ => *dice.pick(b"\0\r\n\t :;,=\"/%?#*0159afGH.-\x7f\x80\xff"),
    }
}

fn noise(dice: &mut Dice) -> u8 {
    match dice.below(3) {
        0 => telling(dice),
        _ => b'a' + dice.below(26) as u8,
    }
}

/// Where the lines of a head begin, the request line left out, the empty line taken in.
fn line_starts(octets: &[u8]) -> Vec<usize> {
    let head_end = octets.windows(4).position(|end| end == b"\r\n\r\n").map_or(octets.len(), |at| at + 2);
    let ends = octets[..head_end].windows(2).enumerate().filter(|(_, pair)| pair == b"\r\n");
    ends.map(|(at, _)| at + 2).collect()
}

fn add_line(octets: &mut Vec<u8>, line: &str, dice: &mut Dice) {
    let at = *dice.pick(&line_starts(octets));
    let line = format!("{line}\r\n").into_bytes();
    octets.splice(at..at, line);
}

/// A line twice, at another place, folded, or with another end.
fn mutate_lines(octets: &mut Vec<u8>, dice: &mut Dice) {
    let starts = line_starts(octets);
    let at = dice.below(starts.len() as u64) as usize;
    let (start, end) = (starts[at], starts.get(at + 1).copied().unwrap_or(starts[at] + 2).min(octets.len()));
    match dice.below(5) {
        0 => {
            let line = octets[start..end].to_vec();
            octets.splice(start..start, line);
        }
        1 => drop(octets.drain(start..end)),
        2 => octets.insert(start, *dice.pick(b" \t")),
        // The line before it ends otherwise.
        3 => drop(
            octets.splice(start - 2..start, dice.pick(&["\n", "\r", "\r\r\n", "\n\r", "\0\r\n"]).bytes()),
        ),
        _ => drop(octets.splice(0..0, dice.pick(&["\r\n", "\r\n\r\n", "\n", " ", "\r"]).bytes())),
    }
}

const CHUNK_LINES: [&str; 24] = [
    "5\r\nhello\r\n",
    "05\r\nhello\r\n",
    "5 \r\nhello\r\n",
    "5;\r\nhello\r\n",
    "5;a=b;c=\"d;e\"\r\nhello\r\n",
    "0x5\r\nhello\r\n",
    "+5\r\nhello\r\n",
    "-5\r\nhello\r\n",
    "5\nhello\r\n",
    "5\r\nhello\n",
    "5\r\nhello",
    "5\r\nhell\r\n",
    "5\r\nhello!\r\n",
    "5;a\nhello\r\n",
    "5;\0\r\nhello\r\n",
    "\r\nhello\r\n",
    "g\r\nhello\r\n",
    "00000000000000005\r\nhello\r\n",
    "0000000000000005\r\nhello\r\n",
    "ffffffffffffffff\r\n",
    "100001\r\nhello\r\n",
    "fffff\r\nhello\r\n",
    "0\r\n\r\n",
    "0\r\nX: y\r\n\r\n",
];

fn chunk_games(dice: &mut Dice) -> Vec<u8> {
    let method = dice.pick(&["POST", "GET", "PUT"]);
    let mut octets =
        format!("{method} /a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..dice.within(1..=4) {
        octets.extend(dice.pick(&CHUNK_LINES).bytes());
    }
    match dice.below(8) {
        0 => octets
            .extend(format!("5;{}\r\nhello\r\n", "x".repeat(dice.within(4_000..=4_200) as usize)).bytes()),
        1 => octets
            .extend(format!("0\r\nX: {}\r\n\r\n", "y".repeat(dice.within(4_000..=4_200) as usize)).bytes()),
        _ => {}
    }
    octets.extend(
        dice.pick(&["0\r\n\r\n", "0\r\n\r\n", "0\r\n", "0\r\nX\r\n\r\n", "0\n\n", "0\r\n y\r\n\r\n"]).bytes(),
    );
    octets
}

/// More of a head than there may be, or just not.
fn header_bomb(octets: &mut Vec<u8>, dice: &mut Dice) {
    let at = *dice.pick(&line_starts(octets));
    let filling = match dice.below(6) {
        0 => (0..dice.within(90..=110)).map(|number| format!("X-{number}: {number}\r\n")).collect(),
        1 => "a:\r\n".repeat(dice.within(90..=4_000) as usize),
        2 => format!("X: {}\r\n", "y".repeat(dice.within(15_000..=20_000) as usize)),
        3 => format!("{}: y\r\n", "x".repeat(dice.within(15_000..=20_000) as usize)),
        4 => format!("Cookie: {}\r\n", "a=b; ".repeat(dice.within(10..=3_000) as usize)),
        _ => {
            let long = "x".repeat(dice.within(8_000..=8_400) as usize);
            let target = octets.iter().position(|&octet| octet == b' ').unwrap_or(0);
            let before = if dice.below(4) == 0 { target } else { target + 1 };
            let long = if before == target { long } else { format!("/{long}") };
            octets.splice(before..before, long.into_bytes());
            return;
        }
    };
    octets.splice(at..at, filling.into_bytes());
}

/// Many ranges, overlapping, adjoining, backwards: RFC 9110 section 14.2 warns of them.
fn range_bomb(dice: &mut Dice) -> Vec<u8> {
    let most = *dice.pick(&[4, 15, 17, 40, 700]);
    let count = dice.within(1..=most);
    let step = *dice.pick(&[0, 1, 2, 10, 4_000]);
    let length = *dice.pick(&[0, 1, 5, 4_000]);
    let ranges: Vec<String> = (0..count)
        .map(|number| match dice.below(20) {
            0 => format!("-{}", dice.below(100_000)),
            1 => format!("{}-", dice.below(100_000)),
            2 => String::new(),
            _ => format!("{}-{}", number * step, number * step + length),
        })
        .collect();
    let target = dice.pick(&["/a.txt", "/large.bin", "/large.bin", "/empty"]);
    let comma = *dice.pick(&[",", ", ", " ,"]);
    let range = format!("bytes={}", ranges.join(comma));
    format!("GET {target} HTTP/1.1\r\nHost: a\r\nRange: {range}\r\n\r\n").into_bytes()
}
