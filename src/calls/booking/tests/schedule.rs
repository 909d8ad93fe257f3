//! A day and a time are chosen.

use expect_test::{Expect, expect};

use crate::calls::stage::{Stage, in_queue, settings};

/// A caller who waits, chose a time and confirmed the number; the log begins after it.
fn in_schedule(script: &str) -> String {
    let log = in_queue(&format!(
        "2 standing i1 1 200 either\n2 digit caller 2\n2 digit caller 1\n{script}"
    ));
    let begun = "2 digit caller 1\n";
    log[log.find(begun).unwrap() + begun.len()..].to_owned()
}

fn expect_schedule(script: &str, expected: Expect) {
    expected.assert_eq(&in_schedule(script));
}

/// Tomorrow at half past nine in the morning, found.
const FOUND: &str = "3 digit caller 2
    4 digit caller 9
    4 digit caller 3
    4 digit caller 0
    4 digit caller #
    5 digit caller 1
    5 slot i1 tomorrow@09:30
    ";

/// A caller who came by the menu to choose a time without waiting; the log begins at the number.
fn outside(script: &str) -> String {
    let log = Stage::play(
        settings(),
        &format!(
            "0 incoming caller 1001 700\n0 answered caller\n1 played caller
             2 digit caller 3\n{script}"
        ),
    );
    log[log.find("2 digit caller 3\n").unwrap()..].to_owned()
}

