//! An `access_code` node: which request is this call the promise of? Asked by the numbers alone
//! where they may do, and by a code that the caller keys.
//!
//! ```text
//! Checking (numbers) ── nobody's, and a code is used ▶ Asking ── keyed ▶ Checking (code)
//!                                                        ▲── nobody's, tries left ─┘
//! ```
//!
//! It must not know codes: the queue does.

use crate::ident::{PlayId, QueueId};
use crate::phone::AccessCode;
use crate::time::{Duration, Timestamp};

use super::super::digits::{Entry, Limits};
use super::super::effect::{Effect, Prompt};
use super::super::event::CodeResult;
use super::super::flow::{AccessCodeNode, AskCode, COMBINATIONS, QueueNode};
use super::super::{Context, Timer};
use super::walk::named;
use super::{Inbound, State};

/// How long the queue may take to say whose call it is.
const CHECKING_MAX: Duration = Duration::from_secs(5);

/// A caller in an `access_code` node.
#[derive(Debug)]
pub(super) struct Asked {
    node: AccessCodeNode,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Asking(Entry),
    /// The queue's word follows; by a code that was keyed?
    Checking {
        keyed: bool,
        until: Timestamp,
    },
}

impl Asked {
    pub(super) fn play_ended(&mut self, now: Timestamp, play: PlayId) {
        if let Step::Asking(entry) = &mut self.step {
            entry.play_ended(now, play);
        }
    }

    pub(super) fn deadline(&self) -> Timer {
        match &self.step {
            Step::Asking(entry) => entry.deadline(),
            Step::Checking { until, .. } => Some((*until, "access code")),
        }
    }

    pub(super) fn is_asking(&self) -> bool {
        matches!(self.step, Step::Asking(_))
    }
}

impl Inbound {
    pub(super) fn enter_access_code(&mut self, ctx: &mut Context<'_>, node: &AccessCodeNode) {
        match self.settings.groups.get(&node.group).map(|group| group.code) {
            Some(AskCode::Always) => self.ask_code(ctx, node.clone(), None),
            Some(AskCode::IfNeeded | AskCode::Off) => self.check_code(ctx, node.clone(), None),
            None => self.code_exit(ctx, node.failed.clone(), None),
        }
    }

    pub(super) fn code_digit(&mut self, ctx: &mut Context<'_>, digit: char) {
        let State::Code(Asked { node, step }) = &mut self.state else { return };
        match step {
            Step::Asking(entry) => {
                if let Some(digits) = entry.press(ctx, digit) {
                    let node = node.clone();
                    self.code_keyed(ctx, node, &digits);
                }
            }
            Step::Checking { .. } => self.typed.push(digit),
        }
    }

    pub(super) fn expire_code(&mut self, ctx: &mut Context<'_>) {
        let State::Code(Asked { node, step }) = &mut self.state else { return };
        match step {
            Step::Asking(entry) => {
                if let Some(digits) = entry.expire(ctx.now) {
                    let node = node.clone();
                    self.code_keyed(ctx, node, &digits);
                }
            }
            Step::Checking { keyed, .. } => {
                let (failed, said) = (node.failed.clone(), keyed.then_some("code-failed"));
                self.code_exit(ctx, failed, said);
            }
        }
    }

    /// Whose call it is. `false`: nobody waits for that.
    pub(in crate::calls) fn code_checked(
        &mut self,
        ctx: &mut Context<'_>,
        result: CodeResult,
    ) -> bool {
        let State::Code(Asked { node, step: Step::Checking { keyed, .. } }) = &self.state else {
            return false;
        };
        let (node, keyed) = (node.clone(), *keyed);
        let with_code =
            self.settings.groups.get(&node.group).is_some_and(|group| group.code != AskCode::Off);
        match result {
            CodeResult::Matched { combination, callback, queue, data } => {
                self.data = data.or_else(|| self.data.take());
                let exit = exit_for(&node, &combination).cloned();
                match callback.zip(queue) {
                    Some((callback, queue)) => {
                        let (said, node) = match self.way_to_queue(exit.as_deref()) {
                            (said, Some(node)) if node.queue == queue => (said, node),
                            // They wait in the queue of their callback, whichever this is.
                            _ => (Vec::new(), self.own_node(queue)),
                        };
                        self.go_on_as(ctx, callback, &node, said);
                    }
                    None => self.code_exit(ctx, exit, Some("code-accepted")),
                }
            }
            CodeResult::NoMatch if keyed => self.ask_code(ctx, node, Some("code-wrong")),
            CodeResult::NoMatch if with_code => self.ask_code(ctx, node, None),
            CodeResult::NoMatch => self.code_exit(ctx, node.failed, None),
            CodeResult::Locked => self.code_exit(ctx, node.locked, Some("code-locked")),
        }
        true
    }

