//! INVITEs without a leg: those we gave up, and those of an earlier run (orphans).
//!
//! A stray INVITE is watched for 64*T1: a 1xx is met with CANCEL, a 2xx with ACK and BYE, a refusal
//! with ACK. An orphan is a dial whose process died; its INVITEs are rebuilt from what was
//! committed, CANCELs for both of the chain leave at once, each a transaction of its own with its
//! retransmissions, and the leg has ended when the chain is known to be over:
//!
//! | INVITE 1 | INVITE 2 | the chain |
//! |---|---|---|
//! | any | final response | over |
//! | final response, no challenge | any | over |
//! | 481 to its CANCEL, or a challenge | 481 to its CANCEL | over |
//! | any 2xx | | over when its BYE is |
//! | anything else | | over after 64*T1, as lost |

use std::net::SocketAddr;

use super::identity::Identity;
use super::leg::Party;
use super::message::{Method, Request, Response};
use super::outbound::Way;
use super::transaction::{LIFETIME, ack_of, cancel_of};
use super::user_agent::{Deadline, Purpose, UserAgent};
use super::{EndedBy, Event, LEGS_MAX, Orphan};
use crate::ident::{LegId, Route, TrunkId};
use crate::time::Timestamp;

/// An INVITE that has no leg.
#[derive(Debug)]
pub(super) struct Stray {
    /// The request, without its body.
    pub(super) invite: Request,
    /// Where it went.
    pub(super) peer: SocketAddr,
    /// The leg of the orphan it belongs to.
    pub(super) leg: Option<LegId>,
    /// Is its CANCEL out?
    pub(super) cancelled: bool,
}

/// A dial of an earlier run.
#[derive(Debug)]
pub(super) struct Orphaned {
    trunk: Option<TrunkId>,
    chains: Vec<Chain>,
}

/// The two INVITEs of one chain, by branch.
#[derive(Debug)]
struct Chain {
    branches: [String; 2],
    fates: [Fate; 2],
}

/// What became of one INVITE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    /// Nothing heard, or its CANCEL was taken.
    Open,
    /// 481 to its CANCEL: they do not know it.
    Unknown,
    /// A final response other than 2xx.
    Refused(u16),
    /// A 2xx: its BYE is out.
    Answered,
}

impl Chain {
    /// Is it over? With the status that ended it, if one did.
    fn over(&self) -> Option<Option<u16>> {
        match self.fates {
            [Fate::Answered, _] | [_, Fate::Answered] => None,
            [_, Fate::Refused(status)] => Some(Some(status)),
            [Fate::Unknown | Fate::Refused(401 | 407), Fate::Unknown] => Some(None),
            [Fate::Refused(401 | 407), Fate::Open] => None,
            [Fate::Refused(status), Fate::Open | Fate::Unknown] => Some(Some(status)),
            [Fate::Open, Fate::Open | Fate::Unknown] | [Fate::Unknown, Fate::Open] => None,
        }
    }
}

impl UserAgent {
    /// Ends a dial of an earlier run whose end is unknown. [`Event::Ended`] follows when the chain
    /// is over, 64*T1 later at the latest; at once if there is nobody to ask.
    pub fn hang_up_orphan(&mut self, now: Timestamp, orphan: Orphan) {
        let leg = orphan.leg;
        if self.legs.contains_key(&leg) || self.orphans.contains_key(&leg) {
            return;
        }
        let ways = self.ways_of(&orphan);
        let trunk = match &orphan.route {
            Route::Trunk(trunk) => Some(trunk.clone()),
            Route::Registrar => None,
        };
        if let Some(known) = trunk.as_ref().and_then(|trunk| self.trunks.get_mut(trunk)) {
            known.take(leg);
        }
        if let Some(trunk) = &trunk {
            self.tell_capacity(trunk);
        }
        let chains = ways.iter().map(|way| self.cancel_chain(now, &orphan, way)).collect();
        self.orphans.insert(leg, Orphaned { trunk, chains });
        self.deadlines.set(now + LIFETIME, Deadline::OrphanLimit(leg));
        self.check_orphan(leg);
    }

    fn ways_of(&self, orphan: &Orphan) -> Vec<Way> {
        match &orphan.route {
            Route::Trunk(trunk) => {
                self.way_over_trunk(trunk, &orphan.callee, &orphan.caller).into_iter().collect()
            }
            Route::Registrar => self
                .contacts(&orphan.callee)
                .into_iter()
                .filter_map(|contact| self.way_to_contact(contact, &orphan.caller))
                .collect(),
        }
    }

