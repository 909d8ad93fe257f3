//! The index of who waits: interactions by class (queue, expression, routes), each class in order.
//!
//! Whether an agent may serve an interaction, and what may carry a dial to it, depends on its class
//! alone. There are few classes and many interactions, so that `routing` looks at the heads of
//! classes that an agent serves, never at all interactions. Must not: decide anything.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::interaction::Place;
use super::skill::SkillExpression;
use crate::ident::{InteractionId, Route};

/// Idle classes kept before they are swept.
const IDLE_MAX: usize = 4096;

/// A set of small numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn set(&mut self, n: usize, present: bool) {
        if self.0.len() <= n / 64 {
            self.0.resize(n / 64 + 1, 0);
        }
        if present {
            self.0[n / 64] |= 1 << (n % 64);
        } else {
            self.0[n / 64] &= !(1 << (n % 64));
        }
    }

    pub(super) fn has(&self, n: usize) -> bool {
        self.0.get(n / 64).is_some_and(|word| word >> (n % 64) & 1 == 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    pub(super) fn join(&mut self, other: &Bits) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    pub(super) fn meets(&self, other: &Bits) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    /// Takes out what is in the other too.
    pub(super) fn subtract(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= !b);
    }

    /// How many are in both.
    pub(super) fn count_common(&self, other: &Bits) -> usize {
        self.0.iter().zip(&other.0).map(|(a, b)| (a & b).count_ones() as usize).sum()
    }

    /// The numbers in both, ascending.
    pub(super) fn common<'a>(&'a self, other: &'a Bits) -> impl Iterator<Item = usize> + 'a {
        self.0.iter().zip(&other.0).enumerate().flat_map(|(n, (a, b))| ones(n, a & b))
    }

    /// The numbers, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(n, &word)| ones(n, word))
    }
}

fn ones(n: usize, mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
        word &= word - 1;
        Some(64 * n + bit)
    })
}

/// Where in its class an interaction stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Spot {
    /// On the line, may be alerted.
    Line,
    /// Virtual, due and free: may be dialled.
    Due,
    /// Virtual, due and free, of a consumer who calls in: may be pushed.
    Push,
}

/// The first of a class, and the class. The least goes first.
pub(super) type Head = (Place, usize);

/// The classes in which somebody stands at one spot, and the first of each: what is asked for most,
/// and therefore kept side by side.
#[derive(Clone, Debug, Default)]
pub(super) struct Heads {
    /// Classes with somebody here.
    pub(super) present: Bits,
    /// By class, of use only where somebody is: the place, the queue, who.
    first: Vec<(Place, usize, InteractionId)>,
    /// The same in order, so that nobody has to sort them.
    order: BTreeSet<Head>,
}

impl Heads {
    /// The queue of a class with somebody here.
    pub(super) fn queue(&self, class: usize) -> usize {
        self.first[class].1
    }

    /// The place of the first of a class with somebody here.
    pub(super) fn first(&self, class: usize) -> Place {
        self.first[class].0
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// In order, from the one behind `last` on.
    pub(super) fn behind(&self, last: Option<Head>) -> impl Iterator<Item = Head> + '_ {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        self.order.range((from, Bound::Unbounded)).copied()
    }

    fn set(&mut self, class: usize, queue: usize, first: Option<(Place, InteractionId)>) {
        let was = self.present.has(class).then(|| self.first[class].0);
        let now = first.map(|(place, _)| place);
        if was != now {
            was.into_iter().for_each(|place| _ = self.order.remove(&(place, class)));
            self.order.extend(now.map(|place| (place, class)));
        }
        if let Some((place, id)) = first {
            if self.first.len() <= class {
                self.first.resize(class + 1, (place, queue, id));
            }
            self.first[class] = (place, queue, id);
        }
        self.present.set(class, first.is_some());
    }
}

/// What decides who may serve an interaction and how it may be dialled.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ClassKey {
    /// The index of the queue.
    pub(super) queue: usize,
    /// What is asked of an agent.
    pub(super) skills: SkillExpression,
    /// What may carry a dial, first choice first; empty while live, or when none may.
    pub(super) routes: Vec<Route>,
}

#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) key: ClassKey,
    line: BTreeMap<Place, InteractionId>,
    due: BTreeMap<Place, InteractionId>,
    push: BTreeMap<Place, InteractionId>,
    /// Interactions of this class, in any stage.
    users: usize,
    /// Those that hold a place.
    placed: usize,
    /// Agents logged in, in any state, who may serve it.
    pub(super) logged_in: u32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Classes {
    list: Vec<Class>,
    index: BTreeMap<ClassKey, usize>,
    free: Vec<usize>,
    /// On the line.
    pub(super) line: Heads,
    /// Due and free.
    pub(super) due: Heads,
    /// To be pushed.
    pub(super) push: Heads,
    /// Classes with somebody who holds a place.
    pub(super) placed: Bits,
}

