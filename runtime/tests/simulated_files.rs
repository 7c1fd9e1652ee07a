//! What the runtime makes of errors that a file system has now and then, on the simulated disk.

use std::io;
use std::path::Path;

use selvedge_runtime::fs::{self, Access, Resolve};
use selvedge_runtime::sim::{Fault, FaultRates, Simulation, SimulationOptions};
use selvedge_runtime::{BufferPool, block_on};

/// A machine with one fault, which happens so often in a million, and a file in it.
fn machine(fault: Fault, per_million: u32) -> Simulation {
    let mut faults = FaultRates::NONE;
    faults.set(fault, per_million);
    let simulation = Simulation::new(1, SimulationOptions { faults, ..SimulationOptions::default() });
    simulation.disk().write("/site/file", b"content");
    simulation.disk().make_directory("/site/sub");
    simulation
}

/// Opens the file by a path and reads it, many times: every error there was.
fn errors(path: &'static str, times: u32) -> Vec<io::ErrorKind> {
    block_on(move || async move {
        let root = fs::open_directory(Path::new("/site")).expect("it is there");
        let mut errors = Vec::new();
        for _ in 0..times {
            let path = std::ffi::CString::new(path).expect("no NUL");
            let read = async {
                let file = fs::open(&root, path, Access::Read, Resolve::Beneath).await?;
                let block = BufferPool::file_block().expect("a free block");
                assert_eq!(&*fs::read_at(&file, block, 0).await?, b"content");
                Ok::<_, io::Error>(())
            };
            errors.extend(read.await.err().map(|error| error.kind()));
        }
        errors
    })
}

fn times_met(simulation: &Simulation) -> u64 {
    simulation.faults().iter().map(|(_, _, times)| times).sum()
}

#[test]
fn a_read_that_is_interrupted_is_begun_again() {
    let simulation = machine(Fault::ReadInterrupted, 500_000);
    assert_eq!(errors("file", 100), []);
    assert!(times_met(&simulation) > 50);
}

#[test]
fn a_path_through_dots_is_tried_again_when_a_rename_races_with_it() {
    let simulation = machine(Fault::OpenRaced, 500_000);
    assert_eq!(errors("sub/../file", 100), []);
    assert!(times_met(&simulation) > 50);
}

#[test]
fn renames_without_end_are_an_error_at_last() {
    let simulation = machine(Fault::OpenRaced, 1_000_000);
    assert_eq!(errors("sub/../file", 1), [io::ErrorKind::WouldBlock]);
    assert_eq!(errors("file", 1), [], "a path without dots does not race");
    drop(simulation);
}
