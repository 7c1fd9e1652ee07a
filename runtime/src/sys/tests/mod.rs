//! Tests of one worker's kernel on the real one, without tasks: ops in, turns of the ring, outcomes out.

mod accept;
mod cancel;
mod conformance;
mod descriptors;
mod files;
mod last_send;
mod receive;
mod ring;
mod send;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::task::Poll;
use std::time::Duration;

use super::buffer_ring::ReceivedQueue;
use super::chunk::Chunk;
use super::doorbell::Doorbell;
use super::kernel::{AtRest, Kernel, Outcome, Reaped, Received};
use super::limits::KernelLimits;
use super::op::{AcceptBatch, Op, ReceiveBatch};
use super::pool::Lease;
use super::ring::{FULL_SIZE, Ring, Size, Wait};
use super::slots::OpId;
use super::socket::{Accepted, Address, Listening, More, PortSharing, Socket};
use super::waker::Waiter;

/// How long a test waits for what must come; only a failure lasts this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// A kernel and what its last reap found.
struct Machine {
    kernel: Kernel,
    reaped: Reaped,
    doorbell: Doorbell,
}

impl Machine {
    fn new(receive_buffers: u16, receive_buffer_bytes: usize) -> Self {
        Self::with_ring(Ring::new(None).unwrap(), receive_buffers, receive_buffer_bytes)
    }

    /// With the smallest completion queue the kernel allows, so that a test can make it overflow.
    fn with_small_completion_queue(receive_buffers: u16, receive_buffer_bytes: usize) -> Self {
        let ring = Ring::with_size(Size { completions: FULL_SIZE.submissions, ..FULL_SIZE }).unwrap();
        Self::with_ring(ring, receive_buffers, receive_buffer_bytes)
    }

    fn with_ring(ring: Ring, receive_buffers: u16, receive_buffer_bytes: usize) -> Self {
        let limits = KernelLimits { receive_buffers, receive_buffer_bytes, ..KernelLimits::default() };
        let doorbell = Doorbell::new().unwrap();
        let kernel = Kernel::with_ring(ring, &limits, &doorbell).unwrap();
        Self { kernel, reaped: Reaped::default(), doorbell }
    }

    /// What a worker does between two polls of its tasks, without waiting for anything to happen.
    fn turn(&mut self) {
        self.turn_waiting(Wait::None);
    }

    fn turn_waiting(&mut self, wait: Wait) {
        self.kernel.publish();
        self.kernel.wait(wait);
        self.reaped.woken.clear();
        self.kernel.reap(&mut self.reaped);
    }

    /// Turns until `ready` gives something.
    fn until<T>(&mut self, what: &str, mut ready: impl FnMut(&mut Self) -> Option<T>) -> T {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            if let Some(value) = ready(self) {
                return value;
            }
            assert!(std::time::Instant::now() < deadline, "waited too long for {what}: {self:?}");
            self.turn_waiting(Wait::AtMost(Duration::from_millis(100)));
        }
    }

    /// A connected pair: one end of this kernel's, one of the test's.
    fn pair(&mut self) -> (Socket, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_read_timeout(Some(PATIENCE)).unwrap();
        (self.kernel.adopt(Accepted::new(ours.into())), theirs)
    }

    fn tcp_pair(&mut self) -> (Socket, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_read_timeout(Some(PATIENCE)).unwrap();
        (self.kernel.adopt(Accepted::new(ours.into())), theirs)
    }

    fn receive(&mut self, socket: &Socket) -> OpId {
        self.receive_in(socket, ReceiveBatch::All)
    }

    fn receive_in(&mut self, socket: &Socket, batch: ReceiveBatch) -> OpId {
        let (socket, received) = (socket.clone(), ReceivedQueue::new());
        self.kernel.submit(Op::Receive { socket, received, batch })
    }

    fn send(&mut self, socket: &Socket, chunk: impl Into<Chunk>, more: More) -> OpId {
        let op = self.kernel.sending(socket, chunk.into(), more);
        self.kernel.submit(op)
    }

    /// A listener of this kernel's, its address, and its subscription.
    fn accept(&mut self, batch: AcceptBatch) -> (SocketAddr, OpId) {
        let any_port = (Ipv4Addr::LOCALHOST, 0).into();
        let listening = Listening::bind_ip(any_port, 4_096, PortSharing::Exclusive).unwrap();
        let Address::Ip(address) = *listening.address() else { panic!("a listener bound to an IP address") };
        let listener = self.kernel.adopt_listening(listening);
        (address, self.kernel.submit(Op::Accept { listener, accepted: VecDeque::new(), batch }))
    }

    /// Everything `id` has received so far.
    fn received_now(&mut self, id: OpId) -> Vec<Lease> {
        let mut leases = Vec::new();
        while let Poll::Ready(received) = self.kernel.poll_received(id, Waiter::Nobody) {
            match received {
                Received::Data(lease) => leases.push(lease),
                other => panic!("not data: {other:?}"),
            }
        }
        leases
    }

    fn next_received(&mut self, id: OpId) -> Received {
        self.until("a receive", |machine| match machine.kernel.poll_received(id, Waiter::Nobody) {
            Poll::Ready(received) => Some(received),
            Poll::Pending => None,
        })
    }

    fn outcome(&mut self, id: OpId) -> Outcome {
        self.until("an outcome", |machine| match machine.kernel.poll(id, Waiter::Nobody) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        })
    }

    /// Nothing is left over: no op, no lease, no buffer.
    fn assert_idle(&mut self) {
        self.until("all ops to end", |machine| (machine.kernel.ops() == 0).then_some(()));
        self.kernel.publish();
        let (leased, with_kernel, all) = self.kernel.receive_buffers();
        assert_eq!((leased, with_kernel), (0, all));
        assert_eq!(self.kernel.shut_down(&mut Reaped::default()), AtRest::Yes);
    }
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine")
            .field("figures", &self.kernel.figures())
            .field("ops", &self.kernel.ops())
            .field("receive_buffers", &self.kernel.receive_buffers())
            .finish_non_exhaustive()
    }
}

impl Drop for Machine {
    /// Also a test that fails must not free what the kernel uses.
    fn drop(&mut self) {
        let _ = self.kernel.shut_down(&mut Reaped::default());
    }
}
