//! Agents as the telephone knows them: the phones by which they are reached, and what these ask.
//!
//! A phone registers here, or is a number that a trunk leads to; which one, the configuration says.
//! A trunk's word is taken for who calls, so that an agent beyond it dials feature codes as one who
//! registered does.

use super::event_loop::EventLoop;
use super::translate;
use crate::calls::effect::FeatureCode;
use crate::calls::event::{AgentPhone, AgentSummary, Caller};
use crate::config::OnRegister;
use crate::ident::{AgentId, LegId, TrunkId};
use crate::phone::{Address, Ani};
use crate::queue::{self, AgentState};
use crate::{calls, sip};

impl EventLoop {
    /// The phones of an agent that may be rung now; none: unreachable.
    pub(super) fn phones(&self, agent: &AgentId) -> Vec<AgentPhone> {
        match self.beyond(agent) {
            Some((trunk, _)) if self.sip.trunk_free(trunk) == 0 => Vec::new(),
            Some((trunk, number)) => vec![AgentPhone::Extension(trunk.clone(), number.clone())],
            None => {
                let contacts = self.sip.contacts(agent.as_str());
                contacts.into_iter().map(AgentPhone::Contact).collect()
            }
        }
    }

    fn beyond(&self, agent: &AgentId) -> Option<&(TrunkId, Address)> {
        self.agent_phones.get(agent)?.beyond.as_ref()
    }

    /// Who calls.
    pub(super) fn caller(&self, from: sip::From, ani: &Ani) -> Caller {
        match from {
            sip::From::Trunk(trunk) => {
                let calls = |(own, number): &(TrunkId, Address)| {
                    *own == trunk && number.expose() == ani.expose()
                };
                let mut agents = self.agent_phones.iter();
                match agents.find(|(_, phone)| phone.beyond.as_ref().is_some_and(calls)) {
                    Some((agent, _)) => Caller::Agent(agent.clone()),
                    None => Caller::Trunk(trunk),
                }
            }
            sip::From::User(user) => {
                let agent = AgentId::new(&user);
                let known = self.queue_settings.agents.contains_key(&agent);
                if known { Caller::Agent(agent) } else { Caller::Device }
            }
        }
    }

    /// A registration came, was renewed, or ran out.
    pub(super) fn bound(&mut self, user: &str, contacts: usize) {
        let agent = AgentId::new(user);
        let Some(row) = self.queue.agent(&agent) else { return };
        let logged_out = row.state == AgentState::LoggedOut;
        if contacts > 0 && !logged_out && !row.contact_checked {
            self.sip.check_contact(self.clock.steady(), user);
        }
        if contacts == 0 {
            return self.tell(queue::Event::AgentContactLost { agent });
        }
        let wish = self.agent_phones.get(&agent).map_or(OnRegister::NotReady, |it| it.on_register);
        match wish {
            OnRegister::Keep => {}
            OnRegister::Ready if logged_out => {
                self.tell(queue::Event::AgentLoggedIn { agent, ready: true });
            }
            OnRegister::NotReady if logged_out => {
                self.tell(queue::Event::AgentLoggedIn { agent, ready: false });
            }
            OnRegister::Ready | OnRegister::NotReady => {}
        }
    }

    /// An agent dialled a feature code. Their phone is busy until they hang up, so what makes them
    /// Ready waits for the end of this call; all else is done at once.
    pub(super) fn feature_code(&mut self, leg: LegId, agent: &AgentId, code: FeatureCode) {
        let Some(row) = self.queue.agent(agent) else { return };
        let (mut event, mut state) = translate::feature(row, code);
        if state == AgentSummary::Ready && self.phones(agent).is_empty() {
            // Ready needs a phone that can be rung: they are logged in, and told Not ready.
            event = queue::Event::AgentLoggedIn { agent: agent.clone(), ready: false };
            state = AgentSummary::NotReady;
        }
        match (state, self.legs.get_mut(&leg)) {
            (AgentSummary::Ready, Some(leg)) => leg.after = Some(event),
            _ => self.tell(event),
        }
        let agent = agent.clone();
        self.order(calls::Event::AgentNow { agent, state });
    }

    /// After a start: does the phone of each agent who is logged in answer?
    pub(super) fn check_contacts(&mut self) {
        let now = self.clock.steady();
        let agents: Vec<AgentId> = self.queue_settings.agents.keys().cloned().collect();
        for agent in agents {
            let here = self
                .queue
                .agent(&agent)
                .is_some_and(|row| row.state != queue::AgentState::LoggedOut);
            if !here {
                continue;
            }
            match self.beyond(&agent) {
                // Nothing of an earlier process stands between: the next call shows it.
                Some(_) => self.tell(queue::Event::ContactChecked { agent, reachable: true }),
                None => self.sip.check_contact(now, agent.as_str()),
            }
        }
    }
}
