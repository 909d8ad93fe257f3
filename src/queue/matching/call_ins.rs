//! The outstanding Call-In requests: made, found, ended. Everything is found by an index.
//!
//! One that expired stays for a while: a call that had reached the entry may finish its tries. Its
//! code is not given out again meanwhile, but it takes no part of what may be outstanding. Without
//! codes its number may be given out: a call that could be for either is nobody's.
//!
//! A number may be handed out if the call that comes in on it can be told from all others: by its
//! code, or, without codes, because nobody else who is expected there could be meant. Of the
//! numbers that may, each has its turn. Must not: decide what becomes of a callback.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CallInEnd, CallInGroup, CallInRequest, CodeUse, Combination, DrawnCodes, Match, Presented,
};
use crate::ident::{CallInId, GroupId, InteractionId, UserData};
use crate::phone::{Address, CodeHash, Dnis};
use crate::time::Timestamp;

/// Most requests outstanding, over all groups, those that expired lately included.
pub const OUTSTANDING_MAX: usize = 100_000;

/// The bounds of all requests under one key of an index.
const FIRST: CallInId = CallInId(u128::MIN);
const LAST: CallInId = CallInId(u128::MAX);

/// A Call-In request to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewCallIn {
    /// Its id.
    pub id: CallInId,
    /// Its group.
    pub group: GroupId,
    /// Who will call, if the app said so.
    pub ani: Option<Address>,
    /// The callback that it is tied to.
    pub interaction: Option<InteractionId>,
    /// What the app attached.
    pub data: Option<UserData>,
    /// What ends it before its lifetime does: the callback's pushed expiry, purge or close.
    pub not_after: Option<Timestamp>,
    /// Of these codes it is given the first that is free; ignored in a group without codes.
    pub codes: DrawnCodes,
}

/// The number for a new request, and the code that goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Allocated {
    /// The number to call.
    pub number: Dnis,
    /// The index of the code among those drawn, and its hash; `None` in a group without codes.
    pub code: Option<(usize, CodeHash)>,
}

/// What making a request did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Created {
    /// The new row.
    pub request: CallInRequest,
    /// Which of the codes drawn is its code; `None` in a group without codes.
    pub code: Option<usize>,
    /// The earlier requests whose place it took, as they are now.
    pub voided: Vec<CallInRequest>,
}

/// Why no request was made. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// No number of the group may be handed out now. Ask again later.
    #[error("no number of the group is free before {retry_at}")]
    NoneFree {
        /// When the first request in the way expires.
        retry_at: Timestamp,
    },
    /// This group knows its callers by their number alone: the app has to tell it.
    #[error("this group needs the number that will call")]
    AniNeeded,
    /// What the request would be tied to is over by then.
    #[error("it would have expired already")]
    TooLate,
    /// The id belongs to another request.
    #[error("a request with this id is outstanding, or expired lately")]
    IdInUse,
}

/// All outstanding Call-In requests. A clone is independent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CallIns {
    /// The outstanding ones, and those that expired lately.
    pub(super) kept: BTreeMap<CallInId, CallInRequest>,
    /// The youngest of each group, also when it has ended: the numbers go on after its own.
    pub(super) youngest: BTreeMap<GroupId, CallInRequest>,
    pub(super) by_code: BTreeSet<(Dnis, CodeHash, CallInId)>,
    /// How many of the outstanding ones have a code, by number.
    pub(super) coded: BTreeMap<Dnis, u64>,
    /// Those without a code, by number and caller.
    pub(super) uncoded: BTreeSet<(Dnis, Option<Address>, CallInId)>,
    pub(super) by_number: BTreeSet<(Dnis, Timestamp, CallInId)>,
    pub(super) by_ani: BTreeSet<(GroupId, Address, CallInId)>,
    pub(super) by_interaction: BTreeSet<(InteractionId, CallInId)>,
    pub(super) by_expiry: BTreeSet<(Timestamp, CallInId)>,
}

impl CallIns {
    /// From rows: the outstanding ones, those that expired lately and, if it has ended, the
    /// youngest of each group. Other ended rows do no harm: such as expired are dropped when the
    /// time is looked at next.
    pub fn load(rows: impl IntoIterator<Item = CallInRequest>) -> Self {
        let mut all = Self::default();
        for row in rows {
            all.insert(row);
        }
        all
    }

