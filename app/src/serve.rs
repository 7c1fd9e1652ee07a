//! A server's life: check, listen, start, say so, serve, take leave.

use std::ffi::OsStr;
use std::io;
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use selvedge_http::address_limits::AddressLimiter;
use selvedge_http::files::{self, DeniedRoots, FileOptions, Files, SymlinkPolicy, TreeOptions};
use selvedge_http::media_type::MediaTypes;
use selvedge_http::{Control, Server, ServerOptions, WorkerApplication};
use selvedge_runtime::net::listen::{self, ListenSpec};
use selvedge_runtime::net::{self, Address, Intake, IntakeOptions, Listening, PortSharing};
use selvedge_runtime::process::{self, Signal, Signals};
use selvedge_runtime::{LineLog, LogTarget, Runtime, Worker, print_line, report_line};

use crate::access::{Access, AccessRules};
use crate::address_limits;
use crate::banner::{Banner, Endpoint};
use crate::config::{self, AcceptPolicy, BrowsePolicy, Config, Verbosity};
use crate::cpu_list::CpuList;
use crate::descriptors::{CONNECTIONS_MAX, DescriptorBudget};
use crate::failure::Failure;
use crate::listing::Shares;
use crate::memory::MemoryBudget;
use crate::monitoring::{Front, Log};
use crate::options;
use crate::rights::{self, NewUser};
use crate::root::Root;
use crate::site::{self, Site, SiteOptions};
use crate::site_config::{CleanUrls, PagePath, SiteConfig};

/// Files a worker has open where nothing else limits them.
const OPEN_FILES_MAX: usize = 16_384;

