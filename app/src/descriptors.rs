//! Who gets how many of the process's descriptors: connections, files, and what every worker needs for itself.

use std::num::NonZero;

use crate::failure::Failure;

/// Kept for the process: standard streams, listeners, signals, directories that are listed.
const RESERVED: u64 = 64;
/// Kept per worker: its ring, the places it looks at just now, and the files that helpers read for it.
const RESERVED_PER_WORKER: u64 = 54;
/// Kept per worker for each directory that is served: the directory, and where it is found from.
const PER_TREE: u64 = 2;
/// Without so many nobody can be served.
const NEEDED: u64 = 24;
/// The same per worker.
const NEEDED_PER_WORKER: u64 = 12;
/// Files each worker can have open at least.
const FILES_PER_WORKER_MIN: u64 = 4;
/// Connections where nothing else limits them.
pub const CONNECTIONS_MAX: u64 = 65_536;

/// The shares of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescriptorBudget {
    /// Open connections of the process.
    pub connections: u64,
    /// Open files of each worker.
    pub files_per_worker: u64,
}

impl DescriptorBudget {
    /// Divides `limit` (RLIMIT_NOFILE) among `workers` workers. Unless so many connections were `asked` for, they get three
    /// quarters of what is left after the reserve, and files the rest: a file that is streamed costs its worker one, however
    /// many of the worker's clients read it. `trees` directories are served.
    ///
    /// # Errors
    /// More connections were asked for than there is room for, or the workers alone need more than the limit.
    pub fn divide(
        limit: u64,
        workers: u64,
        trees: u64,
        asked: Option<NonZero<u32>>,
    ) -> Result<Self, Failure> {
        let needed = NEEDED + (NEEDED_PER_WORKER + PER_TREE * (trees - 1)) * workers;
        if limit < needed {
            return Err(Failure::fatal(
                format!(
                    "a limit of {limit} descriptors is too low to serve anybody with {workers} worker(s)"
                ),
                format!("raise it to {needed} at least (`ulimit -Hn`, LimitNOFILE= in systemd)"),
            ));
        }
        let reserved = RESERVED + (RESERVED_PER_WORKER + PER_TREE * trees) * workers;
        let left = limit - reserved.min(limit / 2);
        let possible = left.saturating_sub(FILES_PER_WORKER_MIN * workers).max(1);
        let connections = match asked.map(|asked| u64::from(asked.get())) {
            None => (left / 4 * 3).clamp(1, possible).min(CONNECTIONS_MAX),
            Some(asked) if asked <= possible => asked,
            Some(asked) => {
                return Err(Failure::fatal(
                    format!("{asked} connections need more descriptors than the limit of {limit}"),
                    format!(
                        "raise it (`ulimit -Hn`, LimitNOFILE= in systemd), or ask for at most {possible}"
                    ),
                ));
            }
        };
        let files_per_worker = (left.saturating_sub(connections) / workers).max(1);
        Ok(Self { connections, files_per_worker })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divide(limit: u64, workers: u64) -> (u64, u64) {
        let budget = DescriptorBudget::divide(limit, workers, 1, None).unwrap();
        (budget.connections, budget.files_per_worker)
    }

    #[test]
    fn three_quarters_of_what_is_left_are_for_connections() {
        assert_eq!(divide(1_024, 2), (636, 106));
        assert_eq!(divide(65_536, 8), (48_768, 2_032));
    }

    #[test]
    fn with_many_descriptors_connections_are_as_many_as_there_may_be() {
        assert_eq!(divide(1 << 20, 4), (65_536, 245_688));
    }

    #[test]
    fn all_shares_together_stay_within_every_limit_that_is_not_absurd() {
        for limit in 64..3_000 {
            for workers in [1, 2, 8, 64].into_iter().filter(|workers| limit >= 24 + 12 * workers) {
                let (connections, files) = divide(limit, workers);
                assert!(connections > 0 && files > 0, "{limit}, {workers}");
                assert!(connections + files * workers <= limit, "{limit}, {workers}");
            }
        }
    }

    #[test]
    fn a_limit_that_serves_nobody_is_refused_with_the_one_that_does() {
        let refused = DescriptorBudget::divide(16, 1, 1, None).unwrap_err().to_string();
        assert!(
            refused.contains("a limit of 16 descriptors") && refused.contains("raise it to 36"),
            "{refused}"
        );
    }

    #[test]
    fn what_is_asked_for_is_given_or_refused_with_what_is_possible() {
        let asked = |asked| DescriptorBudget::divide(1_024, 2, 1, NonZero::new(asked));
        assert_eq!(asked(840).unwrap().connections, 840);
        assert!(asked(841).unwrap_err().to_string().contains("ask for at most 840"));
    }
}
