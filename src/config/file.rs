//! The sections of the file, but for the flows, with every key: its type, range and default.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::agents::Agent;
use super::calendars::Calendars;
use super::document::{Section, nearest};
use super::{
    Config, SipConfig, TrunkConfig, agents, calendars, call_in, callbacks, contact, flows, records,
};
use crate::calls::flow::{AskCode, CodeGroup, Entry, MachineVoice, QueueVoice, SoundExists};
use crate::ident::{AgentId, FlowId, Language, NodeId, QueueId, TrunkId};
use crate::phone::{AddressPolicy, Extension, Pattern};
use crate::queue::event::RetryClass;
use crate::queue::matching::{CallInGroup, CodeUse};
use crate::queue::skill::SkillExpression;
use crate::queue::{AgentSettings, EarlyHangup, QueueSettings};
use crate::sip::TrunkSettings;
use crate::sip::auth::Algorithm;
use crate::time::Duration;
use crate::{calls, media, queue};

const DAY: u32 = 24 * 60 * 60;

/// The names of the file that other places may name.
pub(super) struct Names {
    /// With what they stand for.
    pub(super) calendars: Calendars,
    pub(super) queues: BTreeSet<String>,
    pub(super) trunks: BTreeSet<String>,
    pub(super) flows: BTreeSet<String>,
    pub(super) call_in_groups: BTreeSet<String>,
}

impl Names {
    fn read(root: &mut Section<'_>) -> Self {
        Self {
            calendars: calendars::read(root),
            queues: root.names_in("queues"),
            trunks: root.names_in("trunks"),
            flows: root.names_in("flows"),
            call_in_groups: root.names_in("call_in_groups"),
        }
    }
}

/// The whole file. What is wrong stands in the report; the value is then of no use.
pub(super) fn read(root: &mut Section<'_>, known_sounds: SoundExists<'_>) -> Config {
    let names = Names::read(root);
    let (node, data) = root.section("node", |section| {
        let name = section.parsed_if("name", name, "a name of letters and digits");
        let data = section.parsed("data", some_text, "the path of a folder", "data".into());
        (NodeId::new(&name.unwrap_or_else(|| "ringback".into())), PathBuf::from(data))
    });
    let (listen, local, realm, algorithms) = root.section("sip", sip);
    let (http, public_url) = root.section("http", |section| {
        let wanted = "an address and port: \"127.0.0.1:8080\"";
        let listen = section.parsed("listen", socket, wanted, local_port(8080));
        let wanted = "a URL without query: \"https://callback.example.com\"";
        (listen, section.parsed_if("public_url", base_url, wanted))
    });
    let webhook = root.section("webhook", webhook);
    let media = root.section("media", |section| media(section, local));
    let records = root.section("records", records::records);
    let trunks = root.named("trunks", trunk);
    let agents = agents::read(root, &names);
    let devices = devices(root, &agents);
    let queues = root.named("queues", |name, section| queue(name, section, &names, known_sounds));
    warn_of_unserved(root, &queues, &agents);
    let entries = root.list("entries", |section| entry(section, &names, known_sounds));
    if entries.is_empty() {
        root.warn("entries", "nobody can call in", "add an [[entries]] with `dnis` and `flow`");
    }
    let call_in_groups = call_in::groups(root, &entries);
    let groups = call_in_groups.iter().map(|(id, group)| (id.clone(), code_group(group))).collect();
    let flows = root.named("flows", |name, section| flows::flow(name, section, &names));
    let users = phones(&agents, &devices);
    let (mut policies, mut voices) = (BTreeMap::new(), BTreeMap::new());
    for (name, (settings, voice)) in queues {
        policies.insert(QueueId::new(&name), settings);
        voices.insert(QueueId::new(&name), voice);
    }
    let flows = flows.into_iter().map(|(name, flow)| (FlowId::new(&name), flow)).collect();
    let calls = calls::Settings { entries, flows, queues: voices, groups };
    flows::check(root, &calls, known_sounds);
    let (mut served_by, mut agent_phones) = (BTreeMap::new(), BTreeMap::new());
    for (name, (settings, phone)) in agents {
        served_by.insert(AgentId::new(&name), settings);
        agent_phones.insert(AgentId::new(&name), phone);
    }
    Config {
        node,
        data,
        queue: queue::Settings { queues: policies, agents: served_by, call_in_groups },
        calls,
        sip: SipConfig {
            listen,
            local,
            realm,
            algorithms,
            users,
            trunks: trunks.into_iter().map(|(_, trunk)| trunk).collect(),
        },
        media,
        http,
        public_url,
        webhook,
        agent_phones,
        records,
        warnings: Vec::new(),
    }
}

