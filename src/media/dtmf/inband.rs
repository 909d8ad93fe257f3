//! Keys as tones in the sound: one of four low and one of four high frequencies at a time (ITU-T
//! Q.23), found within the limits of ITU-T Q.24.
//!
//! Sound is judged in blocks of 12.75 ms: short enough that a tone of 40 ms fills two of them
//! wherever it begins, long enough to tell neighbouring frequencies apart. A block may hold a key
//! if one low and one high frequency together are most of its sound. A press begins with the second
//! block in a row of the same key, if in the two together both tones are steady in frequency and
//! level, and there is next to nothing else: a voice has overtones and never stands still. It ends
//! after three blocks without: a pause of 40 ms always has three, an interruption of 10 ms never.

use std::f64::consts::{PI, TAU};

use crate::media::tone::{Bin, SAMPLE_RATE, share};

const LOW_HZ: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH_HZ: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Samples of a block.
const BLOCK: usize = 102;
/// Blocks without the key after which its press is over.
const BLOCKS_TO_END: u8 = 3;

// One block, measured at the nominal frequencies.
/// Mean square below which no block is looked at: two tones at -36 dB below the loudest sine.
const LEVEL_MIN: f64 = 268_000.0;
/// The least share of the two tones. Tones that are 1.5 % off, and unlike in level, have 0.73.
const NOMINAL_SHARE_MIN: f64 = 0.65;
/// The strongest of each four stands 6 dB above the other three.
const PEAK_MIN: f64 = 4.0;

// Two blocks, measured at the frequencies which the tones really have.
/// Off the nominal frequency by 1.5 % and 2 Hz: a key. By 3.5 %: none (Q.24, AT&T).
const OFF_FREQUENCY_MAX: f64 = 0.022;
/// A high tone may be 4 dB above the low one and 8 dB below (Q.24, AT&T), and a dB more.
const HIGH_OVER_LOW_MAX: f64 = 3.2;
const LOW_OVER_HIGH_MAX: f64 = 7.9;
/// How far, as a ratio of powers, a tone may rise or fall from block to block: 4.5 dB. Beside a
/// strong low tone the measure of a soft high one wavers by 3.7.
const STEP_MAX: f64 = 2.8;
/// The least share of the two tones: with noise 14 dB below them they have this much. Less would
/// find keys in voices.
const SHARE_MIN: f64 = 0.96;
/// Greatest share of the second overtones. That of a low tone lies among the high ones, whose side
/// lobes reach it.
const LOW_OVERTONE_MAX: f64 = 0.08;
const HIGH_OVERTONE_MAX: f64 = 0.02;

/// Keys heard on one leg.
#[derive(Clone, PartialEq, Debug)]
pub struct Inband {
    /// The block before and the one that is being filled.
    samples: [f64; 2 * BLOCK],
    filled: usize,
    before: Option<Block>,
    sounding: Option<char>,
    blocks_without: u8,
}

/// A block that holds a key.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Block {
    low: Peak,
    high: Peak,
}

/// The strongest of four frequencies.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Peak {
    index: usize,
    frequency_hz: f64,
    power: f64,
    phase: f64,
}

impl Default for Inband {
    fn default() -> Self {
        Self {
            samples: [0.0; 2 * BLOCK],
            filled: 0,
            before: None,
            sounding: None,
            blocks_without: 0,
        }
    }
}

impl Inband {
    /// Takes one sample at 8,000 Hz: the key whose press is recognised by it. Each press is told
    /// once, 20 to 40 ms after it began.
    pub fn hear(&mut self, sample: i16) -> Option<char> {
        self.samples[BLOCK + self.filled] = f64::from(sample);
        self.filled += 1;
        if self.filled < BLOCK {
            return None;
        }
        self.filled = 0;
        let key = self.follow(Block::judge(&self.samples[BLOCK..]));
        self.samples.copy_within(BLOCK.., 0);
        key
    }

