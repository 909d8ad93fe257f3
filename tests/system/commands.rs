//! The commands of the binary, as a person meets them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Process, need, until};
use crate::server::{Net, binary, health};
use crate::{Failure, Outcome, ensure};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every broken configuration is refused with the error that its first line announces.
pub(crate) fn broken_configurations(_: Net) -> Outcome {
    let mut files: Vec<_> = fs::read_dir(root().join("tests/broken_configs"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Outcome<_>>()?;
    files.sort();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    ensure(files.len() >= 10, || format!("only {} broken configurations", files.len()))?;
    for file in &files {
        let text = fs::read_to_string(file)?;
        let expected = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let expected = expected.ok_or_else(|| format!("{}: no comment first", file.display()))?;
        let expected = expected.replace("FILE", &file.to_string_lossy());
        let output = Command::new(binary()).arg("check").arg(file).output()?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        ensure(!output.status.success(), || format!("{} was taken", file.display()))?;
        ensure(said.contains(&expected), || {
            format!("{}: expected {expected:?}, got {said:?}", file.display())
        })?;
    }
    let shipped =
        Command::new(binary()).arg("check").arg(root().join("config/ringback.toml")).output()?;
    ensure(shipped.status.success(), || String::from_utf8_lossy(&shipped.stderr).into_owned())
}

/// An ordinary start in the shipped configuration says what to dial.
pub(crate) fn shipped_configuration(_: Net) -> Outcome {
    let folder = TempDir::with_prefix("ringback-")?;
    let mut command = Command::new(binary());
    command.arg("serve").arg("--config").arg(root().join("config/ringback.toml"));
    command.arg("--data").arg(folder.path().join("data"));
    let mut server = Process::start("ringback serve", &mut command, folder.path())?;
    let address = ([127, 0, 0, 1], 8080).into();
    let started = until("GET /health says 200", Duration::from_secs(10), || {
        if server.ended()? {
            let said = server.said().join("\n");
            return if said.contains("in use") { Ok(Some(said)) } else { Err(said.into()) };
        }
        Ok(health(address).ok().filter(|status| *status == 200).map(|_| String::new()))
    })?;
    if !started.is_empty() {
        return Err(Failure::Skipped("port 5060 or 8080 is in use on 127.0.0.1".to_owned()));
    }
    // The line may still be on its way when health is told already.
    let said = server.line_with("sip:100@", Duration::from_secs(5))?;
    ensure(said.contains("127.0.0.1:5060"), || format!("it does not say what to dial: {said}"))?;
    let secrets = fs::read_to_string(folder.path().join("data/secrets.toml"))?;
    let secrets: toml::Table = secrets.parse()?;
    let passwords = secrets.get("users").and_then(|users| users.as_table()).into_iter().flatten();
    for (user, password) in passwords {
        let shown = password.as_str().is_none_or(|password| said.contains(password));
        ensure(!shown, || format!("the password of {user} was printed to a pipe"))?;
    }
    server.signal("TERM")?;
    server.succeed(Duration::from_secs(15))
}

/// `ringback demo` ends with 0.
pub(crate) fn demo(_: Net) -> Outcome {
    run_demo(&mut Command::new(binary()))
}

/// The same on a Sunday at 03:00.
pub(crate) fn demo_on_a_sunday(_: Net) -> Outcome {
    need("faketime")?;
    let mut command = Command::new("faketime");
    command.env("DONT_FAKE_MONOTONIC", "1").arg("2026-11-22 03:00:00");
    run_demo(command.arg(binary()))
}

fn run_demo(command: &mut Command) -> Outcome {
    let folder = TempDir::with_prefix("ringback-")?;
    let mut demo = Process::start("ringback demo", command.arg("demo"), folder.path())?;
    demo.succeed(Duration::from_secs(120))
}
