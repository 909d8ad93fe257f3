//! WAV files to samples at 8,000 Hz and back: what studios deliver, and telephone systems keep.
//!
//! The library that writes them does not read the laws of G.711, so that all is read here. It must
//! not know what a recording is for.

use std::f64::consts::PI;
use std::io::Cursor;

use crate::media::g711::Law;
use crate::media::tone::SAMPLE_RATE;
use crate::time::Duration;

/// Longest recording, music included.
pub const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Why a file cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unusable {
    /// Not RIFF/WAVE with `fmt ` and `data`.
    #[error("is no WAV file; export it as WAV, mono, 16 bits, 8000 or 16000 Hz")]
    NotWav,
    /// None of the formats that are read.
    #[error(
        "is {channels} channel(s) of {bits} bits at {rate} Hz, format {tag}; \
         make it mono, 8000 or 16000 Hz, PCM of 16 bits, A-law or mu-law"
    )]
    Format {
        /// The format tag: 1 PCM, 3 floating point, 6 A-law, 7 mu-law.
        tag: u16,
        /// 1 is mono.
        channels: u16,
        /// Samples a second.
        rate: u32,
        /// Bits a sample.
        bits: u16,
    },
    /// No sample.
    #[error("holds no sound; record it again")]
    Empty,
    /// Its data end before they should.
    #[error("is cut off; copy or export it again")]
    CutOff,
    /// Longer than [`LONGEST`].
    #[error("is longer than {} minutes; cut it", LONGEST.as_secs() / 60)]
    TooLong,
}

/// The samples of a file, at 8,000 Hz.
///
/// # Errors
/// [`Unusable`]: what is wrong, and what to do.
pub fn read(file: &[u8]) -> Result<Vec<i16>, Unusable> {
    let (mut format, mut data) = (None, None);
    for (id, body) in Chunks::of(file)? {
        match id {
            b"fmt " => format = Format::read(body?),
            b"data" => data = data.or(Some(body?)),
            _ => {}
        }
    }
    let (format, data) = format.zip(data).ok_or(Unusable::NotWav)?;
    let samples = format.samples(data)?;
    if samples.is_empty() {
        return Err(Unusable::Empty);
    }
    let seconds = samples.len() as u64 / u64::from(format.rate);
    if seconds > LONGEST.as_secs() {
        return Err(Unusable::TooLong);
    }
    Ok(if format.rate == SAMPLE_RATE { samples } else { halved(&samples) })
}

/// A file of samples at 8,000 Hz: mono, PCM of 16 bits.
///
/// # Errors
/// If it would be longer than a WAV file can be.
pub fn write(samples: &[i16]) -> Result<Vec<u8>, hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec)?;
    for &sample in samples {
        writer.write_sample(sample)?;
    }
    writer.finalize()?;
    Ok(file.into_inner())
}

/// The length of a chunk whose writer did not come back to fill it in: it ends with the file.
fn is_open(length: u32) -> bool {
    length == 0 || length >= 0x7fff_f000
}

/// The chunks of a RIFF file.
struct Chunks<'a>(&'a [u8]);

impl<'a> Chunks<'a> {
    fn of(file: &'a [u8]) -> Result<Self, Unusable> {
        match file {
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', rest @ ..] => {
                Ok(Self(rest))
            }
            _ => Err(Unusable::NotWav),
        }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [u8; 4], Result<&'a [u8], Unusable>);

    fn next(&mut self) -> Option<Self::Item> {
        let (id, rest) = self.0.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length);
        let open = id == b"data" && is_open(length);
        let length = if open { rest.len() } else { usize::try_from(length).unwrap_or(usize::MAX) };
        let Some((body, rest)) = rest.split_at_checked(length) else {
            self.0 = &[];
            return Some((id, Err(Unusable::CutOff)));
        };
        // Chunks begin at even places.
        self.0 = if length % 2 == 1 { rest.get(1..).unwrap_or_default() } else { rest };
        Some((id, Ok(body)))
    }
}

#[derive(Clone, Copy)]
struct Format {
    tag: u16,
    channels: u16,
    rate: u32,
    bits: u16,
}

const PCM: u16 = 1;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
/// The tag stands further behind, where many channels and bits are described.
const EXTENSIBLE: u16 = 0xfffe;

impl Format {
    fn read(body: &[u8]) -> Option<Self> {
        let short = |at: usize| Some(u16::from_le_bytes([*body.get(at)?, *body.get(at + 1)?]));
        let tag = match short(0)? {
            EXTENSIBLE => short(24)?,
            tag => tag,
        };
        let rate = u32::from(short(4)?) | u32::from(short(6)?) << 16;
        Some(Self { tag, channels: short(2)?, rate, bits: short(14)? })
    }

    fn samples(self, data: &[u8]) -> Result<Vec<i16>, Unusable> {
        let Self { tag, channels, rate, bits } = self;
        let known_rate = rate == SAMPLE_RATE || rate == 2 * SAMPLE_RATE;
        match (tag, bits) {
            _ if channels != 1 || !known_rate => {
                Err(Unusable::Format { tag, channels, rate, bits })
            }
            (PCM, 16) if data.len() % 2 == 1 => Err(Unusable::CutOff),
            (PCM, 16) => {
                let pairs = data.chunks_exact(2);
                Ok(pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect())
            }
            (A_LAW, 8) => Ok(data.iter().map(|&code| Law::A.decode(code)).collect()),
            (MU_LAW, 8) => Ok(data.iter().map(|&code| Law::Mu.decode(code)).collect()),
            _ => Err(Unusable::Format { tag, channels, rate, bits }),
        }
    }
}