/// Serves until a signal says stop; the exit status is the program's.
///
/// # Errors
/// Why it cannot start, with what helps.
pub fn serve(config: &Config) -> Result<ExitCode, Failure> {
    // Before anything is made that a signal at the wrong moment would leave behind.
    let signals = Signals::take().map_err(|error| other("signals cannot be handled", &error))?;
    selvedge_runtime::install_panic_hook();
    let user = NewUser::find(config)?;
    let root = Root::find(config)?;
    let access = AccessRules::load(config)?;
    let runtime = runtime(config)?;
    let workers = runtime.workers();
    options::check_accept(config.accept, workers.try_into().ok())?;
    let descriptors = process::raise_descriptor_limit().now;
    let budget = DescriptorBudget::divide(
        descriptors,
        workers as u64,
        1 + config.site.mounts.len() as u64,
        config.max_connections,
    )?;
    let connections_max = budget.connections;
    warn(config);
    warn_of_missing_pages(config, &root);

    let policy = policy(config.accept).resolve(workers);
    let sharing = match policy {
        net::AcceptPolicy::ReusePort => PortSharing::Shared,
        _ => PortSharing::Exclusive,
    };
    let mut listeners = listen(config, sharing, workers)?;
    if let Some(user) = &user {
        user.own(config.monitoring.access_log.as_ref(), &mut listeners)?;
    }
    let log = Log::open(config)?;
    let rights = rights::give_up(config, user.as_ref(), &listeners)?;
    // What was within reach before may be no more.
    Root::find(config).map_err(|bad| match user {
        None => bad.without_capabilities(),
        Some(_) => bad.into(),
    })?;
    let log = log.map(|log| Log::start(log, config, workers)).transpose();
    let log = log.map_err(|error| other("the thread of the access log cannot be started", &error))?;
    let intake_options = IntakeOptions { policy, connections_max: connections_max as usize };
    let intake = Intake::new(listeners, workers, &intake_options)
        .map_err(|error| other("the listeners cannot be shared among the workers", &error))?;
    intake.advise_when_full(match config.max_connections {
        None if connections_max < CONNECTIONS_MAX => "more descriptors (`ulimit -n`) raise it",
        _ => "--max-connections raises it",
    });
    let endpoints: Vec<Endpoint> = intake.addresses().iter().filter_map(endpoint).collect();
    if config.auth_file.is_some() {
        warn_of_cleartext(intake.addresses().iter());
    }

    let files = file_options(config, &root, budget.files_per_worker);
    let limiter = address_limits::limiter(config, connections_max);
    let memory = MemoryBudget::of(config, &runtime, connections_max, &files, limiter.as_ref());
    let cpus = CpuList::from_cpus(runtime.cpus().iter().copied());
    let server = start(config, (root, files), (access, limiter), log.as_ref(), runtime, &intake)?;
    let features = server.running().features();
    let lines = log.as_ref().map(|log| log.lines().clone());
    obey(signals, server.control().clone(), lines, config.verbosity)
        .map_err(|error| other("the thread for signals cannot be started", &error))?;
    let banner = Banner {
        endpoints: &endpoints,
        root: &config.root,
        workers,
        cpus: Some(&cpus),
        accept: shown_policy(policy),
        kernel_release: &process::kernel_release(),
        kernel_features: &feature_names(features),
        rights: &rights,
        memory,
    };
    match config.monitoring.access_log {
        // Whoever reads a log there wants nothing else.
        Some(LogTarget::StandardOutput) => report_line(&banner.to_string()),
        _ => print_line(&banner.to_string()),
    }
    if !features.registered_blocks {
        report_memlock();
    }
    let control = server.control().clone();
    server.join();
    if let Some(log) = log {
        log.lines().finish();
    }
    Ok(if control.is_stopped_at_once() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Binds everything the configuration names: one list of listeners, or with `SO_REUSEPORT` one per worker.
fn listen(config: &Config, sharing: PortSharing, workers: usize) -> Result<Vec<Vec<Listening>>, Failure> {
    let backlog = config.backlog.get();
    let bind = |spec: &ListenSpec| spec.bind(backlog, sharing).map_err(|error| Failure::listen(spec, error));
    let bound: Vec<Vec<Listening>> = config.listeners.iter().map(bind).collect::<Result<_, _>>()?;
    let lists = listen::lists_for_workers(bound.into_iter().flatten().collect(), backlog, sharing, workers)?;
    for listening in lists.iter().flatten() {
        listening.await_first_octets().map_err(|error| {
            other("connections cannot be held back until their requests are there", &error)
        })?;
    }
    Ok(lists)
}

fn runtime(config: &Config) -> Result<Runtime, Failure> {
    let mut builder = Runtime::builder();
    if let Some(threads) = config.threads {
        builder = builder.workers(threads.get());
    }
    if let Some(cpus) = &config.cpus {
        let mask = CpuList::from_cpus(process::allowed_cpus());
        cpus.check_within(&mask).map_err(|bad| Failure::bad_value("--cpus", &bad))?;
        builder = builder.cpus(cpus.cpus().to_vec());
    }
    builder.build().map_err(|error| Failure::start(&error, &config.rights))
}

fn warn(config: &Config) {
    config.notices.iter().for_each(|line| report_line(line));
    if let Some(max) = process::listen_backlog_max()
        && max < config.backlog.get()
    {
        report_line(&format!(
            "the kernel cuts the backlog of {} to {max}; raise it with `sysctl -w net.core.somaxconn={}`",
            config.backlog, config.backlog
        ));
    }
}

/// Basic authentication is as good as the secrecy of what carries it (RFC 7617 section 4).
fn warn_of_cleartext<'a>(mut addresses: impl Iterator<Item = &'a Address>) {
    let leaves_the_machine = |address: &Address| match address {
        Address::Ip(address) => !address.ip().to_canonical().is_loopback(),
        Address::Unix(_) | Address::Unnamed => false,
    };
    if let Some(address) = addresses.find(|address| leaves_the_machine(address)) {
        report_line(&format!(
            "passwords come to {address} in cleartext, and whoever sees the network can read them; \
             put a proxy with TLS in front and listen on localhost or a unix socket"
        ));
    }
}

fn file_options(config: &Config, root: &Root, open_max: u64) -> FileOptions {
    let site = &config.site;
    let tree = |root: &Path| TreeOptions {
        index: config.index.clone(),
        symlinks: match config.symlinks {
            config::SymlinkPolicy::Inside => SymlinkPolicy::Inside,
            config::SymlinkPolicy::All => SymlinkPolicy::All,
            config::SymlinkPolicy::None => SymlinkPolicy::None,
        },
        clean_urls: match site.clean_urls {
            CleanUrls::Off => files::CleanUrls::Off,
            CleanUrls::On | CleanUrls::Redirect => files::CleanUrls::On,
        },
        precompressed: site.precompressed,
        languages: site.languages.clone(),
        ..TreeOptions::new(root)
    };
    let mounts = site.mounts.iter().map(|mount| TreeOptions {
        prefix: format!("{}/", String::from_utf8_lossy(&mount.path)),
        ..tree(&mount.directory)
    });
    let mut types = MediaTypes::default();
    types.set_charset(site.charset.clone());
    for (extension, media_type) in &site.types {
        types.set(extension, media_type.clone());
    }
    FileOptions {
        trees: std::iter::once(tree(&root.directory)).chain(mounts).collect(),
        fields: site::rules(site),
        types,
        tags: site.tags,
        compression: site.compression.clone(),
        denied_roots: Arc::new(DeniedRoots::new("restart it, or start it with `--sandbox off`")),
        fresh_for: config.fresh_for,
        descriptors_max: usize::try_from(open_max).unwrap_or(usize::MAX).min(OPEN_FILES_MAX),
        ..FileOptions::new(&root.directory)
    }
}

/// With one file as the root, that is the application's page.
fn site_config(config: &Config, root: &Root) -> SiteConfig {
    let mut site = config.site.clone();
    if let (Some(page), Some(only)) = (&mut site.spa, &root.only) {
        *page = PagePath(only.clone());
    }
    site
}

/// A page that is not there is no reason not to serve, but mostly a mistake.
fn warn_of_missing_pages(config: &Config, root: &Root) {
    let site = site_config(config, root);
    let spa = site.spa.iter().map(|page| ("the page of --spa".to_owned(), page));
    let errors =
        site.error_pages.iter().map(|error| (format!("the page for {}", error.status.as_u16()), &error.page));
    for (what, page) in spa.chain(errors) {
        let path = root.directory.join(OsStr::from_bytes(&page.0));
        if !process::is_file(&path) {
            report_line(&format!("{what} is not there: {path:?}; until it is, a line of text is sent"));
        }
    }
}

fn start(
    config: &Config,
    (root, files): (Root, FileOptions),
    (access, address_limiter): (Option<Arc<AccessRules>>, Option<AddressLimiter>),
    log: Option<&Log>,
    runtime: Runtime,
    intake: &Arc<Intake>,
) -> Result<Server, Failure> {
    let requests_max = config.keep_alive_requests.map(NonZero::from);
    let proxies = Some(config.proxy_protocol.clone()).filter(|proxies| !proxies.is_empty());
    let front = Front::new(config, log, address_limiter.as_ref(), &files.denied_roots);
    let server_options = ServerOptions {
        drain: config.drain,
        requests_max,
        proxies,
        address_limiter,
        ..ServerOptions::default()
    };
    let options = SiteOptions {
        config: site_config(config, &root),
        hidden: config.hidden,
        index: config.index.clone(),
        only: root.only,
    };
    let listings = match config.browse {
        BrowsePolicy::Off => None,
        BrowsePolicy::On => Some(Shares::new()),
    };
    let site = move || {
        // It was there a moment ago; without it a worker cannot live.
        let files =
            Files::open(files.clone()).unwrap_or_else(|error| panic!("the root cannot be opened: {error}"));
        let access = access.as_ref().map(Access::new);
        Site::new(files, options.clone()).with_listings(listings.clone()).with_access(access)
    };
    let numbers = front.as_ref().map(|front| front.numbers().clone());
    let log = log.cloned();
    let observer = move || log.as_ref().map(Log::observer);
    let server = match front {
        None => Server::start(runtime, intake, server_options, move |_: &Worker| WorkerApplication {
            observer: observer(),
            ..site().into()
        }),
        Some(front) => Server::start(runtime, intake, server_options, move |_: &Worker| WorkerApplication {
            observer: observer(),
            ..front.before(site()).into()
        }),
    };
    let server = server.map_err(|error| Failure::start(&error, &config.rights))?;
    if let Some(numbers) = numbers {
        numbers.watch(&server);
    }
    Ok(server)
}

/// The first signal drains, the second cuts off what still runs.
fn obey(signals: Signals, control: Control, log: Option<LineLog>, verbosity: Verbosity) -> io::Result<()> {
    let mut stopping = false;
    process::watch_signals(signals, move |signal| match signal {
        Signal::Stop if stopping => {
            let open: u64 = control.intake().open().iter().sum();
            report_line(&format!("stopping at once; connections that are cut off: {open}"));
            // The end is that of the main thread, which joins the workers and finishes the log.
            control.stop_at_once();
            process::exit_when_late();
        }
        Signal::Stop => {
            stopping = true;
            // Who reads the line may count on it.
            control.stop();
            if verbosity == Verbosity::Verbose {
                report_line("stopping: running answers are finished first; once more stops at once");
            }
        }
        Signal::User1 => {
            if let Some(log) = &log {
                log.reopen();
            }
        }
        // Nothing to load anew: never a reason to end.
        Signal::Hangup => {}
    })
}

fn report_memlock() {
    let limit = process::memlock_limit_bytes()
        .map_or("unlimited".to_owned(), |bytes| format!("{} KiB", bytes / 1024));
    report_line(&format!(
        "file blocks are not registered with the kernel: the limit of locked memory is {limit}; \
         it serves all the same. `ulimit -l unlimited` (LimitMEMLOCK= in systemd) lifts it"
    ));
}

fn feature_names(features: selvedge_runtime::RingFeatures) -> Vec<&'static str> {
    let mut names = vec!["deferred task work"];
    if features.no_sqarray {
        names.push("no sq array");
    }
    if features.registered_ring {
        names.push("registered ring");
    }
    if features.registered_blocks {
        names.push("registered blocks");
    }
    if features.restricted_ops {
        names.push("restricted ops");
    }
    names
}

