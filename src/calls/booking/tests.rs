//! Whole dialogues, from the offer on: here the number and the word of the queue.

mod schedule;

use expect_test::expect;

use crate::calls::stage::{Stage, expect_booking, in_booking, settings};

#[test]
fn a_number_ends_by_a_pause_too_and_may_be_keyed_again() {
    expect_booking(
        "3 digit caller 2
     4 digit caller 1
     5 digit caller 0
     12 number i1 1002
     13 digit caller 2
     14 digit caller 3
     15 digit caller #
     15 number i1 1003
     20 played caller
     30 digit caller 5
     31 digit caller 9
     32 played caller",
        expect![[r#"
                play caller your-number-is <1001> confirm-or-key-number
            3 digit caller 2
                play caller key-number
            4 digit caller 1
                silence caller
            5 digit caller 0
            10 (next digit)
                ! keyed i1 billing 10
            12 number i1 1002
                play caller number-keyed-is <1002> confirm-keyed-number
            13 digit caller 2
                play caller key-number
            14 digit caller 3
                silence caller
            15 digit caller #
                ! keyed i1 billing 3
            15 number i1 1003
                play caller number-keyed-is <1003> confirm-keyed-number
            20 played caller
            27 (first digit)
                play caller number-keyed-is <1003> confirm-keyed-number
            30 digit caller 5
                play caller invalid-choice number-keyed-is <1003> confirm-keyed-number
            31 digit caller 9
                play caller callback-declined
            32 played caller
                music caller
        "#]],
    );
}

#[test]
fn a_number_that_cannot_be_called_is_asked_for_three_times() {
    expect_booking(
        "3 digit caller 2
     4 digit caller 9
     5 digit caller #
     5 number i1 not-a-number
     6 digit caller 9
     7 digit caller #
     7 number i1 not-permitted
     8 digit caller 9
     9 digit caller #
     9 number i1 not-permitted
     12 played caller
     60 standing i1 1 200",
        expect![[r#"
                play caller your-number-is <1001> confirm-or-key-number
            3 digit caller 2
                play caller key-number
            4 digit caller 9
                silence caller
            5 digit caller #
                ! keyed i1 billing 9
            5 number i1 not-a-number
                play caller number-not-complete key-number
            6 digit caller 9
                silence caller
            7 digit caller #
                ! keyed i1 billing 9
            7 number i1 not-permitted
                play caller callback-refused key-number
            8 digit caller 9
                silence caller
            9 digit caller #
                ! keyed i1 billing 9
            9 number i1 not-permitted
                play caller callback-refused
            12 played caller
                music caller
            60 standing i1 1 200
        "#]],
    );
    expect_booking(
        "3 digit caller 2
     4 digit caller 9
     5 digit caller #
     5 number i1 too-many
     6 played caller",
        expect![[r#"
                play caller your-number-is <1001> confirm-or-key-number
            3 digit caller 2
                play caller key-number
            4 digit caller 9
                silence caller
            5 digit caller #
                ! keyed i1 billing 9
            5 number i1 too-many
                play caller limit-reached
            6 played caller
                music caller
        "#]],
    );
}

#[test]
fn who_keys_nothing_keeps_waiting() {
    expect_booking(
        "3 digit caller 2
     5 played caller
     16 played caller
     20 digit caller #
     21 played caller
     40 played caller",
        expect![[r#"
                play caller your-number-is <1001> confirm-or-key-number
            3 digit caller 2
                play caller key-number
            5 played caller
            15 (first digit)
                play caller key-number
            16 played caller
            20 digit caller #
                play caller key-number
            21 played caller
            31 (first digit)
                play caller number-not-taken callback-declined
            40 played caller
                music caller
        "#]],
    );
    expect_booking(
        "5 played caller\n20 tick",
        expect![[r#"
            play caller your-number-is <1001> confirm-or-key-number
        5 played caller
        12 (first digit)
            play caller callback-declined
        20 tick
    "#]],
    );
    expect_booking(
        "3 digit caller 9\n5 played caller",
        expect![[r#"
            play caller your-number-is <1001> confirm-or-key-number
        3 digit caller 9
            play caller callback-declined
        5 played caller
            music caller
    "#]],
    );
    expect_booking(
        "3 digit caller 7\n4 digit caller 7\n5 digit caller 7",
        expect![[r#"
            play caller your-number-is <1001> confirm-or-key-number
        3 digit caller 7
            play caller invalid-choice your-number-is <1001> confirm-or-key-number
        4 digit caller 7
            play caller invalid-choice your-number-is <1001> confirm-or-key-number
        5 digit caller 7
            play caller callback-declined
    "#]],
    );
}

#[test]
fn a_node_that_does_not_read_the_number_is_not_waited_for() {
    expect_booking(
        "3 digit caller 2\n4 digit caller 9\n5 digit caller #\n12 number i1 1002",
        expect![[r#"
                play caller your-number-is <1001> confirm-or-key-number
            3 digit caller 2
                play caller key-number
            4 digit caller 9
                silence caller
            5 digit caller #
                ! keyed i1 billing 9
            10 (keyed number)
                play caller number-not-taken
            12 number i1 1002
        "#]],
    );
}

#[test]
fn a_number_that_may_not_be_called_is_not_read_to_its_owner() {
    let log = Stage::play(
        settings(),
        "0 incoming caller anonymous 700
     0 answered caller
     1 played caller
     1 digit caller 1
     2 standing i1 9 999
     3 digit caller 1
     4 digit caller 1
     5 digit caller #",
    );
    expect![[r#"
        2 standing i1 9 999
            ! offered i1
            play caller offer-callback
        3 digit caller 1
            play caller key-number
        4 digit caller 1
            silence caller
        5 digit caller #
            ! keyed i1 billing 1
    "#]]
    .assert_eq(&log[log.find("2 standing").unwrap()..]);
}

#[test]
fn a_dialogue_without_end_is_ended() {
    let mut script = String::new();
    for second in (3..620).step_by(2) {
        let (one, two) = (f64::from(second), f64::from(second) + 0.5);
        script += &format!("{one} digit caller 2\n{two} digit caller 7\n");
        script += &format!("{two} digit caller #\n{two} number i1 1002\n");
    }
    let log = in_booking(&script);
    assert!(log.contains("602 (booking)\n    play caller callback-declined"), "{log}");
}

#[test]
fn each_refusal_has_its_sentence() {
    let mut told = String::new();
    for reason in [
        "not-permitted",
        "duplicate",
        "duplicate tomorrow@09:30",
        "too-many",
        "closed",
        "slot-taken",
        "never-call",
        "unavailable",
    ] {
        let log = in_booking(&format!("3 digit caller 1\n4 not-registered i1 {reason}"));
        told += &log[log.find("4 not").unwrap()..];
    }
    expect![[r#"
        4 not-registered i1 not-permitted
            play caller callback-refused
        4 not-registered i1 duplicate
            music caller
            play caller callback-duplicate
        4 not-registered i1 duplicate tomorrow@09:30
            music caller
            play caller callback-duplicate pending-callback-for tomorrow@09:30
        4 not-registered i1 too-many
            play caller limit-reached
        4 not-registered i1 closed
            play caller closed
        4 not-registered i1 slot-taken
            play caller slot-gone schedule-day
        4 not-registered i1 never-call
            play caller refused-never-call
        4 not-registered i1 unavailable
            play caller callbacks-unavailable
    "#]]
    .assert_eq(&told);
    expect_booking(
        "3 digit caller 2\n4 digit caller 1\n5 digit caller #\n5 number i1 1002
     6 digit caller 1\n7 not-registered i1 duplicate tomorrow@09:30",
        expect![[r#"
                play caller your-number-is <1001> confirm-or-key-number
            3 digit caller 2
                play caller key-number
            4 digit caller 1
                silence caller
            5 digit caller #
                ! keyed i1 billing 1
            5 number i1 1002
                play caller number-keyed-is <1002> confirm-keyed-number
            6 digit caller 1
                ! confirmed i1 1002
                play caller please-hold
            7 not-registered i1 duplicate tomorrow@09:30
                play caller callback-duplicate
        "#]],
    );
}

#[test]
fn the_agents_answer_cuts_the_keying_and_a_hang_up_ends_it() {
    expect_booking(
        "3 digit caller 2
     4 alert ann i1 1
     5 digit caller 1
     6 answered ann/1
     6 connect ann i1
     7 digit caller #
     8 number i1 1002",
        expect![[r#"
                play caller your-number-is <1001> confirm-or-key-number
            3 digit caller 2
                play caller key-number
            4 alert ann i1 1
                invite ann/1 1001 like caller
            5 digit caller 1
                silence caller
            6 answered ann/1
                ! agent answered ann i1
            6 connect ann i1
                bridge caller ann/1
            7 digit caller #
            8 number i1 1002
        "#]],
    );
    expect_booking(
        "3 digit caller 2\n4 digit caller 1\n5 digit caller #\n5 ended caller peer
     5 number i1 1002",
        expect![[r#"
                play caller your-number-is <1001> confirm-or-key-number
            3 digit caller 2
                play caller key-number
            4 digit caller 1
                silence caller
            5 digit caller #
                ! keyed i1 billing 1
            5 ended caller peer
                ! caller hung up i1
            5 number i1 1002
        "#]],
    );
}
