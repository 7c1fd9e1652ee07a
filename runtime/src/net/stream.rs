//! A connected stream: receives by subscription, sends one thing at a time.
//!
//! In: an accepted or connected socket. Out: leases of received bytes (step 3 of a request's walk); chunks to the peer, in
//! order (step 8).

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::op::OpFuture;
use crate::sys::{
    Accepted, Address, Chunk, File, Lease, More, Op, OpId, ReceiveBatch, Received, ReceivedQueue, Sent,
    Socket, Waiter,
};
use crate::waker;
use crate::worker::{self, Core};

/// A connection of the current worker, TCP or Unix.
///
/// Dropping it cancels what is in flight and closes the socket after the last completion.
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
///     let mut client = Stream::connect(listener.address()).await?;
///     let mut server = listener.accept().await?;
///     client.send("hello, ").await?;
///     client.send(String::from("world")).await?;
///     client.shutdown_write()?;
///     let mut received = Vec::new();
///     while let Some(lease) = server.receive().await? {
///         received.extend_from_slice(&lease);
///     }
///     assert_eq!(received, b"hello, world");
///     # Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Stream {
    core: Rc<Core>,
    socket: Socket,
    /// The receive subscription, from the first receive on.
    receiving: Option<OpId>,
    /// The one send in flight, or its outcome not yet looked at.
    sending: Option<OpId>,
    /// Bytes of the last send: all of them while it is in flight, then what it left.
    unsent_bytes: u32,
    /// Bytes of all sends started by way of the ring.
    started_bytes: u64,
    receive_end: ReceiveEnd,
    first_batch: ReceiveBatch,
    unsent: Unsent,
}

/// How much the kernel takes before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unsent {
    AsTheKernelLikes,
    Bounded,
}

/// How the receive subscription ends where nobody receives any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReceiveEnd {
    /// It is cancelled.
    Cancelled,
    /// By itself: the socket is shut down.
    Shut,
}

impl Stream {
    /// Makes an accepted socket this worker's, of this worker or of another, or [of the standard library](Accepted::from_std).
    ///
    /// # Panics
    /// Outside a worker.
    pub fn adopt(accepted: Accepted) -> Self {
        let core = worker::current();
        let socket = core.kernel().adopt(accepted);
        // Whoever answers may be over with it after one request.
        Self::new(core, socket, ReceiveBatch::First)
    }

    fn new(core: Rc<Core>, socket: Socket, first_batch: ReceiveBatch) -> Self {
        Self {
            core,
            socket,
            receiving: None,
            sending: None,
            unsent_bytes: 0,
            started_bytes: 0,
            receive_end: ReceiveEnd::Cancelled,
            first_batch,
            unsent: Unsent::AsTheKernelLikes,
        }
    }

    /// Connects to `address` (connect(2)).
    ///
    /// # Errors
    /// Those of socket(2) and connect(2).
    ///
    /// # Panics
    /// Outside a worker.
    pub async fn connect(address: &Address) -> io::Result<Self> {
        let core = worker::current();
        let connecting = core.kernel().connecting(address)?;
        let outcome = OpFuture::submit(&core, connecting).await;
        outcome.result?;
        let Op::Connect { socket, .. } = outcome.op else {
            panic!("a connect came back as {:?}", outcome.op)
        };
        Ok(Self::new(core, socket, ReceiveBatch::All))
    }

    // ---- receiving ----

    /// The next bytes, `None` at the end of the peer's sending. At most 64 KiB wait unread; then the peer has to.
    ///
    /// # Errors
    /// Those of recv(2): `ConnectionReset` among them.
    pub async fn receive(&mut self) -> io::Result<Option<Lease>> {
        poll_fn(|context| self.poll_receive(context)).await
    }

    /// As [`receive`](Self::receive).
    pub fn poll_receive(&mut self, context: &Context<'_>) -> Poll<io::Result<Option<Lease>>> {
        let mut kernel = self.core.kernel();
        let id = *self.receiving.get_or_insert_with(|| {
            let (socket, received) = (self.socket.clone(), ReceivedQueue::new());
            kernel.submit(Op::Receive { socket, received, batch: self.first_batch })
        });
        match ready!(kernel.poll_received(id, waker::waiter(context))) {
            Received::Data(lease) => Poll::Ready(Ok(Some(lease))),
            Received::End => Poll::Ready(Ok(None)),
            Received::Failed(error) => Poll::Ready(Err(error)),
        }
    }

    // ---- sending ----

