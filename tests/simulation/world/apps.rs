//! Consumers who plan, who use an app, and who call while their callback is pending.

use std::collections::BTreeSet;

use ringback::ident::{AgentId, CallInId, GroupId, InteractionId, QueueId};
use ringback::phone::{AccessCode, Address};
use ringback::queue::effect::{CallInRefusal, PushEvent, Refusal};
use ringback::queue::event::{CallInAsked, When};
use ringback::queue::hours::Zone;
use ringback::queue::matching::{Combination, Presented};
use ringback::queue::{AgentState, Effect, Event, Interaction, Stage};
use ringback::time::{Duration, Timestamp};

use super::{Whim, World};
use crate::bench::{Bench, this_node};
use crate::call_in::{code_key, drawn};
use crate::swarm::{self, pick};

/// Codes drawn for a request: few and short, so that some are taken.
const CODES: usize = 2;

/// A request that was asked for, and what was drawn for it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    request: CallInId,
    group: GroupId,
    from: Option<Address>,
    codes: Vec<AccessCode>,
}

/// A promise that somebody holds: what to call and to key.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    group: GroupId,
    presented: Presented,
}

/// What the apps of one world know.
#[derive(Default)]
pub(super) struct Apps {
    asked: Vec<Asked>,
    tickets: Vec<Ticket>,
    requests: u128,
    /// Calls that went on into a queue: each does so once.
    joined: BTreeSet<InteractionId>,
}

impl World {
    /// What they do by themselves.
    pub(super) fn consumer_acts(&mut self, whim: Whim, bench: &Bench) -> Option<Event> {
        Some(match whim {
            Whim::Plan => {
                let (interaction, when) = (self.enter(bench)?, self.when());
                let (queue, address) = (self.queue(), Some(self.address()));
                let skills = self.chance(30).then(|| swarm::expression(&mut self.entropy));
                let notify = self.chance(50);
                Event::CallbackRequested {
                    interaction,
                    queue,
                    skills,
                    priority: 0,
                    address,
                    when,
                    notify,
                    attached: None,
                }
            }
            Whim::PlanOnLine => {
                let interaction = self.caller()?;
                let (address, due) = (self.address(), self.time_found(bench, interaction)?);
                Event::ScheduleConfirmed { interaction, address, due }
            }
            Whim::Reschedule => {
                let (interaction, when) = (self.callback(bench)?, self.when());
                Event::Rescheduled { interaction, when }
            }
            Whim::CallsIn => {
                let interaction = self.callback(bench)?;
                self.soon(30, Event::CalledIn { interaction, node: this_node() });
                Event::MenuOpened { interaction }
            }
            Whim::Keeps => {
                let interaction = self.callback(bench)?;
                self.soon(70, Event::MenuClosed { interaction });
                Event::MenuOpened { interaction }
            }
            Whim::AskCallIn => {
                let callback = if self.chance(60) { self.callback(bench) } else { None };
                self.ask(callback)
            }
            Whim::Dials => {
                let ticket = self.ticket()?;
                let call = self.stranger();
                let ago = Duration::from_secs(self.entropy.below(200));
                let presented = Presented { since: self.now - ago, ..ticket.presented };
                self.arrives(call, ticket.group, presented)
            }
            Whim::Told => {
                let interaction = self.open(bench)?;
                let ewt = Duration::from_secs(self.entropy.below(600));
                match self.chance(30) {
                    true => Event::Offered { interaction },
                    false => Event::EwtTold { interaction, ewt },
                }
            }
            Whim::Transfer => {
                let bridged =
                    bench.queue.interactions().filter(|row| matches!(row.stage, Stage::Bridged(_)));
                let bridged: Vec<InteractionId> = bridged.map(|row| row.id).collect();
                let (interaction, queue) = (self.someone(&bridged)?, self.queue());
                let agent = if self.chance(40) { Some(self.agent()) } else { None };
                Event::Transferred { interaction, queue, agent }
            }
            Whim::Consult => self.consult(bench)?,
            _ => return None,
        })
    }

