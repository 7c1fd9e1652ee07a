//! Micro-benchmarks of what every request passes: parse, path, head, Date, lease, deadline, and of the hand-off.
//!
//! `cargo bench -p selvedge-benches` runs them; `cargo bench -p selvedge-benches -- --test` runs each once.

use std::hint::black_box;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http::StatusCode;
use selvedge_http::h1::date::format_date;
use selvedge_http::h1::{
    ChunkEvent, ChunkedDecoder, DateCache, HeadScanner, HeadWriter, Limits, RequestHead, Scan,
};
use selvedge_http::path::SitePath;
use selvedge_http::validators::EntityTag;
use selvedge_runtime::timer::Deadline;
use selvedge_runtime::{BlockClass, BufferPool, Pinning, Runtime, block_on, channel};

#[path = "../src/instructions/heads.rs"]
mod heads;

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (name, bytes) in [("minimal", heads::WRK), ("curl", heads::CURL), ("browser", heads::BROWSER)] {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), bytes, |bencher, bytes| {
            let limits = Limits::default();
            bencher.iter(|| match HeadScanner::new().scan(black_box(bytes), &limits) {
                Ok(Scan::Complete(head)) => RequestHead::parse(head, &limits).expect("it is valid"),
                other => panic!("{other:?}"),
            });
        });
    }
    group.finish();

    criterion.bench_function("chunked 64 KiB in 4 KiB chunks", |bencher| {
        let mut body = Vec::new();
        for _ in 0..16 {
            body.extend_from_slice(b"1000\r\n");
            body.extend_from_slice(&[7; 4_096]);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\n\r\n");
        let limits = Limits::default();
        bencher.iter(|| {
            let mut decoder = ChunkedDecoder::new(&limits);
            let mut at = 0;
            loop {
                let decoded = decoder.decode(black_box(&body[at..])).expect("it is valid");
                at += decoded.consumed;
                if decoded.event == ChunkEvent::End {
                    break at;
                }
            }
        });
    });
}

fn path(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("path");
    for (name, raw) in [("plain", "/assets/app.js"), ("escaped", "/a%20b/%2e/c/../d.html")] {
        group.bench_function(name, |bencher| {
            let mut buffer = Vec::new();
            bencher.iter(|| SitePath::resolve(black_box(raw.as_bytes()), &mut buffer).is_ok());
        });
    }
    group.finish();
}

fn head(criterion: &mut Criterion) {
    criterion.bench_function("head of a file", |bencher| {
        let (date, tag) = (format_date(1_700_000_000), EntityTag::of_file(151, 1_700_000_000, 123_456_789));
        let mut buffer = [0_u8; 1_024];
        bencher.iter(|| {
            let mut writer = HeadWriter::new(black_box(&mut buffer));
            writer.status(StatusCode::OK).date(&date).field("content-type", b"text/html; charset=utf-8");
            writer.content_length(151).last_modified(&date).field("etag", tag.as_bytes()).accept_ranges();
            writer.finish().expect("it fits").len
        });
    });
    criterion.bench_function("date, same second", |bencher| {
        let mut cache = DateCache::new(1_700_000_000);
        bencher.iter(|| cache.at(black_box(1_700_000_000))[0]);
    });
    criterion.bench_function("date, next second", |bencher| {
        let mut cache = DateCache::new(0);
        let mut second = 1_700_000_000;
        bencher.iter(|| {
            second += 1;
            cache.at(black_box(second))[0]
        });
    });
}

/// Runs `work` so many times on a worker and returns how long that took there.
fn on_worker(iterations: u64, mut work: impl FnMut() + Send + 'static) -> Duration {
    block_on(move || async move {
        let start = Instant::now();
        for _ in 0..iterations {
            work();
        }
        start.elapsed()
    })
}

fn worker(criterion: &mut Criterion) {
    criterion.bench_function("lease and release a block", |bencher| {
        bencher.iter_custom(|iterations| {
            on_worker(iterations, || drop(black_box(BufferPool::lease(BlockClass::Small))))
        });
    });
    criterion.bench_function("put a deadline off", |bencher| {
        bencher.iter_custom(|iterations| {
            block_on(move || async move {
                let deadline = Deadline::new();
                let start = Instant::now();
                for step in 0..iterations {
                    deadline
                        .set(selvedge_runtime::now() + Duration::from_secs(75) + Duration::from_nanos(step));
                }
                start.elapsed()
            })
        });
    });
    criterion.bench_function("message to another worker and back", |bencher| {
        bencher.iter_custom(round_trips);
    });
}

/// The hand-off's parts, a bounded queue and a ring that rings another, there and back.
fn round_trips(iterations: u64) -> Duration {
    let (ping, pinged) = channel::bounded::<()>(1);
    let (pong, ponged) = channel::bounded::<()>(1);
    let (result, results) = mpsc::channel();
    let ends = Arc::new(Mutex::new((Some((ping, ponged, result)), Some((pong, pinged)))));
    let runtime = Runtime::builder().workers(2).pinning(Pinning::Free).build().expect("two workers");
    let running = runtime
        .start(move |worker| {
            let mut ends = ends.lock().expect("nobody panics here");
            let (first, second) = match worker.index() {
                0 => (ends.0.take(), None),
                _ => (None, ends.1.take()),
            };
            async move {
                if let Some((ping, ponged, result)) = first {
                    let start = Instant::now();
                    for _ in 0..iterations {
                        if ping.send(()).await.is_err() || ponged.recv().await.is_err() {
                            break;
                        }
                    }
                    let _ = result.send(start.elapsed());
                }
                if let Some((pong, pinged)) = second {
                    while pinged.recv().await.is_ok() {
                        if pong.send(()).await.is_err() {
                            break;
                        }
                    }
                }
            }
        })
        .expect("the runtime starts");
    running.join();
    results.recv().expect("the first worker has measured")
}

criterion_group!(benches, parse, path, head, worker);
criterion_main!(benches);
