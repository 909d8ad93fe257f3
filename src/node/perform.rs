//! Effects become orders: to the user agent, to the media, to the calls, to the queue.

use tracing::{debug, info, warn};

use super::event_loop::{EventLoop, Leg, Work};
use super::numbers::{self, NotCallable};
use super::records::Begun;
use super::translate;
use crate::calls::effect::{Callee, Effect as CallsEffect};
use crate::calls::end::{AttemptClass, CallEnd, EndedBy};
use crate::calls::event::{AgentPhone, AlertContext, Caller, NumberRefused};
use crate::calls::{self};
use crate::ident::{AgentId, AttemptId, InteractionId, LegId, QueueId, Route};
use crate::media::leg::Refused;
use crate::phone::{self, Address, Ani, Dnis, KeyedNumber};
use crate::queue::effect::EndReason;
use crate::queue::event::RetryClass;
use crate::queue::{self, Effect};
use crate::session::{SessionAnswer, SessionOffer};
use crate::sip::{self, Invitation, Target};
use crate::store::Party;
use crate::store::gate::Departure;
use crate::time::Duration;

/// Q.850 cause 16: normal clearing.
const CAUSE_NORMAL: u8 = 16;

impl EventLoop {
    /// Carries out what the gate let go.
    pub(super) fn leave(&mut self, departures: Vec<Departure>) {
        for departure in departures {
            match departure {
                Departure::Leaves(effect) => self.perform_queue(effect),
                // A dial that was ended before it left: nobody's phone rang, so whatever ended it,
                // no attempt is used.
                Departure::Revoked { held, .. } => {
                    if let Effect::Dial { attempt, .. } = held {
                        self.attempt_ended(attempt, RetryClass::Carrier, false);
                    }
                }
            }
        }
    }

    /// The end of an attempt, then what its route can take now: after a carrier's failure the queue
    /// dials no more on that route until it is told.
    fn attempt_ended(&mut self, attempt: AttemptId, class: RetryClass, rang: bool) {
        self.undialled.remove(&attempt);
        self.tell(queue::Event::AttemptEnded { attempt, class, rang });
        self.tell_capacity();
    }

    pub(super) fn tell(&mut self, event: queue::Event) {
        self.work.push_back(Work::Queue(event));
    }

