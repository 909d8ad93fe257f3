//! What is asked over HTTP, told to the queue, and answered when its answer leaves the gate; and
//! what an app is told by pushes. Values move here; what they lead to is decided by `queue`.
//!
//! A cancellation has no order of its own: it is answered when its step is committed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::mpsc;
use tracing::warn;

use super::event_loop::EventLoop;
use super::numbers;
use super::webhook::Push;
use crate::api::ask::{
    Answer, Ask, BETWEEN_MAX, CallIn, Callback, Cancelled, Created, NewCallIn, NewCallback,
    NoSlots, NotCreated, NotGranted,
};
use crate::api::keys::Keys;
use crate::ident::{CallInId, InteractionId, Secret};
use crate::phone::{AccessCode, AddressPolicy, Dnis};
use crate::queue::effect::{CallInRefusal, PushEvent, Refusal};
use crate::queue::event::CallInAsked;
use crate::queue::interaction::Attached;
use crate::queue::matching::{CODES_DRAWN, DrawnCodes};
use crate::queue::{self, Interaction, Origin};
use crate::store::outside;
use crate::time::{Duration, Timestamp};

/// Whose slots are told if no end is asked for.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Most answers that wait for their commit.
const WAITING_MAX: usize = 1_024;
/// Callbacks made of late, whose ids mean no new one even when they are over.
const MADE_MAX: usize = 10_000;
/// Call-In requests granted and not yet pushed.
const GRANTED_MAX: usize = 1_024;

/// A callback that is to be answered, or why there is none.
type CreateAnswer = Answer<Result<Created, NotCreated>>;

/// Between HTTP and the queue.
pub(super) struct Outside {
    keys: Arc<Keys>,
    /// Those that wait to hear of this callback, the first to ask first.
    creations: BTreeMap<InteractionId, VecDeque<CreateAnswer>>,
    call_ins: BTreeMap<CallInId, AskedCallIn>,
    /// Those that wait to hear that this callback is over.
    cancellations: BTreeMap<InteractionId, Vec<Answer<Cancelled>>>,
    made: VecDeque<InteractionId>,
    granted: VecDeque<CallIn>,
    pushes: Option<mpsc::Sender<Push>>,
}

struct AskedCallIn {
    /// The candidates drawn.
    codes: Vec<AccessCode>,
    answer: Answer<Result<CallIn, NotGranted>>,
}

impl Outside {
    /// Pushes go to `pushes`, if anybody is to be told.
    pub(super) fn new(keys: Arc<Keys>, pushes: Option<mpsc::Sender<Push>>) -> Self {
        Self {
            keys,
            creations: BTreeMap::new(),
            call_ins: BTreeMap::new(),
            cancellations: BTreeMap::new(),
            made: VecDeque::new(),
            granted: VecDeque::new(),
            pushes,
        }
    }

    /// Is there room for one more who waits? Whoever waits no longer takes none, except for a
    /// number and a code: they are pushed as well, and stay here until the queue has decided.
    fn has_room(&mut self) -> bool {
        let count = |it: &Self| {
            let creations: usize = it.creations.values().map(VecDeque::len).sum();
            let cancellations: usize = it.cancellations.values().map(Vec::len).sum();
            creations + it.call_ins.len() + cancellations
        };
        if count(self) < WAITING_MAX {
            return true;
        }
        self.creations.retain(|_, waiting| {
            waiting.retain(|answer| !answer.is_closed());
            !waiting.is_empty()
        });
        self.cancellations.retain(|_, waiting| {
            waiting.retain(|answer| !answer.is_closed());
            !waiting.is_empty()
        });
        count(self) < WAITING_MAX
    }

    /// The first who waits to hear of this callback.
    fn waits_for(&mut self, interaction: InteractionId) -> Option<CreateAnswer> {
        let waiting = self.creations.get_mut(&interaction)?;
        let first = waiting.pop_front();
        if waiting.is_empty() {
            self.creations.remove(&interaction);
        }
        first
    }

