//! Stream sockets: making, binding and connecting them, and the direct calls that never block.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, SockRef, Type};

use super::account::Account;
use super::descriptor::{CloseQueue, Descriptor, Holder};
use super::fd::{Fd, SimulatedFd};
use super::process::{directory_of, may_change_directory};
use crate::sim::{Refusal, world};

/// An address of a stream socket.
///
/// ```
/// use std::net::Ipv4Addr;
///
/// use selvedge_runtime::net::{Address, Listening, PortSharing};
///
/// # fn main() -> std::io::Result<()> {
/// let listening = Listening::bind_ip((Ipv4Addr::LOCALHOST, 0).into(), 16, PortSharing::Exclusive)?;
/// match listening.address() {
///     Address::Ip(address) => assert_ne!(address.port(), 0, "the kernel has chosen one"),
///     Address::Unix(_) | Address::Unnamed => unreachable!("bound to an IP address"),
/// }
/// assert_eq!(Address::Unix("/run/selvedge.sock".into()).to_string(), "unix:/run/selvedge.sock");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// An IPv4 or IPv6 address and port.
    Ip(SocketAddr),
    /// A Unix-domain socket by path.
    Unix(PathBuf),
    /// A Unix-domain socket without a path: the usual client.
    Unnamed,
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Unnamed => f.write_str("unix:"),
        }
    }
}

impl Address {
    /// The address and port, if it has one.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) | Self::Unnamed => None,
        }
    }

    fn to_native(&self) -> io::Result<SockAddr> {
        match self {
            Self::Ip(address) => Ok((*address).into()),
            Self::Unix(path) => SockAddr::unix(path),
            Self::Unnamed => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "an unnamed Unix address has no path"))
            }
        }
    }

    pub(super) fn from_native(address: &SockAddr) -> Self {
        match (address.as_socket(), address.as_pathname()) {
            (Some(address), _) => Self::Ip(address),
            (None, Some(path)) => Self::Unix(path.to_path_buf()),
            (None, None) => Self::Unnamed,
        }
    }
}

/// Whether several listeners may be bound to one port (SO_REUSEPORT, socket(7)).
///
/// ```
/// use std::net::Ipv4Addr;
///
/// use selvedge_runtime::net::{Address, Listening, PortSharing};
///
/// # fn main() -> std::io::Result<()> {
/// let any_port = (Ipv4Addr::LOCALHOST, 0).into();
/// let first = Listening::bind_ip(any_port, 16, PortSharing::Shared)?;
/// let address = first.address().socket_addr().expect("it is bound to an IP address");
/// // A second one at the same port.
/// let second = Listening::bind_ip(address, 16, PortSharing::Shared)?;
/// assert_eq!(second.address(), first.address());
/// assert!(Listening::bind_ip(address, 16, PortSharing::Exclusive).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortSharing {
    /// This listener alone.
    Exclusive,
    /// The kernel spreads new connections over all listeners of the port.
    Shared,
}

/// A listening socket of the process: bound, listening, not yet used by a worker.
///
/// TCP_NODELAY is set here and inherited by every accepted socket, so it costs no call per connection.
///
/// ```
/// use std::net::{Ipv4Addr, TcpListener};
///
/// use selvedge_runtime::net::{Address, Listening, PortSharing};
///
/// # fn main() -> std::io::Result<()> {
/// let listening = Listening::bind_ip((Ipv4Addr::LOCALHOST, 0).into(), 1_024, PortSharing::Exclusive)?;
/// println!("listening at {}", listening.address());
///
/// // One that somebody else has bound.
/// let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
/// let address = bound.local_addr()?;
/// assert_eq!(*Listening::adopt(bound)?.address(), Address::Ip(address));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Listening {
    fd: Fd,
    address: Address,
    /// What this process has made in the file system for it.
    socket_file: Option<SocketFile>,
}

/// A Unix socket's file, as this process made it.
///
/// ```
/// use selvedge_runtime::net::{Listening, SocketFile};
///
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("selvedge-doc-socket-file-{}", std::process::id()));
/// let listening = Listening::bind_unix(&path, 0o660, 1_024)?;
/// let file: Option<SocketFile> = listening.socket_file().cloned();
/// // The socket closes, its file stays.
/// drop(listening);
/// assert!(path.exists());
/// file.expect("it was made here").remove();
/// assert!(!path.exists());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketFile {
    path: PathBuf,
    identity: FileIdentity,
}

/// Device, inode and last change: inode numbers alone are used again at once.
type FileIdentity = (u64, u64, i64, i64);

