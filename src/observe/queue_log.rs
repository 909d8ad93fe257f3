//! The queue's trail in the format of Asterisk's `queue_log`, which reporting tools read.
//!
//! Format: <https://docs.asterisk.org/Operation/Logging/Queue-Logs/>. A line is
//! `epoch|callid|queue|agent|EVENT|parameters`; times are whole seconds but for those of rings,
//! which are milliseconds. The call id is the id of the interaction.
//!
//! An entry of the file is one person on the line, from ENTERQUEUE to its end:
//!
//! ```text
//! ENTERQUEUE ── alert came to nothing: RINGNOANSWER, RINGCANCELED ──┐
//!      ├──────────────────────────────────────────────────────────◀─┘
//!      ├── CONNECT ──▶ COMPLETEAGENT | COMPLETECALLER | BLINDTRANSFER (and ENTERQUEUE elsewhere)
//!      │         └─▶ ATTENDEDTRANSFER (and ENTERQUEUE, CONNECT with whom they were handed over to)
//!      └── EXITWITHKEY | EXITWITHTIMEOUT | ABANDON
//! ```
//!
//! | what happens | line |
//! |---|---|
//! | a caller takes a callback (offer 1, a later time 2, asked again 2) | EXITWITHKEY |
//! | the flow leads a caller out, by whichever key | EXITWITHKEY, key `*` |
//! | it does by its longest wait | EXITWITHTIMEOUT |
//! | we let somebody go: closing, purge, cancelled, the longest wait of all | EXITWITHTIMEOUT |
//! | it does as nobody is logged in who could serve them | EXITEMPTY |
//! | somebody hangs up, or is lost with their line, while nobody serves them | ABANDON |
//! | a line lost in conversation | COMPLETECALLER |
//!
//! So a callback enters when its consumer is on the line and ready, under the id of the caller who
//! asked for it, with `callback` in the field for a URL (`call-in` where the consumer called), and
//! its hold time is what was spent on hold: reports count no hours during which nobody held. The
//! wait before, and callbacks that never reached anybody, stand in the trail of the store. Whoever
//! was on the line when the process ended leaves after the next QUEUESTART, at the place and with
//! the times that the rows of the start tell.
//!
//! Pure: the rows of a step come in, lines go out. It must not change what it is told of, and it
//! writes no whole number unless it is set to.

#[cfg(test)]
mod day;
mod line;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use line::{Event, Line};

use crate::ident::{AgentId, InteractionId, QueueId};
use crate::queue::event::NotReadyReason;
use crate::queue::{
    self, Agent, AgentState, Changed, Interaction, Origin, Stage, Transition, interaction::Place,
};
use crate::time::Timestamp;

/// Whom the file names, and how.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// Are callers' numbers written whole? Otherwise as they print themselves: the last digits.
    pub numbers: bool,
    /// The queues that each agent serves.
    pub members: BTreeMap<AgentId, Vec<QueueId>>,
}

impl Settings {
    /// The members of these queues.
    pub fn of(queue: &queue::Settings, numbers: bool) -> Self {
        let all: Vec<QueueId> = queue.queues.keys().cloned().collect();
        let members = queue.agents.iter().map(|(agent, settings)| {
            let of_all = settings.queues.is_empty();
            (agent.clone(), if of_all { all.clone() } else { settings.queues.clone() })
        });
        Self { numbers, members: members.collect() }
    }
}

/// What the file was told so far, as far as later lines need it: one entry for each person on the
/// line, one standing for each agent.
#[derive(Clone, Debug)]
pub struct QueueLog {
    settings: Settings,
    entries: BTreeMap<InteractionId, Entry>,
    agents: BTreeMap<AgentId, Standing>,
}

/// A person on the line.
#[derive(Clone, Debug)]
struct Entry {
    queue: QueueId,
    entered: Timestamp,
    position: u32,
    alerted: Option<(AgentId, Timestamp)>,
    talks: Option<(AgentId, Timestamp)>,
}

/// An agent, as the file knows them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    Out,
    Here,
    Paused(NotReadyReason),
}

