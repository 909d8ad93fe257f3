//! The suite that every store must pass.

use super::memory::Memory;
use super::{
    BindingRow, Direction, LegEnd, LegRecord, Loaded, Party, Step, Store, StoreError, UserBindings,
};
use crate::ident::{
    AgentId, AttemptId, CallInId, Entropy, GroupId, InteractionId, LegId, NodeId, QueueId, Route,
    TrunkId, UserData,
};
use crate::phone::{Address, AddressPolicy, Ani, CodeHash, Dnis, Pattern, PhoneNumber};
use crate::queue::History;
use crate::queue::agent::{AfterCall, Answered};
use crate::queue::effect::EndReason;
use crate::queue::event::{BridgeEnd, DeclineReason, NotReadyReason, RetryClass, When};
use crate::queue::interaction::{Attached, Failures, Origin, Place};
use crate::queue::limits::{KEPT, NumberUse, UseKind};
use crate::queue::matching::CallInRequest;
use crate::queue::never_call::NeverCallHash;
use crate::queue::skill::SkillExpression;
use crate::queue::{
    Agent, AgentSettings, AgentState, Attempt, Changed, Event, Interaction, Outcome, Queue,
    QueueSettings, Settings, Stage, Transition,
};
use crate::time::{Duration, Timestamp};

/// How the suite handles one kind of store.
pub(super) struct Kind<'k, S> {
    /// A new and empty one.
    pub(super) make: &'k dyn Fn() -> S,
    /// The same again, as after a crash.
    pub(super) reopen: &'k dyn Fn(S) -> S,
    /// The trail, in order.
    pub(super) trail: &'k dyn Fn(&mut S) -> Vec<Told>,
    /// The legs of an interaction that ended, in order.
    pub(super) legs: &'k dyn Fn(&mut S, InteractionId) -> Vec<LegRecord>,
}

/// What is read back of the trail.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Told {
    pub(super) row: String,
    pub(super) position: Option<u32>,
    pub(super) ewt_ms: Option<i64>,
}

impl Told {
    fn of(transition: &Transition) -> Self {
        Self {
            row: transition.row.to_owned(),
            position: transition.position,
            ewt_ms: transition.ewt.map(|ewt| (Timestamp::default() + ewt).as_ms()),
        }
    }
}

/// Every promise of [`Store`], one after the other.
pub(super) fn exercise<S: Store>(kind: &Kind<'_, S>) {
    a_new_store_is_empty(kind);
    every_row_comes_back_as_it_was(kind);
    the_last_row_counts(kind);
    uses_are_undone_and_forgotten(kind);
    done_is_not_loaded(kind);
    a_group_is_committed_whole_or_not_at_all(kind);
    a_retry_does_no_harm(kind);
    one_attempt_is_open_at_most(kind);
    the_trail_keeps_its_order(kind);
    legs_come_back_by_interaction_with_their_step(kind);
    bindings_are_replaced_by_user(kind);
    the_clock_never_runs_back(kind);
    whatever_the_queue_does_is_found_again(kind);
}

#[test]
fn memory_conforms() {
    exercise(&Kind {
        make: &Memory::new,
        reopen: &|mut store| {
            store.crash();
            store
        },
        trail: &|store| store.trail().iter().map(Told::of).collect(),
        legs: &|store, interaction| {
            let of = |leg: &&LegRecord| leg.interaction == Some(interaction);
            store.legs().iter().filter(of).cloned().collect()
        },
    });
}

fn a_new_store_is_empty<S: Store>(kind: &Kind<'_, S>) {
    assert_eq!((kind.make)().load(), Ok(Loaded::default()));
}

