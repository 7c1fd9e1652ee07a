//! A load generator on this project's own runtime. In: a plan. Out: rates, latencies, and whether they are the server's or the
//! generator's.
//!
//! The walk: `options` -> `plan` (checked) -> per `worker` its `connection`s, each with one `exchange` after the other: what is
//! due (`window`, `schedule`, `idle`), `paths` and `request`, `answer`, `tally` -> `report`, `verdict`, `print`.
//!
//! A closed loop measures how fast answers follow each other; an open loop what one feels who comes at a time of his own. There
//! a request's time begins when it is due: one that had to wait for a free connection has waited (no coordinated omission).
//! The clock is that of the runtime's turn: what the generator does itself within a turn is a part of the latencies.
//! `agreement` holds the generator against others.

pub(crate) mod agreement;
mod answer;
mod connection;
mod exchange;
mod failure;
mod idle;
mod options;
mod paths;
mod plan;
mod print;
mod report;
mod request;
mod schedule;
mod tally;
mod target;
mod verdict;
mod window;
mod worker;

use std::fs;
use std::path::Path;
use std::sync::{Arc, mpsc};

use anyhow::{Context, bail, ensure};
use selvedge_runtime::{Pinning, Runtime, WatchdogSetting};

pub(crate) use self::options::Options;
use self::plan::Plan;
use self::print::Printed;
pub(crate) use self::report::Report;
pub(crate) use self::verdict::Verdict;
use self::worker::{Start, work};
use crate::compare::process::{descriptor_limit, raise_descriptor_limit};
use crate::plural::counted;

/// Descriptors of a worker beside its connections, and of the process.
const DESCRIPTORS_BESIDE: usize = 32;

/// Runs a plan from the command line, and prints what it has come to.
///
/// # Errors
/// What is wrong with the plan, and whatever makes the figures worthless: they are printed all the same.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    raise_descriptor_limit()?;
    let report = generate(&options.plan()?)?;
    match &options.json {
        None => println!("{}", Printed(&report)),
        Some(path) => {
            let json = serde_json::to_string_pretty(&report)?;
            if path == Path::new("-") {
                println!("{json}");
            } else {
                fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?;
                println!("{}", Printed(&report));
            }
        }
    }
    let faults: Vec<_> =
        report.verdicts.iter().filter(|verdict| verdict.is_fault()).map(ToString::to_string).collect();
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    Ok(())
}

/// Does what `plan` says. Returns when the time of the plan is over and nothing is under way any more: one timeout later at most.
/// Where requests are counted each may take the timeout.
///
/// # Errors
/// What is wrong with the plan, and why the workers cannot start. What the server does is in the report.
pub(crate) fn generate(plan: &Plan) -> anyhow::Result<Report> {
    plan.check()?;
    let descriptors = plan.connections + DESCRIPTORS_BESIDE * (plan.workers + 1);
    ensure!(
        descriptors <= descriptor_limit(),
        "{} {descriptors} descriptors, and {} are allowed: raise the limit (ulimit -n)",
        counted(plan.connections, "connection needs", "connections need"),
        descriptor_limit()
    );
    let mut runtime = Runtime::builder().workers(plan.workers).watchdog(WatchdogSetting::Off);
    runtime = match &*plan.cpus {
        [] => runtime.pinning(Pinning::Free),
        cpus => runtime.cpus(cpus.to_vec()).pinning(Pinning::Pinned),
    };
    let (tell, told) = mpsc::channel();
    let start = Arc::new(Start::new(plan.workers));
    let of_all = plan.clone();
    let running = runtime.build()?.start(move |worker| {
        let (plan, start, tell) = (of_all.clone(), Arc::clone(&start), tell.clone());
        async move {
            let done = work(worker.index(), plan, &start).await;
            let _ = tell.send(done);
        }
    })?;
    running.join();
    let mut done = told.try_iter().collect::<Result<Vec<_>, _>>()?;
    ensure!(done.len() == plan.workers, "a worker of the generator has not come to its end");
    done.sort_by_key(|done| done.worker);
    Ok(Report::new(plan, &done))
}

#[cfg(test)]
pub(crate) mod tests;
