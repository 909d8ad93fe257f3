//! One line of the file, and how it is written.
//!
//! It must not know what led to it.

use std::fmt::{self, Write as _};

use crate::ident::{AgentId, InteractionId, QueueId};
use crate::time::{Duration, Timestamp};

/// A line; without its end when it is written. What is missing of call, queue and agent is `NONE`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// When; written as whole seconds since 1970.
    pub at: Timestamp,
    /// Whose.
    pub call: Option<InteractionId>,
    /// In which queue.
    pub queue: Option<QueueId>,
    /// Which agent.
    pub agent: Option<AgentId>,
    /// What happened.
    pub event: Event,
}

/// What happened, by the names of the format; `original` is the position at ENTERQUEUE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The queues run.
    QueueStart,
    /// The configuration was read again.
    ConfigReload,
    /// The agent serves the queue from now on.
    AddMember,
    /// And no more.
    RemoveMember,
    /// The agent is Not ready, for this reason.
    Pause(&'static str),
    /// And is again.
    Unpause,
    /// Somebody came on the line.
    EnterQueue {
        /// How: empty, `callback`, `call-in`.
        url: &'static str,
        /// Their number, whole or redacted; may be empty.
        caller: String,
        /// Their place, 1 is next; where Asterisk writes it too.
        position: u32,
    },
    /// The agent answered.
    Connect {
        /// On hold before.
        hold: Duration,
        /// A name for the agent's leg.
        leg: String,
        /// How long the agent's phone rang.
        ring: Duration,
    },
    /// The agent ended the conversation.
    CompleteAgent {
        /// On hold before.
        hold: Duration,
        /// In conversation.
        talk: Duration,
        /// Where they began.
        original: u32,
    },
    /// The person served ended the conversation.
    CompleteCaller {
        /// On hold before.
        hold: Duration,
        /// In conversation.
        talk: Duration,
        /// Where they began.
        original: u32,
    },
    /// The agent sent them to another queue.
    BlindTransfer {
        /// Which, written as the extension; the context is `queue`.
        to: QueueId,
        /// On hold before.
        hold: Duration,
        /// In conversation.
        talk: Duration,
        /// Where they began.
        original: u32,
    },
    /// The agent joined them with another agent. Written as a merge of bridges, of which the id is
    /// that of the call.
    AttendedTransfer {
        /// On hold before.
        hold: Duration,
        /// In conversation.
        talk: Duration,
        /// Where they began.
        original: u32,
    },
    /// They hung up before anybody served them.
    Abandon {
        /// Where they were.
        position: u32,
        /// Where they began.
        original: u32,
        /// On hold.
        wait: Duration,
    },
    /// They chose to leave the queue.
    ExitWithKey {
        /// Which key.
        key: char,
        /// Where they were.
        position: u32,
        /// Where they began.
        original: u32,
        /// On hold.
        wait: Duration,
    },
    /// They were led out of the queue.
    ExitWithTimeout {
        /// Where they were.
        position: u32,
        /// Where they began.
        original: u32,
        /// On hold.
        wait: Duration,
    },
    /// They left since nobody was logged in who could serve them.
    ExitEmpty {
        /// Where they were.
        position: u32,
        /// Where they began.
        original: u32,
        /// On hold.
        wait: Duration,
    },
    /// The agent's phone rang so long and nobody took the call.
    RingNoAnswer(Duration),
    /// The agent's phone rang so long, then the caller was gone.
    RingCanceled(Duration),
}

impl Line {
    /// A line that is about no call.
    pub(super) fn of_agent(
        at: Timestamp,
        queue: Option<&QueueId>,
        agent: Option<&AgentId>,
        event: Event,
    ) -> Self {
        Self { at, call: None, queue: queue.cloned(), agent: agent.cloned(), event }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|", self.at.as_ms().div_euclid(1000))?;
        match self.call {
            Some(call) => write!(f, "{call}|")?,
            None => f.write_str("NONE|")?,
        }
        field(f, self.queue.as_ref().map_or("NONE", QueueId::as_str))?;
        f.write_char('|')?;
        field(f, self.agent.as_ref().map_or("NONE", AgentId::as_str))?;
        write!(f, "|{}|", self.event.name())?;
        if let (Event::AttendedTransfer { .. }, Some(call)) = (&self.event, self.call) {
            write!(f, "BRIDGE|{call}|")?;
        }
        self.event.parameters(f)
    }
}

/// A text that cannot be taken for two fields or two lines.
fn field(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|c| f.write_char(if c == '|' || c.is_control() { '_' } else { c }))
}

impl Event {
    /// Its name in the format.
    pub fn name(&self) -> &'static str {
        match self {
            Event::QueueStart => "QUEUESTART",
            Event::ConfigReload => "CONFIGRELOAD",
            Event::AddMember => "ADDMEMBER",
            Event::RemoveMember => "REMOVEMEMBER",
            Event::Pause(_) => "PAUSE",
            Event::Unpause => "UNPAUSE",
            Event::EnterQueue { .. } => "ENTERQUEUE",
            Event::Connect { .. } => "CONNECT",
            Event::CompleteAgent { .. } => "COMPLETEAGENT",
            Event::CompleteCaller { .. } => "COMPLETECALLER",
            Event::BlindTransfer { .. } => "BLINDTRANSFER",
            Event::AttendedTransfer { .. } => "ATTENDEDTRANSFER",
            Event::Abandon { .. } => "ABANDON",
            Event::ExitWithKey { .. } => "EXITWITHKEY",
            Event::ExitWithTimeout { .. } => "EXITWITHTIMEOUT",
            Event::ExitEmpty { .. } => "EXITEMPTY",
            Event::RingNoAnswer(_) => "RINGNOANSWER",
            Event::RingCanceled(_) => "RINGCANCELED",
        }
    }

    fn parameters(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::QueueStart
            | Event::ConfigReload
            | Event::AddMember
            | Event::RemoveMember
            | Event::Unpause => Ok(()),
            Event::Pause(reason) => f.write_str(reason),
            Event::EnterQueue { url, caller, position } => {
                write!(f, "{url}|")?;
                field(f, caller)?;
                write!(f, "|{position}")
            }
            Event::Connect { hold, leg, ring } => {
                write!(f, "{}|", hold.as_secs())?;
                field(f, leg)?;
                write!(f, "|{}", ring.as_secs())
            }
            Event::CompleteAgent { hold, talk, original }
            | Event::CompleteCaller { hold, talk, original }
            | Event::AttendedTransfer { hold, talk, original } => {
                write!(f, "{}|{}|{original}", hold.as_secs(), talk.as_secs())
            }
            Event::BlindTransfer { to, hold, talk, original } => {
                field(f, to.as_str())?;
                write!(f, "|queue|{}|{}|{original}", hold.as_secs(), talk.as_secs())
            }
            Event::Abandon { position, original, wait }
            | Event::ExitWithTimeout { position, original, wait }
            | Event::ExitEmpty { position, original, wait } => {
                write!(f, "{position}|{original}|{}", wait.as_secs())
            }
            Event::ExitWithKey { key, position, original, wait } => {
                write!(f, "{key}|{position}|{original}|{}", wait.as_secs())
            }
            Event::RingNoAnswer(ring) | Event::RingCanceled(ring) => {
                write!(f, "{}", ring.as_millis())
            }
        }
    }
}