    /// A block was judged.
    fn follow(&mut self, block: Option<Block>) -> Option<char> {
        let before = std::mem::replace(&mut self.before, block);
        let key = block.map(|block| block.key());
        if key.is_some() && key == self.sounding {
            self.blocks_without = 0;
            return None;
        }
        self.blocks_without = self.blocks_without.saturating_add(1);
        if self.blocks_without >= BLOCKS_TO_END {
            self.sounding = None;
        }
        let (before, block) = (before?, block?);
        if before.key() != block.key() || !self.is_clean(&before, &block) {
            return None;
        }
        self.blocks_without = 0;
        self.sounding = key;
        key
    }

    /// Are the two blocks in a row of one steady key, and of nothing else?
    fn is_clean(&self, before: &Block, block: &Block) -> bool {
        let share = |frequency_hz: f64| share(&self.samples, frequency_hz);
        let low = share(block.low.real_hz(&before.low));
        let high = share(block.high.real_hz(&before.high));
        block.low.continues(&before.low)
            && block.high.continues(&before.high)
            && low + high >= SHARE_MIN
            && high <= HIGH_OVER_LOW_MAX * low
            && low <= LOW_OVER_HIGH_MAX * high
            && share(2.0 * block.low.frequency_hz) <= LOW_OVERTONE_MAX
            && share(2.0 * block.high.frequency_hz) <= HIGH_OVERTONE_MAX
    }
}

impl Block {
    /// The key that the samples hold.
    fn judge(samples: &[f64]) -> Option<Self> {
        let count = samples.len() as f64;
        let energy: f64 = samples.iter().map(|sample| sample * sample).sum();
        if energy / count < LEVEL_MIN {
            return None;
        }
        let low = Peak::among(samples, &LOW_HZ)?;
        let high = Peak::among(samples, &HIGH_HZ)?;
        // The energy of a sine of amplitude A is A^2 * N / 2, its power (A * N / 2)^2.
        let energy_of_both = (low.power + high.power) * 2.0 / count;
        (energy_of_both >= NOMINAL_SHARE_MIN * energy).then_some(Self { low, high })
    }

    fn key(&self) -> char {
        KEYS[self.low.index][self.high.index]
    }
}

impl Peak {
    /// `None` if none of the four stands out.
    fn among(samples: &[f64], frequencies: &[f64; 4]) -> Option<Self> {
        let bins = frequencies.map(|frequency| Bin::of(samples.iter().copied(), frequency));
        let powers = bins.map(Bin::power);
        let index = (0..4).max_by(|&a, &b| powers[a].total_cmp(&powers[b]))?;
        let stands_out =
            (0..4).all(|other| other == index || powers[other] * PEAK_MIN <= powers[index]);
        stands_out.then(|| Self {
            index,
            frequency_hz: frequencies[index],
            power: powers[index],
            phase: bins[index].phase(),
        })
    }

    /// Is this the same sine, one block on, and near enough to its frequency?
    fn continues(&self, before: &Peak) -> bool {
        let off_hz = (self.real_hz(before) - self.frequency_hz).abs();
        off_hz <= OFF_FREQUENCY_MAX * self.frequency_hz
            && self.power <= STEP_MAX * before.power
            && before.power <= STEP_MAX * self.power
    }