    /// Somebody who talks asks another agent, or somebody outside, and hands over or does not.
    fn consult(&mut self, bench: &Bench) -> Option<Event> {
        let talks = |row: &Interaction| match &row.stage {
            Stage::Bridged(agent) => Some((row.id, agent.clone())),
            _ => None,
        };
        let talking: Vec<(InteractionId, AgentId)> =
            bench.queue.interactions().filter_map(talks).collect();
        if talking.is_empty() || self.chance(15) {
            // For its own sake.
            let agent = self.agent();
            self.soon(300, Event::ConsultationEnded { agent: agent.clone(), with: None });
            return Some(Event::ConsultationBegan { agent, with: None });
        }
        let (interaction, agent) = pick(&mut self.entropy, &talking).clone();
        let ready = bench.queue.agents().filter(|other| other.state == AgentState::Ready);
        let ready: Vec<AgentId> = ready.map(|other| other.id.clone()).collect();
        let with = match self.entropy.below(10) {
            0 | 1 => None,
            2 => Some(self.agent()),
            _ if ready.is_empty() => Some(self.agent()),
            _ => Some(pick(&mut self.entropy, &ready).clone()),
        };
        let over = Event::ConsultationEnded { agent: agent.clone(), with: with.clone() };
        if let Some(other) = &with
            && self.chance(70)
        {
            self.soon(20, Event::HandedOver { interaction, agent: other.clone() });
        }
        self.soon(60, over);
        Some(Event::ConsultationBegan { agent, with })
    }

    fn callback(&mut self, bench: &Bench) -> Option<InteractionId> {
        let callbacks = bench.queue.interactions().filter(|row| row.open_callback());
        let callbacks: Vec<InteractionId> = callbacks.map(|row| row.id).collect();
        self.someone(&callbacks)
    }

    /// Mostly within the hours that are planned, now and then what cannot be.
    fn when(&mut self) -> When {
        let minutes = [0, 3, 7, 15, 40, 90, 400, 40_000][self.entropy.below(8) as usize];
        let ahead = Duration::from_secs(60 * minutes + self.entropy.below(120));
        let past = self.chance(5);
        let at = match (past, minutes) {
            (true, _) => self.now - ahead,
            (false, 15 | 90 | 400) => self.before_the_window_closes(),
            (false, _) => self.now + ahead,
        };
        match self.entropy.below(4) {
            0 => When::Now,
            1 => When::At(at),
            _ => When::Near(at),
        }
    }

    /// Ten seconds before nine in the evening, by the clock of most of those who are called: until
    /// then they may be.
    fn before_the_window_closes(&self) -> Timestamp {
        let zone = Zone::parse("America/Los_Angeles").unwrap_or(Zone::UTC);
        let today = zone.date_of(self.now);
        let closes = [today, today.plus(1)].map(|day| zone.resolve(day, 21 * 60));
        let next = closes.into_iter().flatten().find(|at| *at > self.now + Duration::from_secs(60));
        next.unwrap_or(self.now) - Duration::from_secs(10)
    }

    /// The time that the keypad dialogue found, confirmed a little later.
    fn time_found(&mut self, bench: &Bench, id: InteractionId) -> Option<Timestamp> {
        let row = bench.queue.interaction(id)?;
        let (queue, address): (QueueId, _) = (row.queue.clone(), row.address.as_ref());
        let ahead = Duration::from_secs(120 + self.entropy.below(7_200));
        let late = self.before_the_window_closes();
        let desired = if ahead.as_secs() < 4_000 { late } else { self.now + ahead };
        match bench.queue.find_slot(&queue, address, desired) {
            Ok(found) => Some(found?.due),
            Err(Refusal::Closed { proposals } | Refusal::SlotTaken { proposals }) => {
                proposals.first().copied()
            }
            Err(_) => None,
        }
    }

    fn ask(&mut self, callback: Option<InteractionId>) -> Event {
        self.apps.requests += 1;
        let request = CallInId(self.apps.requests);
        let groups: Vec<GroupId> = self.swarm.settings.call_in_groups.keys().cloned().collect();
        let known = !self.chance(2);
        let group =
            if known { pick(&mut self.entropy, &groups).clone() } else { GroupId::new("x") };
        let settings = self.swarm.settings.call_in_groups.get(&group).cloned().unwrap_or_default();
        let drawn_codes: Vec<AccessCode> =
            (0..CODES).map(|_| AccessCode::draw(settings.code_length, &mut self.entropy)).collect();
        let from = self.chance(50).then(|| self.address());
        let codes = drawn(&settings.numbers, &drawn_codes);
        let asked = Asked { request, group: group.clone(), from: from.clone(), codes: drawn_codes };
        if self.apps.asked.len() >= 50 {
            self.apps.asked.remove(0);
        }
        self.apps.asked.push(asked);
        Event::CallInRequested(Box::new(CallInAsked {
            request,
            group,
            from,
            callback,
            codes,
            data: None,
        }))
    }

