//! The line of one leg: its socket, what was agreed for it, what it hears, and who hears it.
//!
//! ```text
//!  described, agreed ──> open ──close──> draining (read and dropped for 2 s) ──> gone, port free
//!  received ─> latch ─> ear, the joined leg    source ─20 ms─> outgoing ─> destination
//! ```
//! The state is behind one lock that is held for the time of a packet; no two such locks are ever
//! held at once. Packets are sent by whoever has them: the pacer of the line's own worker, or the
//! reader of the joined line.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use socket2::{SockAddr, SockRef};
use tokio::net::UdpSocket;

use super::ear::Ear;
use super::source::{Filled, Relay, Source};
use crate::ident::{Entropy, LegId};
use crate::media::Event;
use crate::media::dtmf::event::{Sender, Step};
use crate::media::g711::Law;
use crate::media::ports::Pool;
use crate::media::rtp::{FRAME, HEADER, Header, Latch, Outgoing};
use crate::media::sdp::{Agreed, Direction, Party};
use crate::media::sounds::Sounds;
use crate::media::tone::SAMPLE_RATE;

/// Longest datagram that is read.
pub(super) const DATAGRAM_MAX: usize = 1500;
/// A closed port is read for 2 s before it is free.
const DRAIN_TICKS: u32 = 100;
/// Most keys waiting to be sent.
pub(super) const KEYS_MAX: usize = 64;

/// A poisoned lock is of a task that is gone; a line's state is whole between any two packets.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A port taken from the pool; free again when this is dropped.
#[derive(Debug)]
pub(super) struct Port {
    pool: Arc<Mutex<Pool>>,
    number: u16,
}

impl Port {
    pub(super) fn take(pool: &Arc<Mutex<Pool>>) -> Option<Self> {
        let number = lock(pool).take()?;
        Some(Self { pool: Arc::clone(pool), number })
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        lock(&self.pool).release(self.number);
    }
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) id: LegId,
    pub(super) socket: UdpSocket,
    state: Mutex<State>,
    /// Does the other side hold us? Read by the line that hears this one.
    holds: Arc<AtomicBool>,
    sounds: Arc<Sounds>,
    silent_ticks_max: u32,
    /// Dropped after the socket, so that a free port is one that can be bound.
    port: Port,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) party: Party,
    pub(super) ear: Ear,
    agreed: Option<Agreed>,
    latch: Latch,
    outgoing: Outgoing,
    source: Source,
    keys: VecDeque<Sender>,
    hearer: Weak<Line>,
    heard: bool,
    silent_ticks: u32,
    /// Packets that the system did not take.
    unsent: u64,
    drain_ticks: Option<u32>,
}

/// What the reader of a line knows of a packet when it passes it on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Sound(Law),
    /// Telephone events, and how fast their timestamps count.
    Events(u32),
}

impl Line {
    /// `id` is drawn at random, so the numbers drawn from it are as hard to guess.
    pub(super) fn new(
        id: LegId,
        socket: UdpSocket,
        local: SocketAddr,
        port: Port,
        sounds: Arc<Sounds>,
        silent_ticks_max: u32,
    ) -> Self {
        let mut entropy = Entropy::from_number(id.0);
        let mut draw = || entropy.next_u64();
        let state = State {
            party: Party::new(draw(), local),
            ear: Ear::new(id),
            agreed: None,
            latch: Latch::default(),
            outgoing: Outgoing::new(draw() as u32, draw() as u16, draw() as u32),
            source: Source::Silence,
            keys: VecDeque::new(),
            hearer: Weak::new(),
            heard: false,
            silent_ticks: 0,
            unsent: 0,
            drain_ticks: None,
        };
        let holds = Arc::new(AtomicBool::new(false));
        Self { id, socket, state: Mutex::new(state), holds, sounds, silent_ticks_max, port }
    }

