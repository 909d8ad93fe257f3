//! A caller by hand: its SIP and its sound are sockets of the test.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::wire::header;
use crate::{Outcome, ensure, now};

/// Longest wait for a message.
const PATIENCE: Duration = Duration::from_secs(60);

/// A call of a plain phone that knows PCMU and no telephone-event.
pub(crate) struct Caller {
    sip: UdpSocket,
    /// Where its sound comes and goes, connected to the server's.
    pub sound: UdpSocket,
    server: SocketAddr,
    dnis: String,
    ani: String,
    /// The To of the answer.
    to: String,
}

impl Caller {
    /// Calls, and is answered.
    pub(crate) fn call(at: IpAddr, server: SocketAddr, dnis: &str, ani: &str) -> Outcome<Self> {
        let (sip, sound) = (UdpSocket::bind((at, 0))?, UdpSocket::bind((at, 0))?);
        sip.connect(server)?;
        let port = sound.local_addr()?.port();
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {at}\r\ns=-\r\nc=IN IP4 {at}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        );
        let (dnis, ani) = (dnis.to_owned(), ani.to_owned());
        let to = format!("<sip:{dnis}@{server}>");
        let mut caller = Self { sip, sound, server, dnis, ani, to };
        caller.request("INVITE", 1, &sdp)?;
        let answer = caller.message("an answer", |text| {
            text.starts_with("SIP/2.0 ") && !text.starts_with("SIP/2.0 1")
        })?;
        ensure(answer.starts_with("SIP/2.0 200"), || answer.clone())?;
        caller.to = header(&answer, &["to", "t"]).ok_or("no To")?.to_owned();
        caller.request("ACK", 1, "")?;
        let theirs = answer
            .lines()
            .find_map(|line| line.strip_prefix("m=audio ")?.split(' ').next()?.parse::<u16>().ok());
        caller.sound.connect((server.ip(), theirs.ok_or("no sound in the answer")?))?;
        Ok(caller)
    }

    /// Waits for the BYE of the server and answers it.
    pub(crate) fn ended(&self) -> Outcome {
        let bye = self.message("a BYE", |text| text.starts_with("BYE "))?;
        let names = ["Via", "From", "To", "Call-ID", "CSeq"];
        let copied = bye.lines().filter(|line| {
            let is = |name: &&str| {
                line.split_once(':').is_some_and(|(it, _)| it.eq_ignore_ascii_case(name))
            };
            names.iter().any(is)
        });
        let copied: String = copied.map(|line| format!("{line}\r\n")).collect();
        let ok = format!("SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n");
        self.sip.send(ok.as_bytes())?;
        Ok(())
    }

    /// Hangs up.
    pub(crate) fn hang_up(&self) -> Outcome {
        self.request("BYE", 2, "")?;
        let ok = self.message("an answer to BYE", |text| text.starts_with("SIP/2.0 "))?;
        ensure(ok.starts_with("SIP/2.0 200"), || ok.clone())
    }

    fn request(&self, method: &str, number: u32, body: &str) -> Outcome {
        let Self { server, dnis, ani, to, .. } = self;
        let local = self.sip.local_addr()?;
        // A port may be that of an earlier call: the branch must not be.
        let unique = format!("{method}{}{}", ani.trim_start_matches('+'), local.port());
        let request = format!(
            "{method} sip:{dnis}@{server} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {local};branch=z9hG4bK{unique}\r\n\
             From: <sip:{ani}@{local}>;tag=1\r\nTo: {to}\r\nCall-ID: sound-{ani}-{local}\r\n\
             CSeq: {number} {method}\r\nMax-Forwards: 70\r\nContact: <sip:{local}>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.sip.send(request.as_bytes())?;
        Ok(())
    }

    /// The next message of this kind.
    fn message(&self, what: &str, is: impl Fn(&str) -> bool) -> Outcome<String> {
        let started = now();
        let mut buffer = [0; 65_535];
        while let Some(left) = PATIENCE.checked_sub(started.elapsed()) {
            self.sip.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            let length = self.sip.recv(&mut buffer).map_err(|error| format!("{what}: {error}"))?;
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if is(&text) {
                return Ok(text);
            }
        }
        Err(format!("no {what}").into())
    }
}