    fn ticket(&mut self) -> Option<Ticket> {
        if self.apps.tickets.is_empty() {
            return None;
        }
        let mut ticket = pick(&mut self.entropy, &self.apps.tickets).clone();
        match self.entropy.below(10) {
            0 => ticket.presented.code = None,
            1 => {
                let wrong = AccessCode::draw(6, &mut self.entropy);
                ticket.presented.code = Some(code_key().hash(&ticket.presented.dnis, &wrong));
            }
            2 => ticket.presented.ani = Some(self.address()),
            3 => ticket.presented.ani = None,
            _ => {}
        }
        Some(ticket)
    }

    /// A call that belongs to no interaction yet.
    fn stranger(&mut self) -> InteractionId {
        self.entered += 1;
        InteractionId(self.entered)
    }

    /// Some ask for a callback in another queue while their phone rings for the first.
    pub(super) fn asks_elsewhere(&mut self, address: &Address) {
        if self.kind || !self.chance(10) {
            return;
        }
        let (interaction, queue) = (self.stranger(), self.queue());
        let (skills, when, address) = (None, When::Now, Some(address.clone()));
        let asked = Event::CallbackRequested {
            interaction,
            queue,
            skills,
            priority: 0,
            address,
            when,
            notify: false,
            attached: None,
        };
        self.soon(5, asked);
    }

    /// Somebody calls an entry that routes everything, or not all.
    fn arrives(&mut self, call: InteractionId, group: GroupId, presented: Presented) -> Event {
        let (all, every) = (self.kind || self.chance(80), Combination::every());
        let routed = every.into_iter().filter(|_| all || self.chance(50)).collect();
        Event::CallInArrived { call, group, presented, routed, node: this_node() }
    }

    /// What they do when something of this is ordered.
    pub(super) fn consumer_reacts(&mut self, effect: &Effect) {
        match effect {
            Effect::CallInGranted { request, number, code, .. } => {
                let Some(asked) =
                    self.apps.asked.iter().find(|asked| asked.request == *request).cloned()
                else {
                    return;
                };
                let code = code.and_then(|n| asked.codes.get(n));
                let code = code.map(|code| code_key().hash(number, code));
                let presented =
                    Presented { ani: asked.from, dnis: number.clone(), code, since: self.now };
                let ticket = Ticket { group: asked.group, presented };
                if self.apps.tickets.len() >= 50 {
                    self.apps.tickets.remove(0);
                }
                self.apps.tickets.push(ticket.clone());
                if self.kind || self.chance(70) {
                    let call = self.stranger();
                    let Ticket { group, presented } = ticket;
                    let arrived = self.arrives(call, group, presented);
                    self.soon(120, arrived);
                }
            }
            Effect::Push { interaction, event: PushEvent::Ready }
                if self.kind || self.chance(70) =>
            {
                let event = self.ask(Some(*interaction));
                self.soon(240, event);
            }
            // In a kind world nobody lets it lapse; what is over, or not due, is left alone.
            Effect::CallInRefused { interaction, why, .. }
                if self.kind && !matches!(why, CallInRefusal::NotItsTurn | CallInRefusal::Over) =>
            {
                let event = self.ask(Some(*interaction));
                self.soon(240, event);
            }
            Effect::CallInMatched { callback: Some(id), .. }
            | Effect::TakenOver { interaction: id } => {
                self.callers.insert(*id);
            }
            Effect::CallInMatched { interaction, callback: None, .. }
            | Effect::CallInUnmatched { interaction, .. }
                if self.chance(50) && self.apps.joined.insert(*interaction) =>
            {
                let (interaction, queue) = (*interaction, self.queue());
                self.soon(
                    5,
                    Event::CallArrived {
                        interaction,
                        queue,
                        skills: None,
                        priority: 0,
                        address: None,
                        node: this_node(),
                        attached: None,
                    },
                );
                self.callers.insert(interaction);
            }
            Effect::LeaveQueue { interaction, .. } => {
                self.callers.remove(interaction);
            }
            _ => {}
        }
    }

    /// Who was asked nothing further hangs up.
    pub(super) fn forget_tickets(&mut self) {
        self.apps.asked.clear();
    }
}
