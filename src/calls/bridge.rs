//! The agents' side of a call: every phone of an alerted agent rings, the first answer wins;
//! joining with the consumer; and the end of either side carried to the other.
//!
//! ```text
//! Ringing ── first answer ▶ Answered ── Connect ▶ Talking ── consumer gone ▶ Parted ▶ (gone)
//!    └─ all ended, ring timeout ▶ (gone)
//! ```
//!
//! A leg that we hang up here is forgotten at once: nothing depends on its end. While phones ring
//! the consumer hears what they heard. It must not choose agents.

use std::collections::BTreeSet;

use crate::ident::{AgentId, LegId};
use crate::time::{Duration, Timestamp};

use super::call::Call;
use super::effect::{AgentDecline, Callee, Effect};
use super::end::CallEnd;
use super::event::{AgentPhone, AlertContext};
use super::{Context, Fact, PARTED_MAX, Timer, cause};

/// How long an answered agent waits to be joined; the queue says so in the same instant.
const ANSWERED_MAX: Duration = Duration::from_secs(5);

/// One agent's phones.
#[derive(Debug)]
pub(super) enum AgentSide {
    Ringing {
        legs: BTreeSet<LegId>,
        /// What the phones that ended said: the most telling.
        declined: Option<AgentDecline>,
        until: Timestamp,
    },
    /// Reported; to be joined or cancelled.
    Answered {
        leg: LegId,
        until: Timestamp,
    },
    Talking {
        leg: LegId,
    },
    /// The consumer is gone; the queue's order follows.
    Parted {
        leg: LegId,
        until: Timestamp,
    },
}

impl AgentSide {
    fn has(&self, leg: LegId) -> bool {
        self.legs().contains(&leg)
    }

    fn legs(&self) -> Vec<LegId> {
        match self {
            AgentSide::Ringing { legs, .. } => legs.iter().copied().collect(),
            AgentSide::Answered { leg, .. }
            | AgentSide::Talking { leg }
            | AgentSide::Parted { leg, .. } => vec![*leg],
        }
    }

    pub(super) fn is_talking(&self) -> bool {
        matches!(self, AgentSide::Talking { .. })
    }

    pub(super) fn hang_up(&self, ctx: &mut Context<'_>, cause: u8) {
        for leg in self.legs() {
            ctx.drop_leg(leg, cause);
        }
    }

    pub(super) fn deadline(&self) -> Timer {
        match self {
            AgentSide::Ringing { until, .. } => Some((*until, "agent ring timeout")),
            AgentSide::Answered { until, .. } => Some((*until, "connect")),
            AgentSide::Talking { .. } => None,
            AgentSide::Parted { until, .. } => Some((*until, "disconnect")),
        }
    }
}

impl Call {
    /// Rings an agent for a consumer who waits. If the consumer no longer does, that was reported
    /// and the queue is about to cancel: nobody's phone rings for a caller who left.
    pub(super) fn alert(
        &mut self,
        ctx: &mut Context<'_>,
        agent: AgentId,
        phones: Vec<AgentPhone>,
        ring_timeout: Duration,
        context: AlertContext,
    ) {
        let Some(consumer) = self.consumer.as_ref().filter(|consumer| consumer.is_waiting()) else {
            return;
        };
        match self.agents.get(&agent) {
            Some(AgentSide::Parted { leg, .. }) => ctx.drop_leg(*leg, cause::NORMAL),
            Some(
                AgentSide::Ringing { .. } | AgentSide::Answered { .. } | AgentSide::Talking { .. },
            ) => return,
            None => {}
        }
        let mut legs = BTreeSet::new();
        for phone in phones {
            let leg = ctx.new_leg(self.interaction);
            legs.insert(leg);
            ctx.push(Effect::Invite {
                leg,
                to: Callee::Agent {
                    agent: agent.clone(),
                    phone,
                    interaction: self.interaction,
                    context: context.clone(),
                    ring_timeout,
                    ani: Some(consumer.shown()),
                },
                like: Some(consumer.leg()),
            });
        }
        let until = ctx.now + ring_timeout;
        self.agents.insert(agent, AgentSide::Ringing { legs, declined: None, until });
    }

