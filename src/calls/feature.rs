//! An agent's call to a feature code: answer, report the code, speak the state, hang up.
//!
//! ```text
//! Answering ── ACK ▶ Asking ── AgentNow ▶ Speaking ── played ▶ (gone)
//! ```
//!
//! It must not decide what the code does: the queue does.

use crate::ident::{AgentId, LegId};
use crate::phone::Dnis;
use crate::time::{Duration, Timestamp};

use super::effect::{Effect, FeatureCode, Prompt};
use super::event::AgentSummary;
use super::{Context, ENDING_MAX, Fact, Playing, Timer, cause};

/// How long the queue may take to say what became of the agent.
const ANSWER_MAX: Duration = Duration::from_secs(5);

impl FeatureCode {
    /// The code behind a called number, if it is one.
    pub fn of(dnis: &Dnis) -> Option<Self> {
        match dnis.expose() {
            "*45" => Some(FeatureCode::LogInOut),
            "*46" => Some(FeatureCode::Ready),
            "*47" => Some(FeatureCode::EndAfterCallWork),
            _ => None,
        }
    }
}

/// One such call.
#[derive(Debug)]
pub(super) struct Feature {
    leg: LegId,
    agent: AgentId,
    code: FeatureCode,
    state: State,
}

#[derive(Debug)]
enum State {
    Answering { until: Timestamp },
    Asking { until: Timestamp },
    Speaking(Playing),
    Over,
}

impl Feature {
    pub(super) fn new(leg: LegId, agent: AgentId, code: FeatureCode, now: Timestamp) -> Self {
        Self { leg, agent, code, state: State::Answering { until: now + ENDING_MAX } }
    }

    pub(super) fn agent(&self) -> &AgentId {
        &self.agent
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    pub(super) fn answer(&mut self, ctx: &mut Context<'_>) {
        ctx.push(Effect::Answer { leg: self.leg });
    }

    pub(super) fn fact(&mut self, ctx: &mut Context<'_>, fact: Fact) {
        match (fact, &self.state) {
            (Fact::Answered, State::Answering { .. }) => {
                self.state = State::Asking { until: ctx.now + ANSWER_MAX };
                let (agent, code) = (self.agent.clone(), self.code);
                ctx.push(Effect::FeatureCode { leg: self.leg, agent, code });
            }
            (Fact::PlayEnded(play), State::Speaking(playing)) if playing.is(play) => {
                self.hang_up(ctx, cause::NORMAL);
            }
            (Fact::Ended(_), _) => {
                ctx.forget_leg(self.leg);
                self.state = State::Over;
            }
            (
                Fact::Ringing
                | Fact::Answered
                | Fact::Digit(_)
                | Fact::PlayEnded(_)
                | Fact::Machine
                | Fact::Beep,
                _,
            ) => {}
        }
    }

    pub(super) fn agent_now(&mut self, ctx: &mut Context<'_>, summary: AgentSummary) {
        if matches!(self.state, State::Asking { .. }) {
            let prompts = confirmation(self.code, summary).iter().map(|id| Prompt::Sound(id));
            self.state = State::Speaking(ctx.play(self.leg, prompts.collect()));
        }
    }

    pub(super) fn hang_up(&mut self, ctx: &mut Context<'_>, cause: u8) {
        ctx.drop_leg(self.leg, cause);
        self.state = State::Over;
    }

    pub(super) fn expire(&mut self, ctx: &mut Context<'_>) {
        if self.deadline().is_some_and(|(at, _)| at <= ctx.now) {
            self.hang_up(ctx, cause::TIMER);
        }
    }

    pub(super) fn deadline(&self) -> Timer {
        match &self.state {
            State::Answering { until } => Some((*until, "acknowledgement")),
            State::Asking { until } => Some((*until, "agent state")),
            State::Speaking(playing) => playing.deadline(),
            State::Over => None,
        }
    }
}

fn confirmation(code: FeatureCode, summary: AgentSummary) -> &'static [&'static str] {
    match (code, summary) {
        (_, AgentSummary::LoggedOut) => &["agent-logged-out"],
        (_, AgentSummary::OnCall) => &["agent-on-call"],
        (_, AgentSummary::AfterCallWork) => &["agent-after-call-work"],
        (FeatureCode::LogInOut, AgentSummary::Ready) => &["agent-logged-in", "agent-ready"],
        (FeatureCode::LogInOut, AgentSummary::NotReady) => &["agent-logged-in", "agent-not-ready"],
        (FeatureCode::Ready, AgentSummary::Ready) => &["agent-ready"],
        (FeatureCode::Ready, AgentSummary::NotReady) => &["agent-not-ready"],
        (FeatureCode::EndAfterCallWork, AgentSummary::Ready) => {
            &["after-call-work-ended", "agent-ready"]
        }
        (FeatureCode::EndAfterCallWork, AgentSummary::NotReady) => {
            &["after-call-work-ended", "agent-not-ready"]
        }
    }
}