/// How a person leaves the line or their agent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Key(char),
    Timeout,
    Empty,
    Abandoned,
    ByAgent,
    ByCaller,
    Transferred,
    HandedOver,
}

impl QueueLog {
    /// Begins with the rows of a start; the lines tell that the queues run and who is there.
    pub fn start(settings: Settings, now: Timestamp, rows: &Changed) -> (Self, Vec<Line>) {
        let mut log = Self { settings, entries: BTreeMap::new(), agents: BTreeMap::new() };
        let mut lines = vec![Line::of_agent(now, None, None, Event::QueueStart)];
        for row in &rows.interactions {
            let entry = Entry::loaded(row, &rows.interactions);
            log.entries.extend(entry.map(|entry| (row.id, entry)));
        }
        log.agents_changed(now, &rows.agents, &mut lines);
        (log, lines)
    }

    /// What one committed step adds: what became of people, in the order of the trail, then of
    /// agents.
    pub fn step(&mut self, now: Timestamp, changed: &Changed) -> Vec<Line> {
        let mut lines = Vec::new();
        for taken in &changed.transitions {
            self.taken(taken, &changed.interactions, &mut lines);
        }
        self.agents_changed(now, &changed.agents, &mut lines);
        lines
    }

    /// Other settings: who serves another queue now is its member.
    pub fn reload(&mut self, now: Timestamp, settings: Settings) -> Vec<Line> {
        let mut lines = vec![Line::of_agent(now, None, None, Event::ConfigReload)];
        let old = std::mem::replace(&mut self.settings, settings);
        for (agent, standing) in &self.agents {
            let queues = |of: &Settings| of.members.get(agent).cloned().unwrap_or_default();
            let (before, after) = (queues(&old), queues(&self.settings));
            let mut tell = |queue: &QueueId, event| {
                lines.push(Line::of_agent(now, Some(queue), Some(agent), event));
            };
            if *standing == Standing::Out {
                continue;
            }
            for queue in before.iter().filter(|queue| !after.contains(queue)) {
                tell(queue, Event::RemoveMember);
            }
            for queue in after.iter().filter(|queue| !before.contains(queue)) {
                tell(queue, Event::AddMember);
                if let Standing::Paused(reason) = standing {
                    tell(queue, Event::Pause(reason_word(*reason)));
                }
            }
        }
        lines
    }

    fn taken(&mut self, taken: &Transition, rows: &[Interaction], lines: &mut Vec<Line>) {
        let id = taken.interaction;
        // Looked for only where it is needed: a step may close a hundred thousand callbacks.
        let row = || rows.iter().find(|row| row.id == id);
        match end_of(taken.row) {
            Some(end) => {
                if let Some(entry) = self.entries.remove(&id) {
                    let to = if end == End::Transferred { row() } else { None };
                    entry.end(taken, end, to, lines);
                }
            }
            None => {
                if let Some(entry) = self.entries.get_mut(&id) {
                    entry.moved(taken, lines);
                }
            }
        }
        // The agent they are handed over to talks at once: their part is an entry of its own.
        let handed_over = end_of(taken.row) == Some(End::HandedOver);
        let on_line = taken.stage.on_line() || handed_over;
        let enters = on_line && !self.entries.contains_key(&id);
        if let Some(row) = enters.then(row).flatten() {
            let mut entry = Entry::enters(taken, row, self.settings.numbers, lines);
            if handed_over {
                entry.moved(taken, lines);
            }
            self.entries.insert(id, entry);
        }
    }

    fn agents_changed(&mut self, now: Timestamp, agents: &[Agent], lines: &mut Vec<Line>) {
        for agent in agents {
            let stands = Standing::of(&agent.state);
            let stood = self.agents.insert(agent.id.clone(), stands).unwrap_or(Standing::Out);
            for queue in self.settings.members.get(&agent.id).into_iter().flatten() {
                let events = stands.since(stood);
                lines.extend(
                    events
                        .into_iter()
                        .flatten()
                        .map(|event| Line::of_agent(now, Some(queue), Some(&agent.id), event)),
                );
            }
        }
    }
}