fn endpoint(address: &Address) -> Option<Endpoint> {
    match address {
        Address::Ip(address) => Some(Endpoint::Tcp(*address)),
        Address::Unix(path) => Some(Endpoint::Unix(path.clone())),
        Address::Unnamed => None,
    }
}

fn policy(policy: AcceptPolicy) -> net::AcceptPolicy {
    match policy {
        AcceptPolicy::Auto => net::AcceptPolicy::Auto,
        AcceptPolicy::Shared => net::AcceptPolicy::Shared,
        AcceptPolicy::Dedicated => net::AcceptPolicy::Dedicated,
        AcceptPolicy::Reuseport => net::AcceptPolicy::ReusePort,
    }
}

fn shown_policy(policy: net::AcceptPolicy) -> AcceptPolicy {
    match policy {
        net::AcceptPolicy::Auto => AcceptPolicy::Auto,
        net::AcceptPolicy::Shared => AcceptPolicy::Shared,
        net::AcceptPolicy::Dedicated => AcceptPolicy::Dedicated,
        net::AcceptPolicy::ReusePort => AcceptPolicy::Reuseport,
    }
}

fn other(what: &str, error: &io::Error) -> Failure {
    Failure::fatal(format!("{what}: {error}"), "see the limits of this process and machine")
}