impl SocketFile {
    fn of(path: &Path) -> Option<Self> {
        Some(Self { path: path.to_path_buf(), identity: identity(path)? })
    }

    /// Removes it, unless somebody has put another one in its place.
    pub fn remove(&self) {
        if identity(&self.path) != Some(self.identity) {
            return;
        }
        match world() {
            Some(world) => world.remove_socket_file(&self.path),
            None => _ = std::fs::remove_file(&self.path),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this process may remove files from the directory that it lies in.
    pub fn may_be_removed(&self) -> bool {
        // Nothing is forbidden there on a simulated machine.
        world().is_some() || may_change_directory(directory_of(&self.path))
    }
}

fn identity(path: &Path) -> Option<FileIdentity> {
    if let Some(world) = world() {
        return world.socket_file(path).map(|file| (0, file, 0, 0));
    }
    let metadata = std::fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
}

/// Octets that wait in a TCP socket and have not been sent once, where that is bounded. What is under way to the client comes on
/// top, as much as its window and the path take.
const UNSENT_BYTES_MAX: u32 = 128 * 1024;

impl Listening {
    /// Binds an IP address (tcp(7)); `[::]` accepts IPv4 too (IPV6_V6ONLY off, ipv6(7)).
    ///
    /// # Errors
    /// Those of socket(2), bind(2) and listen(2).
    pub fn bind_ip(address: SocketAddr, backlog: u32, sharing: PortSharing) -> io::Result<Self> {
        if let Some(listening) = Fd::listen(Address::Ip(address), backlog, sharing) {
            let (fd, address) = listening?;
            return Ok(Self { fd, address, socket_file: None });
        }
        let domain = Domain::for_address(address);
        let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        if let SocketAddr::V6(v6) = address {
            socket.set_only_v6(!v6.ip().is_unspecified())?;
        }
        // Lets a restarted server bind while old connections are in TIME_WAIT (ip(7)).
        socket.set_reuse_address(true)?;
        if sharing == PortSharing::Shared {
            socket.set_reuse_port(true)?;
        }
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        super::with_patience(
            || socket.bind(&address.into()),
            |bound| bound.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse),
        )?;
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        Self::from_socket(socket)
    }

    /// Binds a Unix-domain path (unix(7)) with the permission bits `mode`. A socket that nobody listens at any more is
    /// removed first; nothing else is.
    ///
    /// # Errors
    /// `AddrInUse` when somebody listens there, `AlreadyExists` when something that is no socket is there; otherwise those
    /// of socket(2), bind(2), chmod(2) and listen(2).
    pub fn bind_unix(path: &Path, mode: u32, backlog: u32) -> io::Result<Self> {
        if let Some(listening) =
            Fd::listen(Address::Unix(path.to_path_buf()), backlog, PortSharing::Exclusive)
        {
            let (fd, address) = listening?;
            return Ok(Self { fd, address, socket_file: SocketFile::of(path) });
        }
        remove_stale_socket(path)?;
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?)?;
        // Between bind and listen nobody can connect, so the mode is in force before the first client.
        rustix::fs::chmod(path, rustix::fs::Mode::from_raw_mode(mode))?;
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        Ok(Self { socket_file: SocketFile::of(path), ..Self::from_socket(socket)? })
    }