    /// All that decides, for [`CallIns::load`].
    pub fn rows(&self) -> impl Iterator<Item = &CallInRequest> {
        let gone = self.youngest.values().filter(|row| !self.kept.contains_key(&row.id));
        self.kept.values().chain(gone)
    }

    /// An outstanding request.
    pub fn get(&self, id: CallInId) -> Option<&CallInRequest> {
        self.kept.get(&id).filter(|row| row.ended.is_none())
    }

    /// A request that expired, but lately: a call that had reached the entry may be its.
    pub fn expired_lately(&self, id: CallInId) -> Option<&CallInRequest> {
        self.kept.get(&id).filter(|row| row.ended.is_some())
    }

    /// Every outstanding request, by id.
    pub fn outstanding(&self) -> impl Iterator<Item = &CallInRequest> {
        self.kept.values().filter(|row| row.ended.is_none())
    }

    /// The number and code that a request would be given. Requests whose time is over count until
    /// [`CallIns::expire`] has taken them.
    ///
    /// # Errors
    /// [`Refused`]: no number is free, or none would help.
    pub fn allocate(
        &self,
        now: Timestamp,
        group: &CallInGroup,
        new: &NewCallIn,
    ) -> Result<Allocated, Refused> {
        if self.kept.contains_key(&new.id) {
            return Err(Refused::IdInUse);
        }
        if new.not_after.is_some_and(|at| at <= now) {
            return Err(Refused::TooLate);
        }
        let by_ani_alone = group.code == CodeUse::Off && !group.criteria.dnis;
        if new.ani.is_none() && (group.required.ani || by_ani_alone) {
            return Err(Refused::AniNeeded);
        }
        let leaving = self.superseded(new);
        if self.kept.len() - leaving.len() >= OUTSTANDING_MAX {
            return Err(Refused::NoneFree { retry_at: self.next_expiry().unwrap_or(now) });
        }
        let offer = |number: &Dnis| {
            let code = match group.code {
                CodeUse::Always | CodeUse::IfNeeded => {
                    Some(self.free_code(group, new, number, &leaving)?)
                }
                CodeUse::Off if self.is_taken(group, new, number, &leaving) => return None,
                CodeUse::Off => None,
            };
            Some(Allocated { number: number.clone(), code })
        };
        let first_to_expire = |number| {
            let in_the_way = |id| !leaving.contains(&id) && self.get(id).is_some();
            let mut there = self.on_number(number).filter(|&(_, id)| in_the_way(id));
            there.next().map(|(at, _)| at)
        };
        self.in_turn(&new.group, group).find_map(offer).ok_or_else(|| {
            let first = group.numbers.iter().filter_map(first_to_expire).min();
            Refused::NoneFree { retry_at: first.unwrap_or(now) }
        })
    }

    /// Makes a request. Earlier ones of the same group and caller, or of the same callback, are
    /// voided.
    ///
    /// # Errors
    /// As [`CallIns::allocate`].
    pub fn create(
        &mut self,
        now: Timestamp,
        group: &CallInGroup,
        new: NewCallIn,
    ) -> Result<Created, Refused> {
        let Allocated { number, code } = self.allocate(now, group, &new)?;
        let leaving = self.superseded(&new).into_iter();
        let voided = leaving.filter_map(|id| self.end(now, id, CallInEnd::Voided)).collect();
        let lifetime_over = now + group.lifetime;
        let request = CallInRequest {
            id: new.id,
            sequence: self.youngest.get(&new.group).map_or(0, |row| row.sequence + 1),
            group: new.group,
            number,
            code: code.map(|(_, hash)| hash),
            ani: new.ani,
            interaction: new.interaction,
            data: new.data,
            created_at: now,
            expires_at: new.not_after.map_or(lifetime_over, |at| at.min(lifetime_over)),
            ended: None,
        };
        self.insert(request.clone());
        Ok(Created { request, code: code.map(|(index, _)| index), voided })
    }

