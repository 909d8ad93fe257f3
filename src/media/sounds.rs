//! The recordings: prompts by id and music on hold, built into the program from `sounds/`.
//!
//! Everything is checked and encoded by both laws once, at the start, so that playing is copying.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Cursor;
use std::sync::Arc;

use rust_embed::RustEmbed;

use super::g711::Law;
use super::tone::SAMPLE_RATE;

#[derive(RustEmbed)]
#[folder = "sounds/en"]
struct English;

#[derive(RustEmbed)]
#[folder = "sounds/moh"]
struct MusicOnHold;

/// Why a recording is of no use. The build is at fault, not the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a WAV file.
    #[error("sounds/{file}: {source}; make it again with sounds/generate")]
    Unreadable {
        /// Its path below `sounds/`.
        file: String,
        /// What is wrong.
        source: hound::Error,
    },
    /// Not 8,000 Hz, mono, 16 bits, or empty.
    #[error("sounds/{file} must be a WAV of 8000 Hz, mono, 16 bits, not empty")]
    WrongFormat {
        /// Its path below `sounds/`.
        file: String,
    },
    /// There is no music.
    #[error("sounds/moh holds no music; make it with sounds/generate")]
    NoMusic,
}

/// One recording, encoded by both laws.
#[derive(Clone, PartialEq, Eq)]
pub struct Sound {
    mu: Arc<[u8]>,
    a: Arc<[u8]>,
}

impl Sound {
    /// From samples at 8,000 Hz.
    pub fn new(samples: &[i16]) -> Self {
        let encoded = |law: Law| samples.iter().map(|&sample| law.encode(sample)).collect();
        Self { mu: encoded(Law::Mu), a: encoded(Law::A) }
    }

    /// One byte a sample.
    pub fn encoded(&self, law: Law) -> &[u8] {
        match law {
            Law::Mu => &self.mu,
            Law::A => &self.a,
        }
    }
}

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sound({} samples)", self.mu.len())
    }
}

/// All recordings.
#[derive(Clone, Debug)]
pub struct Sounds {
    prompts: BTreeMap<String, Sound>,
    music: Sound,
}

impl Sounds {
    /// Those built into the program: `sounds/en/ID.wav`, and all of `sounds/moh`, by name, in a
    /// row.
    pub fn embedded() -> Result<Self, Error> {
        let mut prompts = BTreeMap::new();
        for name in English::iter() {
            if let (Some(id), Some(file)) = (name.strip_suffix(".wav"), English::get(&name)) {
                let samples = read(&format!("en/{name}"), &file.data)?;
                prompts.insert(id.to_owned(), Sound::new(&samples));
            }
        }
        let mut names: Vec<_> = MusicOnHold::iter().filter(|name| name.ends_with(".wav")).collect();
        names.sort_unstable();
        let mut music = Vec::new();
        for name in names {
            if let Some(file) = MusicOnHold::get(&name) {
                music.extend(read(&format!("moh/{name}"), &file.data)?);
            }
        }
        if music.is_empty() {
            return Err(Error::NoMusic);
        }
        Ok(Self { prompts, music: Sound::new(&music) })
    }

    /// The prompt of this id.
    pub fn prompt(&self, id: &str) -> Option<&Sound> {
        self.prompts.get(id)
    }

    /// Is there a prompt of this id?
    pub fn contains(&self, id: &str) -> bool {
        self.prompts.contains_key(id)
    }

    /// The ids of all prompts, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.prompts.keys().map(String::as_str)
    }

    /// Music on hold; never empty.
    pub fn music(&self) -> &Sound {
        &self.music
    }
}

