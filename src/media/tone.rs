//! Tones: a generator, and the measure by which a sound path is proved.

use std::f64::consts::TAU;

/// Samples a second, everywhere in this module's parent.
pub const SAMPLE_RATE: u32 = 8000;

/// An endless sine.
#[derive(Clone, PartialEq, Debug)]
pub struct Tone {
    frequency_hz: f64,
    amplitude: f64,
    at: u32,
}

impl Tone {
    /// `frequency_hz` below half the sample rate; `level_db` relative to the loudest sine, at most
    /// 0.
    pub fn new(frequency_hz: u32, level_db: f64) -> Self {
        let amplitude = f64::from(i16::MAX) * 10f64.powf(level_db.min(0.0) / 20.0);
        Self { frequency_hz: f64::from(frequency_hz), amplitude, at: 0 }
    }
}

impl Iterator for Tone {
    type Item = i16;

    fn next(&mut self) -> Option<i16> {
        let phase = TAU * self.frequency_hz * f64::from(self.at) / f64::from(SAMPLE_RATE);
        // The frequency is a whole number, so the sine repeats with every second.
        self.at = (self.at + 1) % SAMPLE_RATE;
        Some((self.amplitude * phase.sin()).round() as i16)
    }
}

/// Samples of one measuring frame: 50 ms, so that neighbours stand [`GRID_HZ`] apart.
const FRAME: usize = 400;
const GRID_HZ: u32 = SAMPLE_RATE / FRAME as u32;
/// Half the width of a sine under a Blackman window, with one step to spare.
const SPREAD_HZ: u32 = 4 * GRID_HZ;

/// The level of one frequency in dB relative to the loudest sine: the mean over frames of 50 ms
/// under a Blackman window (side lobes at -58 dB). `None` if there is not one whole frame.
pub fn level_db(samples: &[i16], frequency_hz: u32) -> Option<f64> {
    let window = blackman();
    let frames = samples.chunks_exact(FRAME);
    let count = frames.len();
    let power: f64 = frames.map(|frame| power_at(frame, &window, f64::from(frequency_hz))).sum();
    // A power of nothing at all is -200 dB, not minus infinity.
    (count > 0).then(|| 10.0 * (power / count as f64).max(1e-20).log10())
}

/// How far `frequency_hz` stands above the strongest other frequency (100 to 3,900 Hz, more than 80
/// Hz away), in dB; negative if another is stronger. `None` if there is not one whole frame.
pub fn prominence_db(samples: &[i16], frequency_hz: u32) -> Option<f64> {
    let own = level_db(samples, frequency_hz)?;
    let others = (100..=3900u32).step_by(GRID_HZ as usize);
    let strongest = others
        .filter(|other| other.abs_diff(frequency_hz) > SPREAD_HZ)
        .filter_map(|other| level_db(samples, other))
        .fold(f64::NEG_INFINITY, f64::max);
    Some(own - strongest)
}

fn blackman() -> [f64; FRAME] {
    std::array::from_fn(|n| {
        let turn = TAU * n as f64 / FRAME as f64;
        0.42 - 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos()
    })
}

/// 1.0 for a full-scale sine of that frequency.
fn power_at(frame: &[i16], window: &[f64; FRAME], frequency_hz: f64) -> f64 {
    let weighted = frame.iter().zip(window).map(|(&sample, weight)| f64::from(sample) * weight);
    let full = f64::from(i16::MAX) * window.iter().sum::<f64>() / 2.0;
    Bin::of(weighted, frequency_hz).power() / (full * full)
}

/// One frequency in a row of samples, as a complex number (Goertzel's algorithm).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bin {
    real: f64,
    imaginary: f64,
}