    /// Whose call is this? `usable` tells whether the callback that a request is tied to may still
    /// be called in for. Nothing changes.
    pub fn matches(
        &self,
        id: &GroupId,
        group: &CallInGroup,
        call: &Presented,
        now: Timestamp,
        usable: impl Fn(InteractionId) -> bool,
    ) -> Match {
        let mut found = Match::NotFound;
        for request in self.near(id, group, call).filter_map(|id| self.kept.get(&id)) {
            let is_over = !request.valid_for(call.since, now)
                || request.interaction.is_some_and(|interaction| !usable(interaction));
            if request.group != *id || is_over {
                continue;
            }
            let Some(combination) = group.agreement(request, call) else { continue };
            if found != Match::NotFound {
                return Match::Ambiguous;
            }
            found = Match::One { id: request.id, combination };
        }
        found
    }

    /// Does this caller have to key a code? In a group that asks if needed: not if the caller and
    /// the number called single out one request.
    pub fn needs_code(
        &self,
        id: &GroupId,
        group: &CallInGroup,
        (ani, dnis): (Option<&Address>, &Dnis),
        now: Timestamp,
        usable: impl Fn(InteractionId) -> bool,
    ) -> bool {
        let call = Presented { ani: ani.cloned(), dnis: dnis.clone(), code: None, since: now };
        match group.code {
            CodeUse::Off => false,
            CodeUse::Always => true,
            CodeUse::IfNeeded => {
                let without = self.matches(id, group, &call, now, usable);
                without.combination() == Combination::NONE
            }
        }
    }

    /// The consumer called who reached the entry at `since`: the request and its code are used up.
    /// `None`, and nothing changes, if it is not there or its time was over by then.
    pub fn spend(
        &mut self,
        now: Timestamp,
        id: CallInId,
        since: Timestamp,
    ) -> Option<CallInRequest> {
        self.kept.get(&id).filter(|row| row.valid_for(since, now))?;
        self.end(now, id, CallInEnd::Matched)
    }

    /// The consumer of this callback talks to an agent: the requests for it are used up.
    pub fn spend_for(&mut self, now: Timestamp, interaction: InteractionId) -> Vec<CallInRequest> {
        let tied: Vec<CallInId> = self.tied_to(interaction).collect();
        tied.into_iter().filter_map(|id| self.end(now, id, CallInEnd::Matched)).collect()
    }

    /// The requests for this callback are valid until then, whatever was said before.
    pub fn prolong(&mut self, interaction: InteractionId, until: Timestamp) -> Vec<CallInId> {
        let tied: Vec<CallInId> = self.tied_to(interaction).collect();
        for id in &tied {
            if let Some(mut row) = self.remove(*id) {
                (row.expires_at, row.ended) = (until, None);
                self.insert(row);
            }
        }
        tied
    }

    /// Withdraws a request; `None` if it is not outstanding.
    pub fn void(&mut self, now: Timestamp, id: CallInId) -> Option<CallInRequest> {
        self.end(now, id, CallInEnd::Voided)
    }

    /// The callback is over, and with it the request tied to it.
    pub fn end_for(&mut self, now: Timestamp, interaction: InteractionId) -> Vec<CallInRequest> {
        let tied: Vec<CallInId> = self.tied_to(interaction).collect();
        tied.into_iter().filter_map(|id| self.end(now, id, CallInEnd::CallbackOver)).collect()
    }

    /// The callback lapsed, and with it the request tied to it expired.
    pub fn expire_for(&mut self, now: Timestamp, interaction: InteractionId) -> Vec<CallInRequest> {
        let tied: Vec<CallInId> = self.tied_to(interaction).collect();
        tied.into_iter().filter_map(|id| self.expired(now, id)).collect()
    }

    /// Ends those whose time is over, the earliest first, and forgets those that are over for long.
    pub fn expire(&mut self, now: Timestamp) -> Vec<CallInRequest> {
        let over = self.by_expiry.range(..=(now, LAST));
        let over: Vec<CallInId> = over.map(|&(_, id)| id).collect();
        over.into_iter().filter_map(|id| self.expired(now, id)).collect()
    }

