//! Keys as telephone events (RFC 4733): received, each press told once; and sent.
//!
//! A press is a row of packets with one timestamp and a growing duration; the last is repeated with
//! the end bit. Any of them may be lost, doubled or late, so a press is known by its timestamp and
//! told by the first packet that arrives of it. Nothing waits for its end: a press whose ends are
//! all lost is over when the next one begins. What is sent has a clock of 8,000 Hz; what is
//! received has that of its session description.

use std::collections::VecDeque;

use crate::media::rtp::{FRAME, Header};

const KEYS: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

/// The key that a character names, `a` to `d` included; `None` if it names none.
pub fn key(character: char) -> Option<char> {
    let character = character.to_ascii_uppercase();
    KEYS.contains(&character).then_some(character)
}

/// Longest duration that one packet can tell. A longer press goes on under a timestamp that is as
/// much greater (RFC 4733 section 2.5.1.3): after 8.2 s at 8,000 Hz, 1.4 s at 48,000.
const SEGMENT: u32 = 0xffff;
/// A packet is late, not new, if it lags no more than this, and a whole segment, behind the last
/// press.
const LATE_SECONDS: u32 = 5;
/// Most sources of one leg that are told apart; there is one, and one before it while its last
/// packets arrive.
const SOURCES_MAX: usize = 4;

/// Presses received on one leg.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Receiver {
    /// The last press of each source.
    last: VecDeque<Press>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Press {
    ssrc: u32,
    timestamp: u32,
    event: u8,
    ended: bool,
}

/// What a packet is to the last press of its source.
enum Packet {
    Same,
    Late,
    Continues,
    New,
}

impl Receiver {
    /// Takes the packet of an event: the key, if this is the first that is seen of its press.
    /// Events that are no keys (16 and above) and broken payloads are nothing. `clock_hz`: how fast
    /// its timestamps count.
    pub fn receive(&mut self, header: &Header, payload: &[u8], clock_hz: u32) -> Option<char> {
        let &[event, flags, _, _, ..] = payload else { return None };
        let key = *KEYS.get(usize::from(event))?;
        let ended = flags & END_BIT != 0;
        let press = Press { ssrc: header.ssrc, timestamp: header.timestamp, event, ended };
        let Some(last) = self.last.iter_mut().find(|last| last.ssrc == press.ssrc) else {
            if self.last.len() == SOURCES_MAX {
                self.last.pop_front();
            }
            self.last.push_back(press);
            return Some(key);
        };
        match last.judge(&press, clock_hz) {
            Packet::Same => {
                last.ended |= ended;
                None
            }
            Packet::Late => None,
            Packet::Continues => {
                *last = press;
                None
            }
            Packet::New => {
                *last = press;
                Some(key)
            }
        }
    }
}

impl Press {
    fn judge(&self, packet: &Press, clock_hz: u32) -> Packet {
        let ahead = i64::from(packet.timestamp.wrapping_sub(self.timestamp).cast_signed());
        let late_max = i64::from(clock_hz) * i64::from(LATE_SECONDS) + i64::from(SEGMENT);
        if ahead == 0 && packet.event == self.event {
            Packet::Same
        } else if (-late_max..0).contains(&ahead) {
            Packet::Late
        } else if ahead == i64::from(SEGMENT) && packet.event == self.event && !self.ended {
            Packet::Continues
        } else {
            Packet::New
        }
    }
}

/// What is sent in one 20 ms step of a press.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// A packet of the event.
    Event {
        /// Is it the first, which carries the marker?
        first: bool,
        /// The payload.
        payload: [u8; 4],
    },
    /// The pause before the next press.
    Pause,
}

/// Steps of a press that sounds (100 ms), of its end told three times, and of the pause after it
/// (60 ms).
const SOUNDING: u8 = 5;
const ENDING: u8 = 3;
const RESTING: u8 = 3;
/// Level of the key's tone in -dBm0 (RFC 4733 section 2.3.4).
const VOLUME: u8 = 10;
const END_BIT: u8 = 0x80;

