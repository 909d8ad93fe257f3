//! RTP (RFC 3550): headers, our own unbroken stream towards a leg, and whose packets we believe.
//!
//! A leg sends one stream with one SSRC for its whole life. What it carries changes (prompts,
//! music, another leg's packets); sequence numbers and timestamps go on without a break, which is
//! what [`Outgoing`] does. [`Latch`] decides from which address sound is taken and to which it is
//! sent.

use std::net::SocketAddr;

/// Samples, and so timestamp units, of one packet: 20 ms at 8,000 Hz.
pub const FRAME: usize = 160;

/// Bytes of a header without contributors and extension, which is all that we send.
pub const HEADER: usize = 12;

/// The fixed header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The first packet of a talk spurt, or of an event.
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// Counts packets.
    pub sequence: u16,
    /// Counts samples.
    pub timestamp: u32,
    /// Which source.
    pub ssrc: u32,
}

impl Header {
    /// Reads a packet to its header and payload, without contributors, extension and padding.
    /// `None` for what is not RTP version 2, RTCP on the same port included (RFC 5761 section 4).
    pub fn read(packet: &[u8]) -> Option<(Header, &[u8])> {
        let (fixed, rest) = packet.split_first_chunk::<HEADER>()?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        if flags >> 6 != 2 || (192..=223).contains(&kind) {
            return None;
        }
        let mut payload = rest.get(4 * usize::from(flags & 0x0f)..)?;
        if flags & 0x10 != 0 {
            let (extension, after) = payload.split_first_chunk::<4>()?;
            let words = u16::from_be_bytes([extension[2], extension[3]]);
            payload = after.get(4 * usize::from(words)..)?;
        }
        if flags & 0x20 != 0 {
            let padding = usize::from(*payload.last()?);
            payload = payload.get(..payload.len().checked_sub(padding.max(1))?)?;
        }
        let header = Header {
            marker: kind & 0x80 != 0,
            payload_type: kind & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        };
        Some((header, payload))
    }

    /// The twelve bytes on the wire.
    pub fn write(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0] = 0x80;
        bytes[1] = u8::from(self.marker) << 7 | self.payload_type & 0x7f;
        bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes
    }
}

/// A source that jumps further ahead, or falls further back, has begun anew (RFC 3550 appendix
/// A.1).
const DROPOUT_MAX: i16 = 3000;
const MISORDER_MAX: u16 = 100;

/// The numbers of our stream towards one leg.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    event_timestamp: u32,
    begins_spurt: bool,
    relay: Option<Relay>,
}

/// How the numbers of another leg's source become ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Relay {
    ssrc: u32,
    sequence_offset: u16,
    timestamp_offset: u32,
    /// What is older belongs to the source before, or is hopelessly late.
    oldest: u16,
    highest: u16,
}

