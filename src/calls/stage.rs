//! Whole calls as text: a script of facts and orders goes in, the effects come out between its
//! lines.
//!
//! A line is `second event arguments`. Deadlines that pass before it are shown as
//! `second (reason)`. Legs are named by the script (incoming), `agent/contact`, `dial/serial` or
//! `third/number`; interactions `i1`, `i2` in the order they appear. Orders to ask for the standing
//! or for a pending callback are left out; the latter are answered by "none" until the script says
//! that it tells.

mod tests;

use std::collections::BTreeMap;
use std::fmt::Write;

use expect_test::Expect;

use super::effect::{Callee, LeftBy};
use super::end::{AttemptClass, CallEnd, EndedBy};
use super::event::{
    AgentPhone, AgentSummary, AlertContext, Caller, CodeResult, ConsultWith, Goodbye,
    NumberRefused, PendingCallback, QueueExit, Refusal, SlotOffer, SlotRefused, TransferTarget,
    TransferTo,
};
use super::flow::{
    AccessCodeNode, AskCode, BookingExits, CallbackOffer, CodeGroup, Entry, Flow, FlowNode,
    MachineVoice, QueueNode, QueueVoice, TransferNode,
};
use super::spoken::{SpokenDay, SpokenTime};
use super::*;
use crate::ident::{
    AgentId, ContactId, FlowId, GroupId, Language, QueueId, Route, TrunkId, UserData,
};
use crate::phone::{Address, AddressPolicy, Pattern};

/// A flow with one node of each kind: `start` says, `menu` asks, 1 leads to `billing` with
/// everything a queue node can have, 2 to `plain` with nothing.
pub(super) fn settings() -> Settings {
    let say = |sound: &str, next: &str| FlowNode::Say {
        prompts: vec![sound.to_owned()],
        next: next.to_owned(),
    };
    let menu = FlowNode::Menu {
        prompts: vec!["which".to_owned()],
        keys: [('1', "billing"), ('2', "plain"), ('3', "later"), ('4', "code"), ('5', "operator")]
            .map(|(key, node)| (key, node.to_owned()))
            .into(),
        first_digit_timeout: Duration::from_secs(5),
        language: BTreeMap::new(),
        tries: 2,
        timeout: "billing".to_owned(),
        invalid: "bye".to_owned(),
    };
    let nodes = [
        ("start", say("welcome", "menu")),
        ("menu", menu),
        ("billing", FlowNode::Queue(billing())),
        ("plain", FlowNode::Queue(QueueNode::bare(QueueId::new("plain")))),
        (
            "offer",
            FlowNode::OfferCallback {
                exits: BookingExits::default(),
                schedule: Some("later".to_owned()),
            },
        ),
        (
            "later",
            FlowNode::ScheduleCallback {
                queue: Some(QueueId::new("billing")),
                exits: BookingExits { declined: None, refused: Some("survey".to_owned()) },
            },
        ),
        ("code", FlowNode::AccessCode(access_code())),
        ("known", say("thanks", "billing")),
        ("operator", FlowNode::Transfer(operator())),
        ("survey", say("thanks", "bye")),
        ("bye", FlowNode::Hangup { prompts: vec!["bye".to_owned()] }),
    ];
    let nodes = nodes.into_iter().map(|(name, node)| (name.to_owned(), node)).collect();
    Settings {
        entries: vec![Entry {
            dnis: Pattern::new("7*"),
            flow: FlowId::new("main"),
            languages: vec![Language::default(), Language::new("de")],
        }],
        flows: [(FlowId::new("main"), Flow { start: "start".to_owned(), nodes })].into(),
        queues: voices(),
        groups: [(GroupId::new("app"), CodeGroup { digits: 6, code: AskCode::Always })].into(),
    }
}

