//! Says hello to everybody. The address to listen at is the first argument, `localhost:8080` without one.
//!
//! ```text
//! cargo run -p selvedge-http --example hello -- :8080
//! ```

use selvedge_http::{Request, Response, Server, StartError};

fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or("localhost:8080".to_owned());
    Server::builder()
        .listen(address)
        .on_start(|server| println!("listening on {}", server.url()))
        .serve(|_worker| async |_: Request<'_>| Response::text("hello\n"))
}
