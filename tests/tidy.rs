//! Architecture, lengths and banned calls: what the compiler and clippy do not check.
//!
//! Every rule is a function from one file to its offences, run over the whole tree and, beside it,
//! over a made-up offence that it must catch. The tables at the top are the rules' content.
#![expect(clippy::unwrap_used, reason = "a test that cannot read the tree has failed")]

#[path = "tidy/source.rs"]
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use source::Source;

/// Names and values only: everybody may name them.
const LAYER_1: &[&str] = &["ident", "time", "phone", "session"];

/// Who may name whom, besides layer 1. A module that is not here may not exist.
const ARROWS: &[(&str, &[&str])] = &[
    ("ident", &[]),
    ("time", &[]),
    ("phone", &[]),
    ("session", &[]),
    ("queue", &[]),
    ("calls", &[]),
    ("sip", &[]),
    ("media", &[]),
    ("store", &["queue"]),
    ("config", &["queue", "calls", "sip", "media", "store"]),
    ("api", &["queue", "store"]),
    ("observe", &["queue"]),
    ("node", &["queue", "calls", "sip", "media", "store", "config", "api", "observe"]),
    // What tests of several modules share.
    ("tests", &[]),
];

/// Files and folders without clock, I/O, randomness or async.
const PURE: &[&str] = &[
    "src/ident.rs",
    "src/time.rs",
    "src/phone.rs",
    "src/phone/",
    "src/session.rs",
    "src/queue/",
    "src/calls/",
    "src/sip/",
    "src/media/",
    "src/store/mod.rs",
    "src/store/memory.rs",
    "src/store/gate.rs",
    "src/config/",
    "src/observe/queue_log.rs",
    "src/observe/queue_log/",
];

/// The parts of those folders that do I/O. Built with the feature `node` only.
const NOT_PURE: &[&str] = &["src/sip/transport/", "src/media/leg", "src/media/sounds.rs"];

/// What a pure file may not say, and why.
const BANNED: &[(&str, &str)] = &[
    ("Instant", "time comes in as a value"),
    ("SystemTime", "time comes in as a value"),
    ("Utc::now", "time comes in as a value"),
    ("rand", "the only randomness is ident::Entropy"),
    ("rand_chacha", "the only randomness is ident::Entropy"),
    ("getrandom", "the only randomness is ident::Entropy"),
    ("RandomState", "the only randomness is ident::Entropy"),
    ("tokio", "only the node starts tasks"),
    ("async", "the core is called, it does not wait"),
    ("await", "the core is called, it does not wait"),
    ("println", "effects are values"),
    ("eprintln", "effects are values"),
    ("tracing", "effects are values"),
    ("chrono", "zones and daylight saving time stay in queue::hours"),
    ("chrono_tz", "zones and daylight saving time stay in queue::hours"),
    ("sqlx", "only the store writes to the database"),
    ("std::fs", "no I/O"),
    ("std::env", "settings flow down as values"),
    ("std::thread", "only the node starts threads"),
    ("UdpSocket", "no I/O"),
    ("TcpStream", "no I/O"),
];

/// A pure file that may say a banned word: the one source of randomness, the one keeper of zones.
const MAY_SAY: &[(&str, &str)] = &[
    ("src/ident.rs", "rand_chacha"),
    ("src/queue/hours.rs", "chrono"),
    ("src/queue/hours.rs", "chrono_tz"),
    ("src/queue/contact.rs", "chrono"),
    ("src/queue/contact.rs", "chrono_tz"),
];

/// What may stand at the top besides dotfiles.
const TOP: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE",
    "README.md",
    "src",
    "config",
    "sounds",
    "tests",
    "docker",
    "benches",
];

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;

/// Words that say "not finished", put together here so that this file does not hold them.
fn unfinished() -> [String; 4] {
    [["TO", "DO"], ["FIX", "ME"], ["todo", "!"], ["unimplemented", "!"]].map(|word| word.concat())
}

// ---- the rules: a file in, offences out

/// The module of `src` that a file belongs to; `None` for `lib.rs`, `main.rs` and files elsewhere.
fn module(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    let name = inside.split('/').next()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    (!matches!(name, "lib" | "main")).then_some(name)
}