    /// Sends all of `chunk`, after what was started before.
    ///
    /// # Errors
    /// Those of send(2): `BrokenPipe` and `ConnectionReset` among them.
    pub async fn send(&mut self, chunk: impl Into<Chunk>) -> io::Result<()> {
        poll_fn(|context| self.poll_sent(context)).await?;
        self.start_send(chunk.into(), More::Nothing);
        poll_fn(|context| self.poll_sent(context)).await
    }

    /// Starts a send; it goes to the kernel with the turn's enter. If it fails, a receive that waits ends too. Where nobody waits
    /// for it, what it holds may be kept until the worker has its next turn.
    ///
    /// # Panics
    /// While another send is in flight (two at once reorder), and for an empty chunk.
    pub fn start_send(&mut self, chunk: Chunk, more: More) {
        assert!(self.may_start_send(), "one send at a time: wait for poll_sent first");
        self.unsent_bytes = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        self.started_bytes += u64::from(self.unsent_bytes);
        let mut kernel = self.core.kernel();
        let more = match (more, self.receiving) {
            // A receive that waits holds the socket open; one in line for a buffer goes on with it.
            (More::End, Some(id)) if kernel.uses_socket(id) => More::Follows,
            _ => more,
        };
        self.sending = Some(kernel.start_sending(&self.socket, chunk, more));
    }

    /// Ready when no send is in flight, with the outcome of the last one.
    ///
    /// # Errors
    /// Those of send(2).
    pub fn poll_sent(&mut self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.poll_sent_for(waker::waiter(context))
    }

    /// As [`poll_sent`](Self::poll_sent), for whoever does not wait: nobody is woken when it is ready.
    ///
    /// # Errors
    /// As there.
    pub fn look_at_sent(&mut self) -> Poll<io::Result<()>> {
        self.poll_sent_for(Waiter::Nobody)
    }

    fn poll_sent_for(&mut self, waiter: Waiter) -> Poll<io::Result<()>> {
        let Some(id) = self.sending else { return Poll::Ready(Ok(())) };
        let sent = ready!(self.core.kernel().poll_sent(id, &self.socket, waiter));
        self.sending = None;
        Poll::Ready(match sent {
            Sent::Whole => {
                self.unsent_bytes = 0;
                Ok(())
            }
            Sent::Otherwise(outcome) => {
                if let Op::Send { sent, .. } = outcome.op {
                    self.unsent_bytes -= sent;
                }
                outcome.result.map(drop)
            }
        })
    }

    /// Whether a send may be started: none is in flight, and the outcome of the last one was looked at.
    pub fn may_start_send(&self) -> bool {
        self.sending.is_none()
    }

    /// Whether a send is in flight still.
    pub fn is_sending(&self) -> bool {
        self.sending.is_some_and(|id| self.core.kernel().is_sending(id, &self.socket))
    }

    /// Bytes of the send in flight that the kernel has taken: progress to judge a slow peer by.
    pub fn sent_bytes(&self) -> u32 {
        let Some(id) = self.sending else { return 0 };
        self.core.kernel().taken_bytes(id, &self.socket).unwrap_or(self.unsent_bytes)
    }

    /// Bytes of all sends by [`start_send`](Self::start_send) that the kernel has taken: progress over many of them.
    pub fn taken_bytes(&self) -> u64 {
        self.started_bytes - u64::from(self.unsent_bytes())
    }

    /// Bytes of the last send that the kernel has not taken.
    pub fn unsent_bytes(&self) -> u32 {
        self.unsent_bytes - self.sent_bytes()
    }

    /// Bytes that the kernel has taken and the peer has not (SIOCOUTQ: tcp(7), unix(7)); 0 where it cannot be asked.
    pub fn unread_bytes(&self) -> u32 {
        self.socket.unread_bytes().unwrap_or(0)
    }

    /// Sends without waiting, past the ring: the start of an answer whose body follows by [`send_file`](Self::send_file).
    ///
    /// # Errors
    /// `WouldBlock` when the socket takes nothing now; otherwise those of send(2).
    ///
    /// # Panics
    /// While a send is in flight, which this one would overtake.
    pub fn send_now(&mut self, bytes: &[u8], more: More) -> io::Result<usize> {
        assert!(self.sending.is_none(), "an inline send would overtake the one in flight");
        self.socket.send_now(bytes, more)
    }

