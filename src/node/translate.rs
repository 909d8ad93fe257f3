//! Between the columns: what one calls a thing, in the words of the other. Values only.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::numbers;
use crate::calls::effect as calls;
use crate::calls::effect::{AgentDecline, Effect as CallsEffect, FeatureCode, Prompt};
use crate::calls::end::{AttemptClass, EndedBy};
use crate::calls::event::{AgentSummary, AlertContext, Goodbye, QueueExit};
use crate::calls::spoken::{SpokenDay, SpokenTime};
use crate::ident::{InteractionId, NodeId, QueueId, UserData};
use crate::media::prompt::{self, CalendarDate, Day, Fragment, Language, TimeOfDay};
use crate::phone::AddressPolicy;
use crate::queue::agent::{AfterCall, Agent, AgentState};
use crate::queue::effect::{EndReason, NotAdmitted, ReleaseReason};
use crate::queue::event as queue;
use crate::queue::event::{
    BridgeEnd, DeclineReason, Event as QueueEvent, NotReadyReason, RetryClass, WaitChoice,
};
use crate::queue::interaction::{Attached, Origin};
use crate::queue::matching::Combination;
use crate::queue::skill::SkillExpression;
use crate::sip;
use crate::sip::auto_answer::AutoAnswer;
use crate::time::Duration;

/// Most bytes of `X-Ringback-Data`, without `;truncated`.
const SHOWN_DATA_MAX: usize = 1024;

/// The agreements of those names.
pub(super) fn combinations(names: &[&str]) -> BTreeSet<Combination> {
    let every = Combination::every().into_iter();
    every.filter(|it| names.contains(&it.to_string().as_str())).collect()
}

/// Why an attempt ended, in the queue's words.
pub(super) fn retry_class(class: AttemptClass) -> RetryClass {
    match class {
        AttemptClass::Busy => RetryClass::Busy,
        AttemptClass::NoAnswer => RetryClass::NoAnswer,
        AttemptClass::NoConfirm => RetryClass::NoConfirm,
        AttemptClass::Machine => RetryClass::Machine,
        AttemptClass::Rejected => RetryClass::Rejected,
        AttemptClass::Unreachable => RetryClass::Unreachable,
        AttemptClass::Carrier => RetryClass::Carrier,
        AttemptClass::HungUp => RetryClass::HungUp,
        AttemptClass::CalledIn => RetryClass::CalledIn,
    }
}

/// Why an attempt ended, in the words of `calls`.
pub(super) fn attempt_class(class: RetryClass) -> AttemptClass {
    match class {
        RetryClass::Busy => AttemptClass::Busy,
        RetryClass::NoAnswer => AttemptClass::NoAnswer,
        RetryClass::NoConfirm => AttemptClass::NoConfirm,
        RetryClass::Machine => AttemptClass::Machine,
        RetryClass::Rejected => AttemptClass::Rejected,
        RetryClass::Unreachable => AttemptClass::Unreachable,
        RetryClass::Carrier => AttemptClass::Carrier,
        RetryClass::HungUp => AttemptClass::HungUp,
        RetryClass::CalledIn => AttemptClass::CalledIn,
    }
}

/// What a consumer hears before the queue ends their attempt.
pub(super) fn goodbye_of_end(reason: EndReason) -> Goodbye {
    match reason {
        EndReason::RingTimeout | EndReason::Orphaned | EndReason::CalledIn => Goodbye::Silent,
        EndReason::NoConfirm => Goodbye::Plain,
        EndReason::Cancelled => Goodbye::Cancelled,
        EndReason::Goodbye => Goodbye::CallBack,
        EndReason::NeverAgain => Goodbye::NeverAgain,
        EndReason::Closed | EndReason::NotServed => Goodbye::NotServed,
    }
}

/// What a person on the line hears before the queue lets them go.
pub(super) fn goodbye_of_release(reason: ReleaseReason) -> Goodbye {
    match reason {
        ReleaseReason::Cancelled => Goodbye::Cancelled,
        ReleaseReason::Served => Goodbye::Silent,
        ReleaseReason::Closed | ReleaseReason::NotServed => Goodbye::NotServed,
    }
}

pub(super) fn exit_at_close(offer_schedule: bool) -> QueueExit {
    if offer_schedule { QueueExit::ClosedWithTimes } else { QueueExit::Closed }
}

