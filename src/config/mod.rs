//! The configuration: one TOML file, read into the settings of every module and checked as a whole.
//!
//! ```text
//! text ─▶ document: sections, key by key ─▶ file, flows: settings ─▶ Config, or every error
//! ```
//!
//! Each error says file, line, key, what is wrong and what to write instead. Secrets do not stand
//! in it but in a file of their own ([`secrets`]). It must not open files or read the environment:
//! text comes in, values go out.

mod agents;
mod calendars;
mod call_in;
mod callbacks;
mod contact;
mod document;
mod file;
mod flows;
mod records;
pub mod secrets;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::calls::flow::SoundExists;
use crate::ident::{AgentId, NodeId, QueueId, TrunkId};
use crate::phone::Address;
use crate::queue::event::OnRegister;
use crate::sip::auth::Algorithm;
use crate::sip::auto_answer::AutoAnswer;
use crate::sip::{TrunkSettings, User};
use crate::{calls, media, queue, sip};
use document::Section;
pub use records::RecordsConfig;
use secrets::{Secrets, SecretsError};

/// Everything the file says, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of this process.
    pub node: NodeId,
    /// The data folder; relative to the folder in which the server is started.
    pub data: PathBuf,
    /// For the queue.
    pub queue: queue::Settings,
    /// For the calls.
    pub calls: calls::Settings,
    /// For the user agent, but for the secrets.
    pub sip: SipConfig,
    /// For the media.
    pub media: media::Settings,
    /// Where HTTP is served.
    pub http: SocketAddr,
    /// How others reach what is served there, without the last `/`; `None`: nobody is told.
    pub public_url: Option<String>,
    /// Where pushes go: an `http://` URL; `None`: nowhere.
    pub webhook: Option<String>,
    /// The phone of each agent.
    pub agent_phones: BTreeMap<AgentId, PhoneConfig>,
    /// What is kept of calls beside the database.
    pub records: RecordsConfig,
    /// What works and is hardly meant.
    pub warnings: Vec<ConfigError>,
}

/// What the file says for the user agent: all but passwords and the key of the dials.
#[derive(Clone, Debug)]
pub struct SipConfig {
    /// Where it listens, UDP.
    pub listen: SocketAddr,
    /// The address put into Via and Contact.
    pub local: SocketAddr,
    /// The digest realm and the domain of addresses of record.
    pub realm: String,
    /// The hashes of digests, in the order in which they are offered.
    pub algorithms: &'static [Algorithm],
    /// Who may register: agents and devices, by name.
    pub users: Vec<String>,
    /// The trunks, in the order of the file.
    pub trunks: Vec<TrunkConfig>,
}

/// A trunk as the file has it.
#[derive(Clone, Debug)]
pub struct TrunkConfig {
    /// Its settings, without credentials.
    pub settings: TrunkSettings,
    /// The user name that answers digest challenges; its password is a secret.
    pub username: Option<String>,
}

/// How an agent is reached.
#[derive(Clone, PartialEq, Debug)]
pub struct PhoneConfig {
    /// What becomes of them when their phone registers.
    pub on_register: OnRegister,
    /// How the phone is told to answer by itself.
    pub auto_answer: AutoAnswer,
    /// The queue by whose rules they may call out; `None`: they may not.
    pub outbound: Option<QueueId>,
    /// The trunk that leads to it, and its number there; `None`: it registers here.
    pub beyond: Option<(TrunkId, Address)>,
}

/// What is wrong with the file, where, and what to write instead.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{file}:{line}: {key}: {wrong}; {instead}")]
pub struct ConfigError {
    /// The file, as named by whoever read it.
    pub file: String,
    /// The line, 1 for the first.
    pub line: usize,
    /// The key with its sections.
    pub key: String,
    /// What is wrong.
    pub wrong: String,
    /// What to write instead.
    pub instead: String,
}

impl Config {
    /// The folder of an operator's own recordings, if the text names one: they are looked up while
    /// the rest of it is read.
    ///
    /// # Errors
    /// What is wrong with it; [`Config::parse`] says where.
    pub fn sounds_folder(text: &str) -> Result<Option<PathBuf>, String> {
        let table: toml::Table = text.parse().map_err(|error| format!("{error}"))?;
        let Some(named) = table.get("media").and_then(|media| media.get("sounds")) else {
            return Ok(None);
        };
        let path = named.as_str().filter(|path| !path.is_empty()).map(PathBuf::from);
        path.map(Some).ok_or_else(|| format!("media.sounds: {named} is no path of a folder"))
    }

