//! When the next requests are due. In: a plan's pace and extent, and the clock. Out: the moments that a connection's next
//! requests are due at, or that there are none now, or none any more.

use std::collections::VecDeque;

use selvedge_runtime::Moment;

use super::plan::{Extent, Pace, Plan, Share};
use super::window::{Window, time_of};

/// One worker's requests that are still to be sent.
#[derive(Debug)]
pub(super) enum Supply {
    Closed(ClosedLoop),
    Open(OpenLoop),
}

/// What a connection that is free has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Some,
    /// Nothing is due now.
    NotYet,
    /// Nothing will be due any more.
    Over,
}

impl Supply {
    pub(super) fn new(plan: &Plan, share: Share, window: Window) -> Self {
        match plan.pace {
            Pace::Closed { .. } => Self::Closed(ClosedLoop::new(plan, share, window)),
            Pace::Open { requests_per_second, at_once, backlog_max } => {
                let backlog_max = share.of(backlog_max).max(1);
                Self::Open(OpenLoop {
                    backlog_max,
                    ..OpenLoop::new(plan, share, window, requests_per_second, at_once)
                })
            }
        }
    }

    /// Puts the moments at which up to `count_max` requests are due to the end of `due`; `count_max` is above 0.
    pub(super) fn take(&mut self, now: Moment, count_max: usize, due: &mut VecDeque<Moment>) -> Taken {
        match self {
            Self::Closed(closed) => closed.take(now, count_max, due),
            Self::Open(open) => open.take(now, count_max, due),
        }
    }

    /// Takes requests back that were sent on a connection whose server then said that it ends: they were not looked at, and
    /// are to be sent again.
    pub(super) fn give_back(&mut self, due: &mut VecDeque<Moment>) {
        match self {
            Self::Closed(closed) => closed.give_back(due),
            Self::Open(open) => open.returned.extend(due.drain(..)),
        }
    }
}

/// Requests are due when a connection is free.
#[derive(Debug)]
pub(super) struct ClosedLoop {
    window: Window,
    /// Of those that are counted; none where time is what ends the run.
    left: Option<u64>,
}

impl ClosedLoop {
    fn new(plan: &Plan, share: Share, window: Window) -> Self {
        let left = match plan.extent {
            Extent::Duration(_) => None,
            Extent::Requests(count) => Some(share.of(count)),
        };
        Self { window, left }
    }

    fn take(&mut self, now: Moment, count_max: usize, due: &mut VecDeque<Moment>) -> Taken {
        if now >= self.window.end {
            return Taken::Over;
        }
        let mut count = count_max;
        if let Some(left) = &mut self.left
            && now >= self.window.begin
        {
            count = usize::try_from(*left).map_or(count, |left| left.min(count));
            *left -= count as u64;
        }
        due.extend(std::iter::repeat_n(now, count));
        if count == 0 { Taken::Over } else { Taken::Some }
    }

    fn give_back(&mut self, due: &mut VecDeque<Moment>) {
        let counted = due.drain(..).filter(|&due| due >= self.window.begin).count();
        if let Some(left) = &mut self.left {
            *left += counted as u64;
        }
    }
}

/// Requests are due at fixed times. Those that are due and not sent are a number, not a queue.
#[derive(Debug)]
pub(super) struct OpenLoop {
    window: Window,
    requests_per_second: f64,
    /// So many of this worker's requests are due at one moment.
    at_once: u64,
    share: Share,
    /// The first of this worker's requests that was not sent.
    next: u64,
    /// Behind its last one.
    number_end: u64,
    /// To be sent once more. At most what was under way on all connections.
    returned: VecDeque<Moment>,
    /// More of them than that end the run.
    pub(super) backlog_max: u64,
    /// Of those for which no connection was free, when the last one came to be due.
    pub(super) backlog_at_end: u64,
    /// Nothing is sent from here on, not even what was due long before.
    give_up: Moment,
    /// This worker's requests in the time that is measured.
    pub(super) measured: u64,
    /// Those that were due and never sent.
    pub(super) unsent: u64,
}

