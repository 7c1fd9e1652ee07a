//! The numbers of a server and of the runtime under it, all workers together.

use std::time::Duration;

use selvedge_runtime::{BufferPool, BufferUsage, Counter, Counters, Handle, TURN_BUCKETS, channel, timer};

use super::Exposition;
use crate::record::CloseReason;
use crate::server::Control;
use crate::shared::{DURATION_BOUNDS, Figures};

/// How long a worker has to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(1);

/// The labels of exchanges, by the hundreds of their status.
const STATUS_CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// What each worker holds now, of those that answer in time.
pub(super) async fn usages(handle: &Handle) -> Vec<BufferUsage> {
    let (answer, answers) = channel::bounded(handle.workers());
    for worker in 0..handle.workers() {
        let answer = answer.clone();
        // Busy: it does not answer.
        let _ = handle.run_on(worker, move || {
            let _ = answer.try_send(BufferPool::usage());
        });
    }
    // With the last job that ran, or was dropped with its worker, the channel ends.
    drop(answer);
    let mut usages = Vec::with_capacity(handle.workers());
    let all = async {
        while let Ok(usage) = answers.recv().await {
            usages.push(usage);
        }
    };
    let _ = timer::timeout(ANSWER_TIME_MAX, all).await;
    usages
}

pub(super) fn tell(page: &mut Exposition, control: &Control, handle: &Handle, usages: &[BufferUsage]) {
    page.info("selvedge_build_info", "The version that runs.", "version", env!("CARGO_PKG_VERSION"));
    page.gauge("selvedge_workers", "Workers: threads that serve.", handle.workers());
    page.gauge(
        "selvedge_workers_responding",
        "Workers that said within a second what they hold; the gauges of buffers and tasks are theirs.",
        usages.len(),
    );
    let figures: Vec<&Figures> = (0..handle.workers()).map(|worker| control.figures(worker)).collect();
    connections(page, control, &figures);
    exchanges(page, &figures);
    let counters: Vec<&Counters> = (0..handle.workers()).map(|worker| &**handle.counters(worker)).collect();
    turns(page, &counters);
    kernel(page, &counters);
    held(page, usages);
}

fn connections(page: &mut Exposition, control: &Control, figures: &[&Figures]) {
    let intake = control.intake();
    page.counter(
        "selvedge_connections_accepted_total",
        "Connections given to workers.",
        intake.assigned().iter().sum::<u64>(),
    );
    page.gauge("selvedge_connections_open", "Connections now.", intake.open().iter().sum::<u64>());
    page.gauge("selvedge_connections_max", "Connections there may be.", intake.connections_max());
    page.counter(
        "selvedge_accept_pauses_total",
        "Times that one more connection had come than there may be: it waited, and those in the backlog behind it.",
        intake.pauses(),
    );
    let mut reasons: Vec<_> = CloseReason::NAMES.into_iter().map(|name| (name, 0)).collect();
    for figures in figures {
        reasons.iter_mut().zip(figures.closes_by_name()).for_each(|(sum, (_, count))| sum.1 += count);
    }
    page.counters(
        "selvedge_connections_closed_total",
        "Connections that ended, by reason.",
        "reason",
        reasons,
    );
}

fn exchanges(page: &mut Exposition, figures: &[&Figures]) {
    let sum = |of: &dyn Fn(&Figures) -> u64| figures.iter().map(|figures| of(figures)).sum::<u64>();
    page.counters(
        "selvedge_http_requests_total",
        "Requests, by the class of their status; none: without an answer.",
        "status",
        STATUS_CLASSES.into_iter().enumerate().map(|(class, name)| (name, sum(&|it| it.exchanges(class)))),
    );
    page.counter(
        "selvedge_http_response_bytes_total",
        "Octets of heads and bodies handed to the kernel.",
        sum(&Figures::bytes_sent),
    );
    let mut counts = [0; DURATION_BOUNDS.len() + 1];
    for figures in figures {
        counts.iter_mut().zip(figures.durations()).for_each(|(sum, count)| *sum += count);
    }
    page.histogram(
        "selvedge_http_request_duration_seconds",
        "From a whole request head to the last octet handed to the kernel.",
        DURATION_BOUNDS.iter().map(Duration::as_secs_f64),
        &counts,
        figures.iter().map(|figures| figures.duration_sum().as_secs_f64()).sum(),
    );
}

fn turns(page: &mut Exposition, counters: &[&Counters]) {
    let mut counts = [0; TURN_BUCKETS];
    for counters in counters {
        counts.iter_mut().zip(counters.turn_lengths()).for_each(|(sum, count)| *sum += count);
    }
    // Whole microseconds below 1, 2, 4 and so on; the last are all that were longer.
    let bounds = (0..TURN_BUCKETS - 1).map(|bucket| Duration::from_micros(1 << bucket).as_secs_f64());
    let busy_ns = counters.iter().map(|counters| counters.busy_ns.get()).sum();
    page.histogram(
        "selvedge_worker_turn_seconds",
        "Turns of the workers' loops; their sum is the time in which workers did not wait.",
        bounds,
        &counts,
        Duration::from_nanos(busy_ns).as_secs_f64(),
    );
}

fn kernel(page: &mut Exposition, counters: &[&Counters]) {
    let mut tell = |name: &str, help: &str, of: fn(&Counters) -> &Counter| {
        page.counter(name, help, counters.iter().map(|counters| of(counters).get()).sum::<u64>());
    };
    tell("selvedge_task_panics_total", "Panics that were caught.", |it| &it.panics);
    tell("selvedge_io_uring_enters_total", "Calls of io_uring_enter(2).", |it| &it.enters);
    tell("selvedge_io_uring_submissions_total", "Submission queue entries.", |it| &it.submissions);
    tell("selvedge_io_uring_completions_total", "Completions.", |it| &it.completions);
    tell("selvedge_io_uring_overflows_total", "Turns with an overflowed completion queue.", |it| {
        &it.overflows
    });
    tell("selvedge_receive_starvations_total", "Receives that found no buffer.", |it| &it.starvations);
    tell(
        "selvedge_receive_evictions_total",
        "Connections given up because their unread input kept all buffers from others.",
        |it| &it.evictions,
    );
    tell("selvedge_receive_rearms_total", "Subscriptions started again.", |it| &it.rearms);
    tell("selvedge_receive_pauses_total", "Receives paused for want of a reader.", |it| &it.pauses);
    tell("selvedge_send_short_total", "Sends in more than one piece.", |it| &it.short_sends);
}

fn held(page: &mut Exposition, usages: &[BufferUsage]) {
    let mut tell = |name: &str, help: &str, of: fn(&BufferUsage) -> usize| {
        page.gauge(name, help, usages.iter().map(of).sum::<usize>());
    };
    tell("selvedge_receive_buffers", "Receive buffers in all.", |it| it.receive_buffers);
    tell("selvedge_receive_buffers_free", "Receive buffers the kernel can still fill.", |it| {
        it.receive_with_kernel
    });
    tell("selvedge_receive_buffers_leased", "Receive buffers with octets not yet used.", |it| {
        it.receive_leases
    });
    tell("selvedge_blocks_leased", "Blocks for answers and cached files in use.", |it| it.block_leases);
    tell("selvedge_operations", "Operations under way in the kernel, or done and not yet taken.", |it| {
        it.ops
    });
    tell("selvedge_tasks", "Tasks.", |it| it.tasks);
}
