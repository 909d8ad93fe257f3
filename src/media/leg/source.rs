//! What a leg hears: one source at a time, asked for 20 ms after 20 ms.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ident::{LegId, PlayId};
use crate::media::g711::Law;
use crate::media::prompt::Fragment;
use crate::media::rtp::FRAME;
use crate::media::sounds::{Sound, Sounds};
use crate::media::tone::{SAMPLE_RATE, Tone};

/// Ticks without a packet of the other leg after which a gap is filled: 100 ms.
const GAP_TICKS: u32 = 5;

/// Where the sound comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// Encoded silence: the line is never dead, and a NAT stays open.
    Silence,
    /// Fragments, then silence.
    Prompts(Prompts),
    /// Music without end.
    Music(Loop),
    /// A tone without end.
    Tone(Tone),
    /// The packets of another leg; what is filled into its gaps is told by [`Relay`].
    Relay(Relay),
}

/// What came of a tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Filled {
    /// The frame is to be sent.
    Frame,
    /// The frame is to be sent and was the last of this order.
    LastFrame(PlayId),
    /// Another leg's packets are being sent.
    Relayed,
}

impl Source {
    /// Fills the next 20 ms into `frame`, which holds silence.
    pub(super) fn fill(&mut self, frame: &mut [u8; FRAME], law: Law, sounds: &Sounds) -> Filled {
        match self {
            Source::Silence => Filled::Frame,
            Source::Prompts(prompts) => {
                if prompts.fill(frame, law) {
                    let play = prompts.play;
                    *self = Source::Silence;
                    return Filled::LastFrame(play);
                }
                Filled::Frame
            }
            Source::Music(music) => music.fill(frame, law, sounds.music()),
            Source::Tone(tone) => {
                frame.iter_mut().zip(tone).for_each(|(code, sample)| *code = law.encode(sample));
                Filled::Frame
            }
            Source::Relay(relay) => relay.fill(frame, law, sounds),
        }
    }
}

/// An order to play.
#[derive(Debug)]
pub(super) struct Prompts {
    play: PlayId,
    parts: VecDeque<Part>,
    /// Samples of the first part that were played.
    played: usize,
}

#[derive(Debug)]
enum Part {
    Sound(Sound),
    /// Samples of silence.
    Pause(usize),
}

impl Prompts {
    /// Sounds that do not exist are left out, and said so in the log.
    pub(super) fn new(play: PlayId, fragments: Vec<Fragment>, sounds: &Sounds) -> Self {
        let part = |fragment| match fragment {
            Fragment::Pause(pause) => {
                let samples = pause.as_millis() * u128::from(SAMPLE_RATE / 1000);
                Some(Part::Pause(usize::try_from(samples).unwrap_or(usize::MAX)))
            }
            Fragment::Sound(id) => {
                let sound = sounds.prompt(&id).cloned();
                if sound.is_none() {
                    tracing::warn!(id, "no such sound; it is left out");
                }
                sound.map(Part::Sound)
            }
        };
        Self { play, parts: fragments.into_iter().filter_map(part).collect(), played: 0 }
    }

    /// Fills the frame; `true` if nothing is left to play.
    fn fill(&mut self, frame: &mut [u8; FRAME], law: Law) -> bool {
        let mut filled = 0;
        while let Some(part) = self.parts.front().filter(|_| filled < FRAME) {
            let length = match part {
                Part::Sound(sound) => sound.encoded(law).len(),
                Part::Pause(samples) => *samples,
            };
            let count = (length - self.played).min(FRAME - filled);
            if let Part::Sound(sound) = part {
                let codes = &sound.encoded(law)[self.played..self.played + count];
                frame[filled..filled + count].copy_from_slice(codes);
            }
            filled += count;
            self.played += count;
            if self.played == length {
                self.parts.pop_front();
                self.played = 0;
            }
        }
        self.parts.is_empty()
    }
}

/// A place in a sound that begins again at its end.
#[derive(Debug, Default)]
pub(super) struct Loop {
    played: usize,
}

impl Loop {
    fn fill(&mut self, frame: &mut [u8; FRAME], law: Law, sound: &Sound) -> Filled {
        let codes = sound.encoded(law);
        for code in frame {
            *code = codes[self.played];
            self.played = (self.played + 1) % codes.len();
        }
        Filled::Frame
    }
}

/// Another leg is heard. While nothing comes from it there is silence, or music if it holds us.
#[derive(Debug)]
pub(super) struct Relay {
    /// The leg that is heard.
    pub(super) from: LegId,
    /// Does that leg hold the call?
    pub(super) holds: Arc<AtomicBool>,
    gap_ticks: u32,
    music: Loop,
}

impl Relay {
    /// Begins in a gap.
    pub(super) fn new(from: LegId, holds: Arc<AtomicBool>) -> Self {
        Self { from, holds, gap_ticks: GAP_TICKS, music: Loop::default() }
    }

    /// A packet of the other leg was sent.
    pub(super) fn relayed(&mut self) {
        self.gap_ticks = 0;
    }

    fn fill(&mut self, frame: &mut [u8; FRAME], law: Law, sounds: &Sounds) -> Filled {
        if self.gap_ticks < GAP_TICKS {
            self.gap_ticks += 1;
            return Filled::Relayed;
        }
        if self.holds.load(Ordering::Relaxed) {
            return self.music.fill(frame, law, sounds.music());
        }
        Filled::Frame
    }
}
