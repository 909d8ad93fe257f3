//! Consultations and attended transfers as scripts.

use expect_test::{Expect, expect};

use crate::calls::stage::{Stage, in_queue, settings};

/// A caller who talks with ann, who calls bob from a second line; the log begins after it.
fn consulting(script: &str) -> String {
    let begin =
        "2 alert ann i1 1\n3 answered ann/1\n3 connect ann i1\n10 incoming line ann bob ann\n";
    let log = in_queue(&format!("{begin}{script}"));
    let asked = "    ! consultation asked ann line bob\n";
    log[log.find(asked).unwrap() + asked.len()..].to_owned()
}

fn expect_all(table: &[(&str, Expect)]) {
    table.iter().for_each(|(script, expected)| expected.assert_eq(&consulting(script)));
}

/// Bob answered.
const JOINED: &str =
    "10 consult line bob 2 3\n11 ringing bob/2\n12 answered bob/2\n12.1 answered line\n";

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is said")]
fn an_agent_hands_over_to_whom_they_asked() {
    expect_all(&[
        (
            &format!(
                "{JOINED}20 referred ann/1 with line\n60 ended caller peer\n60 disconnect bob i1"
            ),
            expect![[r#"
                10 consult line bob 2 3
                    invite bob/2 ann like caller
                    invite bob/3 ann like caller
                    ! consultation began ann bob
                11 ringing bob/2
                    ring line
                12 answered bob/2
                    hang-up bob/3 26
                    answer line
                12.1 answered line
                    bridge line bob/2
                20 referred ann/1 with line
                    accept transfer ann/1
                    bridge caller bob/2
                    transfer progress ann/1 200
                    hang-up line 16
                    hang-up ann/1 16
                    ! handed over i1 bob
                    ! consultation ended ann bob
                60 ended caller peer
                    ! caller hung up i1
                60 disconnect bob i1
                    hang-up bob/2 16
            "#]],
        ),
        (
            &format!("{JOINED}20 referred line with ann/1\n60 ended bob/2 peer"),
            expect![[r#"
                10 consult line bob 2 3
                    invite bob/2 ann like caller
                    invite bob/3 ann like caller
                    ! consultation began ann bob
                11 ringing bob/2
                    ring line
                12 answered bob/2
                    hang-up bob/3 26
                    answer line
                12.1 answered line
                    bridge line bob/2
                20 referred line with ann/1
                    accept transfer line
                    bridge caller bob/2
                    transfer progress line 200
                    hang-up line 16
                    hang-up ann/1 16
                    ! handed over i1 bob
                    ! consultation ended ann bob
                60 ended bob/2 peer
                    ! bridge ended i1 lost=false
            "#]],
        ),
        (
            "10 consult line 1002 carrier\n12 answered third/1\n12.1 answered line
             20 referred ann/1 with line\n20 release i1 silent\n60 ended third/1 peer",
            expect![[r#"
                10 consult line 1002 carrier
                    invite third/1 1002 Trunk(carrier) like caller
                    ! consultation began ann -
                12 answered third/1
                    answer line
                12.1 answered line
                    bridge line third/1
                20 referred ann/1 with line
                    accept transfer ann/1
                    bridge caller third/1
                    transfer progress ann/1 200
                    hang-up line 16
                    hang-up ann/1 16
                    ! consultation ended ann -
                    ! bridge ended i1 lost=false
                20 release i1 silent
                60 ended third/1 peer
                    hang-up caller 16
            "#]],
        ),
    ]);
}

#[test]
fn a_transfer_needs_somebody_there() {
    expect_all(&[
        (
            "10 consult line bob 2\n11 referred ann/1 with line\n12 ended line peer",
            expect![[r#"
                10 consult line bob 2
                    invite bob/2 ann like caller
                    ! consultation began ann bob
                11 referred ann/1 with line
                    refuse transfer ann/1 491
                12 ended line peer
                    hang-up bob/2 16
                    ! consultation ended ann bob
            "#]],
        ),
        (
            &format!("{JOINED}20 referred ann/1 with caller\n21 referred line 1002"),
            expect![[r#"
                10 consult line bob 2 3
                    invite bob/2 ann like caller
                    invite bob/3 ann like caller
                    ! consultation began ann bob
                11 ringing bob/2
                    ring line
                12 answered bob/2
                    hang-up bob/3 26
                    answer line
                12.1 answered line
                    bridge line bob/2
                20 referred ann/1 with caller
                    refuse transfer ann/1 403
                21 referred line 1002
                    refuse transfer line 403
            "#]],
        ),
        (
            &format!("{JOINED}20 referred ann/1 1002\n21 referred ann/1 with line"),
            expect![[r#"
                10 consult line bob 2 3
                    invite bob/2 ann like caller
                    invite bob/3 ann like caller
                    ! consultation began ann bob
                11 ringing bob/2
                    ring line
                12 answered bob/2
                    hang-up bob/3 26
                    answer line
                12.1 answered line
                    bridge line bob/2
                20 referred ann/1 1002
                    ! transfer asked i1 ann ann/1 1002
                21 referred ann/1 with line
            "#]],
        ),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is said")]
fn whoever_hangs_up_during_a_consultation_ends_their_part() {
    expect_all(&[
        // Back to the caller.
        (
            &format!("{JOINED}20 ended line peer\n60 ended caller peer"),
            expect![[r#"
            10 consult line bob 2 3
                invite bob/2 ann like caller
                invite bob/3 ann like caller
                ! consultation began ann bob
            11 ringing bob/2
                ring line
            12 answered bob/2
                hang-up bob/3 26
                answer line
            12.1 answered line
                bridge line bob/2
            20 ended line peer
                hang-up bob/2 16
                ! consultation ended ann bob
            60 ended caller peer
                ! caller hung up i1
        "#]],
        ),
        (
            &format!("{JOINED}20 ended bob/2 peer\n60 ended caller peer"),
            expect![[r#"
            10 consult line bob 2 3
                invite bob/2 ann like caller
                invite bob/3 ann like caller
                ! consultation began ann bob
            11 ringing bob/2
                ring line
            12 answered bob/2
                hang-up bob/3 26
                answer line
            12.1 answered line
                bridge line bob/2
            20 ended bob/2 peer
                hang-up line 16
                ! consultation ended ann bob
            60 ended caller peer
                ! caller hung up i1
        "#]],
        ),
        // On with bob.
        (
            &format!("{JOINED}20 ended caller peer\n20 disconnect ann i1\n40 ended line peer"),
            expect![[r#"
                10 consult line bob 2 3
                    invite bob/2 ann like caller
                    invite bob/3 ann like caller
                    ! consultation began ann bob
                11 ringing bob/2
                    ring line
                12 answered bob/2
                    hang-up bob/3 26
                    answer line
                12.1 answered line
                    bridge line bob/2
                20 ended caller peer
                    ! caller hung up i1
                20 disconnect ann i1
                    hang-up ann/1 16
                40 ended line peer
                    hang-up bob/2 16
                    ! consultation ended ann bob
            "#]],
        ),
        (
            &format!("{JOINED}20 ended ann/1 peer\n20 release i1 silent\n40 ended bob/2 lost"),
            expect![[r#"
                10 consult line bob 2 3
                    invite bob/2 ann like caller
                    invite bob/3 ann like caller
                    ! consultation began ann bob
                11 ringing bob/2
                    ring line
                12 answered bob/2
                    hang-up bob/3 26
                    answer line
                12.1 answered line
                    bridge line bob/2
                20 ended ann/1 peer
                    ! bridge ended i1 lost=false
                20 release i1 silent
                    play caller 'thanks'
                40 ended bob/2 lost
                    hang-up line 16
                    ! consultation ended ann bob
            "#]],
        ),
        // While bob rings.
        (
            "10 consult line bob 2\n11 ended line 487",
            expect![[r#"
            10 consult line bob 2
                invite bob/2 ann like caller
                ! consultation began ann bob
            11 ended line 487
                hang-up bob/2 16
                ! consultation ended ann bob
        "#]],
        ),
        (
            "10 consult line bob 2\n11 ended caller peer\n20 disconnect ann i1\n30 answered bob/2",
            expect![[r#"
                10 consult line bob 2
                    invite bob/2 ann like caller
                    ! consultation began ann bob
                11 ended caller peer
                    ! caller hung up i1
                20 disconnect ann i1
                    hang-up ann/1 16
                30 answered bob/2
                    answer line
            "#]],
        ),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is said")]
fn who_is_not_reached_is_told_to_the_agent() {
    expect_all(&[
        (
            "10 consult-refused line",
            expect![[r#"
            10 consult-refused line
                reject line 403
        "#]],
        ),
        (
            "15 tick",
            expect![[r#"
            14 (consultation)
                reject line 503
            15 tick
        "#]],
        ),
        (
            "10 ended caller peer\n10 consult line bob 2",
            expect![[r#"
            10 ended caller peer
                ! caller hung up i1
            10 consult line bob 2
                reject line 480
        "#]],
        ),
        (
            "10 consult line bob",
            expect![[r#"
            10 consult line bob
                reject line 480
        "#]],
        ),
        (
            "10 consult line bob 2 3\n12 ended bob/2 486\n13 ended bob/3 603",
            expect![[r#"
            10 consult line bob 2 3
                invite bob/2 ann like caller
                invite bob/3 ann like caller
                ! consultation began ann bob
            12 ended bob/2 486
            13 ended bob/3 603
                reject line 603
                ! consultation ended ann bob
        "#]],
        ),
        (
            "10 consult line 1002 carrier backup\n12 ended third/1 503\n13 ended third/2 404",
            expect![[r#"
                10 consult line 1002 carrier backup
                    invite third/1 1002 Trunk(carrier) like caller
                    ! consultation began ann -
                12 ended third/1 503
                    invite third/2 1002 Trunk(backup) like caller
                13 ended third/2 404
                    reject line 404
                    ! consultation ended ann -
            "#]],
        ),
        (
            "10 consult line bob 2\n50 tick",
            expect![[r#"
            10 consult line bob 2
                invite bob/2 ann like caller
                ! consultation began ann bob
            40 (consulted ring timeout)
                reject line 480
                hang-up bob/2 19
                ! consultation ended ann bob
            50 tick
        "#]],
        ),
        (
            "10 consult line bob 2\n12 answered bob/2\n60 tick",
            expect![[r#"
            10 consult line bob 2
                invite bob/2 ann like caller
                ! consultation began ann bob
            12 answered bob/2
                answer line
            52 (acknowledgement)
                hang-up line 19
                hang-up bob/2 19
                ! consultation ended ann bob
            60 tick
        "#]],
        ),
        (
            "10 consult line bob 2\n11 incoming third ann carol ann",
            expect![[r#"
            10 consult line bob 2
                invite bob/2 ann like caller
                ! consultation began ann bob
            11 incoming third ann carol ann
                reject third 486
        "#]],
        ),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is said")]
fn an_agent_calls_out_for_its_own_sake() {
    let asked = "0 incoming line ann 1002 ann\n";
    let table = [
        (
            "0 consult line 1002 carrier\n3 ringing third/1\n4 answered third/1\n4 answered line\n\
             9 ended third/1 peer\n9 ended line us",
            expect![[r#"
                0 incoming line ann 1002 ann
                    ! consultation asked ann line 1002
                0 consult line 1002 carrier
                    invite third/1 1002 Trunk(carrier)
                    ! consultation began ann -
                3 ringing third/1
                    ring line
                4 answered third/1
                    answer line
                4 answered line
                    bridge line third/1
                9 ended third/1 peer
                    hang-up line 16
                    ! consultation ended ann -
                9 ended line us
            "#]],
        ),
        (
            "0 consult line 1002 carrier\n3 ended line peer\n4 ended third/1 us",
            expect![[r#"
            0 incoming line ann 1002 ann
                ! consultation asked ann line 1002
            0 consult line 1002 carrier
                invite third/1 1002 Trunk(carrier)
                ! consultation began ann -
            3 ended line peer
                hang-up third/1 16
                ! consultation ended ann -
            4 ended third/1 us
        "#]],
        ),
        (
            "0 consult line 1002 one two\n3 ended third/1 503\n5 ended third/2 486",
            expect![[r#"
            0 incoming line ann 1002 ann
                ! consultation asked ann line 1002
            0 consult line 1002 one two
                invite third/1 1002 Trunk(one)
                ! consultation began ann -
            3 ended third/1 503
                invite third/2 1002 Trunk(two)
            5 ended third/2 486
                reject line 486
                ! consultation ended ann -
        "#]],
        ),
        (
            "1 incoming other ann 1002 ann",
            expect![[r#"
            0 incoming line ann 1002 ann
                ! consultation asked ann line 1002
            1 incoming other ann 1002 ann
                reject other 486
        "#]],
        ),
        (
            "0 consult-refused line",
            expect![[r#"
            0 incoming line ann 1002 ann
                ! consultation asked ann line 1002
            0 consult-refused line
                reject line 403
        "#]],
        ),
        (
            "4 tick",
            expect![[r#"
            0 incoming line ann 1002 ann
                ! consultation asked ann line 1002
            4 tick
                reject line 503
        "#]],
        ),
    ];
    for (script, expected) in table {
        expected.assert_eq(&Stage::play(settings(), &format!("{asked}{script}")));
    }
}
