//! Legs over loopback: each claim is proved by what arrives on the other side.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::media::answer::Hint;
use crate::media::rtp::{FRAME, Header};
use crate::media::tone::{level_db, prominence_db};

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
    let sounds = Arc::new(Sounds::load(None).unwrap());
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

    /// The same with one codec only.
    fn call_by(&self, law: Law, caller: u64, called: u64) {
        let offer = self.media.offer(LegId(caller), None).unwrap();
        let text = String::from_utf8(offer.0).unwrap();
        let one = match law {
            Law::Mu => text.replace("RTP/AVP 0 8 ", "RTP/AVP 0 "),
            Law::A => text.replace("RTP/AVP 0 8 ", "RTP/AVP 8 "),
        };
        let answer = self.media.answer(LegId(called), &SessionOffer(one.into_bytes())).unwrap();
        self.media.accept(LegId(caller), &answer).unwrap();
    }

    fn law(&self, leg: u64) -> Law {
        self.media.line(LegId(leg)).unwrap().state().terms().unwrap().law
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
            Event::PlayEnded { .. }
            | Event::AnswerHint { .. }
            | Event::Beep { .. }
            | Event::Silent { .. } => panic!("{event:?}"),
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
    describe_as(socket, "0 96", &["a=rtpmap:96 telephone-event/8000", &format!("a={direction}")])
}

fn describe_as(socket: &UdpSocket, formats: &str, lines: &[&str]) -> SessionOffer {
    let port = socket.local_addr().unwrap().port();
    let body = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {formats}\r\n{}\r\n",
        lines.join("\r\n")
    );
    SessionOffer(body.into_bytes())
}

/// The three ways to hold a call.
const HOLDS: [&str; 3] = ["a=sendonly", "a=inactive", "c=IN IP4 0.0.0.0"];

fn hold(socket: &UdpSocket, how: &str) -> SessionOffer {
    describe_as(socket, "0 96", &["a=rtpmap:96 telephone-event/8000", how])
}

fn address(answer: &SessionAnswer) -> SocketAddr {
    let described = Description::parse(&answer.0).unwrap();
    SocketAddr::new(described.address.unwrap(), described.streams[0].port)
}

/// Sound as packets of 20 ms; the first has this number.
fn packets(first: u16, samples: &[i16]) -> Vec<Vec<u8>> {
    let frames = samples.chunks_exact(FRAME);
    let encoded = |frame: &[i16]| -> Vec<u8> { frame.iter().map(|&s| Law::Mu.encode(s)).collect() };
    (first..).zip(frames).map(|(number, frame)| packet(number, 0, &encoded(frame))).collect()
}

fn mix(ms: usize, tones: &[u32]) -> Vec<i16> {
    let mut tones: Vec<Tone> = tones.iter().map(|&hz| Tone::new(hz, -12.0)).collect();
    (0..ms * 8).map(|_| tones.iter_mut().filter_map(Tone::next).sum()).collect()
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
    let sound = |id: &str| Fragment::Sound(format!("en/{id}"));
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
    let sound = |id: &str| vec![Fragment::Sound(format!("en/{id}"))];
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

    for how in HOLDS {
        let answer = bench.media.reoffer(LegId(1), &hold(&phone, how)).unwrap();
        let answer = String::from_utf8_lossy(&answer.0).into_owned();
        let mirrored = if how == "a=inactive" { "a=inactive" } else { "a=recvonly" };
        assert!(answer.contains(mirrored), "{how}: {answer}");
        // One more may have been on its way.
        bench.events.recv_timeout(Duration::from_millis(50)).ok();
        assert!(bench.events.recv_timeout(Duration::from_millis(600)).is_err(), "{how}");
    }
    // What was sent before the hold is read; then nothing more comes.
    phone.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    until("end of sound", || phone.recv(&mut [0; 1500]).is_err());
    bench.media.reoffer(LegId(1), &describe(&phone, "sendrecv")).unwrap();
    assert_eq!(receive(&phone).1.len(), 160);
    assert_eq!(bench.event(), silent);
}

