//! SIP over one UDP socket (RFC 3261 section 18).

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use crate::sip::Transmit;
use crate::sip::message::{MESSAGE_MAX, Malformed, Message, Method, is_keep_alive, parse};
use crate::sip::rate::Buckets;
use crate::time::{Duration, Timestamp};

/// A datagram that was let in, and from where.
pub type Received = (SocketAddr, Result<Message, Malformed>);

/// What the kernel may keep for us while we are busy, in bytes; it may give less.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// Most datagrams read in one go before other tasks have their turn.
const BATCH: usize = 64;

/// How many messages are taken from one address.
#[derive(Clone, Copy, Debug)]
pub struct SourceLimit {
    /// Lastingly, per second; 1 to 1,000,000.
    pub messages_per_second: u32,
    /// At once.
    pub burst: u32,
    /// Most addresses counted one by one; the others share one limit.
    pub sources_max: usize,
}

/// A trunk that brings 1,000 calls a second stays below it.
impl Default for SourceLimit {
    fn default() -> Self {
        Self { messages_per_second: 8000, burst: 8000, sources_max: 16_384 }
    }
}

/// What became of the datagrams since the start.
#[derive(Default, Debug)]
pub struct Counters {
    /// Handed on, whole or malformed.
    pub received: AtomicU64,
    /// Dropped because their source sent too many.
    pub limited: AtomicU64,
    /// Dropped because the user agent is behind.
    pub overflowed: AtomicU64,
    /// Not sent, because the system refused.
    pub unsent: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A bound socket. [`Udp::receive`] and [`Udp::send`] are run side by side by the node.
#[derive(Debug)]
pub struct Udp {
    socket: UdpSocket,
    /// What became of the datagrams.
    pub counters: Counters,
}

impl Udp {
    /// Binds the socket.
    ///
    /// # Errors
    /// The address is not ours, or is taken.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address).await?;
        SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        Ok(Self { socket, counters: Counters::default() })
    }

    /// The address with the port that was given.
    ///
    /// # Errors
    /// As the system says.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Reads datagrams and hands them on until the other end of `to` is gone. Never waits for it:
    /// what does not fit is dropped, and its sender repeats it. The last quarter of the places is
    /// for what belongs to a call or transaction that we have.
    ///
    /// # Errors
    /// The socket is broken.
    pub async fn receive(&self, limit: SourceLimit, to: mpsc::Sender<Received>) -> io::Result<()> {
        let pace = limit.messages_per_second.clamp(1, 1_000_000);
        let refill = Duration::from_secs(1) / pace;
        let mut buckets = Buckets::new(limit.burst, refill, limit.sources_max);
        let started = Instant::now();
        let mut buffer = vec![0; MESSAGE_MAX];
        loop {
            let mut next = tokio::select! {
                next = self.socket.recv_from(&mut buffer) => next,
                () = to.closed() => return Ok(()),
            };
            let elapsed = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
            for _ in 0..BATCH {
                let (len, source) = match next {
                    Ok(read) => read,
                    Err(error) if is_passing(&error) => break,
                    Err(error) => return Err(error),
                };
                if !is_keep_alive(&buffer[..len]) {
                    if !buckets.take(&source.ip(), Timestamp::from_ms(elapsed)) {
                        count(&self.counters.limited);
                    } else if !self.hand_on(&to, source, &buffer[..len]) {
                        return Ok(());
                    }
                }
                next = self.socket.try_recv_from(&mut buffer);
            }
        }
    }

    /// Parses and hands on; `false` if nobody takes it any more.
    fn hand_on(&self, to: &mpsc::Sender<Received>, source: SocketAddr, datagram: &[u8]) -> bool {
        match to.try_reserve() {
            Ok(place) => {
                let message = parse(datagram);
                if to.capacity() < to.max_capacity() / 4 && opens_something(&message) {
                    count(&self.counters.overflowed);
                } else {
                    count(&self.counters.received);
                    place.send((source, message));
                }
                true
            }
            Err(TrySendError::Full(())) => {
                count(&self.counters.overflowed);
                true
            }
            Err(TrySendError::Closed(())) => false,
        }
    }

    /// Sends what comes until the other end of `from` is gone.
    pub async fn send(&self, mut from: mpsc::Receiver<Transmit>) {
        while let Some(transmit) = from.recv().await {
            if let Err(error) = self.socket.send_to(&transmit.bytes, transmit.to).await {
                count(&self.counters.unsent);
                tracing::warn!(to = %transmit.to, %error, "a SIP message was not sent");
            }
        }
    }
}

