//! What callers are told and offered: the estimates of the other modes, and to whom a callback is.

use super::*;
use crate::queue::contact::{CallingWindow, ContactSettings};
use crate::queue::event::LeftBy;
use crate::queue::hours::Hours;
use crate::queue::settings::EwtMode;
use crate::queue::slots::SlotSettings;

/// Serves `n` callers who come when it is their turn, each for `each`.
fn served(desk: &mut Desk, n: std::ops::Range<u128>, each: Duration) {
    for n in n {
        desk.arrive(n);
        desk.pick_up("ann", n);
        desk.now += each;
        desk.hang_up(n);
    }
}

/// Ann is the only one, and away; 100, 101 and 102 wait.
fn three_wait(desk: &mut Desk) {
    desk.tell(Event::AgentNotReady { agent: name("ann"), reason: NotReadyReason::Asked });
    (100..103).for_each(|n| drop(desk.arrive(n)));
}

#[test]
fn mode_1_goes_by_the_gaps_between_distributions() {
    let mut desk = Desk::new(|policy| policy.ewt = EwtMode::Mode1);
    desk.log_in("ann");
    three_wait(&mut desk);
    assert_eq!(desk.queue.ewt(call(100)), Err(EwtUnknown::NoDistributions));
    (100..103).for_each(|n| drop(desk.hang_up(n)));
    desk.tell(Event::AgentReady { agent: name("ann") });
    served(&mut desk, 1..2, seconds(40));
    three_wait(&mut desk);
    assert_eq!(desk.queue.ewt(call(102)), Err(EwtUnknown::NoDistributions), "one is no gap");
    (100..103).for_each(|n| drop(desk.hang_up(n)));
    desk.tell(Event::AgentReady { agent: name("ann") });
    served(&mut desk, 2..4, seconds(40));
    three_wait(&mut desk);
    let ewt = |n| desk.queue.ewt(call(n)).unwrap().as_secs();
    assert_eq!([ewt(100), ewt(101), ewt(102)], [40, 80, 120]);
}

#[test]
fn mode_3_forgets_what_is_ten_minutes_old() {
    for (mode, expected) in [(EwtMode::Mode2, 60), (EwtMode::Mode3, 20)] {
        let mut desk = Desk::new(|policy| policy.ewt = mode);
        desk.log_in("ann");
        served(&mut desk, 1..11, seconds(100));
        desk.now += seconds(600);
        served(&mut desk, 11..21, seconds(20));
        three_wait(&mut desk);
        let ewt = |n| desk.queue.ewt(call(n)).unwrap().as_secs();
        assert_eq!([ewt(100), ewt(102)], [expected, 3 * expected], "{mode:?}");
    }
}

#[test]
fn the_last_50_calls_and_the_last_32_gaps_count() {
    let table = [
        // One of 500 s and 49 of 20 s; of 51 it is left out.
        (EwtMode::Mode2, 500, 20, 51, (500 + 49 * 20) / 50),
        (EwtMode::Mode2, 500, 20, 52, 20),
        // One gap of 400 s and 31 of 40 s; of 33 it is left out.
        (EwtMode::Mode1, 400, 40, 34, (400 + 31 * 40) / 32),
        (EwtMode::Mode1, 400, 40, 35, 40),
    ];
    for (mode, first, each, end, expected) in table {
        let mut desk = Desk::new(|policy| policy.ewt = mode);
        desk.log_in("ann");
        served(&mut desk, 1..2, seconds(first));
        served(&mut desk, 2..end, seconds(each));
        three_wait(&mut desk);
        assert_eq!(desk.queue.ewt(call(100)).unwrap().as_secs(), expected, "{mode:?} {end}");
    }
}