impl Outgoing {
    /// A stream that begins at these numbers; they should be hard to guess (RFC 3550 section 5.1).
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            sequence,
            timestamp,
            event_timestamp: timestamp,
            begins_spurt: true,
            relay: None,
        }
    }

    /// The next packet carries the marker: something else begins to sound.
    pub fn begin_spurt(&mut self) {
        self.begins_spurt = true;
    }

    /// 20 ms of our own sound.
    pub fn frame(&mut self, payload_type: u8) -> Header {
        let marker = self.begins_spurt || self.relay.is_some();
        self.begins_spurt = false;
        let header = self.own(payload_type, marker, self.timestamp);
        self.pass();
        header
    }

    /// One packet of a telephone event (RFC 4733 section 2.5.1): all packets of an event carry the
    /// timestamp of its beginning. 20 ms go by.
    pub fn event(&mut self, payload_type: u8, first: bool) -> Header {
        if first {
            self.event_timestamp = self.timestamp;
        }
        let header = self.own(payload_type, first, self.event_timestamp);
        self.begins_spurt = true;
        self.pass();
        header
    }

    /// 20 ms go by and nothing is sent.
    pub fn pass(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        self.relay = None;
    }

    fn own(&mut self, payload_type: u8, marker: bool, timestamp: u32) -> Header {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        Header { marker, payload_type, sequence, timestamp, ssrc: self.ssrc }
    }

    /// A packet of another leg, with gaps and order kept; a source that is new, or has begun anew,
    /// goes on where our stream stands. `None` for a packet older than that.
    pub fn relay(&mut self, incoming: &Header, payload_type: u8) -> Option<Header> {
        let known = self.relay.filter(|relay| {
            let ahead = incoming.sequence.wrapping_sub(relay.highest).cast_signed();
            relay.ssrc == incoming.ssrc
                && (-(MISORDER_MAX.cast_signed())..DROPOUT_MAX).contains(&ahead)
        });
        let marker = known.is_none() || self.begins_spurt || incoming.marker;
        let mut relay = known.unwrap_or(Relay {
            ssrc: incoming.ssrc,
            sequence_offset: self.sequence.wrapping_sub(incoming.sequence),
            timestamp_offset: self.timestamp.wrapping_sub(incoming.timestamp),
            oldest: incoming.sequence,
            highest: incoming.sequence,
        });
        if incoming.sequence.wrapping_sub(relay.oldest).cast_signed() < 0 {
            return None;
        }
        if incoming.sequence.wrapping_sub(relay.highest).cast_signed() > 0 {
            relay.highest = incoming.sequence;
        }
        if relay.highest.wrapping_sub(relay.oldest) > MISORDER_MAX {
            relay.oldest = relay.highest.wrapping_sub(MISORDER_MAX);
        }
        self.relay = Some(relay);
        self.begins_spurt = false;
        let sequence = incoming.sequence.wrapping_add(relay.sequence_offset);
        let timestamp = incoming.timestamp.wrapping_add(relay.timestamp_offset);
        if sequence.wrapping_sub(self.sequence).cast_signed() >= 0 {
            self.sequence = sequence.wrapping_add(1);
        }
        let next = timestamp.wrapping_add(FRAME as u32);
        if next.wrapping_sub(self.timestamp).cast_signed() > 0 {
            self.timestamp = next;
        }
        Some(Header { marker, payload_type, sequence, timestamp, ssrc: self.ssrc })
    }
}

/// Packets lost in a row that are passed over as if nothing had been there; more are a pause.
const LOST_MAX: i16 = 2;
/// Longest pause that is told, in samples: 100 ms, which ends whatever sounded before.
const PAUSE_MAX: i32 = 800;

/// The order of the sound that one leg receives, for those who listen to it rather than pass it on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Arrivals {
    last: Option<Arrived>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Arrived {
    ssrc: u32,
    sequence: u16,
    /// Where its sound ended.
    end: u32,
}

impl Arrivals {
    /// A packet with so many samples came: the samples of silence before it, at most 100 ms. `None`
    /// for a double, and for a packet that later ones have overtaken.
    ///
    /// A source that sends nothing while nobody speaks lets its timestamps go on and its sequence
    /// numbers wait: that is silence. One or two lost packets are not: what sounded before them and
    /// sounds after them is taken as one.
    pub fn arrive(&mut self, header: &Header, samples: usize) -> Option<usize> {
        let end = header.timestamp.wrapping_add(samples as u32);
        let arrived = Arrived { ssrc: header.ssrc, sequence: header.sequence, end };
        let last = self.last.filter(|last| last.ssrc == header.ssrc);
        let ahead = last.map(|last| header.sequence.wrapping_sub(last.sequence).cast_signed());
        let silence = match (last, ahead) {
            (Some(_), Some(ahead)) if (-MISORDER_MAX.cast_signed()..=0).contains(&ahead) => {
                return None;
            }
            (Some(_), Some(ahead)) if (2..=LOST_MAX + 1).contains(&ahead) => 0,
            (Some(last), Some(1..DROPOUT_MAX)) => {
                header.timestamp.wrapping_sub(last.end).cast_signed().clamp(0, PAUSE_MAX)
            }
            // The first of its source, or of one that began anew.
            (Some(_) | None, _) => PAUSE_MAX,
        };
        self.last = Some(arrived);
        Some(silence as usize)
    }
}

/// Packets in a row from one address that is not the described one, after which it is believed.
pub const LEARNING_PACKETS: u8 = 5;

/// From where sound is taken, and to where it is sent (symmetric RTP, RFC 4961).
///
/// The address of the session description is believed first, and whenever a packet comes from it.
/// Until one does, another address is believed after [`LEARNING_PACKETS`] in a row from it alone: a
/// phone behind a NAT describes an address that it does not have. From then on strangers are
/// dropped.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Latch {
    described: Option<SocketAddr>,
    candidate: Option<(SocketAddr, u8)>,
    locked: Option<SocketAddr>,
}

