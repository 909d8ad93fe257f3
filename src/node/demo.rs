//! `ringback demo`: one callback from end to end, on real sockets, in half a minute.
//!
//! A server with a temporary database, and three telephones of ours on loopback: a caller, a trunk
//! (the same person's telephone as the carrier reaches it), and an agent. It succeeds only if each
//! side heard the other's tone, the outcome on disk is Served, and nothing is left open.
#![expect(clippy::print_stdout, reason = "the timeline is what the demo is for")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::phone::{Happened, Phone, Settings};
use super::{NodeError, Server, clock::Clock, secrets};
use crate::config::Config;
use crate::ident::{Language, LegId};
use crate::media::leg::{Media, Recording};
use crate::media::sounds::Sounds;
use crate::media::tone;
use crate::queue::Changed;
use crate::store::Store;
use crate::store::records::{Record, Records};
use crate::store::sqlite::SqliteStore;
use crate::time::Timestamp;

/// What the consumer says all the time.
const CONSUMER_HZ: u32 = 440;
/// What the agent says all the time.
const AGENT_HZ: u32 = 600;
/// The other side's tone must stand out by so much over any other frequency.
const HEARD_DB: f64 = 20.0;
/// One's own tone must be so much weaker than the other's.
const ECHO_DB: f64 = 30.0;
/// How long each side must hear the other.
const HEARD_FOR: Duration = Duration::from_secs(2);
/// How long any step of the story may take.
const STEP_MAX: Duration = Duration::from_secs(40);
/// Between two presses of a key by somebody who waits for an answer.
const PRESS_EVERY: Duration = Duration::from_secs(2);

/// Plays it. `false`: it ran, and something was not as it must be.
///
/// # Errors
/// A server or telephone that could not start.
pub async fn run() -> Result<bool, NodeError> {
    let folder = TemporaryFolder::make()?;
    let mut demo = Demo::start(&folder.0).await?;
    let story = demo.play().await;
    let passed = match story {
        Ok(()) => demo.finish(&folder.0).await?,
        Err(failure) => {
            demo.say(&format!("FAILED: {failure}"));
            demo.server.stop().await?;
            false
        }
    };
    println!("{}", if passed { "demo passed" } else { "demo failed" });
    Ok(passed)
}

/// The data folder of the demo, gone with it.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn make() -> Result<Self, NodeError> {
        let path = std::env::temp_dir().join(format!("ringback-demo-{}", std::process::id()));
        std::fs::create_dir(&path)
            .map_err(|error| NodeError::File { path: path.clone(), error })?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // Nothing depends on its being gone.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

struct Demo {
    clock: Clock,
    started: Timestamp,
    server: Server,
    caller: Phone,
    trunk: Phone,
    agent: Phone,
}

impl Demo {
    async fn start(data: &Path) -> Result<Self, NodeError> {
        let clock = Clock::start();
        let (sip, trunk, caller, agent) = (free()?, free()?, free()?, free()?);
        let (config, sounds) = config(sip, free_tcp()?, trunk)?;
        let server = Server::start(config, sounds, data).await?;
        let mut entropy = super::operating_system_entropy()?;
        let kept = secrets::read(data, &mut entropy)?;
        let mut phone = |user: &str, local, ports| {
            let password = kept.users.get(user).cloned();
            let user = user.to_owned();
            Phone::start(Settings { user, password, local, server: sip, ports }, entropy.split())
        };
        let demo = Self {
            clock,
            started: clock.steady(),
            server,
            caller: phone("+14155550123", caller, 31_000..=31_098).await?,
            trunk: phone("trunk", trunk, 31_100..=31_198).await?,
            agent: phone("ann", agent, 31_200..=31_298).await?,
        };
        demo.say("server up: SIP and HTTP on loopback, a new database");
        Ok(demo)
    }

    fn say(&self, what: &str) {
        let elapsed = self.clock.steady().since(self.started);
        println!("{:7.3} s  {what}", elapsed.as_secs_f64());
    }

