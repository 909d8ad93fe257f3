//! Tests of `dtmf`: whole codes over bad lines, and one press told once.

use super::*;
use crate::ident::Entropy;
use crate::media::dtmf::event::{Sender, Step};
use crate::media::g711::Law;
use crate::media::rtp::Outgoing;
use crate::media::tone::SAMPLE_RATE;

/// Sound on its way to us.
#[derive(Default)]
pub(super) struct Line {
    pub(super) samples: Vec<i16>,
}

impl Line {
    /// Sines of a frequency in Hz, and a level in dB below the loudest.
    pub(super) fn tones(&mut self, samples: usize, tones: &[(f64, f64)]) {
        self.samples.extend((0..samples).map(|n| {
            let at = n as f64 / f64::from(SAMPLE_RATE);
            let sine = |(frequency, level_db): &(f64, f64)| {
                let amplitude = f64::from(i16::MAX) * 10f64.powf(level_db / 20.0);
                amplitude * (std::f64::consts::TAU * frequency * at).sin()
            };
            tones.iter().map(sine).sum::<f64>() as i16
        }));
    }

    pub(super) fn silence(&mut self, samples: usize) {
        self.samples.extend(std::iter::repeat_n(0, samples));
    }

    /// The tones of a key, each at -12 dB.
    fn key(&mut self, key: char, samples: usize) {
        let rows = [("123A", 697.0), ("456B", 770.0), ("789C", 852.0), ("*0#D", 941.0)];
        let columns = [1209.0, 1336.0, 1477.0, 1633.0];
        for (row, low) in rows {
            if let Some(column) = row.find(key) {
                self.tones(samples, &[(low, -12.0), (columns[column], -12.0)]);
            }
        }
    }

    /// White noise, so many dB below the two tones of a key.
    fn noise(&mut self, below_db: f64, entropy: &mut Entropy) {
        let key_square = (f64::from(i16::MAX) * 10f64.powf(-12.0 / 20.0)).powi(2);
        // Even between -a and a, noise has a square of a^2 / 3.
        let most = (3.0 * key_square / 10f64.powf(below_db / 10.0)).sqrt();
        for sample in &mut self.samples {
            let noise = most * (entropy.below(1_000_001) as f64 / 500_000.0 - 1.0);
            *sample = (f64::from(*sample) + noise) as i16;
        }
    }
}

/// The keys in the sound.
pub(super) fn told(samples: &[i16]) -> String {
    let mut inband = Inband::default();
    samples.iter().filter_map(|&sample| inband.hear(sample)).collect()
}

fn code(entropy: &mut Entropy) -> String {
    (0..6).map(|_| char::from(b'0' + entropy.below(10) as u8)).collect()
}

/// What a telephone sends for a code: each key sounds for 100 ms with an update every 20 ms, and in
/// the 60 ms before the next its end is told three times (RFC 4733 section 2.5.1). The line loses
/// one packet in ten, doubles one in twenty, and holds one in ten back by up to 60 ms, so that
/// others overtake it; a double takes a way of its own.
fn over_a_bad_line(code: &str, clock_hz: u32, entropy: &mut Entropy) -> Vec<(Header, [u8; 4])> {
    let times = clock_hz / SAMPLE_RATE;
    let mut outgoing = Outgoing::new(entropy.next_u64() as u32, entropy.next_u64() as u16, 0);
    let start = entropy.next_u64() as u32;
    let mut arriving = Vec::new();
    let packets = code.chars().filter_map(Sender::new).flatten().filter_map(|step| match step {
        Step::Event { first, payload } => Some((first, payload)),
        Step::Pause => None,
    });
    for ((first, [event, flags, d0, d1]), ms) in packets.zip((0..).step_by(20)) {
        let mut header = outgoing.event(101, first);
        header.timestamp = header.timestamp.wrapping_mul(times).wrapping_add(start);
        let duration = u32::from(u16::from_be_bytes([d0, d1])) * times;
        let [d0, d1] = (duration as u16).to_be_bytes();
        for _ in 0..if entropy.below(20) == 0 { 2 } else { 1 } {
            let late = if entropy.below(10) == 0 { entropy.below(61) } else { 0 };
            if entropy.below(10) > 0 {
                arriving.push((ms + late, header, [event, flags, d0, d1]));
            }
        }
    }
    arriving.sort_by_key(|(at, ..)| *at);
    arriving.into_iter().map(|(_, header, payload)| (header, payload)).collect()
}

#[test]
fn a_thousand_codes_arrive_over_a_bad_line() {
    let mut entropy = Entropy::from_number(4733);
    for clock_hz in [8000, 48_000] {
        let (mut sent, mut arrived) = (0, 0);
        for _ in 0..1000 {
            let code = code(&mut entropy);
            let packets = over_a_bad_line(&code, clock_hz, &mut entropy);
            sent += 48;
            arrived += packets.len();
            let mut digits = Digits::default();
            digits.agreed(true, false);
            let tell = |(header, payload): &(Header, [u8; 4])| {
                digits.event(Duration::ZERO, header, payload, clock_hz)
            };
            let told: String = packets.iter().filter_map(tell).collect();
            assert_eq!(told, code);
        }
        assert!(arrived < sent, "the line loses more than it doubles");
    }
}

