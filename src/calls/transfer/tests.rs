//! Transfers as scripts: by a node of the flow, and by an agent.

use expect_test::{Expect, expect};

use crate::calls::flow::{FlowNode, Settings};
use crate::calls::stage::{Stage, in_queue, settings};
use crate::ident::{Route, TrunkId};
use crate::phone::Address;

/// A caller at the transfer node; the log begins with it.
fn at_operator(settings: Settings, script: &str) -> String {
    let begin = "0 incoming caller 1001 700\n0 answered caller\n1 played caller\n";
    let log = Stage::play(settings, &format!("{begin}2 digit caller 5\n{script}"));
    log[log.find("2 digit caller 5\n").unwrap()..].to_owned()
}

/// The operator is behind two trunks.
fn two_trunks() -> Settings {
    let mut settings = settings();
    for voice in settings.queues.values_mut() {
        voice.addresses.prefixes = vec!["+1".to_owned()];
        voice.addresses.trunks =
            ["carrier", "backup"].map(|name| Route::Trunk(TrunkId::new(name))).into();
    }
    for flow in settings.flows.values_mut() {
        if let Some(FlowNode::Transfer(node)) = flow.nodes.get_mut("operator") {
            node.to = Address::parse("+14155550123").unwrap();
        }
    }
    settings
}

/// A caller who talks with ann; the log begins after it.
fn talking(script: &str) -> String {
    let log = in_queue(&format!("2 alert ann i1 1\n3 answered ann/1\n3 connect ann i1\n{script}"));
    let joined = "    bridge caller ann/1\n";
    log[log.find(joined).unwrap() + joined.len()..].to_owned()
}

fn expect_talking(script: &str, expected: Expect) {
    expected.assert_eq(&talking(script));
}

