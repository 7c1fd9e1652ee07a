//! Server and generator on one simulated machine: minutes pass in milliseconds, and nothing depends on how busy this machine is.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selvedge_http::{Application, Server, ServerOptions};
use selvedge_runtime::net::{Stream, TcpListener};
use selvedge_runtime::sim::{FaultRates, Simulation, SimulationOptions};
use selvedge_runtime::{Pinning, Runtime, WatchdogSetting, spawn_detached};

use super::super::generate;
use super::super::plan::Plan;
use super::super::report::Report;
use super::plan_for;

/// Where the server is.
const URL: &str = "http://127.0.0.1:80/";

/// The paths that were asked for, in the order in which they came.
pub(super) type Asked = Arc<Mutex<Vec<String>>>;

/// A plan for the simulated server.
pub(super) fn plan() -> Plan {
    plan_for(URL)
}

/// What `plan` comes to with a server that answers by `application`.
pub(super) fn with_server<A: Application>(
    options: ServerOptions,
    application: impl Fn() -> A + Send + Sync + 'static,
    plan: &Plan,
) -> Report {
    let _simulation = calm();
    let server = Server::builder()
        .listen(plan.target.address)
        .workers(1)
        .options(options)
        .runtime(|runtime| runtime.pinning(Pinning::Free).watchdog(WatchdogSetting::Off))
        .start(move |_| application())
        .unwrap();
    let report = generate(plan).unwrap();
    server.control().stop();
    server.join();
    report
}

/// What a server of one's own does with a connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Conduct {
    /// It reads and says nothing.
    Silent,
    /// It answers the first head with these octets and ends the connection.
    Says(&'static str),
    /// As before, by a reset.
    Resets,
    /// Nobody is there.
    Refuses,
}

/// What `plan` comes to with a server that does no better, and how long it takes.
pub(super) fn with_conduct(conduct: Conduct, plan: &Plan) -> (Report, Duration) {
    let simulation = calm();
    let address = plan.target.address;
    let server =
        Runtime::builder().workers(1).pinning(Pinning::Free).watchdog(WatchdogSetting::Off).build().unwrap();
    let running = server.start(move |worker| async move {
        if !matches!(conduct, Conduct::Refuses) {
            spawn_detached("listens", listen(address, conduct));
        }
        worker.stopped().await;
    });
    let running = running.unwrap();
    let begun = simulation.elapsed();
    let report = generate(plan).unwrap();
    let elapsed = simulation.elapsed() - begun;
    running.handle().stop();
    running.join();
    (report, elapsed)
}

async fn listen(address: SocketAddr, conduct: Conduct) {
    let mut listener = TcpListener::bind(address).unwrap();
    while let Ok(stream) = listener.accept().await {
        spawn_detached("serves", serve(stream.into(), conduct));
    }
}

async fn serve(mut stream: Stream, conduct: Conduct) {
    let mut received = Vec::new();
    while let Ok(Some(lease)) = stream.receive().await {
        received.extend_from_slice(&lease);
        if !received.ends_with(b"\r\n\r\n") {
            continue;
        }
        match conduct {
            Conduct::Silent | Conduct::Refuses => {}
            Conduct::Resets => return stream.reset_on_drop(),
            Conduct::Says(text) => {
                if !text.is_empty() {
                    let _ = stream.send(text).await;
                }
                // Whatever was sent meanwhile would turn the close into a reset.
                let _ = stream.shutdown_write();
                while let Ok(Some(_)) = stream.receive().await {}
                return;
            }
        }
    }
}

fn calm() -> Simulation {
    Simulation::new(1, SimulationOptions { faults: FaultRates::NONE, ..SimulationOptions::default() })
}
