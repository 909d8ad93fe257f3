//! Session descriptions (RFC 8866) and offer/answer (RFC 3264) for one audio stream over plain RTP:
//! PCMU, PCMA and telephone events.
//!
//! ```text
//! their offer --Description::parse--> Party::answer --> our answer, Agreed
//! Party::offer --> our offer; their answer --Description::parse--> Party::agree --> Agreed
//! ```
//! An answer takes one codec and the first stream that carries it; all other streams are refused
//! with port 0. Of several telephone events it takes those whose clock is that of the codecs. A
//! stream on hold keeps its codec and is not sent to. A later exchange keeps the streams, the
//! payload types and, if it can, the codec of the one before (RFC 3264 section 8).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::g711::Law;
use super::tone::SAMPLE_RATE;

/// Longest line, in bytes.
pub const LINE_MAX: usize = 8 * 1024;
/// Most streams (m= lines).
pub const STREAMS_MAX: usize = 16;
/// Most formats of a stream: as many as there are payload types.
const FORMATS_MAX: usize = 128;
/// Payload types whose meaning is a matter of agreement (RFC 3551 section 6), the one that most
/// others use for telephone events first.
const DYNAMIC: [std::ops::RangeInclusive<u8>; 2] = [101..=127, 96..=100];
/// The fastest clock of telephone events that we believe, in Hz.
const CLOCK_HZ_MAX: u32 = 192_000;

/// Why a description is of no use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("{0}")]
    Malformed(&'static str),
    /// It can, but holds no audio stream over RTP with a codec and an address that we can serve.
    #[error("no stream and codec in common")]
    NothingInCommon,
}

/// Which ways sound flows, as its writer says it of himself (RFC 8866 section 6.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendReceive,
    /// Only from the writer: the other is on hold.
    SendOnly,
    /// Only to the writer.
    ReceiveOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// Does the writer send?
    pub fn sends(self) -> bool {
        matches!(self, Direction::SendReceive | Direction::SendOnly)
    }

    /// Does the writer receive?
    pub fn receives(self) -> bool {
        matches!(self, Direction::SendReceive | Direction::ReceiveOnly)
    }

    fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Direction::SendReceive,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::ReceiveOnly,
            (false, false) => Direction::Inactive,
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let all = [Self::SendReceive, Self::SendOnly, Self::ReceiveOnly, Self::Inactive];
        all.into_iter().find(|direction| direction.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Direction::SendReceive => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::ReceiveOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }
}

/// A description, as far as we read it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Description {
    /// Identifier and version of the session (o=); zeros if they cannot be read.
    pub origin: (u64, u64),
    /// The address of all streams that have none of their own.
    pub address: Option<IpAddr>,
    /// Start and stop (t=); an answer repeats it.
    pub time: (u64, u64),
    /// The streams, at most [`STREAMS_MAX`].
    pub streams: Vec<Stream>,
}

/// One m= line and what belongs to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    /// `audio`, `video`, ..
    pub kind: String,
    /// 0: refused, or not wanted.
    pub port: u16,
    /// `RTP/AVP`, ..
    pub protocol: String,
    /// Payload types, the best first; at least one.
    pub formats: Vec<String>,
    /// What payload types mean (a=rtpmap), as `name/clock`.
    pub maps: BTreeMap<u8, String>,
    /// Its own address (c=).
    pub address: Option<IpAddr>,
    /// The session's, if it has none of its own.
    pub direction: Direction,
}

/// What a payload type is to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Audio(Law),
    Events { clock_hz: u32 },
}

impl Stream {
    /// The formats that we know, in their order.
    fn known(&self) -> impl Iterator<Item = (u8, Format)> {
        self.formats.iter().filter_map(|text| {
            let number = text.parse::<u8>().ok().filter(|number| *number < 128)?;
            let name = match (self.maps.get(&number), number) {
                (Some(name), _) => name.to_ascii_lowercase(),
                (None, 0) => "pcmu/8000".to_owned(),
                (None, 8) => "pcma/8000".to_owned(),
                (None, _) => return None,
            };
            let format = match name.strip_suffix("/1").unwrap_or(&name) {
                "pcmu/8000" => Format::Audio(Law::Mu),
                "pcma/8000" => Format::Audio(Law::A),
                other => {
                    let clock_hz = other.strip_prefix(EVENTS_PREFIX)?.parse().ok()?;
                    let clock_hz = Some(clock_hz).filter(|hz| (1..=CLOCK_HZ_MAX).contains(hz))?;
                    Format::Events { clock_hz }
                }
            };
            Some((number, format))
        })
    }

    fn laws(&self) -> impl Iterator<Item = (u8, Law)> {
        self.known().filter_map(|(number, format)| match format {
            Format::Audio(law) => Some((number, law)),
            Format::Events { .. } => None,
        })
    }

