//! Legs over loopback: each claim is proved by what arrives on the other side.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::media::rtp::Header;
use crate::media::tone::prominence_db;

const HALF_SECOND: usize = SAMPLE_RATE as usize / 2;

struct Bench {
    media: Media,
    events: mpsc::Receiver<Event>,
}

/// Each test has ports of its own.
fn bench(first_port: u16, rtp_timeout: Duration) -> Bench {
    let (told, events) = mpsc::channel();
    let settings = Settings {
        local: IpAddr::V4(Ipv4Addr::LOCALHOST),
        ports: first_port..=first_port + 19,
        rtp_timeout,
        threads: 2,
    };
    let sounds = Arc::new(Sounds::embedded().unwrap());
    let listener = Box::new(move |event| told.send(event).unwrap_or(()));
    Bench { media: Media::start(settings, sounds, listener).unwrap(), events }
}

impl Bench {
    /// Two legs of ours that call each other.
    fn call(&self, caller: u64, called: u64, like: Option<u64>) {
        let offer = self.media.offer(LegId(caller), like.map(LegId)).unwrap();
        let answer = self.media.answer(LegId(called), &offer).unwrap();
        self.media.accept(LegId(caller), &answer).unwrap();
    }

    /// Half a second of what a leg says, from now on.
    fn sound_of(&self, leg: u64) -> Vec<i16> {
        let recording = self.media.record(LegId(leg)).unwrap();
        until("half a second of sound", || recording.samples().len() >= HALF_SECOND);
        recording.samples()
    }

    fn event(&self) -> Event {
        self.events.recv_timeout(Duration::from_secs(10)).expect("an event within 10 s")
    }

    fn keys(&self, count: usize) -> Vec<(u64, char)> {
        let key = |event| match event {
            Event::Digit { leg, digit } => (leg.0, digit),
            Event::PlayEnded { .. } | Event::Silent { .. } => panic!("{event:?}"),
        };
        (0..count).map(|_| key(self.event())).collect()
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if done() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("no {what} within 10 s");
}

/// A phone that is not ours: a socket and the offer that names it.
fn phone(direction: &str) -> (UdpSocket, SessionOffer) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let offer = describe(&socket, direction);
    (socket, offer)
}

fn describe(socket: &UdpSocket, direction: &str) -> SessionOffer {
    let port = socket.local_addr().unwrap().port();
    let body = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\na={direction}\r\n"
    );
    SessionOffer(body.into_bytes())
}

fn address(answer: &SessionAnswer) -> SocketAddr {
    let described = Description::parse(&answer.0).unwrap();
    SocketAddr::new(described.address.unwrap(), described.streams[0].port)
}

fn receive(socket: &UdpSocket) -> (Header, Vec<u8>) {
    let mut packet = [0; 1500];
    let length = socket.recv(&mut packet).unwrap();
    let (header, payload) = Header::read(&packet[..length]).unwrap();
    (header, payload.to_vec())
}

fn packet(sequence: u16, payload_type: u8, payload: &[u8]) -> Vec<u8> {
    let timestamp = u32::from(sequence) * 160;
    let header = Header { marker: false, payload_type, sequence, timestamp, ssrc: 5 };
    [&header.write()[..], payload].concat()
}

#[test]
fn each_side_hears_the_tone_of_the_other() {
    let bench = bench(28_000, Duration::from_secs(20));
    bench.call(1, 2, None);
    bench.media.send_tone(LegId(1), 440);
    bench.media.send_tone(LegId(2), 1000);
    assert!(prominence_db(&bench.sound_of(2), 440).unwrap() > 20.0);
    assert!(prominence_db(&bench.sound_of(1), 1000).unwrap() > 20.0);
}

#[test]
fn keys_arrive_once_each_both_ways() {
    let bench = bench(28_020, Duration::from_secs(20));
    bench.call(1, 2, None);
    bench.media.send_digits(LegId(1), "1122*#D").unwrap();
    let told: String = bench.keys(7).iter().map(|(_, digit)| *digit).collect();
    assert_eq!(told, "1122*#D");
    bench.media.send_digits(LegId(2), "90").unwrap();
    assert_eq!(bench.keys(2), [(1, '9'), (1, '0')]);
    assert_eq!(bench.media.send_digits(LegId(2), "1x"), Err(NotSent::NotAKey));
    assert_eq!(bench.media.send_digits(LegId(3), "1"), Err(NotSent::NoSuchLeg));
}