impl OpenLoop {
    fn new(plan: &Plan, share: Share, window: Window, requests_per_second: f64, at_once: u64) -> Self {
        let due_within =
            |duration| share.of(plan.pace.due_within(duration) / at_once).saturating_mul(at_once);
        let warm_up = due_within(plan.warm_up);
        let number_end = match plan.extent {
            Extent::Duration(duration) => due_within(plan.warm_up + duration),
            Extent::Requests(count) => warm_up.saturating_add(share.of(count)),
        };
        Self {
            window,
            requests_per_second,
            at_once,
            share,
            next: 0,
            number_end,
            returned: VecDeque::new(),
            backlog_max: 1,
            backlog_at_end: 0,
            give_up: window.end + plan.timeout,
            measured: number_end - warm_up,
            unsent: 0,
        }
    }

    fn take(&mut self, now: Moment, count_max: usize, due: &mut VecDeque<Moment>) -> Taken {
        if now >= self.give_up {
            self.end(now);
        }
        let before = due.len();
        while due.len() - before < count_max {
            if let Some(again) = self.returned.pop_front() {
                due.push_back(again);
            } else if self.next < self.number_end && self.due(self.next) <= now {
                due.push_back(self.due(self.next));
                self.next += 1;
            } else {
                break;
            }
        }
        match due.len() - before {
            0 if self.next >= self.number_end => Taken::Over,
            0 => Taken::NotYet,
            _ => Taken::Some,
        }
    }

    /// When this worker's request `number` is due. The workers' turns, of so many at once, come one after the other at equal distances.
    fn due(&self, number: u64) -> Moment {
        let turn = number / self.at_once * self.share.workers + self.share.worker;
        self.window.start + time_of(turn * self.at_once, self.requests_per_second)
    }

    /// The moments at which requests were due within the time.
    pub(super) fn moments(&self) -> u64 {
        self.measured.div_ceil(self.at_once)
    }

    /// The end of the time that is measured, once all was sent: of so many requests it is when a further one would be due.
    pub(super) fn end_in_order(&self) -> Option<Moment> {
        if self.next < self.number_end || !self.returned.is_empty() || self.unsent > 0 {
            return None;
        }
        if self.window.ends() {
            return Some(self.window.end);
        }
        if self.measured == 0 {
            return None;
        }
        let last = self.number_end - 1;
        let of_its_moment = last % self.at_once + 1;
        Some(self.due(last) + time_of(of_its_moment, self.requests_per_second))
    }

    /// Requests that are due and were not sent.
    pub(super) fn backlog(&self, now: Moment) -> u64 {
        let come = self.come(now).min(self.number_end);
        come.saturating_sub(self.next) + self.returned.len() as u64
    }

    /// This worker's requests that have come to be due, were there no end.
    fn come(&self, now: Moment) -> u64 {
        let elapsed = now.since(self.window.start).as_nanos() as f64;
        let of_all = (elapsed / (1e9 / self.requests_per_second)).floor() as u64 + 1;
        self.share.of(of_all.div_ceil(self.at_once)).saturating_mul(self.at_once)
    }

    /// When the first request is due that is not yet; none behind the last one.
    pub(super) fn next_due(&self, now: Moment) -> Option<Moment> {
        // By floating point those before may be due a nanosecond later.
        let first = self.come(now).saturating_sub(self.at_once);
        let numbers = (0..3).map(|further| first + further * self.at_once);
        let left = numbers.take_while(|&number| number < self.number_end);
        left.map(|number| self.due(number)).find(|&due| due > now)
    }

    /// Gives up what is due and was not sent, and all that is due later.
    pub(super) fn end(&mut self, now: Moment) {
        self.unsent += self.backlog(now);
        self.number_end = self.number_end.min(self.next);
        self.returned.clear();
    }
}

#[cfg(test)]
mod tests;