fn arrows(file: &Source) -> Vec<String> {
    let Some(own) = module(&file.path) else { return Vec::new() };
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == own) else {
        return vec![format!("{}: no arrow says what `{own}` may name: see ARROWS", file.path)];
    };
    file.named_modules()
        .into_iter()
        .filter(|(_, name)| {
            name != own && !LAYER_1.contains(&name.as_str()) && !allowed.contains(&name.as_str())
        })
        .map(|(line, name)| format!("{}:{line}: `{own}` must not name `{name}`", file.path))
        .collect()
}

/// Layer 1 sees nothing above it, and of itself what it needs.
fn is_pure(path: &str) -> bool {
    let under = |list: &[&str]| list.iter().any(|start| path.starts_with(start));
    under(PURE) && !under(NOT_PURE)
}

fn banned_calls(file: &Source) -> Vec<String> {
    if !is_pure(&file.path) {
        return Vec::new();
    }
    let mut offences = Vec::new();
    for (word, why) in BANNED.iter().filter(|(word, _)| !MAY_SAY.contains(&(&file.path, word))) {
        for line in file.lines_with_path(word) {
            offences.push(format!("{}:{line}: `{word}` in a pure file: {why}", file.path));
        }
    }
    for line in file.unordered_iterations() {
        offences.push(format!("{}:{line}: iterates over a hash table: BTreeMap", file.path));
    }
    offences
}

fn lengths(file: &Source) -> Vec<String> {
    let mut offences = Vec::new();
    let lines = file.text.lines().count();
    if lines > FILE_LINES_MAX {
        offences.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", file.path));
    }
    for (number, line) in file.text.lines().enumerate() {
        let columns = line.chars().count();
        if columns > COLUMNS_MAX {
            offences.push(format!("{}:{}: {columns} columns", file.path, number + 1));
        }
    }
    for function in file.functions() {
        if function.lines > FUNCTION_LINES_MAX && !function.is_table {
            let source::Function { name, line, lines, .. } = function;
            offences.push(format!("{}:{line}: fn {name} has {lines} lines", file.path));
        }
    }
    offences
}

fn module_docs(file: &Source) -> Vec<String> {
    let says = file.text.starts_with("//! ");
    if says { Vec::new() } else { vec![format!("{}: must start with `//! `", file.path)] }
}

fn unfinished_work(file: &Source) -> Vec<String> {
    let mut offences = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for word in unfinished().iter().filter(|word| line.contains(word.as_str())) {
            offences.push(format!("{}:{}: {word}", file.path, number + 1));
        }
    }
    for (number, line) in file.code.lines().enumerate() {
        if line.contains("#[allow(") || line.contains("#![allow(") {
            offences.push(format!("{}:{}: #[expect(.., reason = ..)]", file.path, number + 1));
        }
    }
    offences
}

/// A scenario says what it proves, and names patches that are there.
fn scenario_header(file: &Source, patches: &BTreeSet<String>) -> Vec<String> {
    let comments: Vec<&str> = file.text.lines().filter_map(|l| l.strip_prefix("# ")).collect();
    let mut offences = Vec::new();
    if !comments.iter().any(|line| line.starts_with("Proves: \"")) {
        offences.push(format!("{}: no line `# Proves: \"..\"`", file.path));
    }
    let breaks = comments.iter().filter_map(|line| line.strip_prefix("Breaks under: "));
    let named: Vec<&str> = breaks.flat_map(|list| list.split(", ")).collect();
    if named.is_empty() {
        offences.push(format!("{}: no line `# Breaks under: NAME.patch`", file.path));
    }
    for name in named.into_iter().filter(|name| !patches.contains(*name)) {
        offences.push(format!("{}: there is no tests/planted/{name}", file.path));
    }
    offences
}

/// The map of the rules names every scenario, and none that is not there.
fn scenario_map(map: &str, scenarios: &BTreeSet<String>) -> Vec<String> {
    let is_name = |word: &&str| {
        let folders =
            ["telephone/", "wire/", "speech/", "numbers/", "headers/", "config/", "offers/"];
        let file = folders.iter().find_map(|folder| word.strip_prefix(folder)).unwrap_or(word);
        file.ends_with(".txt") && !file.contains(['/', '*', ' '])
    };
    let (there, back) = map.split_once("## And back").unwrap_or((map, ""));
    let mut offences = Vec::new();
    for (way, text) in [("to the scenarios", there), ("back", back)] {
        let named: BTreeSet<String> = text.split('`').filter(is_name).map(str::to_owned).collect();
        let missing = scenarios.difference(&named);
        offences.extend(missing.map(|name| format!("{name} is not in the map {way}")));
        let gone = named.difference(scenarios);
        offences.extend(gone.map(|name| format!("{name} is mapped {way} and not there")));
    }
    offences
}