    /// Takes over a listening stream socket that the process was started with (socket activation).
    ///
    /// # Errors
    /// EBADF when `number` is not open, ENOTSOCK when it is no socket, EINVAL when it is one that does not listen;
    /// `AlreadyExists` for the standard streams 0 to 2.
    pub fn inherit(number: i32) -> io::Result<Self> {
        if number < 3 {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "descriptors 0 to 2 are the standard streams",
            ));
        }
        // SAFETY: fcntl(F_GETFD) on any number only asks whether it is open.
        if unsafe { libc::fcntl(number, libc::F_GETFD) } == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the number is open (checked), and by the caller's word it was given to this process to own.
        let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
        Self::adopt(borrowed.try_clone_to_owned()?)
    }

    /// Takes over a listening stream socket of this process, such as a [`std::net::TcpListener`]. A Unix socket's file stays
    /// its maker's to remove.
    ///
    /// # Errors
    /// ENOTSOCK when it is no socket, EINVAL when it is one that does not listen.
    pub fn adopt(listener: impl Into<OwnedFd>) -> io::Result<Self> {
        let socket = socket2::Socket::from(listener.into());
        if socket.r#type()? != Type::STREAM || !socket.is_listener()? {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        socket.set_nonblocking(true)?;
        if matches!(socket.domain(), Ok(Domain::IPV4 | Domain::IPV6)) {
            socket.set_tcp_nodelay(true)?;
        }
        Self::from_socket(socket)
    }

    fn from_socket(socket: socket2::Socket) -> io::Result<Self> {
        let address = Address::from_native(&socket.local_addr()?);
        Ok(Self { fd: Fd::Real(socket.into()), address, socket_file: None })
    }

    /// From now on a TCP connection is accepted when its first octets are there, or after a second or two without any
    /// (TCP_DEFER_ACCEPT, tcp(7)): for protocols in which clients speak first. A connection that lasts for one request costs one
    /// wake-up then instead of two. Does nothing to other sockets.
    ///
    /// # Errors
    /// Those of setsockopt(2).
    pub fn await_first_octets(&self) -> io::Result<()> {
        let (Fd::Real(socket), Address::Ip(_)) = (&self.fd, &self.address) else { return Ok(()) };
        let seconds: libc::c_int = 1;
        // SAFETY: the descriptor is open as long as `self`; `seconds` lives across the call and the length is its size.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_DEFER_ACCEPT,
                (&raw const seconds).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// The bound address, with the port the kernel chose if 0 was asked for.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The file that [`bind_unix`](Self::bind_unix) made, to be removed when nobody listens any more.
    pub fn socket_file(&self) -> Option<&SocketFile> {
        self.socket_file.as_ref()
    }

    /// Makes its file, if it has one, `account`'s own.
    ///
    /// # Errors
    /// Those of lchown(2).
    pub fn give_file_to(&mut self, account: &Account) -> io::Result<()> {
        if world().is_some() {
            // Sockets have no owner on a simulated machine.
            return Ok(());
        }
        if let Some(file) = &mut self.socket_file {
            std::os::unix::fs::lchown(&file.path, Some(account.user), Some(account.group))?;
            // Its time of change is another one now.
            self.socket_file = SocketFile::of(&file.path.clone());
        }
        Ok(())
    }

    /// A second handle on the same listening socket.
    ///
    /// # Errors
    /// Those of fcntl(2) with F_DUPFD_CLOEXEC.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { fd: self.fd.try_clone()?, address: self.address.clone(), socket_file: None })
    }

    pub(super) fn into_fd(self) -> Fd {
        self.fd
    }
}

