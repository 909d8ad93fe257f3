//! Who serves: their skills, and the phone by which they are reached.

use std::collections::BTreeMap;

use super::document::{Item, Section};
use super::file::{Names, known, skill_name, user_name};
use super::{PhoneConfig, contact};
use crate::ident::{QueueId, TrunkId};
use crate::phone::{Address, EMERGENCY};
use crate::queue::event::OnRegister;
use crate::queue::skill::Skills;
use crate::queue::{self, AgentSettings};
use crate::sip::auto_answer::AutoAnswer;

/// A name, and what its section says.
pub(super) type Agent = (String, (AgentSettings, PhoneConfig));

/// All of them.
pub(super) fn read(root: &mut Section<'_>, names: &Names) -> Vec<Agent> {
    let agents = root.named("agents", |name, section| agent(name, section, names));
    let mut taken: BTreeMap<(&TrunkId, &str), &str> = BTreeMap::new();
    for (name, (_, phone)) in &agents {
        let Some((trunk, number)) = &phone.beyond else { continue };
        if let Some(other) = taken.insert((trunk, number.expose()), name) {
            let wrong = format!("is the phone of {other:?} too");
            let instead = "give each agent a number of their own";
            root.report.error(&format!("agents.{name}.number"), wrong, instead);
        }
    }
    agents
}

fn agent(name: &str, section: &mut Section<'_>, names: &Names) -> (AgentSettings, PhoneConfig) {
    user_name(section, name);
    let level = |name: &str, item: Item| {
        let level = u8::try_from(item.number().ok()?).ok()?;
        (skill_name(name) && level <= queue::skill::LEVEL_MAX).then_some(level)
    };
    let wanted = "NAME = LEVEL, a name of letters and digits, a level from 0 to 100";
    let skills: Skills = section.values("skills", wanted, level).into_iter().collect();
    let mut queues = Vec::new();
    for queue in section.texts("queues") {
        known(section, "queues", "queue", &queue, &names.queues);
        queues.push(QueueId::new(&queue));
    }
    (AgentSettings { skills, queues }, phone(name, section, names))
}

fn phone(name: &str, section: &mut Section<'_>, names: &Names) -> PhoneConfig {
    let beyond = beyond(name, section, names);
    if beyond.is_some() && !section.is_missing("on_register") {
        let wrong = "is for a phone that registers here, and this one does not";
        section.warn("on_register", wrong, "leave it out: the agent logs in by *45");
    }
    let on_register = section.choice(
        "on_register",
        &[
            ("not-ready", OnRegister::NotReady),
            ("ready", OnRegister::Ready),
            ("keep", OnRegister::Keep),
        ],
    );
    let auto_answer = section.choice(
        "auto_answer",
        &[
            ("off", AutoAnswer::Off),
            ("alert-info", AutoAnswer::AlertInfo),
            ("alert-info-delay-0", AutoAnswer::AlertInfoDelay0),
            ("call-info", AutoAnswer::CallInfoAnswerAfter0),
            ("answer-mode", AutoAnswer::AnswerMode),
        ],
    );
    let outbound = section.text_if("outbound").map(|queue| {
        known(section, "outbound", "queue", &queue, &names.queues);
        QueueId::new(&queue)
    });
    PhoneConfig { on_register, auto_answer, outbound, beyond }
}

/// The trunk and the number there; `None`: the phone registers here.
fn beyond(name: &str, section: &mut Section<'_>, names: &Names) -> Option<(TrunkId, Address)> {
    let via = contact::via(section, names);
    let missing = section.is_missing("number");
    let wanted = "an extension or a whole number: \"201\", \"+14155550123\"";
    let number = section.parsed_if("number", Address::parse, wanted);
    let Some(trunk) = via else {
        if number.is_some_and(|number| number.expose() != name) {
            let wrong = "is for a phone that a trunk leads to, and this one registers here";
            section.warn("number", wrong, "leave it out, or write `via` and the trunk's name");
        }
        return None;
    };
    let number = number.or_else(|| Address::parse(name).filter(|_| missing))?;
    if EMERGENCY.contains(&number.expose()) {
        section.error("number", "is no phone of an agent", format!("write {wanted}"));
    }
    Some((trunk, number))
}