/// The exit of a flow's `queue` node for a caller who was not taken.
pub(super) fn exit(reason: NotAdmitted) -> QueueExit {
    match reason {
        NotAdmitted::Closed => QueueExit::Closed,
        NotAdmitted::Full | NotAdmitted::Unknown => QueueExit::Full,
    }
}

/// Who ended a leg.
pub(super) fn ended_by(by: sip::EndedBy) -> EndedBy {
    match by {
        sip::EndedBy::Peer => EndedBy::Peer,
        sip::EndedBy::Us => EndedBy::Us,
        sip::EndedBy::Lost => EndedBy::Lost,
    }
}

/// The kind of interaction as an agent's phone is told it (`X-Ringback-Kind`).
pub(super) fn kind(origin: Origin) -> &'static str {
    match origin {
        Origin::Live => "live",
        Origin::Immediate => "immediate",
        Origin::Scheduled => "scheduled",
        Origin::CallIn => "call-in",
    }
}

/// The display name that an agent's phone shows of a call.
pub(super) fn shown_name(context: &AlertContext) -> String {
    context.queue.to_string()
}

/// The headers that an agent's phone gets with its INVITE.
pub(super) fn agent_headers(
    interaction: InteractionId,
    context: &AlertContext,
    public_url: Option<&str>,
    auto_answer: AutoAnswer,
) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("X-Ringback-Interaction", interaction.to_string()),
        ("X-Ringback-Kind", context.kind.to_owned()),
        ("X-Ringback-Queue", context.queue.to_string()),
        ("X-Ringback-Wait", context.wait.as_secs().to_string()),
        ("X-Ringback-Attempt", context.attempts.to_string()),
        ("User-to-User", format!("{:032x};encoding=hex", interaction.0)),
    ];
    let shown = |base| format!("{base}/api/v1/callbacks/{interaction}");
    headers.extend(public_url.map(|base| ("X-Ringback-Context", shown(base))));
    headers.extend(context.data.clone().map(|data| ("X-Ringback-Data", data)));
    headers.extend(auto_answer.headers());
    headers
}

/// As much of the user data as `X-Ringback-Data` shows (base64url of a JSON object): the values of
/// these keys, whole ones, as long as they fit; `;truncated` if one did not. `None`: nothing.
pub(super) fn shown_data(data: &UserData, keys: &[String]) -> Option<String> {
    let all: Map<String, Value> = serde_json::from_str(data.expose()).ok()?;
    let encoded = |shown: &Map<String, Value>| {
        serde_json::to_string(shown).map_or_else(|_| String::new(), |it| URL_SAFE_NO_PAD.encode(it))
    };
    let (mut shown, mut truncated) = (Map::new(), "");
    for (key, value) in keys.iter().filter_map(|key| all.get_key_value(key)) {
        let mut longer = shown.clone();
        longer.insert(key.clone(), value.clone());
        if encoded(&longer).len() <= SHOWN_DATA_MAX {
            shown = longer;
        } else {
            truncated = ";truncated";
        }
    }
    let nothing = shown.is_empty() && truncated.is_empty();
    (!nothing).then(|| format!("{}{truncated}", encoded(&shown)))
}

/// As long as a speaker stops between two sentences.
const BETWEEN_SENTENCES: Duration = Duration::from_millis(250);

/// Values follow without a pause.
fn begins_a_sentence(piece: &Prompt) -> bool {
    match piece {
        Prompt::Sound(_) | Prompt::Position(_) => true,
        // A key, named after "for French, press".
        Prompt::Named(id) => !id.ends_with(|last: char| last.is_ascii_digit()),
        Prompt::Characters(_) | Prompt::Wait(_) | Prompt::Appointment(_) | Prompt::Pause(_) => {
            false
        }
    }
}

/// The fragments of `sounds/` that speak these prompts, each with its language.
pub(super) fn fragments(language: &crate::ident::Language, prompts: &[Prompt]) -> Vec<Fragment> {
    let language = Language::parse(language.as_str()).unwrap_or(Language::En);
    let mut spoken = Vec::new();
    for piece in prompts {
        if !spoken.is_empty() && begins_a_sentence(piece) {
            spoken.push(Fragment::Pause(BETWEEN_SENTENCES));
        }
        match piece {
            Prompt::Sound(id) => spoken.push(Fragment::Sound((*id).to_owned())),
            Prompt::Named(id) => spoken.push(Fragment::Sound(id.clone())),
            Prompt::Characters(address) => spoken.extend(prompt::address(language, address)),
            Prompt::Position(place) => spoken.extend(prompt::position(language, *place)),
            Prompt::Wait(wait) => spoken.extend(prompt::wait(language, *wait)),
            Prompt::Appointment(time) => spoken.extend(appointment(language, time)),
            Prompt::Pause(pause) => spoken.push(Fragment::Pause(*pause)),
        }
    }
    for fragment in &mut spoken {
        // One that names its language is said in that.
        if let Fragment::Sound(id) = fragment
            && !id.contains('/')
        {
            id.insert(0, '/');
            id.insert_str(0, language.tag());
        }
    }
    spoken
}

