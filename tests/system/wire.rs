//! Plain datagrams: what no phone would send, and phones that stay silent.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::{Outcome, now};

/// A socket that speaks SIP by hand.
pub(crate) struct Wire {
    socket: UdpSocket,
    sent: u32,
}

impl Wire {
    /// Binds an address.
    pub(crate) fn bind(address: IpAddr, port: u16) -> Outcome<Self> {
        Ok(Self { socket: UdpSocket::bind(SocketAddr::new(address, port))?, sent: 0 })
    }

    /// Sends a datagram.
    pub(crate) fn send(&self, to: SocketAddr, bytes: &[u8]) -> Outcome {
        self.socket.send_to(bytes, to)?;
        Ok(())
    }

    /// The next datagram, or `None` when the time is over.
    pub(crate) fn receive(&self, within: Duration) -> Outcome<Option<String>> {
        let within = within.max(Duration::from_millis(1));
        self.socket.set_read_timeout(Some(within))?;
        let mut buffer = [0; 65_536];
        match self.socket.recv(&mut buffer) {
            Ok(length) => Ok(Some(String::from_utf8_lossy(&buffer[..length]).into_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            // An ICMP error of an earlier datagram: nobody listened there yet.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The first response to this Call-ID that is not 100, or `None` when the time is over.
    pub(crate) fn answer_to(&self, call_id: &str, within: Duration) -> Outcome<Option<u16>> {
        let started = now();
        while let Some(left) = within.checked_sub(started.elapsed()) {
            let Some(text) = self.receive(left)? else { continue };
            let status = text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok());
            let same = header(&text, &["call-id", "i"]) == Some(call_id);
            if let Some(status) = status.filter(|status| same && *status != 100) {
                return Ok(Some(status));
            }
        }
        Ok(None)
    }

    /// The next request of this method; others, and responses, are passed over.
    pub(crate) fn wait_request(&self, method: &str, within: Duration) -> Outcome<String> {
        let started = now();
        while let Some(left) = within.checked_sub(started.elapsed()) {
            let Some(text) = self.receive(left)? else { continue };
            if text.starts_with(&format!("{method} ")) {
                return Ok(text);
            }
        }
        Err(format!("no {method} within {within:?}").into())
    }

    /// Asks by OPTIONS; the status.
    pub(crate) fn options(&mut self, to: SocketAddr, within: Duration) -> Outcome<Option<u16>> {
        self.request("OPTIONS", "ringback", to, within)
    }

    /// Sends a request without a body to a user; the status of its answer.
    pub(crate) fn request(
        &mut self,
        method: &str,
        user: &str,
        to: SocketAddr,
        within: Duration,
    ) -> Outcome<Option<u16>> {
        self.sent += 1;
        let local = self.socket.local_addr()?;
        let call_id = format!("wire-{}-{}", self.sent, local);
        let request = format!(
            "{method} sip:{user}@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{0}x{1}\r\n\
             From: <sip:wire@{local}>;tag={0}\r\nTo: <sip:{user}@{to}>\r\nCall-ID: {call_id}\r\n\
             CSeq: {0} {method}\r\nMax-Forwards: 70\r\nContact: <sip:{local}>\r\n\
             Content-Length: 0\r\n\r\n",
            self.sent,
            std::process::id(),
        );
        self.send(to, request.as_bytes())?;
        self.answer_to(&call_id, within)
    }
}

/// The value of a header of a message, by any of its names, in lower case.
pub(crate) fn header<'a>(text: &'a str, names: &[&str]) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        names.contains(&name.trim().to_ascii_lowercase().as_str()).then_some(value.trim())
    })
}