impl Entry {
    /// One who was on the line when the process ended.
    fn loaded(row: &Interaction, all: &[Interaction]) -> Option<Self> {
        let talks = match &row.stage {
            Stage::Bridged(agent) => Some((agent.clone(), row.connected_at?)),
            Stage::Waiting | Stage::Alerting(_) => None,
            Stage::Scheduled
            | Stage::Virtual { .. }
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Lapsed
            | Stage::Done(_) => return None,
        };
        Some(Self {
            queue: row.queue.clone(),
            entered: row.last_contact.unwrap_or(row.created_at),
            position: place_among(&row.queue, row.place, all),
            alerted: None,
            talks,
        })
    }

    fn enters(taken: &Transition, row: &Interaction, numbers: bool, lines: &mut Vec<Line>) -> Self {
        let url = match row.origin {
            Origin::Live => "",
            Origin::Immediate | Origin::Scheduled if row.called_in => "call-in",
            Origin::Immediate | Origin::Scheduled => "callback",
            Origin::CallIn => "call-in",
        };
        let caller = row.address.as_ref().map_or(String::new(), |address| match numbers {
            true => address.expose().to_owned(),
            false => address.to_string(),
        });
        let position = taken.position.unwrap_or(1);
        let event = Event::EnterQueue { url, caller, position };
        let (call, queue) = (taken.interaction, row.queue.clone());
        lines.push(Line { at: taken.at, call: Some(call), queue: Some(queue), agent: None, event });
        let queue = row.queue.clone();
        Self { queue, entered: taken.at, position, alerted: None, talks: None }
    }

    /// Still with us: rings, does not ring any more, talks.
    fn moved(&mut self, taken: &Transition, lines: &mut Vec<Line>) {
        let at = taken.at;
        match &taken.stage {
            Stage::Alerting(agent) => {
                if self.alerted.is_none() {
                    self.alerted = Some((agent.clone(), at));
                }
            }
            Stage::Waiting => {
                if let Some((agent, since)) = self.alerted.take() {
                    let event = Event::RingNoAnswer(at.since(since));
                    lines.push(self.line(taken, Some(agent), event));
                }
            }
            Stage::Bridged(agent) => {
                let since = self.alerted.take().map_or(at, |(_, since)| since);
                self.talks = Some((agent.clone(), at));
                let event = Event::Connect {
                    hold: at.since(self.entered),
                    leg: format!("{}-{agent}", taken.interaction),
                    ring: at.since(since),
                };
                lines.push(self.line(taken, Some(agent.clone()), event));
            }
            Stage::Scheduled
            | Stage::Virtual { .. }
            | Stage::Dialing
            | Stage::Confirming
            | Stage::Pushed
            | Stage::AwaitingCallIn
            | Stage::Lapsed
            | Stage::Done(_) => {}
        }
    }

    fn end(
        mut self,
        taken: &Transition,
        end: End,
        row: Option<&Interaction>,
        lines: &mut Vec<Line>,
    ) {
        if let Some((agent, since)) = self.alerted.take() {
            let event = Event::RingCanceled(taken.at.since(since));
            lines.push(self.line(taken, Some(agent), event));
        }
        let (agent, connected) = match self.talks.take() {
            Some((agent, at)) => (Some(agent), at),
            None => (None, taken.at),
        };
        let (hold, talk) = (connected.since(self.entered), taken.at.since(connected));
        let (original, wait) = (self.position, hold);
        let position = taken.position.unwrap_or(original);
        let event = match end {
            End::Key(key) => Event::ExitWithKey { key, position, original, wait },
            End::Timeout => Event::ExitWithTimeout { position, original, wait },
            End::Empty => Event::ExitEmpty { position, original, wait },
            End::Abandoned => Event::Abandon { position, original, wait },
            End::ByAgent => Event::CompleteAgent { hold, talk, original },
            End::ByCaller => Event::CompleteCaller { hold, talk, original },
            End::Transferred => {
                let to = row.map_or_else(|| self.queue.clone(), |row| row.queue.clone());
                Event::BlindTransfer { to, hold, talk, original }
            }
            End::HandedOver => Event::AttendedTransfer { hold, talk, original },
        };
        lines.push(self.line(taken, agent, event));
    }