    /// The queue cancelled it, or did not as its consumer is in conversation.
    pub(super) fn cancelled(&mut self, callback: InteractionId, is_over: bool) {
        let what = if is_over { Cancelled::Done } else { Cancelled::Talking };
        for answer in self.cancellations.remove(&callback).unwrap_or_default() {
            tell(answer, what);
        }
    }
}

/// Nobody may be waiting for the answer any more.
fn tell<T>(answer: Answer<T>, what: T) {
    drop(answer.send(what));
}

/// The oldest goes where there are too many.
fn keep<T>(list: &mut VecDeque<T>, one: T, most: usize) {
    if list.len() >= most {
        list.pop_front();
    }
    list.push_back(one);
}

fn callback(row: &Interaction) -> Callback {
    Callback {
        id: row.id,
        queue: row.queue.clone(),
        state: outside::state(&row.stage),
        due_at: row.due_at,
        attempts_used: row.attempts_used,
        data: row.attached.as_ref().and_then(|attached| attached.data.clone()),
    }
}

impl EventLoop {
    /// Something is asked over HTTP.
    pub fn asked(&mut self, ask: Ask) {
        match ask {
            Ask::Create(new, answer) => self.create_asked(*new, answer),
            Ask::CallIn(new, answer) => self.call_in_asked(new, answer),
            Ask::Cancel(interaction, answer) => self.cancel_asked(interaction, answer),
            Ask::Show(interaction, answer) => {
                tell(answer, self.queue.interaction(interaction).map(callback));
            }
            Ask::Explain(interaction, answer) => {
                tell(answer, self.queue.explain(interaction).map(Box::new));
            }
            Ask::Availability { queue, from, to, answer } => {
                let now = self.queue_time().now;
                let from = from.unwrap_or(now);
                let to = to.unwrap_or(from + A_DAY);
                let fits = from < to && to <= from + BETWEEN_MAX;
                let slots = || self.queue.availability(&queue, now, from, to);
                let told = fits.then(slots).ok_or(NoSlots::NotBetween);
                tell(answer, told.and_then(|slots| slots.ok_or(NoSlots::NoAppointments)));
            }
        }
        self.settle();
    }

    fn create_asked(&mut self, new: NewCallback, answer: CreateAnswer) {
        let interaction = new.interaction.unwrap_or_else(|| InteractionId::draw(&mut self.entropy));
        let policy = self.queue.queue_settings(&new.queue).map(|queue| &queue.addresses);
        let read = |number: &Dnis| {
            numbers::address(number.expose(), policy.unwrap_or(&AddressPolicy::default()))
        };
        let address = new.number.as_ref().and_then(read);
        if new.number.is_some() && address.is_none() {
            return tell(answer, Err(NotCreated::NotANumber));
        }
        let no = match self.queue.interaction(interaction) {
            Some(row) => {
                let same = row.queue == new.queue && row.address == address;
                (!same).then_some(NotCreated::OtherRequest)
            }
            None if new.is_recorded || self.outside.made.contains(&interaction) => {
                Some(NotCreated::Over)
            }
            None => (new.notify && self.outside.pushes.is_none()).then_some(NotCreated::NoWebhook),
        };
        if let Some(no) = no {
            return tell(answer, Err(no));
        }
        if !self.promises() || !self.outside.has_room() {
            return tell(answer, Err(NotCreated::Unavailable));
        }
        self.outside.creations.entry(interaction).or_default().push_back(answer);
        self.tell(queue::Event::CallbackRequested {
            interaction,
            queue: new.queue,
            skills: new.skills,
            priority: new.priority,
            address,
            when: new.when,
            notify: new.notify,
            attached: Attached { called: None, data: new.data }.some(),
        });
    }

