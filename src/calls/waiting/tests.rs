//! What a caller in a queue hears and may do.

use expect_test::expect;

use crate::calls::stage::{IN_QUEUE, Stage, expect_in_queue, in_queue, settings};
use crate::phone::AddressPolicy;

#[test]
fn position_and_wait_are_said_at_intervals() {
    expect_in_queue(
        "2 standing i1 3 100
     15 standing i1 2 90
     31.5 digit caller 2
     35 played caller
     70 played caller",
        expect![[r#"
            2 standing i1 3 100
            15 standing i1 2 90
            31 (callback offer)
                play caller offer-callback
            31.5 digit caller 2
                play caller callback-declined
            35 played caller
                music caller
            61 (announcement)
                ! told i1 90
                play caller position-is 2 in-line wait-is 90s
            70 played caller
                music caller
        "#]],
    );
}

#[test]
fn a_callback_is_offered_confirmed_and_registered() {
    expect_in_queue(
        "2 standing i1 3 121
     3 digit caller 1
     9 played caller
     10 digit caller 1
     10.2 registered i1
     14 played caller
     14.1 ended caller us
     20 dial i1/1 billing 1001",
        expect![[r#"
            2 standing i1 3 121
                play caller offer-callback
            3 digit caller 1
                play caller your-number-is <1001> confirm-or-key-number
            9 played caller
            10 digit caller 1
                ! confirmed i1 1001
                play caller please-hold
            10.2 registered i1
                play caller registered
            14 played caller
                hang-up caller 16
            14.1 ended caller us
                ! caller hung up i1
            20 dial i1/1 billing 1001
                invite dial/1 1001
        "#]],
    );
}

#[test]
fn a_callback_is_offered_when_any_threshold_is_passed() {
    for (standing, expected) in [
        (
            "2 standing i1 1 120\n3 tick",
            expect![[r#"
        2 standing i1 1 120
        3 tick
    "#]],
        ),
        (
            "2 standing i1 6 0\n3 tick",
            expect![[r#"
        2 standing i1 6 0
            play caller offer-callback
        3 tick
    "#]],
        ),
        (
            "2 standing i1 1 0 immediate 30\n3 standing i1 1 0 either 31",
            expect![[r#"
        2 standing i1 1 0 immediate 30
        3 standing i1 1 0 either 31
            play caller offer-callback-or-schedule
    "#]],
        ),
        (
            "2 standing i1 1 20\n2.5 standing i1 1 unknown\n3 tick",
            expect![[r#"
        2 standing i1 1 20
        2.5 standing i1 1 unknown
            play caller offer-callback
        3 tick
    "#]],
        ),
        (
            "2 standing i1 1 20\n32 tick",
            expect![[r#"
        2 standing i1 1 20
        31 (callback offer)
            play caller offer-callback
        32 tick
    "#]],
        ),
    ] {
        expected.assert_eq(&in_queue(standing));
    }
}

#[test]
fn a_queue_that_calls_nobody_back_offers_nothing() {
    let mut denied = settings();
    for voice in denied.queues.values_mut() {
        voice.addresses = AddressPolicy::default();
    }
    let log = Stage::play(denied, &format!("{IN_QUEUE}\n2 standing i1 9 999\n50 tick"));
    assert!(!log.contains("offer-callback"), "{log}");
}

#[test]
fn a_callback_is_not_offered_while_none_can_be_promised() {
    expect_in_queue(
        "2 standing i1 1 200 none
         40 standing i1 1 200 none
         41 standing i1 1 200",
        expect![[r#"
            2 standing i1 1 200 none
            40 standing i1 1 200 none
            41 standing i1 1 200
                play caller offer-callback
        "#]],
    );
}

#[test]
fn a_declined_offer_leads_back_to_the_music_and_comes_again() {
    expect_in_queue(
        "2 standing i1 1 200
     3 digit caller 2
     5 played caller
     6 digit caller 9
     110 standing i1 1 200
     111 digit caller 5
     112 digit caller 1
     114 played caller
     130 tick",
        expect![[r#"
            2 standing i1 1 200
                play caller offer-callback
            3 digit caller 2
                play caller callback-declined
            5 played caller
                music caller
            6 digit caller 9
            61 (announcement)
                ! told i1 200
                play caller position-is 1 in-line wait-is 200s
            110 standing i1 1 200
            111 digit caller 5
            112 digit caller 1
            114 played caller
                music caller
                play caller offer-callback
            130 tick
        "#]],
    );
}

#[test]
fn a_refused_callback_leads_back_to_the_music_and_is_not_offered_again() {
    expect_in_queue(
        "2 standing i1 1 200
     3 digit caller 1
     4 digit caller 1
     4.1 not-registered i1
     5 played caller
     59 standing i1 1 200
     61 standing i1 1 200",
        expect![[r#"
            2 standing i1 1 200
                play caller offer-callback
            3 digit caller 1
                play caller your-number-is <1001> confirm-or-key-number
            4 digit caller 1
                ! confirmed i1 1001
                play caller please-hold
            4.1 not-registered i1
                play caller callback-refused
            5 played caller
                music caller
            59 standing i1 1 200
            61 standing i1 1 200
                ! told i1 200
                play caller position-is 1 in-line wait-is 200s
        "#]],
    );
}

#[test]
fn a_slow_registration_is_apologised_for_and_still_counts() {
    expect_in_queue(
        "2 standing i1 1 200
     3 digit caller 1
     4 digit caller 1
     16 played caller
     17 digit caller 0
     20 registered i1
     21 ended caller peer",
        expect![[r#"
            2 standing i1 1 200
                play caller offer-callback
            3 digit caller 1
                play caller your-number-is <1001> confirm-or-key-number
            4 digit caller 1
                ! confirmed i1 1001
                play caller please-hold
            14 (registration)
                play caller sorry-wait please-hold
            16 played caller
                music caller
            17 digit caller 0
            20 registered i1
                play caller registered
            21 ended caller peer
                ! caller hung up i1
        "#]],
    );
}

#[test]
fn a_hang_up_before_or_after_the_confirming_digit_is_reported_when_the_leg_is_gone() {
    expect_in_queue(
        "2 standing i1 1 200\n3 digit caller 1\n4 ended caller peer",
        expect![[r#"
            2 standing i1 1 200
                play caller offer-callback
            3 digit caller 1
                play caller your-number-is <1001> confirm-or-key-number
            4 ended caller peer
                ! caller hung up i1
        "#]],
    );
    expect_in_queue(
        "2 standing i1 1 200\n3 digit caller 1\n4 digit caller 1\n4.1 ended caller peer
     4.2 registered i1",
        expect![[r#"
            2 standing i1 1 200
                play caller offer-callback
            3 digit caller 1
                play caller your-number-is <1001> confirm-or-key-number
            4 digit caller 1
                ! confirmed i1 1001
                play caller please-hold
            4.1 ended caller peer
                ! caller hung up i1
            4.2 registered i1
        "#]],
    );
}

#[test]
fn the_confirming_digit_wins_when_it_is_handled_before_the_agents_answer() {
    expect_in_queue(
        "2 standing i1 1 200
     3 digit caller 1
     4 alert ann i1 1
     5 digit caller 1
     5 cancel-alert ann i1
     5.1 registered i1
     5.2 answered ann/1
     6 played caller",
        expect![[r#"
            2 standing i1 1 200
                play caller offer-callback
            3 digit caller 1
                play caller your-number-is <1001> confirm-or-key-number
            4 alert ann i1 1
                invite ann/1 1001 like caller
            5 digit caller 1
                ! confirmed i1 1001
                play caller please-hold
            5 cancel-alert ann i1
                hang-up ann/1 16
            5.1 registered i1
                play caller registered
            5.2 answered ann/1
            6 played caller
                hang-up caller 16
        "#]],
    );
}

#[test]
fn the_agents_answer_wins_when_it_is_handled_before_the_confirming_digit() {
    expect_in_queue(
        "2 standing i1 1 200
     3 digit caller 1
     4 alert ann i1 1
     5 answered ann/1
     5 digit caller 1
     5 connect ann i1
     5.1 not-registered i1
     6 digit caller 1
     9 played caller",
        expect![[r#"
            2 standing i1 1 200
                play caller offer-callback
            3 digit caller 1
                play caller your-number-is <1001> confirm-or-key-number
            4 alert ann i1 1
                invite ann/1 1001 like caller
            5 answered ann/1
                ! agent answered ann i1
            5 digit caller 1
                ! confirmed i1 1001
                play caller please-hold
            5 connect ann i1
                bridge caller ann/1
            5.1 not-registered i1
            6 digit caller 1
            9 played caller
        "#]],
    );
}