    fn line(&self, taken: &Transition, agent: Option<AgentId>, event: Event) -> Line {
        let (at, call, queue) = (taken.at, Some(taken.interaction), Some(self.queue.clone()));
        Line { at, call, queue, agent, event }
    }
}

impl Standing {
    fn of(state: &AgentState) -> Self {
        match state {
            AgentState::LoggedOut => Standing::Out,
            AgentState::NotReady(reason) => Standing::Paused(*reason),
            AgentState::Ready
            | AgentState::Alerting(_)
            | AgentState::Talking(_)
            | AgentState::AfterCallWork => Standing::Here,
        }
    }

    /// What led here, in each queue of the agent. Whoever leaves is not paused any more by that.
    fn since(self, before: Standing) -> [Option<Event>; 2] {
        match (before, self) {
            (Standing::Out, Standing::Out) | (Standing::Here, Standing::Here) => [None, None],
            (Standing::Out, Standing::Here) => [Some(Event::AddMember), None],
            (Standing::Out, Standing::Paused(reason)) => {
                [Some(Event::AddMember), Some(Event::Pause(reason_word(reason)))]
            }
            (Standing::Paused(old), Standing::Paused(new)) if old == new => [None, None],
            (Standing::Here | Standing::Paused(_), Standing::Paused(reason)) => {
                [Some(Event::Pause(reason_word(reason))), None]
            }
            (Standing::Paused(_), Standing::Here) => [Some(Event::Unpause), None],
            (Standing::Here | Standing::Paused(_), Standing::Out) => {
                [Some(Event::RemoveMember), None]
            }
        }
    }
}

/// What a row ends, by its name in [`ROWS`](crate::queue::interaction::ROWS); `None`: nothing.
fn end_of(row: &str) -> Option<End> {
    match row {
        "waiting-confirmed-virtual" | "alerting-confirmed-virtual" => Some(End::Key('1')),
        "waiting-confirmed-scheduled"
        | "alerting-confirmed-scheduled"
        | "waiting-callback-virtual" => Some(End::Key('2')),
        "waiting-left-done" | "alerting-left-done" => Some(End::Key('*')),
        "waiting-deserted-done" => Some(End::Empty),
        "waiting-cancelled-done"
        | "alerting-cancelled-done"
        | "waiting-overdue-dropped"
        | "waiting-closed-done"
        | "waiting-purged-done"
        | "waiting-waited-done"
        | "alerting-waited-done" => Some(End::Timeout),
        "waiting-hungup-abandoned"
        | "waiting-hungup-virtual"
        | "waiting-hungup-awaiting"
        | "waiting-lost-abandoned"
        | "waiting-lost-virtual"
        | "waiting-lost-awaiting"
        | "alerting-hungup-abandoned"
        | "alerting-hungup-virtual"
        | "alerting-hungup-awaiting"
        | "alerting-lost-abandoned"
        | "alerting-lost-virtual"
        | "alerting-lost-awaiting" => Some(End::Abandoned),
        "bridged-hungup-served" | "bridged-lost-dropped" => Some(End::ByCaller),
        "bridged-ended-served" => Some(End::ByAgent),
        "bridged-transferred-waiting" => Some(End::Transferred),
        "bridged-handedover-bridged" => Some(End::HandedOver),
        _ => None,
    }
}

fn reason_word(reason: NotReadyReason) -> &'static str {
    match reason {
        NotReadyReason::Login => "login",
        NotReadyReason::Asked => "asked",
        NotReadyReason::Missed => "missed",
        NotReadyReason::Busy => "busy",
        NotReadyReason::Unreachable => "unreachable",
        NotReadyReason::Outbound => "outbound",
    }
}

/// The position of a place in its queue, from the rows alone.
fn place_among(queue: &QueueId, place: Place, all: &[Interaction]) -> u32 {
    let ahead = all.iter().filter(|row| row.queue == *queue && row.placed() && row.place < place);
    u32::try_from(ahead.count()).unwrap_or(u32::MAX).saturating_add(1)
}