    /// The recordings there were when it was opened.
    pub(super) fn sounds(&self) -> &Sounds {
        &self.sounds
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// An exchange of descriptions ended in this.
    pub(super) fn agreed(&self, state: &mut State, agreed: Agreed) {
        let moved = state.latch.describe(agreed.remote);
        state.ear.agreed(agreed.events.is_some(), moved);
        state.agreed = Some(agreed);
        state.outgoing.begin_spurt();
        state.silent_ticks = 0;
        self.holds.store(!agreed.direction.sends(), Ordering::Relaxed);
    }

    /// From now on this line hears `other`, which passes its packets here.
    pub(super) fn hear(self: &Arc<Self>, other: &Arc<Line>) {
        self.state().listen_to(Source::Relay(Relay::new(other.id, Arc::clone(&other.holds))));
        other.state().hearer = Arc::downgrade(self);
    }

    /// Begins to drain. The line that hears this one is told.
    pub(super) fn close(&self) {
        let (hearer, unsent) = {
            let mut state = self.state();
            state.drain_ticks = Some(DRAIN_TICKS);
            state.source = Source::Silence;
            state.ear.close();
            (std::mem::take(&mut state.hearer), state.unsent)
        };
        if unsent > 0 {
            tracing::debug!(leg = %self.id, unsent, "packets that the system did not take");
        }
        if let Some(hearer) = hearer.upgrade() {
            let mut state = hearer.state();
            if state.hears(self.id) {
                state.listen_to(Source::Silence);
            }
        }
        lock(&self.port.pool).drain(self.port.number);
    }

    /// 20 ms went by: `false` if the line has drained.
    pub(super) fn tick(&self, events: &mut Vec<Event>) -> bool {
        let mut state = self.state();
        if let Some(left) = &mut state.drain_ticks {
            *left = left.saturating_sub(1);
            return *left > 0;
        }
        state.ear.tick(events);
        let Some(agreed) = state.agreed else { return true };
        if state.is_silent(agreed.direction, self.silent_ticks_max) {
            events.push(Event::Silent { leg: self.id });
        }
        if let Some(step) = state.next_key_step() {
            match (step, agreed.events_sent()) {
                (Step::Event { first, payload }, Some(number)) => {
                    let header = state.outgoing.event(number, first);
                    self.send(&mut state, &header, &payload);
                }
                (Step::Event { .. }, None) | (Step::Pause, _) => state.outgoing.pass(),
            }
            return true;
        }
        let mut frame = [agreed.law.silence(); FRAME];
        match state.source.fill(&mut frame, agreed.law, &self.sounds) {
            Filled::Relayed => return true,
            Filled::Frame => {}
            Filled::LastFrame(play) => events.push(Event::PlayEnded { leg: self.id, play }),
        }
        if state.destination().is_some() {
            let header = state.outgoing.frame(agreed.payload_type);
            self.send(&mut state, &header, &frame);
        } else {
            state.outgoing.pass();
        }
        true
    }

    /// A datagram came: what it tells goes to `events`.
    pub(super) fn receive(&self, datagram: &[u8], source: SocketAddr, events: &mut Vec<Event>) {
        let Some((header, payload)) = Header::read(datagram) else { return };
        let taken = self.state().take(&header, payload, source, events);
        let Some((content, hearer)) = taken else { return };
        if let Some(hearer) = hearer.upgrade() {
            hearer.relay(self.id, content, &header, payload);
        }
    }

    /// Sends a packet of the line that is heard, if it still is. Sound of the other codec is
    /// converted; events whose clock is not that of the sound are for our ears only.
    fn relay(&self, from: LegId, content: Content, incoming: &Header, payload: &[u8]) {
        let mut state = self.state();
        let Some(agreed) = state.agreed else { return };
        let (payload_type, conversion) = match content {
            Content::Sound(law) => (Some(agreed.payload_type), law.conversion(agreed.law)),
            Content::Events(SAMPLE_RATE) => (agreed.events_sent(), None),
            Content::Events(_) => return,
        };
        let idle = state.keys.is_empty() && state.destination().is_some();
        let Some(payload_type) = payload_type.filter(|_| idle) else { return };
        match &mut state.source {
            Source::Relay(relay) if relay.from == from => relay.relayed(),
            Source::Relay(_)
            | Source::Silence
            | Source::Prompts(_)
            | Source::Music(_)
            | Source::Tone(_) => return,
        }
        let Some(header) = state.outgoing.relay(incoming, payload_type) else { return };
        match conversion {
            Some(table) => {
                let mut converted = [0; DATAGRAM_MAX];
                let converted = &mut converted[..payload.len()];
                for (code, meant) in converted.iter_mut().zip(payload) {
                    *code = table[usize::from(*meant)];
                }
                self.send(&mut state, &header, converted);
            }
            None => self.send(&mut state, &header, payload),
        }
    }

    /// To the destination, if there is one. Sound that the system does not take at once is dropped:
    /// late sound is worth nothing.
    fn send(&self, state: &mut State, header: &Header, payload: &[u8]) {
        let Some(destination) = state.destination() else { return };
        let mut packet = [0; DATAGRAM_MAX];
        let length = HEADER + payload.len();
        let (head, body) = packet[..length].split_at_mut(HEADER);
        head.copy_from_slice(&header.write());
        body.copy_from_slice(payload);
        let sent =
            SockRef::from(&self.socket).send_to(&packet[..length], &SockAddr::from(destination));
        state.unsent += u64::from(sent.is_err());
    }
}

impl State {
    /// What was agreed last.
    pub(super) fn terms(&self) -> Option<&Agreed> {
        self.agreed.as_ref()
    }

