//! The shell: the only module that knows all others. It reads the configuration, opens the store,
//! binds the sockets, starts every task, and carries values between the columns.
//!
//! | task or thread | what it does | bound |
//! |---|---|---|
//! | `event_loop` (task) | user agent, calls, queue, one event at a time | inputs below |
//! | SIP socket (two tasks) | receive and parse; send | 4,096 messages each way, then dropped |
//! | `store` (thread) | commits batches of steps | one batch in flight |
//! | `queue-log` (thread) | appends to `queue_log` | 1,024 groups of lines, then lost and counted |
//! | `media-N` (threads) | RTP, prompts, digits | commands and events bounded by `media` |
//! | `http` (task) | health; `/api/v1` asks the event loop | 256 questions, 1,024 answers due |
//! | `webhook` (task) | sends pushes | 4,096 on their way to it, 1,000 not yet taken |

mod agents;
mod bindings;
mod callbacks;
pub mod clock;
pub mod command;
pub mod committer;
pub mod demo;
pub mod event_loop;
pub mod numbers;
mod outside;
mod perform;
pub mod phone;
mod records;
pub mod reload;
pub mod secrets;
pub mod sounds;
mod transfers;
mod translate;
mod webhook;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};

use crate::api::ask::{Ask, Asker};
use crate::api::health::Health;
use crate::api::keys::Keys;
use crate::api::{self, Api};
use crate::calls::Calls;
use crate::config::secrets::{Secrets, SecretsError};
use crate::config::{Config, ConfigError};
use crate::ident::Entropy;
use crate::media::leg::Media;
use crate::media::sounds::{Errors, Sounds};
use crate::phone::CodeKey;
use crate::queue::Queue;
use crate::queue::never_call::NeverCallKey;
use crate::sip::transport::{Received, SourceLimit, Udp};
use crate::sip::{Transmit, UserAgent};
use crate::store::sqlite::SqliteStore;
use crate::store::{Loaded, Store, StoreError};
use clock::Clock;
use committer::Committer;
use event_loop::{EventLoop, Parts};
use outside::Outside;
use records::Records;
use reload::Fixed;
use webhook::{Push, Webhook};

/// Dials that may be under way at once to phones registered here.
const REGISTRAR_DIALS_MAX: u32 = 1_000;
/// An agent's phone that says nothing at all for so long is unreachable: the caller moves on.
const AGENT_SILENCE_MAX: Duration = Duration::from_secs(2);
/// The caller shown on a dial to a phone registered here; a trunk has its own.
const CALLER: &str = "ringback";
/// How long a drain waits for calls to end.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// How long those whom its end finds on the line have to answer.
const HANG_UP_MAX: Duration = Duration::from_secs(2);
/// How long the last messages have to leave.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);
/// Messages received and not yet handled.
const RECEIVED_MAX: usize = 4_096;
/// Messages decided and not yet sent.
const TRANSMITS_MAX: usize = 4_096;
/// Media events not yet handled; past it they are dropped with a warning.
const MEDIA_EVENTS_MAX: usize = 16_384;

/// Questions over HTTP that the event loop did not hear yet; past it the answer is 503.
const ASKS_MAX: usize = 256;
/// Pushes on their way to the task that sends them.
const PUSHES_MAX: usize = 4_096;

/// What to do about a file that cannot be read or written.
const HINT: &str = "name another by --config or --data; serve makes the files of the data folder";