fn every_row_comes_back_as_it_was<S: Store>(kind: &Kind<'_, S>) {
    let mut store = (kind.make)();
    let rows = Changed {
        interactions: every_stage(),
        attempts: vec![full_attempt(), attempt(2, 1, None)],
        agents: every_state(),
        requests: vec![call_in_request(1), call_in_request(2)],
        histories: vec![(QueueId::new("support"), history())],
        never_call: vec![NeverCallHash([1; 32]), NeverCallHash([2; 32])],
        uses: vec![
            number_use("+4930123456", UseKind::Request, 70),
            number_use("+14155550123", UseKind::Request, 70),
            number_use("+14155550123", UseKind::Request, 71),
            number_use("+14155550123", UseKind::Dial, 71),
        ],
        transitions: Vec::new(),
    };
    let bindings = vec![user("1001", &["sip:1001@127.0.0.1:5070", "sip:1001@[::1]:5071"])];
    let step =
        Step { now: Timestamp::from_ms(77), bindings: bindings.clone(), ..step(1, rows.clone()) };
    store.commit(&[step]).unwrap();
    let loaded = (kind.reopen)(store).load().unwrap();
    assert_eq!(loaded.rows.interactions, rows.interactions);
    assert_eq!(loaded.rows.attempts, rows.attempts);
    assert_eq!(loaded.rows.agents, rows.agents);
    assert_eq!(loaded.rows.requests, rows.requests);
    assert_eq!(loaded.rows.histories, rows.histories);
    assert_eq!(loaded.rows.never_call, rows.never_call);
    assert_eq!(loaded.rows.uses, rows.uses);
    assert_eq!(loaded.bindings, bindings);
    assert_eq!((loaded.step, loaded.now), (1, Timestamp::from_ms(77)));
}

fn number_use(number: &str, kind: UseKind, at: i64) -> NumberUse {
    let number = PhoneNumber::parse(number).unwrap();
    let queue = QueueId::new("support");
    NumberUse { queue, number, at: Timestamp::from_ms(at), kind, is_undone: false }
}

fn uses_are_undone_and_forgotten<S: Store>(kind: &Kind<'_, S>) {
    let mut store = (kind.make)();
    let (old, dial) =
        (number_use("+14155550123", UseKind::Request, 1), number_use("+1415555", UseKind::Dial, 2));
    let day = Timestamp::from_ms(1) + KEPT;
    let mut commit = |number: u64, now: Timestamp, uses: Vec<NumberUse>| {
        let changed = Changed { uses, ..Changed::default() };
        store.commit(&[Step { now, ..step(number, changed) }]).unwrap();
        store.load().unwrap().rows.uses
    };
    assert_eq!(
        commit(1, Timestamp::from_ms(3), vec![old.clone(), dial.clone()]),
        [dial.clone(), old.clone()]
    );
    let undone = NumberUse { is_undone: true, ..dial };
    assert_eq!(commit(2, Timestamp::from_ms(4), vec![undone]), std::slice::from_ref(&old));
    assert_eq!(commit(3, day - Duration::from_millis(1), Vec::new()), [old]);
    assert_eq!(commit(4, day, Vec::new()), []);
}

fn the_last_row_counts<S: Store>(kind: &Kind<'_, S>) {
    let mut store = (kind.make)();
    let (ann, bob) = (AgentId::new("ann"), AgentId::new("bob"));
    let alerting = |n: u128, agent: &AgentId| interaction(n, Stage::Alerting(agent.clone()));
    let engaged = |agent: &AgentId, n: u128| Agent {
        state: AgentState::Alerting(InteractionId(n)),
        ..idle(agent.as_str())
    };
    let first = Changed {
        interactions: vec![alerting(1, &ann), alerting(2, &bob)],
        agents: vec![engaged(&ann, 1), engaged(&bob, 2)],
        ..Changed::default()
    };
    // Two agents change places in one step.
    let second = Changed {
        interactions: vec![alerting(1, &bob), alerting(2, &ann)],
        agents: vec![engaged(&ann, 2), engaged(&bob, 1)],
        ..Changed::default()
    };
    store.commit(&[step(1, first), step(2, second.clone())]).unwrap();
    let loaded = (kind.reopen)(store).load().unwrap();
    assert_eq!(loaded.rows, second);
}

fn done_is_not_loaded<S: Store>(kind: &Kind<'_, S>) {
    let mut store = (kind.make)();
    let done = Interaction {
        ended_at: Some(Timestamp::from_ms(9)),
        ..interaction(1, Stage::Done(Outcome::AttemptsExhausted(RetryClass::Busy)))
    };
    let rows = |row: Interaction, ended_at| Changed {
        interactions: vec![row],
        attempts: vec![attempt(1, 1, ended_at)],
        ..Changed::default()
    };
    let open = rows(interaction(1, Stage::Dialing), None);
    store.commit(&[step(1, open.clone())]).unwrap();
    assert_eq!(store.load().unwrap().rows, open);
    store.commit(&[step(2, rows(done, Some(Timestamp::from_ms(9))))]).unwrap();
    assert_eq!((kind.reopen)(store).load().unwrap().rows, Changed::default());
}