#[test]
fn who_is_put_on_hold_hears_music_until_it_is_over() {
    let bench = bench(28_160, Duration::from_secs(20));
    let (phone, offer) = phone("sendrecv");
    let leg = address(&bench.media.answer(LegId(1), &offer).unwrap());
    bench.call(2, 3, Some(1));
    bench.media.bridge(LegId(1), LegId(2));
    bench.media.send_tone(LegId(3), 440);
    let hears = |most: u16| bench.sound_of(3).iter().any(|sample| sample.unsigned_abs() > most);
    assert!(!hears(0), "nobody speaks");
    let mut number = 0;
    for (how, late) in HOLDS.into_iter().zip([false, true, false]) {
        bench.media.reoffer(LegId(1), &hold(&phone, how)).unwrap();
        assert!(hears(1000), "{how}: music");
        // What was sent before the hold is read; then nothing more comes.
        phone.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        until("end of sound", || phone.recv(&mut [0; 1500]).is_err());
        phone.set_read_timeout(Some(Duration::from_secs(10))).unwrap();

        if late {
            let offer = bench.media.offer(LegId(1), None).unwrap();
            assert!(String::from_utf8_lossy(&offer.0).contains("a=sendrecv"), "to talk again");
            let answer = SessionAnswer(describe(&phone, "sendrecv").0);
            bench.media.accept(LegId(1), &answer).unwrap();
        } else {
            bench.media.reoffer(LegId(1), &describe(&phone, "sendrecv")).unwrap();
        }
        // The first may still be the silence before the other is heard.
        (0..5).for_each(|_| drop(receive(&phone)));
        let heard: Vec<i16> =
            (0..10).flat_map(|_| receive(&phone).1).map(|code| Law::Mu.decode(code)).collect();
        assert!(prominence_db(&heard, 440).unwrap() > 20.0, "{how}: the other again");
        let recording = bench.media.record(LegId(3)).unwrap();
        for _ in 0..25 {
            phone.send_to(&packet(number, 0, &[0x80; FRAME]), leg).unwrap();
            number += 1;
        }
        until("sound of the phone", || {
            recording.samples().iter().filter(|sample| **sample == 32_124).count() == 25 * FRAME
        });
    }
}

#[test]
fn unlike_legs_are_converted() {
    let bench = bench(28_220, Duration::from_secs(20));
    // 1 and 4 are phones; 2 and 3 are the legs of a server between them.
    bench.call_by(Law::Mu, 1, 2);
    bench.call_by(Law::A, 3, 4);
    assert_eq!((bench.law(2), bench.law(3)), (Law::Mu, Law::A));
    bench.media.bridge(LegId(2), LegId(3));
    bench.media.send_tone(LegId(1), 440);
    bench.media.send_tone(LegId(4), 1000);
    bench.sound_of(4);
    for (leg, hz) in [(4, 440), (1, 1000)] {
        let sound = bench.sound_of(leg);
        assert!(prominence_db(&sound, hz).unwrap() > 30.0, "{hz}");
        let level = level_db(&sound, hz).unwrap();
        assert!((level + 10.0).abs() < 0.5, "{hz} {level}");
    }
    bench.media.send_digits(LegId(1), "5").unwrap();
    let mut told = bench.keys(2);
    told.sort_unstable();
    assert_eq!(told, [(2, '5'), (4, '5')]);
}