    /// A callback asked for over HTTP is committed. `false`: nobody asked over HTTP.
    pub(super) fn creation_accepted(
        &mut self,
        interaction: InteractionId,
        due_at: Option<Timestamp>,
    ) -> bool {
        let Some(answer) = self.outside.waits_for(interaction) else { return false };
        if !self.outside.made.contains(&interaction) {
            keep(&mut self.outside.made, interaction, MADE_MAX);
        }
        // It may be over by now: then the record tells how it is.
        let row = self.queue.interaction(interaction);
        let made = row.map(|row| Created {
            callback: Callback { due_at, ..callback(row) },
            is_duplicate: false,
        });
        tell(answer, made.ok_or(NotCreated::Over));
        true
    }

    /// A callback asked for over HTTP is refused. `false`: nobody asked over HTTP.
    pub(super) fn creation_refused(&mut self, interaction: InteractionId, why: &Refusal) -> bool {
        let Some(answer) = self.outside.waits_for(interaction) else { return false };
        let mut retry_after = None;
        let open = match why {
            Refusal::Duplicate { open, .. } => self.queue.interaction(*open),
            Refusal::TooOften { again_at } => {
                retry_after = Some(again_at.since(self.clock.wall()));
                None
            }
            Refusal::Closed { .. }
            | Refusal::TooFarAhead { .. }
            | Refusal::Past { .. }
            | Refusal::SlotTaken { .. }
            | Refusal::Full
            | Refusal::Unknown
            | Refusal::NotOffered
            | Refusal::NotPermitted
            | Refusal::NeverCall => None,
        };
        tell(
            answer,
            match open {
                Some(row) => Ok(Created { callback: callback(row), is_duplicate: true }),
                None => Err(NotCreated::Refused { why: why.clone(), retry_after }),
            },
        );
        true
    }

    fn cancel_asked(&mut self, interaction: InteractionId, answer: Answer<Cancelled>) {
        let no = match self.queue.interaction(interaction) {
            // Over already, but for the disk.
            None if self.outside.cancellations.contains_key(&interaction) => None,
            None => Some(Cancelled::NotOpen),
            Some(row) if row.origin == Origin::Live => Some(Cancelled::NotACallback),
            Some(_) => None,
        };
        if let Some(no) = no {
            return tell(answer, no);
        }
        if !self.outside.has_room() {
            return tell(answer, Cancelled::Unavailable);
        }
        self.outside.cancellations.entry(interaction).or_default().push(answer);
        self.tell(queue::Event::Cancelled { interaction });
    }

    fn call_in_asked(&mut self, new: NewCallIn, answer: Answer<Result<CallIn, NotGranted>>) {
        if !self.promises() || !self.outside.has_room() {
            return tell(answer, Err(NotGranted::Unavailable));
        }
        // Out of turn the queue says why not.
        let turn = new.callback.and_then(|id| Some((id, self.queue.turn(id)?)));
        let is_used = |token: &Secret| {
            turn.is_some_and(|(id, turn)| !self.outside.keys.accept_at(token, id, turn))
        };
        if new.token.as_ref().is_some_and(is_used) {
            return tell(answer, Err(NotGranted::TokenUsed));
        }
        let request = CallInId::draw(&mut self.entropy);
        let group = self.queue_settings.call_in_groups.get(&new.group);
        let (length, numbers): (u8, &[Dnis]) =
            group.map_or((0, &[]), |group| (group.code_length, &group.numbers));
        let draw = |_| AccessCode::draw(length, &mut self.entropy);
        let drawn: Vec<AccessCode> = (0..CODES_DRAWN).map(draw).collect();
        let codes = DrawnCodes::hash(&self.code_key, numbers, &drawn);
        let NewCallIn { group, from, callback, token: _, data } = new;
        self.outside.call_ins.insert(request, AskedCallIn { codes: drawn, answer });
        let asked = CallInAsked { request, group, from, callback, data, codes };
        self.tell(queue::Event::CallInRequested(Box::new(asked)));
    }

