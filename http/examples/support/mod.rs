//! Starts an example's server: at the address of the first argument, or `127.0.0.1:8080`. In: options and what makes
//! the application on each worker. Out: a server that serves until its process is ended.

use std::error::Error;
use std::net::SocketAddr;

use selvedge_http::{Application, Server, ServerOptions};
use selvedge_runtime::net::{AcceptPolicy, Address, Intake, IntakeOptions, Listening, PortSharing};
use selvedge_runtime::{Pinning, Runtime, Worker};

const WORKERS: usize = 2;

/// Serves for as long as the process lives.
pub(crate) fn serve<A: Application>(
    options: ServerOptions,
    factory: impl Fn(&Worker) -> A + Send + Sync + 'static,
) -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".to_owned()).parse()?;
    let listening = Listening::bind_ip(address, 1_024, PortSharing::Exclusive)?;
    let bound = match listening.address() {
        Address::Ip(address) => *address,
        Address::Unix(_) | Address::Unnamed => address,
    };
    let intake_options = IntakeOptions { policy: AcceptPolicy::Shared, connections_max: 1_024 };
    let intake = Intake::new(vec![vec![listening]], WORKERS, &intake_options)?;
    let runtime = Runtime::builder().workers(WORKERS).pinning(Pinning::Free).build()?;
    let server = Server::start(runtime, &intake, options, factory)?;
    println!("listening on http://{bound}");
    server.join();
    Ok(())
}
