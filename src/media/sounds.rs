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
    use super::*;
    use crate::media::prompt;
    use crate::media::tone::level_db;

    #[test]
    fn all_that_is_spoken_and_all_of_the_catalogue_is_there_and_nothing_else() {
        let sounds = Sounds::embedded().unwrap();
        for id in prompt::spoken_ids() {
            assert!(sounds.contains(&id), "{id}");
        }
        let catalogue: toml::Table = include_str!("../../sounds/catalog/en.toml").parse().unwrap();
        let mut expected: Vec<&str> = catalogue.keys().map(String::as_str).collect();
        expected.push("beep");
        expected.sort_unstable();
        assert_eq!(sounds.ids().collect::<Vec<_>>(), expected);
        assert!(!sounds.contains("en/welcome") && sounds.prompt("").is_none());
    }

    #[test]
    fn recordings_are_loud_enough_and_music_is_soft() {
        let sounds = Sounds::embedded().unwrap();
        let peak = |sound: &Sound| {
            sound.encoded(Law::A).iter().map(|&code| Law::A.decode(code).unsigned_abs()).max()
        };
        for id in sounds.ids().filter(|id| *id != "beep") {
            let peak = peak(sounds.prompt(id).unwrap()).unwrap();
            assert!((22_000..=24_500).contains(&peak), "{id} {peak}");
        }
        assert!((7_500..=8_700).contains(&peak(sounds.music()).unwrap()));
        let beep: Vec<i16> = sounds
            .prompt("beep")
            .unwrap()
            .encoded(Law::Mu)
            .iter()
            .map(|&c| Law::Mu.decode(c))
            .collect();
        assert!(level_db(&beep, 1000).unwrap() > -15.0);
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
