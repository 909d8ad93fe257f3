//! The recordings as they are built in, and those of an operator in their place.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
use crate::media::prompt;
use crate::media::tone::{SAMPLE_RATE, level_db};

const CATALOGUES: [(&str, &str); 3] = [
    ("en", include_str!("../../../sounds/catalog/en.toml")),
    ("fr", include_str!("../../../sounds/catalog/fr.toml")),
    ("es", include_str!("../../../sounds/catalog/es.toml")),
];

/// Every id of the catalogues with its language, and what stands in them.
fn catalogued() -> BTreeMap<String, toml::Value> {
    let entries = |(language, text): (&'static str, &str)| {
        let table: toml::Table = text.parse().unwrap();
        table.into_iter().map(move |(id, entry)| (format!("{language}/{id}"), entry))
    };
    CATALOGUES.into_iter().flat_map(entries).collect()
}

fn is_speech(name: &str) -> bool {
    !is_music(name) && !name.ends_with("/beep")
}

#[test]
fn the_catalogues_and_the_files_are_the_same_sounds() {
    let files: Vec<String> = built_in().into_iter().map(|(name, _)| name).collect();
    let spoken: Vec<&String> = files.iter().filter(|name| is_speech(name)).collect();
    let mut catalogued: Vec<String> = catalogued().into_keys().collect();
    catalogued.sort();
    let mut sorted = spoken.clone();
    sorted.sort();
    assert_eq!(sorted, catalogued.iter().collect::<Vec<_>>());
    for language in ["en", "fr", "es"] {
        assert!(files.contains(&format!("{language}/beep")), "{language}");
    }
}

#[test]
fn whatever_the_code_speaks_is_there_in_every_language() {
    let sounds = Sounds::load(None).unwrap();
    for &language in Language::ALL {
        let ids = prompt::spoken_ids(language);
        let missing: Vec<_> =
            ids.iter().filter(|id| !sounds.contains(language.tag(), id)).collect();
        assert!(missing.is_empty(), "{language:?}: {missing:?}");
    }
    // Those that calls name: by the languages of an entry, at the start.
    let of = |language: &str| {
        let own = |name: &str| name.strip_prefix(&format!("{language}/")).map(str::to_owned);
        sounds.ids().filter_map(own).collect::<std::collections::BTreeSet<_>>()
    };
    let fragments = |language| prompt::spoken_ids(language).into_iter().collect();
    let sentences = |tag, language| &of(tag) - &fragments(language);
    let english = sentences("en", Language::En);
    assert!(english.len() > 70 && english.contains("welcome"), "{}", english.len());
    assert_eq!(english, sentences("fr", Language::Fr));
    assert_eq!(english, sentences("es", Language::Es));
}

/// A value of the generator: what stands in quotes after `name`.
fn of_generator(name: &str) -> &'static str {
    let generator = include_str!("../../../sounds/generate");
    let (_, after) = generator.split_once(name).unwrap();
    after.split('"').nth(1).unwrap()
}

/// What a prompt is made of, as the generator writes it.
fn made_of(language: &str, entry: &toml::Value) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let shown = |value: &toml::Value| value.as_str().map_or(value.to_string(), quoted);
    let mut parts = vec![format!("\"text\": {}", shown(entry))];
    if let Some(table) = entry.as_table() {
        let pairs = table.iter().map(|(key, value)| format!("\"{key}\": {}", shown(value)));
        parts = pairs.collect();
    }
    parts.sort();
    let (recipe, voice) =
        (of_generator("\nRECIPE = "), of_generator(&format!("\"{language}\": (")));
    digest(format!("{recipe}\n{voice}\n{{{}}}", parts.join(", ")).as_bytes())
}

/// A text changed without its sound.
#[test]
fn the_manifest_is_that_of_the_catalogues() {
    let manifest = include_str!("../../../sounds/MANIFEST");
    for (name, entry) in catalogued() {
        let line = manifest.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        let told = line.and_then(|rest| rest.split(' ').next()).unwrap_or("nothing");
        let language = name.split('/').next().unwrap();
        assert_eq!(told, made_of(language, &entry), "{name}: run sounds/generate");
    }
}

