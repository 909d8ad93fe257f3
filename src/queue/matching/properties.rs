//! Call-In requests by random operations, beside a list that is searched from end to end.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::tests::{NOW, caller, number, rules_hold};
use super::*;
use crate::ident::Entropy;

/// What may be done.
#[derive(Clone, Debug)]
enum Op {
    Create(Wish),
    Call(Seen),
    Void(usize),
    EndFor(u8),
    Wait(u16),
    Expire,
    Reload,
}

/// A request to be made. Small numbers, so that they meet; 0 is none.
#[derive(Clone, Debug)]
struct Wish {
    group: usize,
    ani: u8,
    callback: u8,
    not_after: Option<u16>,
    codes: Vec<u8>,
}

/// A call, with the code of a number, at a time when one callback is over.
#[derive(Clone, Debug)]
struct Seen {
    group: usize,
    ani: u8,
    number: usize,
    code: Option<(usize, u8)>,
    over: u8,
    /// Seconds since the call reached the entry.
    ago: u16,
    spends: bool,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let codes = prop::collection::vec(0..4_u8, 0..4);
    let wish = (0..2_usize, 0..4_u8, 0..4_u8, prop::option::of(0..3000_u16), codes);
    let wish = wish.prop_map(|(group, ani, callback, not_after, codes)| {
        Op::Create(Wish { group, ani, callback, not_after, codes })
    });
    let code = prop::option::of((0..4_usize, 0..4_u8));
    let ago = prop_oneof![Just(0), 0..2000_u16];
    let seen = (0..2_usize, 0..4_u8, 0..4_usize, code, 0..8_u8, ago, any::<bool>());
    let seen = seen.prop_map(|(group, ani, number, code, over, ago, spends)| {
        Op::Call(Seen { group, ani, number, code, over, ago, spends })
    });
    let op = prop_oneof![
        8 => wish,
        8 => seen,
        1 => (0..50_usize).prop_map(Op::Void),
        1 => (1..4_u8).prop_map(Op::EndFor),
        2 => (0..1500_u16).prop_map(Op::Wait),
        2 => (0..100_u16).prop_map(Op::Wait),
        3 => Just(Op::Expire),
        1 => Just(Op::Reload),
    ];
    prop::collection::vec(op, 1..60)
}

/// Any policy that the configuration takes, and those that know nobody.
fn policy() -> impl Strategy<Value = CallInGroup> {
    let code = prop_oneof![
        Just(CodeUse::Always),
        Just(CodeUse::Always),
        Just(CodeUse::IfNeeded),
        Just(CodeUse::Off),
    ];
    let set = || {
        let every = Combination::every();
        prop_oneof![Just(Combination::ALL), prop::sample::select(every.to_vec())]
    };
    (code, set(), set(), any::<bool>(), 4..=5_u8).prop_map(
        |(code, mut criteria, required, strict, code_length)| {
            criteria.code &= code != CodeUse::Off;
            let required = Combination {
                code: strict && criteria.code && required.code,
                ani: strict && criteria.ani && required.ani,
                dnis: strict && criteria.dnis && required.dnis,
            };
            CallInGroup { code, code_length, criteria, required, ..CallInGroup::default() }
        },
    )
}

/// A hash that says which number and code it is of.
fn plain_hash(number: usize, code: u8) -> CodeHash {
    let mut bytes = [0; 32];
    (bytes[0], bytes[31]) = (number as u8, code);
    CodeHash::from_bytes(bytes)
}

fn some_caller(n: u8) -> Option<Address> {
    (n > 0).then(|| caller(n))
}

/// The same by searching the list of all requests ever made.
struct Naive {
    made: Vec<CallInRequest>,
    /// Those that expired and may be called for yet.
    late: BTreeSet<CallInId>,
    groups: Vec<CallInGroup>,
}

impl Naive {
    fn outstanding(&self) -> impl Iterator<Item = &CallInRequest> {
        self.made.iter().filter(|row| row.ended.is_none())
    }

    fn kept(&self) -> impl Iterator<Item = &CallInRequest> {
        self.made.iter().filter(|row| row.ended.is_none() || self.late.contains(&row.id))
    }

    /// When it expired or will, and when it is forgotten or expires.
    fn ends(row: &CallInRequest) -> (Timestamp, Timestamp) {
        match row.ended {
            None => (row.expires_at, row.expires_at),
            Some((at, _)) => {
                let over = at.min(row.expires_at);
                (over, over + TRIES_WITHIN)
            }
        }
    }

