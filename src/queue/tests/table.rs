//! The state table, the order and the pacing, step by step.

use super::*;
use crate::queue::limits::LimitSettings;

// ---- the order

#[test]
fn the_longest_idle_takes_the_first_in_line() {
    let mut desk = Desk::new(|_| {});
    desk.arrive_for(1, "sales", "", 0);
    desk.arrive_for(2, "sales", "", 0);
    desk.arrive_for(3, "sales", "", 5);
    assert_eq!(given(&desk.log_in("bob")), ["bob<3"]);
    assert_eq!(given(&desk.log_in("ann")), ["ann<1"]);
    desk.hang_up(3);
    assert_eq!(desk.agent("bob"), AgentState::Alerting(call(2)));
    desk.hang_up(2);
    desk.hang_up(1);
    // Their idle time went on through the alerts: bob came first.
    assert_eq!(given(&desk.arrive(4)), ["bob<4"]);
}

#[test]
fn one_order_over_queues_and_skills() {
    let agents: &[(&str, &[(&str, u8)])] =
        &[("ann", &[("english", 5)]), ("bob", &[("billing", 1)])];
    let mut desk = Desk::of(settings(&[("sales", policy()), ("support", policy())], agents));
    desk.arrive_for(1, "support", "french", 0);
    desk.arrive_for(2, "support", "english >= 5", 0);
    desk.arrive_for(3, "sales", "english", 0);
    desk.arrive_for(4, "sales", "billing", 0);
    assert_eq!(given(&desk.log_in("ann")), ["ann<2"]);
    assert_eq!(given(&desk.log_in("bob")), ["bob<4"]);
    let skills = [("french".to_string(), 1)].into();
    assert!(given(&desk.tell(Event::SkillsChanged { agent: name("bob"), skills })).is_empty());
    desk.pick_up("bob", 4);
    assert_eq!(given(&desk.hang_up(4)), ["bob<1"]);
    let lack = desk.queue.explain(call(3)).unwrap().lack_skills;
    assert_eq!(lack.iter().map(|(agent, _)| agent.clone()).collect::<Vec<_>>(), [name("bob")]);
}

#[test]
fn whoever_missed_a_caller_is_asked_last() {
    let mut desk = Desk::new(|_| {});
    desk.log_in("ann");
    desk.log_in("bob");
    assert_eq!(given(&desk.arrive(1)), ["ann<1"]);
    let declined =
        |reason| Event::AgentDeclined { agent: name("ann"), interaction: call(1), reason };
    assert_eq!(given(&desk.tell(declined(DeclineReason::Missed))), ["bob<1"]);
    let agent = name("bob");
    let reason = DeclineReason::Unreachable;
    let event = Event::AgentDeclined { agent, interaction: call(1), reason };
    assert_eq!(given(&desk.tell(event)), ["ann<1"], "nobody else is Ready");
    assert_eq!(desk.agent("bob"), AgentState::NotReady(NotReadyReason::Unreachable));
    // Nothing is reported: the deadline is a miss, and the second one in a row.
    let effects = desk.after(seconds(25));
    assert!(matches!(&effects[..], [Effect::CancelAlert { .. }]), "{effects:?}");
    assert_eq!(desk.agent("ann"), AgentState::NotReady(NotReadyReason::Missed));
    desk.tell(Event::AgentReady { agent: name("ann") });
    desk.tell(declined(DeclineReason::Busy));
    assert_eq!(desk.agent("ann"), AgentState::NotReady(NotReadyReason::Busy));
    assert_eq!(given(&desk.after(seconds(60))), ["ann<1"]);
}

#[test]
fn one_who_missed_a_caller_comes_after_one_idle_for_less_time() {
    let mut desk =
        Desk::of(settings(&[("sales", policy())], &[("a", &[]), ("b", &[]), ("c", &[])]));
    desk.log_in("a");
    desk.log_in("b");
    desk.arrive(1);
    let declined = |agent| Event::AgentDeclined {
        agent: name(agent),
        interaction: call(1),
        reason: DeclineReason::Missed,
    };
    assert_eq!(given(&desk.tell(declined("a"))), ["b<1"]);
    desk.log_in("c");
    assert_eq!(given(&desk.tell(declined("b"))), ["c<1"], "a has been idle for longer");
}