/// A key being sent, one step each 20 ms.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sender {
    event: u8,
    step: u8,
}

impl Sender {
    /// `None` if the character is no key.
    pub fn new(key: char) -> Option<Self> {
        let event = KEYS.iter().position(|&k| k == key.to_ascii_uppercase())?;
        Some(Self { event: event as u8, step: 0 })
    }
}

impl Iterator for Sender {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let step = self.step;
        if step == SOUNDING + ENDING + RESTING {
            return None;
        }
        self.step += 1;
        if step >= SOUNDING + ENDING {
            return Some(Step::Pause);
        }
        let end = if step < SOUNDING { 0 } else { END_BIT };
        let duration = u16::from((step + 1).min(SOUNDING)) * FRAME as u16;
        let [d0, d1] = duration.to_be_bytes();
        Some(Step::Event { first: step == 0, payload: [self.event, end | VOLUME, d0, d1] })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Sent = (Header, [u8; 4]);

    fn packet(ssrc: u32, timestamp: u32, event: u8, duration: u16) -> Sent {
        let header = Header { marker: false, payload_type: 101, sequence: 0, timestamp, ssrc };
        let [d0, d1] = duration.to_be_bytes();
        (header, [event, VOLUME, d0, d1])
    }

    fn ended((header, payload): Sent) -> Sent {
        (header, [payload[0], payload[1] | END_BIT, payload[2], payload[3]])
    }

    fn told_at(clock_hz: u32, packets: &[Sent]) -> String {
        let mut receiver = Receiver::default();
        let told = |(header, payload): &Sent| receiver.receive(header, payload, clock_hz);
        packets.iter().filter_map(told).collect()
    }

    fn told(packets: &[Sent]) -> String {
        told_at(8000, packets)
    }

    /// The packets of `keys`, as a phone of ours sends them.
    fn sent(keys: &str) -> Vec<Sent> {
        let mut out = crate::media::rtp::Outgoing::new(1, 0, u32::MAX - 1000);
        let mut packets = Vec::new();
        for step in keys.chars().filter_map(Sender::new).flatten() {
            match step {
                Step::Event { first, payload } => packets.push((out.event(101, first), payload)),
                Step::Pause => out.pass(),
            }
        }
        packets
    }

