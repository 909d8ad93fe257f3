//! A strict reader of the format, written from its documentation and not from our writer:
//! <https://docs.asterisk.org/Operation/Logging/Queue-Logs/> for the events and their parameters,
//! "Asterisk: The Definitive Guide", "Queue Statistics: The queue_log File", for the fields of a
//! line and the position that ENTERQUEUE carries.
//!
//! It reads line by line, as a report does, and says of the first line that is wrong what is wrong.

use std::collections::{BTreeMap, BTreeSet};

/// What a parameter must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Anything, also nothing.
    Text,
    /// Not empty.
    Word,
    /// A whole number from 0.
    Count,
    /// A position: a whole number from 1.
    Position,
    /// A key of a telephone.
    Key,
}

/// Whether a line is about a call, an agent, a queue.
#[derive(Clone, Copy)]
struct About {
    call: bool,
    queue: bool,
    agent: bool,
}

const SYSTEM: About = About { call: false, queue: false, agent: false };
const MEMBER: About = About { call: false, queue: true, agent: true };
const CALLER: About = About { call: true, queue: true, agent: false };
const SERVED: About = About { call: true, queue: true, agent: true };

/// The events of the format that a queue like ours may write, with their parameters in order.
const EVENTS: &[(&str, About, &[Kind])] = {
    use Kind::{Count, Key, Position, Text, Word};
    &[
        ("QUEUESTART", SYSTEM, &[]),
        ("CONFIGRELOAD", SYSTEM, &[]),
        ("ADDMEMBER", MEMBER, &[]),
        ("REMOVEMEMBER", MEMBER, &[]),
        ("PAUSE", MEMBER, &[Text]),
        ("UNPAUSE", MEMBER, &[]),
        ("ENTERQUEUE", CALLER, &[Text, Text, Position]),
        ("CONNECT", SERVED, &[Count, Word, Count]),
        ("COMPLETEAGENT", SERVED, &[Count, Count, Position]),
        ("COMPLETECALLER", SERVED, &[Count, Count, Position]),
        ("BLINDTRANSFER", SERVED, &[Word, Word, Count, Count, Position]),
        ("ATTENDEDTRANSFER", SERVED, &[Word, Word, Count, Count, Position]),
        ("ABANDON", CALLER, &[Position, Position, Count]),
        ("EXITWITHKEY", CALLER, &[Key, Position, Position, Count]),
        ("EXITWITHTIMEOUT", CALLER, &[Position, Position, Count]),
        ("EXITEMPTY", CALLER, &[Position, Position, Count]),
        ("RINGNOANSWER", SERVED, &[Count]),
        ("RINGCANCELED", SERVED, &[Count]),
    ]
};

/// A call between ENTERQUEUE and its end.
struct Call {
    queue: String,
    entered: i64,
    position: i64,
    /// Did the queues start anew since? Then its writer forgot what is told at its end.
    carried: bool,
    /// The agent who answered, when, and the time on hold as told then.
    connected: Option<(String, i64, i64)>,
}

/// What a report knows of a file so far.
#[derive(Default)]
pub(super) struct Reader {
    at: i64,
    calls: BTreeMap<String, Call>,
    members: BTreeSet<(String, String)>,
    paused: BTreeSet<(String, String)>,
    /// How often each event was read.
    pub(super) read: BTreeMap<String, u32>,
}

impl Reader {
    /// Reads one line, without its end.
    pub(super) fn line(&mut self, line: &str) -> Result<(), String> {
        let fields: Vec<&str> = line.split('|').collect();
        let [time, call, queue, agent, event, parameters @ ..] = &fields[..] else {
            return Err("fewer than five fields".into());
        };
        let at: i64 = time.parse().map_err(|_| format!("{time:?} is no time"))?;
        if at < self.at {
            return Err(format!("{at} after {}", self.at));
        }
        self.at = at;
        let known = EVENTS.iter().find(|(name, ..)| name == event);
        let (_, about, kinds) = known.ok_or_else(|| format!("no event {event:?}"))?;
        for (what, field, named) in [
            ("call", call, about.call),
            ("queue", queue, about.queue),
            ("agent", agent, about.agent),
        ] {
            if field.is_empty() || named != (*field != "NONE") {
                return Err(format!("{event}: {what} is {field:?}"));
            }
        }
        // The separator after an event without parameters stands for none.
        let parameters = if parameters == [""] && kinds.is_empty() { &[] } else { parameters };
        if parameters.len() != kinds.len() {
            return Err(format!("{event}: {} parameters", parameters.len()));
        }
        for (text, kind) in parameters.iter().zip(*kinds) {
            if !kind.takes(text) {
                return Err(format!("{event}: parameter {text:?}"));
            }
        }
        *self.read.entry((*event).to_owned()).or_default() += 1;
        self.happened(event, (call, queue, agent), parameters)
    }

