//! What is counted: each step of each kind of request, many times. Between the steps callgrind counts nothing.

use std::hint::black_box;

use selvedge_http::StatusCode;
use selvedge_http::conditional::{self, Outcome};
use selvedge_http::h1::date::format_date;
use selvedge_http::h1::{
    CompleteHead, DATE_LEN, HeadScanner, HeadWriter, Limits, RequestHead, Scan, WrittenHead,
};
use selvedge_http::path::SitePath;
use selvedge_http::range::{self, RangeOutcome};
use selvedge_http::validators::Validators;

use super::heads;

/// The names by which callgrind knows what it counts, and where it writes a count down: parts of the two functions' own.
pub(super) const COUNTED: &str = "selvedge_counted_step";
pub(super) const NOTED: &str = "selvedge_noted_step";

/// Requests, by who sends them.
pub(super) const REQUESTS: [(&str, &[u8]); 3] =
    [("wrk", heads::WRK), ("curl", heads::CURL), ("browser", heads::BROWSER)];

/// In the order of a request's walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Scan,
    Parse,
    Path,
    Conditions,
    Head,
}

impl Step {
    pub(super) const ALL: [Self; 5] = [Self::Scan, Self::Parse, Self::Path, Self::Conditions, Self::Head];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Scan => "scan: find the head's end",
            Self::Parse => "parse: request line, fields, framing",
            Self::Path => "path: as one below the root",
            Self::Conditions => "conditions and range",
            Self::Head => "head of the answer",
        }
    }
}

/// A second in 2023, and the size of a file.
const UNIX_S: u64 = 1_700_000_000;
const FILE_BYTES: u64 = 151;

/// All that the steps work on: made before, so that none of it is counted.
struct Sample {
    complete: CompleteHead<'static>,
    limits: Limits,
    head: RequestHead,
    decoded: Vec<u8>,
    validators: Validators,
    date: [u8; DATE_LEN],
    answer: Vec<u8>,
}

/// Every step of every request in turn, as [`REQUESTS`] and [`Step::ALL`] order them.
pub(super) fn take_all(requests: u64) {
    for (_, octets) in REQUESTS {
        let mut sample = Sample::new(octets);
        for step in Step::ALL {
            // Once before: what is found out about the processor at the first call is not counted.
            sample.take(step);
            selvedge_counted_step(step, &mut sample, requests);
            selvedge_noted_step(step);
        }
    }
}

/// Callgrind counts from where this is entered to where it returns.
#[inline(never)]
fn selvedge_counted_step(step: Step, sample: &mut Sample, requests: u64) {
    let mut left = requests;
    while left > 0 {
        sample.take(step);
        left -= 1;
    }
}

/// Callgrind writes down what it has counted, and begins at 0. It takes one instruction per function: hence another one.
#[inline(never)]
fn selvedge_noted_step(step: Step) {
    black_box(step);
}

impl Sample {
    fn new(octets: &'static [u8]) -> Self {
        let limits = Limits::default();
        let complete = scan(octets, &limits);
        let head = RequestHead::parse(complete, &limits).expect("the requests are valid");
        Self {
            complete,
            limits,
            head,
            decoded: Vec::new(),
            validators: Validators::of_file(FILE_BYTES, UNIX_S as i64, 123_456_789),
            date: format_date(UNIX_S),
            answer: vec![0; 1_024],
        }
    }

    /// Nothing is known beforehand of what goes in, and all that comes out is wanted.
    #[inline(always)]
    fn take(&mut self, step: Step) {
        let octets = black_box(self.complete.bytes());
        match step {
            Step::Scan => drop_result(scan(octets, &self.limits)),
            Step::Parse => drop_result(RequestHead::parse(black_box(self.complete), &self.limits)),
            Step::Path => drop_result(SitePath::resolve(self.head.path(octets), &mut self.decoded)),
            Step::Conditions => drop_result(self.conditions(octets)),
            Step::Head => drop_result(self.write_head()),
        }
    }

    fn conditions(&self, octets: &[u8]) -> (Outcome, RangeOutcome) {
        let (head, validators) = (black_box(&self.head), &self.validators);
        let outcome = conditional::evaluate(head, octets, validators);
        (outcome, range::evaluate(head, octets, validators, FILE_BYTES, UNIX_S))
    }

    fn write_head(&mut self) -> WrittenHead {
        let tag = self.validators.entity_tag.as_ref().expect("the file has one");
        let mut writer = HeadWriter::new(black_box(&mut self.answer));
        writer.status(StatusCode::OK).date(&self.date).field("content-type", b"text/html; charset=utf-8");
        writer.content_length(FILE_BYTES).last_modified(&self.date).field("etag", tag.as_bytes());
        writer.accept_ranges().finish().expect("the room is enough")
    }
}

fn scan<'b>(octets: &'b [u8], limits: &Limits) -> CompleteHead<'b> {
    match HeadScanner::new().scan(octets, limits) {
        Ok(Scan::Complete(complete)) => complete,
        other => panic!("the requests are whole: {other:?}"),
    }
}

#[inline(always)]
fn drop_result<T>(result: T) {
    drop(black_box(result));
}