/// A day and a time, said one after the other; nothing for one that does not exist.
fn appointment(language: Language, time: &SpokenTime) -> Vec<Fragment> {
    let day = match time.day {
        SpokenDay::Today => Some(Day::Today),
        SpokenDay::Tomorrow => Some(Day::Tomorrow),
        SpokenDay::Date { year, month, day, .. } => {
            CalendarDate::new(year, month.into(), day.into()).map(Day::Date)
        }
    };
    let of_day = TimeOfDay::new(time.hour.into(), time.minute.into());
    day.zip(of_day).map_or(Vec::new(), |(day, of_day)| prompt::appointment(language, day, of_day))
}

/// What a feature code asks of the queue, and what the agent is told.
#[derive(Debug)]
pub(super) struct ByCode {
    /// At once.
    pub(super) at_once: QueueEvent,
    /// When the call is over: their phone is busy until then.
    pub(super) after: Vec<QueueEvent>,
    /// What is said.
    pub(super) told: AgentSummary,
}

/// What comes of a feature code, by what the agent is doing. Ready needs a phone that can be rung:
/// without one they are here at most, and told Not ready.
pub(super) fn feature(agent: &Agent, code: FeatureCode, is_reachable: bool) -> ByCode {
    let (event, told) = asked_by_code(agent, code);
    let (is_out, agent) = (agent.state == AgentState::LoggedOut, agent.id.clone());
    match told {
        AgentSummary::Ready if !is_reachable => {
            let reason = NotReadyReason::Unreachable;
            let at_once = match is_out {
                true => QueueEvent::AgentLoggedIn { agent, ready: false },
                false => QueueEvent::AgentNotReady { agent, reason },
            };
            ByCode { at_once, after: Vec::new(), told: AgentSummary::NotReady }
        }
        // Not while they are on the telephone for it.
        AgentSummary::Ready => ByCode {
            at_once: QueueEvent::ConsultationBegan { agent: agent.clone(), with: None },
            after: vec![QueueEvent::ConsultationEnded { agent, with: None }, event],
            told,
        },
        AgentSummary::LoggedOut
        | AgentSummary::NotReady
        | AgentSummary::OnCall
        | AgentSummary::AfterCallWork => ByCode { at_once: event, after: Vec::new(), told },
    }
}

fn asked_by_code(agent: &Agent, code: FeatureCode) -> (QueueEvent, AgentSummary) {
    let (state, after_call, agent) = (&agent.state, agent.after_call, agent.id.clone());
    let on_call = matches!(state, AgentState::Talking(_) | AgentState::Alerting(_));
    let unless_on_call = |summary| if on_call { AgentSummary::OnCall } else { summary };
    match (code, state) {
        // Asked for during the call already: the same code takes it back.
        (FeatureCode::LogInOut, _) if on_call && after_call == Some(AfterCall::LogOut) => {
            (QueueEvent::AgentReady { agent }, AgentSummary::OnCall)
        }
        (FeatureCode::Ready, _) if on_call && after_call.is_some_and(asked_not_ready) => {
            (QueueEvent::AgentReady { agent }, AgentSummary::OnCall)
        }
        (FeatureCode::LogInOut, AgentState::LoggedOut) => {
            (QueueEvent::AgentLoggedIn { agent, ready: false }, AgentSummary::NotReady)
        }
        (FeatureCode::LogInOut, _) => {
            (QueueEvent::AgentLoggedOut { agent }, unless_on_call(AgentSummary::LoggedOut))
        }
        (FeatureCode::Ready, AgentState::LoggedOut) => {
            (QueueEvent::AgentLoggedIn { agent, ready: true }, AgentSummary::Ready)
        }
        // After the call that they are on.
        (FeatureCode::Ready, AgentState::NotReady(NotReadyReason::Outbound)) => {
            let reason = NotReadyReason::Asked;
            (QueueEvent::AgentNotReady { agent, reason }, AgentSummary::NotReady)
        }
        (FeatureCode::Ready, AgentState::NotReady(_) | AgentState::AfterCallWork) => {
            (QueueEvent::AgentReady { agent }, AgentSummary::Ready)
        }
        (FeatureCode::Ready, _) => {
            let reason = NotReadyReason::Asked;
            (QueueEvent::AgentNotReady { agent, reason }, unless_on_call(AgentSummary::NotReady))
        }
        (FeatureCode::EndAfterCallWork, state) => {
            let summary = match state {
                AgentState::LoggedOut => AgentSummary::LoggedOut,
                AgentState::NotReady(_) => AgentSummary::NotReady,
                AgentState::Ready | AgentState::AfterCallWork => AgentSummary::Ready,
                AgentState::Alerting(_) | AgentState::Talking(_) => AgentSummary::OnCall,
            };
            (QueueEvent::AfterCallWorkEnded { agent }, summary)
        }
    }
}