    /// Reads the file's text. `known_sounds` tells which prompts exist.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the lines.
    pub fn parse(
        file_name: &str,
        text: &str,
        known_sounds: SoundExists<'_>,
    ) -> Result<Config, Vec<ConfigError>> {
        let (mut report, content) = document::parse(file_name, text);
        if !report.errors.is_empty() {
            return Err(report.errors);
        }
        let mut config =
            Section::read_all(content, &mut report, |root| file::read(root, known_sounds));
        if report.errors.is_empty() {
            config.warnings = report.warnings;
            config.warnings.sort_by_key(|warning| warning.line);
            return Ok(config);
        }
        report.errors.sort_by_key(|error| error.line);
        Err(report.errors)
    }
}

impl SipConfig {
    /// The settings of the user agent, with the secrets.
    ///
    /// # Errors
    /// [`SecretsError`] naming the user or trunk whose password is missing.
    pub fn settings(&self, secrets: &Secrets) -> Result<sip::Settings, SecretsError> {
        let user = |name: &String| match secrets.users.get(name) {
            Some(password) => Ok(User { name: name.clone(), password: password.clone() }),
            None => Err(SecretsError::NoUserPassword(name.clone())),
        };
        let trunk = |trunk: &TrunkConfig| {
            let mut settings = trunk.settings.clone();
            if let Some(username) = &trunk.username {
                let name = settings.id.to_string();
                let password =
                    secrets.trunks.get(&name).ok_or(SecretsError::NoTrunkPassword(name))?;
                settings.credentials = Some((username.clone(), password.clone()));
            }
            Ok(settings)
        };
        Ok(sip::Settings {
            local: self.local,
            realm: self.realm.clone(),
            algorithms: self.algorithms,
            users: self.users.iter().map(user).collect::<Result<_, _>>()?,
            trunks: self.trunks.iter().map(trunk).collect::<Result<_, _>>()?,
            dial_key: secrets.dial_key,
        })
    }
}

#[cfg(test)]
mod tests {
    mod texts;

    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::ident::{Entropy, Language, QueueId};
    use crate::queue::slots::SlotSettings;

    const SHIPPED: &str = include_str!("../../config/ringback.toml");

    fn sound_exists(language: &Language, sound: &str) -> bool {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sounds").join(language.as_str());
        folder.join(format!("{sound}.wav")).exists()
    }

    fn parse(text: &str) -> Result<Config, Vec<ConfigError>> {
        Config::parse("ringback.toml", text, &sound_exists)
    }

    fn told(errors: &[ConfigError]) -> String {
        errors.iter().map(|error| format!("{error}\n")).collect()
    }

    /// The shipped file with every key in it: lines such as `#key = value` count.
    fn shipped_in_full() -> String {
        let shown = |line: &str| {
            let key = line.strip_prefix('#').filter(|rest| {
                rest.starts_with('[') || rest.starts_with(|c: char| c.is_ascii_lowercase())
            });
            format!("{}\n", key.unwrap_or(line))
        };
        SHIPPED.lines().map(shown).collect()
    }

