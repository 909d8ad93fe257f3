//! How loud a recording is, and whether it may stand beside the others.
//!
//! Loudness is that of ITU-R BS.1770-4, in LUFS, of the recording repeated until it lasts three
//! seconds: it is gated by blocks of 400 ms, and many recordings are one word.

use ebur128::{EbuR128, Mode};

use crate::media::tone::SAMPLE_RATE;

/// The loudness of all prompts, LUFS.
pub const LOUDNESS: f64 = -23.0;
/// How far from it a prompt may be, LU.
pub const LOUDNESS_WITHIN: f64 = 1.0;
/// Highest peak: 3 dB below full scale.
pub const PEAK_MAX: u16 = 23_197;
/// Longest silence before the first sound and after the last, ms.
pub const SILENCE_MAX_MS: usize = 60;

/// Silence is 5 ms whose level is below this: 50 dB below full scale.
const SILENT_BELOW: f64 = 103.6;
const STRETCH: usize = SAMPLE_RATE as usize / 200;
const LEAST: usize = 3 * SAMPLE_RATE as usize;
/// So many samples in a row at full scale are cut off.
const CLIPPED_FROM: usize = 3;

/// What is wrong with the levels of a prompt.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Finding {
    /// Cut off at full scale.
    #[error("is clipped; record it with less gain")]
    Clipped,
    /// A peak above [`PEAK_MAX`].
    #[error("peaks {0:.1} dB below full scale; make it at least 3 dB")]
    Peak(f64),
    /// More than [`LOUDNESS_WITHIN`] from [`LOUDNESS`].
    #[error(
        "is at {0:.1} LUFS and the others at {LOUDNESS}; change its gain by {gain:+.1} dB",
        gain = LOUDNESS - .0
    )]
    Loudness(f64),
    /// Nothing but silence.
    #[error("is silent; record it again")]
    Silent,
    /// Silence at the start, ms.
    #[error("begins with {0} ms of silence; cut it to {SILENCE_MAX_MS}")]
    Before(usize),
    /// Silence at the end, ms.
    #[error("ends with {0} ms of silence; cut it to {SILENCE_MAX_MS}")]
    After(usize),
}

impl Finding {
    /// Is it wrong for speech alone? Music has other levels, and may begin softly.
    pub fn is_of_speech(&self) -> bool {
        match self {
            Finding::Loudness(_) | Finding::Before(_) | Finding::After(_) => true,
            Finding::Clipped | Finding::Peak(_) | Finding::Silent => false,
        }
    }
}

/// Loudness, LUFS; `None`: silence, or nothing.
pub fn loudness(samples: &[i16]) -> Option<f64> {
    if samples.is_empty() {
        return None;
    }
    let mut meter = EbuR128::new(1, SAMPLE_RATE, Mode::I).ok()?;
    for _ in 0..LEAST.div_ceil(samples.len()).max(1) {
        meter.add_frames_i16(samples).ok()?;
    }
    meter.loudness_global().ok().filter(|lufs| lufs.is_finite())
}

/// Silence before the first sound and after the last, ms; `None`: all of it is silent.
pub fn silences(samples: &[i16]) -> Option<(usize, usize)> {
    let sounds = |stretch: &[i16]| {
        let power: f64 = stretch.iter().map(|&s| f64::from(s).powi(2)).sum();
        (power / stretch.len() as f64).sqrt() >= SILENT_BELOW
    };
    let before = samples.chunks(STRETCH).position(sounds)?;
    let after = samples.rchunks(STRETCH).position(sounds)?;
    Some((before * 5, after * 5))
}

/// What is wrong with the levels of a prompt; empty: nothing.
pub fn findings(samples: &[i16]) -> Vec<Finding> {
    let Some((before, after)) = silences(samples) else { return vec![Finding::Silent] };
    let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    let full = |run: &[i16]| run.iter().all(|sample| sample.unsigned_abs() >= 32_767);
    let mut found = Vec::new();
    if samples.windows(CLIPPED_FROM).any(full) {
        found.push(Finding::Clipped);
    } else if peak > PEAK_MAX {
        found.push(Finding::Peak(-20.0 * (f64::from(peak) / 32_768.0).log10()));
    }
    match loudness(samples) {
        Some(lufs) if (lufs - LOUDNESS).abs() <= LOUDNESS_WITHIN => {}
        Some(lufs) => found.push(Finding::Loudness(lufs)),
        None => found.push(Finding::Silent),
    }
    if before > SILENCE_MAX_MS {
        found.push(Finding::Before(before));
    }
    if after > SILENCE_MAX_MS {
        found.push(Finding::After(after));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    fn tone(seconds: f64, amplitude: f64) -> Vec<i16> {
        let count = (seconds * 8000.0) as u32;
        (0..count)
            .map(|n| ((2.0 * PI * 1000.0 * f64::from(n) / 8000.0).sin() * amplitude) as i16)
            .collect()
    }

    #[test]
    fn a_tone_of_a_known_level_is_as_loud_as_that() {
        // EBU Tech 3341: 1,000 Hz at -23 dBFS (peak) on both of two channels is -23 LUFS; on one
        // channel 3 LU less.
        let quiet = tone(2.0, 32_768.0 * 10_f64.powf(-23.0 / 20.0));
        let lufs = loudness(&quiet).unwrap();
        assert!((lufs + 26.0).abs() < 0.3, "{lufs}");
        let short = loudness(&quiet[..2000]).unwrap();
        assert!((short - lufs).abs() < 0.1, "{short} as long as a word, else {lufs}");
        assert_eq!((loudness(&[]), loudness(&[0; 8000])), (None, None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let right = tone(1.0, 3_300.0);
        assert_eq!(findings(&right), []);
        assert!(matches!(findings(&tone(1.0, 1_000.0))[..], [Finding::Loudness(l)] if l < -30.0));
        assert!(matches!(
            findings(&tone(1.0, 30_000.0))[..],
            [Finding::Peak(_), Finding::Loudness(_)]
        ));
        let mut cut = right.clone();
        cut[100..104].fill(i16::MAX);
        assert_eq!(findings(&cut), [Finding::Clipped]);
        let late = [&vec![0; 800][..], &right, &vec![0; 1600]].concat();
        assert_eq!(findings(&late), [Finding::Before(100), Finding::After(200)]);
        assert_eq!(findings(&[0; 800]), [Finding::Silent]);
        assert_eq!(findings(&[]), [Finding::Silent]);
        let said = Finding::Loudness(-20.0).to_string();
        assert!(said.ends_with("change its gain by -3.0 dB"), "{said}");
    }
}
