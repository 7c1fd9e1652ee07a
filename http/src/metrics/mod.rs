//! What a server did, in numbers for Prometheus. In: the counters that every worker keeps anyhow. Out: a page, summed up when
//! it is asked for.
//!
//! [`middleware::metrics`](crate::middleware::metrics()) puts the page at a path; [`Metrics::page`] gives it to whoever has
//! another place for it.

mod exposition;
mod server;

pub use exposition::{CONTENT_TYPE, Exposition};

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use selvedge_runtime::Handle;

use crate::server::{Control, Server};

/// The numbers of one server, for all its workers. A clone tells the same ones.
///
/// ```no_run
/// use selvedge_http::metrics::Metrics;
/// use selvedge_http::middleware::{MetricsReaders, metrics};
/// use selvedge_http::{Application, Request, Server, ServerOptions};
/// use selvedge_runtime::{Runtime, StartError};
/// # fn listen() -> std::sync::Arc<selvedge_runtime::net::Intake> { unimplemented!() }
///
/// fn main() -> Result<(), StartError> {
///     let numbers = Metrics::new();
///     let numbers_there = numbers.clone();
///     let runtime = Runtime::builder().build()?;
///     let server = Server::start(runtime, &listen(), ServerOptions::default(), move |_| {
///         let hello = async |_: Request<'_>| "hello";
///         hello.with(metrics("/metrics", &numbers_there, MetricsReaders::default()))
///     })?;
///     // From here on there is something to tell.
///     numbers.watch(&server);
///     server.join();
///     Ok(())
/// }
/// ```
#[derive(Clone, Default)]
pub struct Metrics(Arc<Shared>);

#[derive(Default)]
struct Shared {
    server: OnceLock<Watched>,
    further: Mutex<Vec<Collect>>,
}

type Collect = Box<dyn Fn(&mut Exposition) + Send>;

struct Watched {
    control: Control,
    handle: Handle,
}

impl Metrics {
    /// Numbers of a server that is yet to start.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells of this server from now on. A second one is not taken.
    pub fn watch(&self, server: &Server) {
        let watched =
            Watched { control: server.control().clone(), handle: server.running().handle().clone() };
        let _ = self.0.server.set(watched);
    }

    /// Has `collect` add to each page: an application's own numbers. It is called on the worker that was asked, which waits for
    /// it.
    pub fn collect(&self, collect: impl Fn(&mut Exposition) + Send + 'static) {
        self.0.further.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(collect));
    }

    /// The page of this moment; `None` before [`watch`](Self::watch). Every worker is asked for what only it knows: one that
    /// does not answer within a second is left out of the gauges, and the page says how many have answered.
    ///
    /// # Panics
    /// Outside a worker.
    pub async fn page(&self) -> Option<String> {
        let Watched { control, handle } = self.0.server.get()?;
        let usages = server::usages(handle).await;
        let mut page = Exposition::default();
        server::tell(&mut page, control, handle, &usages);
        let further = self.0.further.lock().unwrap_or_else(PoisonError::into_inner);
        further.iter().for_each(|collect| collect(&mut page));
        Some(page.into_text())
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("watches", &self.0.server.get().is_some()).finish_non_exhaustive()
    }
}