    fn expire(&mut self, now: Timestamp) -> Vec<CallInId> {
        let forgotten: Vec<CallInId> = self
            .kept()
            .filter(|row| row.ended.is_some() && Self::ends(row).1 <= now)
            .map(|row| row.id)
            .collect();
        for id in forgotten {
            self.late.remove(&id);
        }
        let is_over = |row: &CallInRequest| row.ended.is_none() && row.expires_at <= now;
        let expired = self.end(now, CallInEnd::Expired, is_over);
        let stays =
            |id: &&CallInId| self.made.iter().any(|row| row.id == **id && now < Self::ends(row).1);
        let late: Vec<CallInId> = expired.iter().filter(stays).copied().collect();
        self.late.extend(late);
        expired
    }

    /// The table in the documentation of [`super`].
    fn agrees(group: &CallInGroup, row: &CallInRequest, call: &Presented) -> Option<Combination> {
        let code = call.code.map(|code| row.number == call.dnis && row.code == Some(code));
        let ani = match (&call.ani, &row.ani) {
            (Some(call), Some(row)) => Some(call == row),
            _ => None,
        };
        let looked_at = [
            (group.criteria.code, code),
            (group.criteria.ani, ani),
            (group.criteria.dnis, Some(call.dnis == row.number)),
        ];
        let [code, ani, dnis] =
            looked_at.map(|(is_looked_at, says)| is_looked_at && says == Some(true));
        let wrong = looked_at.contains(&(true, Some(false)));
        let agreed = Combination { code, ani, dnis };
        let missing = (group.required.code && !code)
            || (group.required.ani && !ani)
            || (group.required.dnis && !dnis);
        let unknown = match group.code {
            CodeUse::Always => !code,
            CodeUse::IfNeeded | CodeUse::Off => row.code.is_some() && !code && !ani,
        };
        (!wrong && !missing && !unknown && (code || ani || dnis)).then_some(agreed)
    }

    fn matches(&self, group: usize, call: &Presented, now: Timestamp, over: u8) -> Match {
        let id = group_id(group);
        let candidates: Vec<_> = self
            .kept()
            .filter(|row| {
                let over = Self::ends(row).0;
                row.group == id && call.since < over && now < over + TRIES_WITHIN
            })
            .filter(|row| row.interaction.is_none_or(|it| it.0 != u128::from(over)))
            .filter_map(|row| Some((row.id, Self::agrees(&self.groups[group], row, call)?)))
            .collect();
        match candidates[..] {
            [] => Match::NotFound,
            [(id, combination)] => Match::One { id, combination },
            _ => Match::Ambiguous,
        }
    }

    /// Is there a caller to this number who could mean the new one and one that is there?
    fn is_mistakable(group: &CallInGroup, new: &CallInRequest, there: &[&CallInRequest]) -> bool {
        let callers: Vec<u8> =
            (1..4).filter(|n| new.ani.is_none() || new.ani == some_caller(*n)).collect();
        there.iter().any(|row| {
            callers.iter().any(|&n| {
                let call = Presented {
                    ani: Some(caller(n)),
                    dnis: new.number.clone(),
                    code: None,
                    since: NOW,
                };
                let means = |row: &CallInRequest| Self::agrees(group, row, &call).is_some();
                row.group == new.group && means(new) && means(row)
            })
        })
    }

    fn create(
        &mut self,
        now: Timestamp,
        index: usize,
        new: &NewCallIn,
    ) -> Result<Vec<CallInId>, Refused> {
        let group = &self.groups[index];
        if new.not_after.is_some_and(|at| at <= now) {
            return Err(Refused::TooLate);
        }
        if new.ani.is_none()
            && (group.required.ani || (group.code == CodeUse::Off && !group.criteria.dnis))
        {
            return Err(Refused::AniNeeded);
        }
        let is_replaced = |row: &&CallInRequest| {
            (row.group == new.group && row.ani.is_some() && row.ani == new.ani)
                || (row.interaction.is_some() && row.interaction == new.interaction)
        };
        let (replaced, stay): (Vec<&CallInRequest>, Vec<&CallInRequest>) =
            self.kept().partition(is_replaced);
        let last = self.made.iter().rfind(|row| row.group == new.group);
        let last = last.and_then(|row| group.numbers.iter().position(|it| *it == row.number));
        let start = last.map_or(0, |at| at + 1);
        let mut row = CallInRequest {
            id: new.id,
            group: new.group.clone(),
            sequence: self.made.iter().filter(|row| row.group == new.group).count() as u64,
            number: number(0),
            code: None,
            ani: new.ani.clone(),
            interaction: new.interaction,
            created_at: now,
            expires_at: (now + group.lifetime).min(new.not_after.unwrap_or(Timestamp::MAX)),
            ended: None,
            data: None,
        };
        let free = (0..group.numbers.len()).find(|turn| {
            row.number = group.numbers[(start + turn) % group.numbers.len()].clone();
            let there: Vec<&CallInRequest> =
                stay.iter().copied().filter(|it| it.number == row.number).collect();
            if group.code == CodeUse::Off {
                let there: Vec<&CallInRequest> =
                    there.into_iter().filter(|it| it.ended.is_none()).collect();
                return !Self::is_mistakable(group, &row, &there);
            }
            let has = |code: &&CodeHash| {
                self.kept().any(|it| it.number == row.number && it.code == Some(**code))
            };
            row.code = new.codes.of(&row.number).iter().find(|code| !has(code)).copied();
            let coded = there.iter().filter(|it| it.code.is_some() && it.ended.is_none()).count();
            row.code.is_some() && (coded as u64) < 10_u64.pow(u32::from(group.code_length) - 4)
        });
        let in_the_way = stay.iter().filter(|it| it.ended.is_none());
        let in_the_way = in_the_way.filter(|it| group.numbers.contains(&it.number));
        let retry_at = in_the_way.map(|it| Self::ends(it).1).min().unwrap_or(now);
        free.ok_or(Refused::NoneFree { retry_at })?;
        let replaced = ids(replaced);
        let voided = self.end(now, CallInEnd::Voided, |row| replaced.contains(&row.id));
        self.made.push(row);
        Ok(voided)
    }

