//! What a seed decides before its run: the policy, the people, the mix of events and the faults.
//! Each run has a few things often and others never, so that together they meet what an even mix
//! hides.

use std::cmp::max;
use std::collections::BTreeMap;
use std::sync::Arc;

use ringback::ident::{AgentId, Entropy, GroupId, QueueId, Route, TrunkId};
use ringback::phone::{AddressPolicy, Dnis, Pattern};
use ringback::queue::contact::{CallingWindow, ContactSettings};
use ringback::queue::event::RetryClass;
use ringback::queue::hours::{Calendar, DAY_MINUTES, DayHours, Zone};
use ringback::queue::limits::LimitSettings;
use ringback::queue::matching::{CallInGroup, CodeUse, Combination};
use ringback::queue::skill::{SkillExpression, Skills};
use ringback::queue::slots::SlotSettings;
use ringback::queue::{
    AgentSettings, AtClose, EarlyHangup, EwtMode, Hours, PushSettings, QueueSettings, Selection,
    Settings, ShownSettings,
};
use ringback::time::{Duration, Timestamp};

/// When a run begins that has nothing to do with clocks: midnight of a Monday. What times as text
/// count from.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_795_392_000);

/// Half an hour before the clocks of [`ZONE`] go forward (2027-03-28) and back (2027-10-31).
const CHANGES: [Timestamp; 2] =
    [Timestamp::from_seconds(1_806_193_800), Timestamp::from_seconds(1_824_942_600)];
const ZONE: &str = "Europe/Berlin";

/// The skills there are.
pub(crate) const SKILLS: [&str; 4] = ["billing", "sales", "english", "german"];

const EXPRESSIONS: [&str; 8] = [
    "billing",
    "sales",
    "english",
    "billing & english >= 5",
    "sales | german",
    "english >= 5 & (billing | sales > 0)",
    "german > 2 & sales",
    "billing >= 8",
];

/// What world people and faults do, and how often.
#[derive(Clone, Debug)]
pub(crate) struct Swarm {
    /// When it begins.
    pub(crate) start: Timestamp,
    /// The configuration at the start.
    pub(crate) settings: Settings,
    /// Weight of each thing that may happen, by [`crate::world::Whim`].
    pub(crate) weights: Vec<u64>,
    /// Open interactions above which nobody new calls.
    pub(crate) crowd: usize,
    /// Of 100 facts, so many are told out of turn: any that is under way.
    pub(crate) reordered: u64,
    /// Of 100 jumps in time, so many pass by facts that are then told late.
    pub(crate) late: u64,
    /// Of 100 events, so many come while the clock is set back.
    pub(crate) set_back: u64,
    /// Of 100 orders to end something, so many cross with what they would have prevented.
    pub(crate) crossing: u64,
    /// Weights of how a dialled phone reacts: answers, busy, silence, rejects, unreachable,
    /// carrier.
    pub(crate) dialled: [u64; 6],
    /// Weights of what an answered consumer does: 1, 2, 9, hangs up, nothing.
    pub(crate) answered: [u64; 5],
    /// Weights of how an alerted agent reacts: answers, declines, is busy, is unreachable, nothing.
    pub(crate) alerted: [u64; 5],
    /// Weights of how a conversation ends: by the agent, by the consumer, lost.
    pub(crate) talked: [u64; 3],
    /// Longest conversation, seconds.
    pub(crate) talk_seconds: u64,
}

/// One of `weights.len()`, by weight.
pub(crate) fn weighted(entropy: &mut Entropy, weights: &[u64]) -> usize {
    let mut left = entropy.below(max(1, weights.iter().sum()));
    for (n, &weight) in weights.iter().enumerate() {
        if left < weight {
            return n;
        }
        left -= weight;
    }
    0
}

/// One of a list that is not empty.
pub(crate) fn pick<'a, T>(entropy: &mut Entropy, list: &'a [T]) -> &'a T {
    &list[entropy.below(list.len() as u64) as usize]
}

fn weights<const N: usize>(entropy: &mut Entropy, first: u64) -> [u64; N] {
    let mut weights = [0; N];
    for weight in &mut weights {
        *weight = [0, 1, 1, 3, 8][entropy.below(5) as usize];
    }
    weights[0] = max(weights[0], first);
    weights
}