    /// The telephone events with the clock of the codecs; without such, the first.
    fn events(&self) -> Option<Events> {
        let all = || {
            self.known().filter_map(|(payload_type, format)| match format {
                Format::Events { clock_hz } => Some(Events { payload_type, clock_hz }),
                Format::Audio(_) => None,
            })
        };
        all().find(|events| events.clock_hz == SAMPLE_RATE).or_else(|| all().next())
    }

    fn refused(&self) -> Stream {
        Stream { port: 0, maps: BTreeMap::new(), address: None, ..self.clone() }
    }
}

/// Telephone events (RFC 4733).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Events {
    /// Their payload type.
    pub payload_type: u8,
    /// How fast their timestamps count, in Hz.
    pub clock_hz: u32,
}

/// What the two sides agreed on, seen from ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Agreed {
    /// The codec.
    pub law: Law,
    /// The payload type of the codec in what we send.
    pub payload_type: u8,
    /// The same in what we receive.
    pub payload_type_received: u8,
    /// Telephone events in what we send; `None`: they are not understood.
    pub events: Option<Events>,
    /// The same in what we receive.
    pub events_received: Option<Events>,
    /// What we do.
    pub direction: Direction,
    /// Where we send; `None` while the other side says "nowhere" (hold as in RFC 2543).
    pub remote: Option<SocketAddr>,
}

impl Agreed {
    /// The codec of a payload type that we receive. Static numbers are always understood: an answer
    /// may list both codecs, and its writer may send either.
    pub fn sound(&self, payload_type: u8) -> Option<Law> {
        if payload_type == self.payload_type || payload_type == self.payload_type_received {
            return Some(self.law);
        }
        Law::ALL.into_iter().find(|law| payload_type == static_number(*law))
    }

    /// The clock of a payload type that we receive, in Hz, if it is that of telephone events.
    pub fn events_clock(&self, payload_type: u8) -> Option<u32> {
        let both = [self.events_received, self.events].into_iter().flatten();
        both.into_iter().find(|e| e.payload_type == payload_type).map(|e| e.clock_hz)
    }

    /// The payload type of the telephone events that we can send: those that count as our sound
    /// does.
    pub fn events_sent(&self) -> Option<u8> {
        self.events.filter(|e| e.clock_hz == SAMPLE_RATE).map(|e| e.payload_type)
    }
}

/// Our side of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Party {
    session: u64,
    local: SocketAddr,
    /// What we said last, whose version counts up with each change (RFC 3264 section 8).
    said: Option<Description>,
    /// What was agreed last, and for which stream.
    running: Option<(usize, Agreed)>,
    /// Payload types to which the other side has given a meaning, which they keep.
    taken: BTreeSet<u8>,
}

impl Party {
    /// `session` identifies the session; `local` is where we receive.
    pub fn new(session: u64, local: SocketAddr) -> Self {
        // Some peers read the identifier as a signed number.
        let (said, running, taken) = (None, None, BTreeSet::new());
        Self { session: session >> 1, local, said, running, taken }
    }

    /// An offer of both codecs and telephone events, to send and to receive: `preferred` first, or
    /// what runs already. Whom the other side holds does not offer to be held: some begin their
    /// resume with an INVITE that asks for this offer.
    pub fn offer(&mut self, preferred: Option<Law>) -> String {
        let running = self.running.map(|(_, agreed)| agreed);
        let first = running.map(|agreed| agreed.law).or(preferred).unwrap_or(Law::ALL[0]);
        let mut laws = Law::ALL;
        laws.sort_by_key(|law| *law != first);
        let number = |law: Law| {
            let agreed = running.filter(|agreed| agreed.law == law);
            agreed.map_or(static_number(law), |agreed| agreed.payload_type_received)
        };
        let events = running.and_then(|agreed| agreed.events_received).or_else(|| {
            let mut free = DYNAMIC.into_iter().flatten().filter(|n| !self.taken.contains(n));
            free.next().map(|payload_type| Events { payload_type, clock_hz: SAMPLE_RATE })
        });
        let laws = laws.into_iter().map(|law| (number(law), law_name(law).to_owned()));
        let known = laws.chain(events.map(Events::map)).collect();
        let stream = self.stream(known, Direction::SendReceive);
        match (self.running, self.said.clone()) {
            (Some((used, _)), Some(Description { time, mut streams, .. })) => {
                streams[used] = stream;
                self.say(time, streams)
            }
            (Some(_) | None, _) => self.say((0, 0), vec![stream]),
        }
    }