/// A caller who joins a queue; `None` for anything else.
fn arrived(
    effect: CallsEffect,
    node: &NodeId,
    policy: impl Fn(&QueueId) -> Option<AddressPolicy>,
) -> Option<QueueEvent> {
    let CallsEffect::Arrived { interaction, queue, skills, priority, ani, dnis, data } = effect
    else {
        return None;
    };
    let policy = policy(&queue);
    let address = policy.as_ref().and_then(|policy| numbers::read(ani.expose(), policy).ok());
    let country = policy.and_then(|policy| policy.default_country);
    let attached = Attached { called: numbers::whole(dnis.expose(), country), data }.some();
    // The flow check at load read the expression once already.
    let skills = skills.and_then(|text| SkillExpression::parse(&text).ok());
    let node = node.clone();
    Some(QueueEvent::CallArrived { interaction, queue, skills, priority, address, attached, node })
}

fn left(interaction: InteractionId, by: calls::LeftBy) -> QueueEvent {
    let by = match by {
        calls::LeftBy::Choice => queue::LeftBy::Choice,
        calls::LeftBy::LongestWait => queue::LeftBy::LongestWait,
        calls::LeftBy::NoAgents => queue::LeftBy::NoAgents,
    };
    QueueEvent::CallerLeft { interaction, by }
}

/// Not what a consultation leads to.
fn asked_not_ready(after_call: AfterCall) -> bool {
    match after_call {
        AfterCall::NotReady(reason) => reason != NotReadyReason::Outbound,
        AfterCall::LogOut | AfterCall::ContactLost { .. } => false,
    }
}

fn declined(reason: AgentDecline) -> DeclineReason {
    match reason {
        AgentDecline::Missed => DeclineReason::Missed,
        AgentDecline::Busy => DeclineReason::Busy,
        AgentDecline::Unreachable => DeclineReason::Unreachable,
    }
}

