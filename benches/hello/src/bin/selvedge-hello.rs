//! On Selvedge.

use std::net::Ipv4Addr;

use selvedge_hello::Arguments;
use selvedge_http::{Request, Response, Server, ServerOptions};
use selvedge_runtime::Runtime;
use selvedge_runtime::net::{AcceptPolicy, Intake, IntakeOptions, Listening, PortSharing};

fn main() {
    let Arguments { port, threads, text } = Arguments::read();
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let listening = Listening::bind_ip(address, 4_096, PortSharing::Exclusive).expect("the port is free");
    let options = IntakeOptions { policy: AcceptPolicy::Shared, connections_max: 16_384 };
    let intake = Intake::new(vec![vec![listening]], threads, &options).expect("one list of listeners");
    let runtime = Runtime::builder().workers(threads).build().expect("as many processors");
    let server = Server::start(runtime, &intake, ServerOptions::default(), move |_| {
        async move |_: Request<'_>| Response::text(text)
    });
    server.expect("io_uring").join();
}
