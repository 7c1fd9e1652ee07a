//! Counts in sentences. In: how many there are, and what one is called, and several. Out: both, in agreement.

use std::fmt::Display;

/// `1 connection`, `2 connections`, `0 connections`.
pub(crate) fn counted(count: impl Display, one: &str, several: &str) -> String {
    let count = count.to_string();
    let what = if count == "1" { one } else { several };
    format!("{count} {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_several() {
        assert_eq!(
            [0, 1, 2].map(|count| counted(count, "round", "rounds")),
            ["0 rounds", "1 round", "2 rounds"]
        );
    }
}