// ---- dials

#[test]
fn the_trigger_takes_the_live_call_behind_its_dial() {
    let mut desk = Desk::new(|_| {});
    desk.request(1);
    desk.arrive(2);
    assert_eq!(given(&desk.log_in("ann")), ["ann>1", "ann<2"]);
    desk.answered(1, 1);
    assert!(given(&desk.confirm(1, 1)).is_empty());
    desk.arrive(3);
    assert_eq!(given(&desk.log_in("bob")), ["bob<1"], "the consumer kept their place");
}

#[test]
fn a_dial_is_charged_until_its_consumer_is_alerted() {
    let mut desk = Desk::new(|_| {});
    for n in 1..=3 {
        desk.request(n);
    }
    assert_eq!(given(&desk.log_in("ann")), ["ann>1"]);
    assert_eq!(desk.queue.explain(call(2)).unwrap().waits_for, WaitsFor::Pacing);
    assert_eq!(given(&desk.log_in("bob")), ["bob>2"]);
    assert_eq!(given(&desk.end(1, 1, RetryClass::Busy)), ["ann>3"]);
    desk.answered(2, 1);
    assert_eq!(given(&desk.confirm(2, 1)), ["ann<2"], "the longest idle, not the trigger");
    desk.request(4);
    assert_eq!(desk.stage(4), Some(Stage::Dialing), "bob's charge ended with the alert");
}

#[test]
fn pacing_and_capacity_bound_the_dials() {
    // (boost in percent, most dials, channels, dials of two Ready agents)
    let table = [
        (100, 9, 9, 2),
        (150, 9, 9, 3),
        (200, 9, 9, 4),
        (50, 9, 9, 1),
        (200, 3, 9, 3),
        (200, 9, 1, 1),
    ];
    for (boost, most, channels, dials) in table {
        let mut desk = Desk::new(|q| {
            q.boost_percent = boost;
            q.dials_max = most;
        });
        desk.tell(Event::DialCapacity { queue: sales(), free: vec![(trunk(), channels)] });
        desk.log_in("ann");
        desk.log_in("bob");
        (1..=6).for_each(|n| drop(desk.request(n)));
        let started = (1..=6).filter(|&n| desk.stage(n) == Some(Stage::Dialing)).count();
        assert_eq!(started, dials, "{boost} % {most} {channels}");
    }
}

#[test]
fn a_carrier_failure_costs_nothing_and_waits_for_word_of_the_route() {
    let mut desk = Desk::new(|_| {});
    desk.request(1);
    desk.log_in("ann");
    assert!(given(&desk.end(1, 1, RetryClass::Carrier)).is_empty());
    let row = desk.queue.interaction(call(1)).unwrap();
    assert_eq!((row.attempts_used, row.stage.clone()), (0, Stage::Virtual { not_before: None }));
    assert_eq!(desk.queue.explain(call(1)).unwrap().waits_for, WaitsFor::Route);
    let event = Event::DialCapacity { queue: sales(), free: vec![(trunk(), 1)] };
    assert_eq!(given(&desk.tell(event)), ["ann>1"]);
}

#[test]
fn attempts_are_spaced_bounded_and_keep_the_place() {
    let mut desk = Desk::new(|q| q.attempts_max = 2);
    desk.request(1);
    desk.log_in("ann");
    desk.end(1, 1, RetryClass::Busy);
    let not_before = Some(desk.now + seconds(120));
    assert_eq!(desk.stage(1), Some(Stage::Virtual { not_before }));
    desk.request(2);
    assert_eq!(desk.queue.position(call(2)), Some(2), "the delay costs no place");
    desk.end(2, 1, RetryClass::NoAnswer);
    assert_eq!(given(&desk.after(seconds(120))), ["ann>1"]);
    desk.end(1, 2, RetryClass::NoAnswer);
    assert_eq!(desk.outcomes(), [(1, Outcome::AttemptsExhausted(RetryClass::NoAnswer))]);
}