fn a_group_is_committed_whole_or_not_at_all<S: Store>(kind: &Kind<'_, S>) {
    let mut store = (kind.make)();
    let virtual_call = |n| Changed {
        interactions: vec![interaction(n, Stage::Virtual { not_before: None })],
        ..Changed::default()
    };
    // The third is out of turn: none of the three may be there.
    let gap = [step(1, virtual_call(1)), step(2, virtual_call(2)), step(4, virtual_call(4))];
    assert!(matches!(store.commit(&gap), Err(StoreError::Broken(_))));
    assert_eq!(store.load(), Ok(Loaded::default()));
    store.commit(&gap[..2]).unwrap();
    let loaded = (kind.reopen)(store).load().unwrap();
    assert_eq!((loaded.step, loaded.rows.interactions.len()), (2, 2));
}

fn a_retry_does_no_harm<S: Store>(kind: &Kind<'_, S>) {
    let mut store = (kind.make)();
    let row = |stage| Changed {
        interactions: vec![interaction(1, stage)],
        transitions: vec![transition("new-callback-virtual")],
        ..Changed::default()
    };
    let first = step(1, row(Stage::Virtual { not_before: None }));
    let second = step(2, row(Stage::Waiting));
    store.commit(std::slice::from_ref(&first)).unwrap();
    store.commit(&[first.clone(), second.clone()]).unwrap();
    store.commit(std::slice::from_ref(&first)).unwrap();
    let mut store = (kind.reopen)(store);
    store.commit(&[first, second]).unwrap();
    let loaded = store.load().unwrap();
    assert_eq!((loaded.step, &loaded.rows.interactions[0].stage), (2, &Stage::Waiting));
    assert_eq!((kind.trail)(&mut store).len(), 2);
}

fn one_attempt_is_open_at_most<S: Store>(kind: &Kind<'_, S>) {
    let mut store = (kind.make)();
    let rows = |attempts: Vec<Attempt>| Changed {
        interactions: vec![interaction(1, Stage::Dialing)],
        attempts,
        ..Changed::default()
    };
    store.commit(&[step(1, rows(vec![attempt(1, 1, None)]))]).unwrap();
    let second = step(2, rows(vec![attempt(1, 2, None)]));
    assert!(matches!(store.commit(&[second]), Err(StoreError::Broken(_))));
    assert_eq!(store.load().unwrap().step, 1);
    // Told in any order, the first is over before the second is open.
    let both = rows(vec![attempt(1, 2, None), attempt(1, 1, Some(Timestamp::from_ms(5)))]);
    store.commit(&[step(2, both)]).unwrap();
    let loaded = (kind.reopen)(store).load().unwrap();
    assert_eq!(loaded.rows.attempts, [attempt(1, 2, None)]);
}

fn the_trail_keeps_its_order<S: Store>(kind: &Kind<'_, S>) {
    let mut store = (kind.make)();
    let stood = Transition {
        position: Some(u32::MAX),
        ewt: Some(Duration::from_millis(90_500)),
        ..transition("c")
    };
    let taken = [transition("b"), transition("a"), stood, transition("a")];
    let rows = |range: std::ops::Range<usize>| Changed {
        transitions: taken[range].to_vec(),
        ..Changed::default()
    };
    store.commit(&[step(1, rows(0..2)), step(2, rows(2..3))]).unwrap();
    store.commit(&[step(3, rows(3..4))]).unwrap();
    let mut store = (kind.reopen)(store);
    assert_eq!((kind.trail)(&mut store), taken.each_ref().map(Told::of));
}