    pub(super) fn cancel_alert(&mut self, ctx: &mut Context<'_>, agent: &AgentId) {
        if let Some(AgentSide::Ringing { .. } | AgentSide::Answered { .. }) = self.agents.get(agent)
        {
            self.disconnect(ctx, agent);
        }
    }

    /// Joins an agent who answered. If the agent hung up meanwhile, that was reported; if the
    /// consumer is gone, the conversation is over before it began.
    pub(super) fn connect(&mut self, ctx: &mut Context<'_>, agent: &AgentId) {
        let Some(AgentSide::Answered { leg, .. }) = self.agents.get(agent) else { return };
        let leg = *leg;
        match &mut self.consumer {
            Some(consumer) if consumer.is_waiting() => {
                ctx.push(Effect::Bridge { a: consumer.leg(), b: leg });
                consumer.bridge(ctx);
                self.agents.insert(agent.clone(), AgentSide::Talking { leg });
            }
            Some(_) | None => {
                self.disconnect(ctx, agent);
                self.conversation_ended(ctx, false);
            }
        }
    }

    /// Hangs up an agent, whatever their side does.
    pub(super) fn disconnect(&mut self, ctx: &mut Context<'_>, agent: &AgentId) {
        let Some(side) = self.agents.remove(agent) else { return };
        side.hang_up(ctx, cause::NORMAL);
        if side.is_talking() {
            self.part_consumer(ctx);
        }
    }

    pub(super) fn agent_fact(&mut self, ctx: &mut Context<'_>, leg: LegId, fact: Fact) {
        let Some(agent) = self.agents.iter().find(|(_, side)| side.has(leg)).map(|(id, _)| id)
        else {
            return;
        };
        let agent = agent.clone();
        match fact {
            Fact::Answered => self.agent_answered(ctx, agent, leg),
            Fact::Ended(end) => self.agent_leg_ended(ctx, agent, leg, end),
            Fact::Ringing | Fact::Digit(_) | Fact::PlayEnded(_) | Fact::Machine | Fact::Beep => {}
        }
    }

    fn agent_answered(&mut self, ctx: &mut Context<'_>, agent: AgentId, leg: LegId) {
        let Some(AgentSide::Ringing { legs, .. }) = self.agents.get(&agent) else { return };
        for other in legs.iter().copied().filter(|other| *other != leg).collect::<Vec<_>>() {
            ctx.drop_leg(other, cause::ANSWERED_ELSEWHERE);
        }
        let until = ctx.now + ANSWERED_MAX;
        self.agents.insert(agent.clone(), AgentSide::Answered { leg, until });
        ctx.push(Effect::AgentAnswered { agent, interaction: self.interaction });
    }

    fn agent_leg_ended(&mut self, ctx: &mut Context<'_>, agent: AgentId, leg: LegId, end: CallEnd) {
        ctx.forget_leg(leg);
        match self.agents.get_mut(&agent) {
            Some(AgentSide::Ringing { legs, declined, .. }) => {
                legs.remove(&leg);
                let said = most_telling(*declined, end.agent_decline());
                *declined = Some(said);
                if legs.is_empty() || end.speaks_for_all() {
                    self.declined(ctx, agent, said);
                }
            }
            // Answered: the queue takes the conversation as begun with our report of it.
            Some(AgentSide::Answered { .. } | AgentSide::Talking { .. }) => {
                self.agents.remove(&agent);
                self.conversation_ended(ctx, end.is_lost());
            }
            Some(AgentSide::Parted { .. }) | None => {
                self.agents.remove(&agent);
            }
        }
    }

    fn declined(&mut self, ctx: &mut Context<'_>, agent: AgentId, reason: AgentDecline) {
        if let Some(side) = self.agents.remove(&agent) {
            side.hang_up(ctx, cause::NO_ANSWER);
            let interaction = self.interaction;
            ctx.push(Effect::AgentDeclined { agent, interaction, reason });
        }
    }

    pub(super) fn expire_agents(&mut self, ctx: &mut Context<'_>) {
        let due = |side: &AgentSide| side.deadline().is_some_and(|(at, _)| at <= ctx.now);
        let late: Vec<AgentId> =
            self.agents.iter().filter(|(_, side)| due(side)).map(|(id, _)| id.clone()).collect();
        for agent in late {
            match self.agents.get(&agent) {
                Some(AgentSide::Ringing { .. }) => {
                    self.declined(ctx, agent, AgentDecline::Missed);
                }
                Some(AgentSide::Answered { .. }) => {
                    self.disconnect(ctx, &agent);
                    self.conversation_ended(ctx, true);
                }
                Some(AgentSide::Talking { .. } | AgentSide::Parted { .. }) | None => {
                    self.disconnect(ctx, &agent);
                }
            }
        }
    }