fn voices() -> BTreeMap<QueueId, QueueVoice> {
    let voice = |postpone, refuse| QueueVoice {
        addresses: AddressPolicy {
            extensions: vec![(Pattern::new("1???"), Route::Registrar)],
            ..AddressPolicy::default()
        },
        language: Language::default(),
        greeting: "greeting".to_owned(),
        postpone,
        refuse,
        machine: None,
    };
    let listening = |message: Option<&str>| QueueVoice {
        machine: Some(MachineVoice { message: message.map(str::to_owned) }),
        ..voice(None, false)
    };
    let voices = [
        ("billing", voice(Some(Duration::from_secs(900)), true)),
        ("plain", voice(None, false)),
        ("listening", listening(None)),
        ("leaving-word", listening(Some("we-called"))),
    ];
    voices.into_iter().map(|(name, voice)| (QueueId::new(name), voice)).collect()
}

fn operator() -> TransferNode {
    TransferNode {
        to: Address::parse("1002").unwrap(),
        queue: QueueId::new("billing"),
        ring_timeout: Duration::from_secs(20),
        failed: Some("survey".to_owned()),
    }
}

fn access_code() -> AccessCodeNode {
    AccessCodeNode {
        group: GroupId::new("app"),
        prompts: Vec::new(),
        tries: 3,
        matched: [("code+ani", "known"), ("default", "plain")]
            .map(|(key, node)| (key.to_owned(), node.to_owned()))
            .into(),
        failed: Some("survey".to_owned()),
        locked: None,
    }
}

fn billing() -> QueueNode {
    let seconds = Duration::from_secs;
    let some = |node: &str| Some(node.to_owned());
    QueueNode {
        queue: QueueId::new("billing"),
        skills: some("billing"),
        priority: 3,
        announce_every: Some(seconds(60)),
        offer: Some(CallbackOffer {
            node: "offer".to_owned(),
            after: Some(seconds(30)),
            ewt_above: Some(seconds(120)),
            position_above: Some(5),
            length_above: Some(30),
            again_after: Some(seconds(100)),
        }),
        closed: some("bye"),
        full: some("bye"),
        no_agents: some("bye"),
        max_wait: Some((seconds(600), "bye".to_owned())),
        keys: [('0', "bye".to_owned())].into(),
        after_call: some("survey"),
    }
}

pub(super) struct Stage {
    calls: Calls,
    legs: BTreeMap<LegId, String>,
    plays: BTreeMap<String, PlayId>,
    interactions: Vec<InteractionId>,
    nothing_pending: bool,
    thirds: u32,
    log: String,
}

