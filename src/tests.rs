//! The scenario texts of `tests/scenarios/*/`: read, played by the module that knows their
//! language, compared. What happens stands as it was written; what came of it is indented.

use std::path::{Path, PathBuf};

/// Plays every text of a folder. Fails on what came otherwise; under `UPDATE_EXPECT=1` writes it.
pub(crate) fn scenarios(folder: &str, least: usize, told: impl Fn(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(folder);
    let entries = std::fs::read_dir(&path).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= least, "there are {} texts in {}", files.len(), path.display());
    let played = files.iter().map(|file| play(folder, file, &told));
    let failed: Vec<String> = played.filter_map(Result::err).collect();
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

fn play(folder: &str, file: &Path, told: impl Fn(&str) -> String) -> Result<(), String> {
    let text = std::fs::read_to_string(file).unwrap();
    let told = told(&text);
    if told == text {
        return Ok(());
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(file, told).unwrap();
        return Ok(());
    }
    let name = file.file_stem().unwrap().to_string_lossy();
    let lines = || text.lines().zip(told.lines()).enumerate();
    let at = lines().find(|(_, (expected, came))| expected != came);
    let difference = at.map_or("longer or shorter than expected".to_owned(), |(n, pair)| {
        format!("line {}:\n  expected: {}\n  came:     {}", n + 1, pair.0, pair.1)
    });
    Err(format!("scenario {folder}/{name} FAILED\n{difference}"))
}

/// A text of questions, each with its answer in the indented lines below it.
pub(crate) fn answered(text: &str, mut answer: impl FnMut(&str) -> String) -> String {
    let mut out = String::new();
    for line in text.lines().filter(|line| !line.starts_with(' ')) {
        out.push_str(line);
        out.push('\n');
        if !line.is_empty() && !line.starts_with('#') {
            let answer = answer(line);
            out.extend(answer.lines().map(|line| format!("    {line}\n")));
        }
    }
    out
}