    async fn play(&mut self) -> Result<(), String> {
        self.agent.register().await;
        match self.agent.next(STEP_MAX).await {
            Some(Happened::Registered { accepted: true }) => self.say("agent ann registered"),
            other => return Err(format!("agent ann did not register: {other:?}")),
        }
        let leg = self.caller.call("100").await;
        answered(&mut self.caller, leg).await.map_err(|error| format!("the call in: {error}"))?;
        self.say("caller connected: welcome, then music in the queue");
        self.accept_the_offer(leg).await?;
        self.say("caller pressed 1, confirmed the number, heard \"registered\" and was let go");
        let ready = self.agent.call("*46").await;
        answered(&mut self.agent, ready).await.map_err(|error| format!("*46: {error}"))?;
        ended(&mut self.agent, ready).await.map_err(|error| format!("*46: {error}"))?;
        self.say("agent ann dialled *46: Ready");
        let consumer = incoming(&mut self.trunk).await.map_err(|e| format!("the dial: {e}"))?;
        self.trunk.ring(consumer).await;
        self.trunk.answer(consumer).await;
        answered(&mut self.trunk, consumer).await.map_err(|error| format!("the dial: {error}"))?;
        self.say("the consumer's telephone rang and was answered");
        let agent = self.press_until_the_agent_rings(consumer).await?;
        self.say("consumer pressed 1; ann's telephone rings");
        self.agent.answer(agent).await;
        answered(&mut self.agent, agent).await.map_err(|error| format!("the agent: {error}"))?;
        self.say("ann answered: bridged");
        self.talk(consumer, agent).await?;
        self.agent.hang_up(agent).await;
        ended(&mut self.trunk, consumer).await.map_err(|error| format!("the end: {error}"))?;
        self.say("ann hung up; the consumer was let go");
        Ok(())
    }

    /// The caller presses 1 every two seconds: once for the offer, once for the number.
    async fn accept_the_offer(&mut self, leg: LegId) -> Result<(), String> {
        let deadline = self.clock.steady() + STEP_MAX;
        while self.clock.steady() < deadline {
            self.caller.media.send_digits(leg, "1").map_err(|error| error.to_string())?;
            if let Some(Happened::Ended { .. }) = self.caller.next(PRESS_EVERY).await {
                return Ok(());
            }
        }
        Err("the caller was never let go: no callback was registered".into())
    }

    async fn press_until_the_agent_rings(&mut self, consumer: LegId) -> Result<LegId, String> {
        let deadline = self.clock.steady() + STEP_MAX;
        while self.clock.steady() < deadline {
            self.trunk.media.send_digits(consumer, "1").map_err(|error| error.to_string())?;
            if let Some(Happened::Incoming { leg }) = self.agent.next(PRESS_EVERY).await {
                self.agent.ring(leg).await;
                return Ok(leg);
            }
        }
        Err("the agent's telephone never rang".into())
    }

    /// Both talk; each must hear the other, and not themselves.
    async fn talk(&mut self, consumer: LegId, agent: LegId) -> Result<(), String> {
        self.trunk.media.send_tone(consumer, CONSUMER_HZ);
        self.agent.media.send_tone(agent, AGENT_HZ);
        let record = |media: &Media, leg| media.record(leg).map_err(|error| error.to_string());
        let at_consumer = record(&self.trunk.media, consumer)?;
        let at_agent = record(&self.agent.media, agent)?;
        let (consumer_heard, agent_heard) = tokio::join!(
            hears(&at_consumer, AGENT_HZ, CONSUMER_HZ),
            hears(&at_agent, CONSUMER_HZ, AGENT_HZ)
        );
        self.say(&format!("consumer heard the agent: {}", consumer_heard?));
        self.say(&format!("agent heard the consumer: {}", agent_heard?));
        Ok(())
    }

