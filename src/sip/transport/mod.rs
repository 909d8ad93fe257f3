//! Sockets: bytes in, bytes out. A message is parsed here, off the task of the user agent, and what
//! is beyond a limit is dropped here, ahead of any state. No transactions, no retransmission.

mod udp;

pub use udp::{Counters, Received, SourceLimit, Udp};
