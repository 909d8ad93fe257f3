//! Keys as telephone events (RFC 4733): received, each press told once; and sent.
//!
//! A press is a row of packets with one timestamp and a growing duration; the last is repeated with
//! the end bit. Any of them may be lost, doubled or late, so a press is known by its timestamp and
//! told by the first packet that arrives of it. The clock is 8,000 Hz.

use std::cmp::Ordering;

use super::rtp::{FRAME, Header};

const KEYS: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

/// A packet is late, not new, if it lags no more than this behind the last press: 5 s.
const LATE_MAX: i32 = 40_000;

/// Presses received on one leg.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Receiver {
    last: Option<Press>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Press {
    ssrc: u32,
    timestamp: u32,
    event: u8,
    duration: u16,
}

impl Receiver {
    /// Takes the packet of an event: the key, if this is the first that is seen of its press.
    /// Events that are no keys (16 and above) and broken payloads are nothing.
    pub fn receive(&mut self, header: &Header, payload: &[u8]) -> Option<char> {
        let &[event, _, d0, d1, ..] = payload else { return None };
        let key = *KEYS.get(usize::from(event))?;
        let duration = u16::from_be_bytes([d0, d1]);
        let press = Press { ssrc: header.ssrc, timestamp: header.timestamp, event, duration };
        let told = self.last.is_some_and(|last| last.ssrc == press.ssrc && last.covers(&press));
        let newer = !told || self.last.is_some_and(|last| last.grows_into(&press));
        if newer {
            self.last = Some(press);
        }
        (!told).then_some(key)
    }
}

impl Press {
    /// Was what this packet says told by `self`, or before it?
    fn covers(&self, packet: &Press) -> bool {
        let ahead = packet.timestamp.wrapping_sub(self.timestamp).cast_signed();
        match ahead.cmp(&0) {
            Ordering::Equal => true,
            Ordering::Less => ahead >= -LATE_MAX,
            Ordering::Greater => self.continues_in(packet),
        }
    }

    /// A press longer than 8 s goes on under a new timestamp (RFC 4733 section 2.5.1.3).
    fn continues_in(&self, packet: &Press) -> bool {
        self.duration == u16::MAX
            && self.event == packet.event
            && packet.timestamp == self.timestamp.wrapping_add(u32::from(u16::MAX))
    }

    fn grows_into(&self, packet: &Press) -> bool {
        let same = self.timestamp == packet.timestamp;
        same && packet.duration > self.duration || self.continues_in(packet)
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

    fn packet(ssrc: u32, timestamp: u32, event: u8, duration: u16) -> (Header, [u8; 4]) {
        let header = Header { marker: false, payload_type: 101, sequence: 0, timestamp, ssrc };
        let [d0, d1] = duration.to_be_bytes();
        (header, [event, VOLUME, d0, d1])
    }

    fn told(packets: &[(Header, [u8; 4])]) -> String {
        let mut receiver = Receiver::default();
        packets.iter().filter_map(|(header, payload)| receiver.receive(header, payload)).collect()
    }

    /// The packets of `keys`, as a phone of ours sends them.
    fn sent(keys: &str) -> Vec<(Header, [u8; 4])> {
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
        assert_eq!(Receiver::default().receive(&one.0, &[1, 2, 3]), None);
    }

    #[test]
    fn a_new_source_or_a_clock_set_back_begins_anew() {
        assert_eq!(told(&[packet(1, 9000, 1, 160), packet(2, 500, 1, 160)]), "11");
        assert_eq!(told(&[packet(1, 90_000, 1, 160), packet(1, 500, 1, 160)]), "11");
    }

    #[test]
    fn a_very_long_press_is_one() {
        let first = [packet(1, 0, 5, 160), packet(1, 0, 5, u16::MAX)];
        let second = [packet(1, 65_535, 5, 160), packet(1, 65_535, 5, u16::MAX)];
        let third = [packet(1, 131_070, 5, 160)];
        assert_eq!(told(&[&first[..], &second, &third].concat()), "5");
        assert_eq!(told(&[first[0], second[0]]), "55", "without the full duration it is another");
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
                match fate[n] {
                    // The third packet of each press is never lost.
                    0 if n % 8 != 2 => {}
                    1 => line.extend([*packet; 2]),
                    2 if n % 8 != 2 && !line.is_empty() => line.insert(line.len() - 1, *packet),
                    _ => line.push(*packet),
                }
            }
            // A swap over the border of two presses may only make the first packet of the later
            // early.
            let swapped_first = (1..packets.len()).any(|n| n % 8 == 0 && fate[n] == 2);
            prop_assume!(!swapped_first);
            prop_assert_eq!(told(&line), keys);
        }
    }
}