    /// Stops the server and reads what is on disk.
    async fn finish(self, data: &Path) -> Result<bool, NodeError> {
        let (clock, started) = (self.clock, self.started);
        let say = |what: String| {
            println!("{:7.3} s  {what}", clock.steady().since(started).as_secs_f64());
        };
        let mut health = self.server.health();
        let quiet = health.wait_for(|now| now.legs == 0 && now.uncommitted == 0);
        let nothing_open = tokio::time::timeout(STEP_MAX, quiet).await.is_ok_and(|r| r.is_ok());
        self.server.stop().await?;
        let (records, left) = on_disk(data.to_owned()).await?;
        for record in &records {
            let reason = record.reason.as_deref().unwrap_or("open");
            say(format!("on disk: callback {}: {} / {reason}", record.id, record.state));
        }
        let open = left.interactions.len() + left.attempts.len();
        say(format!("left open: {open} interactions and attempts, legs all gone: {nothing_open}"));
        let is_served = |record: &Record| {
            record.state == "COMPLETED" && record.reason.as_deref() == Some("AGENT_CONNECTED")
        };
        let served = records.len() == 1 && records.iter().all(is_served);
        Ok(served && nothing_open && open == 0)
    }
}

/// What is on disk, as told outside, and the rows of what is open; read where blocking is allowed.
async fn on_disk(data: PathBuf) -> Result<(Vec<Record>, Changed), NodeError> {
    let read = tokio::task::spawn_blocking(move || {
        let records = Records::open(&data)?.all()?;
        Ok((records, SqliteStore::open(&data)?.load()?.rows))
    });
    read.await.map_err(|panic| NodeError::System(std::io::Error::other(panic)))?
}

/// Waits until `heard` stands out for long enough, and says by how much.
async fn hears(recording: &Recording, heard: u32, own: u32) -> Result<String, String> {
    let wanted = (HEARD_FOR.as_secs() as usize) * 8_000;
    let deadline = tokio::time::Instant::now() + STEP_MAX;
    let mut best = String::from("nothing");
    let mut look = tokio::time::interval(Duration::from_millis(250));
    while tokio::time::Instant::now() < deadline {
        look.tick().await;
        let samples = recording.samples();
        let Some(window) = samples.len().checked_sub(wanted).map(|from| &samples[from..]) else {
            continue;
        };
        let levels = (tone::level_db(window, heard), tone::level_db(window, own));
        let (Some(over_others), (Some(level), Some(echo))) =
            (tone::prominence_db(window, heard), levels)
        else {
            continue;
        };
        let over_own = level - echo;
        best = format!(
            "{heard} Hz for {} s, {over_others:.0} dB over all else, own echo {:.0} dB below",
            HEARD_FOR.as_secs(),
            over_own
        );
        if over_others >= HEARD_DB && over_own >= ECHO_DB {
            return Ok(best);
        }
    }
    Err(format!("the other side's tone was not heard: {best}"))
}

async fn answered(phone: &mut Phone, leg: LegId) -> Result<(), String> {
    match phone.next(STEP_MAX).await {
        Some(Happened::Answered { leg: which }) if which == leg => Ok(()),
        other => Err(format!("it was not answered: {other:?}")),
    }
}

async fn ended(phone: &mut Phone, leg: LegId) -> Result<(), String> {
    match phone.next(STEP_MAX).await {
        Some(Happened::Ended { leg: which, .. }) if which == leg => Ok(()),
        other => Err(format!("it did not end: {other:?}")),
    }
}

async fn incoming(phone: &mut Phone) -> Result<LegId, String> {
    match phone.next(STEP_MAX).await {
        Some(Happened::Incoming { leg }) => Ok(leg),
        other => Err(format!("the telephone did not ring: {other:?}")),
    }
}

/// A free UDP port of loopback. Between the look and the use somebody else could take it; the bind
/// says so then.
fn free() -> Result<SocketAddr, NodeError> {
    Ok(UdpSocket::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 0))?.local_addr()?)
}

fn free_tcp() -> Result<SocketAddr, NodeError> {
    Ok(std::net::TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 0))?.local_addr()?)
}

fn config(
    sip: SocketAddr,
    http: SocketAddr,
    trunk: SocketAddr,
) -> Result<(Config, Sounds), NodeError> {
    let text = include_str!("demo.toml")
        .replace("{sip}", &sip.to_string())
        .replace("{http}", &http.to_string())
        .replace("{trunk}", &trunk.to_string());
    let sounds = Sounds::load(None).map_err(NodeError::Sounds)?;
    let exists = |language: &Language, id: &str| sounds.contains(language.as_str(), id);
    let config = Config::parse("demo.toml", &text, &exists).map_err(NodeError::Config)?;
    Ok((config, sounds))
}