/// The names by which somebody may register.
fn phones(agents: &[Agent], devices: &[(String, ())]) -> Vec<String> {
    let agents = agents.iter().filter(|(_, (_, phone))| phone.beyond.is_none());
    let agents = agents.map(|(name, _)| name);
    agents.chain(devices.iter().map(|(name, ())| name)).cloned().collect()
}

fn devices(root: &mut Section<'_>, agents: &[Agent]) -> Vec<(String, ())> {
    let devices = root.named("devices", |name, section| user_name(section, name));
    for (name, ()) in &devices {
        if agents.iter().any(|(agent, _)| agent == name) {
            let wrong = "an agent has this name too";
            root.error(&format!("devices.{name}"), wrong, "give each phone a name of its own");
        }
    }
    devices
}

fn sip(section: &mut Section<'_>) -> (SocketAddr, SocketAddr, String, &'static [Algorithm]) {
    let wanted = "an address and port: \"127.0.0.1:5060\"";
    let listen = section.parsed("listen", socket, wanted, local_port(5060));
    let address = section.parsed_if("address", socket, wanted);
    if listen.ip().is_unspecified() && address.is_none() {
        section.error(
            "listen",
            "phones cannot be told an address to come back to",
            "name one address of this machine, or write `address` too",
        );
    }
    if address.is_some_and(|address| address.ip().is_unspecified()) {
        section.error("address", "is no address that a phone can reach", format!("write {wanted}"));
    }
    let realm = |text: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-".contains(&b);
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(plain);
        fits.then(|| text.to_owned())
    };
    let realm = section.parsed("realm", realm, "a domain: \"ringback\"", "ringback".into());
    let algorithms = section.choice(
        "digest",
        &[("both", Algorithm::ALL), ("SHA-256", &[Algorithm::Sha256]), ("MD5", &[Algorithm::Md5])],
    );
    (listen, address.unwrap_or(listen), realm, algorithms)
}

/// An absolute URL to which paths are appended: without query, fragment and the last `/`.
fn base_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let in_url = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&b);
    let fits = !rest.is_empty() && !rest.starts_with('/') && text.len() <= 200;
    (fits && rest.bytes().all(in_url)).then(|| text.trim_end_matches('/').to_owned())
}

/// An absolute `http` URL (RFC 9110 section 4.2.1) without user information or fragment.
fn webhook(section: &mut Section<'_>) -> Option<String> {
    let text = section.text_if("url")?;
    let wanted = "write an http:// URL: \"http://127.0.0.1:9000/ringback\"";
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("https://") {
        section.error(
            "url",
            "https is not spoken here",
            "name a relay on this machine by http://, which goes on by https",
        );
        return None;
    }
    let rest = if lower.starts_with("http://") { &text["http://".len()..] } else { "" };
    let authority = rest.split(['/', '?']).next().unwrap_or("");
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let in_host = |b: u8| b.is_ascii_alphanumeric() || b"-.[]:".contains(&b);
    let in_url = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&b);
    let fits = !host.is_empty()
        && host.bytes().all(in_host)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
        && rest.bytes().all(in_url);
    if !fits {
        section.error("url", format!("{text:?} is no URL that can be posted to"), wanted);
    }
    fits.then_some(text)
}

