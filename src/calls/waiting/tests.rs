//! What a caller in a queue hears and may do.

use expect_test::expect;

use crate::calls::stage::expect_in_queue;

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
                ! offered i1
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
                ! offered i1
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
                play caller place 1 wait-is 200s
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
                ! offered i1
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