    /// A Call-In request was made; `code` is one of those drawn for it.
    pub(super) fn call_in_granted(
        &mut self,
        request: CallInId,
        interaction: InteractionId,
        (number, expires_at): (Dnis, Timestamp),
        code: Option<usize>,
    ) {
        let Some(asked) = self.outside.call_ins.remove(&request) else { return };
        let code = code.and_then(|at| asked.codes.get(at).cloned());
        let is_callback = interaction.0 != request.0;
        let token = is_callback.then(|| self.token(interaction)).flatten();
        let granted = CallIn { id: request, number, code, token, expires_at };
        if is_callback {
            keep(&mut self.outside.granted, granted.clone(), GRANTED_MAX);
        }
        tell(asked.answer, Ok(granted));
    }

    /// A Call-In request was not made.
    pub(super) fn call_in_refused(&mut self, request: CallInId, why: CallInRefusal) {
        let Some(asked) = self.outside.call_ins.remove(&request) else { return };
        let retry_after = match why {
            CallInRefusal::NoneFree { retry_at } => Some(retry_at.since(self.clock.wall())),
            CallInRefusal::UnknownGroup
            | CallInRefusal::NotItsTurn
            | CallInRefusal::Over
            | CallInRefusal::NumberNeeded => None,
        };
        tell(asked.answer, Err(NotGranted::Refused { why, retry_after }));
    }

    /// Accepts once; `None`: the callback is over.
    fn token(&self, callback: InteractionId) -> Option<Secret> {
        let accepted = self.queue.interaction(callback)?.accepted;
        Some(self.outside.keys.token(callback, accepted))
    }

    /// An app is to be told.
    pub(super) fn push(&mut self, interaction: InteractionId, event: PushEvent) {
        let message = self.message(interaction, event);
        let Some(pushes) = &self.outside.pushes else { return };
        let body = match serde_json::to_vec(&message) {
            Ok(body) => body,
            Err(error) => return warn!(%error, %interaction, "a push cannot be written"),
        };
        let id = format!("msg_{}", self.entropy.hex(16));
        if let Err(lost) = pushes.try_send(Push { id, callback: interaction, body }) {
            warn!(%interaction, %lost, "a push was lost");
        }
    }

    fn message(&mut self, interaction: InteractionId, event: PushEvent) -> Message {
        let mut message = Message {
            event: "",
            callback_id: interaction.to_string(),
            at: self.clock.wall().to_string(),
            token: None,
            number: None,
            code: None,
            expires_at: None,
            due_at: None,
            reason: None,
        };
        match event {
            PushEvent::Upcoming => message.event = "CALLBACK_UPCOMING",
            PushEvent::Ready => {
                message.event = "CALLBACK_READY";
                let token = self.token(interaction);
                message.token = token.map(|token| token.expose().to_owned());
            }
            PushEvent::CallIn(request) => {
                message.event = "CALLBACK_CALL_IN";
                let granted = &mut self.outside.granted;
                let at = granted.iter().position(|granted| granted.id == request);
                if let Some(granted) = at.and_then(|at| granted.remove(at)) {
                    message.number = Some(granted.number.expose().to_owned());
                    message.code = granted.code.map(|code| code.expose().to_owned());
                    message.expires_at = Some(granted.expires_at.to_string());
                    message.token = granted.token.map(|token| token.expose().to_owned());
                }
            }
            PushEvent::Expired => message.event = "CALLBACK_EXPIRED",
            PushEvent::Moved(due) => {
                message.event = "CALLBACK_MOVED";
                message.due_at = Some(due.to_string());
            }
            PushEvent::Completed(outcome) => {
                message.event = "CALLBACK_COMPLETED";
                message.reason = Some(outside::reason(outcome));
            }
        }
        message
    }
}

/// What is POSTed.
#[derive(Serialize)]
struct Message {
    event: &'static str,
    callback_id: String,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}
