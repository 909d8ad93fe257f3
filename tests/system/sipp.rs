//! SIPp as a party: one process for a scenario of `tests/system/sipp`, its trace as a capture.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::process::{Process, need, need_root, until};
use crate::server::Server;
use crate::{Failure, Outcome};

/// Skips the test unless SIPp is there and may send digits.
pub(crate) fn needed() -> Outcome {
    need("sipp")?;
    need_root("sipp sending digits")
}

/// How a scenario is run.
pub(crate) struct Sipp {
    scenario: &'static str,
    local: SocketAddr,
    calls: Option<u32>,
    at_once: Option<u32>,
    rate: Option<u32>,
    fields: Option<PathBuf>,
    towards: Option<SocketAddr>,
    keys: Vec<(&'static str, String)>,
    user: Option<(String, String)>,
    deadline: Duration,
}

/// A scenario that runs.
pub(crate) struct Running {
    process: Process,
    scenario: &'static str,
    trace: PathBuf,
    errors: PathBuf,
    deadline: Duration,
}

/// One message of a trace.
#[derive(Clone, Debug)]
pub(crate) struct Traced {
    /// Microseconds since 1970.
    pub at: i64,
    /// Did SIPp send it?
    pub sent: bool,
    /// The first line.
    pub start: String,
    /// All of it.
    pub text: String,
}

impl Traced {
    /// The value of a header, spelled as here.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let value = self.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(str::trim)
    }

    /// Is it a request of this method, received?
    pub(crate) fn got(&self, method: &str) -> bool {
        !self.sent && self.start.starts_with(&format!("{method} "))
    }

    /// Is it a final response to an INVITE, sent?
    pub(crate) fn ended_invite(&self) -> bool {
        let status = self.start.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3));
        let is_final = status.and_then(|s| s.parse::<u16>().ok()).is_some_and(|s| s >= 200);
        self.sent && is_final && self.header("CSeq").is_some_and(|cseq| cseq.ends_with("INVITE"))
    }
}

impl Sipp {
    /// One call of a scenario, from this address and port 5060.
    pub(crate) fn new(scenario: &'static str, local: IpAddr) -> Self {
        Self {
            scenario,
            local: SocketAddr::new(local, 5060),
            calls: Some(1),
            at_once: None,
            rate: None,
            fields: None,
            towards: None,
            keys: vec![("digit", "1".to_owned())],
            user: None,
            deadline: Duration::from_secs(60),
        }
    }

    /// So many calls.
    pub(crate) fn calls(self, calls: u32) -> Self {
        Self { calls: Some(calls), ..self }
    }

    /// Calls until [`Running::finish`].
    pub(crate) fn any_calls(self) -> Self {
        Self { calls: None, ..self }
    }

    /// The next call begins when the one before is over.
    pub(crate) fn one_at_a_time(self) -> Self {
        self.at_once(1)
    }

    /// At most so many calls at a time.
    pub(crate) fn at_once(self, calls: u32) -> Self {
        Self { at_once: Some(calls), ..self }
    }

    /// So many new calls a second, instead of 10.
    pub(crate) fn rate(self, rate: u32) -> Self {
        Self { rate: Some(rate), ..self }
    }

    /// `[field0]` and so on: a line for each call, separated by `;`.
    pub(crate) fn fields(self, server: &Server, lines: &[String]) -> Outcome<Self> {
        let file = server.folder().join(format!("{}-{}.csv", self.scenario, self.local.port()));
        fs::write(&file, format!("SEQUENTIAL\n{}\n", lines.join("\n")))?;
        let calls = u32::try_from(lines.len())?;
        Ok(Self { fields: Some(file), calls: Some(calls), ..self })
    }

    /// To somebody else than the server.
    pub(crate) fn towards(self, address: SocketAddr) -> Self {
        Self { towards: Some(address), ..self }
    }

    /// From another port.
    pub(crate) fn port(mut self, port: u16) -> Self {
        self.local.set_port(port);
        self
    }

    /// Puts `value` where the scenario says `[key]`.
    pub(crate) fn key(mut self, key: &'static str, value: &str) -> Self {
        self.keys.retain(|(known, _)| *known != key);
        self.keys.push((key, value.to_owned()));
        self
    }

    /// Answers digest challenges; `[user]` in the scenario.
    pub(crate) fn user(mut self, user: &str, password: &str) -> Self {
        self.user = Some((user.to_owned(), password.to_owned()));
        self.key("user", user)
    }