    #[test]
    fn the_shipped_file_works_as_it_stands_and_with_every_key_shown() {
        let config = parse(SHIPPED).unwrap_or_else(|errors| panic!("{}", told(&errors)));
        assert_eq!(told(&config.warnings), "");
        assert_eq!(config.sip.users, ["ann", "1001", "1002"]);
        assert_eq!(config.agent_phones[&AgentId::new("ann")].on_register, OnRegister::NotReady);
        assert_eq!(config.agent_phones[&AgentId::new("ann")].auto_answer, AutoAnswer::Off);
        assert_eq!(config.http, "127.0.0.1:8080".parse().unwrap());

        let full = parse(&shipped_in_full()).unwrap_or_else(|errors| panic!("{}", told(&errors)));
        assert_eq!(told(&full.warnings), "");
        assert_eq!(full.sip.trunks[1].username.as_deref(), Some("ringback"));
        // What is shown as a default is the default.
        let (shown, default) = (full.sip.settings(&secrets()), config.sip.settings(&secrets()));
        let asks = |settings: sip::Settings| (settings.realm, settings.algorithms);
        assert_eq!(asks(shown.unwrap()), asks(default.unwrap()));
        assert_eq!((full.node, full.data, full.media), (config.node, config.data, config.media));
        assert_eq!(full.records, config.records);
        let support = QueueId::new("support");
        let shown = &full.queue.queues[&support].addresses;
        assert_eq!((shown.countries.len(), shown.blocked.len()), (1, 1));
        assert_eq!(shown.default_country, Some(shown.countries[0]));
        // But for what must be named to be there at all.
        let shown = full.queue.queues[&support].clone();
        let mut queue = config.queue.queues[&support].clone();
        assert_eq!(queue.slots, None);
        let weekly = shown.slots.as_ref().unwrap().weekly.clone();
        assert_eq!(weekly.len(), 1);
        queue.slots = Some(SlotSettings { weekly, ..SlotSettings::default() });
        queue.addresses = shown.addresses.clone();
        assert_eq!(queue.pushes.upcoming_below, None);
        queue.pushes.upcoming_below = shown.pushes.upcoming_below;
        assert_eq!((queue.attempts_max_of.len(), shown.attempts_max_of.len()), (0, 6));
        queue.attempts_max_of = shown.attempts_max_of.clone();
        assert_eq!(shown.shown.data, ["order", "topic"]);
        assert_eq!(shown.shown.display_name, "Example Ltd.");
        assert_eq!(shown.shown.caller_id, Some(crate::phone::Ani::new("+14155550100")));
        queue.shown = shown.shown.clone();
        assert_eq!(shown, queue);
        let (_, group) = full.queue.call_in_groups.first_key_value().unwrap();
        let numbers = group.numbers.clone();
        assert_eq!(*group, queue::matching::CallInGroup { numbers, ..Default::default() });
    }

    #[test]
    fn every_key_is_shown_in_the_shipped_file_and_no_other() {
        let text = shipped_in_full();
        let (mut report, content) = document::parse("ringback.toml", &text);
        Section::read_all(content, &mut report, |root| file::read(root, &sound_exists));
        let mut shown = BTreeSet::new();
        let mut within = String::new();
        for line in text.lines() {
            if let Some(header) = line.strip_prefix('[') {
                within = shape(header.trim_matches(['[', ']']));
                shown.insert(within.clone());
            } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#'))
            {
                shown.insert(format!("{within}.{key}"));
            }
        }
        for key in &report.asked {
            let is_parent = shown.iter().any(|it| it.starts_with(&format!("{key}.")));
            assert!(is_parent || shown.contains(key), "{key} is not shown");
        }
        for key in &shown {
            let named = key.ends_with(".*");
            assert!(named || report.asked.contains(key), "{key} is shown and never read");
        }
    }

    /// A section's header with `*` for the names chosen by the operator.
    fn shape(header: &str) -> String {
        let mut parts: Vec<&str> = header.split('.').collect();
        let names =
            ["trunks", "agents", "devices", "calendars", "queues", "call_in_groups", "flows"];
        let named = names.contains(&parts[0]);
        if named && parts.len() > 1 {
            parts[1] = "*";
        }
        if parts.get(2) == Some(&"nodes") && parts.len() > 3 {
            parts[3] = "*";
        }
        parts.join(".")
    }

    fn secrets() -> Secrets {
        let mut entropy = Entropy::from_number(1);
        let mut secrets = Secrets::draw(&mut entropy);
        secrets.complete(&["ann".into(), "1001".into(), "1002".into()], &mut entropy);
        secrets.trunks.insert("carrier".into(), crate::ident::Secret::new("hunter2"));
        secrets
    }