    /// When the next one expires, or is forgotten.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.by_expiry.first().map(|&(at, _)| at)
    }

    // ---- what may be handed out

    /// The group's numbers, beginning after the one handed out last.
    fn in_turn<'g>(
        &self,
        id: &GroupId,
        group: &'g CallInGroup,
    ) -> impl Iterator<Item = &'g Dnis> + use<'g> {
        let last = self.youngest.get(id).map(|row| &row.number);
        let place = group.numbers.iter().position(|number| Some(number) == last);
        let (before, after) = group.numbers.split_at(place.map_or(0, |place| place + 1));
        after.iter().chain(before)
    }

    /// Those whose place the new one takes.
    fn superseded(&self, new: &NewCallIn) -> BTreeSet<CallInId> {
        let same_caller = new.ani.iter().flat_map(|ani| self.of_caller(&new.group, ani));
        let same_callback = new.interaction.into_iter().flat_map(|it| self.tied_to(it));
        same_caller.chain(same_callback).collect()
    }

    /// The first of the drawn codes that nobody has on this number, if the number has room. A code
    /// that is about to be voided is not given out again.
    fn free_code(
        &self,
        group: &CallInGroup,
        new: &NewCallIn,
        number: &Dnis,
        leaving: &BTreeSet<CallInId>,
    ) -> Option<(usize, CodeHash)> {
        let leave = leaving.iter().filter_map(|id| self.kept.get(id));
        let counts = |row: &&CallInRequest| row.ended.is_none() && row.number == *number;
        let leave = leave.filter(|row| counts(row) && row.code.is_some()).count() as u64;
        let there = self.coded.get(number).copied().unwrap_or(0);
        if there - leave >= group.codes_max() {
            return None;
        }
        let mut drawn = new.codes.of(number).iter().copied().enumerate();
        drawn.find(|(_, hash)| self.with_code(number, *hash).next().is_none())
    }

    /// Without codes: could a call of this consumer to the number mean another request too? One
    /// that does not say who will call may be anybody's.
    fn is_taken(
        &self,
        group: &CallInGroup,
        new: &NewCallIn,
        number: &Dnis,
        leaving: &BTreeSet<CallInId>,
    ) -> bool {
        if !group.criteria.dnis {
            return false;
        }
        let stays = |id: CallInId| !leaving.contains(&id) && self.get(id).is_some();
        match new.ani.clone().filter(|_| group.criteria.ani) {
            None => self.uncoded_on(number).any(stays),
            Some(ani) => {
                let mut theirs = self.uncoded_of(number, Some(ani));
                theirs.any(stays) || self.uncoded_of(number, None).any(stays)
            }
        }
    }

    // ---- the indexes

    /// Those that may be candidates for the call: all that are, and hardly more.
    fn near<'a>(
        &'a self,
        id: &GroupId,
        group: &CallInGroup,
        call: &Presented,
    ) -> Box<dyn Iterator<Item = CallInId> + 'a> {
        let CallInGroup { criteria, required, .. } = *group;
        if let Some(code) = call.code.filter(|_| criteria.code) {
            return Box::new(self.with_code(&call.dnis, code));
        }
        if required.code || group.code == CodeUse::Always {
            return Box::new(std::iter::empty());
        }
        // Without a code, those that have one are known by their ANI alone.
        match call.ani.as_ref().filter(|_| criteria.ani) {
            Some(ani) if criteria.dnis && !required.ani => {
                Box::new(self.of_caller(id, ani).chain(self.uncoded_of(&call.dnis, None)))
            }
            Some(ani) => Box::new(self.of_caller(id, ani)),
            None if criteria.dnis && !required.ani => Box::new(self.uncoded_on(&call.dnis)),
            None => Box::new(std::iter::empty()),
        }
    }

    fn with_code(&self, number: &Dnis, code: CodeHash) -> impl Iterator<Item = CallInId> + use<'_> {
        let bound = |id| (number.clone(), code, id);
        self.by_code.range(bound(FIRST)..=bound(LAST)).map(|&(_, _, id)| id)
    }

    /// Those without a code, on a number, of one caller or of nobody in particular.
    fn uncoded_of(
        &self,
        number: &Dnis,
        ani: Option<Address>,
    ) -> impl Iterator<Item = CallInId> + use<'_> {
        let bound = |id| (number.clone(), ani.clone(), id);
        self.uncoded.range(bound(FIRST)..=bound(LAST)).map(|&(_, _, id)| id)
    }

    /// All without a code on a number.
    fn uncoded_on(&self, number: &Dnis) -> impl Iterator<Item = CallInId> + use<'_> {
        let number = number.clone();
        let from = self.uncoded.range((number.clone(), None, FIRST)..);
        from.take_while(move |(on, _, _)| *on == number).map(|&(_, _, id)| id)
    }

    /// All on a number, the first to expire first.
    fn on_number(&self, number: &Dnis) -> impl Iterator<Item = (Timestamp, CallInId)> + use<'_> {
        let bound = |at, id| (number.clone(), at, id);
        let all = bound(Timestamp::MIN, FIRST)..=bound(Timestamp::MAX, LAST);
        self.by_number.range(all).map(|&(_, at, id)| (at, id))
    }

    fn of_caller(&self, id: &GroupId, ani: &Address) -> impl Iterator<Item = CallInId> + use<'_> {
        let bound = |request| (id.clone(), ani.clone(), request);
        self.by_ani.range(bound(FIRST)..=bound(LAST)).map(|&(_, _, id)| id)
    }

    fn tied_to(&self, interaction: InteractionId) -> impl Iterator<Item = CallInId> + use<'_> {
        let all = (interaction, FIRST)..=(interaction, LAST);
        self.by_interaction.range(all).map(|&(_, id)| id)
    }

    fn insert(&mut self, row: CallInRequest) {
        let youngest = self.youngest.get(&row.group);
        if youngest.is_none_or(|youngest| youngest.sequence <= row.sequence) {
            self.youngest.insert(row.group.clone(), row.clone());
        }
        if row.ended.is_some_and(|(_, end)| end != CallInEnd::Expired) {
            return;
        }
        let id = row.id;
        match row.code {
            Some(code) => {
                self.by_code.insert((row.number.clone(), code, id));
                if row.ended.is_none() {
                    *self.coded.entry(row.number.clone()).or_default() += 1;
                }
            }
            None => {
                self.uncoded.insert((row.number.clone(), row.ani.clone(), id));
            }
        }
        self.by_number.insert((row.number.clone(), row.leaves_at(), id));
        if let Some(ani) = row.ani.clone() {
            self.by_ani.insert((row.group.clone(), ani, id));
        }
        if let Some(interaction) = row.interaction {
            self.by_interaction.insert((interaction, id));
        }
        self.by_expiry.insert((row.leaves_at(), id));
        self.kept.insert(id, row);
    }

    /// Ends a request whose time is over, but keeps it for a while; forgets one after that while.
    fn expired(&mut self, now: Timestamp, id: CallInId) -> Option<CallInRequest> {
        let row = self.remove(id)?;
        if row.ended.is_some() {
            if now < row.leaves_at() {
                self.insert(row);
            }
            return None;
        }
        let row = CallInRequest { ended: Some((now, CallInEnd::Expired)), ..row };
        self.insert(row.clone());
        if row.leaves_at() <= now {
            self.remove(id);
        }
        Some(row)
    }

    /// Ends a request, also one that expired lately: the row says how it ended last.
    fn end(&mut self, now: Timestamp, id: CallInId, end: CallInEnd) -> Option<CallInRequest> {
        let mut row = self.remove(id)?;
        row.ended = Some((now, end));
        if let Some(youngest) = self.youngest.get_mut(&row.group).filter(|it| it.id == id) {
            *youngest = row.clone();
        }
        Some(row)
    }

    /// Forgets those that the other has forgotten. The youngest of a group, if it expired long ago,
    /// is loaded as one that expired lately, until the first look at the time.
    pub(super) fn forget_all_but(&mut self, other: &Self) {
        let gone = self.kept.keys().filter(|id| !other.kept.contains_key(id));
        for id in gone.copied().collect::<Vec<_>>() {
            self.remove(id);
        }
    }

    /// Takes a request out of every index.
    fn remove(&mut self, id: CallInId) -> Option<CallInRequest> {
        let row = self.kept.remove(&id)?;
        match row.code {
            Some(code) => {
                self.by_code.remove(&(row.number.clone(), code, id));
                if row.ended.is_none()
                    && let Some(count) = self.coded.get_mut(&row.number)
                {
                    *count -= 1;
                    if *count == 0 {
                        self.coded.remove(&row.number);
                    }
                }
            }
            None => {
                self.uncoded.remove(&(row.number.clone(), row.ani.clone(), id));
            }
        }
        self.by_number.remove(&(row.number.clone(), row.leaves_at(), id));
        if let Some(ani) = row.ani.clone() {
            self.by_ani.remove(&(row.group.clone(), ani, id));
        }
        if let Some(interaction) = row.interaction {
            self.by_interaction.remove(&(interaction, id));
        }
        self.by_expiry.remove(&(row.leaves_at(), id));
        Some(row)
    }
}
