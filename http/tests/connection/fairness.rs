//! One connection that asks without end does not starve another.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::app::paths;
use crate::support::{TestServer, patient};

#[test]
fn a_connection_that_pipelines_without_end_leaves_turns_to_others() {
    let server = TestServer::start(patient(), paths);
    let mut reader = server.connect();
    let mut sender = reader.second_handle();
    let goes_on = AtomicBool::new(true);
    let answered = std::thread::scope(|scope| {
        scope.spawn(|| {
            let requests = "GET /text/flood HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1_000);
            while goes_on.load(Ordering::Relaxed) {
                sender.send(&requests);
            }
            sender.shut_down_write();
        });
        let flood = scope.spawn(|| {
            let mut answers = 0_usize;
            while reader.try_reply_to(crate::support::client::Asked::Get).is_ok() {
                answers += 1;
            }
            answers
        });
        let mut other = server.connect();
        for _ in 0..50 {
            // The flood makes progress before and after each of these answers.
            let before = server.records(0).len();
            assert_eq!(other.get("/text/other").text(), "other");
            server.records(before + 2);
        }
        goes_on.store(false, Ordering::Relaxed);
        flood.join().expect("it reads to the end")
    });
    assert!(answered > 1_000 && answered % 1_000 == 0, "{answered} answers to the flood");
}