    #[test]
    fn secrets_join_the_settings_or_are_named_as_missing() {
        let config = parse(&shipped_in_full()).unwrap();
        let settings = config.sip.settings(&secrets()).unwrap();
        let carrier = settings.trunks[1].credentials.as_ref().unwrap();
        assert_eq!((carrier.0.as_str(), carrier.1.expose()), ("ringback", "hunter2"));
        assert_eq!(settings.users.len(), 3);
        let mut without = secrets();
        without.trunks.clear();
        let missing = config.sip.settings(&without).unwrap_err();
        assert_eq!(missing, SecretsError::NoTrunkPassword("carrier".into()));
        without.users.remove("1002");
        let missing = config.sip.settings(&without).unwrap_err();
        assert_eq!(missing, SecretsError::NoUserPassword("1002".into()));
    }

    /// Each file under `tests/broken_configs` tells in its first lines, as comments, what is said
    /// of it, with `FILE` for its own name.
    #[test]
    fn every_broken_configuration_is_refused_with_line_and_remedy() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/broken_configs");
        let mut files: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 10, "{} files", files.len());
        let mut wrong = String::new();
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            let expected: String = text
                .lines()
                .take_while(|line| line.starts_with("# FILE:"))
                .map(|line| format!("{}\n", &line[2..]))
                .collect();
            let errors = Config::parse("FILE", &text, &sound_exists);
            let found = errors.map_or_else(|errors| told(&errors), |_| "accepted\n".into());
            if found != expected {
                wrong += &format!("{}\nexpected {expected}found    {found}", path.display());
            }
        }
        assert_eq!(wrong, "");
    }

    #[test]
    fn all_errors_are_told_at_once_in_the_order_of_lines() {
        let text = "[sip]\nlisten = 5060\nrelm = \"x\"\n[queues.a]\nskills = \"(\"\n[media]\n\
                    threads = 0\n[agents.x-]\nqueues = [\"b\"]\n[trunks.1]\n";
        let errors = parse(text).unwrap_err();
        let lines: Vec<_> = errors.iter().map(|error| error.line).collect();
        assert_eq!(lines, [2, 3, 5, 7, 9, 10, 10], "{}", told(&errors));
    }

    #[test]
    fn what_is_hardly_meant_is_warned_of() {
        let text = "[trunks.world]\naddress = \"192.0.2.1:5060\"\naccept_from = [\"0.0.0.0/0\"]\n\
                    [queues.a]\nskills = \"latin > 3\"\n[agents.ann]\nskills = { latin = 3 }\n\
                    [flows.main]\nstart = \"wait\"\n\
                    [flows.main.nodes.wait]\nkind = \"queue\"\nqueue = \"a\"\n\
                    offer = { node = \"offer\", after_seconds = 9 }\n\
                    [flows.main.nodes.offer]\nkind = \"offer_callback\"\n";
        let config = parse(text).unwrap_or_else(|errors| panic!("{}", told(&errors)));
        let keys: Vec<_> = config.warnings.iter().map(|it| (it.line, it.key.as_str())).collect();
        let expected = [
            (1, "entries"),
            (3, "trunks.world.accept_from"),
            (4, "queues.a"),
            (13, "flows.main.nodes.wait.offer"),
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn an_agent_is_reached_by_a_phone_here_or_beyond_a_trunk() {
        let beyond = |agent: &str| {
            let text =
                format!("[trunks.pbx]\naddress = \"192.0.2.1:5060\"\n[agents.2001]\n{agent}");
            let config = parse(&text).unwrap_or_else(|errors| panic!("{}", told(&errors)));
            let phone = config.agent_phones[&AgentId::new("2001")].clone();
            let beyond = phone.beyond.map(|(trunk, number)| format!("{}@{trunk}", number.expose()));
            let warned = config.warnings.iter().any(|it| it.key.starts_with("agents.2001."));
            (beyond, config.sip.users, warned)
        };
        let registers = (None, vec!["2001".to_owned()], false);
        assert_eq!(beyond(""), registers);
        assert_eq!(beyond("via = \"registrar\"\non_register = \"ready\""), registers);
        let reached = |number: &str| (Some(format!("{number}@pbx")), Vec::new(), false);
        assert_eq!(beyond("via = \"pbx\""), reached("2001"));
        assert_eq!(beyond("via = \"pbx\"\nnumber = \"+14155550123\""), reached("+14155550123"));
        assert!(beyond("via = \"pbx\"\non_register = \"ready\"").2);
        assert!(beyond("number = \"201\"").2);
    }

    #[test]
    fn a_public_url_is_one_that_paths_can_be_appended_to() {
        let url = |url: &str| {
            let shown = "#public_url = \"https://callback.example.com\"";
            parse(&SHIPPED.replacen(shown, &format!("public_url = {url:?}"), 1))
        };
        for (text, expected) in [
            ("https://callback.example.com", "https://callback.example.com"),
            ("http://10.0.0.7:8080/ringback/", "http://10.0.0.7:8080/ringback"),
        ] {
            assert_eq!(url(text).unwrap().public_url.as_deref(), Some(expected));
        }
        for bad in ["callback.example.com", "https://", "https:///x", "https://a/?b", "https://a b"]
        {
            let errors = told(&url(bad).unwrap_err());
            assert!(errors.contains("http.public_url") && errors.contains("a URL"), "{errors}");
        }
    }

    #[test]
    fn a_detour_to_a_queue_is_warned_of() {
        let warned = |exit: &str| {
            let text = format!(
                "[agents.ann]\n[queues.a]\n[call_in_groups.g]\nnumbers = [\"1\"]\n\
                 [[entries]]\ndnis = \"1\"\nflow = \"f\"\n[flows.f]\nstart = \"code\"\n\
                 [flows.f.nodes.code]\nkind = \"access_code\"\ngroup = \"g\"\n\
                 matched = {{ code = {exit:?}, default = \"say\" }}\n\
                 [flows.f.nodes.say]\nkind = \"say\"\nprompts = [\"welcome\"]\nnext = \"hold\"\n\
                 [flows.f.nodes.menu]\nkind = \"menu\"\nprompts = [\"welcome\"]\n\
                 keys = {{ 1 = \"hold\", 2 = \"end\" }}\ntimeout = \"end\"\ninvalid = \"end\"\n\
                 [flows.f.nodes.other]\nkind = \"menu\"\nprompts = [\"welcome\"]\n\
                 keys = {{ 1 = \"menu\" }}\ntimeout = \"menu\"\ninvalid = \"menu\"\n\
                 [flows.f.nodes.hold]\nkind = \"queue\"\nqueue = \"a\"\n\
                 keys = {{ 1 = \"other\" }}\n\
                 [flows.f.nodes.end]\nkind = \"hangup\"\n"
            );
            let config = parse(&text).unwrap_or_else(|errors| panic!("{}", told(&errors)));
            told(&config.warnings)
        };
        let text = warned("menu");
        assert!(
            text.contains("flows.f.nodes.code.matched.code") && text.contains("past"),
            "{text}"
        );
        for fine in ["hold", "say", "end"] {
            assert!(!warned(fine).contains("matched"), "{fine}");
        }
    }

    #[test]
    fn an_extension_that_may_be_the_police_is_warned_of() {
        let warned = |pattern: &str, via: &str| {
            let text = format!(
                "[trunks.pbx]\naddress = \"192.0.2.1:5060\"\n[agents.ann]\n[queues.a]\n\
                 [[queues.a.extensions]]\npattern = {pattern:?}\nvia = {via:?}\n\
                 [[entries]]\ndnis = \"1\"\nflow = \"f\"\n[flows.f]\nstart = \"end\"\n\
                 [flows.f.nodes.end]\nkind = \"hangup\"\n"
            );
            let config = parse(&text).unwrap_or_else(|errors| panic!("{}", told(&errors)));
            told(&config.warnings).contains("it takes in 112")
        };
        assert!(warned("1??", "pbx") && warned("*", "pbx"));
        assert!(!warned("1??", "registrar") && !warned("10??", "pbx"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(
            cut in 0..SHIPPED.len(),
            removed in 0usize..40,
            added in "[\\[\\]{}=\",.#a-z0-9é \n]{0,12}",
        ) {
            let cut = SHIPPED.floor_char_boundary(cut);
            let end = SHIPPED.ceil_char_boundary((cut + removed).min(SHIPPED.len()));
            let text = format!("{}{added}{}", &SHIPPED[..cut], &SHIPPED[end..]);
            if let Err(errors) = parse(&text) {
                proptest::prop_assert!(!errors.is_empty());
                for error in errors {
                    proptest::prop_assert!((1..=text.lines().count() + 1).contains(&error.line));
                }
            }
        }
    }
}
