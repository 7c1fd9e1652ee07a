//! On ntex with its runtime on io_uring: the files of a folder, by the crate ntex-files as it comes. That opens a file for each request
//! and reads it on a thread of its own, 64 KiB at a time.

use ntex::http::HttpServiceConfig;
use ntex::time::Seconds;
use ntex::{SharedCfg, web};
use ntex_files::Files;
use selvedge_hello::Arguments;

/// Long enough that no idle connection is closed while it is measured.
const IDLE_TIMEOUT: Seconds = Seconds(3_600);

#[ntex::main]
async fn main() -> std::io::Result<()> {
    let Arguments { port, threads, path } = Arguments::read();
    let kept = HttpServiceConfig::new().set_keepalive(IDLE_TIMEOUT);
    web::server(async move || {
        web::App::new().service(Files::new("/", path.clone()).disable_content_disposition())
    })
    .config(SharedCfg::new("files").add(kept))
    .workers(threads)
    .backlog(4_096)
    .bind(("127.0.0.1", port))?
    .run()
    .await
}