#[test]
fn a_silent_phone_is_cancelled_and_only_its_end_closes_the_attempt() {
    let mut desk = Desk::new(|_| {});
    desk.request(1);
    desk.log_in("ann");
    assert_eq!(ends(&desk.after(seconds(65))), [EndReason::RingTimeout]);
    assert_eq!(desk.stage(1), Some(Stage::Dialing));
    desk.answered(1, 1);
    assert_eq!(desk.stage(1), Some(Stage::Dialing), "the answer came too late");
    // Nothing is ever heard of it: the guard time closes it.
    desk.after(seconds(65));
    assert_eq!(desk.queue.open_attempts().count(), 0);
    assert_eq!(desk.queue.interaction(call(1)).unwrap().attempts_used, 1);
}

#[test]
fn the_consumers_menu() {
    let mut desk = Desk::new(|policy| policy.limits = LimitSettings::OFF);
    desk.request(1);
    desk.log_in("ann");
    for serial in 1..=3 {
        desk.answered(1, serial);
        let attempt = try_of(1, serial);
        let effects = desk.tell(Event::ConsumerPostponed { attempt, delay: seconds(1) });
        assert_eq!(ends(&effects), [EndReason::Goodbye]);
        assert!(given(&desk.after(seconds(30))).is_empty());
        desk.end(1, serial, RetryClass::HungUp);
        assert_eq!(given(&desk.after(seconds(570))), ["ann>1"], "ten minutes at least");
    }
    desk.answered(1, 4);
    assert_eq!(desk.queue.interaction(call(1)).unwrap().attempts_used, 0);
    assert_eq!(
        ends(&desk.tell(Event::ConsumerRefused { attempt: try_of(1, 4) })),
        [EndReason::NeverAgain]
    );
    assert_eq!(desk.outcomes(), [(1, Outcome::Refused)]);
    assert_eq!(desk.queue.open_attempts().count(), 1, "the leg is still there");
    desk.end(1, 4, RetryClass::HungUp);
    assert_eq!(desk.queue.open_attempts().count(), 0);
}

#[test]
fn nobody_presses_1() {
    let mut desk = Desk::new(|q| q.attempts_max = 1);
    desk.request(1);
    desk.log_in("ann");
    desk.answered(1, 1);
    assert_eq!(ends(&desk.after(seconds(45))), [EndReason::NoConfirm]);
    desk.confirm(1, 1);
    assert_eq!(desk.stage(1), Some(Stage::Confirming), "too late");
    desk.end(1, 1, RetryClass::NoConfirm);
    assert_eq!(desk.outcomes(), [(1, Outcome::AttemptsExhausted(RetryClass::NoConfirm))]);
}

#[test]
fn an_answered_consumer_whom_nobody_serves_is_asked() {
    let mut desk = Desk::new(|q| q.confirm = false);
    desk.request(1);
    desk.arrive(2);
    desk.log_in("ann");
    desk.pick_up("ann", 2);
    desk.answered(1, 1);
    assert_eq!(desk.stage(1), Some(Stage::Waiting));
    let asked = [Effect::AskKeepWaiting { interaction: call(1) }];
    assert_eq!(desk.after(seconds(120)), asked[..]);
    let answer = |choice| Event::WaitAnswered { interaction: call(1), choice };
    assert!(desk.tell(answer(WaitChoice::KeepWaiting)).is_empty());
    assert_eq!(desk.after(seconds(120)), asked[..], "each interval");
    assert_eq!(ends(&desk.after(seconds(20))), [EndReason::Goodbye], "no key is: call me back");
    assert!(matches!(desk.stage(1), Some(Stage::Virtual { .. })));
    desk.log_in("bob");
    assert!(matches!(desk.stage(1), Some(Stage::Virtual { .. })), "the leg is still there");
    assert_eq!(given(&desk.end(1, 1, RetryClass::HungUp)), ["bob>1"]);
    assert_eq!(desk.queue.interaction(call(1)).unwrap().attempts_used, 0);
    desk.tell(Event::AgentLoggedOut { agent: name("ann") });
    desk.tell(Event::AgentLoggedOut { agent: name("bob") });
    desk.hang_up(2);
    desk.answered(1, 2);
    assert_eq!(desk.queue.ewt(call(1)), Err(EwtUnknown::NobodyLoggedIn));
    assert!(desk.queue.interaction(call(1)).unwrap().asked, "at once with nobody logged in");
}