fn media(section: &mut Section<'_>, sip: SocketAddr) -> media::Settings {
    let wanted = "one address of this machine: \"127.0.0.1\"";
    let address = |text: &str| text.parse().ok().filter(|ip: &IpAddr| !ip.is_unspecified());
    let local = section.parsed("address", address, wanted, sip.ip());
    let range = |text: &str| {
        let (first, last) = text.split_once('-')?;
        let (first, last) = (first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?);
        (first >= 1024 && first % 2 == 0 && last > first).then_some(first..=last)
    };
    let wanted = "an even first port from 1024 up and a last one: \"20000-20999\"";
    let ports = section.parsed("ports", range, wanted, 20000..=20999);
    if ports.contains(&sip.port()) {
        let port = sip.port();
        section.error("ports", format!("the SIP port {port} is one of them"), "leave it out");
    }
    // Read before: see `Config::sounds_folder`.
    section.parsed_if("sounds", some_text, "the path of a folder");
    media::Settings {
        local,
        ports,
        rtp_timeout: section.seconds("rtp_timeout_seconds", 5..=300, Duration::from_secs(20)),
        threads: section.number("threads", 1..=64_u16, 2).into(),
    }
}

fn trunk(name: &str, section: &mut Section<'_>) -> TrunkConfig {
    check_name(section, name);
    if name == "registrar" {
        let path = section.path.clone();
        section.report.error(&path, "means the phones registered here", "name it otherwise");
    }
    let wanted = "an address and port: \"192.0.2.10:5060\"";
    if section.is_missing("address") {
        section.error("address", "is missing", format!("write {wanted}"));
    }
    let address = section.parsed("address", socket, wanted, local_port(5060));
    let accept_from = networks(section);
    let caller_id = section.parsed_if("caller_id", user_part, "a number or a user name");
    let username = section.parsed_if("username", some_text, "the user name your carrier gave you");
    let options = section.number("options_interval_seconds", 0..=3600_u32, 30);
    let settings = TrunkSettings {
        id: TrunkId::new(name),
        address,
        accept_from,
        credentials: None,
        caller_id,
        channels: section.number("channels", 1..=10_000, 30),
        options_interval: (options > 0).then(|| Duration::from_secs(options.into())),
    };
    TrunkConfig { settings, username }
}

fn networks(section: &mut Section<'_>) -> Vec<(IpAddr, u8)> {
    let mut networks = Vec::new();
    for text in section.texts("accept_from") {
        match network(&text) {
            Some((ip, bits)) => {
                let most = if ip.is_ipv4() { 16 } else { 48 };
                if bits < most && !ip.is_loopback() {
                    section.warn(
                        "accept_from",
                        format!("anybody in {text} may call in and reach every entry"),
                        "name the addresses of the carrier alone",
                    );
                }
                networks.push((ip, bits));
            }
            None => section.error(
                "accept_from",
                format!("{text:?} is no network"),
                "write an address or a network: \"192.0.2.10\", \"192.0.2.0/24\"",
            ),
        }
    }
    networks
}

fn queue(
    name: &str,
    section: &mut Section<'_>,
    names: &Names,
    known_sounds: SoundExists<'_>,
) -> (QueueSettings, QueueVoice) {
    check_name(section, name);
    let addresses = contact::addresses(section, names);
    let default = callbacks::policy(section);
    let settings = QueueSettings {
        skills: read_expression(section).unwrap_or_default(),
        waiting_max: section.number("waiting_max", 1..=100_000, default.waiting_max),
        agent_ring_timeout: section.seconds(
            "agent_ring_timeout_seconds",
            5..=120,
            default.agent_ring_timeout,
        ),
        misses_max: section.number("misses_max", 1..=100, default.misses_max),
        after_call_work: section.seconds(
            "after_call_work_seconds",
            0..=3600,
            default.after_call_work,
        ),
        addresses: addresses.clone(),
        contact: contact::settings(section),
        limits: contact::limits(section),
        shown: contact::shown(section),
        ring_timeout: section.seconds("ring_timeout_seconds", 5..=120, default.ring_timeout),
        confirm: section.flag("confirm", default.confirm),
        confirm_timeout: section.seconds(
            "confirm_timeout_seconds",
            10..=120,
            default.confirm_timeout,
        ),
        answered_wait_max: section.seconds(
            "answered_wait_max_seconds",
            10..=600,
            default.answered_wait_max,
        ),
        hold_trigger: section.seconds("hold_trigger_seconds", 0..=60, default.hold_trigger),
        boost_percent: section.number("boost_percent", 10..=500, default.boost_percent),
        dials_max: section.number("dials_max", 1..=10_000, default.dials_max),
        attempts_max: section.number("attempts_max", 1..=20, default.attempts_max),
        attempts_max_of: section.section("attempts_max_by_outcome", attempts_max_of),
        retry_delay: section
            .section("retry_delay_seconds", |section| retry_delay(section, default.retry_delay)),
        purge_after: section
            .number_if("purge_after_minutes", 1..=7 * DAY / 60)
            .map_or(default.purge_after, |minutes| Duration::from_secs(60 * u64::from(minutes))),
        hours: calendars::hours(section, names),
        slots: section.section_if("slots", calendars::slots),
        early_hangup: section.choice(
            "early_hangup",
            &[("abandon", EarlyHangup::Abandon), ("callback", EarlyHangup::CallBack)],
        ),
        ..default
    };
    let voice = voice(section, addresses, known_sounds);
    if voice.machine.is_some() && !settings.confirm {
        let wrong = "listens only while 1 is asked for, and `confirm` is off";
        section.warn("detect_machine", wrong, "leave one of them out");
    }
    (settings, voice)
}