fn remove_stale_socket(path: &Path) -> io::Result<()> {
    let metadata = match std::fs::symlink_metadata(path) {
        // Nothing there, or nothing to be seen: binding tells.
        Err(_) => return Ok(()),
        Ok(metadata) => metadata,
    };
    if !metadata.file_type().is_socket() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    if super::with_patience(|| is_live(path), |is_live| *is_live) {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    std::fs::remove_file(path)
}

/// Whether somebody accepts connections at a Unix path now. A full backlog also means that somebody does.
fn is_live(path: &Path) -> bool {
    let probe = || -> io::Result<()> {
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)
    };
    match probe() {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

/// A connected socket on its way to the worker that will own it.
///
/// ```
/// use std::net::{TcpListener, TcpStream};
///
/// use selvedge_runtime::block_on;
/// use selvedge_runtime::net::{Accepted, Stream};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let client = TcpStream::connect(listener.local_addr()?)?;
/// // A socket on its way may change the thread, a stream may not.
/// let accepted = Accepted::from_std(listener.accept()?.0)?;
/// block_on(move || async move { Stream::adopt(accepted).send("hello").await })?;
/// assert_eq!(std::io::read_to_string(client)?, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Accepted(Fd);

impl Accepted {
    /// A connection that the standard library has made: a `TcpStream` or a `UnixStream`.
    ///
    /// # Errors
    /// Those of ioctl(2), by which it is made one that does not block.
    pub fn from_std(stream: impl Into<OwnedFd>) -> io::Result<Self> {
        let fd = stream.into();
        rustix::io::ioctl_fionbio(&fd, true)?;
        Ok(Self(Fd::Real(fd)))
    }

    pub(super) fn new(fd: OwnedFd) -> Self {
        Self(Fd::Real(fd))
    }

    /// One of the simulated machine's.
    pub(super) fn simulated(number: i32) -> Self {
        Self(Fd::Simulated(SimulatedFd::new(number)))
    }

    pub(super) fn into_fd(self) -> Fd {
        self.0
    }

    /// Takes over what a completion of an accept says it made.
    ///
    /// # Safety
    /// The number is that of a fresh accept(2), and nobody else has taken it over.
    pub(super) unsafe fn from_raw(number: RawFd) -> Self {
        // SAFETY: the caller's promise.
        Self(Fd::Real(unsafe { OwnedFd::from_raw_fd(number) }))
    }
}

/// A stream socket of one worker; open while a handle or an op in flight uses it.
#[derive(Debug, Clone)]
pub(crate) struct Socket(Descriptor);

impl Socket {
    /// Whether both are handles of one descriptor.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }

    pub(super) fn new(fd: Fd, close_queue: &Rc<CloseQueue>) -> Self {
        Self(Descriptor::new(fd, close_queue))
    }

    /// A new unconnected socket fit for `address`, and that address in the kernel's form.
    pub(super) fn for_connect(
        address: &Address,
        queue: &Rc<CloseQueue>,
    ) -> io::Result<(Self, Box<SockAddr>)> {
        let native = address.to_native()?;
        if let Some(fd) = Fd::socket_for(address) {
            return Ok((Self::new(fd?, queue), Box::new(native)));
        }
        let socket = socket2::Socket::new(native.domain(), Type::STREAM, None)?;
        if matches!(address, Address::Ip(_)) {
            socket.set_tcp_nodelay(true)?;
        }
        // For sendfile(2), which must not block; ops on the ring wait all the same.
        socket.set_nonblocking(true)?;
        Ok((Self::new(Fd::Real(socket.into()), queue), Box::new(native)))
    }

    pub(super) fn raw(&self) -> RawFd {
        self.0.raw()
    }

    /// The ring closes it behind the send that was just queued: nothing reaches it from here any more.
    pub(super) fn hand_over(&self) {
        self.0.hand_over();
    }

    /// The ring does not close it: the send before that has failed.
    pub(super) fn take_back(&self) {
        self.0.take_back();
    }

    /// Whether its handles may reach it: not once the ring closes it.
    pub(super) fn is_ours(&self) -> bool {
        self.0.holder() == Holder::Handles
    }

    /// # Errors
    /// `NotConnected` once the ring closes it.
    pub(super) fn check_ours(&self) -> io::Result<()> {
        match self.is_ours() {
            true => Ok(()),
            false => Err(io::Error::from_raw_os_error(libc::ENOTCONN)),
        }
    }

    fn borrow(&self) -> BorrowedFd<'_> {
        assert!(self.0.is_real(), "this call is not simulated");
        // SAFETY: it is a descriptor of the process, and stays open while `self`, which the result borrows, lives.
        unsafe { BorrowedFd::borrow_raw(self.raw()) }
    }

    /// A connection from a listening socket's backlog, if one is there (accept4(2)).
    pub(super) fn accept_now(&self) -> Option<Accepted> {
        if let Some(world) = self.0.world() {
            return world.accept(self.raw()).map(Accepted::simulated);
        }
        let flags = rustix::net::SocketFlags::NONBLOCK | rustix::net::SocketFlags::CLOEXEC;
        rustix::net::accept_with(self, flags).ok().map(Accepted::new)
    }

    /// Ends the sending direction (shutdown(2) with SHUT_WR); a direct call, because the op always goes to a thread.
    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        self.check_ours()?;
        if let Some(world) = self.0.world() {
            return world.shutdown_write(self.raw());
        }
        SockRef::from(self).shutdown(std::net::Shutdown::Write)
    }

    /// Ends both directions, so that a waiting receive completes.
    pub(crate) fn shutdown_both(&self) {
        if !self.is_ours() {
            return;
        }
        if let Some(world) = self.0.world() {
            return world.shutdown_both(self.raw());
        }
        // ENOTCONN: the peer was faster; the receive completes all the same.
        let _ = SockRef::from(self).shutdown(std::net::Shutdown::Both);
    }

    /// Makes the coming close a reset that discards unsent bytes (SO_LINGER with 0 s, socket(7)).
    pub(crate) fn reset_on_close(&self) {
        if !self.is_ours() {
            return;
        }
        if let Some(world) = self.0.world() {
            return world.reset_on_close(self.raw());
        }
        // Fails only on a socket that has no connection left to reset.
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }

    /// The other end (getpeername(2)).
    pub(crate) fn peer(&self) -> io::Result<Address> {
        self.check_ours()?;
        if let Some(world) = self.0.world() {
            return world.peer(self.raw());
        }
        SockRef::from(self).peer_addr().map(|address| Address::from_native(&address))
    }

    /// This end (getsockname(2)).
    pub(crate) fn local(&self) -> io::Result<Address> {
        self.check_ours()?;
        if let Some(world) = self.0.world() {
            return world.local(self.raw());
        }
        SockRef::from(self).local_addr().map(|address| Address::from_native(&address))
    }

    /// Bounds the kernel's send buffer in bytes (SO_SNDBUF, which the kernel doubles).
    pub(crate) fn set_send_buffer_bytes(&self, bytes: usize) -> io::Result<()> {
        self.check_ours()?;
        if let Some(world) = self.0.world() {
            world.set_send_buffer_bytes(self.raw(), bytes);
            return Ok(());
        }
        SockRef::from(self).set_send_buffer_size(bytes)
    }

    /// Bounds the kernel's receive buffer in bytes (SO_RCVBUF, which the kernel doubles).
    pub(crate) fn set_receive_buffer_bytes(&self, bytes: usize) -> io::Result<()> {
        self.check_ours()?;
        if let Some(world) = self.0.world() {
            world.set_receive_buffer_bytes(self.raw(), bytes);
            return Ok(());
        }
        SockRef::from(self).set_recv_buffer_size(bytes)
    }

    /// Has the socket take no more once 128 KiB wait that were not sent yet (TCP_NOTSENT_LOWAT, tcp(7)).
    pub(crate) fn bound_unsent(&self) -> io::Result<()> {
        self.check_ours()?;
        match self.0.world() {
            // Its buffer is bound enough.
            Some(_) => Ok(()),
            None => SockRef::from(self).set_tcp_notsent_lowat(UNSENT_BYTES_MAX),
        }
    }

    /// The longest segment it sends now (TCP_MAXSEG, tcp(7)).
    pub(crate) fn segment_bytes(&self) -> io::Result<u32> {
        self.check_ours()?;
        match self.0.world() {
            Some(_) => Ok(SIMULATED_SEGMENT_BYTES),
            None => SockRef::from(self).tcp_mss(),
        }
    }

    /// Bytes in the send buffer that the peer has not acknowledged (tcp(7)) or read (unix(7)).
    pub(crate) fn unread_bytes(&self) -> io::Result<u32> {
        self.check_ours()?;
        if let Some(world) = self.0.world() {
            return Ok(u32::try_from(world.unread_bytes(self.raw())).unwrap_or(u32::MAX));
        }
        let mut bytes: libc::c_int = 0;
        // SAFETY: SIOCOUTQ, which is TIOCOUTQ by its other name, writes one int; `bytes` is one.
        if unsafe { libc::ioctl(self.raw(), libc::TIOCOUTQ, &raw mut bytes) } == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok(bytes.unsigned_abs())
    }

    /// Sends without waiting (send(2) with MSG_DONTWAIT), corked if `more` follows at once.
    pub(crate) fn send_now(&self, bytes: &[u8], more: More) -> io::Result<usize> {
        self.check_ours()?;
        if let Some(world) = self.0.world() {
            return world
                .send(self.raw(), bytes, more)
                .map_err(|refusal| io::Error::from_raw_os_error(errno_of(refusal)));
        }
        let flags = match more {
            More::Follows | More::End => libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL | libc::MSG_MORE,
            More::Nothing => libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
        };
        SockRef::from(self).send_with_flags(bytes, flags)
    }
}