impl Swarm {
    /// Draws everything from the seed's stream.
    pub(crate) fn draw(entropy: &mut Entropy, whims: usize) -> Self {
        let start = *pick(entropy, &[START, START, START, CHANGES[0], CHANGES[1]]);
        let queues = (0..1 + entropy.below(3)).map(|n| QueueId::new(&format!("q{n}")));
        let queues: BTreeMap<_, _> = queues.map(|id| (id, queue(entropy, start))).collect();
        let ids: Vec<QueueId> = queues.keys().cloned().collect();
        let agents = (0..1 + entropy.below(7)).map(|n| AgentId::new(&format!("a{n}")));
        let agents = agents.map(|id| (id, agent(entropy, &ids))).collect();
        Self {
            start,
            settings: Settings { queues, agents, call_in_groups: groups(entropy) },
            weights: (0..whims).map(|_| [0, 1, 2, 4, 8][entropy.below(5) as usize]).collect(),
            crowd: *pick(entropy, &[2, 6, 12, 24]),
            reordered: *pick(entropy, &[0, 10, 50]),
            late: *pick(entropy, &[0, 20, 80]),
            set_back: *pick(entropy, &[0, 0, 3]),
            crossing: *pick(entropy, &[0, 30, 100]),
            dialled: weights(entropy, 8),
            answered: weights(entropy, 4),
            alerted: weights(entropy, 8),
            talked: weights(entropy, 1),
            talk_seconds: *pick(entropy, &[10, 60, 600]),
        }
    }
}

fn seconds(entropy: &mut Entropy, choice: &[u64]) -> Duration {
    Duration::from_secs(*pick(entropy, choice))
}

/// A queue's policy in a run that begins then.
pub(crate) fn queue(entropy: &mut Entropy, start: Timestamp) -> QueueSettings {
    let retry = [
        (RetryClass::Busy, seconds(entropy, &[0, 30, 300])),
        (RetryClass::NoAnswer, seconds(entropy, &[0, 60, 900])),
        (RetryClass::NoConfirm, seconds(entropy, &[5, 60])),
        (RetryClass::Machine, seconds(entropy, &[60, 600])),
        (RetryClass::Rejected, seconds(entropy, &[60, 600])),
        (RetryClass::Unreachable, seconds(entropy, &[10, 600])),
    ];
    let limits_of =
        *pick(entropy, &[None, None, Some((RetryClass::Busy, 1)), Some((RetryClass::NoAnswer, 2))]);
    QueueSettings {
        skills: expression(entropy),
        waiting_max: *pick(entropy, &[1, 5, 100, 100]),
        agent_ring_timeout: seconds(entropy, &[5, 20, 60]),
        misses_max: *pick(entropy, &[1, 2, 5]),
        after_call_work: seconds(entropy, &[0, 10, 120]),
        addresses: addresses(entropy),
        contact: ContactSettings {
            window: *pick(entropy, &[window(8, 21), window(8, 21), window(8, 18)]),
        },
        limits: limits(entropy),
        shown: ShownSettings::default(),
        ring_timeout: seconds(entropy, &[5, 30, 120]),
        confirm: entropy.below(4) > 0,
        confirm_timeout: seconds(entropy, &[10, 45]),
        answered_wait_max: seconds(entropy, &[20, 120]),
        hold_trigger: seconds(entropy, &[0, 0, 0, 20]),
        boost_percent: *pick(entropy, &[100, 100, 150, 300]),
        dials_max: *pick(entropy, &[1, 3, 100]),
        attempts_max: *pick(entropy, &[1, 2, 3, 5]),
        attempts_max_of: limits_of.into_iter().collect(),
        retry_delay: retry.into_iter().collect(),
        purge_after: seconds(entropy, &[120, 1800, 14_400]),
        hours: hours(entropy, start),
        early_hangup: *pick(entropy, &[EarlyHangup::Abandon, EarlyHangup::CallBack]),
        selection: *pick(
            entropy,
            &[
                Selection::LongestIdle,
                Selection::LongestIdle,
                Selection::FewestCalls,
                Selection::RoundRobin,
                Selection::MostSkilled,
            ],
        ),
        ewt: *pick(entropy, &[EwtMode::Mode1, EwtMode::Mode2, EwtMode::Mode3]),
        accept_callbacks: entropy.below(20) > 0,
        process_callbacks: entropy.below(20) > 0,
        accept_until_before_close: seconds(entropy, &[0, 0, 300]),
        callbacks_max: *pick(entropy, &[1, 5, 100, 100]),
        at_close: *pick(
            entropy,
            &[AtClose::Finish(Duration::from_secs(600)), AtClose::Branch, AtClose::OfferSchedule],
        ),
        purge_on_line: entropy.below(4) == 0,
        user_originated: entropy.below(3) == 0,
        pushes: pushes(entropy),
        slots: slots(entropy),
    }
}

fn window(from_hour: u16, to_hour: u16) -> Option<CallingWindow> {
    CallingWindow::new(from_hour * 60, to_hour * 60)
}

fn limits(entropy: &mut Entropy) -> LimitSettings {
    match entropy.below(4) {
        0 => LimitSettings::OFF,
        1 => LimitSettings::default(),
        _ => LimitSettings {
            requests_per_10_minutes: *pick(entropy, &[0, 0, 1, 5]),
            requests_per_day: *pick(entropy, &[0, 0, 2, 10]),
            dials_per_day: *pick(entropy, &[1, 1, 2]),
        },
    }
}