/// What those who are called hear.
fn voice(
    section: &mut Section<'_>,
    addresses: AddressPolicy,
    known_sounds: SoundExists<'_>,
) -> QueueVoice {
    let language = Language::new(&section.text_if("language").unwrap_or_else(|| "en".into()));
    check_language(section, "language", &language, known_sounds);
    let greeting = section.text_if("greeting").unwrap_or_else(|| "this-is-your-callback".into());
    check_sound(section, "greeting", &language, &greeting, known_sounds);
    let message = section.text_if("machine_message");
    if let Some(message) = &message {
        check_sound(section, "machine_message", &language, message, known_sounds);
    }
    QueueVoice {
        addresses,
        greeting,
        language,
        machine: section.flag("detect_machine", false).then_some(MachineVoice { message }),
        postpone: section
            .number_if("postpone_minutes", 10..=90_u32)
            .map(|minutes| Duration::from_secs(60 * u64::from(minutes))),
        refuse: section.flag("refuse_key", false),
    }
}

/// The expression under `skills`; `None` if it is missing.
pub(super) fn read_expression(section: &mut Section<'_>) -> Option<SkillExpression> {
    let text = section.text_if("skills")?;
    match SkillExpression::parse(&text) {
        Ok(expression) => Some(expression),
        Err(error) => {
            let at = format!("at character {}: {}", error.position, error.problem);
            section.error("skills", at, error.remedy);
            None
        }
    }
}

/// How an attempt may end that counts.
const OUTCOMES: [(&str, RetryClass); 6] = [
    ("busy", RetryClass::Busy),
    ("no_answer", RetryClass::NoAnswer),
    ("no_confirm", RetryClass::NoConfirm),
    ("machine", RetryClass::Machine),
    ("rejected", RetryClass::Rejected),
    ("unreachable", RetryClass::Unreachable),
];

fn attempts_max_of(section: &mut Section<'_>) -> BTreeMap<RetryClass, u32> {
    let mut limits = BTreeMap::new();
    for (key, class) in OUTCOMES {
        if let Some(max) = section.number_if(key, 1..=20) {
            limits.insert(class, max);
        }
    }
    limits
}

fn retry_delay(
    section: &mut Section<'_>,
    default: BTreeMap<RetryClass, Duration>,
) -> BTreeMap<RetryClass, Duration> {
    let mut delays = default;
    for (key, class) in OUTCOMES {
        if let Some(delay) = section.seconds_if(key, 1..=DAY) {
            delays.insert(class, delay);
        }
    }
    delays
}

fn check_sound(
    section: &mut Section<'_>,
    key: &str,
    language: &Language,
    sound: &str,
    known_sounds: SoundExists<'_>,
) {
    if !known_sounds(language, sound) {
        let wrong = format!("there is no sound {sound:?}");
        section.error(key, wrong, "write an id that `ringback sounds list` shows, or record it");
    }
}