#[test]
fn a_callback_is_offered_to_live_callers_alone() {
    let mut desk = Desk::new(|_| {});
    desk.tell(Event::AgentLoggedIn { agent: name("ann"), ready: false });
    desk.arrive(1);
    assert!(desk.queue.offers(&sales(), Some(call(1))).immediate);
    desk.accept_callback(1);
    desk.tell(Event::CallerLeft { interaction: call(1), by: LeftBy::Choice });
    desk.tell(Event::CalledIn { interaction: call(1), node: node() });
    assert_eq!(desk.stage(1), Some(Stage::Waiting));
    let offers = desk.queue.offers(&sales(), Some(call(1)));
    assert!(!offers.immediate && !offers.scheduled, "they have one");
    let mut desk = Desk::new(|policy| policy.user_originated = true);
    desk.tell(Event::AgentLoggedIn { agent: name("ann"), ready: false });
    desk.arrive(1);
    assert!(!desk.queue.offers(&sales(), Some(call(1))).immediate, "the app asks there");
}

#[test]
fn an_appointment_that_stands_ends_with_the_day_as_it_became() {
    let at = |hour: u64| Timestamp::from_seconds(hour as i64 * 3_600);
    let until = |hour| {
        let slots = Some(SlotSettings::default());
        let (hours, contact) = (vec![(at(0), at(hour))], ContactSettings { window: None });
        QueueSettings { hours: Hours::Intervals(hours), slots, contact, ..policy() }
    };
    let of = |hour| settings(&[("sales", until(hour))], &[("ann", &[])]);
    let mut desk = Desk::of(of(17));
    desk.tell(Event::CallbackRequested {
        interaction: call(1),
        queue: sales(),
        skills: None,
        priority: 0,
        address: Some(phone(1)),
        when: When::At(at(10)),
        notify: false,
        attached: None,
    });
    let close = |desk: &Desk| desk.queue.interaction(call(1)).unwrap().close_at;
    assert_eq!(close(&desk), Some(at(17)));
    desk.tell(Event::SettingsChanged(Box::new(of(12))));
    assert_eq!((desk.stage(1), close(&desk)), (Some(Stage::Scheduled), Some(at(12))));
}

#[test]
fn an_immediate_callback_is_dialled_at_night_for_four_hours_only() {
    // The default window, 08:00 to 21:00, in California, which is 8 hours behind.
    let night = Timestamp::from_seconds(10 * 3_600);
    let opens = Timestamp::from_seconds(16 * 3_600);
    for (waited, dialled) in [(seconds(4 * 3_600 - 1), true), (seconds(4 * 3_600 + 1), false)] {
        let mut desk = Desk::new(|policy| policy.contact.window = Some(CallingWindow::default()));
        desk.now = Timestamp::from_ms(night.as_ms() - 1 - waited.as_millis() as i64);
        desk.request(1);
        desk.now = night;
        let effects = desk.log_in("ann");
        assert_eq!(given(&effects).len(), usize::from(dialled), "{waited:?}");
        if !dialled {
            assert_eq!(desk.stage(1), Some(Stage::Virtual { not_before: Some(opens) }));
            desk.now = Timestamp::from_ms(opens.as_ms() - 1);
            assert!(given(&desk.tell(Event::Tick)).is_empty());
            desk.now = opens;
            assert_eq!(given(&desk.tell(Event::Tick)), ["ann>1"]);
        }
    }
}

#[test]
fn an_estimate_never_grows_while_nothing_changes() {
    for mode in [EwtMode::Mode1, EwtMode::Mode2, EwtMode::Mode3] {
        for (first, then) in [(10, 100), (100, 10)] {
            let mut desk = Desk::new(|policy| policy.ewt = mode);
            desk.log_in("ann");
            served(&mut desk, 1..11, seconds(first));
            served(&mut desk, 11..14, seconds(then));
            three_wait(&mut desk);
            let mut last = desk.queue.ewt(call(102)).unwrap();
            for _ in 0..60 {
                desk.after(seconds(20));
                let ewt = desk.queue.ewt(call(102)).unwrap();
                assert!(ewt <= last, "{mode:?}: {last:?} became {ewt:?}");
                last = ewt;
            }
        }
    }
}

