//! What rules about who may read cost a request that they let through: no call of the allocator.

use std::rc::Rc;
use std::sync::{Arc, Mutex};

mod support;

use selvedge::access::{Access, AccessRules};
use selvedge::options::{self, Command};
use selvedge::site::{Site as SiteApplication, SiteOptions};
use selvedge_http::files::{FileOptions, Files};
use selvedge_http::{Observer, Server, ServerOptions, WorkerApplication};
use selvedge_runtime::net::{AcceptPolicy, Address, Intake, IntakeOptions, Listening, PortSharing};
use selvedge_runtime::{CountingAllocator, Pinning, Runtime, WatchdogSetting, allocator_calls_of_thread};
use support::{Client, Site};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator(std::alloc::System);

const WARM_UP: usize = 100;
const COUNTED: usize = 1_000;

#[test]
fn a_request_that_is_let_through_costs_no_allocation() {
    let (site, scratch) = (Site::with(&[("a.txt", "a")]), Site::new());
    // "secret".
    let users = scratch.write("users", "bob:$apr1$BhbxCujg$zYmbLyvEM92NOuTccTh.x/\n");
    let root = site.path().to_owned();
    let arguments = ["selvedge", root.to_str().unwrap(), "--allow", "192.0.2.0/24,2001:db8::/32"];
    let proxies = ["--trusted-proxy", "127.0.0.1", "--auth-file", users.to_str().unwrap()];
    let command = options::parse(arguments.into_iter().chain(proxies), []).expect("good options");
    let Command::Serve(config) = command else { panic!("{command:?}") };
    let rules = AccessRules::load(&config).expect("good users").expect("there are rules");

    let calls = Arc::new(Mutex::new(Vec::with_capacity(WARM_UP + COUNTED)));
    let calls_there = Arc::clone(&calls);
    let any_port = ([127, 0, 0, 1], 0).into();
    let listening = Listening::bind_ip(any_port, 16, PortSharing::Exclusive).expect("a port is free");
    let Address::Ip(address) = *listening.address() else { panic!("bound to an IP address") };
    let intake_options = IntakeOptions { policy: AcceptPolicy::Shared, connections_max: 16 };
    let intake = Intake::new(vec![vec![listening]], 1, &intake_options).expect("one list of listeners");
    let runtime = Runtime::builder().workers(1).pinning(Pinning::Free).watchdog(WatchdogSetting::Off);
    let runtime = runtime.build().expect("a valid configuration");
    let server = Server::start(runtime, &intake, ServerOptions::default(), move |_worker| {
        let files = Files::open(FileOptions::new(&root)).expect("the root is a directory");
        let application =
            SiteApplication::new(files, SiteOptions::default()).with_access(Some(Access::new(&rules)));
        let calls = Arc::clone(&calls_there);
        let observer: Observer = Rc::new(move |record, _| {
            assert_eq!(record.status.map(|status| status.as_u16()), Some(200));
            calls.lock().expect("no holder panics").push(allocator_calls_of_thread());
        });
        WorkerApplication { observer: Some(observer), ..application.into() }
    });
    let server = server.expect("io_uring is available");

    let mut client = Client::connect(address);
    for number in 0..WARM_UP + COUNTED {
        let fields = [
            ("authorization", "Basic Ym9iOnNlY3JldA=="),
            ("x-forwarded-for", "198.51.100.1, 192.0.2.1, 127.0.0.1"),
            ("forwarded", "for=198.51.100.1;proto=http, for=\"192.0.2.1:80\""),
        ];
        assert_eq!(client.get_with("/a.txt", &fields).status, 200, "request {number}");
    }
    drop(client);
    server.control().stop();
    server.join();
    // Once a second the file's age is looked at and Date is written anew; that allocates nothing either.
    let calls = calls.lock().expect("no holder panics");
    assert_eq!(calls.len(), WARM_UP + COUNTED);
    assert_eq!(calls[calls.len() - 1] - calls[WARM_UP - 1], 0);
}
