//! Attempts from the INVITE to the goodbye.

use expect_test::expect;

use crate::calls::stage::{Stage, expect_on_hold, expect_play, settings};

#[test]
fn the_other_sides_word_comes_before_ours() {
    for (script, expected) in [
        (
            "1 ended dial/1 486",
            expect![[r#"
        1 ended dial/1 486
            ! attempt ended 1 Busy
    "#]],
        ),
        (
            "1 ended dial/1 silence",
            expect![[r#"
        1 ended dial/1 silence
            ! attempt ended 1 Carrier
    "#]],
        ),
        (
            "1 end-attempt i1/1 plain no-answer\n2 ended dial/1 486",
            expect![[r#"
        1 end-attempt i1/1 plain no-answer
            hang-up dial/1 16
        2 ended dial/1 486
            ! attempt ended 1 Busy
    "#]],
        ),
        (
            "1 end-attempt i1/1 plain no-answer\n2 ended dial/1 487",
            expect![[r#"
        1 end-attempt i1/1 plain no-answer
            hang-up dial/1 16
        2 ended dial/1 487
            ! attempt ended 1 NoAnswer
    "#]],
        ),
        (
            "1 end-attempt i1/1 plain no-answer\n1 end-attempt i1/1 plain hung-up\n60 tick",
            expect![[r#"
                1 end-attempt i1/1 plain no-answer
                    hang-up dial/1 16
                1 end-attempt i1/1 plain hung-up
                41 (end of the leg)
                    ! attempt ended 1 Carrier
                60 tick
            "#]],
        ),
    ] {
        let log = Stage::play(settings(), &format!("0 dial i1/1 billing 1001\n{script}"));
        expected.assert_eq(log.split_once("1001\n    invite dial/1 1001\n").unwrap().1);
    }
}

#[test]
fn an_attempt_ends_once_whatever_is_ordered() {
    expect_play(
        "0 end-attempt i1/1 silent no-answer
     0 end-attempt i1/1 silent no-answer
     0 dial i1/1 billing 1001
     1 dial i1/2 billing 1001
     1 dial i1/2 billing 1001
     1 dial i1/3 billing 1001
     2 ended dial/2 486
     2 end-attempt i1/2 silent no-answer
     2 ended dial/2 486",
        expect![[r#"
        0 end-attempt i1/1 silent no-answer
            ! attempt ended 1 Carrier
        0 end-attempt i1/1 silent no-answer
        0 dial i1/1 billing 1001
        1 dial i1/2 billing 1001
            invite dial/2 1001
        1 dial i1/2 billing 1001
        1 dial i1/3 billing 1001
            ! attempt ended 3 Carrier
        2 ended dial/2 486
            ! attempt ended 2 Busy
        2 end-attempt i1/2 silent no-answer
        2 ended dial/2 486
    "#]],
    );
}

#[test]
fn a_consumer_on_hold_is_asked_and_answers_or_does_not() {
    for (script, expected) in [
        (
            "9 ask-keep-waiting i1\n10 digit dial/1 7\n11 digit dial/1 1",
            expect![[r#"
        9 ask-keep-waiting i1
            play dial/1 sorry-wait keep-waiting-or-callback
        10 digit dial/1 7
            play dial/1 invalid-choice keep-waiting-or-callback
        11 digit dial/1 1
            ! keep waiting i1 true
            music dial/1
    "#]],
        ),
        (
            "9 ask-keep-waiting i1\n10 digit dial/1 2\n10 end-attempt i1/1 call-back hung-up",
            expect![[r#"
            9 ask-keep-waiting i1
                play dial/1 sorry-wait keep-waiting-or-callback
            10 digit dial/1 2
                ! keep waiting i1 false
                music dial/1
            10 end-attempt i1/1 call-back hung-up
                play dial/1 registered
        "#]],
        ),
        (
            "9 ask-keep-waiting i1\n12 played dial/1\n28 tick",
            expect![[r#"
                9 ask-keep-waiting i1
                    play dial/1 sorry-wait keep-waiting-or-callback
                12 played dial/1
                    music dial/1
                27 (first digit)
                    ! keep waiting i1 false
                    music dial/1
                28 tick
            "#]],
        ),
        (
            "9 ask-keep-waiting i1\n10 alert ann i1 1\n11 answered ann/1\n11 connect ann i1
         12 digit dial/1 2\n30 tick",
            expect![[r#"
            9 ask-keep-waiting i1
                play dial/1 sorry-wait keep-waiting-or-callback
            10 alert ann i1 1
                invite ann/1 1001 like dial/1
            11 answered ann/1
                ! agent answered ann i1
            11 connect ann i1
                bridge dial/1 ann/1
            12 digit dial/1 2
            30 tick
        "#]],
        ),
    ] {
        expect_on_hold(script, expected);
    }
}

#[test]
fn a_dialled_conversation_ends_from_either_side() {
    let talking = "9 alert ann i1 1\n10 answered ann/1\n10 connect ann i1\n";
    expect_on_hold(
        &format!("{talking} 60 ended dial/1 peer\n60 disconnect ann i1"),
        expect![[r#"
            9 alert ann i1 1
                invite ann/1 1001 like dial/1
            10 answered ann/1
                ! agent answered ann i1
            10 connect ann i1
                bridge dial/1 ann/1
            60 ended dial/1 peer
                ! attempt ended 1 HungUp rang
            60 disconnect ann i1
                hang-up ann/1 16
        "#]],
    );
    expect_on_hold(
        &format!("{talking} 60 ended ann/1 peer\n60 release i1 silent\n60.1 ended dial/1 us"),
        expect![[r#"
            9 alert ann i1 1
                invite ann/1 1001 like dial/1
            10 answered ann/1
                ! agent answered ann i1
            10 connect ann i1
                bridge dial/1 ann/1
            60 ended ann/1 peer
                ! bridge ended i1 lost=false
            60 release i1 silent
                hang-up dial/1 16
            60.1 ended dial/1 us
                ! attempt ended 1 HungUp rang
        "#]],
    );
}

#[test]
fn a_lost_leg_ends_a_dialled_conversation() {
    let talking = "9 alert ann i1 1\n10 answered ann/1\n10 connect ann i1\n";
    expect_on_hold(
        &format!("{talking} 60 ended ann/1 lost\n75 tick\n120 tick"),
        expect![[r#"
            9 alert ann i1 1
                invite ann/1 1001 like dial/1
            10 answered ann/1
                ! agent answered ann i1
            10 connect ann i1
                bridge dial/1 ann/1
            60 ended ann/1 lost
                ! bridge ended i1 lost=true
            70 (release)
                hang-up dial/1 102
            75 tick
            110 (end of the leg)
                ! attempt ended 1 Carrier
            120 tick
        "#]],
    );
    expect_on_hold(
        &format!("{talking} 60 ended dial/1 lost\n75 tick"),
        expect![[r#"
            9 alert ann i1 1
                invite ann/1 1001 like dial/1
            10 answered ann/1
                ! agent answered ann i1
            10 connect ann i1
                bridge dial/1 ann/1
            60 ended dial/1 lost
                ! bridge ended i1 lost=true
                ! attempt ended 1 HungUp rang
            70 (disconnect)
                hang-up ann/1 16
            75 tick
        "#]],
    );
}

#[test]
fn a_machine_is_told_nothing_of_a_callback_that_is_cancelled() {
    expect_play(
        "0 dial i1/1 leaving-word 1001
     2 answered dial/1
     6 beep dial/1
     7 end-attempt i1/1 silent hung-up
     8 ended dial/1 us",
        expect![[r#"
            0 dial i1/1 leaving-word 1001
                invite dial/1 1001
            2 answered dial/1
                ! answered 1
                listen dial/1
                play dial/1 'greeting' press-1-to-connect
            6 beep dial/1
                play dial/1 'we-called'
            7 end-attempt i1/1 silent hung-up
                hang-up dial/1 16
            8 ended dial/1 us
                ! attempt ended 1 HungUp rang
        "#]],
    );
}

#[test]
fn whoever_presses_1_is_a_person_however_long_they_spoke() {
    expect_play(
        "0 dial i1/1 leaving-word 1001
     2 answered dial/1
     4 machine dial/1
     5 beep dial/1
     6 digit dial/1 2
     7 digit dial/1 1
     8 beep dial/1
     9 ended dial/1 peer",
        expect![[r#"
            0 dial i1/1 leaving-word 1001
                invite dial/1 1001
            2 answered dial/1
                ! answered 1
                listen dial/1
                play dial/1 'greeting' press-1-to-connect
            4 machine dial/1
            5 beep dial/1
                play dial/1 'we-called'
            6 digit dial/1 2
            7 digit dial/1 1
                ! pressed 1 1
                play dial/1 connecting
            8 beep dial/1
            9 ended dial/1 peer
                ! attempt ended 1 HungUp rang
        "#]],
    );
}