    /// Sends up to `length` bytes of `file` from `offset` without waiting for the peer (sendfile(2)). Waits for the disk if
    /// they are not resident.
    ///
    /// # Errors
    /// `WouldBlock` when the socket takes nothing now; otherwise those of sendfile(2). `Ok(0)` is the file's end.
    ///
    /// # Panics
    /// While a send is in flight, which this one would overtake.
    pub fn send_file(&mut self, file: &File, offset: u64, length: usize) -> io::Result<usize> {
        assert!(self.sending.is_none(), "an inline send would overtake the one in flight");
        file.send_to(&self.socket, offset, length)
    }

    /// Waits until the socket takes bytes again.
    ///
    /// # Errors
    /// Those of poll(2).
    pub async fn writable(&self) -> io::Result<()> {
        let mut waiting = self.start_writable();
        poll_fn(|context| self.poll_writable(&mut waiting, context)).await
    }

    /// Begins to wait until the socket takes bytes again; for [`poll_writable`](Self::poll_writable).
    pub fn start_writable(&self) -> Writable {
        Writable(OpFuture::submit(&self.core, Op::Writable { socket: self.socket.clone() }))
    }

    /// Ready, once, when the socket takes bytes again.
    ///
    /// # Errors
    /// Those of poll(2).
    pub fn poll_writable(&self, waiting: &mut Writable, context: &Context<'_>) -> Poll<io::Result<()>> {
        waiting.0.poll_outcome(context).map(|outcome| outcome.result.map(drop))
    }

    /// Ready when the connection has failed. The end of the peer's sending is no failure, and nothing received is lost.
    pub fn poll_failure(&self, context: &Context<'_>) -> Poll<io::Error> {
        match self.receiving {
            Some(id) => self.core.kernel().poll_failure(id, waker::waiter(context)),
            None => Poll::Pending,
        }
    }

    // ---- the end ----

    /// Ends the sending direction: the peer reads what was sent, then the end (shutdown(2) with SHUT_WR).
    ///
    /// # Errors
    /// `NotConnected` when the peer is gone.
    pub fn shutdown_write(&self) -> io::Result<()> {
        self.socket.shutdown_write()
    }

    /// Ends both directions (shutdown(2) with SHUT_RDWR): the peer reads what was sent, then the end; a receive ends. For a peer
    /// from which nothing more is expected: what it sends all the same is answered by a reset, which may cost it what it has
    /// not read. Nothing is left to do where a send with [`More::End`] has done it.
    pub fn shutdown(&mut self) {
        self.socket.shutdown_both();
        self.receive_end = ReceiveEnd::Shut;
    }

    /// Makes the coming close a reset that discards what was not sent (SO_LINGER 0, socket(7)).
    pub fn reset_on_drop(&self) {
        self.socket.reset_on_close();
    }

    // ---- facts ----

    /// The peer's address: one system call, so asked only by who needs it (getpeername(2)).
    ///
    /// # Errors
    /// `NotConnected` when the peer is gone.
    pub fn peer(&self) -> io::Result<Address> {
        self.socket.peer()
    }

    /// This end's address (getsockname(2)).
    ///
    /// # Errors
    /// Those of getsockname(2).
    pub fn local(&self) -> io::Result<Address> {
        self.socket.local()
    }

    /// Bounds the kernel's send buffer in bytes (SO_SNDBUF; the kernel doubles it).
    ///
    /// # Errors
    /// Those of setsockopt(2).
    pub fn set_send_buffer_bytes(&self, bytes: usize) -> io::Result<()> {
        self.socket.set_send_buffer_bytes(bytes)
    }

    /// Has the kernel take no more from here on once 128 KiB wait that it has not sent yet (TCP_NOTSENT_LOWAT, tcp(7)). What is
    /// under way to the peer comes on top, as much as its window and the path take. For what is long, or may be read slowly: a
    /// peer with a tiny window would have megabytes waiting for it, in tiny segments whose making holds all others up. Costs a
    /// call the first time. A Unix socket has its own bound.
    pub fn bound_unsent(&mut self) {
        if self.unsent == Unsent::AsTheKernelLikes {
            self.unsent = Unsent::Bounded;
            // It fails on a Unix socket, or on one that is gone.
            let _ = self.socket.bound_unsent();
        }
    }

    /// Whether [`bound_unsent`](Self::bound_unsent) has been called.
    pub fn is_unsent_bounded(&self) -> bool {
        self.unsent == Unsent::Bounded
    }

    /// The longest segment that goes out to the peer now, in bytes (TCP_MAXSEG, tcp(7)): half of the peer's window at most.
    ///
    /// # Errors
    /// Those of getsockopt(2); a Unix socket has none.
    pub fn segment_bytes(&self) -> io::Result<u32> {
        self.socket.segment_bytes()
    }