#[test]
fn two_hundred_codes_arrive_as_tones() {
    let mut entropy = Entropy::from_number(24);
    for n in 0..200 {
        let code = code(&mut entropy);
        let mut line = Line::default();
        line.silence(entropy.below(400) as usize);
        for key in code.chars() {
            line.key(key, 800);
            line.silence(480);
        }
        line.noise(20.0, &mut entropy);
        let law = Law::ALL[n % 2];
        let mut digits = Digits::default();
        digits.agreed(false, false);
        let tell = |&sample: &i16| digits.hear(Duration::ZERO, law.decode(law.encode(sample)));
        let told: String = line.samples.iter().filter_map(tell).collect();
        assert_eq!(told, code, "{n} {law:?}");
    }
}

/// What comes to one leg, and when, in ms.
enum Comes {
    Event(char),
    Info(char),
    Tone(char),
    Agreed { events: bool, moved: bool },
}
use Comes::{Agreed, Event, Info, Tone};

fn told_of(rows: &[(u64, Comes)]) -> String {
    let mut digits = Digits::default();
    let mut heard = String::new();
    for (ms, comes) in rows {
        let at = Duration::from_millis(*ms);
        match comes {
            Agreed { events, moved } => digits.agreed(*events, *moved),
            Info(key) => heard.extend(digits.info(at, *key)),
            Event(key) => {
                let timestamp = 8 * *ms as u32;
                let header =
                    Header { marker: true, payload_type: 101, sequence: 0, timestamp, ssrc: 1 };
                let payload = match Sender::new(*key).and_then(|mut sender| sender.next()) {
                    Some(Step::Event { payload, .. }) => payload,
                    Some(Step::Pause) | None => panic!("{key} is no key"),
                };
                heard.extend(digits.event(at, &header, &payload, 8000));
            }
            Tone(key) => {
                let mut line = Line::default();
                line.key(*key, 400);
                line.silence(400);
                heard.extend(line.samples.iter().filter_map(|&sample| digits.hear(at, sample)));
            }
        }
    }
    heard
}

#[test]
fn a_press_is_told_once_however_it_comes() {
    let none = || (0, Agreed { events: false, moved: true });
    let events = || (0, Agreed { events: true, moved: true });
    let table = [
        ("tones alone", vec![none(), (0, Tone('1')), (300, Tone('1'))], "11"),
        ("INFO alone", vec![none(), (0, Info('1')), (300, Info('1')), (400, Info('d'))], "11D"),
        ("INFO of no key", vec![none(), (0, Info('!')), (50, Tone('1'))], "1"),
        ("tones are not heard beside events", vec![events(), (0, Tone('1'))], ""),
        (
            "events, then their INFO",
            vec![events(), (0, Event('1')), (20, Info('1')), (200, Event('1')), (9000, Info('1'))],
            "11",
        ),
        (
            "INFO, then its events",
            vec![events(), (0, Info('1')), (20, Event('1')), (200, Info('2')), (220, Event('2'))],
            "12",
        ),
        (
            "a tone, then its INFO; INFO from then on",
            vec![none(), (0, Tone('1')), (90, Info('1')), (300, Tone('2')), (390, Info('2'))],
            "12",
        ),
        (
            "tones, whose INFO comes late and in another order",
            vec![none(), (0, Tone('1')), (250, Tone('2')), (350, Info('2')), (550, Info('1'))],
            "12",
        ),
        ("a tone that was none", vec![none(), (0, Tone('4')), (90, Info('1'))], "41"),
        (
            "a copy that comes too late is a press",
            vec![none(), (0, Tone('1')), (1001, Info('1'))],
            "11",
        ),
        (
            "each tone has one copy",
            vec![none(), (0, Tone('1')), (90, Info('1')), (200, Info('1'))],
            "11",
        ),
        ("events that were not agreed", vec![none(), (0, Tone('1')), (10, Event('1'))], "1"),
        (
            "a hold changes nothing",
            vec![
                none(),
                (0, Info('1')),
                (300, Agreed { events: false, moved: false }),
                (600, Tone('2')),
                (610, Event('2')),
                (700, Info('2')),
            ],
            "12",
        ),
        (
            "another party has a way of its own",
            vec![
                events(),
                (0, Event('1')),
                (300, Agreed { events: false, moved: true }),
                (600, Tone('2')),
            ],
            "12",
        ),
    ];
    for (what, rows, expected) in table {
        assert_eq!(told_of(&rows), expected, "{what}");
    }
}

#[test]
fn tones_that_wait_for_a_copy_are_bounded() {
    let mut digits = Digits::default();
    digits.agreed(false, true);
    let mut line = Line::default();
    for _ in 0..20 {
        line.key('7', 400);
        line.silence(400);
    }
    let heard = line.samples.iter().filter_map(|&sample| digits.hear(Duration::ZERO, sample));
    assert_eq!(heard.count(), 20);
    assert_eq!(digits.tones.len(), TONES_MAX);
}