#[test]
fn joined_legs_pass_sound_and_keys_until_told_otherwise() {
    let bench = bench(28_040, Duration::from_secs(20));
    // 1 and 4 are phones; 2 and 3 are the legs of a server between them.
    bench.call(1, 2, None);
    bench.call(3, 4, Some(2));
    bench.media.bridge(LegId(2), LegId(3));
    bench.media.send_tone(LegId(1), 440);
    bench.media.send_tone(LegId(4), 1000);
    bench.sound_of(4);
    assert!(prominence_db(&bench.sound_of(4), 440).unwrap() > 20.0);
    assert!(prominence_db(&bench.sound_of(1), 1000).unwrap() > 20.0);
    bench.media.send_digits(LegId(1), "5").unwrap();
    let mut told = bench.keys(2);
    told.sort_unstable();
    assert_eq!(told, [(2, '5'), (4, '5')]);

    let silent = |leg| bench.sound_of(leg).iter().all(|sample| *sample == 0);
    bench.media.silence(LegId(3));
    bench.sound_of(4);
    assert!(silent(4), "told otherwise");
    assert!(prominence_db(&bench.sound_of(1), 1000).unwrap() > 20.0, "the other still hears");

    bench.media.bridge(LegId(2), LegId(3));
    bench.sound_of(4);
    assert!(prominence_db(&bench.sound_of(4), 440).unwrap() > 20.0);
    bench.media.close(LegId(2));
    bench.sound_of(4);
    assert!(silent(4), "silence, but not nothing");
}

#[test]
fn a_prompt_sounds_within_100_ms_and_its_end_is_told() {
    let bench = bench(28_060, Duration::from_secs(20));
    let (phone, offer) = phone("sendrecv");
    bench.media.answer(LegId(1), &offer).unwrap();
    let pause = Fragment::Pause(Duration::from_millis(40));
    let sound = |id: &str| Fragment::Sound(id.to_owned());
    bench.media.play(LegId(1), PlayId(7), vec![sound("beep"), pause, sound("1"), sound("missing")]);
    phone.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let (first, _) = receive(&phone);
    assert_eq!((first.marker, first.payload_type), (true, 0));
    assert_eq!(bench.event(), Event::PlayEnded { leg: LegId(1), play: PlayId(7) });

    // 250 ms of beep, 40 ms of pause, then the word.
    let mut samples = Vec::new();
    while samples.len() < 3200 {
        let (header, payload) = receive(&phone);
        assert_eq!((header.ssrc, header.marker), (first.ssrc, false));
        samples.extend(payload.iter().map(|&code| Law::Mu.decode(code)));
    }
    assert!(prominence_db(&samples[..1600], 1000).unwrap() > 20.0);
    assert!(samples[1840..2160].iter().all(|sample| *sample == 0));
    assert!(samples[2160..].iter().any(|sample| sample.unsigned_abs() > 1000));
}

#[test]
fn a_prompt_that_is_cut_does_not_end() {
    let bench = bench(28_080, Duration::from_secs(20));
    bench.call(1, 2, None);
    let sound = |id: &str| vec![Fragment::Sound(id.to_owned())];
    bench.media.play(LegId(1), PlayId(1), sound("welcome"));
    bench.media.play(LegId(1), PlayId(2), sound("beep"));
    assert_eq!(bench.event(), Event::PlayEnded { leg: LegId(1), play: PlayId(2) });
    bench.media.play(LegId(1), PlayId(3), sound("welcome"));
    bench.media.music(LegId(1));
    assert!(bench.sound_of(2).iter().any(|sample| sample.unsigned_abs() > 1000), "music");
    bench.media.play(LegId(1), PlayId(4), vec![]);
    assert_eq!(bench.event(), Event::PlayEnded { leg: LegId(1), play: PlayId(4) });
}

#[test]
fn a_stranger_is_not_heard_and_gets_nothing() {
    let bench = bench(28_100, Duration::from_secs(20));
    let (phone, offer) = phone("sendrecv");
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let leg = address(&bench.media.answer(LegId(1), &offer).unwrap());
    let recording = bench.media.record(LegId(1)).unwrap();
    phone.send_to(&packet(0, 0, &[0x80; 160]), leg).unwrap();
    until("packet of the phone", || recording.samples().len() == 160);
    for sequence in 0..20 {
        stranger.send_to(&packet(sequence, 0, &[0; 160]), leg).unwrap();
        stranger.send_to(&packet(sequence, 96, &[1, 10, 0, 160]), leg).unwrap();
    }
    phone.send_to(&packet(1, 96, &[2, 10, 0, 160]), leg).unwrap();
    assert_eq!(bench.event(), Event::Digit { leg: LegId(1), digit: '2' });
    assert!(recording.samples().iter().all(|sample| *sample == 32_124));
    assert!(stranger.recv(&mut [0; 1500]).is_err(), "nothing was sent to the stranger");
}