    #[test]
    fn a_press_is_five_updates_and_three_ends() {
        let steps: Vec<Step> = Sender::new('#').unwrap().collect();
        let durations: Vec<(bool, u8, u16)> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Event { first, payload: [11, flags, d0, d1] } => {
                    Some((*first, flags >> 7, u16::from_be_bytes([*d0, *d1])))
                }
                Step::Event { .. } | Step::Pause => None,
            })
            .collect();
        let expected = [
            (true, 0, 160),
            (false, 0, 320),
            (false, 0, 480),
            (false, 0, 640),
            (false, 0, 800),
            (false, 1, 800),
            (false, 1, 800),
            (false, 1, 800),
        ];
        assert_eq!(durations, expected);
        assert_eq!(steps.len(), 11);
        assert_eq!(Sender::new('x'), None);
    }

    #[test]
    fn presses_are_told_once_each() {
        assert_eq!(told(&sent("0123456789*#abcd")), "0123456789*#ABCD");
        assert_eq!(told(&sent("1111")), "1111");
    }

    #[test]
    fn late_packets_and_other_events_tell_nothing() {
        let (one, two) = (packet(1, 1000, 1, 800), packet(1, 2000, 2, 160));
        assert_eq!(told(&[one, two, one, two]), "12");
        assert_eq!(told(&[packet(1, 1000, 16, 160)]), "");
        assert_eq!(Receiver::default().receive(&one.0, &[1, 2, 3], 8000), None);
    }

    #[test]
    fn a_press_that_loses_its_ends_is_over_when_the_next_begins() {
        let keys = sent("5566");
        let without_ends: Vec<Sent> =
            keys.iter().copied().filter(|(_, payload)| payload[1] & END_BIT == 0).collect();
        assert_eq!((keys.len(), without_ends.len()), (32, 20));
        assert_eq!(told(&without_ends), "5566");
        let ends: Vec<Sent> =
            keys.iter().copied().filter(|(_, payload)| payload[1] & END_BIT != 0).collect();
        assert_eq!(told(&ends), "5566", "and one of which only the ends arrive is told");
    }

    #[test]
    fn a_press_is_known_by_its_timestamp_whatever_its_key() {
        let (one, again) = (packet(1, 1000, 1, 160), packet(1, 1160, 1, 160));
        assert_eq!(told(&[one, again]), "11");
        // Not as it should be, but clear.
        assert_eq!(told(&[one, packet(1, 1000, 2, 160)]), "12");
    }

    #[test]
    fn a_new_source_or_a_clock_set_back_begins_anew() {
        assert_eq!(told(&[packet(1, 9000, 1, 160), packet(2, 500, 1, 160)]), "11");
        assert_eq!(told(&[packet(1, 200_000, 1, 160), packet(1, 500, 1, 160)]), "11");
        let old = packet(1, 9000, 1, 160);
        assert_eq!(told(&[old, packet(2, 500, 2, 160), old]), "12", "a late one of the old source");
        let many = (0..100).map(|ssrc| packet(ssrc, 0, 3, 160));
        assert_eq!(told(&many.collect::<Vec<_>>()).len(), 100, "as many sources as come");
    }

    #[test]
    fn how_late_is_late_depends_on_the_clock() {
        let (now, before) = (packet(1, 600_000, 1, 960), packet(1, 300_000, 2, 960));
        assert_eq!(told_at(48_000, &[now, before]), "1", "6.25 s");
        assert_eq!(told_at(8000, &[now, before]), "12", "37.5 s");
    }

    #[test]
    fn a_very_long_press_is_one() {
        for lost in [false, true] {
            let first = [packet(1, 0, 5, 160), packet(1, 0, 5, if lost { 400 } else { u16::MAX })];
            let second = [packet(1, 65_535, 5, 160), packet(1, 65_535, 5, u16::MAX)];
            let third = [packet(1, 131_070, 5, 160)];
            let all = [&first[..], &second, &first[1..], &third].concat();
            assert_eq!(told(&all), "5", "the last of a segment is lost: {lost}");
        }
        let over = ended(packet(1, 0, 5, 800));
        assert_eq!(told(&[over, packet(1, 65_535, 5, 160)]), "55", "it had ended");
        assert_eq!(told(&[packet(1, 0, 5, 160), packet(1, 65_535, 6, 160)]), "56");
    }

    #[test]
    fn characters_name_keys() {
        assert_eq!(
            (key('0'), key('#'), key('d'), key('D')),
            (Some('0'), Some('#'), Some('D'), Some('D'))
        );
        assert_eq!((key('E'), key('!'), key('١')), (None, None, None));
    }

    proptest! {
        /// Losses, doubles and neighbours swapped: each press of which anything arrives is told
        /// once, in order.
        #[test]
        fn a_bad_line_changes_nothing(
            keys in "[0-9*#]{1,8}",
            fate in prop::collection::vec(0..4u8, 64),
        ) {
            let packets = sent(&keys);
            let mut line = Vec::new();
            for (n, packet) in packets.iter().enumerate() {
                // Presses are 60 ms apart: it is within one that packets overtake each other.
                let own = |before: &&Sent| before.0.timestamp == packet.0.timestamp;
                match fate[n] {
                    // The third packet of each press is never lost.
                    0 if n % 8 != 2 => {}
                    1 => line.extend([*packet; 2]),
                    2 if line.last().as_ref().is_some_and(own) => {
                        line.insert(line.len() - 1, *packet);
                    }
                    _ => line.push(*packet),
                }
            }
            prop_assert_eq!(told(&line), keys);
        }
    }
}