impl Classes {
    pub(super) fn get(&self, class: usize) -> &Class {
        &self.list[class]
    }

    pub(super) fn get_mut(&mut self, class: usize) -> &mut Class {
        &mut self.list[class]
    }

    pub(super) fn find(&self, key: &ClassKey) -> Option<usize> {
        self.index.get(key).copied()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (usize, &Class)> {
        self.index.values().map(|&class| (class, &self.list[class]))
    }

    /// Makes a class; the caller sees to `logged_in` and to the agents' sets.
    pub(super) fn add(&mut self, key: ClassKey) -> usize {
        if self.free.is_empty() && self.list.len() >= IDLE_MAX {
            self.sweep();
        }
        let class = Class {
            key: key.clone(),
            line: BTreeMap::new(),
            due: BTreeMap::new(),
            push: BTreeMap::new(),
            users: 0,
            placed: 0,
            logged_in: 0,
        };
        let n = match self.free.pop() {
            Some(n) => {
                self.list[n] = class;
                n
            }
            None => {
                self.list.push(class);
                self.list.len() - 1
            }
        };
        self.index.insert(key, n);
        n
    }

    fn sweep(&mut self) {
        let list = &self.list;
        let free = &mut self.free;
        self.index.retain(|_, &mut n| {
            let used = list[n].users > 0;
            if !used {
                free.push(n);
            }
            used
        });
    }

    pub(super) fn use_class(&mut self, class: usize, more: bool) {
        let users = &mut self.list[class].users;
        *users = if more { *users + 1 } else { users.saturating_sub(1) };
    }

    /// One more, or one fewer, has a place. Is it the first, or was it the last?
    pub(super) fn hold_place(&mut self, class: usize, more: bool) -> bool {
        let before = self.placed.has(class);
        let placed = &mut self.list[class].placed;
        *placed = if more { *placed + 1 } else { placed.saturating_sub(1) };
        self.placed.set(class, *placed > 0);
        before != self.placed.has(class)
    }

    /// Who stands there; asked for most is the first.
    pub(super) fn at(&self, class: usize, spot: Spot, place: Place) -> Option<InteractionId> {
        let heads = self.heads(spot);
        if let Some(&(first, _, id)) = heads.first.get(class)
            && first == place
            && heads.present.has(class)
        {
            return Some(id);
        }
        self.members(class, spot).get(&place).copied()
    }

    /// Everybody on the line, in order.
    pub(super) fn on_line(&self, class: usize) -> impl Iterator<Item = InteractionId> + '_ {
        self.list[class].line.values().copied()
    }

    /// The first behind `after` in a class that has somebody there.
    pub(super) fn next(&self, class: usize, spot: Spot, after: Option<Place>) -> Option<Place> {
        let head = self.heads(spot).first[class].0;
        match after {
            Some(after) if head <= after => {
                let behind = (Bound::Excluded(after), Bound::Unbounded);
                self.members(class, spot).range(behind).next().map(|(&place, _)| place)
            }
            Some(_) | None => Some(head),
        }
    }

    pub(super) fn heads(&self, spot: Spot) -> &Heads {
        match spot {
            Spot::Line => &self.line,
            Spot::Due => &self.due,
            Spot::Push => &self.push,
        }
    }

    fn members(&self, class: usize, spot: Spot) -> &BTreeMap<Place, InteractionId> {
        match spot {
            Spot::Line => &self.list[class].line,
            Spot::Due => &self.list[class].due,
            Spot::Push => &self.list[class].push,
        }
    }

    /// Puts an interaction there, or (`None`) takes it away.
    pub(super) fn stand(
        &mut self,
        class: usize,
        spot: Spot,
        place: Place,
        id: Option<InteractionId>,
    ) {
        let of = &mut self.list[class];
        let (members, heads) = match spot {
            Spot::Line => (&mut of.line, &mut self.line),
            Spot::Due => (&mut of.due, &mut self.due),
            Spot::Push => (&mut of.push, &mut self.push),
        };
        match id {
            Some(id) => members.insert(place, id),
            None => members.remove(&place),
        };
        heads.set(class, of.key.queue, members.first_key_value().map(|(&place, &id)| (place, id)));
    }
}
