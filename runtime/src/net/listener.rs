//! Listening sockets of one worker. In: a bound socket. Out: accepted ones, by subscription. Next: [`super::accept`].

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::net::{Stream, TcpStream, UnixStream};
use crate::sys::{AcceptBatch, Accepted, Address, Listening, Op, OpId, PortSharing};
use crate::waker;
use crate::worker::{self, Core};

/// An accept subscription on a listening socket.
#[derive(Debug)]
pub(super) struct Accepting {
    core: Rc<Core>,
    id: OpId,
    address: Address,
}

impl Accepting {
    /// Begins to accept, on the current worker.
    pub(super) fn new(listening: Listening, batch: AcceptBatch) -> Self {
        let core = worker::current();
        let address = listening.address().clone();
        let id = {
            let mut kernel = core.kernel();
            let listener = kernel.adopt_listening(listening);
            kernel.submit(Op::Accept { listener, accepted: VecDeque::new(), batch })
        };
        Self { core, id, address }
    }

    /// The next connection. After an error nothing more comes until [`restart`](Self::restart).
    pub(super) fn poll_next(&mut self, context: &Context<'_>) -> Poll<io::Result<Accepted>> {
        self.core.kernel().poll_accepted(self.id, waker::waiter(context))
    }

    /// How many connections are taken from now on before they are asked for.
    pub(super) fn set_batch(&mut self, batch: AcceptBatch) {
        self.core.kernel().set_accept_batch(self.id, batch);
    }

    /// Begins again after an error.
    pub(super) fn restart(&mut self) {
        self.core.kernel().restart(self.id);
    }

    /// Stops accepting; connections accepted before still come, then `ECANCELED`.
    pub(super) fn cancel(&mut self) {
        self.core.kernel().cancel(self.id);
    }

    /// A connection that is in the backlog now, taken by a direct accept(2).
    pub(super) fn accept_now(&mut self) -> Option<Accepted> {
        self.core.kernel().accept_now(self.id)
    }

    /// Where it accepts.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    async fn next(&mut self) -> io::Result<Accepted> {
        let result = poll_fn(|context| self.poll_next(context)).await;
        if result.is_err() {
            self.restart();
        }
        result
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.core.kernel().release(self.id);
    }
}

/// A TCP listener of one worker, for servers without hand-off and for tests. A server uses an
/// [`Intake`](crate::net::Intake).
///
/// ```
/// use std::net::Ipv4Addr;
///
/// use selvedge_runtime::block_on;
/// use selvedge_runtime::net::{Stream, TcpListener};
///
/// # fn main() -> std::io::Result<()> {
/// block_on(|| async {
///     let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
///     let client = Stream::connect(listener.address()).await?;
///     let server = listener.accept().await?;
///     assert_eq!(server.local()?, *listener.address());
///     assert_eq!(server.peer()?, client.local()?);
///     # Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct TcpListener(Accepting);

impl TcpListener {
    /// Binds `address` and accepts on the current worker.
    ///
    /// # Errors
    /// Those of [`Listening::bind_ip`].
    ///
    /// # Panics
    /// Outside a worker.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self(Accepting::new(
            Listening::bind_ip(address, 1_024, PortSharing::Exclusive)?,
            AcceptBatch::All,
        )))
    }

    /// The next connection.
    ///
    /// # Errors
    /// Those of accept(2); accepting goes on after each.
    pub async fn accept(&mut self) -> io::Result<TcpStream> {
        self.0.next().await.map(|accepted| TcpStream::from_stream(Stream::adopt(accepted)))
    }

    /// The bound address.
    pub fn address(&self) -> &Address {
        self.0.address()
    }
}

/// A Unix-domain listener of one worker.
///
/// ```
/// use selvedge_runtime::block_on;
/// use selvedge_runtime::net::{UnixListener, UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// let path = std::env::temp_dir().join(format!("selvedge-doc-unix-listener-{}", std::process::id()));
/// block_on(move || async move {
///     let mut listener = UnixListener::bind(&path)?;
///     let mut client = UnixStream::connect(&path).await?;
///     let mut server = listener.accept().await?;
///     server.send("hello").await?;
///     assert_eq!(client.receive().await?.as_deref(), Some(&b"hello"[..]));
///     // The file stays until somebody removes it.
///     std::fs::remove_file(&path)
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct UnixListener(Accepting);

impl UnixListener {
    /// Binds `path` with mode 0600, and accepts on the current worker. The socket stays in its directory when this is dropped.
    ///
    /// # Errors
    /// Those of [`Listening::bind_unix`].
    ///
    /// # Panics
    /// Outside a worker.
    pub fn bind(path: &Path) -> io::Result<Self> {
        Ok(Self(Accepting::new(Listening::bind_unix(path, 0o600, 1_024)?, AcceptBatch::All)))
    }

    /// The next connection.
    ///
    /// # Errors
    /// Those of accept(2); accepting goes on after each.
    pub async fn accept(&mut self) -> io::Result<UnixStream> {
        self.0.next().await.map(|accepted| UnixStream::from_stream(Stream::adopt(accepted)))
    }

    /// The bound address.
    pub fn address(&self) -> &Address {
        self.0.address()
    }
}