fn bindings_are_replaced_by_user<S: Store>(kind: &Kind<'_, S>) {
    let mut store = (kind.make)();
    let told = |number, bindings| Step { bindings, ..step(number, Changed::default()) };
    let (old, new) = ("sip:ann@127.0.0.1:1", "sip:ann@127.0.0.1:2");
    let bob = user("bob", &["sip:bob@127.0.0.1:3"]);
    store.commit(&[told(1, vec![user("ann", &[old, new]), bob.clone()])]).unwrap();
    store.commit(&[told(2, vec![user("ann", &[new])])]).unwrap();
    let mut store = (kind.reopen)(store);
    assert_eq!(store.load().unwrap().bindings, [user("ann", &[new]), bob.clone()]);
    store.commit(&[told(3, vec![user("ann", &[])])]).unwrap();
    assert_eq!((kind.reopen)(store).load().unwrap().bindings, [bob]);
}

fn the_clock_never_runs_back<S: Store>(kind: &Kind<'_, S>) {
    let mut store = (kind.make)();
    let at =
        |number, now| Step { now: Timestamp::from_ms(now), ..step(number, Changed::default()) };
    store.commit(&[at(1, 50), at(2, 40)]).unwrap();
    assert_eq!((kind.reopen)(store).load().unwrap().now, Timestamp::from_ms(50));
}

/// Random facts, in groups; after each group the store holds exactly the rows of the queue.
fn whatever_the_queue_does_is_found_again<S: Store>(kind: &Kind<'_, S>) {
    let mut store = (kind.make)();
    let mut entropy = Entropy::from_number(20);
    let mut queue = Queue::new(one_queue(), NodeId::new("node-1"));
    let (mut number, mut now, mut taken) = (0, Timestamp::from_ms(1), 0);
    for name in ["ann", "bob"] {
        queue.handle(now, Event::AgentLoggedIn { agent: AgentId::new(name), ready: true });
    }
    let free = vec![(Route::Registrar, 1000)];
    queue.handle(now, Event::DialCapacity { queue: QueueId::new("support"), free });
    for _ in 0..150 {
        let mut group = Vec::new();
        for _ in 0..=entropy.below(4) {
            now += Duration::from_secs(entropy.below(20));
            if let Some((at, _)) = queue.poll_timeout().filter(|_| entropy.below(4) == 0) {
                now = now.max(at);
            }
            queue.handle(now, any_event(&queue, &mut entropy));
            number += 1;
            group.push(Step { now, ..step(number, queue.take_changed()) });
        }
        taken += group.iter().map(|step| step.changed.transitions.len()).sum::<usize>();
        store.commit(&group).unwrap();
        let loaded = store.load().unwrap();
        assert_eq!((loaded.rows, loaded.now), (queue.rows(), now), "after step {number}");
    }
    let names = (kind.trail)(&mut store);
    assert_eq!(names.len(), taken);
    for row in ["waiting-alerted-alerting", "virtual-turn-dialing", "alerting-answered-bridged"] {
        assert!(names.iter().any(|name| name.row == row), "{row} was never taken");
    }
    let answered = names.iter().filter(|name| name.row == "alerting-answered-bridged");
    assert!(answered.clone().count() > 0);
    for told in answered {
        assert!(told.position.is_some() && told.ewt_ms.is_some(), "{told:?}");
    }
}

fn legs_come_back_by_interaction_with_their_step<S: Store>(kind: &Kind<'_, S>) {
    let mut store = (kind.make)();
    let caller = LegRecord {
        leg: LegId(u64::MAX),
        interaction: Some(InteractionId(1)),
        direction: Direction::In,
        party: Party::Caller,
        started_at: Timestamp::from_ms(1),
        answered_at: Some(Timestamp::from_ms(2)),
        ended_at: Timestamp::from_ms(9),
        ended_by: LegEnd::Peer,
        status: None,
    };
    let agent = LegRecord {
        leg: LegId(1),
        direction: Direction::Out,
        party: Party::Agent(AgentId::new("ann")),
        answered_at: None,
        ended_by: LegEnd::Lost,
        status: Some(408),
        ..caller.clone()
    };
    let (leg, ended_by) = (LegId(2), LegEnd::Us);
    let consumer = LegRecord { leg, party: Party::Consumer, ended_by, ..agent.clone() };
    let feature = LegRecord { leg: LegId(3), interaction: None, ..agent.clone() };
    let other = LegRecord { leg: LegId(4), interaction: Some(InteractionId(2)), ..caller.clone() };
    let with = |number, legs: &[&LegRecord]| Step {
        legs: legs.iter().map(|&leg| leg.clone()).collect(),
        ..step(number, Changed::default())
    };
    let steps = [with(1, &[&agent, &feature, &other]), with(2, &[&caller, &consumer])];
    store.commit(&steps).unwrap();
    store.commit(&steps).unwrap();
    // Out of turn: nothing of it is there.
    let lost = LegRecord { leg: LegId(5), ..caller.clone() };
    assert!(store.commit(&[with(4, &[&lost])]).is_err());
    let mut store = (kind.reopen)(store);
    assert_eq!((kind.legs)(&mut store, InteractionId(1)), [agent, caller, consumer]);
    assert_eq!((kind.legs)(&mut store, InteractionId(2)), [other]);
    assert_eq!((kind.legs)(&mut store, InteractionId(3)), []);
}

