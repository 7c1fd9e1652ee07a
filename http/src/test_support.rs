//! What the tests of more than one module need.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use selvedge_runtime::block_on;

use crate::h1::{HeadScanner, Limits, Reject, RequestHead, Scan};

/// Parses octets that are one complete head.
pub(crate) fn parse_head(bytes: &[u8]) -> Result<RequestHead, Reject> {
    let limits = Limits::default();
    match HeadScanner::new().scan(bytes, &limits)? {
        Scan::Complete(head) => RequestHead::parse(head, &limits),
        Scan::Incomplete => panic!("incomplete head: {}", bytes.escape_ascii()),
    }
}

/// Runs `run` on a worker with a directory that has files of these names and sizes, an hour old.
pub(crate) fn on_files(files: &[(&str, usize)], run: impl AsyncFnOnce(PathBuf) + Send + 'static) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("selvedge-files-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    for (name, size) in files {
        let file = std::fs::File::create(directory.join(name)).unwrap();
        (&file).write_all(&vec![b'x'; *size]).unwrap();
        // One that has just changed is looked at again.
        file.set_modified(SystemTime::now() - Duration::from_secs(3_600)).unwrap();
    }
    let directory_there = directory.clone();
    block_on(move || async move { run(directory_there).await });
    std::fs::remove_dir_all(directory).unwrap();
}