#[test]
fn a_phone_behind_a_nat_is_learnt() {
    let bench = bench(28_120, Duration::from_secs(20));
    let (_described, offer) = phone("sendrecv");
    let (real, _) = phone("sendrecv");
    let leg = address(&bench.media.answer(LegId(1), &offer).unwrap());
    for sequence in 0..5 {
        real.send_to(&packet(sequence, 0, &[0; 160]), leg).unwrap();
    }
    bench.media.music(LegId(1));
    assert_eq!(receive(&real).1.len(), 160);
}

#[test]
fn silence_is_told_but_not_on_hold() {
    let bench = bench(28_140, Duration::from_millis(200));
    let (phone, offer) = phone("sendrecv");
    bench.media.answer(LegId(1), &offer).unwrap();
    let silent = Event::Silent { leg: LegId(1) };
    assert_eq!([bench.event(), bench.event()], [silent, silent], "and again");

    let answer = bench.media.reoffer(LegId(1), &describe(&phone, "sendonly")).unwrap();
    assert!(String::from_utf8_lossy(&answer.0).contains("a=recvonly"));
    // One more may have been on its way.
    bench.events.recv_timeout(Duration::from_millis(50)).ok();
    assert!(bench.events.recv_timeout(Duration::from_millis(600)).is_err(), "held");
    // What was sent before the hold is read; then nothing more comes.
    phone.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    until("end of sound", || phone.recv(&mut [0; 1500]).is_err());
    bench.media.reoffer(LegId(1), &describe(&phone, "sendrecv")).unwrap();
    assert_eq!(receive(&phone).1.len(), 160);
    assert_eq!(bench.event(), silent);
}

#[test]
fn who_is_put_on_hold_hears_music() {
    let bench = bench(28_160, Duration::from_secs(20));
    let (phone, offer) = phone("sendrecv");
    bench.media.answer(LegId(1), &offer).unwrap();
    bench.call(2, 3, Some(1));
    bench.media.bridge(LegId(1), LegId(2));
    assert!(bench.sound_of(3).iter().all(|sample| *sample == 0), "nobody speaks");
    bench.media.reoffer(LegId(1), &describe(&phone, "sendonly")).unwrap();
    assert!(bench.sound_of(3).iter().any(|sample| sample.unsigned_abs() > 1000));
}

#[test]
fn a_closed_port_drains_before_it_is_used_again() {
    let bench = bench(28_180, Duration::from_secs(20));
    let (phone, offer) = phone("sendrecv");
    let leg = address(&bench.media.answer(LegId(1), &offer).unwrap());
    phone.send_to(&packet(0, 96, &[1, 10, 0, 160]), leg).unwrap();
    bench.event();
    bench.media.close(LegId(1));
    assert_eq!(bench.media.ports(), (0, 1));
    let other = address(&bench.media.answer(LegId(2), &offer).unwrap());
    assert_ne!(other.port(), leg.port());
    phone.send_to(&packet(1, 96, &[2, 10, 0, 160]), leg).unwrap();
    phone.send_to(&packet(2, 96, &[3, 10, 0, 160]), other).unwrap();
    assert_eq!(bench.event(), Event::Digit { leg: LegId(2), digit: '3' });
    assert!(UdpSocket::bind(leg).is_err(), "still bound");
    until("free port", || bench.media.ports() == (1, 0));
    UdpSocket::bind(leg).unwrap();
    assert_eq!(bench.media.reoffer(LegId(1), &offer), Err(Refused::NoSuchLeg));
}

#[test]
fn a_refused_offer_leaves_no_leg_and_a_full_pool_is_told() {
    let bench = bench(28_200, Duration::from_secs(20));
    let refused = SessionOffer(b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4 RTP/AVP 9\r\n".to_vec());
    assert_eq!(bench.media.answer(LegId(1), &refused), Err(Refused::NoCommonCodec));
    assert_eq!(bench.media.reoffer(LegId(1), &refused), Err(Refused::NoSuchLeg));
    // Another process has one of the ports.
    let _taken = UdpSocket::bind("127.0.0.1:28202").unwrap();
    let opened = (10..30).filter(|leg| bench.media.offer(LegId(*leg), None).is_ok()).count();
    assert_eq!(opened, 8, "ten, but for the one that drains and the one that is taken");
    assert_eq!(bench.media.offer(LegId(50), None), Err(Refused::NoPort));
}
