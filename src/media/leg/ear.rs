//! What we hear on a leg ourselves, besides passing it on: keys, recordings, answering machines.

use super::Recording;
use super::worker::TICK;
use crate::ident::LegId;
use crate::media::Event;
use crate::media::answer::{AnswerClassifier, Heard};
use crate::media::dtmf::Digits;
use crate::media::g711::Law;
use crate::media::rtp::{Arrivals, FRAME, Header};
use crate::time::Duration;

/// Ticks without sound after which silence is heard: 100 ms. Many sources send nothing while nobody
/// speaks.
const GAP_TICKS: u32 = 5;

/// The ear of one leg.
#[derive(Debug)]
pub(super) struct Ear {
    leg: LegId,
    digits: Digits,
    arrivals: Arrivals,
    answer: Option<Box<AnswerClassifier>>,
    recording: Option<Recording>,
    ticks: u32,
    quiet_ticks: u32,
}

impl Ear {
    pub(super) fn new(leg: LegId) -> Self {
        Self {
            leg,
            digits: Digits::default(),
            arrivals: Arrivals::default(),
            answer: None,
            recording: None,
            ticks: 0,
            quiet_ticks: 0,
        }
    }

    /// The other side, which is another than before if it `moved`, takes telephone events or not.
    pub(super) fn agreed(&mut self, events: bool, moved: bool) {
        self.digits.agreed(events, moved);
    }

    /// Keeps what is received in `recording` from now on.
    pub(super) fn record(&mut self, recording: Recording) {
        self.recording = Some(recording);
    }

    /// Judges what is received from now on.
    pub(super) fn listen_for_machine(&mut self) {
        self.answer = Some(Box::default());
        self.quiet_ticks = 0;
    }

    /// Hears nothing more.
    pub(super) fn close(&mut self) {
        self.answer = None;
        self.recording = None;
    }

    /// A packet of a telephone event.
    pub(super) fn event(
        &mut self,
        header: &Header,
        payload: &[u8],
        clock_hz: u32,
        events: &mut Vec<Event>,
    ) {
        let digit = self.digits.event(self.at(), header, payload, clock_hz);
        events.extend(digit.map(|digit| Event::Digit { leg: self.leg, digit }));
    }

    /// A key told by INFO.
    pub(super) fn info(&mut self, key: char) -> Option<Event> {
        let digit = self.digits.info(self.at(), key)?;
        Some(Event::Digit { leg: self.leg, digit })
    }

    /// A packet of sound. It is decoded only if somebody listens.
    pub(super) fn sound(
        &mut self,
        header: &Header,
        law: Law,
        payload: &[u8],
        events: &mut Vec<Event>,
    ) {
        if let Some(recording) = &self.recording {
            recording.add(law, payload);
        }
        self.quiet_ticks = 0;
        if self.answer.is_none() && !self.digits.hears_tones() {
            return;
        }
        let Some(silence) = self.arrivals.arrive(header, payload.len()) else { return };
        for sample in payload.iter().map(|&code| law.decode(code)) {
            self.judge(sample, events);
        }
        if self.digits.hears_tones() {
            let at = self.at();
            let pause = std::iter::repeat_n(0, silence);
            let sound = payload.iter().map(|&code| law.decode(code));
            let told = pause.chain(sound).filter_map(|sample| self.digits.hear(at, sample));
            events.extend(told.map(|digit| Event::Digit { leg: self.leg, digit }));
        }
    }

    /// 20 ms went by.
    pub(super) fn tick(&mut self, events: &mut Vec<Event>) {
        self.ticks = self.ticks.saturating_add(1);
        self.quiet_ticks = self.quiet_ticks.saturating_add(1);
        let silence = match self.quiet_ticks {
            ..GAP_TICKS => 0,
            GAP_TICKS => GAP_TICKS as usize * FRAME,
            _ => FRAME,
        };
        for _ in 0..silence {
            self.judge(0, events);
        }
    }

    /// Time since the leg began; a thread that is late may count less.
    fn at(&self) -> Duration {
        TICK * self.ticks
    }

    fn judge(&mut self, sample: i16, events: &mut Vec<Event>) {
        let Some(answer) = &mut self.answer else { return };
        match answer.hear(sample) {
            Some(Heard::Hint(hint)) => events.push(Event::AnswerHint { leg: self.leg, hint }),
            Some(Heard::Beep) => events.push(Event::Beep { leg: self.leg }),
            None => {}
        }
        if answer.is_done() {
            self.answer = None;
        }
    }
}
