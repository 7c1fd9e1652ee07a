//! On Selvedge.

use std::net::{Ipv4Addr, SocketAddr};

use selvedge_hello::{Arguments, text};
use selvedge_http::{AcceptPolicy, Request, Response, Server, StartError};

fn main() -> Result<(), StartError> {
    let Arguments { port, threads, path } = Arguments::read();
    let text = text(&path);
    Server::builder()
        .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .workers(threads)
        .accept(AcceptPolicy::Shared)
        .serve(move |_| async move |_: Request<'_>| Response::text(text))
}