#[test]
fn an_immediate_callback_is_offered_if_the_wait_fits_before_closing() {
    let start = Timestamp::from_seconds(1000);
    for (open, nobody, expected) in [
        (271, false, (true, true)),
        (269, false, (false, true)),
        // An estimate that is unknown offers appointments alone.
        (9000, true, (false, true)),
    ] {
        let mut desk = Desk::new(|policy| {
            policy.hours = Hours::Intervals(vec![(start, start + seconds(open))]);
            policy.slots = Some(SlotSettings::default());
        });
        if !nobody {
            desk.tell(Event::AgentLoggedIn { agent: name("ann"), ready: false });
        }
        (1..4).for_each(|n| drop(desk.arrive(n)));
        let wait = (!nobody).then_some(seconds(3 * 90));
        assert_eq!(desk.queue.ewt(call(3)).ok(), wait, "nothing measured: 90 s each");
        let offers = desk.queue.offers(&sales(), Some(call(3)));
        assert_eq!((offers.immediate, offers.scheduled), expected, "open for {open} s, {nobody}");
    }
}

#[test]
fn those_on_hold_are_left_out_of_an_estimate_that_is_asked_so() {
    let mut desk = Desk::new(|_| {});
    desk.tell(Event::AgentLoggedIn { agent: name("ann"), ready: false });
    desk.arrive(1);
    desk.request(2);
    assert_eq!(desk.queue.queue_ewt(&sales(), true), Ok(seconds(3 * 90)));
    assert_eq!(desk.queue.queue_ewt(&sales(), false), Ok(seconds(2 * 90)));
}

#[test]
fn what_a_caller_was_told_is_kept_beside_when_they_were_served() {
    let mut desk = Desk::new(|_| {});
    desk.arrive(1);
    desk.now += seconds(10);
    let told = (desk.now, seconds(90));
    desk.tell(Event::EwtTold { interaction: call(1), ewt: told.1 });
    desk.now += seconds(30);
    desk.log_in("ann");
    desk.pick_up("ann", 1);
    let row = desk.last.interactions.iter().find(|row| row.id == call(1)).unwrap();
    let waited = row.connected_at.map(|at| at.since(told.0).as_secs());
    assert_eq!((row.told, waited), (Some(told), Some(30)));
}

#[test]
fn later_is_ten_to_ninety_minutes() {
    for (asked, given) in [(1, 10), (10, 10), (30, 30), (90, 90), (1000, 90)] {
        let mut desk = Desk::new(|_| {});
        desk.request(1);
        desk.log_in("ann");
        let attempt = AttemptId { interaction: call(1), serial: 1 };
        desk.tell(Event::AttemptAnswered { attempt });
        desk.tell(Event::ConsumerPostponed { attempt, delay: seconds(60 * asked) });
        let not_before = Some(desk.now + seconds(60 * given));
        assert_eq!(desk.stage(1), Some(Stage::Virtual { not_before }), "{asked} minutes");
    }
}

#[test]
fn the_wait_before_an_appointment_was_made_is_kept() {
    let mut desk = Desk::new(|policy| policy.slots = Some(SlotSettings::default()));
    desk.arrive(1);
    let arrived = desk.now;
    desk.now += seconds(300);
    let due = desk.now + seconds(7200);
    desk.tell(Event::ScheduleConfirmed { interaction: call(1), address: phone(1), due });
    let row = desk.queue.interaction(call(1)).unwrap();
    assert_eq!((row.created_at, row.due_at), (arrived, Some(due)));
    let step = desk.last.transitions.iter().find(|it| it.row == "waiting-confirmed-scheduled");
    assert_eq!(step.map(|step| step.at), Some(arrived + seconds(300)), "the trail tells both");
}