    /// Three tries a call, whatever nodes they are made in.
    fn ask_code(
        &mut self,
        ctx: &mut Context<'_>,
        node: AccessCodeNode,
        said: Option<&'static str>,
    ) {
        let digits = self.settings.groups.get(&node.group).map_or(0, |group| group.digits);
        if self.codes_keyed >= node.tries || digits == 0 {
            return self.code_exit(ctx, node.failed, Some("code-failed"));
        }
        let mut prompts: Vec<Prompt> = said.map(Prompt::Sound).into_iter().collect();
        if node.prompts.is_empty() {
            prompts.push(Prompt::Sound("key-code"));
        } else {
            prompts.extend(named(&node.prompts));
        }
        let limits = Limits {
            first: Duration::from_secs(10),
            between: Duration::from_secs(5),
            total: Duration::from_secs(40),
            count: usize::from(digits),
            terminator: Some('#'),
            alone: None,
        };
        let step = Step::Asking(Entry::ask(ctx, self.leg, prompts, limits));
        self.state = State::Code(Asked { node, step });
        self.feed(ctx);
    }

    fn code_keyed(&mut self, ctx: &mut Context<'_>, node: AccessCodeNode, digits: &str) {
        self.codes_keyed += 1;
        match AccessCode::parse(digits) {
            Some(code) => self.check_code(ctx, node, Some(code)),
            None if digits.is_empty() => self.ask_code(ctx, node, None),
            None => self.ask_code(ctx, node, Some("code-wrong")),
        }
    }

    fn check_code(
        &mut self,
        ctx: &mut Context<'_>,
        node: AccessCodeNode,
        code: Option<AccessCode>,
    ) {
        let keyed = code.is_some();
        let is_routed = |combination: &&str| {
            let exit = exit_for(&node, combination).map(String::as_str);
            self.way_to_queue(exit).1.is_some()
        };
        let routed = COMBINATIONS.iter().copied().filter(is_routed).collect();
        ctx.push(Effect::CodeKeyed {
            interaction: self.interaction,
            group: node.group.clone(),
            ani: self.ani.clone(),
            dnis: self.dnis.clone(),
            code,
            since: ctx.now.since(self.since),
            routed,
        });
        let step = Step::Checking { keyed, until: ctx.now + CHECKING_MAX };
        self.state = State::Code(Asked { node, step });
    }

    fn code_exit(
        &mut self,
        ctx: &mut Context<'_>,
        exit: Option<String>,
        said: Option<&'static str>,
    ) {
        self.leave(ctx, said.map(Prompt::Sound).into_iter().collect(), exit);
    }

    fn own_node(&self, queue: QueueId) -> QueueNode {
        let node = self.flow().map(|flow| flow.queue_node(&queue));
        node.unwrap_or_else(|| QueueNode::bare(queue))
    }

    /// What is said on the way that an exit leads to a queue, and how they wait there.
    fn way_to_queue(&self, exit: Option<&str>) -> (Vec<Prompt>, Option<QueueNode>) {
        let way = exit.and_then(|exit| self.flow()?.way_to_queue(exit));
        way.map_or((Vec::new(), None), |(said, node)| (named(&said), Some(node.clone())))
    }
}