impl Bin {
    /// `frequency_hz` below half the sample rate.
    pub fn of(samples: impl Iterator<Item = f64>, frequency_hz: f64) -> Self {
        let angle = TAU * frequency_hz / f64::from(SAMPLE_RATE);
        let turn = 2.0 * angle.cos();
        let (mut last, mut before) = (0.0, 0.0);
        for sample in samples {
            (before, last) = (last, sample + turn * last - before);
        }
        Self { real: last - before * angle.cos(), imaginary: before * angle.sin() }
    }

    /// The square of its size: `(A * N / 2)^2` for a sine of amplitude A in N samples.
    pub fn power(self) -> f64 {
        self.real * self.real + self.imaginary * self.imaginary
    }

    /// In radians. Between two rows that follow each other it grows by that of the sine in between,
    /// which tells how far the sine is from this frequency.
    pub fn phase(self) -> f64 {
        self.imaginary.atan2(self.real)
    }
}

/// How much of the energy of `samples` lies at one frequency: 1.0 for a sine of it, whatever its
/// level; 0 for silence.
pub fn share(samples: &[f64], frequency_hz: f64) -> f64 {
    let energy: f64 = samples.iter().map(|sample| sample * sample).sum();
    let whole = energy * samples.len() as f64 / 2.0;
    if whole == 0.0 { 0.0 } else { Bin::of(samples.iter().copied(), frequency_hz).power() / whole }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::g711::Law;

    fn mix(tones: &[(u32, f64)]) -> Vec<i16> {
        let mut tones: Vec<Tone> = tones.iter().map(|&(f, level)| Tone::new(f, level)).collect();
        (0..16_000).map(|_| tones.iter_mut().filter_map(Tone::next).sum()).collect()
    }

    #[test]
    fn levels_are_measured_where_they_are() {
        for (frequency, level) in [(440, -10.0), (1000, -30.0), (433, -20.0), (3400, -6.0)] {
            let measured = level_db(&mix(&[(frequency, level)]), frequency).unwrap();
            assert!((measured - level).abs() < 0.5, "{frequency} {level} {measured}");
        }
    }

    #[test]
    fn prominence_is_the_distance_to_the_strongest_other() {
        let two = mix(&[(440, -10.0), (1000, -35.0)]);
        assert!((prominence_db(&two, 440).unwrap() - 25.0).abs() < 0.5);
        assert!((prominence_db(&two, 1000).unwrap() + 25.0).abs() < 0.5);
        assert!(prominence_db(&two, 700).unwrap() < -40.0);
    }

    #[test]
    fn a_tone_stays_prominent_through_both_laws() {
        for law in Law::ALL {
            let line: Vec<i16> =
                mix(&[(697, -12.0)]).iter().map(|&s| law.decode(law.encode(s))).collect();
            assert!(prominence_db(&line, 697).unwrap() > 40.0, "{law:?}");
        }
    }

    #[test]
    fn a_share_is_of_all_there_is() {
        let line: Vec<f64> =
            mix(&[(1000, -20.0), (500, -26.0)]).iter().map(|&s| f64::from(s)).collect();
        for (frequency, expected) in [(1000.0, 0.8), (500.0, 0.2), (2000.0, 0.0)] {
            assert!((share(&line, frequency) - expected).abs() < 0.01, "{frequency}");
        }
        assert_eq!(share(&[0.0; 160], 1000.0), 0.0);
    }

    #[test]
    fn the_phase_grows_by_what_sounds() {
        let line: Vec<f64> = mix(&[(1010, -20.0)]).iter().map(|&s| f64::from(s)).collect();
        let phase = |from: usize| Bin::of(line[from..from + 160].iter().copied(), 1000.0).phase();
        // 1010 Hz turn 20.2 times in 20 ms.
        let grown = (phase(160) - phase(0)).rem_euclid(TAU) / TAU;
        assert!((grown - 0.2).abs() < 0.01, "{grown}");
    }

    #[test]
    fn silence_and_too_little_are_told_apart() {
        assert!(level_db(&[0; 800], 440).unwrap() < -150.0);
        assert_eq!(prominence_db(&[0; 399], 440), None);
    }
}