impl Stage {
    /// Plays a script; the log of it.
    pub(super) fn play(settings: Settings, script: &str) -> String {
        let mut stage = Stage {
            calls: Calls::new(settings, Entropy::from_number(1)),
            legs: BTreeMap::new(),
            plays: BTreeMap::new(),
            interactions: Vec::new(),
            nothing_pending: true,
            thirds: 0,
            log: String::new(),
        };
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (second, rest) = line.split_once(' ').unwrap();
            let now = Timestamp::from_ms((second.parse::<f64>().unwrap() * 1000.0) as i64);
            while let Some((at, reason)) = stage.calls.poll_timeout().filter(|(at, _)| *at < now) {
                let effects = stage.handle(at, Event::Tick);
                stage.show(&format!("{} ({reason})", at.as_ms() as f64 / 1000.0), effects);
            }
            let event = stage.event(rest);
            let effects = stage.handle(now, event);
            writeln!(stage.log, "{line}").unwrap();
            stage.show("", effects);
        }
        stage.log
    }

    fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Effect> {
        let mut effects = self.calls.handle(now, event);
        let asks = |effect: &Effect| {
            let Effect::AskPending { interaction, .. } = effect else { return None };
            Some(*interaction)
        };
        if let Some(interaction) = effects.iter().find_map(asks) {
            self.name(interaction);
            if self.nothing_pending {
                let answer = Event::Pending { interaction, pending: None };
                effects.extend(self.calls.handle(now, answer));
            }
        }
        effects
    }

    fn leg(&mut self, name: &str) -> LegId {
        if let Some((leg, _)) = self.legs.iter().find(|(_, known)| *known == name) {
            return *leg;
        }
        let leg = LegId(self.legs.len() as u64 + 1);
        self.legs.insert(leg, name.to_owned());
        leg
    }

    fn interaction(&self, name: &str) -> InteractionId {
        let index = name[1..].parse::<usize>().unwrap() - 1;
        self.interactions.get(index).copied().unwrap_or(InteractionId(index as u128 + 1))
    }

    #[expect(clippy::too_many_lines, reason = "one arm a word")]
    fn event(&mut self, text: &str) -> Event {
        let words: Vec<&str> = text.split_whitespace().collect();
        let word = |n: usize| words.get(n).copied().unwrap_or("");
        let number = |n: usize| word(n).parse::<u64>().unwrap();
        let agent = |n: usize| AgentId::new(word(n));
        match word(0) {
            "tick" => Event::Tick,
            "tells-pending" => {
                self.nothing_pending = false;
                Event::Tick
            }
            "incoming" => Event::LegIncoming {
                leg: self.leg(word(1)),
                ani: Ani::new(word(2)),
                dnis: Dnis::new(word(3)),
                from: match word(4) {
                    "" => Caller::Trunk(TrunkId::new("carrier")),
                    name => Caller::Agent(AgentId::new(name)),
                },
            },
            "ringing" => Event::LegRinging { leg: self.leg(word(1)) },
            "answered" => Event::LegAnswered { leg: self.leg(word(1)) },
            "machine" => Event::MachineHeard { leg: self.leg(word(1)) },
            "beep" => Event::BeepHeard { leg: self.leg(word(1)) },
            "digit" => {
                Event::LegDigit { leg: self.leg(word(1)), digit: word(2).chars().next().unwrap() }
            }
            "played" => Event::PlayEnded { leg: self.leg(word(1)), play: self.plays[word(1)] },
            "ended" => {
                let end = |by, status: Option<u16>| CallEnd {
                    by,
                    status,
                    answered: status.is_none(),
                    rang: false,
                };
                let end = match word(2) {
                    "peer" => end(EndedBy::Peer, None),
                    "us" => end(EndedBy::Us, None),
                    "lost" => end(EndedBy::Lost, None),
                    "silence" => CallEnd { answered: false, ..end(EndedBy::Lost, None) },
                    status => end(EndedBy::Peer, Some(status.parse().unwrap())),
                };
                Event::LegEnded { leg: self.leg(word(1)), end }
            }
            "not-admitted" => Event::NotAdmitted {
                interaction: self.interaction(word(1)),
                exit: match word(2) {
                    "closed" => QueueExit::Closed,
                    "closed-with-times" => QueueExit::ClosedWithTimes,
                    "full" => QueueExit::Full,
                    other => panic!("{other}"),
                },
            },
            "alert" => Event::Alert {
                agent: agent(1),
                interaction: self.interaction(word(2)),
                phones: words[3..]
                    .iter()
                    .filter(|it| !it.contains('='))
                    .map(|it| phone(it))
                    .collect(),
                ring_timeout: Duration::from_secs(20),
                context: alert_context(&words),
            },
            "cancel-alert" => {
                Event::CancelAlert { agent: agent(1), interaction: self.interaction(word(2)) }
            }
            "connect" => Event::Connect { agent: agent(1), interaction: self.interaction(word(2)) },
            "disconnect" => {
                Event::Disconnect { agent: agent(1), interaction: self.interaction(word(2)) }
            }
            "dial" => Event::Dial {
                attempt: self.attempt(word(1)),
                queue: QueueId::new(word(2)),
                address: Address::parse(word(3)).unwrap(),
                route: Route::Trunk(TrunkId::new("carrier")),
                ring_timeout: Duration::from_secs(30),
                confirm: word(4) != "unconfirmed",
            },
            "end-attempt" => Event::EndAttempt {
                attempt: self.attempt(word(1)),
                goodbye: goodbye(word(2)),
                class: match word(3) {
                    "no-answer" => AttemptClass::NoAnswer,
                    "no-confirm" => AttemptClass::NoConfirm,
                    "hung-up" => AttemptClass::HungUp,
                    "called-in" => AttemptClass::CalledIn,
                    other => panic!("{other}"),
                },
            },
            "number" => Event::NumberChecked {
                interaction: self.interaction(word(1)),
                address: match word(2) {
                    "not-permitted" => Err(NumberRefused::NotPermitted),
                    "not-a-number" => Err(NumberRefused::NotANumber),
                    "too-many" => Err(NumberRefused::TooMany),
                    address => Ok(Address::parse(address).unwrap()),
                },
            },
            "slot" => Event::SlotFound {
                interaction: self.interaction(word(1)),
                found: match word(2) {
                    "closed" => Err(SlotRefused::Closed),
                    "too-far-ahead" => Err(SlotRefused::TooFarAhead),
                    "past" => Err(SlotRefused::Past),
                    "full" => Err(SlotRefused::Full),
                    "no-such-date" => Err(SlotRefused::NoSuchDate),
                    "not-offered" => Err(SlotRefused::NotOffered),
                    time => {
                        let SpokenTime { day, hour, minute } = spoken(time).unwrap();
                        let (due, moved) = (Timestamp::from_ms(77), word(3) == "moved");
                        Ok(SlotOffer { due, day, hour, minute, moved })
                    }
                },
            },
            "registered" => Event::Registered { interaction: self.interaction(word(1)) },
            "not-registered" => Event::NotRegistered {
                interaction: self.interaction(word(1)),
                reason: match word(2) {
                    "" | "not-permitted" => Refusal::NotPermitted,
                    "duplicate" => Refusal::Duplicate { scheduled_for: spoken(word(3)) },
                    "too-many" => Refusal::TooMany,
                    "closed" => Refusal::Closed,
                    "slot-taken" => Refusal::SlotTaken,
                    "never-call" => Refusal::NeverCall,
                    "unavailable" => Refusal::Unavailable,
                    other => panic!("{other}"),
                },
            },
            "pending" => Event::Pending {
                interaction: self.interaction(word(1)),
                pending: (word(2) != "none").then(|| PendingCallback {
                    callback: self.interaction(word(2)),
                    scheduled: spoken(word(3)),
                    dialled: word(3) == "dialled",
                }),
            },
            "taken-over" => Event::TakenOver {
                interaction: self.interaction(word(1)),
                callback: self.interaction(word(2)),
            },
            "dialled-leg-wins" => Event::DialledLegWins { interaction: self.interaction(word(1)) },
            "pending-kept" => Event::PendingKept { interaction: self.interaction(word(1)) },
            "pending-over" => Event::PendingOver { interaction: self.interaction(word(1)) },
            "pending-cancelled" => {
                Event::PendingCancelled { interaction: self.interaction(word(1)) }
            }
            "code" => Event::CodeChecked {
                interaction: self.interaction(word(1)),
                result: match word(2) {
                    "none" => CodeResult::NoMatch,
                    "locked" => CodeResult::Locked,
                    combination => CodeResult::Matched {
                        combination: combination.to_owned(),
                        callback: (!matches!(word(3), "" | "-")).then(|| self.interaction(word(3))),
                        queue: (!matches!(word(4), "" | "-")).then(|| QueueId::new(word(4))),
                        data: (!word(5).is_empty()).then(|| UserData::new(word(5)).unwrap()),
                    },
                },
            },
            "referred" => Event::LegReferred {
                leg: self.leg(word(1)),
                to: match word(2) {
                    "with" => TransferTarget::Leg(self.leg(word(3))),
                    number => TransferTarget::Number(Dnis::new(number)),
                },
            },
            "consult" => Event::Consult {
                leg: self.leg(word(1)),
                with: match word(2).parse::<u32>() {
                    Err(_) => ConsultWith::Agent {
                        agent: agent(2),
                        phones: words[3..].iter().map(|word| phone(word)).collect(),
                        context: context(),
                    },
                    Ok(_) => ConsultWith::Number {
                        queue: QueueId::new("billing"),
                        address: Address::parse(word(2)).unwrap(),
                        routes: words[3..]
                            .iter()
                            .map(|trunk| Route::Trunk(TrunkId::new(trunk)))
                            .collect(),
                    },
                },
            },
            "consult-refused" => Event::ConsultationRefused { leg: self.leg(word(1)), status: 403 },
            "transfer" => Event::Transfer {
                interaction: self.interaction(word(1)),
                to: match word(2) {
                    "queue" => TransferTo::Queue(QueueId::new(word(3))),
                    number => TransferTo::Number {
                        queue: QueueId::new("billing"),
                        address: Address::parse(number).unwrap(),
                        routes: vec![Route::Trunk(TrunkId::new("carrier"))],
                    },
                },
            },
            "transfer-refused" => Event::TransferRefused { leg: self.leg(word(1)), status: 403 },
            "release" => {
                Event::Release { interaction: self.interaction(word(1)), goodbye: goodbye(word(2)) }
            }
            "ask-keep-waiting" => Event::AskKeepWaiting { interaction: self.interaction(word(1)) },
            "standing" => Event::Standing {
                interaction: self.interaction(word(1)),
                position: number(2) as u32,
                length: word(5).parse().unwrap_or(number(2) as u32),
                nobody: word(3) == "nobody",
                ewt: word(3).parse().ok().map(Duration::from_secs),
                immediate: matches!(word(4), "" | "either" | "immediate"),
                scheduled: matches!(word(4), "either" | "scheduled"),
            },
            "agent-now" => Event::AgentNow {
                agent: agent(1),
                state: match word(2) {
                    "ready" => AgentSummary::Ready,
                    "not-ready" => AgentSummary::NotReady,
                    "logged-out" => AgentSummary::LoggedOut,
                    other => panic!("{other}"),
                },
            },
            other => panic!("{other}"),
        }
    }

    fn attempt(&self, text: &str) -> AttemptId {
        let (interaction, serial) = text.split_once('/').unwrap();
        let interaction = self.interaction(interaction);
        AttemptId { interaction, serial: serial.parse().unwrap() }
    }

    fn show(&mut self, heading: &str, effects: Vec<Effect>) {
        let shown: Vec<String> = effects
            .into_iter()
            .filter(|effect| {
                !matches!(
                    effect,
                    Effect::AskStanding { .. } | Effect::AskPending { appointment: false, .. }
                )
            })
            .map(|effect| self.text(&effect))
            .collect();
        if !heading.is_empty() && !shown.is_empty() {
            writeln!(self.log, "{heading}").unwrap();
        }
        for line in shown {
            writeln!(self.log, "    {line}").unwrap();
        }
    }

    fn name(&mut self, interaction: InteractionId) -> String {
        let known = self.interactions.iter().position(|id| *id == interaction);
        let index = known.unwrap_or_else(|| {
            self.interactions.push(interaction);
            self.interactions.len() - 1
        });
        format!("i{}", index + 1)
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each order")]
    fn text(&mut self, effect: &Effect) -> String {
        let leg = |stage: &Stage, leg: &LegId| stage.legs[leg].clone();
        match effect {
            Effect::Answer { leg: id } => format!("answer {}", leg(self, id)),
            Effect::Reject { leg: id, status } => format!("reject {} {status}", leg(self, id)),
            Effect::Invite { leg: id, to, like } => {
                let (name, what) = match to {
                    Callee::Agent { agent, phone, ani, context: told, .. } => {
                        let name = match phone {
                            AgentPhone::Contact(contact) => format!("{agent}/{}", contact.0),
                            AgentPhone::Extension(trunk, number) => {
                                format!("{agent}/{}@{trunk}", number.expose())
                            }
                        };
                        let ani = ani.as_ref().map_or("", |ani| ani.expose());
                        (name, format!("{ani}{}", shown(told)))
                    }
                    Callee::Third { address, route, .. } => {
                        self.thirds += 1;
                        let what = format!("{} {route:?}", address.expose());
                        (format!("third/{}", self.thirds), what)
                    }
                    Callee::Consumer { attempt, address, .. } => {
                        let name = format!("dial/{}", attempt.serial);
                        (name, address.expose().to_owned())
                    }
                };
                self.legs.insert(*id, name.clone());
                let like =
                    like.as_ref().map_or(String::new(), |l| format!(" like {}", leg(self, l)));
                format!("invite {name} {what}{like}")
            }
            Effect::Cancel { leg: id, cause } => format!("cancel {} {cause}", leg(self, id)),
            Effect::HangUp { leg: id, cause } => format!("hang-up {} {cause}", leg(self, id)),
            Effect::Play { leg: id, play, language, prompts } => {
                let name = leg(self, id);
                self.plays.insert(name.clone(), *play);
                let words: Vec<String> = prompts.iter().map(prompt).collect();
                let language = match language.as_str() {
                    "en" => String::new(),
                    other => format!("({other}) "),
                };
                format!("play {name} {language}{}", words.join(" "))
            }
            Effect::Music { leg: id } => format!("music {}", leg(self, id)),
            Effect::Silence { leg: id } => format!("silence {}", leg(self, id)),
            Effect::Bridge { a, b } => format!("bridge {} {}", leg(self, a), leg(self, b)),
            Effect::EwtTold { interaction, ewt } => {
                format!("! told {} {}", self.name(*interaction), ewt.as_secs())
            }
            Effect::Offered { interaction } => {
                format!("! offered {}", self.name(*interaction))
            }
            Effect::Arrived { interaction, queue, skills, priority, ani, data, .. } => {
                let skills = skills.as_deref().unwrap_or("-");
                let (name, ani) = (self.name(*interaction), ani.expose());
                let data = data.as_ref().map_or(String::new(), |it| format!(" {}", it.expose()));
                format!("! arrived {name} {queue} {skills} {priority} {ani}{data}")
            }
            Effect::AskPending { interaction, appointment, .. } => {
                let of = if *appointment { " appointment" } else { "" };
                format!("! ask pending {}{of}", self.name(*interaction))
            }
            Effect::PendingChosen { interaction, callback, choice } => {
                let (name, callback) = (self.name(*interaction), self.name(*callback));
                format!("! pending {name} {callback} {choice:?}")
            }
            Effect::CodeKeyed { interaction, group, ani, dnis, code, routed, .. } => {
                let (name, ani, dnis) = (self.name(*interaction), ani.expose(), dnis.expose());
                let code = code.as_ref().map_or("-", |code| code.expose());
                let all = routed.len() == super::flow::COMBINATIONS.len();
                let routed = if all { String::new() } else { format!(" {}", routed.join("/")) };
                format!("! code {name} {group} {ani} {dnis} {code}{routed}")
            }
            Effect::AskStanding { interaction } => format!("! ask {}", self.name(*interaction)),
            Effect::CallerLeft { interaction, by } => {
                let by = match by {
                    LeftBy::Choice => "",
                    LeftBy::LongestWait => " by the longest wait",
                    LeftBy::NoAgents => " as nobody is there",
                };
                format!("! left {}{by}", self.name(*interaction))
            }
            Effect::CallerHungUp { interaction } => {
                format!("! caller hung up {}", self.name(*interaction))
            }
            Effect::NumberKeyed { interaction, queue, digits } => {
                format!("! keyed {} {queue} {}", self.name(*interaction), digits.expose())
            }
            Effect::FindSlot { interaction, queue, address, day, minute_of_day } => {
                let (name, address) = (self.name(*interaction), address.expose());
                format!("! find {name} {queue} {address} {day:?} {minute_of_day}")
            }
            Effect::ScheduleConfirmed { interaction, queue, address, due } => {
                let (name, address) = (self.name(*interaction), address.expose());
                format!("! scheduled {name} {queue} {address} {}", due.as_ms())
            }
            Effect::CallbackConfirmed { interaction, address } => {
                format!("! confirmed {} {}", self.name(*interaction), address.expose())
            }
            Effect::AttemptAnswered { attempt } => format!("! answered {}", attempt.serial),
            Effect::ConsumerConfirmed { attempt } => format!("! pressed 1 {}", attempt.serial),
            Effect::ConsumerPostponed { attempt, delay } => {
                format!("! later {} by {delay:?}", attempt.serial)
            }
            Effect::ConsumerRefused { attempt } => format!("! never {}", attempt.serial),
            Effect::AttemptEnded { attempt, class, rang } => {
                let rang = if *rang { " rang" } else { "" };
                format!("! attempt ended {} {class:?}{rang}", attempt.serial)
            }
            Effect::WaitAnswered { interaction, keep } => {
                format!("! keep waiting {} {keep}", self.name(*interaction))
            }
            Effect::AgentAnswered { agent, interaction } => {
                format!("! agent answered {agent} {}", self.name(*interaction))
            }
            Effect::AgentDeclined { agent, interaction, reason } => {
                format!("! agent declined {agent} {} {reason:?}", self.name(*interaction))
            }
            Effect::BridgeEnded { interaction, lost } => {
                format!("! bridge ended {} lost={lost}", self.name(*interaction))
            }
            Effect::AcceptTransfer { leg: id } => format!("accept transfer {}", leg(self, id)),
            Effect::RefuseTransfer { leg: id, status } => {
                format!("refuse transfer {} {status}", leg(self, id))
            }
            Effect::TransferProgress { leg: id, status } => {
                format!("transfer progress {} {status}", leg(self, id))
            }
            Effect::TransferAsked { interaction, agent, leg: id, target } => {
                let (name, target) = (self.name(*interaction), target.expose());
                format!("! transfer asked {name} {agent} {} {target}", leg(self, id))
            }
            Effect::ListenForMachine { leg: id } => format!("listen {}", leg(self, id)),
            Effect::Ring { leg: id } => format!("ring {}", leg(self, id)),
            Effect::ConsultationAsked { agent, leg: id, to, .. } => {
                format!("! consultation asked {agent} {} {}", leg(self, id), to.expose())
            }
            Effect::ConsultationBegan { agent, with } => {
                format!(
                    "! consultation began {agent} {}",
                    with.as_ref().map_or("-", |id| id.as_str())
                )
            }
            Effect::ConsultationEnded { agent, with } => {
                format!(
                    "! consultation ended {agent} {}",
                    with.as_ref().map_or("-", |id| id.as_str())
                )
            }
            Effect::HandedOver { interaction, agent } => {
                format!("! handed over {} {agent}", self.name(*interaction))
            }
            Effect::FeatureCode { agent, code, .. } => format!("! feature {agent} {code:?}"),
        }
    }
}