    /// All calls must be over within this; 60 s if not said.
    pub(crate) fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Starts it. A listening scenario has bound its port when this returns.
    pub(crate) fn start(self, server: &Server) -> Outcome<Running> {
        let scenarios = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/system/sipp");
        let stem = format!("{}-{}", self.scenario, self.local.port());
        let trace = server.folder().join(format!("{stem}.trace"));
        let errors = server.folder().join(format!("{stem}.errors"));
        let (host, port) = (self.local.ip().to_string(), self.local.port().to_string());
        let mut command = Command::new("sipp");
        command.arg("-sf").arg(format!("{scenarios}/{}.xml", self.scenario));
        command.args(["-i", &host, "-p", &port, "-mi", &host, "-nostdin"]);
        if let Some(calls) = self.calls {
            command.args(["-m", &calls.to_string()]);
        }
        if let Some(calls) = self.at_once {
            command.args(["-l", &calls.to_string()]);
        }
        if let Some(rate) = self.rate {
            command.args(["-r", &rate.to_string()]);
        }
        if let Some(fields) = &self.fields {
            command.arg("-inf").arg(fields);
        }
        command.args(["-timeout", &format!("{}s", self.deadline.as_secs()), "-timeout_error"]);
        command.arg("-trace_msg").arg("-message_file").arg(&trace);
        command.arg("-trace_err").arg("-error_file").arg(&errors);
        for (key, value) in &self.keys {
            command.args(["-key", key, value]);
        }
        if let Some((user, password)) = &self.user {
            command.args(["-au", user, "-ap", password]);
        }
        command.arg(self.towards.unwrap_or(server.net.server()).to_string());
        let process = Process::start(&stem, &mut command, server.folder())?;
        let mut running =
            Running { process, scenario: self.scenario, trace, errors, deadline: self.deadline };
        running.wait_bound(self.local)?;
        Ok(running)
    }

    /// Starts it and waits for its success.
    pub(crate) fn run(self, server: &Server) -> Outcome {
        self.start(server)?.succeed()
    }
}

impl Running {
    /// Waits for its end: every call must have gone as the scenario says.
    pub(crate) fn succeed(&mut self) -> Outcome {
        let more = Duration::from_secs(5);
        self.process.succeed(self.deadline + more).map_err(|failure| match failure {
            Failure::Failed(why) => Failure::Failed(format!("{why}\n{}", self.complaint())),
            skipped @ Failure::Skipped(_) => skipped,
        })
    }

    /// Waits for its end, however its calls went.
    pub(crate) fn over(&mut self) -> Outcome {
        self.process.end(self.deadline + Duration::from_secs(5)).map(drop)
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) -> Outcome {
        self.process.kill()
    }

    /// Takes no more calls and ends: those it took must have gone as the scenario says.
    pub(crate) fn finish(&mut self) -> Outcome {
        self.process.signal("USR1")?;
        self.succeed()
    }

    /// Everything sent and received until now.
    pub(crate) fn trace(&self) -> Outcome<Vec<Traced>> {
        let bytes = match fs::read(&self.trace) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let text = String::from_utf8_lossy(&bytes).replace('\r', "");
        text.split("----------------------------------------------- ")
            .skip(1)
            .filter(|part| part.contains("\n\n"))
            .map(read_traced)
            .collect()
    }

    /// Waits until the trace holds what `find` looks for.
    pub(crate) fn traced<T>(
        &self,
        what: &str,
        within: Duration,
        find: impl Fn(&[Traced]) -> Option<T>,
    ) -> Outcome<T> {
        let what = format!("{}: {what}", self.scenario);
        until(&what, within, || Ok(find(&self.trace()?)))
    }

    fn wait_bound(&mut self, local: SocketAddr) -> Outcome {
        // /proc/net/udp: `local_address` in hexadecimal, the address in host order.
        let IpAddr::V4(ip) = local.ip() else { return Ok(()) };
        let bound = format!("{:08X}:{:04X}", u32::from(ip).swap_bytes(), local.port());
        until(&format!("sipp bound {local}"), Duration::from_secs(5), || {
            let sockets = fs::read_to_string("/proc/net/udp")?;
            Ok((sockets.contains(&bound) || self.process.ended()?).then_some(()))
        })
    }

    /// What SIPp says went wrong, and the last messages.
    fn complaint(&self) -> String {
        let errors = fs::read_to_string(&self.errors).unwrap_or_default();
        let short = |line: &str| line.chars().take(300).collect::<String>();
        let first: Vec<String> = errors.lines().take(6).map(short).collect();
        let trace = self.trace().unwrap_or_default();
        let starts = trace.iter().rev().take(12).rev();
        let starts: Vec<String> = starts
            .map(|m| format!("    {} {}", if m.sent { "sent" } else { "got " }, m.start))
            .collect();
        format!("    {}\n{}", first.join("\n    "), starts.join("\n"))
    }
}

/// `2026-11-22 09:44:53.123456` and the message after a blank line.
fn read_traced(part: &str) -> Outcome<Traced> {
    let unreadable = || Failure::Failed(format!("cannot read the trace at {part:?}"));
    let (head, text) = part.split_once("\n\n").ok_or_else(unreadable)?;
    let (clock, direction) = head.split_once('\n').ok_or_else(unreadable)?;
    let at = microseconds(clock).ok_or_else(unreadable)?;
    let start = text.lines().next().unwrap_or_default().to_owned();
    Ok(Traced { at, sent: direction.contains("message sent"), start, text: text.to_owned() })
}

/// A local time as SIPp writes it, as microseconds; differences are what counts.
fn microseconds(clock: &str) -> Option<i64> {
    let mut numbers = clock.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty());
    let mut next = || numbers.next()?.parse::<i64>().ok();
    let (year, month, day) = (next()?, next()?, next()?);
    let (hour, minute, second, micro) = (next()?, next()?, next()?, next()?);
    // Days by the civil calendar, March first.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + micro)
}
