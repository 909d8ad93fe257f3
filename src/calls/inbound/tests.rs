//! Calls walking their flow, into a queue and out of it.

use expect_test::expect;

use crate::calls::stage::{expect_in_queue, expect_play, in_queue};

#[test]
fn an_answer_that_is_never_acknowledged_is_given_up() {
    expect_play(
        "0 incoming caller 1001 700\n100 tick",
        expect![[r#"
    0 incoming caller 1001 700
        answer caller
    40 (acknowledgement)
        hang-up caller 102
    100 tick
"#]],
    );
}

#[test]
fn a_released_caller_hears_the_goodbye() {
    expect_in_queue(
        "2 release i1 not-served\n4 played caller\n60 tick",
        expect![[r#"
    2 release i1 not-served
        play caller not-served
    4 played caller
        hang-up caller 16
    44 (end of the leg)
        ! caller hung up i1
    60 tick
"#]],
    );
    expect_in_queue(
        "2 release i1 silent\n2.1 ended caller us",
        expect![[r#"
    2 release i1 silent
        hang-up caller 16
    2.1 ended caller us
        ! caller hung up i1
"#]],
    );
}

#[test]
fn whose_queue_closed_may_choose_another_time() {
    let closing = "2 standing i1 1 20\n5 not-admitted i1 closed-with-times\n";
    let table = [
        (
            "8 digit caller 1\n9 digit caller 1",
            expect![[r#"
            5 not-admitted i1 closed-with-times
                play caller offer-schedule-closed
            8 digit caller 1
                play caller your-number-is <1001> confirm-or-key-number
            9 digit caller 1
                play caller schedule-day
        "#]],
        ),
        (
            "8 digit caller 2",
            expect![[r#"
            5 not-admitted i1 closed-with-times
                play caller offer-schedule-closed
            8 digit caller 2
                play caller 'bye'
        "#]],
        ),
        (
            "9 played caller\n20 tick",
            expect![[r#"
            5 not-admitted i1 closed-with-times
                play caller offer-schedule-closed
            9 played caller
            16 (first digit)
                play caller 'bye'
            20 tick
        "#]],
        ),
    ];
    for (script, expected) in table {
        let log = in_queue(&format!("{closing}{script}"));
        expected.assert_eq(&log[log.find("5 not-admitted").unwrap()..]);
    }
}