#[test]
fn a_held_trigger_waits_for_its_consumer() {
    let mut desk = Desk::new(|q| q.hold_trigger = seconds(30));
    desk.request(1);
    assert_eq!(given(&desk.log_in("ann")), ["ann>1"]);
    assert!(given(&desk.arrive(2)).is_empty());
    desk.answered(1, 1);
    assert_eq!(given(&desk.confirm(1, 1)), ["ann<1"]);
    desk.pick_up("ann", 1);
    desk.request(3);
    assert_eq!(given(&desk.log_in("bob")), ["bob<2"]);
    desk.hang_up(2);
    assert!(given(&desk.arrive(4)).is_empty(), "bob is kept for 3");
    assert_eq!(given(&desk.after(seconds(30))), ["bob<4"]);
}

#[test]
fn a_number_no_longer_permitted_ends_at_its_turn() {
    let mut desk = Desk::new(|_| {});
    desk.request(1);
    let mut narrow = policy();
    narrow.addresses.prefixes = vec!["+49".into()];
    let settings = settings(&[("sales", narrow)], &[("ann", &[])]);
    desk.tell(Event::SettingsChanged(Box::new(settings)));
    desk.log_in("ann");
    assert_eq!(desk.outcomes(), [(1, Outcome::NotPermitted)]);
}

// ---- callers

#[test]
fn an_accepted_callback_keeps_its_place_and_waits_for_the_leg() {
    let mut desk = Desk::new(|_| {});
    desk.arrive(1);
    desk.arrive(2);
    let place = desk.queue.interaction(call(1)).unwrap().place;
    assert_eq!(desk.accept_callback(1), [Effect::Registered { interaction: call(1) }]);
    assert!(desk.accept_callback(1).is_empty(), "once is enough");
    assert_eq!(desk.queue.interaction(call(1)).unwrap().place, place);
    assert_eq!(given(&desk.log_in("ann")), ["ann<2"], "1 is still on the line");
    desk.log_in("bob");
    assert_eq!(given(&desk.hang_up(1)), ["bob>1"]);
}

#[test]
fn a_confirmation_stops_the_alert_or_comes_too_late() {
    let mut desk = Desk::new(|_| {});
    desk.log_in("ann");
    desk.arrive(1);
    let effects = desk.accept_callback(1);
    let (agent, interaction) = (name("ann"), call(1));
    assert_eq!(
        effects,
        [Effect::CancelAlert { agent, interaction }, Effect::Registered { interaction }]
    );
    assert_eq!(desk.queue.agent(&name("ann")).unwrap().misses, 0);
    assert!(desk.pick_up("ann", 1).is_empty(), "the confirmation was handled first");
    desk.arrive(2);
    desk.pick_up("ann", 2);
    assert!(desk.accept_callback(2).is_empty(), "the agent was first");
    assert!(matches!(desk.stage(2), Some(Stage::Bridged(_))));
}

#[test]
fn a_callback_is_refused_for_a_bad_number_a_second_one_and_a_closed_queue() {
    let at = Timestamp::from_seconds;
    let mut desk = Desk::new(|q| q.hours = Hours::Intervals(vec![(at(0), at(2000))]));
    desk.arrive(1);
    let refused = |n, why| vec![Effect::NotRegistered { interaction: call(n), why }];
    let address = Address::parse("+4930123456").unwrap();
    let foreign = Event::CallbackConfirmed { interaction: call(1), address };
    assert_eq!(desk.tell(foreign), refused(1, Refusal::NotPermitted));
    desk.request(5);
    let second = Event::CallbackConfirmed { interaction: call(1), address: phone(5) };
    let duplicate = Refusal::Duplicate { open: call(5), due_at: None };
    assert_eq!(desk.tell(second), refused(1, duplicate));
    // Whoever is on the line at closing time is led away, and confirms too late.
    desk.now = at(2000);
    let leaves = Effect::LeaveQueue { interaction: call(1), offer_schedule: false };
    assert_eq!(desk.accept_callback(1), [leaves]);
    let closed = NotAdmitted::Closed;
    assert_eq!(desk.arrive(6), [Effect::NotAdmitted { interaction: call(6), reason: closed }]);
    assert_eq!(desk.stage(5), None, "closed with the business day");
}