/// Why the server did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The configuration is wrong: every error, a line each.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Config(Vec<ConfigError>),
    /// A file or folder.
    #[error("{path}: {error}; {HINT}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A secrets file that cannot be read.
    #[error("in {}: {error}", .path.parent().unwrap_or(Path::new(".")).display())]
    Secrets {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        error: SecretsError,
    },
    /// An address that cannot be bound.
    #[error("{what} {address} cannot be bound: {error}; is another server running?")]
    Bind {
        /// `SIP` or `HTTP`.
        what: &'static str,
        /// Which.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The recorded sentences.
    #[error("{0}")]
    Sounds(Errors),
    /// A thread or a signal handler.
    #[error("the system refused: {0}")]
    System(#[from] io::Error),
}

/// Orders to a running server.
#[derive(Debug)]
enum Order {
    Reload(Box<Config>, Sounds, oneshot::Sender<Result<(), String>>),
    Drain,
}

/// A running server. Dropping it does not stop it: call [`Server::stop`].
#[derive(Debug)]
pub struct Server {
    orders: mpsc::Sender<Order>,
    health: watch::Receiver<Health>,
    finished: tokio::task::JoinHandle<Result<(), NodeError>>,
}

impl Server {
    /// Opens the store, binds the sockets, starts the tasks; ready for SIP when it returns.
    ///
    /// # Errors
    /// What [`NodeError`] lists; nothing is left running.
    pub async fn start(config: Config, sounds: Sounds, data: &Path) -> Result<Self, NodeError> {
        let clock = Clock::start();
        let mut entropy = operating_system_entropy()?;
        let numbers = tokio::task::spawn_blocking(numbers::warm_up);
        secrets::make_folder(data)?;
        // The store first: its lock keeps another process out of the folder.
        let (store, loaded) = open_store(data).await?;
        let secrets = secrets::open(data, &config, &mut entropy)?;
        let sip_settings = sip_settings(&config, &secrets, data)?;
        let (media, media_events) = start_media(&config, sounds)?;
        let wire = Wire::bind(config.sip.listen).await?;
        let (what, address) = ("HTTP", config.http);
        let bound = api::bind(address).await;
        let http = bound.map_err(|error| NodeError::Bind { what, address, error })?;
        let (committed_tell, committed) = mpsc::channel(16);
        let tell = move |done| committed_tell.blocking_send(done).is_ok();
        let committer = Committer::start(Box::new(store), tell)?;
        let now = clock.wall().max(loaded.now);
        let records = Records::start(&config.records, data, &config.queue, now, &loaded.rows)?;
        let mut sip = UserAgent::new(sip_settings, entropy.split());
        sip.restore(clock.steady(), bindings::restored(loaded.bindings));
        let node = config.node.clone();
        let queue = Queue::load(config.queue.clone(), node.clone(), loaded.rows)
            .not_before(loaded.now)
            .with_never_call_key(NeverCallKey::new(secrets.hash_key));
        let calls = Calls::new(config.calls.clone(), entropy.split());
        let keys = Arc::new(Keys::new(secrets.api_key.clone(), secrets.hash_key));
        let pushes = start_webhook(&config, &secrets, data, clock)?;
        let outside = Outside::new(Arc::clone(&keys), pushes);
        let columns = EventLoop::new(Parts {
            clock,
            node,
            data: data.to_owned(),
            agent_phones: config.agent_phones.clone(),
            public_url: config.public_url.clone(),
            queue,
            queue_settings: config.queue.clone(),
            calls,
            sip,
            media,
            entropy,
            committer,
            records,
            step: loaded.step,
            fixed: Fixed::of(&config),
            code_key: CodeKey::new(secrets.hash_key),
            outside,
        });
        let (tell_health, health) = watch::channel(columns.health());
        let (orders, orders_in) = mpsc::channel(4);
        let (asks, asks_in) = mpsc::channel(ASKS_MAX);
        let api = Api::new(Asker::new(asks), keys, data.to_owned());
        numbers.await.map_err(io::Error::other)?;
        let inputs = Inputs { wire, media_events, committed, orders: orders_in, asks: asks_in };
        let answered = health.clone();
        #[expect(clippy::disallowed_methods, reason = "the node is what starts tasks")]
        let finished = tokio::spawn(async move {
            tokio::select! {
                ended = run(columns, inputs, tell_health) => ended,
                ended = api::serve(http, answered, api) => {
                    let error = ended.err().unwrap_or_else(|| io::Error::other("HTTP ended"));
                    Err(NodeError::System(error))
                }
            }
        });
        Ok(Self { orders, health, finished })
    }

    /// Takes a new configuration, all or nothing; calls in progress are not touched.
    ///
    /// # Errors
    /// Says what the running server would lose by it; nothing changed then.
    pub async fn reload(&self, config: Config, sounds: Sounds) -> Result<(), String> {
        let (answer, answered) = oneshot::channel();
        let order = Order::Reload(Box::new(config), sounds, answer);
        self.orders.send(order).await.map_err(|_| "the server has ended".to_owned())?;
        answered.await.map_err(|_| "the server has ended".to_owned())?
    }

    /// Its state now and as it changes.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// Takes no new calls, lets those in progress end (30 s at most), commits, ends.
    ///
    /// # Errors
    /// What ended it, if that was not the drain.
    pub async fn stop(self) -> Result<(), NodeError> {
        // If the loop has ended already, its result says why.
        drop(self.orders.send(Order::Drain).await);
        self.ended().await
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// Why it ended.
    pub async fn ended(self) -> Result<(), NodeError> {
        match self.finished.await {
            Ok(result) => result,
            Err(panic) => Err(NodeError::System(io::Error::other(panic))),
        }
    }
}

/// What the event loop listens to.
struct Inputs {
    wire: Wire,
    media_events: mpsc::Receiver<crate::media::Event>,
    committed: mpsc::Receiver<committer::Committed>,
    orders: mpsc::Receiver<Order>,
    asks: mpsc::Receiver<Ask>,
}

/// The settings of the user agent, with the secrets.
fn sip_settings(
    config: &Config,
    secrets: &Secrets,
    data: &Path,
) -> Result<crate::sip::Settings, NodeError> {
    let path = data.join(secrets::FILE);
    config.sip.settings(secrets).map_err(|error| NodeError::Secrets { path, error })
}

/// Starts the threads of the media; what they tell arrives in the channel.
fn start_media(
    config: &Config,
    sounds: Sounds,
) -> Result<(Media, mpsc::Receiver<crate::media::Event>), NodeError> {
    let (tell, events) = mpsc::channel(MEDIA_EVENTS_MAX);
    let tell = move |event| {
        if let Err(lost) = tell.try_send(event) {
            warn!(%lost, "a media event was lost");
        }
    };
    let media = Media::start(config.media.clone(), Arc::new(sounds), Box::new(tell))?;
    Ok((media, events))
}

/// Starts the task that sends pushes, if there is where to.
fn start_webhook(
    config: &Config,
    secrets: &Secrets,
    data: &Path,
    clock: Clock,
) -> Result<Option<mpsc::Sender<Push>>, NodeError> {
    let Some(url) = &config.webhook else { return Ok(None) };
    let path = data.join(secrets::FILE);
    let webhook = Webhook::new(url, &secrets.webhook_secret, clock)
        .ok_or(NodeError::Secrets { path, error: SecretsError::WebhookSecret })?;
    let (pushes, inbox) = mpsc::channel(PUSHES_MAX);
    #[expect(clippy::disallowed_methods, reason = "the node is what starts tasks")]
    tokio::spawn(webhook.run(inbox));
    Ok(Some(pushes))
}

/// The store blocks, and so is opened where blocking is allowed.
async fn open_store(data: &Path) -> Result<(SqliteStore, Loaded), NodeError> {
    let data = data.to_owned();
    let opened = tokio::task::spawn_blocking(move || {
        let mut store = SqliteStore::open(&data)?;
        let loaded = store.load()?;
        Ok((store, loaded))
    });
    opened.await.map_err(|panic| NodeError::System(io::Error::other(panic)))?
}

/// The SIP socket with its two tasks: one receives and parses, one sends.
#[derive(Debug)]
struct Wire {
    received: mpsc::Receiver<Received>,
    transmits: mpsc::Sender<Transmit>,
    sender: tokio::task::JoinHandle<()>,
}

impl Wire {
    /// Binds the socket and starts the tasks; they end when this is dropped.
    async fn bind(address: SocketAddr) -> Result<Self, NodeError> {
        let bound = Udp::bind(address).await;
        let udp = bound.map_err(|error| NodeError::Bind { what: "SIP", address, error })?;
        let udp = Arc::new(udp);
        let (to, received) = mpsc::channel(RECEIVED_MAX);
        let (transmits, from) = mpsc::channel(TRANSMITS_MAX);
        let receiver = Arc::clone(&udp);
        #[expect(clippy::disallowed_methods, reason = "the node is what starts tasks")]
        tokio::spawn(async move {
            if let Err(error) = receiver.receive(SourceLimit::default(), to).await {
                error!(%error, "the SIP socket is broken");
            }
        });
        #[expect(clippy::disallowed_methods, reason = "the node is what starts tasks")]
        let sender = tokio::spawn(async move { udp.send(from).await });
        Ok(Self { received, transmits, sender })
    }

    /// Lets what was handed over leave.
    async fn finish(self) {
        drop(self.transmits);
        if tokio::time::timeout(LAST_WORDS_MAX, self.sender).await.is_err() {
            warn!("the last SIP messages may not have left");
        }
    }

    /// Hands a message to the sending task. What does not fit is lost, as on any network: its
    /// transaction sends it again or ends.
    fn send(&self, transmit: Transmit) {
        if let Err(lost) = self.transmits.try_send(transmit) {
            warn!(%lost, "a SIP message was not sent");
        }
    }
}

fn operating_system_entropy() -> Result<Entropy, NodeError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| NodeError::System(io::Error::other(error)))?;
    Ok(Entropy::from_seed(seed))
}