fn one_queue() -> Settings {
    let addresses = AddressPolicy {
        extensions: vec![(Pattern::new("10??"), Route::Registrar)],
        ..AddressPolicy::default()
    };
    let policy = QueueSettings { addresses, ..QueueSettings::default() };
    Settings {
        queues: [(QueueId::new("support"), policy)].into(),
        agents: ["ann", "bob"].map(|name| (AgentId::new(name), AgentSettings::default())).into(),
        ..Settings::default()
    }
}

/// What may happen next, mostly about what is there.
fn any_event(queue: &Queue, entropy: &mut Entropy) -> Event {
    let mut pick = |below: usize| entropy.below(below.max(1) as u64) as usize;
    let agent = AgentId::new(["ann", "bob"][pick(2)]);
    let address = Address::parse(["1001", "1002", "1003"][pick(3)]).unwrap();
    let open: Vec<_> = queue.interactions().map(|it| it.id).collect();
    let interaction = open.get(pick(open.len())).copied().unwrap_or(InteractionId(1));
    let attempts: Vec<_> = queue.open_attempts().map(|it| it.id).collect();
    let attempt = attempts.get(pick(attempts.len())).copied();
    let attempt = attempt.unwrap_or(AttemptId { interaction, serial: 1 });
    let alerted = queue.agents().find_map(|agent| Some((agent.id.clone(), agent.engaged_with()?)));
    let support = QueueId::new("support");
    let event = pick(16);
    let new = InteractionId::draw(entropy);
    match (event, alerted) {
        (0 | 1, _) => Event::CallArrived {
            interaction: new,
            queue: support,
            skills: None,
            priority: 0,
            address: Some(address),
            node: NodeId::new("node-1"),
            attached: None,
        },
        (2, _) => Event::CallbackConfirmed { interaction, address },
        (3, _) => Event::CallerHungUp { interaction },
        (4, _) => Event::CallbackRequested {
            interaction: new,
            queue: support,
            skills: None,
            priority: 1,
            address: Some(address),
            when: When::Now,
            notify: false,
            attached: None,
        },
        (5, _) => Event::AttemptAnswered { attempt },
        (6, _) => Event::ConsumerConfirmed { attempt },
        (7, _) => Event::AttemptEnded { attempt, class: RetryClass::Busy, rang: true },
        (8, _) => Event::AgentReady { agent },
        (9 | 10, Some((agent, interaction))) => Event::AgentAnswered { agent, interaction },
        (11, Some((_, interaction))) => Event::BridgeEnded { interaction, cause: BridgeEnd::Agent },
        (12, Some((agent, interaction))) => {
            Event::AgentDeclined { agent, interaction, reason: DeclineReason::Missed }
        }
        (13, _) => Event::Cancelled { interaction },
        (14, _) => Event::NodeLost { node: NodeId::new("node-1") },
        (15, _) => Event::ContactChecked { agent, reachable: true },
        _ => Event::Tick,
    }
}

pub(super) fn step(number: u64, changed: Changed) -> Step {
    let (bindings, legs) = (Vec::new(), Vec::new());
    Step { number, now: Timestamp::from_ms(number as i64), changed, bindings, legs }
}