/// Where callers go who agree in that with a request.
fn exit_for<'a>(node: &'a AccessCodeNode, combination: &str) -> Option<&'a String> {
    node.matched.get(combination).or_else(|| node.matched.get("default"))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::calls::flow::{AskCode, FlowNode, Settings};
    use crate::calls::stage::{Stage, settings};

    /// A caller in the access_code node; the log begins with it.
    fn in_code(settings: Settings, script: &str) -> String {
        let log = Stage::play(
            settings,
            &format!(
                "0 incoming caller 1001 700\n0 answered caller\n1 played caller\n2 digit caller 4
                 {script}"
            ),
        );
        log[log.find("2 digit caller 4\n").unwrap()..].to_owned()
    }

    fn asks(code: AskCode) -> Settings {
        let mut settings = settings();
        settings.groups.values_mut().for_each(|group| group.code = code);
        settings
    }

    fn keyed(second: u32, digits: &str) -> String {
        digits.chars().map(|digit| format!("{second} digit caller {digit}\n")).collect()
    }

    #[test]
    fn the_caller_of_a_waiting_callback_goes_on_in_its_place() {
        let code = keyed(3, "004711");
        for (script, expected) in [
            (
                "3 code i1 code+ani i2 billing\n3 standing i2 1 unknown\n3 alert ann i2 1
                 5 played caller\n6 ended caller peer",
                expect![[r#"
                    ! code i1 app 1001 700 004711
                    3 code i1 code+ani i2 billing
                        play caller pending-called-in 'thanks'
                    3 standing i2 1 unknown
                    3 alert ann i2 1
                        invite ann/1 1001 like caller
                    5 played caller
                        music caller
                        ! offered i2
                        play caller offer-callback
                    6 ended caller peer
                        ! caller hung up i2
                "#]],
            ),
            (
                "3 code i1 code i2 gone\n5 played caller\n6 digit caller 0",
                expect![[r#"
                ! code i1 app 1001 700 004711
                3 code i1 code i2 gone
                    play caller pending-called-in
                5 played caller
                    music caller
                6 digit caller 0
            "#]],
            ),
            (
                "3 ended caller peer\n3 code i1 code i2 billing",
                expect![[r#"
                ! code i1 app 1001 700 004711
                3 ended caller peer
                3 code i1 code i2 billing
                    ! caller hung up i2
            "#]],
            ),
            (
                "3 code i1 code i2 billing\n3 code i1 code i2 billing",
                expect![[r#"
                ! code i1 app 1001 700 004711
                3 code i1 code i2 billing
                    play caller pending-called-in
                3 code i1 code i2 billing
            "#]],
            ),
            (
                "3 dial i2/1 billing 1001\n3 code i1 code i2 billing\n4 played caller",
                expect![[r#"
                ! code i1 app 1001 700 004711
                3 dial i2/1 billing 1001
                    invite dial/1 1001
                3 code i1 code i2 billing
                    play caller calling-you-now
                4 played caller
                    hang-up caller 16
            "#]],
            ),
        ] {
            let log = in_code(settings(), &format!("{code}{script}"));
            expected.assert_eq(&log[log.find("! code").unwrap()..]);
        }
    }

    #[test]
    fn a_callback_is_left_alone_where_the_exit_leads_to_no_queue() {
        let mut settings = settings();
        for flow in settings.flows.values_mut() {
            if let Some(FlowNode::AccessCode(node)) = flow.nodes.get_mut("code") {
                node.matched.insert("code".to_owned(), "menu".to_owned());
            }
        }
        let script = format!("{}3 code i1 code\n4 played caller", keyed(3, "004711"));
        let log = in_code(settings, &script);
        expect![[r#"
            ! code i1 app 1001 700 004711 code+ani+dnis/code+ani/code+dnis/ani+dnis/ani/dnis
            3 code i1 code
                play caller code-accepted
            4 played caller
                play caller 'which'
        "#]]
        .assert_eq(&log[log.find("! code").unwrap()..]);
    }

    #[test]
    fn a_code_is_asked_for_three_times_a_call() {
        let script = [
            &keyed(3, "111111"),
            "3 code i1 none\n",
            &keyed(4, "22#"),
            "5 played caller\n15 played caller\n30 digit caller 1",
        ]
        .concat();
        expect![[r#"
            2 digit caller 4
                play caller key-code
            3 digit caller 1
                silence caller
            3 digit caller 1
            3 digit caller 1
            3 digit caller 1
            3 digit caller 1
            3 digit caller 1
                ! code i1 app 1001 700 111111
            3 code i1 none
                play caller code-wrong key-code
            4 digit caller 2
                silence caller
            4 digit caller 2
            4 digit caller #
                play caller code-wrong key-code
            5 played caller
            15 played caller
                play caller code-failed
            30 digit caller 1
        "#]]
        .assert_eq(&in_code(settings(), &script));
        // Whoever comes here again has no more tries.
        let mut again = settings();
        for flow in again.flows.values_mut() {
            if let Some(FlowNode::AccessCode(node)) = flow.nodes.get_mut("code") {
                node.failed = Some("menu".to_owned());
            }
        }
        let wrong = [&keyed(3, "111111"), "3 code i1 none\n"].concat().repeat(3);
        let log = in_code(again, &format!("{wrong}4 played caller\n4 digit caller 4\n5 tick"));
        expect![[r#"
            3 code i1 none
                play caller code-failed
            4 played caller
                play caller 'which'
            4 digit caller 4
                play caller code-failed
            5 tick
        "#]]
        .assert_eq(&log[log.rfind("3 code").unwrap()..]);
    }

    #[test]
    fn the_numbers_alone_may_do() {
        for (code, script, expected) in [
            (
                AskCode::Off,
                "2 code i1 ani+dnis\n4 played caller",
                expect![[r#"
                2 digit caller 4
                    ! code i1 app 1001 700 -
                2 code i1 ani+dnis
                    play caller code-accepted
                4 played caller
                    music caller
                    ! arrived i1 plain - 0 1001
            "#]],
            ),
            (
                AskCode::Off,
                "2 code i1 none",
                expect![[r#"
                2 digit caller 4
                    ! code i1 app 1001 700 -
                2 code i1 none
                    play caller 'thanks'
            "#]],
            ),
            (
                AskCode::IfNeeded,
                "2 code i1 ani i2 billing",
                expect![[r#"
                2 digit caller 4
                    ! code i1 app 1001 700 -
                2 code i1 ani i2 billing
                    play caller pending-called-in
            "#]],
            ),
            (
                AskCode::IfNeeded,
                "2 code i1 none\n2 digit caller 7",
                expect![[r#"
                2 digit caller 4
                    ! code i1 app 1001 700 -
                2 code i1 none
                    play caller key-code
                2 digit caller 7
                    silence caller
            "#]],
            ),
            (
                AskCode::IfNeeded,
                "2 digit caller 7\n2 code i1 none",
                expect![[r#"
                2 digit caller 4
                    ! code i1 app 1001 700 -
                2 digit caller 7
                2 code i1 none
                    play caller key-code
                    silence caller
            "#]],
            ),
        ] {
            expected.assert_eq(&in_code(asks(code), script));
        }
    }

    #[test]
    fn a_queue_that_does_not_answer_is_not_waited_for() {
        expect![[r#"
            2 digit caller 4
                ! code i1 app 1001 700 -
            7 (access code)
                play caller 'thanks'
            9 code i1 ani
        "#]]
        .assert_eq(&in_code(asks(AskCode::Off), "9 code i1 ani"));
        let log = in_code(settings(), &format!("{}9 code i1 code", keyed(3, "004711")));
        expect![[r#"
            ! code i1 app 1001 700 004711
            8 (access code)
                play caller code-failed
            9 code i1 code
        "#]]
        .assert_eq(&log[log.find("! code").unwrap()..]);
    }

    #[test]
    fn a_hang_up_ends_it_at_every_step() {
        let steps = format!("{}3 code i1 code+ani", keyed(3, "004711"));
        let steps: Vec<&str> = steps.lines().collect();
        for count in 0..=steps.len() {
            let script = format!("{}\n4 ended caller peer\n90 tick", steps[..count].join("\n"));
            let log = in_code(settings(), &script);
            assert!(log.ends_with("4 ended caller peer\n90 tick\n"), "{log}");
        }
    }
}