/// That of an Ethernet, with time stamps.
const SIMULATED_SEGMENT_BYTES: u32 = 1_448;

/// What the kernel calls it.
pub(super) fn errno_of(refusal: Refusal) -> i32 {
    match refusal {
        Refusal::NotNow => libc::EAGAIN,
        Refusal::Reset => libc::ECONNRESET,
        Refusal::Broken => libc::EPIPE,
        Refusal::NotConnected => libc::ENOTCONN,
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.borrow()
    }
}

/// Whether further bytes of the same answer follow at once (MSG_MORE, send(2)).
///
/// ```
/// # use std::net::Ipv4Addr;
/// # use selvedge_runtime::net::{Stream, TcpListener};
/// use selvedge_runtime::net::More;
///
/// # fn main() -> std::io::Result<()> {
/// # selvedge_runtime::block_on(|| async {
/// # let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
/// # let mut client = Stream::connect(listener.address()).await?;
/// # let mut server = listener.accept().await?;
/// // Both leave in one packet, as a rule.
/// server.send_now(b"head, ", More::Follows)?;
/// server.send_now(b"body", More::Nothing)?;
/// server.shutdown_write()?;
/// let mut received = Vec::new();
/// while let Some(lease) = client.receive().await? {
///     received.extend_from_slice(&lease);
/// }
/// assert_eq!(received, b"head, body");
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// Hold a partial packet back.
    Follows,
    /// The same: what follows is the end, [`Stream::shutdown`](crate::net::Stream::shutdown). A stream that receives nothing
    /// just then ends with the send, if the socket takes that at once: whatever else is asked of it fails with `NotConnected`.
    End,
    /// Send what is there.
    Nothing,
}
