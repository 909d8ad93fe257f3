//! Calls walking their flow, into a queue and out of it.

use expect_test::expect;

use crate::calls::flow::FlowNode;
use crate::calls::stage::{IN_QUEUE, Stage, expect_in_queue, expect_play, in_queue, settings};
use crate::ident::Language;

#[test]
fn a_call_walks_its_flow_into_the_queue() {
    expect_play(
        "0 incoming caller 1001 700
     0.1 answered caller
     2 played caller
     3 digit caller 1
     4 standing i1 2 60",
        expect![[r#"
            0 incoming caller 1001 700
                answer caller
            0.1 answered caller
                play caller 'welcome'
            2 played caller
                play caller 'which'
            3 digit caller 1
                music caller
                ! arrived i1 billing billing 3 1001
            4 standing i1 2 60
        "#]],
    );
}

#[test]
fn a_number_without_an_entry_is_not_found() {
    expect_play(
        "0 incoming caller 1001 800\n1 ended caller us",
        expect![[r#"
    0 incoming caller 1001 800
        reject caller 404
    1 ended caller us
"#]],
    );
}

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
fn a_menu_is_left_by_key_silence_or_a_wrong_key() {
    for (name, script, expected) in [
        (
            "silence twice",
            "2 played caller\n4 played caller\n10 played caller\n16 tick",
            expect![[r#"
                silence twice
                0 incoming caller 1001 700
                    answer caller
                0 answered caller
                    play caller 'welcome'
                2 played caller
                    play caller 'which'
                4 played caller
                9 (first digit)
                    play caller 'which'
                10 played caller
                15 (first digit)
                    music caller
                    ! arrived i1 billing billing 3 1001
                16 tick
            "#]],
        ),
        (
            "wrong key twice",
            "2 played caller\n3 digit caller 7\n4 digit caller 7\n6 played caller",
            expect![[r#"
                wrong key twice
                0 incoming caller 1001 700
                    answer caller
                0 answered caller
                    play caller 'welcome'
                2 played caller
                    play caller 'which'
                3 digit caller 7
                    play caller invalid-choice 'which'
                4 digit caller 7
                    play caller 'bye'
                6 played caller
                    hang-up caller 16
            "#]],
        ),
        (
            "other key",
            "2 played caller\n3 digit caller 2\n4 ended caller peer",
            expect![[r#"
                other key
                0 incoming caller 1001 700
                    answer caller
                0 answered caller
                    play caller 'welcome'
                2 played caller
                    play caller 'which'
                3 digit caller 2
                    music caller
                    ! arrived i1 plain - 0 1001
                4 ended caller peer
                    ! caller hung up i1
            "#]],
        ),
    ] {
        let log = Stage::play(
            settings(),
            &format!("0 incoming caller 1001 700\n0 answered caller\n{script}"),
        );
        expected.assert_eq(&format!("{name}\n{log}"));
    }
}

#[test]
fn each_exit_of_a_queue_leads_to_its_node_under_a_new_interaction() {
    for (script, expected) in [
        (
            "2 not-admitted i1 closed",
            expect![[r#"
        2 not-admitted i1 closed
            play caller 'bye'
    "#]],
        ),
        (
            "2 not-admitted i1 full",
            expect![[r#"
        2 not-admitted i1 full
            play caller 'bye'
    "#]],
        ),
        (
            "2 not-admitted i1 no-agents",
            expect![[r#"
        2 not-admitted i1 no-agents
            play caller 'bye'
    "#]],
        ),
        (
            "2 standing i1 1 nobody",
            expect![[r#"
        2 standing i1 1 nobody
            ! left i1
            play caller 'bye'
    "#]],
        ),
        (
            "2 digit caller 0\n4 ended caller peer",
            expect![[r#"
        2 digit caller 0
            ! left i1
            play caller 'bye'
        4 ended caller peer
    "#]],
        ),
        (
            "2 digit caller 5\n3 alert ann i1 1\n4 digit caller 0\n5 cancel-alert ann i1",
            expect![[r#"
        2 digit caller 5
        3 alert ann i1 1
            invite ann/1 1001 like caller
        4 digit caller 0
            ! left i1
            play caller 'bye'
        5 cancel-alert ann i1
            hang-up ann/1 16
    "#]],
        ),
    ] {
        expected.assert_eq(&in_queue(script));
    }
}

#[test]
fn the_longest_wait_leads_to_its_node() {
    let mut patient = settings();
    for flow in patient.flows.values_mut() {
        if let Some(FlowNode::Queue(node)) = flow.nodes.get_mut("billing") {
            (node.offer, node.announce_every) = (None, None);
        }
    }
    let log = Stage::play(patient, &format!("{IN_QUEUE}\n602 played caller\n603 ended caller us"));
    expect![[r#"
    601 (longest wait)
        ! left i1
        play caller 'bye'
    602 played caller
        hang-up caller 16
    603 ended caller us
"#]]
    .assert_eq(&log[log.find("601").unwrap()..]);
}

#[test]
fn an_unbound_exit_says_why_and_hangs_up() {
    for exit in ["closed", "full", "no-agents"] {
        let log = Stage::play(
            settings(),
            &format!(
                "0 incoming caller 1001 700\n0 answered caller\n1 played caller\n1 digit caller 2
             1 not-admitted i1 {exit}\n2 played caller"
            ),
        );
        let said = if exit == "full" { "queue-full" } else { exit };
        let end = format!("play caller {said}\n2 played caller\n    hang-up caller 16\n");
        assert!(log.ends_with(&end), "{log}");
    }
}

#[test]
fn a_released_caller_hears_the_goodbye() {
    expect_in_queue(
        "2 release i1 closed\n4 played caller\n60 tick",
        expect![[r#"
    2 release i1 closed
        play caller closed
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
fn a_menu_chooses_the_language_of_all_that_follows() {
    let mut german = settings();
    for flow in german.flows.values_mut() {
        if let Some(FlowNode::Menu { language, .. }) = flow.nodes.get_mut("menu") {
            *language = ['2', '3'].map(|key| (key, Language::new("de"))).into();
        }
    }
    let begin = "0 incoming caller 1001 700\n0 answered caller\n1 played caller\n";
    let log = Stage::play(german.clone(), &format!("{begin}2 digit caller 2\n2 release i1 closed"));
    expect![[r#"
        0 incoming caller 1001 700
            answer caller
        0 answered caller
            play caller 'welcome'
        1 played caller
            play caller 'which'
        2 digit caller 2
            music caller
            ! arrived i1 plain - 0 1001
        2 release i1 closed
            play caller (de) closed
    "#]]
    .assert_eq(&log);
    // The hours of this language go to 23.
    let script = "2 digit caller 3\n3 digit caller 1\n4 digit caller 2\n5 digit caller 9
        5 digit caller #";
    let log = Stage::play(german, &format!("{begin}{script}"));
    expect![[r#"
        2 digit caller 3
            play caller (de) your-number-is <1001> confirm-or-key-number
        3 digit caller 1
            play caller (de) schedule-day
        4 digit caller 2
            play caller (de) schedule-time
        5 digit caller 9
            silence caller
        5 digit caller #
            ! find i1 billing Tomorrow 540
    "#]]
    .assert_eq(&log[log.find("2 digit caller 3").unwrap()..]);
}

#[test]
fn digits_pressed_before_a_menu_answer_it() {
    expect_play(
        "0 incoming caller 1001 700
         0 answered caller
         0 digit caller 7
         0 digit caller 2
         1 played caller
         2 ended caller peer",
        expect![[r#"
            0 incoming caller 1001 700
                answer caller
            0 answered caller
                play caller 'welcome'
            0 digit caller 7
            0 digit caller 2
            1 played caller
                play caller 'which'
                play caller invalid-choice 'which'
                music caller
                ! arrived i1 plain - 0 1001
            2 ended caller peer
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
