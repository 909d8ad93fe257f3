//! The recordings: prompts by id and music on hold, built into the program from `sounds/`, and
//! those that an operator puts in their place.
//!
//! Everything is checked and encoded by both laws when it is loaded, so that playing is copying.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rust_embed::RustEmbed;

use super::g711::Law;
use super::prompt::Language;

pub mod levels;
pub mod wav;

use wav::Unusable;

#[derive(RustEmbed)]
#[folder = "sounds/en"]
struct English;

#[derive(RustEmbed)]
#[folder = "sounds/fr"]
struct French;

#[derive(RustEmbed)]
#[folder = "sounds/es"]
struct Spanish;

#[derive(RustEmbed)]
#[folder = "sounds/moh"]
struct MusicOnHold;

/// The folder of music on hold, among those of the languages.
pub const MUSIC: &str = "moh";
/// Most files of an operator, and most bytes.
const OWN_MAX: usize = 10_000;
const OWN_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// A recording of the longest is no larger, whatever else its file holds.
const FILE_MAX: u64 = wav::LONGEST.as_secs() * 32_000 + 1024 * 1024;

/// Why recordings cannot be used: each with its file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder or file that cannot be read.
    #[error(
        "{path}: {error}; name a folder that is there, from where the server is started, and that \
         it may read (`[media] sounds`)"
    )]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file that is no recording.
    #[error("{file} {why}")]
    Unusable {
        /// Which.
        file: String,
        /// What is wrong with it.
        why: Unusable,
    },
    /// Something that is not looked for there.
    #[error(
        "{path} is not looked for; recordings are LANGUAGE/ID.wav and moh/NAME.wav, \
         LANGUAGE one of {languages}",
        languages = tags().join(", ")
    )]
    Misplaced {
        /// What.
        path: PathBuf,
    },
    /// More than can be meant.
    #[error(
        "{path} holds more than {OWN_MAX} files or {} MB; is it the right folder?",
        OWN_BYTES_MAX / 1024 / 1024
    )]
    TooMany {
        /// The folder.
        path: PathBuf,
    },
}

/// Several errors, a line each.
#[derive(Debug)]
pub struct Errors(pub Vec<Error>);

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Error::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Where a recording comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Built into the program.
    BuiltIn,
    /// A file of the operator.
    Own(PathBuf),
}

/// A recording as it was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recording {
    /// At 8,000 Hz.
    pub samples: Vec<i16>,
    /// Whose it is.
    pub origin: Origin,
}

/// All recordings, by `LANGUAGE/ID` and `moh/NAME`: those of the folder in the place of those built
/// in. Music of the folder takes the place of all that is built in.
///
/// # Errors
/// Everything in the folder that cannot be used.
pub fn recordings(own: Option<&Path>) -> Result<BTreeMap<String, Recording>, Errors> {
    let (mut found, mut errors) = (BTreeMap::new(), Vec::new());
    for (name, file) in built_in() {
        match wav::read(&file) {
            Ok(samples) => {
                found.insert(name, Recording { samples, origin: Origin::BuiltIn });
            }
            Err(why) => errors.push(Error::Unusable { file: format!("sounds/{name}.wav"), why }),
        }
    }
    if let Some(folder) = own {
        let mine = read_folder(folder, &mut errors);
        if mine.keys().any(|name| is_music(name)) {
            found.retain(|name, _| !is_music(name));
        }
        found.extend(mine);
    }
    if errors.is_empty() { Ok(found) } else { Err(Errors(errors)) }
}

fn is_music(name: &str) -> bool {
    name.split_once('/').is_some_and(|(folder, _)| folder == MUSIC)
}

fn tags() -> Vec<&'static str> {
    Language::ALL.iter().map(|language| language.tag()).collect()
}

