//! Who answered a dialled call, judged by the cadence of the greeting: a hint, never a proof.
//!
//! ```text
//! silence ─> greeting ─ silence of 0.8 s after at most 2 s ─> Person
//!    │          ├────── longer than 2 s ────────────────────> Machine ─> the beep, if one comes
//!    │          └────── a beep ─────────────────────────────> Machine, the beep
//!    └ 4 s without a greeting ─> Unknown ─> the beep, if one comes
//! ```
//! A person says a word or two and waits; a machine speaks on. Sound counts from -40 dB, whatever
//! it is: on a noisy line everybody is a machine, and so is our own voice where the line echoes.
//! The beep is told so that a message can be spoken after it.

use super::rtp::FRAME;
use super::tone::share;

/// What the answer sounds like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hint {
    /// A short greeting, then silence.
    Person,
    /// A long greeting, or one that ends in a beep.
    Machine,
    /// Nobody spoke.
    Unknown,
}

/// What the classifier tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// Once.
    Hint(Hint),
    /// A beep has ended: once, after the hint, and never after [`Hint::Person`].
    Beep,
}

const fn frames(ms: usize) -> usize {
    ms / 20
}

/// Without a greeting for so long: unknown.
const SILENCE_MAX: usize = frames(4000);
/// A longer greeting is that of a machine.
const GREETING_MAX: usize = frames(2000);
/// So much sound is a greeting; less, between silences, is a click.
const GREETING_MIN: usize = frames(80);
/// So much silence ends a greeting.
const PAUSE_MIN: usize = frames(800);
/// Shortest and longest beep: a tone of 100 ms fills 4 frames at least, one of 2 s touches 101.
const BEEP_MIN: usize = frames(80);
const BEEP_MAX: usize = frames(2020);
/// Frames within a beep that may be anything: what was lost, or changed by the line.
const BEEP_GAP_MAX: usize = 1;
/// How long a beep is waited for, from the answer.
const LISTEN_MAX: usize = frames(60_000);

/// Mean square of sound at -40 dB below the loudest sine.
const LEVEL_MIN: f64 = 53_700.0;
/// A beep is one frequency of these, which holds so much of the energy of its frames.
const BEEP_HZ: std::ops::RangeInclusive<u32> = 400..=2200;
const BEEP_SHARE_MIN: f64 = 0.75;
/// Frequencies are tried so far apart: one between two still has 0.8 of its energy at either.
const GRID_HZ: u32 = 25;

/// Listens to the answer of one dialled call.
#[derive(Clone, PartialEq, Debug)]
pub struct AnswerClassifier {
    frame: [f64; FRAME],
    filled: usize,
    /// Frames since the answer.
    at: usize,
    greeting: Option<Greeting>,
    beep: Option<Beep>,
    hint: Option<Hint>,
    /// Judged by its beep, which is still to be told.
    beep_due: bool,
    done: bool,
}