    pub(super) fn order(&mut self, event: calls::Event) {
        self.work.push_back(Work::Calls(event));
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each order")]
    fn perform_queue(&mut self, effect: Effect) {
        debug!(?effect, "queue");
        match effect {
            Effect::NotAdmitted { interaction, reason } => {
                let exit = translate::exit(reason);
                self.order(calls::Event::NotAdmitted { interaction, exit });
            }
            Effect::Alert {
                agent,
                interaction,
                queue,
                origin,
                arrival,
                attempts,
                ring_timeout,
            } => {
                if self.is_way_barred(&agent) {
                    // Its trunk is busy or resting, not they: back in a minute.
                    let reason = queue::event::DeclineReason::Busy;
                    return self.tell(queue::Event::AgentDeclined { agent, interaction, reason });
                }
                let phones = self.phones(&agent);
                let wait = self.clock.wall().since(arrival);
                let kind = translate::kind(origin);
                let data = self.shown_data(interaction, &queue);
                let context = AlertContext { queue, kind, wait, attempts, data };
                let ring_timeout = ring_timeout.max(Duration::from_secs(1));
                self.order(calls::Event::Alert {
                    agent,
                    phones,
                    interaction,
                    ring_timeout,
                    context,
                });
            }
            Effect::CancelAlert { agent, interaction } => {
                self.order(calls::Event::CancelAlert { agent, interaction });
            }
            Effect::Connect { agent, interaction } => {
                self.order(calls::Event::Connect { agent, interaction });
            }
            Effect::Disconnect { agent, interaction } => {
                self.order(calls::Event::Disconnect { agent, interaction });
            }
            Effect::Dial { attempt, queue, address, route, ring_timeout, confirm, .. } => {
                self.order(calls::Event::Dial {
                    attempt,
                    queue,
                    address,
                    route,
                    ring_timeout,
                    confirm,
                });
            }
            Effect::EndAttempt { attempt, reason: EndReason::Orphaned } => self.end_orphan(attempt),
            Effect::EndAttempt { attempt, reason } => {
                let goodbye = translate::goodbye_of_end(reason);
                let class = translate::attempt_class(reason.class());
                self.order(calls::Event::EndAttempt { attempt, goodbye, class });
            }
            Effect::Registered { interaction } => {
                self.order(calls::Event::Registered { interaction });
            }
            Effect::NotRegistered { interaction, why } => self.not_registered(interaction, &why),
            Effect::Refused { interaction, why } => {
                if !self.creation_refused(interaction, &why) {
                    self.not_registered(interaction, &why);
                }
            }
            Effect::Accepted { interaction, due_at } => {
                if !self.creation_accepted(interaction, due_at) {
                    self.order(calls::Event::Registered { interaction });
                }
            }
            Effect::TakenOver { interaction } => self.taken_over(interaction),
            Effect::NotTakenOver { interaction, why } => self.not_taken_over(interaction, why),
            Effect::Kept { interaction } => self.kept(interaction),
            Effect::Cancelled { interaction } => self.cancelled(interaction, true),
            Effect::NotCancelled { interaction } => self.cancelled(interaction, false),
            Effect::LeaveQueue { interaction, offer_schedule } => {
                let exit = translate::exit_at_close(offer_schedule && self.promises());
                self.order(calls::Event::NotAdmitted { interaction, exit });
            }
            Effect::CallInMatched { interaction, combination, callback, data, .. } => {
                self.code_matched(interaction, combination, callback, data);
            }
            Effect::CallInUnmatched { interaction, combination } => {
                self.code_unmatched(interaction, combination);
            }
            Effect::CallInGranted { request, interaction, number, code, expires_at } => {
                self.call_in_granted(request, interaction, (number, expires_at), code);
            }
            Effect::CallInRefused { request, why, .. } => self.call_in_refused(request, why),
            Effect::Push { interaction, event } => self.push(interaction, event),
            Effect::Release { interaction, reason } => {
                let goodbye = translate::goodbye_of_release(reason);
                self.order(calls::Event::Release { interaction, goodbye });
            }
            Effect::AskKeepWaiting { interaction } => {
                self.order(calls::Event::AskKeepWaiting { interaction });
            }
        }
    }

    fn not_registered(&mut self, interaction: InteractionId, why: &queue::effect::Refusal) {
        let reason = self.refusal(why);
        self.order(calls::Event::NotRegistered { interaction, reason });
    }

    pub(super) fn perform_calls(&mut self, effect: CallsEffect) {
        debug!(?effect, "calls");
        let now = self.clock.steady();
        match effect {
            CallsEffect::Answer { leg } => self.answer(leg),
            CallsEffect::ListenForMachine { leg } => self.media.listen_for_machine(leg),
            CallsEffect::Ring { leg } => self.sip.ring(now, leg),
            CallsEffect::Reject { leg, status } => self.reject(leg, status),
            CallsEffect::Invite { leg, to, like } => self.invite(leg, to, like),
            CallsEffect::Cancel { leg, cause } => self.sip.cancel(now, leg, cause),
            CallsEffect::HangUp { leg, cause } => self.sip.hang_up(now, leg, cause, ""),
            CallsEffect::Play { leg, play, language, prompts } => {
                self.media.play(leg, play, translate::fragments(&language, &prompts));
            }
            CallsEffect::Music { leg } => self.media.music(leg),
            CallsEffect::Silence { leg } => self.media.silence(leg),
            CallsEffect::Bridge { a, b } => self.media.bridge(a, b),
            CallsEffect::AskStanding { interaction } => {
                self.work.push_back(Work::Standing(interaction));
            }
            CallsEffect::NumberKeyed { interaction, queue, digits } => {
                self.number_keyed(interaction, &queue, &digits);
            }
            CallsEffect::FindSlot { interaction, queue, address, day, minute_of_day } => {
                let found = self.find_slot(&queue, &address, day, minute_of_day);
                self.order(calls::Event::SlotFound { interaction, found });
            }
            CallsEffect::ScheduleConfirmed { interaction, queue, address, due } => {
                self.schedule_confirmed(interaction, queue, address, due);
            }
            CallsEffect::AskPending { interaction, queue, appointment, ani } => {
                self.ask_pending(interaction, (&queue, appointment), &ani);
            }
            CallsEffect::PendingChosen { interaction, callback, choice } => {
                self.pending_chosen(interaction, callback, choice);
            }
            CallsEffect::CodeKeyed { interaction, group, ani, dnis, code, since, routed } => {
                let routed = translate::combinations(&routed);
                self.code_keyed(interaction, (group, routed), (ani, dnis, since), code);
            }
            CallsEffect::AcceptTransfer { leg } => self.accept_transfer(leg),
            CallsEffect::RefuseTransfer { leg, status } => self.refuse_transfer(leg, status),
            CallsEffect::TransferProgress { leg, status } => self.transfer_progress(leg, status),
            CallsEffect::TransferAsked { interaction, leg, target, .. } => {
                self.transfer_asked(interaction, leg, &target);
            }
            CallsEffect::ConsultationAsked { interaction, agent, leg, to } => {
                self.consultation_asked(interaction, &agent, leg, &to);
            }
            CallsEffect::FeatureCode { leg, agent, code } => self.feature_code(leg, &agent, code),
            CallsEffect::AttemptEnded { attempt: id, class, rang } => self.dialled(id, class, rang),
            report @ (CallsEffect::Arrived { .. }
            | CallsEffect::EwtTold { .. }
            | CallsEffect::Offered { .. }
            | CallsEffect::CallerLeft { .. }
            | CallsEffect::CallerHungUp { .. }
            | CallsEffect::CallbackConfirmed { .. }
            | CallsEffect::AttemptAnswered { .. }
            | CallsEffect::ConsumerConfirmed { .. }
            | CallsEffect::ConsumerPostponed { .. }
            | CallsEffect::ConsumerRefused { .. }
            | CallsEffect::WaitAnswered { .. }
            | CallsEffect::AgentAnswered { .. }
            | CallsEffect::AgentDeclined { .. }
            | CallsEffect::ConsultationBegan { .. }
            | CallsEffect::ConsultationEnded { .. }
            | CallsEffect::HandedOver { .. }
            | CallsEffect::BridgeEnded { .. }) => self.report(report),
        }
    }

    fn dialled(&mut self, attempt: AttemptId, class: AttemptClass, rang: bool) {
        // While its orphan is being ended, only the orphan's end counts.
        if self.orphans.values().any(|orphan| *orphan == attempt) {
            return;
        }
        let class = translate::retry_class(class);
        let route = self.queue.open_attempts().find(|row| row.id == attempt);
        if let Some(route) = route.map(|row| row.route.clone()) {
            self.judge_route(&route, class == RetryClass::Carrier);
        }
        self.attempt_ended(attempt, class, rang);
    }

    /// What the queue is told as it is.
    fn report(&mut self, report: CallsEffect) {
        if let CallsEffect::Arrived { interaction, .. } = &report {
            self.caller_known_by(*interaction, *interaction);
        }
        let queues = &self.queue_settings.queues;
        let policy = |queue: &QueueId| queues.get(queue).map(|q| q.addresses.clone());
        if let Some(event) = translate::report(report, &self.node, policy) {
            self.tell(event);
        }
    }

    fn number_keyed(&mut self, call: InteractionId, queue: &QueueId, digits: &KeyedNumber) {
        let (interaction, address) = (call, self.keyed(queue, digits));
        self.order(calls::Event::NumberChecked { interaction, address });
    }

    /// What a caller keyed, read by the policy of a queue.
    fn keyed(&self, queue: &QueueId, digits: &KeyedNumber) -> Result<Address, NumberRefused> {
        let settings = self.queue.queue_settings(queue).ok_or(NumberRefused::NotPermitted)?;
        numbers::read(digits.expose(), &settings.addresses).map_err(|why| match why {
            NotCallable::NotANumber => NumberRefused::NotANumber,
            NotCallable::Refused(phone::Refused::Short | phone::Refused::Long) => {
                NumberRefused::NotANumber
            }
            NotCallable::Refused(_) => NumberRefused::NotPermitted,
        })
    }

    fn answer(&mut self, leg: LegId) {
        let Some(known) = self.legs.get_mut(&leg) else { return };
        if std::mem::take(&mut known.unanswered) {
            let offer = known.offer.take();
            self.accept(leg, offer);
        }
    }

    /// Our side of an INVITE or re-INVITE: the answer to its offer or, where it has none, ours.
    fn accept(&mut self, leg: LegId, offer: Option<SessionOffer>) {
        let now = self.clock.steady();
        let accepted = match offer {
            Some(offer) => {
                self.media.answer(leg, &offer).map(|answer| self.sip.answer(now, leg, answer))
            }
            None => {
                self.media.offer(leg, None).map(|offer| self.sip.answer_with_offer(now, leg, offer))
            }
        };
        if let Err(reason) = accepted {
            info!(%leg, %reason, "a session cannot be had");
            self.sip.reject(now, leg, status_of(&reason));
        }
    }

    /// Their answer to an offer of ours. `false`: it is of no use, and the leg is hung up.
    fn agree(&mut self, leg: LegId, answer: &SessionAnswer) -> bool {
        let Err(reason) = self.media.accept(leg, answer) else { return true };
        warn!(%leg, %reason, "an answer cannot be used");
        if let Some(known) = self.legs.get_mut(&leg) {
            known.refused = Some(status_of(&reason));
        }
        self.sip.hang_up(self.clock.steady(), leg, CAUSE_NORMAL, "");
        false
    }

    fn invite(&mut self, leg: LegId, to: Callee, like: Option<LegId>) {
        if let Callee::Consumer { attempt, .. } = &to {
            self.undialled.remove(attempt);
        }
        let (party, interaction) = match &to {
            Callee::Agent { agent, interaction, .. } => (Party::Agent(agent.clone()), *interaction),
            Callee::Consumer { attempt, .. } => (Party::Consumer, attempt.interaction),
            Callee::Third { interaction, .. } => (Party::Third, *interaction),
        };
        let begun = Some(Begun::outgoing(self.clock.wall(), party, interaction));
        self.legs.insert(leg, Leg { begun, ..Leg::default() });
        if let Callee::Third { queue, address, .. } = &to {
            // Whom a flow names may be called no more by now.
            if let Err(status) = self.outside_party(Some(queue), &Dnis::new(address.expose())) {
                return self.leg_ended(leg, sip::EndedBy::Lost, Some(status));
            }
        }
        let offer = match self.media.offer(leg, like) {
            Ok(offer) => offer,
            Err(reason) => {
                warn!(%leg, %reason, "no media for an outgoing call");
                return self.leg_ended(leg, sip::EndedBy::Lost, Some(status_of(&reason)));
            }
        };
        let invitation = match to {
            Callee::Agent { agent, phone, interaction, context, ring_timeout, ani } => {
                let (target, callee) = match phone {
                    AgentPhone::Contact(contact) => (Target::Contact(contact), String::new()),
                    AgentPhone::Extension(trunk, number) => {
                        (Target::Trunk(trunk), number.expose().to_owned())
                    }
                };
                Invitation {
                    leg,
                    target,
                    callee,
                    caller: ani.map_or_else(String::new, |ani| ani.expose().to_owned()),
                    display_name: translate::shown_name(&context),
                    offer,
                    headers: translate::agent_headers(
                        interaction,
                        &context,
                        self.public_url.as_deref(),
                        self.agent_phones.get(&agent).map(|it| it.auto_answer).unwrap_or_default(),
                    ),
                    ring_timeout,
                    silence_max: Some(super::AGENT_SILENCE_MAX),
                    attempt: None,
                }
            }
            other @ (Callee::Consumer { .. } | Callee::Third { .. }) => {
                match self.dial(leg, &other, offer) {
                    Some(invitation) => invitation,
                    // Nothing is registered under that name now.
                    None => return self.leg_ended(leg, sip::EndedBy::Peer, Some(404)),
                }
            }
        };
        self.sip.invite(self.clock.steady(), invitation);
    }

    /// What the phone of an agent is shown of the user data.
    pub(super) fn shown_data(&self, interaction: InteractionId, queue: &QueueId) -> Option<String> {
        let data = self.queue.interaction(interaction)?.attached.as_ref()?.data.as_ref()?;
        translate::shown_data(data, &self.queue.queue_settings(queue)?.shown.data)
    }

    /// The INVITE to a consumer or a third party; `None` if the address has no contact now.
    fn dial(&self, leg: LegId, callee: &Callee, offer: SessionOffer) -> Option<Invitation> {
        let (attempt, queue, address, route, ring_timeout) = match callee {
            Callee::Consumer { attempt, queue, address, route, ring_timeout, .. } => {
                (Some(*attempt), queue, address, route, ring_timeout)
            }
            Callee::Third { queue, address, route, ring_timeout, .. } => {
                (None, queue, address, route, ring_timeout)
            }
            Callee::Agent { .. } => return None,
        };
        // What was committed with the attempt, so that a CANCEL of the next process can repeat it.
        let row = attempt.and_then(|id| self.queue.open_attempts().find(|row| row.id == id));
        let of_queue = || Some(self.queue.queue_settings(queue)?.shown.display_name.clone());
        let display_name = row.map(|row| row.display_name.clone()).or_else(of_queue);
        let of_queue = || self.queue.queue_settings(queue)?.shown.caller_id.as_ref();
        let own = row.map_or_else(of_queue, |row| row.caller.as_ref());
        let target = match route {
            Route::Trunk(trunk) => Target::Trunk(trunk.clone()),
            Route::Registrar => {
                Target::Contact(self.sip.contacts(address.expose()).first().copied()?)
            }
        };
        Some(Invitation {
            leg,
            target,
            callee: address.expose().to_owned(),
            caller: caller(own, route),
            display_name: display_name.unwrap_or_default(),
            offer,
            headers: Vec::new(),
            ring_timeout: *ring_timeout,
            silence_max: None,
            attempt,
        })
    }

    /// Ends what may be left of a dial of an earlier process, by its derived identifiers.
    fn end_orphan(&mut self, attempt: AttemptId) {
        let Some(row) = self.queue.open_attempts().find(|row| row.id == attempt) else {
            return self.attempt_ended(attempt, RetryClass::Carrier, false);
        };
        let leg = LegId(self.entropy.next_u64());
        let orphan = sip::Orphan {
            leg,
            attempt,
            route: row.route.clone(),
            callee: row.address.expose().to_owned(),
            caller: caller(row.caller.as_ref(), &row.route),
            display_name: row.display_name.clone(),
        };
        info!(%attempt, "ending what an earlier run may have left ringing");
        self.orphans.insert(leg, attempt);
        self.sip.hang_up_orphan(self.clock.steady(), orphan);
    }

    pub(super) fn sip_event(&mut self, event: sip::Event) {
        debug!(?event, "sip");
        match event {
            sip::Event::Incoming { leg, replaces: Some(_), .. } => {
                // No call changes its phone: the one that stands goes on.
                self.sip.reject(self.clock.steady(), leg, 603);
            }
            sip::Event::Incoming { leg, ani, dnis, from, offer, replaces: None } => {
                let from = self.caller(from, &ani, &dnis);
                let ani = match from {
                    Caller::Trunk(_) => {
                        numbers::spelled(ani, &self.calls.settings().policies(&dnis))
                    }
                    Caller::Agent(_) | Caller::Device => ani,
                };
                let begun = Some(Begun::incoming(self.clock.wall(), &from));
                self.legs.insert(leg, Leg { unanswered: true, offer, begun, ..Leg::default() });
                self.order(calls::Event::LegIncoming { leg, ani, dnis, from });
            }
            sip::Event::Established { leg, answer: None } => self.leg_answered(leg),
            sip::Event::Ringing { leg } => {
                if let Some(known) = self.legs.get_mut(&leg) {
                    known.rang = true;
                }
                self.order(calls::Event::LegRinging { leg });
            }
            sip::Event::Answered { leg, answer }
            | sip::Event::Established { leg, answer: Some(answer) } => {
                if self.agree(leg, &answer) {
                    self.leg_answered(leg);
                }
            }
            sip::Event::Reoffered { leg, offer } => self.accept(leg, offer),
            sip::Event::Reanswered { leg, answer } => {
                self.agree(leg, &answer);
            }
            sip::Event::Digit { leg, digit } => {
                self.media.info_digit(leg, digit.expose());
            }
            sip::Event::Referred { leg, refer, to } => self.referred(leg, refer, to),
            sip::Event::Ended { leg, by, status } => self.leg_ended(leg, by, status),
            sip::Event::Bound { user, contacts, joined } => self.bound(&user, contacts, joined),
            sip::Event::TrunkCapacity { .. } => self.tell_capacity(),
            // The server registers nowhere; its telephones for tests do.
            sip::Event::Registered { .. } => {}
            sip::Event::ContactChecked { user, reachable } => {
                let agent = AgentId::new(&user);
                self.tell(queue::Event::ContactChecked { agent, reachable });
            }
        }
    }

    fn leg_answered(&mut self, leg: LegId) {
        if let Some(known) = self.legs.get_mut(&leg) {
            known.answered = true;
            let now = self.clock.wall();
            known.begun.iter_mut().for_each(|begun| begun.answered(now));
        }
        self.order(calls::Event::LegAnswered { leg });
    }

    pub(super) fn leg_ended(&mut self, leg: LegId, by: sip::EndedBy, status: Option<u16>) {
        self.media.close(leg);
        if let Some(attempt) = self.orphans.remove(&leg) {
            // Silence proves nothing: the guard time of the queue closes the attempt then.
            if by != sip::EndedBy::Lost {
                self.attempt_ended(attempt, RetryClass::Carrier, false);
            }
            return;
        }
        self.forget_referral(leg);
        let mut known = self.legs.remove(&leg).unwrap_or_default();
        if let Some(begun) = known.begun.take() {
            self.record_leg(leg, begun, by, status.or(known.refused));
        }
        let end = CallEnd {
            by: known.refused.map_or(translate::ended_by(by), |_| EndedBy::Peer),
            status: status.or(known.refused),
            answered: known.answered,
            rang: known.rang,
        };
        self.order(calls::Event::LegEnded { leg, end });
        for event in known.after {
            self.tell(event);
        }
    }
}

/// Who calls on a dial by that route, and did in an earlier run: nothing but the route says it.
fn caller(own: Option<&Ani>, route: &Route) -> String {
    let default = match route {
        Route::Registrar => super::CALLER,
        Route::Trunk(_) => "",
    };
    own.map_or(default, Ani::expose).to_owned()
}

/// The SIP status for a session we cannot have.
fn status_of(reason: &Refused) -> u16 {
    match reason {
        Refused::Malformed(_) => 400,
        Refused::NoCommonCodec => 488,
        Refused::NoPort => 503,
        Refused::NoSuchLeg => 481,
    }
}