async fn run(
    mut columns: EventLoop,
    mut inputs: Inputs,
    health: watch::Sender<Health>,
) -> Result<(), NodeError> {
    let ended = drive(&mut columns, &mut inputs, &health).await;
    inputs.wire.finish().await;
    // Whoever opens the database next finds it closed.
    drop(inputs.committed);
    let closed = tokio::task::spawn_blocking(move || columns.finish()).await;
    if !matches!(closed, Ok(Ok(()))) {
        error!("the store's thread did not end well");
    }
    ended
}

/// How far a drain is.
#[derive(Clone, Copy)]
enum Drain {
    /// Calls in progress may end by themselves until then.
    Ending(tokio::time::Instant),
    /// Whoever was left is hung up on, and may answer until then.
    HangingUp(tokio::time::Instant),
}

async fn drive(
    columns: &mut EventLoop,
    inputs: &mut Inputs,
    health: &watch::Sender<Health>,
) -> Result<(), NodeError> {
    let mut drain: Option<Drain> = None;
    loop {
        while let Some(transmit) = columns.poll_transmit() {
            inputs.wire.send(transmit);
        }
        let now = columns.health();
        health.send_if_modified(|last| std::mem::replace(last, now) != now);
        let clock = tokio::time::Instant::now();
        match drain {
            Some(_) if now.legs == 0 && now.uncommitted == 0 => {
                info!("drained");
                return Ok(());
            }
            Some(Drain::Ending(until)) if until <= clock => {
                info!(legs = now.legs, "hanging up on those who are left");
                columns.hang_up_all();
                drain = Some(Drain::HangingUp(clock + HANG_UP_MAX));
                continue;
            }
            Some(Drain::HangingUp(until)) if until <= clock => {
                warn!(legs = now.legs, uncommitted = now.uncommitted, "ended before all was over");
                return Ok(());
            }
            Some(Drain::Ending(_) | Drain::HangingUp(_)) | None => {}
        }
        let idle = columns.idle();
        let idle = if drain.is_some() { idle.min(Duration::from_millis(100)) } else { idle };
        tokio::select! {
            received = inputs.wire.received.recv() => match received {
                Some((source, received)) => columns.receive(source, received),
                None => return Err(NodeError::System(io::Error::other("the SIP socket is gone"))),
            },
            Some(event) = inputs.media_events.recv() => columns.media_event(event),
            done = inputs.committed.recv() => {
                let gone = || StoreError::Broken("its thread ended".to_owned());
                let done = done.ok_or_else(gone).and_then(|done| columns.committed(done));
                if let Err(broken) = done {
                    error!(%broken, "the store is lost: ending, to be started again");
                    return Err(broken.into());
                }
            }
            Some(order) = inputs.orders.recv() => match order {
                Order::Drain => {
                    columns.drain();
                    drain = Some(Drain::Ending(tokio::time::Instant::now() + DRAIN_MAX));
                }
                // Nobody may be waiting for the answer any more.
                Order::Reload(config, sounds, answer) => {
                    drop(answer.send(columns.reload(*config, sounds)));
                }
            },
            Some(ask) = inputs.asks.recv() => columns.asked(ask),
            () = tokio::time::sleep(idle) => {}
        }
        columns.timeout();
    }
}