    /// Something else is heard from now on.
    pub(super) fn listen_to(&mut self, source: Source) {
        self.source = source;
        self.outgoing.begin_spurt();
    }

    /// Queues keys to send; those past [`KEYS_MAX`] are not.
    pub(super) fn press(&mut self, keys: Vec<Sender>) {
        let room = KEYS_MAX - self.keys.len();
        self.keys.extend(keys.into_iter().take(room));
    }

    fn hears(&self, leg: LegId) -> bool {
        matches!(&self.source, Source::Relay(relay) if relay.from == leg)
    }

    /// Where to send now; `None` on hold and before a description.
    fn destination(&self) -> Option<SocketAddr> {
        let sends = self.agreed.is_some_and(|agreed| agreed.direction.sends());
        self.latch.destination().filter(|_| sends)
    }

    /// What a packet is, and who is to have it; `None` if it is not for us.
    fn take(
        &mut self,
        header: &Header,
        payload: &[u8],
        source: SocketAddr,
        events: &mut Vec<Event>,
    ) -> Option<(Content, Weak<Line>)> {
        let agreed = self.agreed?;
        if self.drain_ticks.is_some() || !self.latch.admits(source) {
            return None;
        }
        self.heard = true;
        if !agreed.direction.receives() {
            return None;
        }
        let content = if let Some(clock_hz) = agreed.events_clock(header.payload_type) {
            self.ear.event(header, payload, clock_hz, events);
            Content::Events(clock_hz)
        } else {
            let law = agreed.sound(header.payload_type)?;
            self.ear.sound(header, law, payload, events);
            Content::Sound(law)
        };
        Some((content, self.hearer.clone()))
    }

    /// Has nothing been heard for so long, though something should? Told again after as long.
    fn is_silent(&mut self, direction: Direction, ticks_max: u32) -> bool {
        let expected = direction.sends() && direction.receives();
        if std::mem::take(&mut self.heard) || !expected {
            self.silent_ticks = 0;
        }
        self.silent_ticks += 1;
        if self.silent_ticks <= ticks_max {
            return false;
        }
        self.silent_ticks = 0;
        true
    }

    fn next_key_step(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.keys.front_mut()?.next() {
                return Some(step);
            }
            self.keys.pop_front();
        }
    }
}
