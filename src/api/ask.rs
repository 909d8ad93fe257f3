//! What the routes ask of the event loop, each with the way back for its answer.
//!
//! The way there is bounded, the way back has a deadline. An answer that comes too late finds
//! nobody: what it would have told stands all the same, and the creation that is repeated with the
//! same Idempotency-Key is told it.

use tokio::sync::{mpsc, oneshot};

use super::error::Problem;
use crate::ident::{CallInId, GroupId, InteractionId, QueueId, Secret, UserData};
use crate::phone::{AccessCode, Address, Dnis};
use crate::queue::effect::{CallInRefusal, Refusal};
use crate::queue::event::When;
use crate::queue::explain::Explanation;
use crate::queue::skill::SkillExpression;
use crate::queue::slots::Availability;
use crate::time::{Duration, Timestamp};

/// How long the event loop and the store have to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The longest time whose slots are told at once.
pub const BETWEEN_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A question, with where its answer goes.
#[derive(Debug)]
pub enum Ask {
    /// Make a callback.
    Create(Box<NewCallback>, Answer<Result<Created, NotCreated>>),
    /// Make a Call-In request.
    CallIn(NewCallIn, Answer<Result<CallIn, NotGranted>>),
    /// Cancel a callback.
    Cancel(InteractionId, Answer<Cancelled>),
    /// How is it? `None`: it is not open.
    Show(InteractionId, Answer<Option<Callback>>),
    /// Why is it where it is? `None`: it is not open.
    Explain(InteractionId, Answer<Option<Box<Explanation>>>),
    /// Which slots have room?
    Availability {
        /// The queue.
        queue: QueueId,
        /// They begin then or later; `None`: now.
        from: Option<Timestamp>,
        /// They begin before; `None`: a day after it.
        to: Option<Timestamp>,
        /// Where the answer goes.
        answer: Answer<Result<Vec<Availability>, NoSlots>>,
    },
}

/// Where an answer goes.
pub type Answer<T> = oneshot::Sender<T>;

/// A callback to be made.
#[derive(Debug)]
pub struct NewCallback {
    /// Its id, if it was derived; else one is drawn.
    pub interaction: Option<InteractionId>,
    /// Is there a record of that id? Then it is not made again.
    pub is_recorded: bool,
    /// The queue.
    pub queue: QueueId,
    /// What it needs; `None`: the queue's default.
    pub skills: Option<SkillExpression>,
    /// Higher goes first.
    pub priority: i16,
    /// Where to call, as it was written: the queue's default country reads it.
    pub number: Option<Dnis>,
    /// When.
    pub when: When,
    /// Is the webhook told how it fares?
    pub notify: bool,
    /// What is attached.
    pub data: Option<UserData>,
}

/// A Call-In request to be made.
#[derive(Debug)]
pub struct NewCallIn {
    /// The numbers it may be given.
    pub group: GroupId,
    /// The number that will call.
    pub from: Option<Address>,
    /// The callback it is for.
    pub callback: Option<InteractionId>,
    /// The token by which it is accepted; `None`: whoever asks has the key.
    pub token: Option<Secret>,
    /// What is attached.
    pub data: Option<UserData>,
}

/// An open callback.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Callback {
    /// Which.
    pub id: InteractionId,
    /// Its queue.
    pub queue: QueueId,
    /// As `store::outside` names it.
    pub state: &'static str,
    /// When it is due, if not at once.
    pub due_at: Option<Timestamp>,
    /// Attempts that counted.
    pub attempts_used: u32,
    /// What was attached.
    pub data: Option<UserData>,
}

/// A callback is committed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Created {
    /// Which.
    pub callback: Callback,
    /// Was it there already, by another request for the same number?
    pub is_duplicate: bool,
}

/// Why no callback was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotCreated {
    /// The queue refused.
    Refused {
        /// Why.
        why: Refusal,
        /// When to ask again, if that is known.
        retry_after: Option<Duration>,
    },
    /// The Idempotency-Key belongs to another request.
    OtherRequest,
    /// It was made once, and is over.
    Over,
    /// What was written for a number is none.
    NotANumber,
    /// Nobody could be told: no webhook is configured.
    NoWebhook,
    /// No promise can be made now.
    Unavailable,
}

/// Why no slots are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoSlots {
    /// No such queue, or it makes no appointments.
    NoAppointments,
    /// The end is not after the beginning, or more than [`BETWEEN_MAX`] after it.
    NotBetween,
}

/// A Call-In request is committed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallIn {
    /// Which.
    pub id: CallInId,
    /// The number to call.
    pub number: Dnis,
    /// The code to key.
    pub code: Option<AccessCode>,
    /// Accepts once more, if it is a callback's.
    pub token: Option<Secret>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Why no Call-In request was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotGranted {
    /// The queue refused.
    Refused {
        /// Why.
        why: CallInRefusal,
        /// When to ask again.
        retry_after: Option<Duration>,
    },
    /// The token accepted once, or the callback was accepted otherwise meanwhile.
    TokenUsed,
    /// No promise can be made now.
    Unavailable,
}

/// What became of a wish to cancel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cancelled {
    /// It is over, and that is committed.
    Done,
    /// The consumer talks to an agent: it stands.
    Talking,
    /// That is a caller on the line, not a callback.
    NotACallback,
    /// It is not open.
    NotOpen,
    /// It cannot be said now.
    Unavailable,
}

/// The way to the event loop.
#[derive(Clone, Debug)]
pub struct Asker(mpsc::Sender<Ask>);

impl Asker {
    /// Asks by this channel.
    pub fn new(asks: mpsc::Sender<Ask>) -> Self {
        Self(asks)
    }

    /// The same, of what changes nothing.
    pub(super) async fn look<T>(&self, ask: impl FnOnce(Answer<T>) -> Ask) -> Result<T, Problem> {
        self.ask(ask).await.map_err(|_| Problem::unreadable())
    }

    /// Asks and waits for the answer, 5 s at most.
    pub(super) async fn ask<T>(&self, ask: impl FnOnce(Answer<T>) -> Ask) -> Result<T, Problem> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send(ask(answer)).map_err(|_| Problem::unavailable())?;
        match tokio::time::timeout(ANSWER_MAX, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(Problem::unavailable()),
        }
    }
}
