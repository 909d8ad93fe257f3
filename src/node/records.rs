//! What is kept of calls beside what the queue decides on: the lines of `queue_log`, which wait
//! here for the commit of their step, and the legs that ended, which go to the store with the next
//! step.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use super::event_loop::EventLoop;
use crate::calls::event::Caller;
use crate::config::RecordsConfig;
use crate::ident::{InteractionId, LegId};
use crate::observe::log_file::LogFile;
use crate::observe::queue_log::{Line, QueueLog, Settings};
use crate::queue::{self, Changed};
use crate::sip;
use crate::store::{Direction, LegEnd, LegRecord, Party};
use crate::time::{Duration, Timestamp};

/// How long a leg that ended may wait for others, or for a step that is committed anyway: nobody is
/// promised its record, and a commit for each call alone is dear.
const LEGS_WAIT: Duration = Duration::from_secs(1);
/// Legs that wait at most.
const LEGS_MAX: usize = 256;
/// Groups of lines that may wait for the disk; past it they are lost and counted.
const GROUPS_MAX: usize = 1_024;

/// What is kept. One group of lines waits for each step that is not committed, so that the bound
/// of those holds here too; legs wait for a step to go with, at most [`LEGS_WAIT`].
pub(super) struct Records {
    log: Option<(QueueLog, Writer)>,
    waiting: VecDeque<(u64, Vec<Line>)>,
    legs: Vec<LegRecord>,
    /// When the first of them ended.
    legs_since: Option<Timestamp>,
}

/// The way to the thread that writes.
struct Writer {
    groups: mpsc::SyncSender<Vec<String>>,
    /// Lines that did not fit, not yet told to the thread.
    overflow: Arc<AtomicU64>,
    thread: thread::JoinHandle<()>,
}

impl Records {
    /// Begins with the rows of a start.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn start(
        config: &RecordsConfig,
        data: &Path,
        settings: &queue::Settings,
        now: Timestamp,
        rows: &Changed,
    ) -> io::Result<Self> {
        let mut records =
            Self { log: None, waiting: VecDeque::new(), legs: Vec::new(), legs_since: None };
        if let Some(path) = &config.queue_log {
            let writer = Writer::start(LogFile::new(data.join(path)))?;
            let (log, lines) = QueueLog::start(Settings::of(settings, config.numbers), now, rows);
            writer.write(lines);
            records.log = Some((log, writer));
        }
        Ok(records)
    }

    /// What a step did; written once it is committed.
    pub(super) fn stepped(&mut self, number: u64, now: Timestamp, changed: &Changed) {
        if let Some((log, _)) = &mut self.log {
            let lines = log.step(now, changed);
            if !lines.is_empty() {
                self.waiting.push_back((number, lines));
            }
        }
    }

    /// All steps up to and with this one are committed.
    pub(super) fn committed(&mut self, through: u64) {
        while let Some((_, lines)) = self.waiting.pop_front_if(|(step, _)| *step <= through) {
            if let Some((_, writer)) = &self.log {
                writer.write(lines);
            }
        }
    }

    /// Other settings; what they lead to is written with the last step before.
    pub(super) fn reload(
        &mut self,
        step: u64,
        now: Timestamp,
        settings: &queue::Settings,
        numbers: bool,
    ) {
        if let Some((log, _)) = &mut self.log {
            let lines = log.reload(now, Settings::of(settings, numbers));
            self.waiting.push_back((step, lines));
        }
    }

    /// A leg ended.
    fn push_leg(&mut self, now: Timestamp, leg: LegRecord) {
        self.legs_since.get_or_insert(now);
        self.legs.push(leg);
    }

    /// When the legs that ended have waited long enough, by the steady clock.
    pub(super) fn legs_due(&self) -> Option<Timestamp> {
        let since = self.legs_since?;
        Some(if self.legs.len() < LEGS_MAX { since + LEGS_WAIT } else { since })
    }

    /// The legs that ended since the last call.
    pub(super) fn take_legs(&mut self) -> Vec<LegRecord> {
        self.legs_since = None;
        std::mem::take(&mut self.legs)
    }

    /// Ends the thread; what was handed over is written first. Blocks.
    ///
    /// # Errors
    /// The thread panicked.
    pub(super) fn finish(self) -> thread::Result<()> {
        self.log.map_or(Ok(()), |(_, writer)| writer.finish())
    }
}

impl Writer {
    fn start(mut file: LogFile) -> io::Result<Self> {
        let (groups, work) = mpsc::sync_channel::<Vec<String>>(GROUPS_MAX);
        let overflow = Arc::new(AtomicU64::new(0));
        let lost = Arc::clone(&overflow);
        let thread = thread::Builder::new().name("queue-log".into()).spawn(move || {
            while let Ok(lines) = work.recv() {
                file.lose(lost.swap(0, Ordering::Relaxed));
                file.write(&lines);
            }
        })?;
        Ok(Self { groups, overflow, thread })
    }

    fn write(&self, lines: Vec<Line>) {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        if let Err(mpsc::TrySendError::Full(lost) | mpsc::TrySendError::Disconnected(lost)) =
            self.groups.try_send(lines)
        {
            let lost = u64::try_from(lost.len()).unwrap_or(u64::MAX);
            self.overflow.fetch_add(lost, Ordering::Relaxed);
        }
    }

    fn finish(self) -> thread::Result<()> {
        drop(self.groups);
        self.thread.join()
    }
}

