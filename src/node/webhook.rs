//! Pushes to a plain webhook: POSTed as JSON, signed as Standard Webhooks, in order for each
//! callback, and again until they are taken.
//!
//! They are kept in memory: of what was not taken when the process ends only READY is told again,
//! by the next one, with another `webhook-id`. Of too many the oldest is dropped, and one that
//! nobody takes is given up after `TRIES_MAX` tries; either is logged. Otherwise a push that comes
//! twice has the same `webhook-id`.
//!
//! One is under way at a time: the endpoint answers, or does not, for all of them.

use std::collections::{BTreeSet, VecDeque};

use axum::http::{Method, Request, Uri, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::Sha256;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::clock::Clock;
use crate::config::secrets::WEBHOOK_SECRET_PREFIX;
use crate::ident::{InteractionId, Secret};
use crate::time::{Duration, Timestamp};

/// Pushes that wait to be taken.
const WAITING_MAX: usize = 1_000;
/// How long the endpoint has to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long after the first failure a push is tried again; doubles up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_secs(1);
/// Longest time between two tries.
const RETRY_MAX: Duration = Duration::from_secs(120);
/// Tries of a push, the first included: about ten minutes.
const TRIES_MAX: u32 = 12;

/// What an app is told.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Push {
    /// The same at every try.
    pub(super) id: String,
    /// Of which callback: those of one go in order.
    pub(super) callback: InteractionId,
    /// JSON. Codes and tokens may stand in it.
    pub(super) body: Vec<u8>,
}

impl std::fmt::Debug for Push {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Push({} of {})", self.id, self.callback)
    }
}

/// The endpoint, and how what goes there is signed.
pub(super) struct Webhook {
    url: Uri,
    signer: Signer,
    client: Client<HttpConnector, Full<axum::body::Bytes>>,
    clock: Clock,
}

impl Webhook {
    /// `None` if the URL or the secret cannot be read.
    pub(super) fn new(url: &str, secret: &Secret, clock: Clock) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let signer = Signer::new(secret)?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        Some(Self { url, signer, client, clock })
    }

    /// Sends what comes until nobody can send more.
    pub(super) async fn run(self, mut inbox: mpsc::Receiver<Push>) {
        let mut outbox = Outbox::default();
        loop {
            let next = outbox.next_at();
            tokio::select! {
                push = inbox.recv() => match push {
                    Some(push) => {
                        if let Some(lost) = outbox.add(push, Instant::now()) {
                            warn!(?lost, "too many pushes wait: the oldest was dropped");
                        }
                    }
                    None => return,
                },
                () = until(next) => self.send_next(&mut outbox).await,
            }
        }
    }

    async fn send_next(&self, outbox: &mut Outbox) {
        let Some(push) = outbox.due(Instant::now()).cloned() else { return };
        let failed = match tokio::time::timeout(ANSWER_MAX, self.post(&push)).await {
            Ok(Ok(())) => {
                debug!(?push, "a push was taken");
                return outbox.taken(&push.id);
            }
            Ok(Err(why)) => why,
            Err(_) => "no answer in time".to_owned(),
        };
        match outbox.failed(&push.id, Instant::now()) {
            Some(delay) => warn!(?push, %failed, ?delay, "a push was not taken: again later"),
            None => warn!(?push, %failed, "a push was not taken and is given up"),
        }
    }

    async fn post(&self, push: &Push) -> Result<(), String> {
        let at = self.clock.wall();
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &push.id)
            .header("webhook-timestamp", seconds(at))
            .header("webhook-signature", self.signer.sign(&push.id, at, &push.body))
            .body(Full::from(push.body.clone()))
            .map_err(|error| error.to_string())?;
        let answer = self.client.request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(format!("the endpoint said {status}")) }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn seconds(at: Timestamp) -> String {
    at.as_ms().div_euclid(1000).to_string()
}

/// Signs as Standard Webhooks 1.0: HMAC-SHA-256 over id, time and body.
struct Signer(Hmac<Sha256>);

impl Signer {
    /// From `whsec_` and base64.
    fn new(secret: &Secret) -> Option<Self> {
        let encoded = secret.expose().strip_prefix(WEBHOOK_SECRET_PREFIX)?;
        let key = BASE64_STANDARD.decode(encoded).ok()?;
        Hmac::new_from_slice(&key).ok().map(Self)
    }

    fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{}.", seconds(at)).as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The pushes that were not taken yet, the oldest first.
#[derive(Default)]
struct Outbox(VecDeque<Waiting>);

struct Waiting {
    push: Push,
    tries: u32,
    at: Instant,
}

impl Outbox {
    /// Adds one; gives back the one that had to go for it.
    fn add(&mut self, push: Push, now: Instant) -> Option<Push> {
        let lost = (self.0.len() >= WAITING_MAX).then(|| self.0.pop_front()).flatten();
        self.0.push_back(Waiting { push, tries: 0, at: now });
        lost.map(|lost| lost.push)
    }

    /// The first of each callback: those behind it wait.
    fn heads(&self) -> impl Iterator<Item = &Waiting> {
        let mut seen = BTreeSet::new();
        self.0.iter().filter(move |waiting| seen.insert(waiting.push.callback))
    }

    /// When there is something to send.
    fn next_at(&self) -> Option<Instant> {
        self.heads().map(|head| head.at).min()
    }

    /// What is to be sent now.
    fn due(&self, now: Instant) -> Option<&Push> {
        let head = self.heads().filter(|head| head.at <= now).min_by_key(|head| head.at);
        head.map(|head| &head.push)
    }

    fn taken(&mut self, id: &str) {
        self.0.retain(|waiting| waiting.push.id != id);
    }

    /// Tries it again after the time given back; `None`: it is given up.
    fn failed(&mut self, id: &str, now: Instant) -> Option<Duration> {
        let waiting = self.0.iter_mut().find(|waiting| waiting.push.id == id)?;
        let delay = (RETRY_MIN * 2_u32.pow(waiting.tries.min(16))).min(RETRY_MAX);
        waiting.tries += 1;
        waiting.at = now + delay;
        if waiting.tries < TRIES_MAX {
            return Some(delay);
        }
        self.taken(id);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(id: &str, callback: u128) -> Push {
        Push { id: id.to_owned(), callback: InteractionId(callback), body: Vec::new() }
    }

    /// The example of the specification's reference libraries.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signer = Signer::new(&secret).unwrap();
        let at = Timestamp::from_seconds(1_614_265_330);
        let signed = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn one_that_fails_holds_up_its_own_callback_alone() {
        let mut outbox = Outbox::default();
        let now = Instant::now();
        for (id, callback) in [("a", 1), ("b", 1), ("c", 2)] {
            assert_eq!(outbox.add(push(id, callback), now), None);
        }
        assert_eq!(outbox.due(now).unwrap().id, "a");
        assert_eq!(outbox.failed("a", now), Some(RETRY_MIN));
        assert_eq!(outbox.due(now).unwrap().id, "c");
        outbox.taken("c");
        assert_eq!(outbox.due(now), None);
        assert_eq!(outbox.next_at(), Some(now + RETRY_MIN));
        let later = now + RETRY_MIN;
        assert_eq!(outbox.due(later).unwrap().id, "a");
        outbox.taken("a");
        assert_eq!(outbox.due(later).unwrap().id, "b");
    }

    #[test]
    fn the_delay_doubles_and_the_tries_end() {
        let mut outbox = Outbox::default();
        let now = Instant::now();
        outbox.add(push("a", 1), now);
        let delays: Vec<_> = (1..TRIES_MAX).map(|_| outbox.failed("a", now).unwrap()).collect();
        assert_eq!(delays[..3], [1, 2, 4].map(Duration::from_secs));
        assert_eq!(delays.last(), Some(&RETRY_MAX));
        assert_eq!(outbox.failed("a", now), None);
        assert_eq!(outbox.next_at(), None);
    }

    #[test]
    fn of_too_many_the_oldest_goes() {
        let mut outbox = Outbox::default();
        let now = Instant::now();
        for n in 0..WAITING_MAX {
            assert_eq!(outbox.add(push(&n.to_string(), n as u128), now), None);
        }
        assert_eq!(outbox.add(push("last", 7), now).unwrap().id, "0");
        assert_eq!(outbox.0.len(), WAITING_MAX);
    }
}