/// `kind=scheduled wait=61 attempts=2 data=abc` of an alert.
fn alert_context(words: &[&str]) -> AlertContext {
    let mut told = context();
    for (key, value) in words.iter().filter_map(|word| word.split_once('=')) {
        match key {
            "kind" => {
                let kinds = ["live", "immediate", "scheduled", "call-in"];
                told.kind = kinds.into_iter().find(|kind| *kind == value).unwrap();
            }
            "wait" => told.wait = Duration::from_secs(value.parse().unwrap()),
            "attempts" => told.attempts = value.parse().unwrap(),
            "data" => told.data = Some(value.to_owned()),
            other => panic!("{other}"),
        }
    }
    told
}

/// What a phone is told, unless it is what every script tells.
fn shown(told: &AlertContext) -> String {
    if *told == context() {
        return String::new();
    }
    let AlertContext { queue, kind, wait, attempts, data } = told;
    let data = data.as_deref().unwrap_or("-");
    format!(" told {queue} {kind} {wait:?} {attempts} {data}")
}

fn context() -> AlertContext {
    AlertContext {
        queue: QueueId::new("billing"),
        kind: "live",
        wait: Duration::ZERO,
        attempts: 0,
        data: None,
    }
}

/// `today@09:30`, `tomorrow@17:00` or `7/4@08:05`; empty: none.
fn spoken(word: &str) -> Option<SpokenTime> {
    let (day, time) = word.split_once('@')?;
    let (hour, minute) = time.split_once(':').unwrap();
    let day = match day {
        "today" => SpokenDay::Today,
        "tomorrow" => SpokenDay::Tomorrow,
        date => {
            let (month, day) = date.split_once('/').unwrap();
            let (month, day) = (month.parse().unwrap(), day.parse().unwrap());
            SpokenDay::Date { month, day, weekday: 6, year: 2026 }
        }
    };
    Some(SpokenTime { day, hour: hour.parse().unwrap(), minute: minute.parse().unwrap() })
}

