//! Packets on the loopback interface, as tcpdump sees them (packet(7)). In: the two ports of a connection. Out: how many packets
//! came from the server, and how many octets of TCP's payload were in them.

use std::io;
use std::os::fd::OwnedFd;

use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, eth, recv, socket_with};

/// Room for what other connections of the machine send meanwhile.
const BUFFER_BYTES: usize = 8 * 1024 * 1024;
/// The longest IP packet; the loopback interface passes on segments of many octets in one.
const PACKET_BYTES_MAX: usize = 64 * 1024;
/// The protocol number of TCP in an IP header (RFC 9293 section 3.1).
const TCP: u8 = 6;

/// A socket that gets a copy of every IP packet that comes in.
#[derive(Debug)]
pub(super) struct Capture {
    socket: OwnedFd,
    packet: Vec<u8>,
}

/// What one side of a connection has sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// Packets with payload: acknowledgements alone do not count.
    pub(super) packets: u64,
    pub(super) payload_bytes: u64,
}

impl Capture {
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW.
    pub(super) fn start() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::PACKET, SocketType::DGRAM, flags, Some(eth::IP))?;
        // Beyond the machine's limit only root may go.
        set_socket_recv_buffer_size_force(&socket, BUFFER_BYTES)
            .or_else(|_| set_socket_recv_buffer_size(&socket, BUFFER_BYTES))?;
        Ok(Self { socket, packet: vec![0; PACKET_BYTES_MAX] })
    }

    /// What went from `from` to `to`, of all packets since the last call. On the loopback interface a packet is here before
    /// its receiver has it.
    pub(super) fn take(&mut self, from: u16, to: u16) -> io::Result<Sent> {
        let mut sent = Sent::default();
        loop {
            let length = match recv(&self.socket, &mut self.packet, RecvFlags::DONTWAIT) {
                Ok((length, _)) => length,
                Err(rustix::io::Errno::AGAIN) => return Ok(sent),
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            if let Some(bytes) = payload_bytes(&self.packet[..length], from, to)
                && bytes > 0
            {
                sent.packets += 1;
                sent.payload_bytes += bytes;
            }
        }
    }
}

/// Octets of payload in an IPv4 packet with TCP between these ports (RFC 791 section 3.1, RFC 9293 section 3.1).
fn payload_bytes(packet: &[u8], from: u16, to: u16) -> Option<u64> {
    let ip_head = usize::from(packet.first()? & 0x0f) * 4;
    if packet[0] >> 4 != 4 || *packet.get(9)? != TCP {
        return None;
    }
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    let segment = packet.get(ip_head..)?;
    let port = |at: usize| Some(u16::from_be_bytes([*segment.get(at)?, *segment.get(at + 1)?]));
    if port(0)? != from || port(2)? != to {
        return None;
    }
    let tcp_head = usize::from(segment.get(12)? >> 4) * 4;
    total.checked_sub(ip_head + tcp_head).map(|bytes| bytes as u64)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn two_writes_without_delay_are_two_packets_and_one_is_one() {
        let mut capture = match Capture::start() {
            Ok(capture) => capture,
            Err(error) => return eprintln!("SKIPPED: packets may not be captured here: {error}"),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.set_nodelay(true).unwrap();
        let ports = (listener.local_addr().unwrap().port(), client.local_addr().unwrap().port());
        for pieces in [&[&b"head"[..], b"body"][..], &[b"headbody"]] {
            for piece in pieces {
                server.write_all(piece).unwrap();
            }
            client.read_exact(&mut [0; 8]).unwrap();
            let expected = Sent { packets: pieces.len() as u64, payload_bytes: 8 };
            assert_eq!(capture.take(ports.0, ports.1).unwrap(), expected);
        }
    }

    /// An IPv4 packet with so much payload.
    fn packet(from: u16, to: u16, payload: usize) -> Vec<u8> {
        let mut packet = vec![0; 20 + 32 + payload];
        packet[0] = 0x45;
        packet[2..4].copy_from_slice(&((52 + payload) as u16).to_be_bytes());
        packet[9] = TCP;
        packet[20..22].copy_from_slice(&from.to_be_bytes());
        packet[22..24].copy_from_slice(&to.to_be_bytes());
        packet[32] = 8 << 4;
        packet
    }

    #[test]
    fn payload_is_what_is_left_of_both_heads() {
        assert_eq!(payload_bytes(&packet(80, 4_000, 151), 80, 4_000), Some(151));
        assert_eq!(payload_bytes(&packet(80, 4_000, 0), 80, 4_000), Some(0));
    }

    #[test]
    fn packets_of_others_and_broken_ones_do_not_count() {
        assert_eq!(payload_bytes(&packet(4_000, 80, 151), 80, 4_000), None);
        let mut udp = packet(80, 4_000, 8);
        udp[9] = 17;
        assert_eq!(payload_bytes(&udp, 80, 4_000), None);
        assert_eq!(payload_bytes(&packet(80, 4_000, 8)[..21], 80, 4_000), None);
        assert_eq!(payload_bytes(&[], 80, 4_000), None);
    }
}