#[test]
fn who_is_not_admitted_is_told_why() {
    let mut desk = Desk::new(|q| q.waiting_max = 1);
    desk.arrive(1);
    assert!(desk.arrive(1).is_empty(), "known already");
    let refused = |n, reason| vec![Effect::NotAdmitted { interaction: call(n), reason }];
    assert_eq!(desk.arrive(2), refused(2, NotAdmitted::Full));
    assert_eq!(desk.arrive_for(3, "none", "", 0), refused(3, NotAdmitted::Unknown));
}

#[test]
fn a_caller_who_hangs_up_early_is_abandoned_or_called_back() {
    let mut desk = Desk::new(|_| {});
    desk.arrive(1);
    desk.hang_up(1);
    assert_eq!(desk.outcomes(), [(1, Outcome::Abandoned)]);
    let mut desk = Desk::new(|q| q.early_hangup = EarlyHangup::CallBack);
    desk.arrive(1);
    desk.hang_up(1);
    assert_eq!(given(&desk.log_in("ann")), ["ann>1"]);
    desk.arrive(2);
    desk.hang_up(2);
    assert!(desk.outcomes().is_empty(), "also while an agent's phone rang");
    assert_eq!(desk.stage(2), Some(Stage::Virtual { not_before: None }));
    assert_eq!(given(&desk.log_in("bob")), ["bob>2"]);
}

#[test]
fn a_conversation_ends_from_either_side_or_is_lost() {
    let mut desk = Desk::new(|q| q.after_call_work = seconds(30));
    desk.log_in("ann");
    desk.arrive(1);
    assert!(matches!(&desk.pick_up("ann", 1)[..], [Effect::Connect { .. }]));
    let interaction = call(1);
    let ended = |cause| Event::BridgeEnded { interaction, cause };
    let effects = desk.tell(ended(BridgeEnd::Agent));
    assert_eq!(effects, [Effect::Release { interaction, reason: ReleaseReason::Served }]);
    assert_eq!(desk.outcomes(), [(1, Outcome::Served)]);
    assert_eq!(desk.agent("ann"), AgentState::AfterCallWork);
    desk.arrive(2);
    assert_eq!(given(&desk.after(seconds(30))), ["ann<2"]);
    desk.pick_up("ann", 2);
    assert!(matches!(&desk.hang_up(2)[..], [Effect::Disconnect { .. }]));
    desk.tell(Event::AfterCallWorkEnded { agent: name("ann") });
    desk.arrive(3);
    desk.pick_up("ann", 3);
    desk.tell(Event::AgentNotReady { agent: name("ann"), reason: NotReadyReason::Asked });
    desk.tell(Event::BridgeEnded { interaction: call(3), cause: BridgeEnd::Lost });
    assert_eq!(desk.outcomes(), [(3, Outcome::Dropped)]);
    assert_eq!(desk.agent("ann"), AgentState::NotReady(NotReadyReason::Asked));
}

#[test]
fn a_contact_lost_moves_the_caller_on() {
    let mut desk = Desk::new(|_| {});
    desk.log_in("ann");
    desk.log_in("bob");
    desk.arrive(1);
    let lost = |agent| Event::AgentContactLost { agent: name(agent) };
    assert_eq!(given(&desk.tell(lost("ann"))), ["bob<1"]);
    assert_eq!(desk.agent("ann"), AgentState::LoggedOut);
    desk.pick_up("bob", 1);
    desk.tell(lost("bob"));
    assert_eq!(desk.agent("bob"), AgentState::Talking(call(1)));
    desk.hang_up(1);
    assert_eq!(desk.agent("bob"), AgentState::LoggedOut);
}

