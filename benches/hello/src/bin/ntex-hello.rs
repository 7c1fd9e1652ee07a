//! On ntex with its runtime on io_uring.

use ntex::web::{self, App, HttpResponse};
use selvedge_hello::{Arguments, text};

#[ntex::main]
async fn main() -> std::io::Result<()> {
    let Arguments { port, threads, path } = Arguments::read();
    let text = text(&path);
    web::server(async move || {
        App::new().default_service(web::to(async move || {
            HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text)
        }))
    })
    .workers(threads)
    .bind(("127.0.0.1", port))?
    .run()
    .await
}