/// What is known of a leg from its beginning.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    direction: Direction,
    party: Party,
    interaction: Option<InteractionId>,
    at: Timestamp,
    answered_at: Option<Timestamp>,
}

impl Begun {
    /// Somebody calls.
    pub(super) fn incoming(at: Timestamp, from: &Caller) -> Self {
        let party = match from {
            Caller::Agent(agent) => Party::Agent(agent.clone()),
            Caller::Trunk(_) | Caller::Device => Party::Caller,
        };
        Self { direction: Direction::In, party, interaction: None, at, answered_at: None }
    }

    /// We call.
    pub(super) fn outgoing(at: Timestamp, party: Party, interaction: InteractionId) -> Self {
        let interaction = Some(interaction);
        Self { direction: Direction::Out, party, interaction, at, answered_at: None }
    }

    /// What it is for, known later.
    pub(super) fn is_for(&mut self, interaction: InteractionId) {
        self.interaction = Some(interaction);
    }

    /// Is it an agent's?
    pub(super) fn is_agents(&self) -> bool {
        matches!(self.party, Party::Agent(_))
    }

    /// It was answered.
    pub(super) fn answered(&mut self, at: Timestamp) {
        self.answered_at.get_or_insert(at);
    }
}

impl EventLoop {
    /// The caller of a call is known by this id from now on: in its queue, or as a callback.
    pub(super) fn caller_known_by(&mut self, call: InteractionId, interaction: InteractionId) {
        let leg = self.calls.consumer_leg(call).and_then(|leg| self.legs.get_mut(&leg));
        if let Some(begun) = leg.and_then(|leg| leg.begun.as_mut()) {
            begun.is_for(interaction);
        }
    }

    /// The call record of a leg that ended.
    pub(super) fn record_leg(
        &mut self,
        leg: LegId,
        begun: Begun,
        by: sip::EndedBy,
        status: Option<u16>,
    ) {
        let ended_by = match by {
            sip::EndedBy::Peer => LegEnd::Peer,
            sip::EndedBy::Us => LegEnd::Us,
            sip::EndedBy::Lost => LegEnd::Lost,
        };
        let ended_at = self.clock.wall();
        let interaction = begun.interaction.or_else(|| self.calls.interaction_of(leg));
        let now = self.clock.steady();
        let record = LegRecord {
            leg,
            interaction,
            direction: begun.direction,
            party: begun.party,
            started_at: begun.at,
            answered_at: begun.answered_at,
            ended_at,
            ended_by,
            status,
        };
        self.records.push_leg(now, record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::NodeId;
    use crate::queue::{Event, Queue};

    fn settings() -> queue::Settings {
        queue::Settings {
            queues: [(crate::ident::QueueId::new("sales"), Default::default())].into(),
            agents: [(crate::ident::AgentId::new("ann"), Default::default())].into(),
            ..Default::default()
        }
    }

    #[test]
    fn a_line_is_written_when_its_step_is_committed_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let config = RecordsConfig { queue_log: Some("log".into()), numbers: false };
        let now = Timestamp::from_ms(5_000);
        let mut queue = Queue::new(settings(), NodeId::new("one"));
        let rows = queue.rows();
        let mut records = Records::start(&config, folder.path(), &settings(), now, &rows).unwrap();
        let agent = crate::ident::AgentId::new("ann");
        queue.handle(now, Event::AgentLoggedIn { agent: agent.clone(), ready: true });
        records.stepped(1, now, &queue.take_changed());
        queue.handle(now, Event::AgentLoggedOut { agent });
        records.stepped(2, now, &queue.take_changed());
        records.reload(3, now, &settings(), false);
        records.committed(1);
        records.finish().unwrap();
        let read = || std::fs::read_to_string(folder.path().join("log")).unwrap();
        let (started, added) = ("5|NONE|NONE|NONE|QUEUESTART|\n", "5|NONE|sales|ann|ADDMEMBER|\n");
        assert_eq!(read(), format!("{started}{added}"), "the second step is not on disk");
    }

    #[test]
    fn legs_wait_for_each_other_for_a_second_and_are_bounded() {
        let config = RecordsConfig { queue_log: None, numbers: false };
        let folder = tempfile::tempdir().unwrap();
        let (now, rows) = (Timestamp::from_ms(5_000), Changed::default());
        let mut records = Records::start(&config, folder.path(), &settings(), now, &rows).unwrap();
        let leg = |n| LegRecord {
            leg: LegId(n),
            interaction: None,
            direction: Direction::In,
            party: Party::Caller,
            started_at: now,
            answered_at: None,
            ended_at: now,
            ended_by: LegEnd::Peer,
            status: None,
        };
        assert_eq!(records.legs_due(), None);
        records.push_leg(now, leg(1));
        records.push_leg(Timestamp::from_ms(5_900), leg(2));
        assert_eq!(records.legs_due(), Some(Timestamp::from_ms(6_000)));
        assert_eq!(records.take_legs(), [leg(1), leg(2)]);
        assert_eq!(records.legs_due(), None);
        (0..LEGS_MAX as u64).for_each(|n| records.push_leg(now, leg(n)));
        assert_eq!(records.legs_due(), Some(now), "no more are kept back");
    }

    #[test]
    fn without_a_path_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let config = RecordsConfig { queue_log: None, numbers: false };
        let (now, rows) = (Timestamp::from_ms(5), Changed::default());
        let records = Records::start(&config, folder.path(), &settings(), now, &rows).unwrap();
        records.finish().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