impl Latch {
    /// A session description came; `None` if it names no address to send to (hold as in RFC 2543).
    /// A changed address begins the learning anew: `true`.
    pub fn describe(&mut self, address: Option<SocketAddr>) -> bool {
        let moved = address.is_some() && address != self.described;
        if moved {
            *self = Self { described: address, ..Self::default() };
        }
        moved
    }

    /// Is a packet from here to be taken?
    pub fn admits(&mut self, source: SocketAddr) -> bool {
        if self.locked == Some(source) {
            return true;
        }
        if self.described == Some(source) {
            self.locked = Some(source);
            return true;
        }
        if self.locked.is_some() || self.described.is_none() {
            return false;
        }
        let seen = match self.candidate {
            Some((candidate, seen)) if candidate == source => seen + 1,
            Some(_) | None => 1,
        };
        self.candidate = Some((source, seen));
        if seen >= LEARNING_PACKETS {
            self.locked = Some(source);
        }
        self.locked.is_some()
    }

    /// Where to send; `None` before a description.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.locked.or(self.described)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(sequence: u16, timestamp: u32, ssrc: u32) -> Header {
        Header { marker: false, payload_type: 0, sequence, timestamp, ssrc }
    }

    #[test]
    fn contributors_extension_and_padding_are_left_behind() {
        let plain = Header { marker: true, payload_type: 101, sequence: 7, timestamp: 9, ssrc: 3 };
        let mut packet = plain.write().to_vec();
        packet[0] |= 0x20 | 0x10 | 2;
        packet.extend([0; 8]);
        packet.extend([0xbe, 0xde, 0, 1, 1, 1, 1, 1]);
        packet.extend(*b"sound");
        packet.extend([0, 0, 3]);
        assert_eq!(Header::read(&packet), Some((plain, &b"sound"[..])));
    }

    #[test]
    fn what_is_not_rtp_is_not_read() {
        let whole = header(1, 2, 3).write();
        let with = |at: usize, byte: u8| {
            let mut packet = whole.to_vec();
            packet[at] = byte;
            packet
        };
        let table = [
            ("short", whole[..11].to_vec()),
            ("version 1", with(0, 0x40)),
            ("RTCP sender report", with(1, 200)),
            ("contributors missing", with(0, 0x81)),
            ("extension missing", with(0, 0x90)),
            ("padding missing", with(0, 0xa0)),
        ];
        for (name, packet) in table {
            assert_eq!(Header::read(&packet), None, "{name}");
        }
        let mut padded = with(0, 0xa0);
        padded.extend([1, 9]);
        assert_eq!(Header::read(&padded), None, "padding longer than the payload");
    }

    #[test]
    fn numbers_go_on_from_source_to_source() {
        let mut out = Outgoing::new(77, u16::MAX, 1000);
        let told = |h: Header| (h.marker, h.sequence, h.timestamp);
        assert_eq!(told(out.frame(0)), (true, u16::MAX, 1000));
        assert_eq!(told(out.frame(0)), (false, 0, 1160));
        assert_eq!(told(out.relay(&header(500, 9000, 1), 0).unwrap()), (true, 1, 1320));
        assert_eq!(
            told(out.relay(&header(502, 9320, 1), 0).unwrap()),
            (false, 3, 1640),
            "a gap stays"
        );
        assert_eq!(
            told(out.relay(&header(501, 9160, 1), 0).unwrap()),
            (false, 2, 1480),
            "so does order"
        );
        assert_eq!(told(out.relay(&header(8, 5, 2), 0).unwrap()), (true, 4, 1800), "a new source");
        assert_eq!(out.relay(&header(7, 5, 2), 0), None, "from before the change");
        assert_eq!(told(out.frame(0)), (true, 5, 1960));
        assert_eq!(told(out.event(101, true)), (true, 6, 2120));
        assert_eq!(
            told(out.event(101, false)),
            (false, 7, 2120),
            "the time of an event is its start"
        );
        assert_eq!(told(out.frame(0)), (true, 8, 2440));
        out.pass();
        assert_eq!(told(out.frame(0)), (false, 9, 2760), "time goes by unheard");
    }

    #[test]
    fn a_source_that_begins_anew_is_followed() {
        let mut out = Outgoing::new(77, 0, 0);
        assert_eq!(out.relay(&header(100, 0, 1), 0).map(|h| h.sequence), Some(0));
        assert_eq!(
            out.relay(&header(40_000, 0, 1), 0).map(|h| (h.sequence, h.marker)),
            Some((1, true))
        );
    }

    #[test]
    fn a_long_relay_outlives_every_wrap() {
        let mut out = Outgoing::new(77, 5, 5);
        for n in 0..200_000u32 {
            let sent = out.relay(&header(n as u16, n.wrapping_mul(160), 1), 8).unwrap();
            assert_eq!((sent.sequence, sent.timestamp), ((n + 5) as u16, n.wrapping_mul(160) + 5));
            assert_eq!((sent.ssrc, sent.payload_type, sent.marker), (77, 8, n == 0));
        }
    }

    #[test]
    fn silence_is_told_from_loss() {
        let mut arrivals = Arrivals::default();
        let mut arrive =
            |sequence, timestamp, ssrc| arrivals.arrive(&header(sequence, timestamp, ssrc), 160);
        assert_eq!(arrive(65_534, 0, 1), Some(800), "the first");
        assert_eq!(arrive(65_535, 160, 1), Some(0));
        assert_eq!(arrive(65_535, 160, 1), None, "a double");
        assert_eq!(arrive(0, 720, 1), Some(400), "50 ms of silence");
        assert_eq!(arrive(3, 1200, 1), Some(0), "two are lost");
        assert_eq!(arrive(2, 1040, 1), None, "late");
        assert_eq!(arrive(7, 1840, 1), Some(480), "three are lost");
        assert_eq!(arrive(8, 90_000, 1), Some(800), "no longer than it matters");
        assert_eq!(arrive(9, 90_000, 1), Some(0), "a clock that stands still");
        assert_eq!(arrive(40_000, 90_000, 1), Some(800), "begun anew");
        assert_eq!(arrive(9, 90_000, 2), Some(800), "another source");
    }

    #[test]
    fn the_described_address_is_believed_and_strangers_are_not() {
        let at = |port| SocketAddr::from(([192, 0, 2, 1], port));
        let mut latch = Latch::default();
        assert!(!latch.admits(at(1)), "nothing is described yet");
        latch.describe(Some(at(1)));
        assert_eq!(latch.destination(), Some(at(1)));
        assert!(!latch.admits(at(2)));
        assert!(latch.admits(at(1)));
        assert!((0..10).all(|_| !latch.admits(at(2))), "locked");
        assert_eq!(latch.destination(), Some(at(1)));
    }

    #[test]
    fn another_address_is_learnt_from_five_in_a_row() {
        let at = |port| SocketAddr::from(([192, 0, 2, 1], port));
        let mut latch = Latch::default();
        latch.describe(Some(at(1)));
        assert!((0..4).all(|_| !latch.admits(at(2))));
        assert!(!latch.admits(at(3)), "the row is broken");
        assert!((0..4).all(|_| !latch.admits(at(2))));
        assert!(latch.admits(at(2)));
        assert_eq!(latch.destination(), Some(at(2)));
        assert!(!latch.admits(at(3)));
        latch.describe(Some(at(1)));
        assert!(latch.admits(at(2)), "the same description changes nothing");
        assert!(latch.admits(at(1)), "the described address may still come");
        assert!(!latch.admits(at(2)), "and then it stays");
        latch.describe(Some(at(4)));
        assert_eq!(latch.destination(), Some(at(4)));
        assert!(!latch.admits(at(1)));
    }

    proptest! {
        #[test]
        fn reading_never_panics(packet in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some((_, payload)) = Header::read(&packet) {
                prop_assert!(payload.len() + HEADER <= packet.len());
            }
        }

        #[test]
        fn a_header_reads_back(
            marker: bool, payload_type in 0..64u8, sequence: u16, timestamp: u32, ssrc: u32,
        ) {
            let header = Header { marker, payload_type, sequence, timestamp, ssrc };
            let bytes = header.write();
            prop_assert_eq!(Header::read(&bytes), Some((header, &[][..])));
        }
    }
}