/// The files of the folders in a folder; hidden ones are passed over.
fn read_folder(folder: &Path, errors: &mut Vec<Error>) -> BTreeMap<String, Recording> {
    let mut found = BTreeMap::new();
    let (mut files, mut bytes) = (0, 0);
    for place in list(folder, errors) {
        let name = file_name(&place);
        if !place.is_dir() || (name != MUSIC && Language::parse(&name).is_none()) {
            errors.push(Error::Misplaced { path: place });
            continue;
        }
        for path in list(&place, errors) {
            let file = file_name(&path);
            let Some(id) = file.strip_suffix(".wav").filter(|id| !id.is_empty()) else {
                errors.push(Error::Misplaced { path });
                continue;
            };
            let length = std::fs::metadata(&path).map_or(0, |about| about.len());
            (files, bytes) = (files + 1, bytes + length);
            if files > OWN_MAX || bytes > OWN_BYTES_MAX {
                errors.push(Error::TooMany { path: folder.to_owned() });
                return found;
            }
            match read_file(&path) {
                Ok(samples) => {
                    let recording = Recording { samples, origin: Origin::Own(path) };
                    found.insert(format!("{name}/{id}"), recording);
                }
                Err(error) => errors.push(error),
            }
        }
    }
    found
}

/// A plain file of a size that a recording may have: nothing that may block or never end.
fn read_file(path: &Path) -> Result<Vec<i16>, Error> {
    let unreadable = |error| Error::Unreadable { path: path.to_owned(), error };
    let unusable = |why| Error::Unusable { file: path.display().to_string(), why };
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(unusable(Unusable::NotWav));
    }
    if about.len() > FILE_MAX {
        return Err(unusable(Unusable::TooLong));
    }
    wav::read(&std::fs::read(path).map_err(unreadable)?).map_err(unusable)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What is in a folder, in order, but for what is hidden.
fn list(folder: &Path, errors: &mut Vec<Error>) -> Vec<PathBuf> {
    let read = std::fs::read_dir(folder).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
    });
    match read {
        Ok(mut paths) => {
            paths.retain(|path| !file_name(path).starts_with('.'));
            paths.sort();
            paths
        }
        Err(error) => {
            errors.push(Error::Unreadable { path: folder.to_owned(), error });
            Vec::new()
        }
    }
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

/// All recordings, ready to be played.
#[derive(Clone, Debug)]
pub struct Sounds {
    prompts: BTreeMap<String, Sound>,
    music: Sound,
}

impl Sounds {
    /// Those built in, and those of a folder in their place: see [`recordings`]. All music in a
    /// row, by name.
    ///
    /// # Errors
    /// Everything in the folder that cannot be used.
    pub fn load(own: Option<&Path>) -> Result<Self, Errors> {
        let all = recordings(own)?;
        let (music, prompts): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(name, _)| is_music(name));
        let music: Vec<i16> = music.into_iter().flat_map(|(_, it)| it.samples).collect();
        let prompts = prompts.into_iter().map(|(name, it)| (name, Sound::new(&it.samples)));
        Ok(Self { prompts: prompts.collect(), music: Sound::new(&music) })
    }

    /// The prompt of this id, its language before it: `en/welcome`.
    pub fn prompt(&self, id: &str) -> Option<&Sound> {
        self.prompts.get(id)
    }

    /// Is there a prompt of this id in the language of this tag? One that names its language
    /// (`fr/welcome`) is the same in all.
    pub fn contains(&self, language: &str, id: &str) -> bool {
        match id.split_once('/') {
            Some(_) => self.prompts.contains_key(id),
            None => self.prompts.contains_key(&format!("{language}/{id}")),
        }
    }

    /// The ids of all prompts, each with its language, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.prompts.keys().map(String::as_str)
    }

    /// Music on hold; never empty.
    pub fn music(&self) -> &Sound {
        &self.music
    }
}

/// The files built in, by their path below `sounds/` without `.wav`.
fn built_in() -> Vec<(String, Cow<'static, [u8]>)> {
    let languages = Language::ALL.iter().flat_map(|language| match language {
        Language::En => all_of::<English>("en"),
        Language::Fr => all_of::<French>("fr"),
        Language::Es => all_of::<Spanish>("es"),
    });
    languages.chain(all_of::<MusicOnHold>(MUSIC)).collect()
}

fn all_of<Folder: RustEmbed>(folder: &str) -> Vec<(String, Cow<'static, [u8]>)> {
    let named = |name: Cow<'static, str>| {
        let id = name.strip_suffix(".wav")?;
        Some((format!("{folder}/{id}"), Folder::get(&name)?.data))
    };
    Folder::iter().filter_map(named).collect()
}

#[cfg(test)]
mod tests;
