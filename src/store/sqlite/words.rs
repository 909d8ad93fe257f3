//! Enums as the stable words that stand in the database, and back. A word once written is never
//! given another meaning.

use std::collections::VecDeque;

use crate::ident::{Route, TrunkId};
use crate::queue::agent::{AfterCall, Answered};
use crate::queue::effect::EndReason;
use crate::queue::event::{NotReadyReason, RetryClass};
use crate::queue::interaction::{Failures, Origin};
use crate::queue::limits::UseKind;
use crate::queue::matching::CallInEnd;
use crate::queue::skill::{SkillExpression, Skills};
use crate::queue::{AgentState, History, Outcome, Stage};
use crate::store::{Direction, LegEnd, Party};
use crate::time::{Duration, Timestamp};

/// The value among `all` whose word is `text`.
fn read<T: Copy>(all: &[T], word: fn(T) -> &'static str, text: &str) -> Option<T> {
    all.iter().copied().find(|&value| word(value) == text)
}

pub(super) fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Live => "live",
        Origin::Immediate => "immediate",
        Origin::Scheduled => "scheduled",
        Origin::CallIn => "call-in",
    }
}

pub(super) fn read_origin(text: &str) -> Option<Origin> {
    let all = [Origin::Live, Origin::Immediate, Origin::Scheduled, Origin::CallIn];
    read(&all, origin, text)
}

/// Not told apart here: what a stage carries has columns of its own.
pub(super) fn stage(stage: &Stage) -> &'static str {
    match stage {
        Stage::Scheduled => "scheduled",
        Stage::Virtual { .. } => "virtual",
        Stage::Pushed => "pushed",
        Stage::AwaitingCallIn => "awaiting-call-in",
        Stage::Lapsed => "lapsed",
        Stage::Dialing => "dialing",
        Stage::Confirming => "confirming",
        Stage::Waiting => "waiting",
        Stage::Alerting(_) => "alerting",
        Stage::Bridged(_) => "bridged",
        Stage::Done(_) => "done",
    }
}

pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Served => "served",
        Outcome::CalledIn => "called-in",
        Outcome::Abandoned => "abandoned",
        Outcome::Left => "left",
        Outcome::Dropped => "dropped",
        Outcome::AttemptsExhausted(_) => "attempts-exhausted",
        Outcome::DailyLimit => "daily-limit",
        Outcome::Refused => "refused",
        Outcome::Cancelled => "cancelled",
        Outcome::Purged => "purged",
        Outcome::Closed => "closed",
        Outcome::NotPermitted => "not-permitted",
    }
}

/// How the last attempt ended, where that is the outcome.
pub(super) fn last_class(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::AttemptsExhausted(last) => Some(class(last)),
        Outcome::Served
        | Outcome::CalledIn
        | Outcome::Abandoned
        | Outcome::Left
        | Outcome::Dropped
        | Outcome::DailyLimit
        | Outcome::Refused
        | Outcome::Cancelled
        | Outcome::Purged
        | Outcome::Closed
        | Outcome::NotPermitted => None,
    }
}

/// `1983480:2 1983484:1`.
pub(super) fn answered(answered: &Answered) -> String {
    let counted = answered.counts().map(|(quarter, count)| format!("{quarter}:{count}"));
    counted.collect::<Vec<_>>().join(" ")
}

pub(super) fn read_answered(text: &str) -> Option<Answered> {
    let one = |word: &str| {
        let (quarter, count) = word.split_once(':')?;
        Some((quarter.parse().ok()?, count.parse().ok()?))
    };
    let counts: Option<Vec<(i64, u32)>> = text.split_whitespace().map(one).collect();
    Answered::load(counts?)
}

/// How often attempts ended in which way.
pub(super) fn failures(failures: Failures) -> String {
    let counted = failures.counted().map(|(of, count)| format!("{}:{count}", class(of)));
    counted.collect::<Vec<_>>().join(" ")
}

pub(super) fn read_failures(text: &str) -> Option<Failures> {
    let counted = |word: &str| {
        let (class, count) = word.split_once(':')?;
        Some((read_class(class)?, count.parse().ok()?))
    };
    text.split_whitespace().map(counted).collect()
}