/// A planted bug says which rules catch it, and touches `src` only.
fn planted_header(file: &Source) -> Vec<String> {
    let mut offences = Vec::new();
    if !file.text.lines().any(|line| line.starts_with("Caught by: ")) {
        offences.push(format!("{}: no line `Caught by: RULE`", file.path));
    }
    let touched = file.text.lines().filter_map(|line| line.strip_prefix("+++ b/"));
    let touched: Vec<&str> = touched.collect();
    if touched.is_empty() || touched.iter().any(|path| !path.starts_with("src/")) {
        offences.push(format!("{}: must change files of src and no other", file.path));
    }
    offences
}

fn top_level(names: &BTreeSet<String>) -> Vec<String> {
    names
        .iter()
        .filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str()))
        .map(|name| format!("{name}: only {} and dotfiles stand at the top", TOP.join(" ")))
        .collect()
}

// ---- the tree

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_under(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_under(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
}

fn sources(folders: &[&str]) -> Vec<Source> {
    files(folders, ".rs")
}

fn files(folders: &[&str], ending: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in folders {
        files_under(&root().join(folder), ending, &mut paths);
    }
    let relative = |path: &Path| path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
    paths.iter().map(|p| Source::new(&relative(p), &fs::read_to_string(p).unwrap())).collect()
}

fn all_clean(folders: &[&str], rule: fn(&Source) -> Vec<String>) {
    let files = sources(folders);
    assert!(files.len() > 10 || !folders.contains(&"src"), "only {} files", files.len());
    let offences: Vec<String> = files.iter().flat_map(rule).collect();
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

/// What `rule` says of a made-up file.
fn said(rule: fn(&Source) -> Vec<String>, path: &str, text: &str) -> Vec<String> {
    rule(&Source::new(path, text))
}

#[test]
fn modules_name_only_whom_they_may() {
    all_clean(&["src"], arrows);
}

#[test]
fn a_wrong_arrow_is_caught() {
    let wrong = [
        ("src/queue/routing.rs", "use crate::sip::message::Uri;"),
        ("src/queue/routing.rs", "use crate::{ident::AgentId, calls::Event};"),
        ("src/queue/routing.rs", "use super::super::store::Step;"),
        ("src/phone.rs", "fn f(q: &crate::queue::Queue) {}"),
        ("src/store/mod.rs", "use crate::node;"),
        ("src/config/file.rs", "use crate::\n    node::run;"),
        ("src/helper/mod.rs", "fn f() {}"),
    ];
    for (path, text) in wrong {
        assert_eq!(said(arrows, path, text).len(), 1, "{path}: {text}");
    }
    let right = [
        ("src/queue/routing.rs", "use crate::ident::AgentId; use super::agent::Agent;"),
        ("src/queue/routing.rs", "// crate::sip is not for us\nconst A: &str = \"crate::sip::x\";"),
        ("src/sip/mod.rs", "#[cfg(test)]\nmod tests { use crate::media::sdp; }"),
        ("src/store/mod.rs", "use crate::queue::Changed;"),
        ("src/main.rs", "use ringback::node;"),
    ];
    for (path, text) in right {
        assert_eq!(said(arrows, path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
fn pure_files_are_pure() {
    all_clean(&["src"], banned_calls);
}

#[test]
fn every_entry_of_the_pure_table_exists() {
    let files = sources(&["src"]);
    for start in PURE {
        assert!(files.iter().any(|file| file.path.starts_with(start)), "{start} is not there");
    }
}

#[test]
fn a_banned_call_is_caught() {
    let wrong = [
        "fn f() -> u64 { std::time::Instant::now().elapsed().as_secs() }",
        "async fn f() {}",
        "fn f() { println!(\"x\"); }",
        "use rand::random;",
        "use chrono::Utc;",
        "use std::{\n    fs,\n    io,\n};",
        "struct S { m: HashMap<u8, u8> }\nimpl S { fn f(&self) { for x in self.m.values() {} } }",
        "fn f() { let mut seen = HashSet::new(); seen.insert(1); for x in &seen {} }",
    ];
    for text in wrong {
        assert_eq!(said(banned_calls, "src/queue/mod.rs", text).len(), 1, "{text}");
        assert!(said(banned_calls, "src/node/mod.rs", text).is_empty(), "{text}");
    }
    let right = [
        "// Instant::now would hide a clock\nconst A: &str = \"tokio\";",
        "fn operand(brand: u8) -> u8 { brand }",
        "struct S { m: HashMap<u8, u8> }\nimpl S { fn f(&self) { self.m.contains_key(&1); } }",
        "#[cfg(test)]\nmod tests { fn f() { println!(\"x\"); } }",
    ];
    for text in right {
        assert_eq!(said(banned_calls, "src/queue/mod.rs", text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn files_functions_and_lines_are_short() {
    all_clean(&["src", "tests", "benches"], lengths);
}

#[test]
fn a_long_one_is_caught() {
    let body = |line: &str, count: usize| format!("fn f() {{\n{}}}\n", line.repeat(count));
    assert_eq!(said(lengths, "a.rs", &"\n".repeat(FILE_LINES_MAX + 1)).len(), 1);
    assert_eq!(said(lengths, "a.rs", &"\n".repeat(FILE_LINES_MAX)).len(), 0);
    assert_eq!(said(lengths, "a.rs", &"x".repeat(COLUMNS_MAX + 1)).len(), 1);
    assert_eq!(said(lengths, "a.rs", &body("    g();\n", FUNCTION_LINES_MAX - 1)).len(), 1);
    assert_eq!(said(lengths, "a.rs", &body("    g();\n", FUNCTION_LINES_MAX - 2)).len(), 0);
    let table =
        format!("fn f() {{\n    match x {{\n{}    }}\n}}\n", "        A => 1,\n".repeat(90));
    assert_eq!(said(lengths, "a.rs", &table).len(), 0);
    let arms = "        A => {\n            1\n        }\n".repeat(40);
    let not_one_line = format!("fn f() {{\n    match x {{\n{arms}    }}\n}}\n");
    assert_eq!(said(lengths, "a.rs", &not_one_line).len(), 1);
}

#[test]
fn every_file_says_what_it_is_for() {
    all_clean(&["src", "tests", "benches"], module_docs);
}

#[test]
fn a_file_without_a_purpose_is_caught() {
    assert_eq!(said(module_docs, "src/a.rs", "// a comment\nfn f() {}").len(), 1);
    assert_eq!(said(module_docs, "src/a.rs", "//! What it is for.\n").len(), 0);
}

#[test]
fn nothing_is_unfinished_or_silenced() {
    all_clean(&["src", "tests", "benches"], unfinished_work);
}

#[test]
fn unfinished_work_is_caught() {
    for word in unfinished() {
        assert_eq!(said(unfinished_work, "src/a.rs", &format!("// {word}\n")).len(), 1, "{word}");
    }
    assert_eq!(said(unfinished_work, "src/a.rs", "#[allow(dead_code)]\nfn f() {}").len(), 1);
    assert_eq!(said(unfinished_work, "src/a.rs", "#[expect(dead_code)]\nfn f() {}").len(), 0);
}

#[test]
fn the_top_level_holds_only_what_belongs_there() {
    let ignored = ["target", "data"];
    let names = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !ignored.contains(&name.as_str()) && !name.ends_with(".pcap"))
        .collect();
    assert_eq!(top_level(&names), Vec::<String>::new());
}

#[test]
fn a_stray_file_at_the_top_is_caught() {
    let names = ["src", ".cargo", "notes.txt"].map(str::to_owned).into();
    assert_eq!(top_level(&names).len(), 1);
}

fn patches() -> BTreeSet<String> {
    let name = |file: &Source| file.path.rsplit('/').next().unwrap().to_owned();
    files(&["tests/planted"], ".patch").iter().map(name).collect()
}

#[test]
fn scenarios_and_planted_bugs_name_each_other() {
    let (patches, scenarios) = (patches(), files(&["tests/scenarios"], ".txt"));
    assert!(patches.len() >= 12 && scenarios.len() >= 3, "{patches:?}");
    let of_scenarios = scenarios.iter().flat_map(|file| scenario_header(file, &patches));
    let planted = files(&["tests/planted"], ".patch");
    let offences: Vec<String> =
        of_scenarios.chain(planted.iter().flat_map(planted_header)).collect();
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

/// Does a patch fit the tree as it is?
fn applies(patch: &Path) -> bool {
    let git =
        Command::new("git").current_dir(root()).args(["apply", "--check"]).arg(patch).output();
    git.unwrap().status.success()
}

#[test]
fn every_planted_bug_applies() {
    let lost = |name: &String| !applies(&root().join("tests/planted").join(name));
    let lost: Vec<String> = patches().into_iter().filter(lost).collect();
    assert!(lost.is_empty(), "its lines have changed: {lost:?}");
    let made_up = tempfile::NamedTempFile::new().unwrap();
    let text = "--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -1,1 +1,1 @@\n-no such line\n+one\n";
    fs::write(made_up.path(), text).unwrap();
    assert!(!applies(made_up.path()));
}

#[test]
fn every_scenario_is_mapped_to_its_rule() {
    let name = |file: &Source| file.path.replace("tests/scenarios/", "");
    let scenarios = files(&["tests/scenarios"], ".txt").iter().map(name).collect();
    let map = fs::read_to_string(root().join("tests/scenarios/README.md")).unwrap();
    assert_eq!(scenario_map(&map, &scenarios), Vec::<String>::new());
}

/// Where the map of the rules names a test, there is one.
fn tests_missing(map: &str, code: &str) -> Vec<String> {
    let (_, after) = map.split_once("## The telephone").unwrap_or_default();
    let (section, _) = after.split_once("## ").unwrap_or((after, ""));
    let is_test = |word: &&str| word.matches('_').count() > 1 && !word.contains(['/', '.', ' ']);
    let named = section.split('`').filter(is_test);
    let there = |name: &str| {
        [format!("fn {name}("), format!("\"{name}\"")].iter().any(|it| code.contains(it))
    };
    named.filter(|name| !there(name)).map(|name| format!("there is no test {name}")).collect()
}

#[test]
fn every_test_that_the_map_names_is_there() {
    let map = fs::read_to_string(root().join("tests/scenarios/README.md")).unwrap();
    let code: String = files(&["src", "tests"], ".rs").iter().map(|file| &*file.text).collect();
    assert_eq!(tests_missing(&map, &code), Vec::<String>::new());
    assert_eq!(
        tests_missing("## The telephone `a_b_c` `x`\n## And `d_e_f`", "fn other()").len(),
        1
    );
}

#[test]
fn a_scenario_that_is_not_mapped_or_not_there_is_caught() {
    let scenarios = ["a.txt".to_owned()].into();
    let both = "| x | `a.txt` |\n## And back\n| `a.txt` | x |";
    assert_eq!(scenario_map(both, &scenarios).len(), 0);
    assert_eq!(scenario_map(&both.replace("`a", "`telephone/a"), &scenarios).len(), 4);
    assert_eq!(scenario_map("| x | `a.txt` |", &scenarios).len(), 1, "one way only");
    assert_eq!(scenario_map("| x | `b.txt` |", &scenarios).len(), 3);
}

#[test]
fn a_header_that_names_nothing_is_caught() {
    let patches = ["lost.patch".to_owned()].into();
    let said = |text: &str| scenario_header(&Source::new("tests/scenarios/a.txt", text), &patches);
    assert_eq!(said("# Proves: \"x\"\n# Breaks under: lost.patch\n").len(), 0);
    assert_eq!(said("# Proves: \"x\"\n# Breaks under: gone.patch\n").len(), 1);
    assert_eq!(said("# A scenario\n").len(), 2);
    let said = |text: &str| planted_header(&Source::new("tests/planted/a.patch", text));
    assert_eq!(said("Caught by: place_fixed\n+++ b/src/queue/mod.rs\n").len(), 0);
    assert_eq!(said("+++ b/src/queue/mod.rs\n").len(), 1);
    assert_eq!(said("Caught by: place_fixed\n+++ b/tests/a.rs\n").len(), 1);
}