fn told(time: &SpokenTime) -> String {
    let day = match time.day {
        SpokenDay::Today => "today".to_owned(),
        SpokenDay::Tomorrow => "tomorrow".to_owned(),
        SpokenDay::Date { month, day, .. } => format!("{month}/{day}"),
    };
    format!("{day}@{:02}:{:02}", time.hour, time.minute)
}

fn goodbye(word: &str) -> Goodbye {
    match word {
        "silent" => Goodbye::Silent,
        "plain" => Goodbye::Plain,
        "call-back" => Goodbye::CallBack,
        "cancelled" => Goodbye::Cancelled,
        "not-served" => Goodbye::NotServed,
        "never-again" => Goodbye::NeverAgain,
        other => panic!("{other}"),
    }
}

fn prompt(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Sound(id) => (*id).to_owned(),
        Prompt::Named(id) => format!("'{id}'"),
        Prompt::Characters(address) => format!("<{}>", address.expose()),
        Prompt::Position(place) => format!("place {place}"),
        Prompt::Wait(wait) => format!("{wait:?}"),
        Prompt::Appointment(time) => told(time),
        Prompt::Pause(pause) => format!("pause {pause:?}"),
    }
}

pub(super) fn expect_play(script: &str, expected: Expect) {
    expected.assert_eq(&Stage::play(settings(), script));
}