pub(super) fn class(class: RetryClass) -> &'static str {
    match class {
        RetryClass::Busy => "busy",
        RetryClass::NoAnswer => "no-answer",
        RetryClass::NoConfirm => "no-confirm",
        RetryClass::Machine => "machine",
        RetryClass::Rejected => "rejected",
        RetryClass::Unreachable => "unreachable",
        RetryClass::Carrier => "carrier",
        RetryClass::HungUp => "hung-up",
        RetryClass::CalledIn => "called-in",
    }
}

pub(super) fn read_class(text: &str) -> Option<RetryClass> {
    let all = [
        RetryClass::Busy,
        RetryClass::NoAnswer,
        RetryClass::NoConfirm,
        RetryClass::Machine,
        RetryClass::Rejected,
        RetryClass::Unreachable,
        RetryClass::Carrier,
        RetryClass::HungUp,
        RetryClass::CalledIn,
    ];
    read(&all, class, text)
}

fn not_ready(reason: NotReadyReason) -> &'static str {
    match reason {
        NotReadyReason::Login => "not-ready:login",
        NotReadyReason::Asked => "not-ready:asked",
        NotReadyReason::Missed => "not-ready:missed",
        NotReadyReason::Busy => "not-ready:busy",
        NotReadyReason::Unreachable => "not-ready:unreachable",
        NotReadyReason::Outbound => "not-ready:outbound",
    }
}

fn read_not_ready(text: &str) -> Option<NotReadyReason> {
    let all = [
        NotReadyReason::Login,
        NotReadyReason::Asked,
        NotReadyReason::Missed,
        NotReadyReason::Busy,
        NotReadyReason::Unreachable,
        NotReadyReason::Outbound,
    ];
    read(&all, not_ready, text)
}

pub(super) fn agent_state(state: &AgentState) -> &'static str {
    match state {
        AgentState::LoggedOut => "logged-out",
        AgentState::NotReady(reason) => not_ready(*reason),
        AgentState::Ready => "ready",
        AgentState::Alerting(_) => "alerting",
        AgentState::Talking(_) => "talking",
        AgentState::AfterCallWork => "after-call-work",
    }
}

/// A state that is engaged with nobody.
pub(super) fn read_free_agent_state(text: &str) -> Option<AgentState> {
    let plain = [AgentState::LoggedOut, AgentState::Ready, AgentState::AfterCallWork];
    plain
        .into_iter()
        .find(|state| agent_state(state) == text)
        .or_else(|| read_not_ready(text).map(AgentState::NotReady))
}

pub(super) fn after_call(after: AfterCall) -> &'static str {
    match after {
        AfterCall::LogOut => "log-out",
        AfterCall::ContactLost { asked: false } => "contact-lost",
        AfterCall::ContactLost { asked: true } => "contact-lost-asked",
        AfterCall::NotReady(reason) => not_ready(reason),
    }
}

pub(super) fn read_after_call(text: &str) -> Option<AfterCall> {
    let lost = [false, true].map(|asked| AfterCall::ContactLost { asked });
    let gone = [AfterCall::LogOut, lost[0], lost[1]];
    if let Some(gone) = gone.into_iter().find(|gone| text == after_call(*gone)) {
        return Some(gone);
    }
    read_not_ready(text).map(AfterCall::NotReady)
}

pub(super) fn route(route: &Route) -> String {
    match route {
        Route::Registrar => "registrar".into(),
        Route::Trunk(trunk) => format!("trunk:{trunk}"),
    }
}

pub(super) fn read_route(text: &str) -> Option<Route> {
    match text {
        "registrar" => Some(Route::Registrar),
        _ => text.strip_prefix("trunk:").map(|name| Route::Trunk(TrunkId::new(name))),
    }
}

