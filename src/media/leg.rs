//! The legs of this node: opened by a session description, told what to hear, joined, closed.
//!
//! ```text
//! answer ───────────┐
//! offer ─> accept ──┴─> open, hears silence | prompts | music | a tone | another leg
//!                         │ └─answer, or offer ─> accept: a new exchange (hold, late offer)
//!                         └──close──> draining ──> gone
//! ```
//! Calls here are cheap and take effect before they return; sound itself is carried by a fixed
//! number of threads. A leg has one source that it hears, a pacer that sends 20 ms of it every 20
//! ms, and what it says goes to whoever hears it: the joined leg, and our ear for keys, recordings
//! and answering machines. Two joined legs should have the same codec (`offer` with `like`): their
//! packets are passed on unbuffered, and undecoded unless the codecs differ.

mod ear;
mod line;
mod source;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use self::line::{Line, Port, lock};
use self::source::{Loop, Prompts, Source};
use self::worker::{Listener, TICK, Worker};
use super::dtmf::event::Sender;
use super::g711::Law;
use super::ports::Pool;
use super::prompt::Fragment;
use super::sdp::{self, Description};
use super::sounds::Sounds;
use super::tone::{SAMPLE_RATE, Tone};
use super::{Event, Settings};
use crate::ident::{LegId, PlayId};
use crate::session::{SessionAnswer, SessionOffer};

/// Why a description was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// Not a session description we can read: 400, or 488 in an answer.
    #[error("the session description cannot be read: {0}")]
    Malformed(&'static str),
    /// No codec in common, or no audio stream: 488.
    #[error("no codec in common")]
    NoCommonCodec,
    /// No port is free: 503.
    #[error("no RTP port is free")]
    NoPort,
    /// No such leg.
    #[error("no such leg")]
    NoSuchLeg,
}

/// Why keys are not sent.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotSent {
    /// One of the characters is not `0`-`9`, `*`, `#`, `A`-`D`.
    #[error("not a key; write 0-9, *, #, A-D")]
    NotAKey,
    /// The other side did not agree to telephone events.
    #[error("the other side does not take telephone events")]
    NotAgreed,
    /// No such leg.
    #[error("no such leg")]
    NoSuchLeg,
}

impl From<sdp::Error> for Refused {
    fn from(error: sdp::Error) -> Self {
        match error {
            sdp::Error::Malformed(what) => Refused::Malformed(what),
            sdp::Error::NothingInCommon => Refused::NoCommonCodec,
        }
    }
}

/// The media of this node. Cheap to call: sockets are bound here, all else happens on the workers.
pub struct Media {
    settings: Settings,
    sounds: RwLock<Arc<Sounds>>,
    pool: Arc<Mutex<Pool>>,
    workers: Vec<Arc<Worker>>,
    listener: Listener,
    lines: Mutex<BTreeMap<LegId, Arc<Line>>>,
}

impl Media {
    /// Starts the worker threads; events go to `events` (called on a worker, or within
    /// [`Media::info_digit`]; must not block). They stop when this is dropped.
    pub fn start(
        settings: Settings,
        sounds: Arc<Sounds>,
        events: Box<dyn Fn(Event) + Send + Sync>,
    ) -> std::io::Result<Self> {
        let listener: Listener = Arc::from(events);
        let workers = (0..settings.threads.max(1))
            .map(|n| Worker::start(format!("media-{n}"), Arc::clone(&listener)))
            .collect::<Result<_, _>>()?;
        let pool = Arc::new(Mutex::new(Pool::new(settings.ports.clone())));
        let sounds = RwLock::new(sounds);
        Ok(Self { settings, sounds, pool, workers, listener, lines: Mutex::default() })
    }

    /// Other recordings for legs that are opened from now on; the others keep theirs.
    pub fn set_sounds(&self, sounds: Arc<Sounds>) {
        *self.sounds.write().unwrap_or_else(PoisonError::into_inner) = sounds;
    }

