//! How many INVITEs are parsed, asked what a transaction and a dialog must know, and serialised
//! again in one second of processor time.

use std::hint::black_box;

use ringback::sip::message::{Message, parse};

/// INVITEs per CPU-second aimed at.
const GOAL: f64 = 150_000.0;
const BATCH: u64 = 20_000;
/// Processor seconds to spend; the clock of the system ticks every 10 ms.
const CPU_SECONDS: f64 = 3.0;

/// Measures and prints one line.
#[expect(clippy::print_stdout, reason = "a bench prints its result")]
pub(crate) fn run() {
    let datagram = invite();
    round(&datagram, BATCH);
    let started = cpu_seconds();
    let mut count = 0;
    while cpu_seconds() - started < CPU_SECONDS {
        round(&datagram, BATCH);
        count += BATCH;
    }
    let rate = count as f64 / (cpu_seconds() - started);
    println!(
        "sip: parse+serialise {rate:.0} INVITEs of {} bytes per CPU-second \
         (goal {GOAL:.0}, ratio {:.2})",
        datagram.len(),
        rate / GOAL
    );
}

fn round(datagram: &[u8], count: u64) {
    let mut out = Vec::with_capacity(2048);
    for _ in 0..count {
        let Ok(Message::Request(request)) = parse(black_box(datagram)) else {
            panic!("the INVITE of the bench is malformed");
        };
        black_box((request.top_via(), request.from(), request.to(), request.cseq()));
        black_box((request.call_id(), request.headers.contacts()));
        out.clear();
        request.write(&mut out);
        assert_eq!(black_box(&out).len(), datagram.len());
    }
}

/// User and system time of this process (proc(5): fields 14 and 15, in ticks of 10 ms).
#[expect(clippy::expect_used, reason = "without processor time there is nothing to measure")]
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux with /proc");
    let after_name = stat.rsplit_once(')').expect("a process name").1;
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<f64>().expect("ticks") / 100.0).sum()
}

/// An INVITE as a carrier's border controller sends it: 15 fields, SDP with six codecs.
fn invite() -> Vec<u8> {
    let sdp = "v=0\r\no=- 3873946221 3873946221 IN IP4 192.0.2.20\r\ns=call\r\n\
        c=IN IP4 192.0.2.20\r\nt=0 0\r\nm=audio 41234 RTP/AVP 9 8 0 18 101\r\n\
        a=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
        a=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\n\
        a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";
    let head = "INVITE sip:+493012345678@192.0.2.10:5060;user=phone SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.20:5060;rport;branch=z9hG4bKPj8f1c2d3e4a5b6c7d8e9f0a1b\r\n\
        Max-Forwards: 69\r\n\
        From: \"Anna Schmidt\" <sip:+4989765432101@carrier.example.com>;tag=9fxced76sl\r\n\
        To: <sip:+493012345678@192.0.2.10;user=phone>\r\n\
        Call-ID: 3848276298220188511@carrier.example.com\r\n\
        CSeq: 21834 INVITE\r\n\
        Contact: <sip:+4989765432101@192.0.2.20:5060;transport=udp>\r\n\
        Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, INFO, REFER, NOTIFY\r\n\
        Supported: 100rel, timer, replaces\r\n\
        Session-Expires: 1800;refresher=uac\r\n\
        P-Asserted-Identity: <sip:+4989765432101@carrier.example.com>\r\n\
        P-Charging-Vector: icid-value=5f3d1c2b9a8e7f60;icid-generated-at=192.0.2.20\r\n\
        User-Agent: SBC/7.4.1-283\r\n\
        Content-Type: application/sdp\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{sdp}", sdp.len()).into_bytes()
}