    /// Ends those of the outstanding that are meant; tells which.
    fn end(
        &mut self,
        now: Timestamp,
        how: CallInEnd,
        is_meant: impl Fn(&CallInRequest) -> bool,
    ) -> Vec<CallInId> {
        let mut ended = Vec::new();
        for row in self.made.iter_mut().filter(|row| is_meant(row)) {
            if row.ended.is_none() || self.late.remove(&row.id) {
                row.ended = Some((now, how));
                ended.push(&*row);
            }
        }
        ids(ended)
    }
}

fn group_id(n: usize) -> GroupId {
    GroupId::new(["one", "two"][n])
}

/// Their ids, in order.
fn ids<'a>(rows: impl IntoIterator<Item = &'a CallInRequest>) -> Vec<CallInId> {
    let ids: BTreeSet<CallInId> = rows.into_iter().map(|row| row.id).collect();
    ids.into_iter().collect()
}

/// Both, told the same.
struct Pair {
    all: CallIns,
    naive: Naive,
    now: Timestamp,
    entropy: Entropy,
    /// The kinds of answers that were given.
    met: BTreeSet<String>,
}

impl Pair {
    fn new(policies: [CallInGroup; 2]) -> Self {
        let numbers = |n: usize| vec![number(2 * n), number(2 * n + 1)];
        let groups = policies.into_iter().enumerate();
        let groups =
            groups.map(|(n, group)| CallInGroup { numbers: numbers(n), ..group }).collect();
        let naive = Naive { made: Vec::new(), late: BTreeSet::new(), groups };
        let (entropy, met) = (Entropy::from_number(1), BTreeSet::new());
        Self { all: CallIns::default(), naive, now: NOW, entropy, met }
    }

    fn tell(&mut self, op: Op) {
        let (before, now) = (self.all.clone(), self.now);
        let ended = match op {
            Op::Create(wish) => self.create(wish),
            Op::Call(call) => self.call(call),
            Op::Void(n) => {
                let id = self.naive.made.get(n).map_or(CallInId(0), |row| row.id);
                let ended: Vec<_> = self.all.void(now, id).into_iter().collect();
                let naive = self.naive.end(now, CallInEnd::Voided, |row| row.id == id);
                assert_eq!(ids(&ended), naive);
                ended
            }
            Op::EndFor(n) => {
                let id = InteractionId(n.into());
                let ended = self.all.end_for(now, id);
                let is_tied = |row: &CallInRequest| row.interaction == Some(id);
                assert_eq!(ids(&ended), self.naive.end(now, CallInEnd::CallbackOver, is_tied));
                ended
            }
            Op::Wait(seconds) => {
                self.now += Duration::from_secs(seconds.into());
                Vec::new()
            }
            Op::Expire => {
                let ended = self.all.expire(now);
                assert_eq!(ids(&ended), self.naive.expire(now));
                ended
            }
            Op::Reload => {
                self.all = CallIns::load(self.all.rows().cloned());
                self.all.forget_all_but(&before);
                Vec::new()
            }
        };
        self.met.extend(ended.iter().map(|row| format!("{:?}", row.ended.unwrap().1)));
        self.check(&before, &ended);
    }