    /// The answer to an offer that has a codec of ours.
    pub fn answer(&mut self, offer: &Description) -> Result<(String, Agreed), Error> {
        let (used, agreed) = self.choose(offer, self.running.map(|(_, agreed)| agreed.law))?;
        let mut known = vec![(agreed.payload_type, law_name(agreed.law).to_owned())];
        known.extend(agreed.events.map(Events::map));
        let ours = self.stream(known, agreed.direction);
        let mut streams: Vec<Stream> = offer.streams.iter().map(Stream::refused).collect();
        streams[used] = ours;
        self.run(used, agreed, &offer.streams[used]);
        Ok((self.say(offer.time, streams), agreed))
    }

    /// Reads the answer to our offer.
    pub fn agree(&mut self, answer: &Description) -> Result<Agreed, Error> {
        let (used, agreed) = self.choose(answer, None)?;
        let ours = self.said.as_ref().and_then(|said| said.streams.get(used));
        let ours = ours.filter(|ours| ours.port != 0).ok_or(Error::NothingInCommon)?;
        let received = ours.laws().find(|(_, law)| *law == agreed.law);
        let (payload_type_received, _) = received.ok_or(Error::NothingInCommon)?;
        let events_received = ours.events();
        let agreed = Agreed { payload_type_received, events_received, ..agreed };
        self.run(used, agreed, &answer.streams[used]);
        Ok(agreed)
    }

    /// From now on this is agreed, after what they said.
    fn run(&mut self, used: usize, agreed: Agreed, theirs: &Stream) {
        self.running = Some((used, agreed));
        self.taken.extend(theirs.maps.keys());
    }

    /// The first stream that we can serve, and how: by the preferred codec if it is there, else by
    /// the first of theirs.
    fn choose(
        &self,
        theirs: &Description,
        preferred: Option<Law>,
    ) -> Result<(usize, Agreed), Error> {
        let common = |stream: &Stream| {
            let plain = stream.kind == "audio" && stream.protocol == "RTP/AVP" && stream.port != 0;
            let liked = stream.laws().find(|(_, law)| Some(*law) == preferred);
            liked.or_else(|| stream.laws().next()).filter(|_| plain)
        };
        let found =
            theirs.streams.iter().enumerate().find_map(|(at, stream)| {
                common(stream).map(|(number, law)| (at, stream, number, law))
            });
        let (at, stream, payload_type, law) = found.ok_or(Error::NothingInCommon)?;
        let address = stream.address.or(theirs.address);
        let address = address.ok_or(Error::Malformed("the audio stream has no address (c=)"))?;
        if address.is_ipv4() != self.local.is_ipv4() {
            return Err(Error::NothingInCommon);
        }
        let held = address.is_unspecified();
        let events = stream.events();
        let agreed = Agreed {
            law,
            payload_type,
            payload_type_received: payload_type,
            events,
            events_received: events,
            direction: Direction::of(
                stream.direction.receives() && !held,
                stream.direction.sends(),
            ),
            remote: (!held).then(|| SocketAddr::new(address, stream.port)),
        };
        Ok((at, agreed))
    }

    fn stream(&self, known: Vec<(u8, String)>, direction: Direction) -> Stream {
        Stream {
            kind: "audio".to_owned(),
            port: self.local.port(),
            protocol: "RTP/AVP".to_owned(),
            formats: known.iter().map(|(number, _)| number.to_string()).collect(),
            maps: known.into_iter().collect(),
            address: None,
            direction,
        }
    }

    fn say(&mut self, time: (u64, u64), streams: Vec<Stream>) -> String {
        let version = self.said.as_ref().map_or(1, |said| {
            said.origin.1 + u64::from(said.streams != streams || said.time != time)
        });
        let origin = (self.session, version);
        let said = Description { origin, address: Some(self.local.ip()), time, streams };
        self.said.insert(said).to_string()
    }
}

/// Before the clock.
const EVENTS_PREFIX: &str = "telephone-event/";

impl Events {
    /// As an a=rtpmap line says it.
    fn map(self) -> (u8, String) {
        (self.payload_type, format!("{EVENTS_PREFIX}{}", self.clock_hz))
    }
}

fn law_name(law: Law) -> &'static str {
    match law {
        Law::Mu => "PCMU/8000",
        Law::A => "PCMA/8000",
    }
}

/// RFC 3551 table 4.
fn static_number(law: Law) -> u8 {
    match law {
        Law::Mu => 0,
        Law::A => 8,
    }
}