/// A report of `calls` as an event of the queue; `None` for what is not a report, or needs the
/// node.
pub(super) fn report(
    effect: CallsEffect,
    node: &NodeId,
    policy: impl Fn(&QueueId) -> Option<AddressPolicy>,
) -> Option<QueueEvent> {
    Some(match effect {
        arrived @ CallsEffect::Arrived { .. } => return self::arrived(arrived, node, policy),
        CallsEffect::EwtTold { interaction, ewt } => QueueEvent::EwtTold { interaction, ewt },
        CallsEffect::Offered { interaction } => QueueEvent::Offered { interaction },
        CallsEffect::CallerLeft { interaction, by } => left(interaction, by),
        CallsEffect::CallerHungUp { interaction } => QueueEvent::CallerHungUp { interaction },
        CallsEffect::CallbackConfirmed { interaction, address } => {
            QueueEvent::CallbackConfirmed { interaction, address }
        }
        CallsEffect::AttemptAnswered { attempt } => QueueEvent::AttemptAnswered { attempt },
        CallsEffect::ConsumerConfirmed { attempt } => QueueEvent::ConsumerConfirmed { attempt },
        CallsEffect::ConsumerPostponed { attempt, delay } => {
            QueueEvent::ConsumerPostponed { attempt, delay }
        }
        CallsEffect::ConsumerRefused { attempt } => QueueEvent::ConsumerRefused { attempt },
        CallsEffect::WaitAnswered { interaction, keep } => {
            let choice = if keep { WaitChoice::KeepWaiting } else { WaitChoice::CallBack };
            QueueEvent::WaitAnswered { interaction, choice }
        }
        CallsEffect::AgentAnswered { agent, interaction } => {
            QueueEvent::AgentAnswered { agent, interaction }
        }
        CallsEffect::AgentDeclined { agent, interaction, reason } => {
            QueueEvent::AgentDeclined { agent, interaction, reason: declined(reason) }
        }
        CallsEffect::BridgeEnded { interaction, lost } => {
            let cause = if lost { BridgeEnd::Lost } else { BridgeEnd::Agent };
            QueueEvent::BridgeEnded { interaction, cause }
        }
        CallsEffect::ConsultationBegan { agent, with } => {
            QueueEvent::ConsultationBegan { agent, with }
        }
        CallsEffect::ConsultationEnded { agent, with } => {
            QueueEvent::ConsultationEnded { agent, with }
        }
        CallsEffect::HandedOver { interaction, agent } => {
            QueueEvent::HandedOver { interaction, agent }
        }
        CallsEffect::Answer { .. }
        | CallsEffect::Ring { .. }
        | CallsEffect::ListenForMachine { .. }
        | CallsEffect::ConsultationAsked { .. }
        | CallsEffect::Reject { .. }
        | CallsEffect::Invite { .. }
        | CallsEffect::Cancel { .. }
        | CallsEffect::HangUp { .. }
        | CallsEffect::Play { .. }
        | CallsEffect::Music { .. }
        | CallsEffect::Silence { .. }
        | CallsEffect::Bridge { .. }
        | CallsEffect::AttemptEnded { .. }
        | CallsEffect::AskStanding { .. }
        | CallsEffect::NumberKeyed { .. }
        | CallsEffect::AcceptTransfer { .. }
        | CallsEffect::RefuseTransfer { .. }
        | CallsEffect::TransferProgress { .. }
        | CallsEffect::TransferAsked { .. }
        | CallsEffect::CodeKeyed { .. }
        | CallsEffect::AskPending { .. }
        | CallsEffect::PendingChosen { .. }
        | CallsEffect::FindSlot { .. }
        | CallsEffect::ScheduleConfirmed { .. }
        | CallsEffect::FeatureCode { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ident::{AgentId, InteractionId};
    use crate::time::{Duration, Timestamp};

    fn agent(state: AgentState, after_call: Option<AfterCall>) -> Agent {
        let mut queue = crate::queue::Queue::new(
            crate::queue::Settings {
                agents: [(AgentId::new("ann"), Default::default())].into(),
                ..Default::default()
            },
            NodeId::new("test"),
        );
        let agent = AgentId::new("ann");
        queue.handle(
            Timestamp::from_ms(1),
            QueueEvent::AgentLoggedIn { agent: agent.clone(), ready: true },
        );
        Agent { state, after_call, ..queue.agent(&agent).unwrap().clone() }
    }

    /// What an agent's phone is told, a header a line. `live support wait=61 attempt=2
    /// base=https://.. answers=call-info shows=order,note data={"order":7,"note":"<900>"}`: `<900>`
    /// stands for 900 characters, and what is encoded is shown as it reads, after its length.
    ///
    /// `ends closed` and `released closed` are what a consumer or a caller hears who is let go so.
    /// `code *46 talking` is a feature code of an agent who talks; `asked-not-ready` and
    /// `asked-log-out` were asked for during the call, the phone of one `unreachable` is gone.
    fn told(line: &str) -> String {
        if let Some(words) = line.strip_prefix("code ") {
            return told_by_code(&words.split(' ').collect::<Vec<_>>());
        }
        if let Some((of @ ("ends" | "released"), reason)) = line.split_once(' ') {
            return told_at_the_end(of, reason);
        }
        let pairs: BTreeMap<&str, &str> =
            line.split(' ').filter_map(|word| word.split_once('=')).collect();
        let mut plain = line.split(' ').filter(|word| !word.contains('='));
        let origin = match plain.next().unwrap() {
            "live" => Origin::Live,
            "immediate" => Origin::Immediate,
            "scheduled" => Origin::Scheduled,
            "call-in" => Origin::CallIn,
            other => panic!("{other}"),
        };
        let within = |data: &&str| Some(data.split_once('<')?.1.split_once('>')?.0.to_owned());
        let count = pairs.get("data").and_then(within).unwrap_or("1000".to_owned());
        let (long, mark) = ("x".repeat(count.parse().unwrap()), format!("<{count}>"));
        let data = pairs.get("data").map(|data| UserData::new(&data.replace(&mark, &long)));
        let keys = pairs.get("shows").map_or(Vec::new(), |keys| keys.split(',').collect());
        let keys: Vec<String> = keys.into_iter().map(str::to_owned).collect();
        let number = |key| pairs.get(key).map_or(0, |n| n.parse().unwrap());
        let context = AlertContext {
            queue: QueueId::new(plain.next().unwrap()),
            kind: kind(origin),
            wait: Duration::from_secs(number("wait")),
            attempts: number("attempt") as u32,
            data: data.and_then(|data| shown_data(&data.unwrap(), &keys)),
        };
        let auto_answer = match pairs.get("answers").copied() {
            None => AutoAnswer::Off,
            Some("alert-info") => AutoAnswer::AlertInfo,
            Some("alert-info-delay-0") => AutoAnswer::AlertInfoDelay0,
            Some("call-info") => AutoAnswer::CallInfoAnswerAfter0,
            Some("answer-mode") => AutoAnswer::AnswerMode,
            Some(other) => panic!("{other}"),
        };
        let base = pairs.get("base").copied();
        let headers = agent_headers(InteractionId(255), &context, base, auto_answer);
        let shown = |(name, value): (&str, String)| {
            let Some(encoded) = Some(&value).filter(|_| name == "X-Ringback-Data") else {
                return format!("{name}: {value}");
            };
            let end = encoded.find(';').unwrap_or(encoded.len());
            let (encoded, rest) = encoded.split_at(end);
            let json = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap();
            format!("{name}: {} bytes {}{rest}", encoded.len(), json.replace(&long, &mark))
        };
        let silent = crate::node::AGENT_SILENCE_MAX.as_secs();
        let shown_first = [
            ("display name", shown_name(&context)),
            ("given up after", format!("{silent} s of silence")),
        ];
        shown_first.into_iter().chain(headers).map(shown).collect::<Vec<_>>().join("\n")
    }

    /// `ends closed`: the goodbye of a dialled consumer; `released served`: of a caller.
    fn told_at_the_end(of: &str, reason: &str) -> String {
        let of_end = [
            ("ring-timeout", EndReason::RingTimeout),
            ("orphaned", EndReason::Orphaned),
            ("called-in", EndReason::CalledIn),
            ("no-confirm", EndReason::NoConfirm),
            ("cancelled", EndReason::Cancelled),
            ("goodbye", EndReason::Goodbye),
            ("never-again", EndReason::NeverAgain),
            ("closed", EndReason::Closed),
            ("not-served", EndReason::NotServed),
        ];
        let of_release = [
            ("cancelled", ReleaseReason::Cancelled),
            ("served", ReleaseReason::Served),
            ("closed", ReleaseReason::Closed),
            ("not-served", ReleaseReason::NotServed),
        ];
        let goodbye = match of {
            "ends" => of_end.iter().find(|it| it.0 == reason).map(|it| goodbye_of_end(it.1)),
            _ => of_release.iter().find(|it| it.0 == reason).map(|it| goodbye_of_release(it.1)),
        };
        format!("{:?}", goodbye.unwrap())
    }

    fn told_by_code(words: &[&str]) -> String {
        let code = FeatureCode::of(&crate::phone::Dnis::new(words[0])).unwrap();
        let state = match words[1] {
            "logged-out" => AgentState::LoggedOut,
            "not-ready" => AgentState::NotReady(NotReadyReason::Asked),
            "outbound" => AgentState::NotReady(NotReadyReason::Outbound),
            "ready" => AgentState::Ready,
            "alerting" => AgentState::Alerting(InteractionId(1)),
            "talking" => AgentState::Talking(InteractionId(1)),
            "after-call-work" => AgentState::AfterCallWork,
            other => panic!("{other}"),
        };
        let after_call = match words.get(2).copied() {
            Some("asked-not-ready") => Some(AfterCall::NotReady(NotReadyReason::Asked)),
            Some("asked-log-out") => Some(AfterCall::LogOut),
            Some("unreachable") | None => None,
            Some(other) => panic!("{other}"),
        };
        let row = agent(state, after_call);
        let ByCode { at_once, after, told } = feature(&row, code, !words.contains(&"unreachable"));
        let after: Vec<String> = after.iter().map(|event| format!(", then {event:?}")).collect();
        format!("{at_once:?}{}, told {told:?}", after.concat())
            .replace("agent: AgentId(\"ann\")", "ann")
    }

    #[test]
    fn every_text_of_headers_holds() {
        crate::tests::scenarios("headers", 1, |text| crate::tests::answered(text, told));
    }
}
