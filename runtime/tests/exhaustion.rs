//! No descriptors left: a limit of the whole process, so this binary has one test.

mod support;

use std::io::{Read, Write};
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use selvedge_runtime::net::{AcceptPolicy, Intake, IntakeOptions, Listening, PortSharing};
use selvedge_runtime::process::descriptors_open;
use selvedge_runtime::{channel, spawn_detached};
use support::{PATIENCE, any_port, builder, ip};

#[test]
fn connections_that_find_no_descriptor_wait_and_are_served_when_others_end() {
    const CLIENTS: usize = 30;
    const SERVED_AT_ONCE: usize = 5;
    let listening = Listening::bind_ip(any_port(), 128, PortSharing::Exclusive).unwrap();
    let address = ip(listening.address());
    let options = IntakeOptions { policy: AcceptPolicy::Shared, connections_max: 1_000 };
    let intake = Intake::new(vec![vec![listening]], 1, &options).unwrap();
    let doors = Arc::clone(&intake);
    let (go, may_go) = channel::bounded::<()>(1);
    let running = builder(1)
        .build()
        .unwrap()
        .start(move |worker| {
            let (doors, may_go) = (Arc::clone(&doors), may_go.clone());
            async move {
                may_go.recv().await.unwrap();
                let mut door = doors.open_door(worker.index());
                while let Some((mut stream, _, slot)) = door.next().await {
                    spawn_detached("connection", async move {
                        while let Some(lease) = stream.receive().await.unwrap() {
                            stream.send(lease).await.unwrap();
                        }
                        drop(slot);
                    });
                }
            }
        })
        .unwrap();

    // The clients have their descriptors before the limit comes down, and the server accepts after it has: the kernel
    // looks at the limit when an accept is submitted.
    let clients: Vec<socket2::Socket> = (0..CLIENTS)
        .map(|_| socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap())
        .collect();
    let open = descriptors_open().unwrap() as u64;
    let hard = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit { current: Some(open + SERVED_AT_ONCE as u64), maximum: hard };
    setrlimit(Resource::Nofile, limit).unwrap();
    for client in &clients {
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.connect(&address.into()).unwrap();
    }
    go.send_blocking(()).unwrap();
    for (number, mut client) in clients.into_iter().enumerate() {
        client.write_all(&[number as u8]).unwrap();
        let mut answer = [0];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [number as u8]);
        let open = intake.open()[0];
        assert!(open as usize <= SERVED_AT_ONCE + number + 1, "{open} open");
    }
    intake.stop();
    running.join();
}