/// A sound changed without `sounds/generate`.
#[test]
fn the_manifest_is_that_of_the_files() {
    let manifest = include_str!("../../../sounds/MANIFEST");
    let told: Vec<&str> = manifest.lines().filter(|line| !line.starts_with('#')).collect();
    let mut files = built_in();
    files.sort();
    assert_eq!(told.len(), files.len(), "run sounds/generate");
    for (line, (name, bytes)) in told.iter().zip(&files) {
        let ms = wav::read(bytes).unwrap().len() * 1000 / SAMPLE_RATE as usize;
        let words: Vec<&str> = line.split(' ').collect();
        let expected = [name, words[1], &digest(bytes), &ms.to_string()].join(" ");
        assert_eq!(*line, expected, "run sounds/generate");
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn recordings_are_mono_of_mu_law_at_8000_hz() {
    for (name, bytes) in built_in() {
        let (tag, channels, rate) = (&bytes[20..22], &bytes[22..24], &bytes[24..28]);
        assert_eq!((tag, channels), (&[7, 0][..], &[1, 0][..]), "{name}");
        assert_eq!(rate, SAMPLE_RATE.to_le_bytes(), "{name}");
    }
}

#[test]
fn every_prompt_is_as_loud_as_the_others_and_has_no_silence_around_it() {
    let wrong: Vec<String> = recordings(None)
        .unwrap()
        .iter()
        .filter(|(name, _)| is_speech(name))
        .flat_map(|(name, it)| {
            levels::findings(&it.samples).into_iter().map(move |found| format!("{name} {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Fragments follow each other without a gap: what is silent at the end of one and at the start of
/// the next is together no more than 40 ms.
#[test]
fn no_two_fragments_leave_a_gap_between_them() {
    let all = recordings(None).unwrap();
    for &language in Language::ALL {
        let ids = prompt::spoken_ids(language);
        let silences = ids.iter().map(|id| {
            let samples = &all[&format!("{}/{id}", language.tag())].samples;
            (levels::silences(samples).unwrap(), id)
        });
        let silences: Vec<_> = silences.collect();
        let before = silences.iter().max_by_key(|((before, _), _)| before).unwrap();
        let after = silences.iter().max_by_key(|((_, after), _)| after).unwrap();
        assert!(before.0.0 + after.0.1 <= 40, "{language:?}: {after:?}, then {before:?}");
    }
}

/// A joint does not click: every fragment begins and ends near nothing.
#[test]
fn no_prompt_begins_or_ends_with_a_click() {
    for (name, it) in recordings(None).unwrap() {
        let edge = |sample: Option<&i16>| sample.unwrap().unsigned_abs();
        let edges = (edge(it.samples.first()), edge(it.samples.last()));
        assert!(is_music(&name) || (edges.0 < 330 && edges.1 < 330), "{name} {edges:?}");
    }
}

#[test]
fn music_is_long_quiet_and_without_a_seam() {
    let sounds = Sounds::load(None).unwrap();
    let all = recordings(None).unwrap();
    let music: Vec<i16> = all
        .iter()
        .filter(|(name, _)| is_music(name))
        .flat_map(|(_, it)| it.samples.clone())
        .collect();
    assert_eq!(sounds.music().encoded(Law::Mu).len(), music.len());
    assert!(music.len() >= 60 * SAMPLE_RATE as usize, "{} samples", music.len());
    let peak = music.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
    assert!(peak <= 16_423, "{peak}: 6 dB below full scale");
    let lufs = levels::loudness(&music).unwrap();
    assert!((-32.0..=-23.0).contains(&lufs), "{lufs} LUFS");
    let step = (i32::from(music[0]) - i32::from(music[music.len() - 1])).abs();
    let largest =
        music.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs()).max().unwrap();
    assert!(step <= largest, "{step} from the end to the start, {largest} inside");
    // No two seconds of nothing: who hears nothing hangs up.
    let second = SAMPLE_RATE as usize;
    assert!(music.chunks(2 * second).all(|part| levels::silences(part).is_some()));
}

#[test]
fn the_beep_is_one_tone() {
    let beep = &recordings(None).unwrap()["en/beep"].samples;
    assert!(level_db(beep, 1000).unwrap() > -25.0);
}

#[test]
fn sounds_stay_small() {
    let total: usize = built_in().iter().map(|(_, file)| file.len()).sum();
    assert!(total <= 10_000_000, "{total} bytes");
}

fn studio(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::with_prefix("ringback-").unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

#[test]
fn what_an_operator_records_takes_the_place_of_what_is_built_in() {
    let (hello, song) = (vec![1000_i16; 800], vec![2000_i16; 1600]);
    let (hello, song) = (wav::write(&hello).unwrap(), wav::write(&song).unwrap());
    let files: &[(&str, &[u8])] = &[
        ("en/welcome.wav", &hello),
        ("fr/our-own.wav", &hello),
        ("moh/song.wav", &song),
        (".hidden", b"x"),
    ];
    let folder = studio(files);
    let (built_in, own) = (Sounds::load(None).unwrap(), Sounds::load(Some(folder.path())).unwrap());
    assert_eq!(own.prompt("en/welcome").unwrap().encoded(Law::Mu).len(), 800);
    assert!(own.contains("fr", "our-own") && !built_in.contains("fr", "our-own"));
    assert!(own.contains("en", "fr/our-own") && !own.contains("fr", "en/our-own"));
    assert_eq!(own.music().encoded(Law::A).len(), 1600, "none of that built in");
    assert_eq!(own.prompt("en/goodbye"), built_in.prompt("en/goodbye"));
    let origin = &recordings(Some(folder.path())).unwrap()["en/welcome"].origin;
    assert_eq!(*origin, Origin::Own(folder.path().join("en/welcome.wav")));
}

#[test]
fn everything_that_cannot_be_used_is_named_at_once() {
    let folder = studio(&[
        ("en/welcome.wav", b"no sound"),
        ("en/goodbye.mp3", b""),
        ("de/welcome.wav", b""),
        ("readme.txt", b""),
    ]);
    let told = Sounds::load(Some(folder.path())).unwrap_err().to_string();
    let lines: Vec<&str> = told.lines().collect();
    let at = |name: &str| folder.path().join(name).display().to_string();
    assert_eq!(lines.len(), 4, "{told}");
    assert!(lines[0].starts_with(&format!("{} is not looked for", at("de"))), "{told}");
    assert!(lines[0].contains("LANGUAGE one of en, fr, es"), "{told}");
    assert!(lines[1].starts_with(&format!("{} is not looked for", at("en/goodbye.mp3"))));
    assert!(lines[2].starts_with(&format!("{} is no WAV file; export it", at("en/welcome.wav"))));
    assert!(lines[3].starts_with(&at("readme.txt")), "{told}");
    let pipe = studio(&[("en/hidden", b"")]);
    fs::remove_file(pipe.path().join("en/hidden")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(pipe.path().join("en/x.wav")).status();
    assert!(made.unwrap().success());
    let told = Sounds::load(Some(pipe.path())).unwrap_err().to_string();
    assert!(told.contains("en/x.wav is no WAV file"), "it would never end: {told}");
    let large = studio(&[("en/x.wav", b"RIFF")]);
    let file = fs::File::options().write(true).open(large.path().join("en/x.wav")).unwrap();
    file.set_len(FILE_MAX + 1).unwrap();
    let told = Sounds::load(Some(large.path())).unwrap_err().to_string();
    assert!(told.contains("is longer than 30 minutes"), "{told}");
    let gone = folder.path().join("gone");
    let told = Sounds::load(Some(&gone)).unwrap_err().to_string();
    assert!(told.contains("gone: No such file"), "{told}");
    let shut = studio(&[("en/welcome.wav", b"x")]);
    let file = shut.path().join("en/welcome.wav");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let told = Sounds::load(Some(shut.path())).unwrap_err().to_string();
    // Root reads it all the same.
    assert!(told.contains("Permission denied") || told.contains("is no WAV file"), "{told}");
}