    /// Bounds the kernel's receive buffer in bytes (SO_RCVBUF; the kernel doubles it).
    ///
    /// # Errors
    /// Those of setsockopt(2).
    pub fn set_receive_buffer_bytes(&self, bytes: usize) -> io::Result<()> {
        self.socket.set_receive_buffer_bytes(bytes)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // The socket closes when both have completed.
        if let Some(id) = self.receiving {
            match self.receive_end {
                ReceiveEnd::Cancelled => self.core.kernel().release(id),
                ReceiveEnd::Shut => self.core.kernel().release_ending(id),
            }
        }
        if let Some(id) = self.sending {
            self.core.kernel().release_send(id, &self.socket);
        }
    }
}

/// A wait for room in a socket's send buffer. Dropped, it is cancelled.
///
/// ```
/// use std::future::poll_fn;
/// # use std::net::Ipv4Addr;
///
/// use selvedge_runtime::net::More;
/// use selvedge_runtime::spawn;
/// # use selvedge_runtime::net::{Stream, TcpListener};
///
/// # fn main() -> std::io::Result<()> {
/// # selvedge_runtime::block_on(|| async {
/// # let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
/// # let mut client = Stream::connect(listener.address()).await?;
/// # let mut server = listener.accept().await?;
/// // Nobody reads, so at some time nothing more is taken.
/// while server.send_now(&[0; 65_536], More::Nothing).is_ok() {}
/// let mut waiting = server.start_writable();
/// let _reader = spawn("reader", async move { while let Ok(Some(_)) = client.receive().await {} });
/// // Here a server also looks at what else may happen meanwhile: a deadline, a stop.
/// poll_fn(|context| server.poll_writable(&mut waiting, context)).await?;
/// assert_eq!(server.send_now(b"the end", More::Nothing)?, 7);
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct Writable(OpFuture);

macro_rules! stream_of_a_family {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Stream);

        impl Deref for $name {
            type Target = Stream;

            fn deref(&self) -> &Stream {
                &self.0
            }
        }

        impl DerefMut for $name {
            fn deref_mut(&mut self) -> &mut Stream {
                &mut self.0
            }
        }

        impl From<$name> for Stream {
            fn from(stream: $name) -> Self {
                stream.0
            }
        }
    };
}

stream_of_a_family! {
    /// A TCP connection.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    ///
    /// use selvedge_runtime::block_on;
    /// use selvedge_runtime::net::{Address, Stream, TcpListener, TcpStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// block_on(|| async {
    ///     let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    ///     let address = listener.address().socket_addr().expect("it is bound to an IP address");
    ///     let client = TcpStream::connect(address).await?;
    ///     // It does all that a stream does, and where any kind is taken it becomes one.
    ///     let mut server: Stream = listener.accept().await?.into();
    ///     server.send("hello").await?;
    ///     assert_eq!(client.peer()?, Address::from(address));
    ///     # Ok(())
    /// })
    /// # }
    /// ```
    TcpStream
}

stream_of_a_family! {
    /// A Unix-domain connection.
    ///
    /// ```
    /// use selvedge_runtime::net::{Address, UnixListener, UnixStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("selvedge-doc-unix-stream-{}", std::process::id()));
    /// # selvedge_runtime::block_on(move || async move {
    /// let mut listener = UnixListener::bind(&path)?;
    /// let client = UnixStream::connect(&path).await?;
    /// let server = listener.accept().await?;
    /// // The one that listened has a path, the one that came has none.
    /// assert_eq!(client.peer()?, Address::Unix(path.clone()));
    /// assert_eq!(server.peer()?, Address::Unnamed);
    /// # std::fs::remove_file(&path)
    /// # })
    /// # }
    /// ```
    UnixStream
}

impl TcpStream {
    pub(super) fn from_stream(stream: Stream) -> Self {
        Self(stream)
    }

    /// Connects to an IP address.
    ///
    /// # Errors
    /// Those of [`Stream::connect`].
    ///
    /// # Panics
    /// Outside a worker.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        Stream::connect(&Address::Ip(address)).await.map(Self)
    }
}

impl UnixStream {
    pub(super) fn from_stream(stream: Stream) -> Self {
        Self(stream)
    }

    /// Connects to a path.
    ///
    /// # Errors
    /// Those of [`Stream::connect`].
    ///
    /// # Panics
    /// Outside a worker.
    pub async fn connect(path: &Path) -> io::Result<Self> {
        Stream::connect(&Address::Unix(path.to_path_buf())).await.map(Self)
    }
}