impl Description {
    /// Reads a body. Lines that we do not need are passed over, known or not.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let text = String::from_utf8_lossy(body);
        let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        if lines.next() != Some("v=0") {
            return Err(Error::Malformed("the first line is not v=0"));
        }
        let mut read = Description { origin: (0, 0), address: None, time: (0, 0), streams: vec![] };
        let mut direction = Direction::default();
        for line in lines {
            if line.len() > LINE_MAX {
                return Err(Error::Malformed("a line is longer than 8 KiB"));
            }
            match (line.split_once('='), read.streams.last_mut()) {
                (Some(("m", value)), _) => {
                    if read.streams.len() == STREAMS_MAX {
                        return Err(Error::Malformed("there are more than 16 streams (m=)"));
                    }
                    read.streams.push(Stream::parse(value, direction)?);
                }
                (Some(("c", value)), Some(stream)) if stream.kind == "audio" => {
                    stream.address = Some(connection(value)?);
                }
                (Some(("c", value)), None) => read.address = Some(connection(value)?),
                (Some(("o", value)), None) => read.origin = numbers(value, 1),
                (Some(("t", value)), None) => read.time = numbers(value, 0),
                (Some(("a", value)), Some(stream)) => stream.attribute(value),
                (Some(("a", value)), None) => {
                    direction = Direction::parse(value).unwrap_or(direction);
                }
                (Some(_) | None, _) => {}
            }
        }
        Ok(read)
    }
}

impl Stream {
    /// `audio 49170/2 RTP/AVP 0 8`
    fn parse(value: &str, direction: Direction) -> Result<Self, Error> {
        let bad = Error::Malformed("an m= line is not KIND PORT PROTOCOL FORMAT..");
        let mut words = value.split_ascii_whitespace();
        let mut word = || words.next().ok_or(bad);
        let (kind, port, protocol) = (word()?.to_owned(), word()?, word()?.to_owned());
        let port = port.split('/').next().and_then(|port| port.parse().ok()).ok_or(bad)?;
        let formats: Vec<String> = words.take(FORMATS_MAX).map(str::to_owned).collect();
        if formats.is_empty() {
            return Err(bad);
        }
        let (maps, address) = (BTreeMap::new(), None);
        Ok(Self { kind, port, protocol, formats, maps, address, direction })
    }

    /// A map that cannot be read leaves its number without a meaning.
    fn attribute(&mut self, value: &str) {
        if let Some(direction) = Direction::parse(value) {
            self.direction = direction;
        }
        let map = value.strip_prefix("rtpmap:").and_then(|map| map.trim().split_once(' '));
        if let Some((number, name)) = map
            && let Some(number) = number.parse().ok().filter(|number| *number < 128)
        {
            self.maps.insert(number, name.trim().to_owned());
        }
    }
}

/// `IN IP4 192.0.2.1`, perhaps with `/ttl`.
fn connection(value: &str) -> Result<IpAddr, Error> {
    let bad = Error::Malformed("a c= line is not IN IP4 or IN IP6 and an address");
    let words: Vec<&str> = value.split_ascii_whitespace().collect();
    let &["IN", kind @ ("IP4" | "IP6"), address] = words.as_slice() else { return Err(bad) };
    let address = address.split('/').next().unwrap_or(address);
    let address: IpAddr = address.parse().map_err(|_| bad)?;
    if address.is_ipv4() != (kind == "IP4") {
        return Err(bad);
    }
    if address.is_multicast() || address == IpAddr::from([255; 4]) {
        return Err(Error::Malformed("sound is sent to one address, not to a group"));
    }
    Ok(address)
}

/// The two numbers that follow `skip` words; zeros in place of what is none.
fn numbers(value: &str, skip: usize) -> (u64, u64) {
    let mut words = value.split_ascii_whitespace().skip(skip);
    let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    (number(), number())
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.map(written);
        let origin = address.as_deref().unwrap_or("IN IP4 0.0.0.0");
        write!(f, "v=0\r\no=- {} {} {origin}\r\ns=-\r\n", self.origin.0, self.origin.1)?;
        if let Some(address) = &address {
            write!(f, "c={address}\r\n")?;
        }
        write!(f, "t={} {}\r\n", self.time.0, self.time.1)?;
        self.streams.iter().try_for_each(|stream| write!(f, "{stream}"))
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let formats = self.formats.join(" ");
        write!(f, "m={} {} {} {formats}\r\n", self.kind, self.port, self.protocol)?;
        if let Some(address) = self.address {
            write!(f, "c={}\r\n", written(address))?;
        }
        for (number, name) in &self.maps {
            write!(f, "a=rtpmap:{number} {name}\r\n")?;
            if name.starts_with(EVENTS_PREFIX) {
                write!(f, "a=fmtp:{number} 0-15\r\n")?;
            }
        }
        if self.port != 0 && self.kind == "audio" {
            write!(f, "a=ptime:20\r\n")?;
        }
        write!(f, "a={}\r\n", self.direction.name())
    }
}

fn written(address: IpAddr) -> String {
    format!("IN {} {address}", if address.is_ipv4() { "IP4" } else { "IP6" })
}

#[cfg(test)]
mod tests;