fn pushes(entropy: &mut Entropy) -> PushSettings {
    PushSettings {
        expiry: seconds(entropy, &[60, 600, 1800]),
        ready_answer_time: seconds(entropy, &[30, 180]),
        factor_percent: *pick(entropy, &[50, 100, 150, 300]),
        upcoming_below: (entropy.below(2) == 0).then(|| seconds(entropy, &[60, 300])),
        reconnect_grace: seconds(entropy, &[10, 120]),
    }
}

fn slots(entropy: &mut Entropy) -> Option<SlotSettings> {
    (entropy.below(5) > 0).then(|| SlotSettings {
        length: seconds(entropy, &[300, 900, 3600]),
        capacity: *pick(entropy, &[0, 1, 2, 10]),
        always_check_capacity: entropy.below(4) == 0,
        moves: entropy.below(3) > 0,
        ..SlotSettings::default()
    })
}

/// Numbers that are handed out, with long codes, short ones, and none.
pub(crate) fn groups(entropy: &mut Entropy) -> BTreeMap<GroupId, CallInGroup> {
    let uses = [(CodeUse::Always, 6), (CodeUse::IfNeeded, 4), (CodeUse::Off, 4)];
    let group = |n: usize, code, code_length, entropy: &mut Entropy| {
        let numbers = (0..1 + entropy.below(2)).map(|i| Dnis::new(&format!("80{n}{i}")));
        let criteria = Combination { code: code != CodeUse::Off, ani: true, dnis: true };
        let lifetime = seconds(entropy, &[60, 300, 1800]);
        let (none, dnis) = (Combination::NONE, Combination { dnis: true, ..Combination::NONE });
        let ani = Combination { ani: true, ..Combination::NONE };
        let required = *pick(entropy, &[none, none, ani, dnis]);
        let numbers = numbers.collect();
        CallInGroup { numbers, code, code_length, lifetime, criteria, required }
    };
    let groups = uses.into_iter().enumerate().map(|(n, (code, length))| {
        (GroupId::new(&format!("g{n}")), group(n, code, length, entropy))
    });
    groups.collect()
}

fn addresses(entropy: &mut Entropy) -> AddressPolicy {
    let trunks = ["t0", "t1"].map(|name| Route::Trunk(TrunkId::new(name)));
    let mut policy = AddressPolicy {
        prefixes: vec!["+1".into()],
        trunks: trunks[..1 + entropy.below(2) as usize].to_vec(),
        extensions: vec![(Pattern::new("1???"), Route::Registrar)],
        ..AddressPolicy::default()
    };
    match entropy.below(6) {
        0 => policy.prefixes.clear(),
        1 => policy.extensions.clear(),
        _ => {}
    }
    policy
}

/// A calendar: always open, or forty intervals with gaps. Where clocks change in the run, open all
/// day by them.
pub(crate) fn hours(entropy: &mut Entropy, start: Timestamp) -> Hours {
    match entropy.below(3) {
        0 => {}
        1 if start != START => return all_day(parsed_zone(ZONE)),
        _ => return Hours::RoundTheClock,
    }
    let mut open = Vec::new();
    let mut at = start + Duration::from_secs(entropy.below(600));
    for _ in 0..40 {
        let close = at + Duration::from_secs(600 + entropy.below(3600));
        open.push((at, close));
        at = close + Duration::from_secs(1 + entropy.below(1200));
    }
    Hours::Intervals(open)
}

/// Open each day of a zone from midnight to midnight.
pub(crate) fn all_day(zone: Zone) -> Hours {
    let day = DayHours::new(vec![(0, DAY_MINUTES)]).unwrap_or_else(|error| panic!("{error}"));
    let weekly = std::array::from_fn(|_| day.clone());
    Hours::Calendar(Arc::new(Calendar { zone, weekly, special: BTreeMap::new() }))
}

fn parsed_zone(name: &str) -> Zone {
    Zone::parse(name).unwrap_or_else(|| panic!("there is no zone {name}"))
}

/// What an interaction needs.
pub(crate) fn expression(entropy: &mut Entropy) -> SkillExpression {
    let text: &&str = pick(entropy, &EXPRESSIONS);
    parsed(text)
}

fn parsed(text: &str) -> SkillExpression {
    SkillExpression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// An agent's settings: any skills, any queues.
pub(crate) fn agent(entropy: &mut Entropy, queues: &[QueueId]) -> AgentSettings {
    let narrow = entropy.below(4) == 0;
    let queues = queues.iter().filter(|_| narrow && entropy.below(2) == 0).cloned().collect();
    AgentSettings { skills: skills(entropy), queues }
}

/// Any levels of any skills.
pub(crate) fn skills(entropy: &mut Entropy) -> Skills {
    let levels = SKILLS.map(|name| (name.into(), [0, 3, 6, 9, 100][entropy.below(5) as usize]));
    levels.into_iter().filter(|&(_, level)| level > 0).collect()
}

/// Every skill at the highest level.
pub(crate) fn all_skills() -> Skills {
    SKILLS.map(|name| (name.into(), 100)).into()
}