    /// The consumer is gone from a conversation: the queue disconnects the agent.
    pub(super) fn part_agents(&mut self, now: Timestamp) {
        for side in self.agents.values_mut() {
            if let AgentSide::Talking { leg } = side {
                *side = AgentSide::Parted { leg: *leg, until: now + PARTED_MAX };
            }
        }
    }

    /// Hangs up every agent; the queue is told of those it counts on.
    pub(super) fn abort_agents(&mut self, ctx: &mut Context<'_>) {
        for (agent, side) in std::mem::take(&mut self.agents) {
            side.hang_up(ctx, cause::TEMPORARY_FAILURE);
            let interaction = self.interaction;
            match side {
                AgentSide::Ringing { .. } => {
                    let reason = AgentDecline::Unreachable;
                    ctx.push(Effect::AgentDeclined { agent, interaction, reason });
                }
                AgentSide::Answered { .. } | AgentSide::Talking { .. } => {
                    ctx.push(Effect::BridgeEnded { interaction, lost: true });
                }
                AgentSide::Parted { .. } => {}
            }
        }
    }
}

/// Of what two phones of one agent said: busy, then missed, then unreachable.
fn most_telling(before: Option<AgentDecline>, now: AgentDecline) -> AgentDecline {
    let weight = |decline: &AgentDecline| match decline {
        AgentDecline::Busy => 2,
        AgentDecline::Missed => 1,
        AgentDecline::Unreachable => 0,
    };
    before.into_iter().chain([now]).max_by_key(weight).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::stage::{expect_in_queue, in_queue};

    #[test]
    fn an_agent_is_alerted_joined_and_left_by_the_caller() {
        expect_in_queue(
            "2 alert ann i1 1 2
         2.1 ringing ann/1
         4 answered ann/2
         4 connect ann i1
         4.1 ended ann/1 487
         60 digit caller 1
         90 ended caller peer
         90 disconnect ann i1
         90.1 ended ann/2 us",
            expect![[r#"
            2 alert ann i1 1 2
                invite ann/1 1001 like caller
                invite ann/2 1001 like caller
            2.1 ringing ann/1
            4 answered ann/2
                hang-up ann/1 26
                ! agent answered ann i1
            4 connect ann i1
                bridge caller ann/2
            4.1 ended ann/1 487
            60 digit caller 1
            90 ended caller peer
                ! caller hung up i1
            90 disconnect ann i1
                hang-up ann/2 16
            90.1 ended ann/2 us
        "#]],
        );
    }

    #[test]
    fn an_agent_who_hangs_up_leaves_the_caller_to_the_flow_after_the_call() {
        expect_in_queue(
            "2 alert ann i1 1
         4 answered ann/1
         4 connect ann i1
         90 ended ann/1 peer
         90 release i1 silent
         93 played caller
         95 played caller
         96 ended caller us",
            expect![[r#"
            2 alert ann i1 1
                invite ann/1 1001 like caller
            4 answered ann/1
                ! agent answered ann i1
            4 connect ann i1
                bridge caller ann/1
            90 ended ann/1 peer
                ! bridge ended i1 lost=false
            90 release i1 silent
                play caller 'thanks'
            93 played caller
                play caller 'bye'
            95 played caller
                hang-up caller 16
            96 ended caller us
        "#]],
        );
    }

    #[test]
    fn a_lost_leg_of_a_conversation_is_told_as_lost() {
        let talking = "2 alert ann i1 1\n4 answered ann/1\n4 connect ann i1\n";
        expect_in_queue(
            &format!("{talking} 9 ended ann/1 lost\n9 release i1 plain"),
            expect![[r#"
        2 alert ann i1 1
            invite ann/1 1001 like caller
        4 answered ann/1
            ! agent answered ann i1
        4 connect ann i1
            bridge caller ann/1
        9 ended ann/1 lost
            ! bridge ended i1 lost=true
        9 release i1 plain
            play caller goodbye
    "#]],
        );
        expect_in_queue(
            &format!("{talking} 9 ended caller lost\n9 disconnect ann i1"),
            expect![[r#"
        2 alert ann i1 1
            invite ann/1 1001 like caller
        4 answered ann/1
            ! agent answered ann i1
        4 connect ann i1
            bridge caller ann/1
        9 ended caller lost
            ! bridge ended i1 lost=true
            ! caller hung up i1
        9 disconnect ann i1
            hang-up ann/1 16
    "#]],
        );
    }

    #[test]
    fn an_agent_who_does_not_answer_is_reported_once_with_the_reason() {
        for (script, expected) in [
            (
                "2 alert ann i1",
                expect![[r#"
            2 alert ann i1
                ! agent declined ann i1 Unreachable
        "#]],
            ),
            (
                "2 alert ann i1 1 2\n23 tick\n24 ended ann/1 487",
                expect![[r#"
            2 alert ann i1 1 2
                invite ann/1 1001 like caller
                invite ann/2 1001 like caller
            22 (agent ring timeout)
                hang-up ann/2 19
                hang-up ann/1 19
                ! agent declined ann i1 Missed
            23 tick
            24 ended ann/1 487
        "#]],
            ),
            (
                "2 alert ann i1 1 2\n3 ended ann/1 486\n4 ended ann/2 silence",
                expect![[r#"
            2 alert ann i1 1 2
                invite ann/1 1001 like caller
                invite ann/2 1001 like caller
            3 ended ann/1 486
            4 ended ann/2 silence
                ! agent declined ann i1 Busy
        "#]],
            ),
            (
                "2 alert ann i1 1 2\n3 ended ann/1 603",
                expect![[r#"
            2 alert ann i1 1 2
                invite ann/1 1001 like caller
                invite ann/2 1001 like caller
            3 ended ann/1 603
                hang-up ann/2 19
                ! agent declined ann i1 Missed
        "#]],
            ),
            (
                "2 alert ann i1 1\n3 ended ann/1 480",
                expect![[r#"
            2 alert ann i1 1
                invite ann/1 1001 like caller
            3 ended ann/1 480
                ! agent declined ann i1 Unreachable
        "#]],
            ),
            (
                "2 alert ann i1 1\n3 alert ann i1 1\n4 cancel-alert ann i1\n5 answered ann/1",
                expect![[r#"
            2 alert ann i1 1
                invite ann/1 1001 like caller
            3 alert ann i1 1
            4 cancel-alert ann i1
                hang-up ann/1 16
            5 answered ann/1
        "#]],
            ),
        ] {
            expected.assert_eq(&in_queue(script));
        }
    }

    #[test]
    fn nobody_rings_for_a_caller_who_left_and_a_late_connect_is_over_at_once() {
        expect_in_queue(
            "2 alert ann i1 1
         3 ended caller peer
         3 alert bob i1 1
         3 answered ann/1
         3 connect ann i1
         3.1 disconnect ann i1",
            expect![[r#"
            2 alert ann i1 1
                invite ann/1 1001 like caller
            3 ended caller peer
                ! caller hung up i1
            3 alert bob i1 1
            3 answered ann/1
                ! agent answered ann i1
            3 connect ann i1
                hang-up ann/1 16
                ! bridge ended i1 lost=false
            3.1 disconnect ann i1
        "#]],
        );
    }

    #[test]
    fn an_answered_agent_whom_nobody_joins_is_let_go() {
        expect_in_queue(
            "2 alert ann i1 1\n3 answered ann/1\n9 tick",
            expect![[r#"
        2 alert ann i1 1
            invite ann/1 1001 like caller
        3 answered ann/1
            ! agent answered ann i1
        8 (connect)
            hang-up ann/1 16
            ! bridge ended i1 lost=true
        9 tick
    "#]],
        );
        expect_in_queue(
            "2 alert ann i1 1\n3 answered ann/1\n3 ended ann/1 peer\n3 connect ann i1",
            expect![[r#"
            2 alert ann i1 1
                invite ann/1 1001 like caller
            3 answered ann/1
                ! agent answered ann i1
            3 ended ann/1 peer
                ! bridge ended i1 lost=false
            3 connect ann i1
        "#]],
        );
    }
}