    /// Calls that have not ended.
    pub(super) fn open(&self) -> usize {
        self.calls.len()
    }

    fn happened(
        &mut self,
        event: &str,
        (call, queue, agent): (&str, &str, &str),
        parameters: &[&str],
    ) -> Result<(), String> {
        let number = |n: usize| parameters[n].parse::<i64>().unwrap_or(-1);
        let member = (queue.to_owned(), agent.to_owned());
        match event {
            "QUEUESTART" => {
                (self.members, self.paused) = Default::default();
                self.calls.values_mut().for_each(|call| call.carried = true);
            }
            "CONFIGRELOAD" => {}
            "ADDMEMBER" => ensure(self.members.insert(member), "a member already")?,
            "REMOVEMEMBER" => {
                ensure(self.members.remove(&member), "no member")?;
                self.paused.remove(&member);
            }
            "PAUSE" => {
                ensure(self.members.contains(&member), "no member")?;
                self.paused.insert(member);
            }
            "UNPAUSE" => ensure(self.paused.remove(&member), "not paused")?,
            "ENTERQUEUE" => {
                let (queue, position) = (queue.to_owned(), number(2));
                let entered =
                    Call { queue, entered: self.at, position, carried: false, connected: None };
                let before = self.calls.insert(call.to_owned(), entered);
                ensure(before.is_none(), "entered already")?;
            }
            "CONNECT" => {
                let at = self.at;
                let known = self.of(call, queue)?;
                ensure(known.connected.is_none(), "connected already")?;
                ensure(near(number(0), at - known.entered), "another time on hold")?;
                ensure(number(2) <= number(0) + 1, "rang longer than on hold")?;
                known.connected = Some((agent.to_owned(), at, number(0)));
            }
            "RINGNOANSWER" | "RINGCANCELED" => {
                let known = self.of(call, queue)?;
                ensure(known.connected.is_none(), "rings while connected")?;
            }
            "COMPLETEAGENT" | "COMPLETECALLER" => {
                self.completed(call, queue, agent, [number(0), number(1), number(2)])?
            }
            "BLINDTRANSFER" | "ATTENDEDTRANSFER" => {
                self.completed(call, queue, agent, [number(2), number(3), number(4)])?
            }
            _ => {
                let last = parameters.len() - 1;
                let at = self.at;
                let known = self.of(call, queue)?;
                ensure(known.connected.is_none(), "leaves the queue while connected")?;
                let (original, wait) = (number(last - 1), number(last));
                let same = known.carried || original == known.position;
                ensure(same, "another position at entry")?;
                let same = known.carried || near(wait, at - known.entered);
                ensure(same, "another time on hold")?;
                self.calls.remove(call);
            }
        }
        Ok(())
    }

    fn of(&mut self, call: &str, queue: &str) -> Result<&mut Call, String> {
        let known = self.calls.get_mut(call).ok_or("a call that did not enter")?;
        ensure(known.queue == queue, "another queue")?;
        Ok(known)
    }

    fn completed(
        &mut self,
        call: &str,
        queue: &str,
        agent: &str,
        [hold, talk, position]: [i64; 3],
    ) -> Result<(), String> {
        let at = self.at;
        let known = self.of(call, queue)?;
        let (by, connected, held) = known.connected.clone().ok_or("not connected")?;
        ensure(by == agent, "another agent")?;
        ensure(known.carried || hold == held, "another time on hold than at CONNECT")?;
        ensure(near(talk, at - connected), "another length")?;
        ensure(known.carried || position == known.position, "another position at entry")?;
        self.calls.remove(call);
        Ok(())
    }
}

