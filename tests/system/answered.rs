//! What somebody hears who answers a callback: something, at once.

use std::net::UdpSocket;
use std::time::Duration;

use crate::api::Ask;
use crate::server::{Configuration, Net, Server};
use crate::sipp;
use crate::story::{self, SOON};
use crate::wire::{Wire, header};
use crate::{Outcome, ensure, now};

/// From the answer on the consumer hears something within this.
const AT_ONCE: Duration = Duration::from_millis(300);
/// Samples of a packet of 20 ms that are louder than the hiss of a line.
const HEARD: usize = 20;
const ROUNDS: u32 = 5;

/// Answers a few callbacks by hand and waits for the first sound.
pub(crate) fn hears_at_once(net: Net) -> Outcome {
    sipp::needed()?;
    let server = Server::start(net, &Configuration::new())?;
    let key = server.api_key()?;
    let mut agent = story::agent_registers(&server)?;
    story::feature_code(&server, "*46")?;
    let phone = Wire::bind(net.trunk(), 5060)?;
    let media = UdpSocket::bind((net.trunk(), 0))?;
    for round in 0..ROUNDS {
        let body = format!(r#"{{"queue": "support", "number": "+1415555{:04}"}}"#, 2000 + round);
        let made = Ask::post("/api/v1/callbacks", &body).key(&key).send(&server)?;
        ensure(made.status == 201, || format!("{body}: {made:?}"))?;
        let invite = phone.wait_request("INVITE", SOON)?;
        let answer = Answer::to(&invite, &media)?;
        phone.send(net.server(), answer.ok.as_bytes())?;
        let answered = now();
        let took = loop {
            let left = SOON.checked_sub(answered.elapsed()).ok_or("nothing was heard")?;
            media.set_read_timeout(Some(left))?;
            let mut packet = [0; 2048];
            let length = media.recv(&mut packet)?;
            let loud = |sample: &&u8| (**sample & 0x7f) < 0x70;
            if packet[..length].iter().skip(12).filter(loud).count() >= HEARD {
                break answered.elapsed();
            }
        };
        ensure(took <= AT_ONCE, || format!("call {round}: the first sound after {took:?}"))?;
        phone.send(net.server(), answer.bye.as_bytes())?;
        let status = phone.answer_to(&answer.call_id, SOON)?;
        ensure(status == Some(200), || format!("call {round}: BYE got {status:?}"))?;
    }
    agent.finish()?;
    server.stop()
}

/// What the phone says.
struct Answer {
    call_id: String,
    ok: String,
    bye: String,
}

impl Answer {
    /// To an INVITE; sound is to come to `media`.
    fn to(invite: &str, media: &UdpSocket) -> Outcome<Self> {
        let named = |name: &'static str| {
            header(invite, &[name]).ok_or_else(|| format!("no {name} in {invite}"))
        };
        let (from, to, call_id) = (named("from")?, named("to")?, named("call-id")?);
        let (via, cseq, contact) = (named("via")?, named("cseq")?, named("contact")?);
        let local = media.local_addr()?;
        let (host, port) = (local.ip(), local.port());
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        );
        let ok = format!(
            "SIP/2.0 200 OK\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to};tag=phone\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq}\r\nContact: <sip:phone@{host}:5060>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        );
        let target = contact.trim_start_matches('<').split('>').next().unwrap_or_default();
        let bye = format!(
            "BYE {target} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:5060;branch=z9hG4bKbye{}\r\n\
             From: {to};tag=phone\r\nTo: {from}\r\nCall-ID: {call_id}\r\nCSeq: 1 BYE\r\n\
             Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            call_id.chars().filter(char::is_ascii_alphanumeric).collect::<String>()
        );
        Ok(Self { call_id: call_id.to_owned(), ok, bye })
    }
}