    /// The frequency by which the phase has grown in one block.
    fn real_hz(&self, before: &Peak) -> f64 {
        let blocks_a_second = f64::from(SAMPLE_RATE) / BLOCK as f64;
        let expected = TAU * self.frequency_hz / blocks_a_second;
        let off = (self.phase - before.phase - expected + PI).rem_euclid(TAU) - PI;
        self.frequency_hz + off / TAU * blocks_a_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::Entropy;
    use crate::media::dtmf::tests::{Line, told};
    use crate::media::g711::Law;

    /// All keys in a row, each of which `sound` puts on a line.
    fn heard_of_all(sound: impl Fn(&mut Line, f64, f64)) -> String {
        let mut line = Line::default();
        for (low, row) in LOW_HZ.into_iter().zip(KEYS) {
            for (high, _) in HIGH_HZ.into_iter().zip(row) {
                sound(&mut line, low, high);
            }
        }
        told(&line.samples)
    }

    const ALL: &str = "123A456B789C*0#D";

    #[test]
    fn forty_milliseconds_of_tone_and_of_pause_are_enough_wherever_they_begin() {
        for shift in 0..BLOCK {
            let mut line = Line::default();
            line.silence(shift);
            for _ in 0..3 {
                line.tones(320, &[(770.0, -12.0), (1336.0, -12.0)]);
                line.silence(320);
            }
            assert_eq!(told(&line.samples), "555", "{shift}");
        }
    }

    #[test]
    fn what_is_too_short_is_nothing_and_an_interruption_ends_nothing() {
        for shift in 0..BLOCK {
            let mut line = Line::default();
            line.silence(shift);
            line.tones(150, &[(770.0, -12.0), (1336.0, -12.0)]);
            line.silence(400);
            assert_eq!(told(&line.samples), "", "19 ms, {shift}");
            for _ in 0..2 {
                line.tones(400, &[(770.0, -12.0), (1336.0, -12.0)]);
                line.silence(80);
            }
            line.silence(400);
            assert_eq!(told(&line.samples), "5", "10 ms are missing, {shift}");
        }
    }

    #[test]
    fn tones_within_the_limits_are_keys() {
        // Off the frequency by 1.5 % and 2 Hz; the levels of low and high in dB.
        for (off_low, off_high) in [(0.0, 0.0), (1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)]
        {
            for (low_db, high_db) in
                [(-6.0, -6.0), (-12.0, -20.0), (-14.0, -10.0), (-33.0, -33.0), (-9.0, -9.0)]
            {
                let off = |frequency: f64, by: f64| frequency * (1.0 + 0.015 * by) + 2.0 * by;
                let heard = heard_of_all(|line, low, high| {
                    line.tones(320, &[(off(low, off_low), low_db), (off(high, off_high), high_db)]);
                    line.silence(320);
                });
                assert_eq!(heard, ALL, "{off_low} {off_high} {low_db} {high_db}");
            }
        }
    }

    #[test]
    fn tones_beyond_the_limits_are_none() {
        type Tones = fn(f64, f64) -> Vec<(f64, f64)>;
        let table: [(&str, Tones); 9] = [
            ("low 3.5 % off", |low, high| vec![(low * 1.035, -12.0), (high, -12.0)]),
            ("low -3.5 % off", |low, high| vec![(low * 0.965, -12.0), (high, -12.0)]),
            ("high 3.5 % off", |low, high| vec![(low, -12.0), (high * 1.035, -12.0)]),
            ("high -3.5 % off", |low, high| vec![(low, -12.0), (high * 0.965, -12.0)]),
            ("high 6 dB above", |low, high| vec![(low, -16.0), (high, -10.0)]),
            ("low 11 dB above", |low, high| vec![(low, -10.0), (high, -21.0)]),
            ("too soft", |low, high| vec![(low, -38.0), (high, -38.0)]),
            ("one tone", |low, _| vec![(low, -12.0)]),
            ("overtone", |low, high| vec![(low, -12.0), (high, -12.0), (2.0 * high, -22.0)]),
        ];
        for (what, tones) in table {
            let heard = heard_of_all(|line, low, high| {
                line.tones(800, &tones(low, high));
                line.silence(320);
            });
            assert_eq!(heard, "", "{what}");
        }
    }

    #[test]
    fn keys_without_a_pause_between_them_are_told() {
        let heard = heard_of_all(|line, low, high| line.tones(500, &[(low, -12.0), (high, -12.0)]));
        assert_eq!(heard, ALL);
    }

    #[test]
    fn a_lost_packet_does_not_make_two_of_one() {
        for at in (160..640).step_by(7) {
            let mut line = Line::default();
            line.tones(960, &[(697.0, -12.0), (1477.0, -12.0)]);
            line.samples.drain(at..at + 160);
            line.silence(480);
            assert_eq!(told(&line.samples), "3", "{at}");
        }
    }

    /// Ten minutes of a voice: pulses of a pitch that slides between 70 and 400 Hz, through the
    /// resonances of vowels that change every 60 to 300 ms, with hissing in between.
    #[test]
    fn a_voice_presses_no_key() {
        let mut voice = Voice { entropy: Entropy::from_number(33), ..Voice::default() };
        let mut inband = Inband::default();
        let mut heard = String::new();
        let mut loud = 0;
        for _ in 0..10 * 60 * SAMPLE_RATE {
            let sample = Law::Mu.decode(Law::Mu.encode(voice.sample()));
            loud += u32::from(sample.unsigned_abs() > 2000);
            heard.extend(inband.hear(sample));
        }
        assert_eq!(heard, "");
        assert!(loud > 60 * SAMPLE_RATE, "loud enough to be taken for tones: {loud}");
    }

    #[cfg(feature = "node")]
    #[test]
    fn recorded_voices_and_music_press_no_key() {
        let sounds = crate::media::sounds::Sounds::load(None).unwrap();
        let recordings = sounds.ids().filter_map(|id| Some((id, sounds.prompt(id)?)));
        for (id, sound) in recordings.chain([("music", sounds.music())]) {
            let samples: Vec<i16> =
                sound.encoded(Law::A).iter().map(|&code| Law::A.decode(code)).collect();
            assert_eq!(told(&samples), "", "{id}");
        }
    }

    /// Three resonances in a row, after a source of pulses or noise.
    struct Voice {
        entropy: Entropy,
        /// Samples until the next sound.
        left: u32,
        voiced: bool,
        loudness: f64,
        pitch_hz: f64,
        slide: f64,
        phase: f64,
        resonances: [Resonance; 3],
    }

    #[derive(Clone, Copy, Default)]
    struct Resonance {
        gain: f64,
        first: f64,
        second: f64,
        last: f64,
        before: f64,
    }

    impl Default for Voice {
        fn default() -> Self {
            Self {
                entropy: Entropy::from_number(0),
                left: 0,
                voiced: true,
                loudness: 0.0,
                pitch_hz: 120.0,
                slide: 1.0,
                phase: 0.0,
                resonances: [Resonance::default(); 3],
            }
        }
    }

    impl Voice {
        fn between(&mut self, least: f64, most: f64) -> f64 {
            least + (most - least) * self.entropy.below(1_000_000) as f64 / 1e6
        }

        fn begin_sound(&mut self) {
            self.left = self.between(480.0, 2400.0) as u32;
            self.voiced = self.entropy.below(5) > 0;
            self.loudness = if self.entropy.below(6) == 0 { 0.0 } else { self.between(0.2, 1.0) };
            self.slide = 1.0 + self.between(-1.0, 1.0) / 8000.0;
            for (at, (least, most)) in
                [(250.0, 900.0), (800.0, 2300.0), (2000.0, 3200.0)].into_iter().enumerate()
            {
                let (center_hz, width_hz) = (self.between(least, most), self.between(40.0, 120.0));
                self.resonances[at].tune(center_hz, width_hz);
            }
        }

        fn sample(&mut self) -> i16 {
            if self.left == 0 {
                self.begin_sound();
            }
            self.left -= 1;
            self.pitch_hz = (self.pitch_hz * self.slide).clamp(70.0, 400.0);
            self.phase += self.pitch_hz / f64::from(SAMPLE_RATE);
            let source = if !self.voiced {
                self.between(-1.0, 1.0)
            } else if self.phase >= 1.0 {
                self.phase -= 1.0;
                8.0
            } else {
                0.0
            };
            let mut sound = source * self.loudness * 4000.0;
            for resonance in &mut self.resonances {
                sound = resonance.pass(sound);
            }
            sound.clamp(-32_000.0, 32_000.0) as i16
        }
    }

    impl Resonance {
        /// What lies far below its center passes unchanged.
        fn tune(&mut self, center_hz: f64, width_hz: f64) {
            let radius = (-PI * width_hz / f64::from(SAMPLE_RATE)).exp();
            let angle = TAU * center_hz / f64::from(SAMPLE_RATE);
            self.first = 2.0 * radius * angle.cos();
            self.second = radius * radius;
            self.gain = 1.0 - self.first + self.second;
        }

        fn pass(&mut self, source: f64) -> f64 {
            let sound = self.gain * source + self.first * self.last - self.second * self.before;
            (self.before, self.last) = (self.last, sound);
            sound
        }
    }
}
