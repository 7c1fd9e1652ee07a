//! Test files of other servers and parsers, carried over whole: what they send, what becomes of it there, and what
//! becomes of it here. Where the two differ the sentence that decides stands with the case.

pub(crate) mod lighttpd;
pub(crate) mod llhttp;
pub(crate) mod nginx;
pub(crate) mod warp;

mod sentences;

use crate::runner::reply::{ExpectedReply, ReplyRow, reply_row};
use crate::runner::row::{Body, Expected, Row, row};

/// A case of a peer's.
pub(crate) struct Case<R> {
    row: R,
    theirs: Theirs,
    /// Why the outcome here is another.
    differs: Option<&'static str>,
}

/// What becomes of it at the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theirs {
    /// It is read to its end, whatever the answer is.
    Accepts,
    /// It is refused; what refuses it is a parser, and has no status.
    Refuses,
    /// It, or the last request of it, is answered with this status.
    Answers(u16),
}

impl<R: Outcome> Case<R> {
    pub(crate) fn name(&self) -> &str {
        self.row.name()
    }

    /// Says why the outcome here is another one.
    pub(crate) fn differs(mut self, why: &'static str) -> Self {
        self.differs = Some(why);
        self
    }
}

/// A case that is about requests. Its name says the file and what it is called there.
pub(crate) fn case(
    name: &str,
    theirs: Theirs,
    octets: impl AsRef<[u8]>,
    expected: impl Into<Vec<Expected>>,
) -> Case<Row> {
    Case { row: row(name, format!("{theirs:?} there"), octets, expected), theirs, differs: None }
}

/// A case that is about answers.
pub(crate) fn reply_case(
    name: &str,
    theirs: u16,
    request: impl Into<String>,
    expected: impl Into<Vec<ExpectedReply>>,
) -> Case<ReplyRow> {
    let theirs = Theirs::Answers(theirs);
    Case { row: reply_row(name, format!("{theirs:?} there"), request, expected), theirs, differs: None }
}

/// The rows of cases, after a look at whether each says truly that it differs, or that it does not.
pub(crate) fn rows<R: Outcome>(cases: Vec<Case<R>>) -> Vec<R> {
    let wrong: Vec<String> = cases
        .iter()
        .filter(|case| case.row.agrees(case.theirs) == case.differs.is_some())
        .map(|case| format!("{}: {:?} there, differs: {:?}", case.row.name(), case.theirs, case.differs))
        .collect();
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    cases.into_iter().map(|case| case.row).collect()
}

/// What a row expects, as far as it can be held against a peer's outcome.
pub(crate) trait Outcome {
    fn name(&self) -> &str;
    fn agrees(&self, theirs: Theirs) -> bool;
}

impl Outcome for Row {
    fn name(&self) -> &str {
        &self.name
    }

    fn agrees(&self, theirs: Theirs) -> bool {
        let refused = self.expected.iter().find_map(|expected| match expected {
            Expected::Refused(status, _) => Some(*status),
            Expected::Accepted(told) => match told.body {
                Body::Refused(reject) => Some(reject.status().as_u16()),
                _ if told.answer >= 400 => Some(told.answer),
                _ => None,
            },
            Expected::Incomplete => None,
        });
        match (theirs, refused) {
            (Theirs::Accepts, None) | (Theirs::Refuses, Some(_)) => true,
            (Theirs::Answers(theirs), None) => theirs < 400,
            (Theirs::Answers(theirs), Some(ours)) => theirs == ours,
            (Theirs::Accepts, Some(_)) | (Theirs::Refuses, None) => false,
        }
    }
}

impl Outcome for ReplyRow {
    fn name(&self) -> &str {
        &self.name
    }

    fn agrees(&self, theirs: Theirs) -> bool {
        let ours = self.expected.last().map(ExpectedReply::status);
        matches!((theirs, ours), (Theirs::Answers(theirs), Some(ours)) if theirs == ours)
    }
}

/// Checks that all cases of a file are there: as a row, or left out with a reason.
pub(crate) fn assert_whole(file: &str, cases: usize, carried: usize, left_out: &[LeftOut]) {
    let left: usize = left_out.iter().map(|left| left.cases).sum();
    let reasons: Vec<&str> = left_out.iter().map(|left| left.reason).collect();
    assert_eq!(carried + left, cases, "{file}: {carried} carried over, {left} left out: {reasons:?}");
}

/// Cases of a file that are no rows.
pub(crate) struct LeftOut {
    pub(crate) cases: usize,
    /// What they are about, and why they are no rows.
    pub(crate) reason: &'static str,
}
