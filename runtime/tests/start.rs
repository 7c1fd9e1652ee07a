//! Starts that cannot be, and workers that die: the reason in one line.

mod support;

use std::process::Command;

use selvedge_runtime::{Runtime, StartError, WorkerLimits};
use support::builder;

fn refused(result: Result<Runtime, StartError>) -> String {
    match result {
        Err(StartError::Configuration(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_configuration_that_cannot_be_met_is_refused_with_what_helps() {
    assert!(refused(Runtime::builder().workers(0).build()).contains("at least one"));
    assert!(refused(Runtime::builder().cpus(vec![]).build()).contains("at least one"));
    let text = refused(Runtime::builder().cpus(vec![0, 4_095]).build());
    assert!(text.contains("4095") && text.contains("affinity mask"), "{text}");
    for receive_buffers in [0, 3, 1_000] {
        let mut limits = WorkerLimits::default();
        limits.kernel.receive_buffers = receive_buffers;
        let text = refused(Runtime::builder().workers(1).limits(limits).build());
        assert!(text.contains("power of two"), "{text}");
    }
}

#[test]
fn the_memory_of_a_runtime_is_that_of_all_pools_of_all_workers() {
    let limits = WorkerLimits::default();
    let (kernel, blocks) = (limits.kernel.memory_bytes(), limits.blocks.memory_bytes());
    assert!(kernel > 1 << 20 && blocks > 1 << 20, "{kernel} and {blocks} bytes");
    assert_eq!(limits.memory_bytes(), kernel + blocks);
    let runtime = Runtime::builder().workers(3).limits(limits).build().unwrap();
    assert_eq!(runtime.memory_bytes(), 3 * (kernel + blocks));
}

#[test]
fn workers_share_the_processors_of_the_list_in_turn() {
    let cpus = selvedge_runtime::process::allowed_cpus();
    let runtime = Runtime::builder().workers(cpus.len() + 1).build().unwrap();
    assert_eq!(runtime.cpus()[..cpus.len()], cpus);
    assert_eq!(runtime.cpus()[cpus.len()], cpus[0]);
    assert_eq!(runtime.workers(), cpus.len() + 1);
    assert!(Runtime::builder().build().unwrap().workers() >= 1);
}

#[test]
fn pinned_workers_run_where_they_were_put() {
    let cpus = selvedge_runtime::process::allowed_cpus();
    let expected = cpus.clone();
    let running = Runtime::builder().workers(cpus.len()).build().unwrap().start(move |worker| {
        let cpu = expected[worker.index()];
        async move {
            assert_eq!(selvedge_runtime::process::allowed_cpus(), [cpu]);
            assert_eq!(worker.handle().cpu(worker.index()), cpu);
        }
    });
    // A failed assertion would have ended the process.
    running.unwrap().join();
}

#[test]
fn a_worker_that_dies_ends_the_process_with_its_reason() {
    const CHILD: &str = "SELVEDGE_TEST_DYING_WORKER";
    if std::env::var_os(CHILD).is_some() {
        let running = builder(2).build().unwrap().start(|worker| async move {
            assert_ne!(worker.index(), 1, "its main future broke");
            worker.stopped().await;
        });
        // Worker 0 never ends.
        running.unwrap().join();
        unreachable!("the process ends first");
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_worker_that_dies_ends_the_process_with_its_reason", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let line = stderr.lines().find(|line| line.starts_with("selvedge: worker 1 died")).unwrap_or_default();
    assert!(line.contains("its main future broke"), "{stderr}");
}