#[test]
fn like_legs_are_offered_the_same_codec_and_pass_every_byte() {
    let bench = bench(28_240, Duration::from_secs(20));
    let (one, _) = phone("sendrecv");
    let (other, _) = phone("sendrecv");
    let leg = bench.media.answer(LegId(1), &describe_as(&one, "8", &[])).unwrap();
    let offer = bench.media.offer(LegId(2), Some(LegId(1))).unwrap();
    assert!(String::from_utf8_lossy(&offer.0).contains("RTP/AVP 8 0 101"));
    let all: Vec<u8> = (0..=255).collect();
    for (formats, expected) in
        [("8", all.clone()), ("0", Law::A.conversion(Law::Mu).unwrap().to_vec())]
    {
        let answer = SessionAnswer(describe_as(&other, formats, &[]).0);
        bench.media.accept(LegId(2), &answer).unwrap();
        bench.media.bridge(LegId(1), LegId(2));
        one.send_to(&packet(0, 8, &all), address(&leg)).unwrap();
        until("the packet", || receive(&other).1 == expected);
    }
    // One who agreed to one codec and sends the other is understood.
    one.send_to(&packet(1, 0, &all), address(&leg)).unwrap();
    until("the packet", || receive(&other).1 == all);
}

#[test]
fn a_call_without_an_offer_gets_ours() {
    let bench = bench(28_260, Duration::from_secs(20));
    let (phone, _) = phone("sendrecv");
    let offer = bench.media.offer(LegId(1), None).unwrap();
    bench.media.play(LegId(1), PlayId(1), vec![Fragment::Sound("en/beep".to_owned())]);
    let leg = address(&SessionAnswer(offer.0.clone()));
    phone.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(phone.recv(&mut [0; 1500]).is_err(), "nothing before the answer");
    phone.set_read_timeout(Some(Duration::from_secs(10))).unwrap();

    let answer = SessionAnswer(describe(&phone, "sendrecv").0);
    bench.media.accept(LegId(1), &answer).unwrap();
    let heard: Vec<u8> = (0..10).flat_map(|_| receive(&phone).1).collect();
    let heard: Vec<i16> = heard.into_iter().map(|code| Law::Mu.decode(code)).collect();
    assert!(prominence_db(&heard, 1000).unwrap() > 20.0, "the prompt from its beginning");
    phone.send_to(&packet(0, 101, &[7, 10, 0, 160]), leg).unwrap();
    assert_eq!(bench.keys(1), [(1, '7')], "by the number that we offered");

    // Asked again, we offer the same, and go on as before until it is answered.
    let again = bench.media.offer(LegId(1), None).unwrap();
    let described = |offer: &SessionOffer| Description::parse(&offer.0).unwrap().streams;
    assert_eq!(described(&again), described(&offer));
    assert_eq!(receive(&phone).1.len(), FRAME);
    let (moved, _) = self::phone("sendrecv");
    bench.media.accept(LegId(1), &SessionAnswer(describe(&moved, "sendrecv").0)).unwrap();
    assert_eq!(receive(&moved).1.len(), FRAME);
    let none = SessionAnswer(describe_as(&moved, "9", &[]).0);
    assert_eq!(bench.media.accept(LegId(1), &none), Err(Refused::NoCommonCodec));
    assert_eq!(receive(&moved).1.len(), FRAME, "as before");
}

#[test]
fn tones_are_heard_where_nothing_better_was_agreed() {
    let bench = bench(28_280, Duration::from_secs(20));
    let (phone, _) = phone("sendrecv");
    let leg = address(&bench.media.answer(LegId(1), &describe_as(&phone, "0", &[])).unwrap());
    let one = mix(100, &[697, 1209]);
    for packet in packets(0, &one) {
        phone.send_to(&packet, leg).unwrap();
    }
    assert_eq!(bench.keys(1), [(1, '1')]);
    // Nothing is sent while nothing sounds: the numbers of packets wait, their time goes on.
    for mut packet in packets(5, &one) {
        let time = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]) + 480;
        packet[4..8].copy_from_slice(&time.to_be_bytes());
        phone.send_to(&packet, leg).unwrap();
    }
    assert_eq!(bench.keys(1), [(1, '1')], "pressed again");
    // The same two by INFO, and one more: from now on only INFO counts.
    for key in ['1', '1', 'x', '2'] {
        bench.media.info_digit(LegId(1), key);
    }
    assert_eq!(bench.keys(1), [(1, '2')]);
    for packet in packets(20, &mix(100, &[770, 1336])) {
        phone.send_to(&packet, leg).unwrap();
    }
    phone.send_to(&packet(30, 101, &[3, 10, 0, 160]), leg).unwrap();
    let recording = bench.media.record(LegId(1)).unwrap();
    phone.send_to(&packet(31, 0, &[0xff; FRAME]), leg).unwrap();
    until("the last packet", || !recording.samples().is_empty());
    bench.media.info_digit(LegId(1), '#');
    bench.media.info_digit(LegId(9), '9');
    assert_eq!(bench.keys(1), [(1, '#')]);
}