#[test]
fn purge_and_close_act_on_virtual_only() {
    let close = Timestamp::from_seconds(2000);
    let mut desk = Desk::new(|q| {
        q.hours = Hours::Intervals(vec![(Timestamp::from_ms(0), close)]);
        q.purge_after = seconds(500);
    });
    desk.request(1);
    desk.request(2);
    desk.log_in("ann");
    assert_eq!(desk.stage(1), Some(Stage::Dialing));
    desk.answered(1, 1);
    desk.now += seconds(480);
    desk.tell(Event::AgentLoggedOut { agent: name("ann") });
    desk.after(seconds(30));
    assert_eq!(desk.outcomes(), [(2, Outcome::Purged)]);
    desk.end(1, 1, RetryClass::NoConfirm);
    assert_eq!(desk.outcomes(), [(1, Outcome::Purged)], "purged instead of retried");
    desk.now = close - seconds(100);
    desk.request(3);
    desk.after(seconds(100));
    assert_eq!(desk.outcomes(), [(3, Outcome::Closed)]);
}

#[test]
fn a_cancelled_dial_stays_open_until_its_leg_is_gone() {
    let mut desk = Desk::new(|_| {});
    desk.request(1);
    desk.log_in("ann");
    let cancelled = |n| Event::Cancelled { interaction: call(n) };
    assert_eq!(ends(&desk.tell(cancelled(1))), [EndReason::Cancelled]);
    assert_eq!(desk.outcomes(), [(1, Outcome::Cancelled)]);
    desk.request(2);
    assert!(matches!(desk.stage(2), Some(Stage::Virtual { .. })), "ann still carries the charge");
    assert!(desk.queue.rows().attempts.len() == 1);
    assert_eq!(given(&desk.end(1, 1, RetryClass::HungUp)), ["ann>2"]);
    desk.arrive(3);
    let effects = desk.tell(cancelled(3));
    let [Effect::CancelAlert { .. }, Effect::Release { .. }, Effect::Cancelled { .. }] =
        &effects[..]
    else {
        panic!("{effects:?}")
    };
}

// ---- restart

#[test]
fn after_a_restart_promises_stand_and_no_dial_starts_unchecked() {
    let mut desk = Desk::new(|q| q.early_hangup = EarlyHangup::CallBack);
    (1..=3).for_each(|n| drop(desk.request(n)));
    desk.log_in("ann");
    desk.answered(1, 1);
    desk.confirm(1, 1);
    assert_eq!(desk.agent("ann"), AgentState::Alerting(call(1)));
    desk.log_in("bob");
    desk.arrive(4);
    desk.pick_up("bob", 4);
    desk.arrive(5);
    assert_eq!(desk.stage(2), Some(Stage::Dialing));
    let settings = settings(&[("sales", policy())], &[("ann", &[]), ("bob", &[])]);
    desk.queue = Queue::load(settings, node(), desk.queue.rows());
    let effects = desk.tell(Event::NodeLost { node: node() });
    assert_eq!(ends(&effects), [EndReason::Orphaned, EndReason::Orphaned]);
    assert_eq!(desk.outcomes(), [(4, Outcome::Dropped), (5, Outcome::Abandoned)]);
    assert_eq!(desk.stage(1), Some(Stage::Virtual { not_before: None }));
    assert_eq!(desk.agent("ann"), AgentState::Ready);
    desk.tell(Event::DialCapacity { queue: sales(), free: vec![(trunk(), 10)] });
    assert!(given(&desk.end(1, 1, RetryClass::Carrier)).is_empty(), "nobody was checked");
    let checked = |agent, reachable| Event::ContactChecked { agent: name(agent), reachable };
    desk.tell(checked("bob", false));
    assert_eq!(desk.agent("bob"), AgentState::NotReady(NotReadyReason::Unreachable));
    assert_eq!(given(&desk.tell(checked("ann", true))), ["ann>1"]);
    assert!(given(&desk.after(seconds(65))).is_empty());
    assert_eq!(
        desk.stage(2),
        Some(Stage::Virtual { not_before: None }),
        "closed by the guard time"
    );
    assert_eq!(desk.queue.interaction(call(2)).unwrap().attempts_used, 0);
}

// ---- what is told