pub(super) fn interaction(n: u128, stage: Stage) -> Interaction {
    Interaction {
        id: InteractionId(n),
        queue: QueueId::new("support"),
        origin: Origin::Live,
        skills: Default::default(),
        place: Place {
            priority: std::cmp::Reverse(-3),
            arrival: Timestamp::from_ms(5),
            sequence: 1 << 40,
        },
        stage,
        deadline: None,
        asked: false,
        address: None,
        node: None,
        caller_leg: true,
        attempts_used: 0,
        failures: Failures::default(),
        attempts_made: 0,
        postponed: 0,
        accepted: 0,
        created_at: Timestamp::from_ms(4),
        requested_at: Timestamp::from_ms(4),
        due_at: None,
        menu_until: None,
        share_until: None,
        leave_at: None,
        notify: false,
        upcoming: false,
        called_in: false,
        last_contact: None,
        told: None,
        connected_at: None,
        purge_at: None,
        close_at: None,
        missed_by: Vec::new(),
        ended_at: None,
        attached: None,
    }
}

/// One interaction in each stage but the last, the last of them with every field set.
fn every_stage() -> Vec<Interaction> {
    let agent = AgentId::new;
    let stages = [
        Stage::Scheduled,
        Stage::Pushed,
        Stage::AwaitingCallIn,
        Stage::Lapsed,
        Stage::Virtual { not_before: None },
        Stage::Virtual { not_before: Some(Timestamp::from_ms(8)) },
        Stage::Dialing,
        Stage::Confirming,
        Stage::Waiting,
        Stage::Alerting(agent("ann")),
        Stage::Bridged(agent("bob")),
    ];
    let mut rows: Vec<_> =
        stages.into_iter().zip(1..).map(|(stage, n)| interaction(n, stage)).collect();
    let full = Interaction {
        origin: Origin::Immediate,
        skills: SkillExpression::parse("english >= 5 & (billing | sales > 0)").unwrap(),
        deadline: Some(Timestamp::from_ms(10)),
        asked: true,
        address: Address::parse("+14155550123"),
        node: Some(NodeId::new("node-1")),
        caller_leg: false,
        attempts_used: 1,
        failures: [(RetryClass::Rejected, 1)].into_iter().collect(),
        attempts_made: 2,
        postponed: 3,
        accepted: 4,
        requested_at: Timestamp::from_ms(5),
        due_at: Some(Timestamp::from_ms(14)),
        menu_until: Some(Timestamp::from_ms(15)),
        share_until: Some(Timestamp::from_ms(16)),
        leave_at: Some(Timestamp::from_ms(17)),
        notify: true,
        upcoming: true,
        called_in: true,
        last_contact: Some(Timestamp::from_ms(18)),
        told: Some((Timestamp::from_ms(19), Duration::from_millis(90_500))),
        connected_at: Some(Timestamp::from_ms(20)),
        purge_at: Some(Timestamp::from_ms(11)),
        close_at: Some(Timestamp::from_ms(12)),
        missed_by: vec![agent("zoe"), agent("ann")],
        ended_at: Some(Timestamp::from_ms(13)),
        attached: Attached {
            called: PhoneNumber::parse("+14155550190"),
            data: UserData::new(r#"{"order": "7 \u20ac"}"#),
        }
        .some(),
        ..interaction(12, Stage::Waiting)
    };
    rows.push(full);
    rows
}

pub(super) fn attempt(n: u128, serial: u32, ended_at: Option<Timestamp>) -> Attempt {
    Attempt {
        id: AttemptId { interaction: InteractionId(n), serial },
        queue: QueueId::new("support"),
        route: Route::Registrar,
        address: Address::parse("1001").unwrap(),
        charged_to: None,
        node: None,
        started_at: Timestamp::from_ms(3),
        answered_at: None,
        ending: None,
        deadline: None,
        ended_at,
        class: ended_at.map(|_| RetryClass::Busy),
        caller: None,
        display_name: String::new(),
    }
}

fn full_attempt() -> Attempt {
    Attempt {
        route: Route::Trunk(TrunkId::new("carrier")),
        caller: Some(Ani::new("+14155550100")),
        display_name: "Example".into(),
        charged_to: Some(AgentId::new("ann")),
        node: Some(NodeId::new("node-1")),
        answered_at: Some(Timestamp::from_ms(7)),
        ending: Some(EndReason::NoConfirm),
        deadline: Some(Timestamp::from_ms(8)),
        class: Some(RetryClass::NoConfirm),
        ..attempt(1, 4, None)
    }
}

fn idle(name: &str) -> Agent {
    Agent {
        id: AgentId::new(name),
        skills: Default::default(),
        skills_changed: false,
        state: AgentState::Ready,
        since: Timestamp::from_ms(2),
        deadline: None,
        after_call: None,
        misses: 0,
        alerted_at: Timestamp::from_ms(1),
        answered: Answered::default(),
        handling: None,
        contact_checked: false,
    }
}

fn history() -> History {
    History {
        handled: [
            (Timestamp::from_ms(9), Duration::from_millis(90_500)),
            (Timestamp::from_ms(11), Duration::ZERO),
        ]
        .into(),
        distributed: [Timestamp::from_ms(7), Timestamp::from_ms(8)].into(),
    }
}

/// The first with every field set, the second as bare as may be.
pub(super) fn call_in_request(n: u128) -> CallInRequest {
    let full = n == 1;
    CallInRequest {
        id: CallInId(n),
        group: GroupId::new("app"),
        sequence: n as u64,
        number: Dnis::new("800"),
        code: full.then_some(CodeHash::from_bytes([7; 32])),
        ani: Address::parse("+14155550123").filter(|_| full),
        interaction: full.then_some(InteractionId(1)),
        data: UserData::new(r#"{"a": "\u00e9"}"#).filter(|_| full),
        created_at: Timestamp::from_ms(3),
        expires_at: Timestamp::from_ms(9),
        ended: None,
    }
}

/// One agent in each state, by order of name, the last with every field set.
fn every_state() -> Vec<Agent> {
    let states = [
        AgentState::LoggedOut,
        AgentState::NotReady(NotReadyReason::Login),
        AgentState::NotReady(NotReadyReason::Asked),
        AgentState::NotReady(NotReadyReason::Missed),
        AgentState::NotReady(NotReadyReason::Busy),
        AgentState::NotReady(NotReadyReason::Unreachable),
        AgentState::NotReady(NotReadyReason::Outbound),
        AgentState::Ready,
        AgentState::AfterCallWork,
        AgentState::Alerting(InteractionId(6)),
    ];
    let named = |(state, n): (AgentState, u8)| Agent { state, ..idle(&format!("agent-{n:02}")) };
    let mut rows: Vec<_> = states.into_iter().zip(1..).map(named).collect();
    let after = |after_call, name, n| Agent {
        skills: [("english".to_owned(), 100), ("sales".to_owned(), 0)].into(),
        skills_changed: true,
        state: AgentState::Talking(InteractionId(n)),
        deadline: Some(Timestamp::from_ms(20)),
        after_call: Some(after_call),
        misses: 2,
        alerted_at: Timestamp::from_ms(19),
        answered: Answered::load([(1_983_480, 2), (1_983_484, 1)]).unwrap_or_default(),
        handling: Some((QueueId::new("support"), Timestamp::from_ms(18))),
        contact_checked: true,
        ..idle(name)
    };
    rows.push(after(AfterCall::NotReady(NotReadyReason::Asked), "agent-98", 7));
    rows.push(after(AfterCall::LogOut, "agent-99", 8));
    rows.push(after(AfterCall::ContactLost { asked: false }, "agent-9a", 9));
    rows.push(after(AfterCall::ContactLost { asked: true }, "agent-9b", 10));
    rows
}

fn user(name: &str, contacts: &[&str]) -> UserBindings {
    let row = |(contact, n): (&&str, u32)| BindingRow {
        contact: (*contact).to_owned(),
        address: "127.0.0.1:5070".parse().unwrap(),
        call_id: format!("call-{n}"),
        cseq: n,
        expires_at: Timestamp::from_ms(100),
    };
    UserBindings { user: name.to_owned(), bindings: contacts.iter().zip(1..).map(row).collect() }
}

pub(super) fn transition(row: &'static str) -> Transition {
    Transition {
        at: Timestamp::from_ms(1),
        interaction: InteractionId(1),
        row,
        stage: Stage::Waiting,
        agent: Some(AgentId::new("ann")),
        attempt: None,
        position: None,
        ewt: None,
    }
}