/// Would it make new work: a fault to answer, or a request outside of a dialog that ends nothing?
fn opens_something(message: &Result<Message, Malformed>) -> bool {
    match message {
        Ok(Message::Request(request)) => {
            let ends = matches!(request.method, Method::Ack | Method::Bye | Method::Cancel);
            !ends && request.to().tag().is_none()
        }
        Ok(Message::Response(_)) => false,
        Err(_) => true,
    }
}

/// Is it no fault of the socket: nothing to read, or a peer's ICMP error for an earlier datagram?
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable,
        WouldBlock,
    };
    [
        WouldBlock,
        Interrupted,
        ConnectionRefused,
        ConnectionReset,
        HostUnreachable,
        NetworkUnreachable,
    ]
    .contains(&error.kind())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const OPTIONS: &str = "OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1\r\n\
        From: <sip:b@c>\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n";

    async fn started(burst: u32, places: usize) -> (Arc<Udp>, mpsc::Receiver<Received>, UdpSocket) {
        let udp = Arc::new(Udp::bind("127.0.0.1:0".parse().unwrap()).await.unwrap());
        let (to, received) = mpsc::channel(places);
        let limit = SourceLimit { messages_per_second: 1, burst, sources_max: 4 };
        let receiver = Arc::clone(&udp);
        #[expect(clippy::disallowed_methods, reason = "the test is the node")]
        tokio::spawn(async move { receiver.receive(limit, to).await });
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        peer.connect(udp.local_address().unwrap()).await.unwrap();
        (udp, received, peer)
    }

    async fn until(counter: &AtomicU64, value: u64) {
        let reached = async {
            while counter.load(Ordering::Relaxed) < value {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap();
    }

    #[tokio::test]
    async fn messages_come_in_parsed_and_go_out() {
        let (udp, mut received, peer) = started(10, 10).await;
        for datagram in ["\r\n\r\n", OPTIONS, "nonsense"] {
            peer.send(datagram.as_bytes()).await.unwrap();
        }
        let (source, message) = received.recv().await.unwrap();
        assert_eq!(source, peer.local_addr().unwrap());
        let Ok(Message::Request(request)) = message else { panic!("{message:?}") };
        assert_eq!(request.call_id(), "1");
        let (_, message) = received.recv().await.unwrap();
        assert_eq!(message.unwrap_err().reply, None);

        let (transmits, from) = mpsc::channel(1);
        let nowhere = Transmit { to: "127.0.0.1:0".parse().unwrap(), bytes: vec![1] };
        transmits.send(nowhere).await.unwrap();
        let sending = udp.send(from);
        let telling = async {
            let answer = Transmit { to: source, bytes: b"answer".to_vec() };
            transmits.send(answer).await.unwrap();
            drop(transmits);
            let mut buffer = [0; 16];
            let len = peer.recv(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..len], b"answer");
        };
        tokio::join!(sending, telling);
        assert_eq!(udp.counters.unsent.load(Ordering::Relaxed), 1, "a refusal stops nothing");
    }

    #[tokio::test]
    async fn a_source_beyond_its_limit_is_dropped_before_it_is_parsed() {
        let (udp, mut received, peer) = started(3, 10).await;
        for _ in 0..8 {
            peer.send(OPTIONS.as_bytes()).await.unwrap();
        }
        until(&udp.counters.limited, 5).await;
        for _ in 0..3 {
            assert!(received.recv().await.unwrap().1.is_ok());
        }
        assert!(received.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_user_agent_that_is_behind_holds_up_no_socket_and_calls_go_before_new_ones() {
        let (udp, mut received, peer) = started(100, 8).await;
        let in_dialog = OPTIONS.replace("<sip:a@b>", "<sip:a@b>;tag=1");
        let bye = OPTIONS.replace("OPTIONS", "BYE");
        for _ in 0..9 {
            peer.send(OPTIONS.as_bytes()).await.unwrap();
        }
        // Two of eight places are kept.
        until(&udp.counters.overflowed, 3).await;
        for datagram in ["nonsense", &in_dialog, &bye, &bye] {
            peer.send(datagram.as_bytes()).await.unwrap();
        }
        until(&udp.counters.overflowed, 5).await;
        let mut methods = Vec::new();
        while let Ok((_, Ok(Message::Request(request)))) = received.try_recv() {
            methods.push(request.method.to_string());
        }
        assert_eq!(methods, [["OPTIONS"; 7].as_slice(), &["BYE"]].concat());
        peer.send(OPTIONS.as_bytes()).await.unwrap();
        assert!(received.recv().await.unwrap().1.is_ok(), "and goes on after");
    }
}