    fn cancel_chain(&mut self, now: Timestamp, orphan: &Orphan, way: &Way) -> Chain {
        let identity = Identity::derived(&self.settings.dial_key, orphan.attempt, &way.name);
        // Without credentials no challenge was answered: there was no second INVITE.
        let answers = match &way.party {
            Party::Trunk(trunk) => {
                self.trunks.get(trunk).is_some_and(|known| known.settings.credentials.is_some())
            }
            Party::User(_) => false,
        };
        let sent = if answers { 2 } else { 1 };
        for (branch, cseq) in identity.branches.iter().take(sent).zip(1..) {
            let invite = self.bare_invite(way, &orphan.display_name, &identity, branch, cseq);
            let leg = Some(orphan.leg);
            let mut stray = Stray { invite, peer: way.peer, leg, cancelled: false };
            self.cancel_stray(now, branch, &mut stray);
            self.watch_stray(now, stray);
        }
        let second = if answers { Fate::Open } else { Fate::Unknown };
        Chain { branches: identity.branches, fates: [Fate::Open, second] }
    }

    fn cancel_stray(&mut self, now: Timestamp, branch: &str, stray: &mut Stray) {
        let mut cancel = cancel_of(&stray.invite);
        cancel.headers.push("Reason", "Q.850;cause=41;text=\"Temporary failure\"");
        let purpose = Purpose::StrayCancel(branch.to_owned());
        stray.cancelled = self.transactions.request(now, stray.peer, &cancel, purpose).is_some();
    }

    /// Watches an INVITE that has no leg for as long as a response to it may come.
    pub(super) fn watch_stray(&mut self, now: Timestamp, stray: Stray) {
        let Some(branch) = stray.invite.top_via().branch().map(str::to_owned) else { return };
        if self.strays.len() >= 2 * LEGS_MAX {
            return;
        }
        self.deadlines.set(now + LIFETIME, Deadline::Stray(branch.clone()));
        self.strays.insert(branch, stray);
    }

    /// A response that no transaction waits for.
    pub(super) fn hear_stray(&mut self, now: Timestamp, response: &Response) {
        let via = response.top_via();
        let Some(branch) = via.branch().filter(|_| response.cseq().method == Method::Invite) else {
            return;
        };
        let Some(mut stray) = self.strays.remove(branch) else { return };
        let leg = stray.leg;
        let fate = match response.status {
            0..200 => {
                if !stray.cancelled {
                    self.cancel_stray(now, branch, &mut stray);
                }
                Fate::Open
            }
            200..300 => {
                self.disown(now, response, stray.peer, leg);
                Fate::Answered
            }
            status => {
                let ack = ack_of(&stray.invite, response).to_bytes();
                self.transactions.send(stray.peer, ack);
                Fate::Refused(status)
            }
        };
        self.strays.insert(branch.to_owned(), stray);
        if fate != Fate::Open {
            self.learn(leg, branch, fate);
        }
    }

    /// The answer to the CANCEL of a stray.
    pub(super) fn hear_stray_cancel(&mut self, branch: &str, status: u16) {
        if status != 481 {
            return;
        }
        let Some(stray) = self.strays.get_mut(branch) else { return };
        // Should they learn of the INVITE after all, its 1xx brings the next CANCEL.
        stray.cancelled = false;
        let leg = stray.leg;
        self.learn(leg, branch, Fate::Unknown);
    }

    fn learn(&mut self, leg: Option<LegId>, branch: &str, fate: Fate) {
        let Some(leg) = leg else { return };
        let Some(orphan) = self.orphans.get_mut(&leg) else { return };
        for chain in &mut orphan.chains {
            for (known, slot) in chain.branches.iter().zip(&mut chain.fates) {
                if known == branch && matches!(slot, Fate::Open | Fate::Unknown) {
                    *slot = fate;
                }
            }
        }
        self.check_orphan(leg);
    }

    fn check_orphan(&mut self, leg: LegId) {
        let Some(orphan) = self.orphans.get(&leg) else { return };
        let ends: Option<Vec<Option<u16>>> = orphan.chains.iter().map(Chain::over).collect();
        if let Some(ends) = ends {
            // Without a way there was nobody to ask: nothing is known of its end.
            let by = if orphan.chains.is_empty() { EndedBy::Lost } else { EndedBy::Us };
            let status = ends.into_iter().flatten().next();
            self.end_orphan(leg, by, status);
        }
    }

    /// An orphan is over.
    pub(super) fn end_orphan(&mut self, leg: LegId, by: EndedBy, status: Option<u16>) {
        let Some(orphan) = self.orphans.remove(&leg) else { return };
        self.deadlines.clear(&Deadline::OrphanLimit(leg));
        if let Some(trunk) = &orphan.trunk {
            self.release_channel(trunk, leg);
        }
        self.emit(Event::Ended { leg, by, status });
    }
}