/// Taps on either side of the middle one.
const REACH: usize = 32;
/// Where the low-pass of [`halved`] has lost half: Hz at 16,000 samples a second.
const CUT_HZ: f64 = 3_700.0;

/// From 16,000 Hz to 8,000: every second sample of what a low-pass leaves, a sinc in a Hann
/// window.
fn halved(samples: &[i16]) -> Vec<i16> {
    let cut = CUT_HZ / f64::from(2 * SAMPLE_RATE);
    let tap = |n: i32| {
        let at = f64::from(n);
        let sinc = if n == 0 { 2.0 * cut } else { (2.0 * PI * cut * at).sin() / (PI * at) };
        sinc * (0.5 + 0.5 * (PI * at / (REACH as f64 + 1.0)).cos())
    };
    let taps: Vec<f64> = (-(REACH as i32)..=REACH as i32).map(tap).collect();
    let gain: f64 = taps.iter().sum();
    let filtered = |at: usize| {
        let heard = taps.iter().enumerate().filter_map(|(n, tap)| {
            let sample = samples.get((at + n).checked_sub(REACH)?)?;
            Some(tap * f64::from(*sample))
        });
        (heard.sum::<f64>() / gain).round() as i16
    };
    (0..samples.len()).step_by(2).map(filtered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::tone::level_db;

    fn file(tag: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
        let mut body = b"WAVEfmt ".to_vec();
        body.extend(16_u32.to_le_bytes());
        body.extend([tag, channels].map(u16::to_le_bytes).concat());
        body.extend([rate, 0].map(u32::to_le_bytes).concat());
        body.extend([0, bits].map(u16::to_le_bytes).concat());
        body.extend(b"LIST\x01\0\0\0x\0data");
        body.extend((data.len() as u32).to_le_bytes());
        body.extend(data);
        [b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat()
    }

    /// One second of a tone at this rate.
    fn tone(rate: u32, hz: f64) -> Vec<i16> {
        let at = |n: u32| (2.0 * PI * hz * f64::from(n) / f64::from(rate)).sin() * 16_000.0;
        (0..rate).map(|n| at(n) as i16).collect()
    }

    fn bytes(samples: &[i16]) -> Vec<u8> {
        samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let samples = tone(8000, 440.0);
        assert_eq!(read(&write(&samples).unwrap()), Ok(samples.clone()));
        assert_eq!(read(&file(1, 1, 8000, 16, &bytes(&samples))), Ok(samples));
    }

    #[test]
    fn both_laws_are_read() {
        for (law, tag) in [(Law::A, 6), (Law::Mu, 7)] {
            let coded: Vec<u8> = tone(8000, 440.0).iter().map(|&s| law.encode(s)).collect();
            let samples = read(&file(tag, 1, 8000, 8, &coded)).unwrap();
            assert_eq!(samples.iter().map(|&s| law.encode(s)).collect::<Vec<_>>(), coded);
        }
    }

    #[test]
    fn sixteen_thousand_become_eight_and_what_is_too_high_is_gone() {
        for (hz, heard) in [(300.0, true), (1000.0, true), (3000.0, true), (5000.0, false)] {
            let samples = read(&file(1, 1, 16_000, 16, &bytes(&tone(16_000, hz)))).unwrap();
            assert_eq!(samples.len(), 8000);
            // What is above 4,000 Hz would be heard as what it mirrors to.
            let shown = if hz > 4000.0 { 8000.0 - hz } else { hz };
            let level = level_db(&samples[100..7900], shown as u32);
            let at_level = level.is_some_and(|db| db > -8.0);
            assert_eq!(at_level, heard, "{hz} Hz: {level:?} dB");
            let peak = samples[100..7900].iter().map(|s| s.unsigned_abs()).max().unwrap();
            assert_eq!(peak > 100, heard, "{hz} Hz: {peak}");
        }
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let other = |tag, channels, rate, bits| {
            let why = read(&file(tag, channels, rate, bits, &[0; 32])).unwrap_err();
            assert_eq!(why, Unusable::Format { tag, channels, rate, bits });
            why.to_string()
        };
        let stereo = other(1, 2, 44_100, 16);
        assert!(stereo.starts_with("is 2 channel(s) of 16 bits at 44100 Hz"), "{stereo}");
        assert!(stereo.contains("make it mono, 8000 or 16000 Hz"), "{stereo}");
        other(3, 1, 8000, 32);
        other(1, 1, 8000, 24);
        other(7, 1, 8000, 16);
        assert_eq!(read(b"RIFF"), Err(Unusable::NotWav));
        assert_eq!(read(b"OggS\0\0\0\0\0\0\0\0\0\0\0\0"), Err(Unusable::NotWav));
        assert_eq!(read(&file(1, 1, 8000, 16, &[])), Err(Unusable::Empty));
        let long = vec![0_u8; 8000 * (LONGEST.as_secs() as usize + 1)];
        assert_eq!(read(&file(7, 1, 8000, 8, &long)), Err(Unusable::TooLong));
        let whole = file(1, 1, 8000, 16, &[1; 64]);
        for cut in 0..whole.len() {
            let why = read(&whole[..cut]).unwrap_err();
            assert!(why == Unusable::NotWav || why == Unusable::CutOff, "{cut}: {why}");
        }
        // Its writer was killed before it filled in the length.
        for length in [0, u32::MAX] {
            let mut open = whole.clone();
            let at = open.len() - 64;
            open[at - 4..at].copy_from_slice(&length.to_le_bytes());
            assert_eq!(read(&open).map(|samples| samples.len()), Ok(32));
        }
    }
}