#[test]
fn events_of_any_clock_are_told_and_only_those_of_the_sound_passed_on() {
    let bench = bench(28_300, Duration::from_secs(20));
    let (one, _) = phone("sendrecv");
    let (other, offer) = phone("sendrecv");
    let lines = ["a=rtpmap:120 telephone-event/48000", "a=rtpmap:99 opus/48000/2"];
    let leg = bench.media.answer(LegId(1), &describe_as(&one, "99 120 0", &lines)).unwrap();
    bench.media.answer(LegId(2), &offer).unwrap();
    bench.media.bridge(LegId(1), LegId(2));
    // A press of 3 s: two segments of 1.4 s and a rest, then another press.
    let mut packets = Vec::new();
    for (timestamp, durations) in
        [(1000u32, [960u16, 0xffff]), (66_535, [960, 0xffff]), (132_070, [960, 20_000])]
    {
        packets.extend(durations.map(|duration| (timestamp, duration, 0)));
    }
    packets.extend([(132_070, 20_000, 0x80), (200_000, 960, 0)]);
    for (sequence, (timestamp, duration, end)) in (0..).zip(packets) {
        let header = Header { marker: false, payload_type: 120, sequence, timestamp, ssrc: 5 };
        let [d0, d1] = duration.to_be_bytes();
        let event = [&header.write()[..], &[6, end, d0, d1]].concat();
        one.send_to(&event, address(&leg)).unwrap();
    }
    assert_eq!(bench.keys(2), [(1, '6'), (1, '6')]);
    for _ in 0..5 {
        let (header, payload) = receive(&other);
        assert_eq!((header.payload_type, payload.len()), (0, FRAME));
    }
}

#[test]
fn who_answered_is_judged_where_it_is_asked_for() {
    let bench = bench(28_320, Duration::from_secs(20));
    let mut entropy = crate::ident::Entropy::from_number(7);
    let mut noise = |ms: usize| -> Vec<i16> {
        (0..ms * 8).map(|_| entropy.below(8000) as i16 - 4000).collect()
    };
    let machine = [noise(2400), mix(300, &[]), mix(500, &[1000]), mix(200, &[])].concat();
    let person = noise(400);
    for (leg, sound, asked) in [(1, &machine, false), (2, &machine, true), (3, &person, true)] {
        let (phone, offer) = phone("sendrecv");
        let to = address(&bench.media.answer(LegId(leg), &offer).unwrap());
        if asked {
            bench.media.listen_for_machine(LegId(leg));
        }
        for packet in packets(0, sound) {
            phone.send_to(&packet, to).unwrap();
        }
        if leg == 2 {
            let hint = Event::AnswerHint { leg: LegId(leg), hint: Hint::Machine };
            assert_eq!([bench.event(), bench.event()], [hint, Event::Beep { leg: LegId(leg) }]);
        }
    }
    // A phone that sends nothing is silent.
    assert_eq!(bench.event(), Event::AnswerHint { leg: LegId(3), hint: Hint::Person });
    bench.media.listen_for_machine(LegId(9));
    assert!(bench.events.try_recv().is_err(), "nobody asked about the first");
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
