//! Agents as the telephone knows them: the phones by which they are reached, and what these ask.
//!
//! A phone registers here, or is a number that a trunk leads to; which one, the configuration says.
//! A trunk's word is taken for who calls, but for calls to an entry, so that an agent beyond it
//! dials feature codes as one who registered does, and calls out by the same rules.

use super::event_loop::EventLoop;
use super::translate;
use crate::calls::effect::FeatureCode;
use crate::calls::event::{AgentPhone, Caller};
use crate::ident::{AgentId, LegId, TrunkId};
use crate::phone::{Address, Ani, Dnis};
use crate::queue::event::OnRegister;
use crate::queue::{self, AgentState};
use crate::{calls, sip};

impl EventLoop {
    /// The phones of an agent; none: unreachable.
    pub(super) fn phones(&self, agent: &AgentId) -> Vec<AgentPhone> {
        match self.beyond(agent) {
            Some((trunk, number)) => vec![AgentPhone::Extension(trunk.clone(), number.clone())],
            None => {
                let contacts = self.sip.contacts(agent.as_str());
                contacts.into_iter().map(AgentPhone::Contact).collect()
            }
        }
    }

    /// Is the trunk to their phone without a channel, or resting after a failure?
    pub(super) fn is_way_barred(&self, agent: &AgentId) -> bool {
        self.beyond(agent).is_some_and(|(trunk, _)| self.sip.trunk_free(trunk) == 0)
    }

    fn beyond(&self, agent: &AgentId) -> Option<&(TrunkId, Address)> {
        self.agent_phones.get(agent)?.beyond.as_ref()
    }

    /// Who calls. Of an outside number that calls an entry nobody believes that it is an agent's:
    /// it may be anybody's word.
    pub(super) fn caller(&self, from: sip::From, ani: &Ani, dnis: &Dnis) -> Caller {
        match from {
            sip::From::Trunk(trunk) => {
                let entries = &self.calls.settings().entries;
                if entries.iter().any(|entry| entry.dnis.matches(dnis.expose())) {
                    return Caller::Trunk(trunk);
                }
                let calls = |(own, number): &(TrunkId, Address)| {
                    *own == trunk && is_spelled(number.expose(), ani.expose())
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

    /// A registration came or ended; one that is renewed is not told.
    pub(super) fn bound(&mut self, user: &str, contacts: usize, joined: bool) {
        let agent = AgentId::new(user);
        let Some(row) = self.queue.agent(&agent) else { return };
        let logged_out = row.state == AgentState::LoggedOut;
        if contacts > 0 && !logged_out && !row.contact_checked {
            self.sip.check_contact(self.clock.steady(), user);
        }
        if contacts == 0 {
            return self.tell(queue::Event::AgentContactLost { agent });
        }
        if !joined {
            return;
        }
        let phone = self.agent_phones.get(&agent);
        let on_register = phone.map_or(OnRegister::NotReady, |it| it.on_register);
        self.tell(queue::Event::AgentContactFound { agent, on_register });
    }

    /// An agent dialled a feature code. Their phone is busy until they hang up, so what makes them
    /// Ready waits for the end of this call; all else is done at once.
    pub(super) fn feature_code(&mut self, leg: LegId, agent: &AgentId, code: FeatureCode) {
        let Some(row) = self.queue.agent(agent) else { return };
        let asked = translate::feature(row, code, !self.phones(agent).is_empty());
        let Some(leg) = self.legs.get_mut(&leg) else { return };
        leg.after = asked.after;
        self.tell(asked.at_once);
        let (agent, state) = (agent.clone(), asked.told);
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

/// Trunks say a whole number with `+`, with `00`, or with nothing before it.
fn is_spelled(number: &str, said: &str) -> bool {
    let Some(digits) = number.strip_prefix('+') else { return number == said };
    said.strip_prefix('+').or_else(|| said.strip_prefix("00")).unwrap_or(said) == digits
}

#[cfg(test)]
mod tests {
    use super::is_spelled;

    #[test]
    fn a_whole_number_has_three_spellings_and_an_extension_one() {
        let table = [
            ("+14155550123", "+14155550123", true),
            ("+14155550123", "14155550123", true),
            ("+14155550123", "0014155550123", true),
            ("+14155550123", "4155550123", false),
            ("201", "201", true),
            ("201", "+201", false),
            ("201", "00201", false),
        ];
        for (number, said, same) in table {
            assert_eq!(is_spelled(number, said), same, "{number} {said}");
        }
    }
}