fn entry(section: &mut Section<'_>, names: &Names, known_sounds: SoundExists<'_>) -> Entry {
    let dnis = section.text("dnis", "100");
    let flow = section.text("flow", "main");
    if !flow.is_empty() {
        known(section, "flow", "flow", &flow, &names.flows);
    }
    let languages = section.texts("languages");
    let mut languages: Vec<Language> = languages.iter().map(|tag| Language::new(tag)).collect();
    if languages.is_empty() {
        languages.push(Language::default());
    }
    for language in &languages {
        check_language(section, "languages", language, known_sounds);
    }
    Entry { dnis: Pattern::new(&dnis), flow: FlowId::new(&flow), languages }
}

/// Refuses a language in which something that we say ourselves is missing.
fn check_language(
    section: &mut Section<'_>,
    key: &str,
    language: &Language,
    known_sounds: SoundExists<'_>,
) {
    let missing = calls::flow::sounds_missing(language, known_sounds);
    if let Some(first) = missing.first() {
        let wrong = format!("{} sounds of {language:?} are missing", missing.len());
        let instead = format!(
            "write one of \"en\", \"fr\", \"es\"; or record {language}/{first}.wav and the others"
        );
        section.error(key, wrong, instead);
    }
}

/// What a call needs to know of a group.
fn code_group(group: &CallInGroup) -> CodeGroup {
    let code = match group.code {
        CodeUse::Always => AskCode::Always,
        CodeUse::IfNeeded => AskCode::IfNeeded,
        CodeUse::Off => AskCode::Off,
    };
    CodeGroup { digits: group.code_length, code }
}

fn warn_of_unserved(
    root: &mut Section<'_>,
    queues: &[(String, (QueueSettings, QueueVoice))],
    agents: &[Agent],
) {
    for (name, (settings, _)) in queues {
        let id = QueueId::new(name);
        let serves = |agent: &AgentSettings| {
            settings.skills.satisfied_by(&agent.skills)
                && (agent.queues.is_empty() || agent.queues.contains(&id))
        };
        if !agents.iter().any(|(_, agent)| serves(&agent.0)) {
            root.warn(
                &format!("queues.{name}"),
                "no agent can serve it",
                "give an agent the skills it asks for",
            );
        }
    }
}

/// Refuses a name that stands for nothing.
pub(super) fn known(
    section: &mut Section<'_>,
    key: &str,
    what: &str,
    name: &str,
    names: &BTreeSet<String>,
) {
    if names.contains(name) {
        return;
    }
    let all: Vec<&String> = names.iter().collect();
    let instead = match nearest(name, &all) {
        Some(near) => format!("write {near:?}"),
        None => format!("add a section [{what}s.{name}], or name one that is there"),
    };
    section.error(key, format!("there is no {what} {name:?}"), instead);
}

pub(super) fn check_name(section: &mut Section<'_>, text: &str) {
    if name(text).is_none() {
        let path = section.path.clone();
        let instead = "write a letter, then letters, digits, `.`, `-`, `_`, at most 32 in all";
        section.report.error(&path, "is not a name we take", instead);
    }
}

/// A name that a phone registers: what [`Extension`] takes.
pub(super) fn user_name(section: &mut Section<'_>, text: &str) {
    if Extension::parse(text).is_none() {
        let path = section.path.clone();
        let instead = "write 2 to 10 digits, or a letter and then letters, digits, `.`, `-`, `_`";
        section.report.error(&path, "is not a name that a phone can have", instead);
    }
}

fn name(text: &str) -> Option<String> {
    let fits = text.starts_with(|c: char| c.is_ascii_alphabetic());
    (fits && Extension::parse(text).is_some()).then(|| text.to_owned())
}

pub(super) fn skill_name(text: &str) -> bool {
    SkillExpression::parse(text).is_ok_and(|expression| expression.names() == [text])
}

/// What may stand before the `@` of an address that is called: a number or a name.
pub(super) fn user_part(text: &str) -> Option<String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"+.-_".contains(&b);
    ((1..=64).contains(&text.len()) && text.bytes().all(fits)).then(|| text.to_owned())
}

fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn socket(text: &str) -> Option<SocketAddr> {
    text.parse().ok().filter(|address: &SocketAddr| address.port() != 0)
}

fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (ip, bits) = match text.split_once('/') {
        Some((ip, bits)) => (ip, Some(bits)),
        None => (text, None),
    };
    let ip: IpAddr = ip.parse().ok()?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
    (bits <= most).then_some((ip, bits))
}

fn local_port(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