fn read(file: &str, bytes: &[u8]) -> Result<Vec<i16>, Error> {
    let unreadable = |source| Error::Unreadable { file: file.to_owned(), source };
    let mut reader = hound::WavReader::new(Cursor::new(bytes)).map_err(unreadable)?;
    let expected = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    if reader.spec() != expected || reader.len() == 0 {
        return Err(Error::WrongFormat { file: file.to_owned() });
    }
    reader.samples().collect::<Result<_, _>>().map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::media::tone::level_db;

    /// Every file of `sounds/` by its path without `.wav`, with its bytes.
    fn files() -> BTreeMap<String, Vec<u8>> {
        let prompts = English::iter().map(|name| (format!("en/{name}"), English::get(&name)));
        let music =
            MusicOnHold::iter().map(|name| (format!("moh/{name}"), MusicOnHold::get(&name)));
        prompts
            .chain(music)
            .map(|(name, file)| {
                let sound = name.strip_suffix(".wav").unwrap().to_owned();
                (sound, file.unwrap().data.into_owned())
            })
            .collect()
    }

    fn catalogue() -> toml::Table {
        include_str!("../../sounds/catalog/en.toml").parse().unwrap()
    }

    #[test]
    fn the_catalogue_and_the_files_are_the_same_sounds() {
        let sounds = Sounds::embedded().unwrap();
        let catalogue = catalogue();
        let mut expected: Vec<&str> = catalogue.keys().map(String::as_str).collect();
        expected.push("beep");
        expected.sort_unstable();
        assert_eq!(sounds.ids().collect::<Vec<_>>(), expected);
        assert!(!sounds.contains("en/welcome") && sounds.prompt("").is_none());
    }

    /// A text changed without its sound, or a sound without `sounds/generate`.
    #[test]
    fn the_manifest_is_that_of_the_catalogue_and_the_files() {
        let catalogue = catalogue();
        let manifest = include_str!("../../sounds/MANIFEST");
        let mut lines = manifest.lines().filter(|line| !line.starts_with('#'));
        let recipe = lines.next().unwrap().strip_prefix("recipe ").unwrap();
        let expected: Vec<String> = files()
            .iter()
            .map(|(sound, bytes)| {
                let id = sound.split_once('/').unwrap().1;
                let text = catalogue.get(id).map_or(id, |text| text.as_str().unwrap());
                let made_of = digest(format!("{recipe}\n{text}").as_bytes());
                let ms = read(sound, bytes).unwrap().len() * 1000 / SAMPLE_RATE as usize;
                format!("{sound} {made_of} {} {ms}", digest(bytes))
            })
            .collect();
        let told: Vec<&str> = lines.collect();
        assert_eq!(told, expected, "run sounds/generate");
    }

    fn digest(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn recordings_have_their_level_and_no_silence_around_them() {
        // -3 and -12 dB below full scale; silence is what stays below -46 dB.
        const SILENT: u16 = 164;
        for (sound, bytes) in files() {
            let samples = read(&sound, &bytes).unwrap();
            let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
            let range = match sound.as_str() {
                "en/beep" | "moh/arpeggio" => 7_500..=8_700,
                _ => 22_500..=23_198,
            };
            assert!(range.contains(&peak), "{sound} {peak}");
            let loud = |sample: &i16| sample.unsigned_abs() > SILENT;
            let before = samples.iter().position(loud).unwrap();
            let after = samples.iter().rev().position(loud).unwrap();
            let ms = |count: usize| count * 1000 / SAMPLE_RATE as usize;
            assert!(ms(before) <= 60 && ms(after) <= 60, "{sound} {before} {after}");
        }
        let beep = read("en/beep", &files()["en/beep"]).unwrap();
        assert!(level_db(&beep, 1000).unwrap() > -15.0);
    }

    #[test]
    fn sounds_stay_small() {
        let total: usize = files().values().map(Vec::len).sum();
        assert!(total < 10_000_000, "{total} bytes");
    }

    #[test]
    fn other_files_are_refused() {
        let mut wide = Cursor::new(Vec::new());
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::new(&mut wide, spec).unwrap();
        writer.write_sample(1i16).unwrap();
        writer.finalize().unwrap();
        let refused = read("en/x.wav", wide.get_ref()).unwrap_err();
        assert!(refused.to_string().contains("en/x.wav must be a WAV of 8000 Hz"), "{refused}");
        assert!(matches!(read("en/x.wav", b"RIFF"), Err(Error::Unreadable { .. })));
    }
}