#[test]
fn a_flow_connects_with_somebody_outside_the_queues() {
    for (script, expected) in [
        (
            "4 played caller\n5 ringing third/1\n9 answered third/1\n60 ended third/1 peer
             60.1 ended caller us",
            expect![[r#"
                2 digit caller 5
                    play caller transferring
                    invite third/1 1002 Registrar like caller
                4 played caller
                    music caller
                5 ringing third/1
                9 answered third/1
                    bridge caller third/1
                60 ended third/1 peer
                    hang-up caller 16
                60.1 ended caller us
            "#]],
        ),
        (
            "9 answered third/1\n60 ended caller peer\n60.1 ended third/1 us",
            expect![[r#"
            2 digit caller 5
                play caller transferring
                invite third/1 1002 Registrar like caller
            9 answered third/1
                bridge caller third/1
            60 ended caller peer
                hang-up third/1 16
            60.1 ended third/1 us
        "#]],
        ),
    ] {
        expected.assert_eq(&at_operator(settings(), script));
    }
}

#[test]
fn a_flow_goes_on_when_the_third_party_is_not_reached() {
    for (script, expected) in [
        (
            "9 ended caller peer",
            expect![[r#"
            2 digit caller 5
                play caller transferring
                invite third/1 1002 Registrar like caller
            9 ended caller peer
                hang-up third/1 16
        "#]],
        ),
        (
            "9 ended third/1 486\n12 played caller",
            expect![[r#"
            2 digit caller 5
                play caller transferring
                invite third/1 1002 Registrar like caller
            9 ended third/1 486
                play caller transfer-failed
            12 played caller
                play caller 'thanks'
        "#]],
        ),
        (
            "30 answered third/1",
            expect![[r#"
            2 digit caller 5
                play caller transferring
                invite third/1 1002 Registrar like caller
            22 (third party ring timeout)
                hang-up third/1 19
                play caller transfer-failed
            30 answered third/1
        "#]],
        ),
        (
            "9 ended third/1 503",
            expect![[r#"
            2 digit caller 5
                play caller transferring
                invite third/1 1002 Registrar like caller
            9 ended third/1 503
                play caller transfer-failed
        "#]],
        ),
    ] {
        expected.assert_eq(&at_operator(settings(), script));
    }
}

#[test]
fn the_next_way_is_taken_when_a_trunk_fails() {
    for (script, expected) in [
        (
            "3 ended third/1 503\n9 answered third/2",
            expect![[r#"
            2 digit caller 5
                play caller transferring
                invite third/1 +14155550123 Trunk(carrier) like caller
            3 ended third/1 503
                invite third/2 +14155550123 Trunk(backup) like caller
            9 answered third/2
                bridge caller third/2
        "#]],
        ),
        (
            "3 ended third/1 silence\n4 ended third/2 500",
            expect![[r#"
            2 digit caller 5
                play caller transferring
                invite third/1 +14155550123 Trunk(carrier) like caller
            3 ended third/1 silence
                invite third/2 +14155550123 Trunk(backup) like caller
            4 ended third/2 500
                play caller transfer-failed
        "#]],
        ),
    ] {
        expected.assert_eq(&at_operator(two_trunks(), script));
    }
}

#[test]
fn an_agent_who_hung_up_has_transferred_all_the_same() {
    expect_talking(
        "10 referred ann/1 1002
         10 transfer i1 1002
         11 ended ann/1 peer
         11 release i1 silent
         15 answered third/1
         90 ended third/1 peer",
        expect![[r#"
            10 referred ann/1 1002
                ! transfer asked i1 ann ann/1 1002
            10 transfer i1 1002
                accept transfer ann/1
                music caller
                invite third/1 1002 Trunk(carrier) like caller
            11 ended ann/1 peer
                ! bridge ended i1 lost=false
            11 release i1 silent
            15 answered third/1
                bridge caller third/1
                transfer progress ann/1 200
            90 ended third/1 peer
                hang-up caller 16
        "#]],
    );
    expect_talking(
        "10 referred ann/1 1002
         10 transfer i1 1002
         11 ended ann/1 peer
         11 release i1 silent
         15 ended third/1 486
         19 played caller
         22 played caller",
        expect![[r#"
            10 referred ann/1 1002
                ! transfer asked i1 ann ann/1 1002
            10 transfer i1 1002
                accept transfer ann/1
                music caller
                invite third/1 1002 Trunk(carrier) like caller
            11 ended ann/1 peer
                ! bridge ended i1 lost=false
            11 release i1 silent
            15 ended third/1 486
                transfer progress ann/1 486
                ! left i1
                play caller transfer-failed
            19 played caller
                play caller 'thanks'
            22 played caller
                play caller 'bye'
        "#]],
    );
}

#[test]
fn a_transfer_that_nobody_answers_gives_the_consumer_back() {
    expect_talking(
        "10 referred ann/1 1002
         10 transfer i1 1002
         60 ended caller peer",
        expect![[r#"
            10 referred ann/1 1002
                ! transfer asked i1 ann ann/1 1002
            10 transfer i1 1002
                accept transfer ann/1
                music caller
                invite third/1 1002 Trunk(carrier) like caller
            40 (third party ring timeout)
                hang-up third/1 19
                transfer progress ann/1 480
                bridge caller ann/1
            60 ended caller peer
                ! caller hung up i1
        "#]],
    );
}

#[test]
fn a_transfer_that_is_not_allowed_changes_nothing() {
    for (script, expected) in [
        (
            "10 referred ann/1 900\n10 transfer-refused ann/1\n60 ended caller peer",
            expect![[r#"
                10 referred ann/1 900
                    ! transfer asked i1 ann ann/1 900
                10 transfer-refused ann/1
                    refuse transfer ann/1 403
                60 ended caller peer
                    ! caller hung up i1
            "#]],
        ),
        (
            "10 referred ann/1 900\n60 ended caller peer",
            expect![[r#"
            10 referred ann/1 900
                ! transfer asked i1 ann ann/1 900
            14 (transfer)
                refuse transfer ann/1 503
            60 ended caller peer
                ! caller hung up i1
        "#]],
        ),
        (
            "10 referred ann/1 900\n11 referred ann/1 901",
            expect![[r#"
                10 referred ann/1 900
                    ! transfer asked i1 ann ann/1 900
                11 referred ann/1 901
            "#]],
        ),
        (
            "10 referred caller 900",
            expect![[r#"
            10 referred caller 900
                refuse transfer caller 403
        "#]],
        ),
    ] {
        expected.assert_eq(&talking(script));
    }
}

#[test]
fn a_transfer_ends_with_the_conversation_it_was_asked_in() {
    for (script, expected) in [
        (
            "10 referred stranger 900",
            expect![[r#"
            10 referred stranger 900
                refuse transfer stranger 403
        "#]],
        ),
        (
            "10 referred ann/1 900\n11 ended ann/1 peer\n20 tick",
            expect![[r#"
            10 referred ann/1 900
                ! transfer asked i1 ann ann/1 900
            11 ended ann/1 peer
                ! bridge ended i1 lost=false
            20 tick
        "#]],
        ),
        (
            "10 referred ann/1 900\n11 ended caller peer\n11 transfer i1 1002
             12 disconnect ann i1",
            expect![[r#"
                10 referred ann/1 900
                    ! transfer asked i1 ann ann/1 900
                11 ended caller peer
                    ! caller hung up i1
                    refuse transfer ann/1 487
                11 transfer i1 1002
                12 disconnect ann i1
                    hang-up ann/1 16
            "#]],
        ),
    ] {
        expected.assert_eq(&talking(script));
    }
}

#[test]
fn an_agent_transfers_to_another_agent() {
    for (script, expected) in [
        (
            "10 referred ann/1 bob
             10 transfer i1 queue plain
             10 alert bob i1 1
             10 disconnect ann i1
             12 played caller
             14 answered bob/1
             14 connect bob i1
             20 ended bob/1 peer
             20 release i1 silent",
            expect![[r#"
                10 referred ann/1 bob
                    ! transfer asked i1 ann ann/1 bob
                10 transfer i1 queue plain
                    accept transfer ann/1
                    transfer progress ann/1 200
                    play caller transferring
                10 alert bob i1 1
                    invite bob/1 1001 like caller
                10 disconnect ann i1
                    hang-up ann/1 16
                12 played caller
                    music caller
                14 answered bob/1
                    ! agent answered bob i1
                14 connect bob i1
                    bridge caller bob/1
                20 ended bob/1 peer
                    ! bridge ended i1 lost=false
                20 release i1 silent
                    hang-up caller 16
            "#]],
        ),
        // The agent hung up first: the caller waits all the same.
        (
            "10 referred ann/1 plain\n10 ended ann/1 peer\n10 transfer i1 queue plain",
            expect![[r#"
                10 referred ann/1 plain
                    ! transfer asked i1 ann ann/1 plain
                10 ended ann/1 peer
                    ! bridge ended i1 lost=false
                10 transfer i1 queue plain
                    play caller transferring
            "#]],
        ),
    ] {
        expected.assert_eq(&talking(script));
    }
}

#[test]
fn a_caller_who_leaves_takes_the_third_party_along() {
    expect_talking(
        "10 referred ann/1 1002\n10 transfer i1 1002\n12 ended caller peer
         12 disconnect ann i1\n13 answered third/1",
        expect![[r#"
            10 referred ann/1 1002
                ! transfer asked i1 ann ann/1 1002
            10 transfer i1 1002
                accept transfer ann/1
                music caller
                invite third/1 1002 Trunk(carrier) like caller
            12 ended caller peer
                ! caller hung up i1
                hang-up third/1 16
                transfer progress ann/1 487
            12 disconnect ann i1
                hang-up ann/1 16
            13 answered third/1
        "#]],
    );
}

#[test]
fn a_dialled_consumer_is_transferred_too() {
    let begin = "0 dial i1/1 billing 1001\n2 answered dial/1\n3 digit dial/1 1
        4 played dial/1\n5 alert ann i1 1\n6 answered ann/1\n6 connect ann i1
        10 referred ann/1 1002\n";
    for (script, expected) in [
        (
            "10 transfer i1 1002\n15 answered third/1\n15 release i1 silent
             90 ended third/1 peer\n90.1 ended dial/1 us",
            expect![[r#"
                10 referred ann/1 1002
                    ! transfer asked i1 ann ann/1 1002
                10 transfer i1 1002
                    accept transfer ann/1
                    music dial/1
                    invite third/1 1002 Trunk(carrier) like dial/1
                15 answered third/1
                    bridge dial/1 third/1
                    transfer progress ann/1 200
                    hang-up ann/1 16
                    ! bridge ended i1 lost=false
                15 release i1 silent
                90 ended third/1 peer
                    hang-up dial/1 16
                90.1 ended dial/1 us
                    ! attempt ended 1 HungUp rang
            "#]],
        ),
        (
            "10 transfer i1 1002\n11 ended ann/1 peer\n15 ended third/1 480\n17 played dial/1",
            expect![[r#"
                10 referred ann/1 1002
                    ! transfer asked i1 ann ann/1 1002
                10 transfer i1 1002
                    accept transfer ann/1
                    music dial/1
                    invite third/1 1002 Trunk(carrier) like dial/1
                11 ended ann/1 peer
                    ! bridge ended i1 lost=false
                15 ended third/1 480
                    transfer progress ann/1 480
                    play dial/1 transfer-failed goodbye
                17 played dial/1
                    hang-up dial/1 16
            "#]],
        ),
        (
            "10 transfer i1 queue plain\n12 played dial/1\n13 alert bob i1 1
             14 ended dial/1 peer",
            expect![[r#"
                10 referred ann/1 1002
                    ! transfer asked i1 ann ann/1 1002
                10 transfer i1 queue plain
                    accept transfer ann/1
                    transfer progress ann/1 200
                    play dial/1 transferring
                12 played dial/1
                    music dial/1
                13 alert bob i1 1
                    invite bob/1 1001 like dial/1
                14 ended dial/1 peer
                    ! attempt ended 1 HungUp rang
            "#]],
        ),
    ] {
        let log = Stage::play(settings(), &format!("{begin}{script}"));
        expected.assert_eq(&log[log.find("10 referred").unwrap()..]);
    }
}