/// Frames since the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Greeting {
    first: usize,
    last: usize,
    voiced: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Beep {
    frequency_hz: u32,
    frames: usize,
    gap: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sound {
    Silence,
    Voice,
    Tone(u32),
}

impl Default for AnswerClassifier {
    fn default() -> Self {
        Self {
            frame: [0.0; FRAME],
            filled: 0,
            at: 0,
            greeting: None,
            beep: None,
            hint: None,
            beep_due: false,
            done: false,
        }
    }
}

impl AnswerClassifier {
    /// Takes one sample at 8,000 Hz, from the answer on, silence included: what it tells.
    pub fn hear(&mut self, sample: i16) -> Option<Heard> {
        self.frame[self.filled] = f64::from(sample);
        self.filled = (self.filled + 1) % FRAME;
        if self.filled > 0 || self.done {
            return None;
        }
        let sound = Sound::of(&self.frame);
        self.at += 1;
        let heard = self.follow(sound);
        self.done |=
            self.at >= LISTEN_MAX || matches!(heard, Some(Heard::Beep | Heard::Hint(Hint::Person)));
        heard
    }

    /// Will nothing more be told?
    pub fn is_done(&self) -> bool {
        self.done
    }

    fn follow(&mut self, sound: Sound) -> Option<Heard> {
        if self.beep_due {
            return Some(Heard::Beep);
        }
        if self.beep_ends(sound) {
            self.beep_due = self.hint.is_none();
            return Some(if self.beep_due { self.judge(Hint::Machine) } else { Heard::Beep });
        }
        if self.hint.is_some() {
            return None;
        }
        match (sound, &mut self.greeting) {
            (Sound::Voice, Some(greeting)) => {
                greeting.last = self.at;
                greeting.voiced += 1;
            }
            (Sound::Voice, None) => {
                self.greeting = Some(Greeting { first: self.at, last: self.at, voiced: 1 });
            }
            // A tone is not yet anything: a beep is known by its end.
            (Sound::Silence | Sound::Tone(_), _) => {}
        }
        let in_beep = self.beep.is_some_and(|beep| beep.frames <= BEEP_MAX);
        let Some(greeting) = self.greeting else {
            let waits = in_beep || self.at < SILENCE_MAX;
            return (!waits).then(|| self.judge(Hint::Unknown));
        };
        if greeting.last - greeting.first >= GREETING_MAX {
            return Some(self.judge(Hint::Machine));
        }
        if in_beep || self.at - greeting.last < PAUSE_MIN {
            return None;
        }
        if greeting.voiced < GREETING_MIN {
            self.greeting = None;
            return None;
        }
        Some(self.judge(Hint::Person))
    }

    fn judge(&mut self, hint: Hint) -> Heard {
        self.hint = Some(hint);
        Heard::Hint(hint)
    }

    /// Follows a tone: is it over, and was it a beep?
    fn beep_ends(&mut self, sound: Sound) -> bool {
        let tone = match sound {
            Sound::Tone(frequency_hz) => Some(frequency_hz),
            Sound::Silence | Sound::Voice => None,
        };
        let Some(beep) = &mut self.beep else {
            self.beep = tone.map(|frequency_hz| Beep { frequency_hz, frames: 1, gap: 0 });
            return false;
        };
        if tone.is_some_and(|tone| tone.abs_diff(beep.frequency_hz) <= GRID_HZ) {
            // Past the longest beep it is never one again.
            beep.frames = (beep.frames + 1 + beep.gap).min(BEEP_MAX + 1);
            beep.gap = 0;
            return false;
        }
        beep.gap += 1;
        if beep.gap <= BEEP_GAP_MAX {
            return false;
        }
        let was = (BEEP_MIN..=BEEP_MAX).contains(&beep.frames);
        self.beep = None;
        was
    }
}

impl Sound {
    fn of(frame: &[f64; FRAME]) -> Self {
        let energy: f64 = frame.iter().map(|sample| sample * sample).sum();
        if energy / (FRAME as f64) < LEVEL_MIN {
            return Sound::Silence;
        }
        let strongest = BEEP_HZ
            .step_by(GRID_HZ as usize)
            .map(|frequency_hz| (share(frame, f64::from(frequency_hz)), frequency_hz))
            .max_by(|(a, _), (b, _)| a.total_cmp(b));
        match strongest {
            Some((share, frequency_hz)) if share >= BEEP_SHARE_MIN => Sound::Tone(frequency_hz),
            Some(_) | None => Sound::Voice,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::ident::Entropy;
    use crate::media::g711::Law;

    #[derive(Clone, Copy)]
    enum Part {
        Silence(usize),
        Speech(usize),
        /// Frequency, and ms.
        Tone(u32, usize),
        /// Two at once: a key, or a ringing tone.
        Two(u32, u32, usize),
    }
    use Part::{Silence, Speech, Tone, Two};

    /// What is told, and how many ms after the answer.
    fn told(parts: &[Part]) -> Vec<(usize, Heard)> {
        let mut entropy = Entropy::from_number(1);
        let mut samples = Vec::new();
        for part in parts {
            let (Silence(ms) | Speech(ms) | Tone(_, ms) | Two(_, _, ms)) = *part;
            samples.extend((0..ms * 8).map(|n| {
                let at = n as f64 / 8000.0;
                let sine = |hz: f64| (TAU * hz * at).sin();
                // Harmonics of a voice that falls and rises in syllables of 200 ms.
                let speech = || {
                    let pitch = 130.0 * at + 2.0 * (TAU * 2.5 * at).cos();
                    let voice: f64 = (1..12).map(|k| (TAU * pitch * f64::from(k)).sin()).sum();
                    voice * 900.0 * (TAU * 2.5 * at).sin().abs()
                };
                let sound = match *part {
                    Silence(_) => 0.0,
                    Speech(_) => speech(),
                    Tone(hz, _) => 6000.0 * sine(hz.into()),
                    Two(low, high, _) => 5000.0 * (sine(low.into()) + sine(high.into())),
                };
                sound + entropy.below(101) as f64 - 50.0
            }));
        }
        let mut classifier = AnswerClassifier::default();
        let mut told = Vec::new();
        for (n, sample) in samples.into_iter().enumerate() {
            let heard = classifier.hear(Law::Mu.decode(Law::Mu.encode(sample as i16)));
            told.extend(heard.map(|heard| (n / 8, heard)));
        }
        told
    }

    fn heard(parts: &[Part]) -> Vec<Heard> {
        told(parts).into_iter().map(|(_, heard)| heard).collect()
    }

    const PERSON: &[Heard] = &[Heard::Hint(Hint::Person)];
    const MACHINE: &[Heard] = &[Heard::Hint(Hint::Machine)];
    const UNKNOWN: &[Heard] = &[Heard::Hint(Hint::Unknown)];
    const MACHINE_BEEP: &[Heard] = &[Heard::Hint(Hint::Machine), Heard::Beep];
    const UNKNOWN_BEEP: &[Heard] = &[Heard::Hint(Hint::Unknown), Heard::Beep];

    #[test]
    fn cadences_are_told_apart() {
        let table: &[(&str, &[Part], &[Heard])] = &[
            ("hello", &[Silence(300), Speech(500), Silence(1000)], PERSON),
            ("at once", &[Speech(300), Silence(1000)], PERSON),
            ("hello, hello", &[Speech(400), Silence(600), Speech(400), Silence(1000)], PERSON),
            ("a firm and a name", &[Silence(500), Speech(1800), Silence(1000)], PERSON),
            (
                "after a click",
                &[Silence(1000), Speech(40), Silence(900), Speech(500), Silence(1000)],
                PERSON,
            ),
            ("not yet", &[Speech(500), Silence(700)], &[]),
            ("a long greeting", &[Silence(500), Speech(4000)], MACHINE),
            (
                "in sentences",
                &[Speech(900), Silence(400), Speech(900), Silence(400), Speech(500)],
                MACHINE,
            ),
            ("nobody", &[Silence(5000)], UNKNOWN),
            ("clicks only", &[Silence(1000), Speech(40), Silence(4000)], UNKNOWN),
            ("keys are no beep", &[Two(697, 1209, 200), Silence(1000)], PERSON),
        ];
        for (what, parts, expected) in table {
            assert_eq!(heard(parts), *expected, "{what}");
        }
    }

    #[test]
    fn a_hint_comes_in_time() {
        let (at, _) = told(&[Silence(300), Speech(500), Silence(2000)])[0];
        assert!((1500..=1650).contains(&at), "{at}: 0.8 s after the word");
        let (at, _) = told(&[Silence(300), Speech(5000)])[0];
        assert!((2250..=2400).contains(&at), "{at}: after 2 s of speech");
        assert_eq!(told(&[Silence(9000)])[0].0, 3999);
    }

    #[test]
    fn beeps_are_told_at_their_end() {
        let long = [Speech(3000), Silence(300)];
        let after = |tone: Part| heard(&[&long[..], &[tone, Silence(500)]].concat());
        for hz in [400, 425, 440, 612, 988, 1000, 1213, 1400, 2200] {
            for ms in [100, 300, 1000, 2000] {
                assert_eq!(after(Tone(hz, ms)), MACHINE_BEEP, "{hz} {ms}");
            }
        }
        for (what, tone) in [
            ("too short", Tone(1000, 40)),
            ("too long", Tone(1000, 2200)),
            ("too low", Tone(300, 500)),
            ("too high", Tone(2300, 500)),
            ("two tones", Two(440, 480, 500)),
            ("still sounding", Tone(1000, 900)),
        ] {
            let parts = [&long[..], &[tone]].concat();
            let ended = what != "still sounding";
            let heard = if ended { after(tone) } else { heard(&parts) };
            assert_eq!(heard, MACHINE, "{what}");
        }
        let at = told(&[Speech(3000), Silence(300), Tone(1000, 500), Silence(500)])[1].0;
        assert!((3800..=3860).contains(&at), "{at}: its end is soon told");
    }

    #[test]
    fn a_beep_is_found_wherever_it_begins_and_through_a_lost_frame() {
        for shift in 0..20 {
            let parts = [Speech(3000), Silence(300 + shift), Tone(1000, 100), Silence(200)];
            assert_eq!(heard(&parts), MACHINE_BEEP, "{shift}");
            let parts =
                [Speech(3000), Silence(300), Tone(1000, 280 + shift), Silence(20), Tone(1000, 300)];
            assert_eq!(heard(&[&parts[..], &[Silence(200)]].concat()), MACHINE_BEEP, "{shift}");
        }
    }

    #[test]
    fn a_beep_judges_what_was_not_judged_and_none_is_sought_after_a_person() {
        let table: &[(&str, &[Part], &[Heard])] = &[
            (
                "a short greeting",
                &[Speech(1000), Silence(300), Tone(1000, 500), Silence(300)],
                MACHINE_BEEP,
            ),
            ("no greeting", &[Silence(1000), Tone(800, 500), Silence(300)], MACHINE_BEEP),
            ("a late one", &[Silence(5000), Tone(800, 500), Silence(300)], UNKNOWN_BEEP),
            ("a person", &[Speech(500), Silence(1000), Tone(800, 500), Silence(300)], PERSON),
            (
                "once",
                &[Speech(3000), Tone(800, 500), Silence(300), Tone(800, 500), Silence(300)],
                MACHINE_BEEP,
            ),
            ("a fax", &[Silence(500), Tone(2100, 3500), Silence(4000)], UNKNOWN),
            ("a tone without end", &[Tone(425, 6000)], UNKNOWN),
        ];
        for (what, parts, expected) in table {
            assert_eq!(heard(parts), *expected, "{what}");
        }
    }

    #[test]
    fn listening_ends() {
        let mut classifier = AnswerClassifier::default();
        let heard: Vec<Heard> = (0..LISTEN_MAX * FRAME)
            .filter_map(|_| {
                assert!(!classifier.is_done());
                classifier.hear(0)
            })
            .collect();
        assert_eq!(heard, UNKNOWN);
        assert!(classifier.is_done());
        let beep = (0..16_000).map(|n| if n < 8000 && n % 8 < 4 { 8000 } else { 0 });
        assert!(beep.filter_map(|sample| classifier.hear(sample)).next().is_none());
    }
}