pub(super) fn ending(reason: EndReason) -> &'static str {
    match reason {
        EndReason::RingTimeout => "ring-timeout",
        EndReason::NoConfirm => "no-confirm",
        EndReason::Cancelled => "cancelled",
        EndReason::Goodbye => "goodbye",
        EndReason::NeverAgain => "never-again",
        EndReason::NotServed => "not-served",
        EndReason::CalledIn => "called-in",
        EndReason::Closed => "closed",
        EndReason::Orphaned => "orphaned",
    }
}

pub(super) fn read_ending(text: &str) -> Option<EndReason> {
    let all = [
        EndReason::RingTimeout,
        EndReason::NoConfirm,
        EndReason::Cancelled,
        EndReason::Goodbye,
        EndReason::NeverAgain,
        EndReason::NotServed,
        EndReason::CalledIn,
        EndReason::Closed,
        EndReason::Orphaned,
    ];
    read(&all, ending, text)
}

pub(super) fn call_in_end(end: CallInEnd) -> &'static str {
    match end {
        CallInEnd::Matched => "matched",
        CallInEnd::Expired => "expired",
        CallInEnd::Voided => "voided",
        CallInEnd::CallbackOver => "callback-over",
    }
}

pub(super) fn read_call_in_end(text: &str) -> Option<CallInEnd> {
    let all = [CallInEnd::Matched, CallInEnd::Expired, CallInEnd::Voided, CallInEnd::CallbackOver];
    read(&all, call_in_end, text)
}

pub(super) fn read_expression(text: &str) -> Option<SkillExpression> {
    SkillExpression::parse(text).ok()
}

/// When a call ended and how long it took, in milliseconds, one a line.
pub(super) fn handled(history: &History) -> String {
    let line = |(at, took): &(Timestamp, Duration)| format!("{} {}", at.as_ms(), took.as_millis());
    history.handled.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(super) fn read_handled(text: &str) -> Option<VecDeque<(Timestamp, Duration)>> {
    let pair = |line: &str| {
        let (at, took) = line.split_once(' ')?;
        Some((Timestamp::from_ms(at.parse().ok()?), Duration::from_millis(took.parse().ok()?)))
    };
    text.lines().map(pair).collect()
}

/// When calls were answered, in milliseconds, one a line.
pub(super) fn distributed(history: &History) -> String {
    let line = |at: &Timestamp| at.as_ms().to_string();
    history.distributed.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(super) fn read_distributed(text: &str) -> Option<VecDeque<Timestamp>> {
    text.lines().map(|line| Some(Timestamp::from_ms(line.parse().ok()?))).collect()
}

pub(super) fn use_kind(kind: UseKind) -> &'static str {
    match kind {
        UseKind::Request => "request",
        UseKind::Dial => "dial",
    }
}

pub(super) fn read_use_kind(text: &str) -> Option<UseKind> {
    read(&[UseKind::Request, UseKind::Dial], use_kind, text)
}

/// `name=level`, one a line.
pub(super) fn skills(skills: &Skills) -> String {
    let lines: Vec<_> = skills.iter().map(|(name, level)| format!("{name}={level}")).collect();
    lines.join("\n")
}

pub(super) fn read_skills(text: &str) -> Option<Skills> {
    text.lines()
        .map(|line| {
            let (name, level) = line.rsplit_once('=')?;
            Some((name.to_owned(), level.parse().ok()?))
        })
        .collect()
}

pub(in crate::store) fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

pub(in crate::store) fn read_direction(text: &str) -> Option<Direction> {
    read(&[Direction::In, Direction::Out], direction, text)
}

/// Which agent has a column of its own.
pub(in crate::store) fn party(party: &Party) -> &'static str {
    match party {
        Party::Caller => "caller",
        Party::Consumer => "consumer",
        Party::Agent(_) => "agent",
        Party::Third => "third",
    }
}

pub(in crate::store) fn leg_end(end: LegEnd) -> &'static str {
    match end {
        LegEnd::Peer => "peer",
        LegEnd::Us => "us",
        LegEnd::Lost => "lost",
    }
}

pub(in crate::store) fn read_leg_end(text: &str) -> Option<LegEnd> {
    read(&[LegEnd::Peer, LegEnd::Us, LegEnd::Lost], leg_end, text)
}
