//! An operator's own recordings: looked at by `ringback sounds`, heard on a call, changed there.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::by_hand::Caller;
use crate::sentences::listen;
use crate::server::{Configuration, Net, Server, binary};
use crate::tone::write_wav;
use crate::{Outcome, ensure};

const GREETING: &str = r#"
[[entries]]
dnis = "200"
flow = "greeting"

[flows.greeting]
start = "greeting"

[flows.greeting.nodes.greeting]
kind = "say"
prompts = ["our-greeting"]
next = "bye"

[flows.greeting.nodes.bye]
kind = "hangup"
prompts = ["goodbye"]
"#;
const SOON: Duration = Duration::from_secs(10);

/// A prompt of their own is heard; one that cannot be used is refused, and nothing changes.
pub(crate) fn replaced(net: Net) -> Outcome {
    let studio = tempfile::TempDir::with_prefix("ringback-")?;
    let english = studio.path().join("en");
    fs::create_dir(&english)?;
    let greeting = english.join("our-greeting.wav");
    write_wav(&greeting, 440.0, 1)?;
    let folder = studio.path().display().to_string();
    let sounds = format!("rtp_timeout_seconds = 300\nsounds = {folder:?}");
    let configuration = Configuration::new().with(&sounds)?.and(GREETING);
    let mut server = Server::start(net, &configuration)?;
    let config = server.folder().join("ringback.toml");
    let share = |hertz| -> Outcome<f64> {
        let caller = Caller::call(net.caller(), net.server(), "200", "+14155550123")?;
        let heard = listen(&caller, 8_000)?;
        caller.ended()?;
        Ok(crate::tone::share_of(&heard, hertz))
    };
    let first = share(440.0)?;
    ensure(first > 0.9, || format!("{first} of what was heard is 440 Hz"))?;

    let listed = run(&config, &["list", "--language", "en"])?;
    ensure(listed.0 && listed.1.contains(&greeting.display().to_string()), || listed.1.clone())?;
    let built_in = "built in  \"Thank you for calling.\"";
    ensure(listed.1.contains(built_in), || listed.1.clone())?;
    let checked = run(&config, &["check"])?;
    ensure(!checked.0 && checked.1.contains("our-greeting.wav is at"), || checked.1.clone())?;
    ensure(checked.1.contains("LUFS and the others at -23"), || checked.1.clone())?;
    let gone = run(Path::new("nowhere.toml"), &["check"])?;
    ensure(!gone.0 && gone.1.contains("nowhere.toml: No such file"), || gone.1.clone())?;
    // Without a configuration, what is built in.
    let mut command = Command::new(binary());
    let ours = command.current_dir(studio.path()).args(["sounds", "check"]).output()?;
    let said = String::from_utf8_lossy(&ours.stdout).into_owned();
    ensure(ours.status.success(), || said.clone())?;
    ensure(said.contains("0 of them yours: 0 errors"), || said.clone())?;
    let cut = english.join("cut.wav");
    let whole = fs::read(&greeting)?;
    fs::write(&cut, &whole[..whole.len() / 2])?;
    let refused = run(&config, &["check"])?;
    ensure(!refused.0 && refused.1.contains("cut.wav is cut off; copy"), || refused.1.clone())?;
    fs::remove_file(&cut)?;
    let wrong = run(&config, &["say", "en", "time", "25:00", "--output", "/dev/null"])?;
    ensure(!wrong.0 && wrong.1.contains("write hours and minutes"), || wrong.1.clone())?;
    let wrong = run(&config, &["play", "en/nothing"])?;
    ensure(!wrong.0 && wrong.1.contains("ringback sounds list"), || wrong.1.clone())?;

    fs::write(&greeting, "no sound")?;
    server.reload(&configuration)?;
    let refused = server.says("nothing was changed", SOON)?;
    ensure(refused.contains("our-greeting.wav is no WAV file"), || refused.clone())?;
    let kept = share(440.0)?;
    ensure(kept > 0.9, || format!("{kept} of what was heard is 440 Hz"))?;
    write_wav(&greeting, 600.0, 1)?;
    server.reload(&configuration)?;
    server.says("reloaded", SOON)?;
    let second = share(600.0)?;
    ensure(second > 0.9, || format!("{second} of what was heard is 600 Hz"))?;
    server.stop()
}

/// Did it succeed, and what did it say?
fn run(config: &Path, what: &[&str]) -> Outcome<(bool, String)> {
    let mut command = Command::new(binary());
    let output = command.arg("--config").arg(config).arg("sounds").args(what).output()?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Ok((output.status.success(), said))
}