impl Kind {
    fn takes(self, text: &str) -> bool {
        match self {
            Kind::Text => true,
            Kind::Word => !text.is_empty(),
            Kind::Count => text.parse::<u32>().is_ok(),
            Kind::Position => text.parse::<u32>().is_ok_and(|position| position > 0),
            Kind::Key => matches!(text.as_bytes(), [b'0'..=b'9' | b'*' | b'#']),
        }
    }
}

fn ensure(holds: bool, wrong: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(wrong.to_owned()) }
}

/// Both ends of a span are cut to seconds.
fn near(told: i64, seen: i64) -> bool {
    (told - seen).abs() <= 1
}

/// The reader refuses what a report could not read.
#[test]
fn a_wrong_line_is_refused() {
    const GOOD: &[&str] = &[
        "10|NONE|NONE|NONE|QUEUESTART|",
        "10|NONE|sales|ann|ADDMEMBER|",
        "11|c1|sales|NONE|ENTERQUEUE||…23|2",
        "12|c1|sales|ann|RINGNOANSWER|900",
        "15|c1|sales|ann|CONNECT|4|c1-ann|1",
        "25|c1|sales|ann|COMPLETEAGENT|4|10|2",
    ];
    let read = |lines: &[&str]| {
        let mut reader = Reader::default();
        lines.iter().try_for_each(|line| reader.line(line))
    };
    assert_eq!(read(GOOD), Ok(()));
    let wrong = [
        (0, "10|NONE|NONE|NONE|QUEUESTARTED|"),
        (1, "9|NONE|sales|ann|ADDMEMBER|"),
        (1, "10|NONE|sales|NONE|ADDMEMBER|"),
        (2, "11|c1|sales|NONE|ENTERQUEUE||…23"),
        (2, "11|c1|sales|NONE|ENTERQUEUE||…23|0"),
        (3, "12|c2|sales|ann|RINGNOANSWER|900"),
        (3, "12|c1|sales|ann|RINGNOANSWER|0.9"),
        (4, "15|c1|support|ann|CONNECT|4|c1-ann|1"),
        (4, "15|c1|sales|ann|CONNECT|9|c1-ann|1"),
        (4, "15|c1|sales|ann|CONNECT|4||1"),
        (5, "25|c1|sales|bob|COMPLETEAGENT|4|10|2"),
        (5, "25|c1|sales|ann|COMPLETEAGENT|4|20|2"),
        (5, "25|c1|sales|ann|COMPLETEAGENT|4|10|1"),
        (5, "25|c1|sales|NONE|ABANDON|2|2|14"),
        (5, "25|c1|sales|NONE|ENTERQUEUE|||1"),
        (5, "25|c1|sales|NONE|EXITWITHKEY|x|1|2|14"),
    ];
    for (at, line) in wrong {
        let mut lines = GOOD.to_vec();
        lines[at] = line;
        assert!(read(&lines).is_err(), "{line}");
    }
}

/// The reader reads what Asterisk 22.10.1 itself wrote (`asterisk.log`, an hour of its `app_queue`
/// with every event of a call that the format has for a queue): what it asks of ours holds there.
/// What it says of members is left out: those of a configuration file were never added for it.
#[test]
fn what_asterisk_writes_of_calls_is_read() {
    let mut reader = Reader::default();
    let mut wrong = Vec::new();
    let calls = |event: &str| EVENTS.iter().any(|(name, of, _)| *name == event && of.call);
    for (n, line) in include_str!("asterisk.log").lines().enumerate() {
        let event = line.split('|').nth(4).expect("an event");
        if reader.line(line).is_err() && calls(event) {
            wrong.push(n + 1);
        }
    }
    // A caller whose number has a separator in it, and their call; one who hung up while the agent
    // who had answered listened to an announcement, which we have not.
    assert_eq!(wrong, [114, 115, 116, 125]);
    for (event, of, _) in EVENTS {
        let read = reader.read.get(*event).is_some_and(|read| *read > 0);
        assert!(read || !of.call, "no {event}");
    }
}
