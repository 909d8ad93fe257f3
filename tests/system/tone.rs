//! Tones: made for a party to say, and found in what a party heard.

use std::f64::consts::TAU;
use std::fs;
use std::path::Path;

use ringback::ident::Entropy;
use ringback::media::g711::Law;

use crate::{Failure, Outcome, ensure};

const RATE: f64 = 8000.0;

/// One second of a tone as raw G.711 u-law, which SIPp repeats.
pub(crate) fn write_ulaw(file: &Path, hertz: f64) -> Outcome {
    let samples = (0..8000).map(|n| (TAU * hertz * f64::from(n) / RATE).sin() * 8000.0);
    let bytes: Vec<u8> = samples.map(|sample| ulaw(sample as i16)).collect();
    Ok(fs::write(file, bytes)?)
}

/// So many milliseconds of a key (ITU-T Q.23; `None`: of a pause) as G.711 u-law, each tone 10 dB
/// below the loudest sine, over noise 35 dB below them.
pub(crate) fn key_ulaw(key: Option<char>, ms: u32, noise: &mut Entropy) -> Outcome<Vec<u8>> {
    let keys = ["123", "456", "789", "*0#"];
    let tones = match key {
        Some(key) => {
            let found = keys
                .iter()
                .zip([697.0, 770.0, 852.0, 941.0])
                .find_map(|(row, low)| Some((low, [1209.0, 1336.0, 1477.0][row.find(key)?])));
            found.ok_or_else(|| format!("no key {key:?}"))?
        }
        None => (0.0, 0.0),
    };
    let samples = (0..ms * 8).map(|n| {
        let tone = |hertz: f64| (TAU * hertz * f64::from(n) / RATE).sin() * 10_000.0;
        let noise = noise.below(600) as f64 - 300.0;
        ulaw((tone(tones.0) + tone(tones.1) + noise) as i16)
    });
    Ok(samples.collect())
}

/// An answering machine: 3 s of something like speech, then a beep of half a second.
pub(crate) fn machine_ulaw(noise: &mut Entropy) -> Vec<u8> {
    let speech = (0..24_000).map(|_| noise.below(12_000) as f64 - 6_000.0).collect::<Vec<_>>();
    let beep = (0..4_000).map(|n| (TAU * 1_000.0 * f64::from(n) / RATE).sin() * 8_000.0);
    let pause = std::iter::repeat_n(0.0, 2_400);
    let all = speech.into_iter().chain(pause.clone()).chain(beep).chain(pause);
    all.map(|sample| ulaw(sample as i16)).collect()
}

/// A G.711 u-law code word (ITU-T G.711 table 2).
pub(crate) fn ulaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = (i32::from(sample).abs() + 0x84).min(0x7fff);
    let exponent = (magnitude.ilog2() - 7).min(7);
    let mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    !(sign | (exponent as u8) << 4 | mantissa as u8)
}

/// Power of one frequency in a window (Goertzel), relative to the whole power of the window.
fn share(window: &[f64], hertz: f64) -> f64 {
    let coefficient = 2.0 * (TAU * hertz / RATE).cos();
    let (mut before, mut last) = (0.0, 0.0);
    for sample in window {
        (before, last) = (last, sample + coefficient * last - before);
    }
    let power = last * last + before * before - coefficient * last * before;
    let whole: f64 = window.iter().map(|sample| sample * sample).sum();
    if whole == 0.0 { 0.0 } else { power * 2.0 / (whole * window.len() as f64) }
}

/// How much of what was heard, as G.711 u-law, is this tone: 0 to 1.
pub(crate) fn share_of(heard: &[u8], hertz: f64) -> f64 {
    let samples: Vec<f64> = heard.iter().map(|&code| Law::Mu.decode(code).into()).collect();
    share(&samples, hertz)
}

/// The longest stretch of a recording, in seconds, in which a tone is 20 dB above all else.
pub(crate) fn seconds_of(file: &Path, hertz: f64) -> Outcome<f64> {
    let samples = read_wav(file)?;
    let window = 800;
    let (mut longest, mut current) = (0_u32, 0_u32);
    for part in samples.chunks_exact(window) {
        let loud = part.iter().map(|s| s * s).sum::<f64>() / part.len() as f64 > 100.0_f64.powi(2);
        let pure = share(part, hertz) > 0.99;
        current = if loud && pure { current + 1 } else { 0 };
        longest = longest.max(current);
    }
    Ok(f64::from(longest) * window as f64 / RATE)
}

/// The samples of a mono 8 kHz 16-bit WAV file, also one whose header was never completed.
pub(crate) fn read_wav(file: &Path) -> Outcome<Vec<f64>> {
    let bytes = fs::read(file)?;
    let at = bytes.windows(4).position(|four| four == b"data");
    let at = at.ok_or_else(|| Failure::Failed(format!("{}: no data chunk", file.display())))?;
    let number = |at: usize| bytes.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
    let rate = bytes.get(24..28).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let format = (number(22), rate, number(34));
    ensure(format == (Some(1), Some(8000), Some(16)), || format!("the recording is {format:?}"))?;
    let pairs = bytes[(at + 8).min(bytes.len())..].chunks_exact(2);
    Ok(pairs.map(|b| f64::from(i16::from_le_bytes([b[0], b[1]]))).collect())
}

/// So many seconds of a tone as a mono 8 kHz 16-bit WAV file.
pub(crate) fn write_wav(file: &Path, hertz: f64, seconds: u32) -> Outcome {
    let samples = (0..8000 * seconds).map(|n| (TAU * hertz * f64::from(n) / RATE).sin() * 8000.0);
    let data: Vec<u8> = samples.flat_map(|sample| (sample as i16).to_le_bytes()).collect();
    let length = u32::try_from(data.len())?;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + length).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data");
    bytes.extend(length.to_le_bytes());
    bytes.extend(data);
    Ok(fs::write(file, bytes)?)
}

/// Checks the measure: a tone is found where it is, and only there.
pub(crate) fn self_check(folder: &Path) -> Outcome {
    let file = folder.join("check.wav");
    for (hertz, found) in [(440.0, 2.0), (600.0, 0.0)] {
        write_wav(&file, hertz, 2)?;
        let seconds = seconds_of(&file, 440.0)?;
        ensure(seconds == found, || format!("{seconds} s of 440 Hz in {hertz} Hz"))?;
    }
    Ok(())
}