#[test]
fn a_time_is_chosen_from_the_offer_read_back_and_registered() {
    expect_schedule(
        &format!("{FOUND} 9 digit caller 1\n9.1 registered i1"),
        expect![[r#"
                play caller schedule-day
            3 digit caller 2
                play caller schedule-time
            4 digit caller 9
                silence caller
            4 digit caller 3
            4 digit caller 0
            4 digit caller #
                play caller schedule-half
            5 digit caller 1
                ! find i1 billing 1001 Tomorrow 570
            5 slot i1 tomorrow@09:30
                play caller we-can-call-you tomorrow@09:30 confirm-time
            9 digit caller 1
                ! scheduled i1 billing 1001 77
                play caller please-hold
            9.1 registered i1
                play caller scheduled-for tomorrow@09:30 goodbye
        "#]],
    );
}

#[test]
fn a_queue_that_can_promise_nothing_now_offers_a_time_only() {
    for (script, expected) in [
        (
            "2 standing i1 1 200 scheduled\n3 digit caller 1",
            expect![[r#"
                2 standing i1 1 200 scheduled
                    ! offered i1
                    play caller offer-schedule
                3 digit caller 1
                    play caller your-number-is <1001> confirm-or-key-number
            "#]],
        ),
        (
            "2 standing i1 1 200 scheduled\n3 digit caller 2",
            expect![[r#"
                2 standing i1 1 200 scheduled
                    ! offered i1
                    play caller offer-schedule
                3 digit caller 2
                    play caller callback-declined
            "#]],
        ),
        (
            "2 standing i1 1 200 either\n3 digit caller 1",
            expect![[r#"
                2 standing i1 1 200 either
                    ! offered i1
                    play caller offer-callback-or-schedule
                3 digit caller 1
                    play caller your-number-is <1001> confirm-or-key-number
            "#]],
        ),
        (
            "2 standing i1 1 200 either\n3 played caller\n11 tick",
            expect![[r#"
                2 standing i1 1 200 either
                    ! offered i1
                    play caller offer-callback-or-schedule
                3 played caller
                10 (first digit)
                    play caller callback-declined
                11 tick
            "#]],
        ),
        (
            "2 standing i1 1 200 either\n3 digit caller 3\n4 digit caller 2",
            expect![[r#"
                2 standing i1 1 200 either
                    ! offered i1
                    play caller offer-callback-or-schedule
                3 digit caller 3
                    play caller invalid-choice offer-callback-or-schedule
                4 digit caller 2
                    play caller your-number-is <1001> confirm-or-key-number
            "#]],
        ),
    ] {
        expected.assert_eq(&in_queue(script));
    }
}

#[test]
fn a_day_and_a_time_are_keyed_in_every_form() {
    // "1" may be the beginning of a month: a pause or # says that it is today.
    for (name, script, asked) in [
        (
            "today, by a pause",
            "3 digit caller 1\n7 digit caller 1\n7 digit caller 7\n7 digit caller #",
            "Today 1020",
        ),
        (
            "today, by #",
            "3 digit caller 1\n3 digit caller #\n4 digit caller 0\n4 digit caller #",
            "Today 0",
        ),
        (
            "a date",
            "3 digit caller 1\n3 digit caller 2\n3 digit caller 3\n3 digit caller 1
             4 digit caller 1\n4 digit caller 3\n4 digit caller 0\n4 digit caller 5",
            "MonthDay { month: 12, day: 31 } 785",
        ),
        (
            "noon",
            "3 digit caller 2\n4 digit caller 1\n4 digit caller 2\n4 digit caller #
             5 digit caller 2",
            "Tomorrow 720",
        ),
        (
            "midnight",
            "3 digit caller 2\n4 digit caller 1\n4 digit caller 2\n4 digit caller #
             5 digit caller 1",
            "Tomorrow 0",
        ),
        (
            "afternoon",
            "3 digit caller 2\n4 digit caller 5\n8 tick\n9 digit caller 2",
            "Tomorrow 1020",
        ),
    ] {
        let log = in_schedule(script);
        assert!(log.ends_with(&format!("! find i1 billing 1001 {asked}\n")), "{name}: {log}");
    }
}

#[test]
fn days_and_times_that_are_none_are_asked_again() {
    expect_schedule(
        "3 digit caller 9
         3 digit caller #
         5 played caller
         15 played caller
         16 digit caller 2
         17 digit caller 2
         17 digit caller 5
         17 digit caller #
         18 digit caller 1
         18 digit caller 0
         18 digit caller #
         19 digit caller 5
         20 played caller
         28 digit caller 1
         30 tick",
        expect![[r#"
                play caller schedule-day
            3 digit caller 9
                silence caller
            3 digit caller #
                play caller no-such-day schedule-day
            5 played caller
            15 played caller
                play caller schedule-day
            16 digit caller 2
                play caller schedule-time
            17 digit caller 2
                silence caller
            17 digit caller 5
            17 digit caller #
                play caller no-such-time schedule-time
            18 digit caller 1
                silence caller
            18 digit caller 0
            18 digit caller #
                play caller schedule-half
            19 digit caller 5
                play caller invalid-choice schedule-half
            20 played caller
            27 (first digit)
                play caller schedule-half
            28 digit caller 1
                ! find i1 billing 1001 Tomorrow 600
            30 tick
        "#]],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is said")]
fn who_does_not_answer_a_question_of_the_time_keeps_waiting() {
    for (script, expected) in [
        (
            "3 played caller\n14 played caller\n25 played caller\n40 tick",
            expect![[r#"
                play caller schedule-day
            3 played caller
            13 (first digit)
                play caller schedule-day
            14 played caller
            24 (first digit)
                play caller schedule-day
            25 played caller
            35 (first digit)
                play caller callback-declined
            40 tick
        "#]],
        ),
        (
            "3 digit caller 2\n4 digit caller 9\n4 digit caller 9\n4 digit caller #
             5 digit caller *\n5 digit caller #\n6 digit caller 8\n6 digit caller 8
             6 digit caller #\n7 played caller",
            expect![[r#"
                    play caller schedule-day
                3 digit caller 2
                    play caller schedule-time
                4 digit caller 9
                    silence caller
                4 digit caller 9
                4 digit caller #
                    play caller no-such-time schedule-time
                5 digit caller *
                    silence caller
                5 digit caller #
                    play caller no-such-time schedule-time
                6 digit caller 8
                    silence caller
                6 digit caller 8
                6 digit caller #
                    play caller callback-declined
                7 played caller
                    music caller
            "#]],
        ),
        (
            "3 digit caller 2\n4 digit caller 9\n4 digit caller #\n5 digit caller 9
             6 digit caller 3\n7 digit caller 3\n8 played caller",
            expect![[r#"
                    play caller schedule-day
                3 digit caller 2
                    play caller schedule-time
                4 digit caller 9
                    silence caller
                4 digit caller #
                    play caller schedule-half
                5 digit caller 9
                    play caller invalid-choice schedule-half
                6 digit caller 3
                    play caller invalid-choice schedule-half
                7 digit caller 3
                    play caller callback-declined
                8 played caller
                    music caller
            "#]],
        ),
    ] {
        expected.assert_eq(&in_schedule(script));
    }
    expect_schedule(
        &format!("{FOUND} 6 played caller\n14 played caller\n22 digit caller 8\n23 played caller"),
        expect![[r#"
                play caller schedule-day
            3 digit caller 2
                play caller schedule-time
            4 digit caller 9
                silence caller
            4 digit caller 3
            4 digit caller 0
            4 digit caller #
                play caller schedule-half
            5 digit caller 1
                ! find i1 billing 1001 Tomorrow 570
            5 slot i1 tomorrow@09:30
                play caller we-can-call-you tomorrow@09:30 confirm-time
            6 played caller
            13 (first digit)
                play caller we-can-call-you tomorrow@09:30 confirm-time
            14 played caller
            21 (first digit)
                play caller we-can-call-you tomorrow@09:30 confirm-time
            22 digit caller 8
                play caller callback-declined
            23 played caller
                music caller
        "#]],
    );
}

#[test]
fn a_time_that_is_not_liked_is_changed_or_cancelled() {
    expect_schedule(
        &format!(
            "{FOUND} 9 digit caller 2
         10 digit caller 2
         11 digit caller 2
         11 digit caller 3
         11 digit caller #
         11 slot i1 7/4@21:00 moved
         12 digit caller 9
         13 played caller"
        ),
        expect![[r#"
                play caller schedule-day
            3 digit caller 2
                play caller schedule-time
            4 digit caller 9
                silence caller
            4 digit caller 3
            4 digit caller 0
            4 digit caller #
                play caller schedule-half
            5 digit caller 1
                ! find i1 billing 1001 Tomorrow 570
            5 slot i1 tomorrow@09:30
                play caller we-can-call-you tomorrow@09:30 confirm-time
            9 digit caller 2
                play caller schedule-day
            10 digit caller 2
                play caller schedule-time
            11 digit caller 2
                silence caller
            11 digit caller 3
            11 digit caller #
                ! find i1 billing 1001 Tomorrow 1380
            11 slot i1 7/4@21:00 moved
                play caller time-taken 7/4@21:00 confirm-time
            12 digit caller 9
                play caller schedule-cancelled callback-declined
            13 played caller
                music caller
        "#]],
    );
}

#[test]
fn a_time_that_cannot_be_had_is_told_and_another_asked_for_twice() {
    let keyed = "9 digit caller 2\n9 digit caller 0\n9 digit caller #\n9 slot i1";
    let mut told = String::new();
    for reason in ["closed", "too-far-ahead", "past", "full", "no-such-date", "not-offered"] {
        let log = in_schedule(&format!("{keyed} {reason}"));
        told += &log[log.find("9 slot").unwrap()..];
    }
    expect![[r#"
        9 slot i1 closed
            play caller outside-hours schedule-day
        9 slot i1 too-far-ahead
            play caller too-far-ahead schedule-day
        9 slot i1 past
            play caller time-past schedule-day
        9 slot i1 full
            play caller no-free-time schedule-day
        9 slot i1 no-such-date
            play caller no-such-day schedule-day
        9 slot i1 not-offered
            play caller callbacks-unavailable
    "#]]
    .assert_eq(&told);
    let log = in_schedule(&format!("{keyed} closed\n{keyed} past\n{keyed} full\n10 played caller"));
    expect![[r#"
        9 slot i1 full
            play caller no-free-time
        10 played caller
            ! left i1
            play caller 'thanks'
    "#]]
    .assert_eq(&log[log.rfind("9 slot").unwrap()..]);
}

#[test]
fn a_queue_that_finds_nothing_in_time_is_not_waited_for() {
    let log = in_schedule(
        "9 digit caller 2\n9 digit caller 0\n9 digit caller #\n15 slot i1 tomorrow@09:30",
    );
    expect![[r#"
        ! find i1 billing 1001 Tomorrow 0
        14 (slot)
            play caller callbacks-unavailable
        15 slot i1 tomorrow@09:30
    "#]]
    .assert_eq(&log[log.find("! find").unwrap()..]);
}

#[test]
fn a_slot_that_was_taken_meanwhile_is_told_and_another_asked_for() {
    let log = in_schedule(&format!(
        "{FOUND} 9 digit caller 1\n9.1 not-registered i1 slot-taken\n10 digit caller 2"
    ));
    expect![[r#"
        9 digit caller 1
            ! scheduled i1 billing 1001 77
            play caller please-hold
        9.1 not-registered i1 slot-taken
            play caller slot-gone schedule-day
        10 digit caller 2
            play caller schedule-time
    "#]]
    .assert_eq(&log[log.find("9 digit caller 1").unwrap()..]);
}

#[test]
fn the_agents_answer_cuts_the_choice_and_the_confirming_digit_wins_before_it() {
    let log = in_schedule(&format!(
        "{FOUND} 8 alert ann i1 1\n9 answered ann/1\n9 connect ann i1\n9.1 digit caller 1"
    ));
    expect![[r#"
        8 alert ann i1 1
            invite ann/1 1001 like caller
        9 answered ann/1
            ! agent answered ann i1
        9 connect ann i1
            bridge caller ann/1
        9.1 digit caller 1
    "#]]
    .assert_eq(&log[log.find("8 alert").unwrap()..]);
    let log = in_schedule(&format!(
        "{FOUND} 8 alert ann i1 1\n9 digit caller 1\n9 cancel-alert ann i1\n9.1 registered i1
         9.2 answered ann/1\n12 played caller\n12.1 ended caller us"
    ));
    expect![[r#"
        8 alert ann i1 1
            invite ann/1 1001 like caller
        9 digit caller 1
            ! scheduled i1 billing 1001 77
            play caller please-hold
        9 cancel-alert ann i1
            hang-up ann/1 16
        9.1 registered i1
            play caller scheduled-for tomorrow@09:30 goodbye
        9.2 answered ann/1
        12 played caller
            hang-up caller 16
        12.1 ended caller us
            ! caller hung up i1
    "#]]
    .assert_eq(&log[log.find("8 alert").unwrap()..]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is said")]
fn a_time_is_chosen_without_a_queue() {
    let chosen = format!("2.5 digit caller 1\n{FOUND}");
    for (script, expected) in [
        (
            "9 digit caller 1\n9.1 registered i1\n12 played caller\n12.1 ended caller us",
            expect![[r#"
                    play caller we-can-call-you tomorrow@09:30 confirm-time
                9 digit caller 1
                    ! scheduled i1 billing 1001 77
                    play caller please-hold
                9.1 registered i1
                    play caller scheduled-for tomorrow@09:30 goodbye
                12 played caller
                    hang-up caller 16
                12.1 ended caller us
                    ! caller hung up i1
            "#]],
        ),
        (
            "9 digit caller 1\n9.1 ended caller peer\n9.2 registered i1",
            expect![[r#"
                play caller we-can-call-you tomorrow@09:30 confirm-time
            9 digit caller 1
                ! scheduled i1 billing 1001 77
                play caller please-hold
            9.1 ended caller peer
                ! caller hung up i1
            9.2 registered i1
        "#]],
        ),
        (
            "9 digit caller 9\n12 played caller",
            expect![[r#"
                play caller we-can-call-you tomorrow@09:30 confirm-time
            9 digit caller 9
                play caller schedule-cancelled goodbye
            12 played caller
                hang-up caller 16
        "#]],
        ),
        (
            "9 digit caller 1\n9.1 not-registered i1 closed\n12 played caller",
            expect![[r#"
                play caller we-can-call-you tomorrow@09:30 confirm-time
            9 digit caller 1
                ! scheduled i1 billing 1001 77
                play caller please-hold
            9.1 not-registered i1 closed
                play caller closed
            12 played caller
                play caller 'thanks'
        "#]],
        ),
        (
            "9 digit caller 1\n9.1 not-registered i1 slot-taken\n9.2 ended caller peer",
            expect![[r#"
                    play caller we-can-call-you tomorrow@09:30 confirm-time
                9 digit caller 1
                    ! scheduled i1 billing 1001 77
                    play caller please-hold
                9.1 not-registered i1 slot-taken
                    play caller slot-gone schedule-day
                9.2 ended caller peer
            "#]],
        ),
        (
            "9 ended caller peer",
            expect![[r#"
                play caller we-can-call-you tomorrow@09:30 confirm-time
            9 ended caller peer
        "#]],
        ),
        (
            "9 alert ann i1 1\n10 release i1 cancelled",
            expect![[r#"
                play caller we-can-call-you tomorrow@09:30 confirm-time
            9 alert ann i1 1
            10 release i1 cancelled
        "#]],
        ),
    ] {
        let log = outside(&format!("{chosen}{script}"));
        expected.assert_eq(&log[log.find("    play caller we-can").unwrap()..]);
    }
    // Whoever never answers is let go.
    expect![[r#"
        2 digit caller 3
            play caller your-number-is <1001> confirm-or-key-number
        3 played caller
        10 (first digit)
            play caller goodbye
        20 played caller
            hang-up caller 16
    "#]]
    .assert_eq(&outside("3 played caller\n20 played caller"));
    let log = outside(&format!("{chosen}9 digit caller 1\n20 played caller\n100 registered i1"));
    expect![[r#"
        9 digit caller 1
            ! scheduled i1 billing 1001 77
            play caller please-hold
        19 (registration)
            play caller sorry-wait please-hold
        20 played caller
            music caller
        79 (registration)
            play caller callbacks-unavailable
        100 registered i1
    "#]]
    .assert_eq(&log[log.find("9 digit caller 1").unwrap()..]);
}

#[test]
fn a_hang_up_ends_the_choice_at_every_step() {
    let steps: Vec<&str> = FOUND.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    for count in 0..=steps.len() {
        let script = format!("{}\n9 ended caller peer\n90 tick", steps[..count].join("\n"));
        let log = in_schedule(&script);
        assert!(log.contains("9 ended caller peer\n    ! caller hung up i1\n90 tick\n"), "{log}");
        let log = outside(&format!("2.5 digit caller 1\n{script}"));
        assert!(log.contains("9 ended caller peer\n90 tick\n"), "{log}");
    }
}