    fn create(&mut self, wish: Wish) -> Vec<CallInRequest> {
        let settings = self.naive.groups[wish.group].clone();
        let hashes = |(at, number): (usize, &Dnis)| {
            let hash = |&code| plain_hash(2 * wish.group + at, code);
            (number.clone(), wish.codes.iter().map(hash).collect())
        };
        let new = NewCallIn {
            id: CallInId::draw(&mut self.entropy),
            group: group_id(wish.group),
            ani: some_caller(wish.ani),
            interaction: (wish.callback > 0).then(|| InteractionId(wish.callback.into())),
            not_after: wish.not_after.map(|it| NOW + Duration::from_secs(it.into())),
            codes: DrawnCodes(settings.numbers.iter().enumerate().map(hashes).collect()),
            data: None,
        };
        let naive = self.naive.create(self.now, wish.group, &new);
        let made = self.all.create(self.now, &settings, new.clone());
        assert_eq!(made.as_ref().map(|made| ids(&made.voided)), naive.as_ref().cloned());
        let made = match made {
            Ok(made) => made,
            Err(refused) => {
                self.met.insert(format!("{refused:?}").split(' ').next().unwrap().to_owned());
                return Vec::new();
            }
        };
        assert_eq!(Some(&made.request), self.naive.made.last());
        let code = made.code.map(|index| new.codes.of(&made.request.number)[index]);
        assert_eq!(code, made.request.code, "the index is that of the code");
        made.voided
    }

    fn call(&mut self, seen: Seen) -> Vec<CallInRequest> {
        let (now, group, id) = (self.now, seen.group, group_id(seen.group));
        let code = seen.code.map(|(of, code)| plain_hash(of, code));
        let since = now - Duration::from_secs(seen.ago.into());
        let call = Presented { ani: some_caller(seen.ani), dnis: number(seen.number), code, since };
        let settings = &self.naive.groups[group];
        let usable = |it: InteractionId| it.0 != u128::from(seen.over);
        let found = self.all.matches(&id, settings, &call, now, usable);
        assert_eq!(found, self.naive.matches(group, &call, now, seen.over), "{call:?}");
        self.met.insert(match found {
            Match::One { combination, .. } => combination.to_string(),
            Match::NotFound => "not found".to_owned(),
            Match::Ambiguous => "ambiguous".to_owned(),
        });

        let without = Presented { code: None, since: now, ..call.clone() };
        let without = self.naive.matches(group, &without, now, seen.over);
        let expected = match settings.code {
            CodeUse::Off => false,
            CodeUse::Always => true,
            CodeUse::IfNeeded => !matches!(without, Match::One { .. }),
        };
        let shown = (call.ani.as_ref(), &call.dnis);
        assert_eq!(self.all.needs_code(&id, settings, shown, now, usable), expected);

        let Match::One { id, .. } = found else { return Vec::new() };
        if !seen.spends {
            return Vec::new();
        }
        if self.all.expired_lately(id).is_some() {
            self.met.insert("late".to_owned());
        }
        self.naive.end(now, CallInEnd::Matched, |row| row.id == id);
        self.all.spend(now, id, since).into_iter().collect()
    }

    fn check(&self, before: &CallIns, ended: &[CallInRequest]) {
        rules_hold(&self.all);
        code_single_use(before, ended, &self.all).unwrap();
        let next = self.naive.kept().map(|row| Naive::ends(row).1).min();
        assert_eq!(self.all.next_expiry(), next);
        let mut expected: Vec<&CallInRequest> = self.naive.outstanding().collect();
        expected.sort_by_key(|row| row.id);
        assert!(self.all.outstanding().eq(expected));
        assert!(ended.iter().all(|row| self.naive.made.contains(row)));
        let late: BTreeSet<CallInId> =
            self.all.kept.values().filter(|row| row.ended.is_some()).map(|row| row.id).collect();
        assert_eq!(late, self.naive.late);
    }
}

/// Else the property below could hold of what never happens.
#[test]
fn random_operations_meet_every_answer() {
    let mut runner = TestRunner::deterministic();
    let mut met = BTreeSet::new();
    for _ in 0..3000 {
        let drawn = ([policy(), policy()], ops()).new_tree(&mut runner).unwrap();
        let (policies, ops) = drawn.current();
        let mut pair = Pair::new(policies);
        ops.into_iter().for_each(|op| pair.tell(op));
        met.append(&mut pair.met);
    }
    let matched = Combination::every().into_iter().skip(1).map(|it| it.to_string());
    let answers = ["not found", "late", "ambiguous", "NoneFree", "AniNeeded", "TooLate"];
    let ends = ["Matched", "Expired", "Voided", "CallbackOver"];
    let expected: BTreeSet<String> =
        matched.chain(answers.iter().chain(&ends).map(|it| it.to_string())).collect();
    assert_eq!(met, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_indexes_find_what_a_search_of_the_whole_list_finds(
        policies in [policy(), policy()],
        ops in ops(),
    ) {
        let mut pair = Pair::new(policies);
        for op in ops {
            pair.tell(op);
        }
    }
}
