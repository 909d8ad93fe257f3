//! A child process: its lines as they come, its end, and waits with a deadline.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::{Failure, Outcome, now};

/// How often a condition outside this process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until `look` finds something; `what` says what was missing when the deadline passes.
pub(crate) fn until<T>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> Outcome<Option<T>>,
) -> Outcome<T> {
    let started = now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if started.elapsed() > within {
            return Err(Failure::Failed(format!("{what}: not within {within:?}")));
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Is this command installed?
pub(crate) fn installed(command: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(command).is_file())
}

/// Skips the test unless the command is there.
pub(crate) fn need(command: &str) -> Outcome {
    if installed(command) {
        return Ok(());
    }
    Err(Failure::Skipped(format!("{command} is not installed")))
}

/// Are we root? Raw sockets (digits of SIPp, captures) need it.
pub(crate) fn need_root(what: &str) -> Outcome {
    let id = Command::new("id").arg("-u").output()?;
    if id.stdout.trim_ascii() == b"0" {
        return Ok(());
    }
    Err(Failure::Skipped(format!("{what} needs root")))
}

/// A running child. Killed when dropped.
pub(crate) struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Process {
    /// Starts it in a folder, its output and errors read line by line.
    pub(crate) fn start(name: &str, command: &mut Command, folder: &Path) -> Outcome<Self> {
        command.current_dir(folder).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        let (send, lines) = channel();
        for stream in [
            child.stdout.take().map(|out| Box::new(out) as Box<dyn std::io::Read + Send>),
            child.stderr.take().map(|err| Box::new(err) as Box<dyn std::io::Read + Send>),
        ] {
            let (Some(stream), send) = (stream, send.clone()) else { continue };
            thread::spawn(move || {
                for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                    // The test may be over and nobody listening.
                    if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { name: name.to_owned(), child, lines, said: Vec::new() })
    }

    /// Waits for a line that holds `text` and gives it back.
    pub(crate) fn line_with(&mut self, text: &str, within: Duration) -> Outcome<String> {
        let started = now();
        loop {
            let left = within.saturating_sub(started.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if line.contains(text) {
                        return Ok(line);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(self.complaint(&format!("did not say {text:?} within {within:?}")));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.complaint(&format!("ended without saying {text:?}")));
                }
            }
        }
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self, within: Duration) -> Outcome<ExitStatus> {
        let started = now();
        loop {
            self.drain();
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if started.elapsed() > within {
                return Err(self.complaint(&format!("did not end within {within:?}")));
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits for its end, which must be a success.
    pub(crate) fn succeed(&mut self, within: Duration) -> Outcome {
        let status = self.end(within)?;
        if status.success() { Ok(()) } else { Err(self.complaint(&format!("ended with {status}"))) }
    }

    /// Has it ended?
    pub(crate) fn ended(&mut self) -> Outcome<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Everything it said until now.
    pub(crate) fn said(&mut self) -> &[String] {
        self.drain();
        &self.said
    }

    /// Sends a signal by name: `TERM`, `HUP`, `INT`.
    pub(crate) fn signal(&self, signal: &str) -> Outcome {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &id]).status()?;
        crate::ensure(status.success(), || format!("kill -s {signal} {}: {status}", self.name))
    }

    /// kill -9, and its end.
    pub(crate) fn kill(&mut self) -> Outcome {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn drain(&mut self) {
        while let Ok(line) = self.lines.try_recv() {
            self.said.push(line);
        }
    }

    fn complaint(&mut self, what: &str) -> Failure {
        // What it still had to say arrives just after its end.
        while let Ok(line) = self.lines.recv_timeout(LOOK_EVERY) {
            self.said.push(line);
        }
        let tail = self.said.iter().rev().filter(|line| !line.trim().is_empty()).take(12);
        let short = |line: &String| line.chars().take(300).collect::<String>();
        let mut tail: Vec<String> = tail.map(short).collect();
        tail.reverse();
        Failure::Failed(format!("{} {what}\n    {}", self.name, tail.join("\n    ")))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill().and_then(|()| self.child.wait().map(drop));
    }
}