/// A caller in the `billing` queue.
pub(super) const IN_QUEUE: &str = "
    0 incoming caller 1001 700
    0 answered caller
    1 played caller
    1 digit caller 1";

pub(super) fn in_queue(script: &str) -> String {
    let log = Stage::play(settings(), &format!("{IN_QUEUE}\n{script}"));
    let arrived = "! arrived i1 billing billing 3 1001\n";
    log[log.find(arrived).unwrap() + arrived.len()..].to_owned()
}

pub(super) fn expect_in_queue(script: &str, expected: Expect) {
    expected.assert_eq(&in_queue(script));
}

/// A caller who took the callback offer; the log begins after it.
pub(super) fn in_booking(script: &str) -> String {
    let log = in_queue(&format!("2 standing i1 1 200\n2 digit caller 1\n{script}"));
    let begun = "2 digit caller 1\n";
    log[log.find(begun).unwrap() + begun.len()..].to_owned()
}

pub(super) fn expect_booking(script: &str, expected: Expect) {
    expected.assert_eq(&in_booking(script));
}

/// A dialled consumer who pressed 1.
const ON_HOLD: &str = "
    0 dial i1/1 billing 1001
    2 answered dial/1
    3 digit dial/1 1
    4 played dial/1";

pub(super) fn expect_on_hold(script: &str, expected: Expect) {
    let log = Stage::play(settings(), &format!("{ON_HOLD}\n{script}"));
    let held = log.find("    music dial/1\n").unwrap();
    expected.assert_eq(log[held..].trim_start_matches("    music dial/1\n"));
}

/// `1` a contact, `201@pbx` a number beyond a trunk.
fn phone(word: &str) -> AgentPhone {
    match word.split_once('@') {
        Some((number, trunk)) => {
            AgentPhone::Extension(TrunkId::new(trunk), Address::parse(number).unwrap())
        }
        None => AgentPhone::Contact(ContactId(word.parse().unwrap())),
    }
}