    fn sounds(&self) -> Arc<Sounds> {
        Arc::clone(&self.sounds.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens a leg for an offer we got: its answer. Silence is sent from now on.
    pub fn answer(&self, leg: LegId, offer: &SessionOffer) -> Result<SessionAnswer, Refused> {
        if self.line(leg).is_ok() {
            return self.reoffer(leg, offer);
        }
        let described = Description::parse(&offer.0)?;
        let line = self.open(leg)?;
        Self::exchange(&line, &described).inspect_err(|_| self.close(leg))
    }

    /// Our offer: for a call we place, or one that came without an offer and whose ACK brings the
    /// answer. With `like`, the codec of that leg is the first we ask for. On an open leg it is
    /// what runs, asked for both ways: who holds the call says so again in the answer.
    ///
    /// Until the first answer is accepted nothing is sent and nothing is heard; until a later one
    /// is, all goes on as agreed before.
    pub fn offer(&self, leg: LegId, like: Option<LegId>) -> Result<SessionOffer, Refused> {
        let law = match like {
            Some(like) => self.line(like)?.state().terms().map(|agreed| agreed.law),
            None => None,
        };
        let line = self.open(leg)?;
        let offer = line.state().party.offer(law);
        Ok(SessionOffer(offer.into_bytes()))
    }

    /// Takes the answer to our offer; a second one (after early media) takes the place of the
    /// first. If it is refused, all stays as it was.
    pub fn accept(&self, leg: LegId, answer: &SessionAnswer) -> Result<(), Refused> {
        let line = self.line(leg)?;
        let described = Description::parse(&answer.0)?;
        let mut state = line.state();
        let agreed = state.party.agree(&described)?;
        line.agreed(&mut state, agreed);
        Ok(())
    }

    /// A new offer on an open leg (hold, resume, new address): its answer. The codec stays if it is
    /// offered; if the new offer is refused, all stays as it was.
    pub fn reoffer(&self, leg: LegId, offer: &SessionOffer) -> Result<SessionAnswer, Refused> {
        let line = self.line(leg)?;
        Self::exchange(&line, &Description::parse(&offer.0)?)
    }

    /// Plays fragments (ids of `sounds/`, pauses) in place of what the leg hears; then silence. If
    /// not cut short, its end is told by [`Event::PlayEnded`].
    pub fn play(&self, leg: LegId, play: PlayId, fragments: Vec<Fragment>) {
        let Ok(line) = self.line(leg) else { return };
        let prompts = Prompts::new(play, fragments, line.sounds());
        self.listen(leg, Source::Prompts(prompts));
    }

    /// Music until told otherwise.
    pub fn music(&self, leg: LegId) {
        self.listen(leg, Source::Music(Loop::default()));
    }

    /// Silence until told otherwise.
    pub fn silence(&self, leg: LegId) {
        self.listen(leg, Source::Silence);
    }

    /// Joins two legs; each hears the other until told otherwise or one closes. While one holds the
    /// call and sends nothing, the other hears music.
    pub fn bridge(&self, a: LegId, b: LegId) {
        let (Ok(one), Ok(other)) = (self.line(a), self.line(b)) else {
            tracing::debug!(leg = %a, other = %b, "a leg to join is gone");
            return;
        };
        one.hear(&other);
        other.hear(&one);
    }

    /// A key was told by INFO. What comes of it is told as [`Event::Digit`], unless it is no key or
    /// repeats what was told in another way ([`super::dtmf`]).
    pub fn info_digit(&self, leg: LegId, digit: char) {
        let Ok(line) = self.line(leg) else {
            tracing::debug!(%leg, "the leg on which a key was pressed is gone");
            return;
        };
        let event = line.state().ear.info(digit);
        if let Some(event) = event {
            (self.listener)(event);
        }
    }

    /// Judges from now on, which should be the answer, whether a person or a machine answered:
    /// [`Event::AnswerHint`], and [`Event::Beep`] when the machine begins to record.
    pub fn listen_for_machine(&self, leg: LegId) {
        match self.line(leg) {
            Ok(line) => line.state().ear.listen_for_machine(),
            Err(_) => tracing::debug!(%leg, "the leg that should be judged is gone"),
        }
    }

    /// Closes a leg; its port drains before it is used again.
    pub fn close(&self, leg: LegId) {
        let line = lock(&self.lines).remove(&leg);
        if let Some(line) = line {
            line.close();
        }
    }

    /// Ports in use and draining, for health and tests.
    pub fn ports(&self) -> (usize, usize) {
        let pool = lock(&self.pool);
        (pool.in_use(), pool.draining())
    }

    /// Sends a tone of `frequency_hz` at -10 dB until told otherwise: what a phone says when it
    /// proves a path.
    pub fn send_tone(&self, leg: LegId, frequency_hz: u32) {
        self.listen(leg, Source::Tone(Tone::new(frequency_hz, -10.0)));
    }

    /// Sends keys as telephone events, 100 ms each with 120 ms between; what the leg hears pauses
    /// meanwhile. At most 64 keys wait.
    pub fn send_digits(&self, leg: LegId, digits: &str) -> Result<(), NotSent> {
        let keys: Option<Vec<Sender>> = digits.chars().map(Sender::new).collect();
        let keys = keys.ok_or(NotSent::NotAKey)?;
        let line = self.line(leg).map_err(|_| NotSent::NoSuchLeg)?;
        let mut state = line.state();
        state.terms().and_then(|agreed| agreed.events_sent()).ok_or(NotSent::NotAgreed)?;
        state.press(keys);
        Ok(())
    }

    /// Keeps what the leg says from now on, for 60 s at most, in place of an earlier recording.
    pub fn record(&self, leg: LegId) -> Result<Recording, Refused> {
        let recording = Recording::default();
        self.line(leg)?.state().ear.record(recording.clone());
        Ok(recording)
    }

    fn line(&self, leg: LegId) -> Result<Arc<Line>, Refused> {
        lock(&self.lines).get(&leg).cloned().ok_or(Refused::NoSuchLeg)
    }

    fn listen(&self, leg: LegId, source: Source) {
        match self.line(leg) {
            Ok(line) => line.state().listen_to(source),
            Err(_) => tracing::debug!(%leg, ?source, "the leg that should hear this is gone"),
        }
    }

    fn exchange(line: &Line, offer: &Description) -> Result<SessionAnswer, Refused> {
        let mut state = line.state();
        let (text, agreed) = state.party.answer(offer)?;
        line.agreed(&mut state, agreed);
        Ok(SessionAnswer(text.into_bytes()))
    }

    /// The leg if it is open, else a new one on the next port that can be bound, carried by the
    /// worker that has the fewest.
    fn open(&self, leg: LegId) -> Result<Arc<Line>, Refused> {
        if let Ok(line) = self.line(leg) {
            return Ok(line);
        }
        let worker = self.workers.iter().min_by_key(|worker| worker.lines());
        let worker = worker.ok_or(Refused::NoPort)?;
        // Ports that another process has are kept until one is found, and so go to the end of the
        // line.
        let mut unusable = Vec::new();
        loop {
            let port = Port::take(&self.pool).ok_or(Refused::NoPort)?;
            let local = SocketAddr::new(self.settings.local, port.number());
            match worker.bind(local) {
                Ok(socket) => {
                    let ticks = self.settings.rtp_timeout.as_millis() / TICK.as_millis();
                    let ticks = u32::try_from(ticks).unwrap_or(u32::MAX);
                    let sounds = self.sounds();
                    let line = Arc::new(Line::new(leg, socket, local, port, sounds, ticks));
                    worker.carry(&line);
                    lock(&self.lines).insert(leg, Arc::clone(&line));
                    return Ok(line);
                }
                Err(error) => {
                    tracing::warn!(%local, %error, "an RTP port cannot be bound");
                    unusable.push(port);
                }
            }
        }
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.workers.iter().for_each(|worker| worker.stop());
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Media({} legs, {} threads)", lock(&self.lines).len(), self.workers.len())
    }
}

/// What a leg said, decoded; grows while the leg is open, to 60 s at most.
#[derive(Clone, Default)]
pub struct Recording(Arc<Mutex<Vec<i16>>>);

impl Recording {
    const SAMPLES_MAX: usize = 60 * SAMPLE_RATE as usize;

    /// The samples so far, at 8,000 Hz, in the order of arrival.
    pub fn samples(&self) -> Vec<i16> {
        lock(&self.0).clone()
    }

    fn add(&self, law: Law, payload: &[u8]) {
        let mut samples = lock(&self.0);
        let room = Self::SAMPLES_MAX - samples.len();
        samples.extend(payload.iter().take(room).map(|&code| law.decode(code)));
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recording({} samples)", lock(&self.0).len())
    }
}