#[test]
fn position_and_estimate_follow_the_queue_and_its_agents() {
    let agents: &[(&str, &[(&str, u8)])] = &[("ann", &[("a", 1)]), ("bob", &[("a", 1), ("b", 1)])];
    let mut desk = Desk::of(settings(&[("sales", policy()), ("support", policy())], agents));
    for (n, skills) in [(1, "a"), (2, "a"), (3, "b"), (4, "c")] {
        desk.arrive_for(n, "sales", skills, 0);
    }
    let ewt = |desk: &Desk, n| desk.queue.ewt(call(n)).ok().map(|wait| wait.as_secs());
    assert_eq!(ewt(&desk, 1), None, "nobody is logged in");
    for agent in ["ann", "bob"] {
        desk.tell(Event::AgentLoggedIn { agent: name(agent), ready: false });
    }
    assert_eq!(
        (1..=4).map(|n| desk.queue.position(call(n)).unwrap()).collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
    // 90 s are assumed; two agents for `a`, one for `b`, none for `c`.
    assert_eq!(
        (1..=4).map(|n| ewt(&desk, n)).collect::<Vec<_>>(),
        [Some(90), Some(90), Some(270), None]
    );
    desk.arrive_for(5, "support", "b", 0);
    assert_eq!(ewt(&desk, 3), Some(540), "bob is shared with support");
    assert_eq!(ewt(&desk, 2), Some(180), "2 turns for one and a half agents");
    assert_eq!(desk.queue.queue_length(&sales()), 4);
    assert_eq!(desk.queue.queue_ewt(&sales(), true), Ok(seconds(360)), "5 turns for 1.5 agents");
    desk.tell(Event::AgentLoggedOut { agent: name("bob") });
    assert_eq!(ewt(&desk, 3), None, "nobody logged in can serve it");
    // A joined caller with a Ready agent waits no turn at all.
    (1..=4).for_each(|n| drop(desk.hang_up(n)));
    desk.tell(Event::AgentReady { agent: name("ann") });
    assert_eq!(desk.queue.queue_ewt(&sales(), true), Ok(Duration::ZERO));
    for n in 10..20 {
        desk.arrive_for(n, "sales", "", 0);
        desk.pick_up("ann", n);
        desk.now += seconds(30);
        desk.hang_up(n);
    }
    desk.tell(Event::AgentNotReady { agent: name("ann"), reason: NotReadyReason::Asked });
    assert_eq!(desk.queue.queue_ewt(&sales(), true), Ok(seconds(30)), "as the last calls took");
}

#[test]
fn an_explanation_names_what_it_waits_for_and_shows_no_number() {
    let mut desk = Desk::new(|_| {});
    desk.request(1);
    let waits_for = |desk: &Desk| desk.queue.explain(call(1)).unwrap().waits_for;
    assert_eq!(waits_for(&desk), WaitsFor::AgentLoggedIn);
    desk.tell(Event::AgentLoggedIn { agent: name("ann"), ready: false });
    assert_eq!(waits_for(&desk), WaitsFor::AgentReady);
    desk.tell(Event::DialCapacity { queue: sales(), free: vec![] });
    desk.tell(Event::AgentReady { agent: name("ann") });
    assert_eq!(waits_for(&desk), WaitsFor::Route);
    desk.tell(Event::DialCapacity { queue: sales(), free: vec![(trunk(), 1)] });
    assert_eq!(waits_for(&desk), WaitsFor::Consumer);
    desk.end(1, 1, RetryClass::Busy);
    assert_eq!(waits_for(&desk), WaitsFor::RetryDelay);
    let explained = desk.queue.explain(call(1)).unwrap();
    assert_eq!(explained.next_deadline, Some((desk.now + seconds(120), "retry_delay")));
    let text = "00000000-0000-0000-0000-000000000001 in sales: \
        Virtual { not_before: Some(1970-01-01T00:18:40.001Z) }, \
        waits for the delay after its last attempt; 0 ahead; \
        priority 0, in line since 1970-01-01T00:16:40.001Z; \
        next: retry_delay at 1970-01-01T00:18:40.001Z";
    assert_eq!(explained.to_string(), text);
}
