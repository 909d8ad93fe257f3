//! The server under test: the real binary on addresses and a data folder of its own.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Process, until};
use crate::{Failure, Outcome, ensure};

/// The loopback addresses of one test: 127.P.N.x, P by this process, N by the test, so that neither
/// tests nor runs meet.
#[derive(Clone, Copy)]
pub(crate) struct Net(u8, u8);

impl Net {
    /// The addresses of the test with this number.
    pub(crate) fn new(index: usize) -> Self {
        let run = u8::try_from(1 + std::process::id() % 254).unwrap_or(u8::MAX);
        Self(run, u8::try_from(index).unwrap_or(u8::MAX))
    }

    fn host(self, last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(127, self.0, self.1, last))
    }

    /// The server.
    pub(crate) fn server(self) -> SocketAddr {
        SocketAddr::new(self.host(1), 5060)
    }

    /// Callers, who come over the trunk `carrier`.
    pub(crate) fn caller(self) -> IpAddr {
        self.host(2)
    }

    /// The trunk `carrier`.
    pub(crate) fn trunk(self) -> IpAddr {
        self.host(3)
    }

    /// The agent's phone.
    pub(crate) fn agent(self) -> IpAddr {
        self.host(4)
    }

    /// Somebody unknown.
    pub(crate) fn stranger(self) -> IpAddr {
        self.host(5)
    }

    /// Puts the addresses of this test in place of 127.0.0.x.
    fn place(self, text: &str) -> String {
        text.replace("127.0.0.", &format!("127.{}.{}.", self.0, self.1))
    }
}

/// A configuration: the one of the tests, with changes.
#[derive(Clone)]
pub(crate) struct Configuration(String);

impl Configuration {
    /// The one in `tests/system/ringback.toml`.
    pub(crate) fn new() -> Self {
        Self(include_str!("ringback.toml").to_owned())
    }

    /// The one that is shipped.
    pub(crate) fn shipped() -> Self {
        Self(include_str!("../../config/ringback.toml").to_owned())
    }

    /// Puts a line of its own in the place of one that shows a default.
    pub(crate) fn set(self, line: &str) -> Outcome<Self> {
        let key = line.split('=').next().unwrap_or_default();
        let shown = self.0.lines().find(|old| old.split('=').next() == Some(&format!("#{key}")));
        let shown = shown.map(str::to_owned).ok_or_else(|| format!("no default of {key}"))?;
        Ok(Self(self.0.replacen(&shown, line, 1)))
    }

    /// Adds sections.
    pub(crate) fn and(self, sections: &str) -> Self {
        Self(format!("{}\n{sections}", self.0))
    }

    /// Puts another line in place of the one that starts with the same `key =`.
    pub(crate) fn with(self, line: &str) -> Outcome<Self> {
        let key = line.split('=').next().unwrap_or_default();
        let mut hits = 0;
        let lines = self.0.lines().map(|old| {
            let hit = old.split('=').next() == Some(key);
            hits += usize::from(hit);
            if hit { line } else { old }
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        ensure(hits == 1, || format!("{hits} lines of the configuration start with `{key}=`"))?;
        Ok(Self(text))
    }
}

/// A drain takes 30 s at most.
const ENDS_WITHIN: Duration = Duration::from_secs(40);

/// A server and its folder. Killed when dropped.
pub(crate) struct Server {
    /// Its addresses.
    pub net: Net,
    folder: TempDir,
    process: Process,
}

impl Server {
    /// Starts a server and waits until it is ready.
    pub(crate) fn start(net: Net, configuration: &Configuration) -> Outcome<Self> {
        let mut folder = TempDir::with_prefix("ringback-")?;
        // Traces, captures and the database of a run, to be looked at.
        folder.disable_cleanup(std::env::var_os("SYSTEM_KEEP").is_some());
        fs::write(folder.path().join("ringback.toml"), net.place(&configuration.0))?;
        let process = spawn(folder.path())?;
        let mut server = Self { net, folder, process };
        server.wait_ready()?;
        Ok(server)
    }

    /// kill -9, without any chance to write something down.
    pub(crate) fn kill(&mut self) -> Outcome {
        self.process.kill()
    }

    /// Starts again on the same data, without waiting until it is ready.
    pub(crate) fn start_again(&mut self) -> Outcome {
        self.process = spawn(self.folder.path())?;
        Ok(())
    }

    /// Waits until health says 200.
    pub(crate) fn wait_ready(&mut self) -> Outcome {
        let address = SocketAddr::new(self.net.server().ip(), 8080);
        until("GET /health says 200", Duration::from_secs(10), || {
            if self.process.ended()? {
                return Err(Failure::Failed(format!("the server ended:\n{}", self.log())));
            }
            Ok(health(address).ok().filter(|status| *status == 200))
        })?;
        Ok(())
    }

    /// Ends it by SIGTERM; it must end with 0.
    pub(crate) fn stop(self) -> Outcome {
        self.stop_and_keep().map(drop)
    }

    /// The same; its folder is there as long as what this returns.
    pub(crate) fn stop_and_keep(mut self) -> Outcome<TempDir> {
        self.drain()?;
        self.process.succeed(ENDS_WITHIN)?;
        Ok(self.folder)
    }

    /// Tells it to end by SIGTERM.
    pub(crate) fn drain(&self) -> Outcome {
        self.process.signal("TERM")
    }

    /// Waits for its end, which must be with 0.
    pub(crate) fn ends(mut self) -> Outcome {
        self.process.succeed(ENDS_WITHIN)
    }

    /// Is it alive, and does health say 200?
    pub(crate) fn alive(&mut self) -> Outcome {
        let ended = self.process.ended()?;
        ensure(!ended, || format!("the server ended:\n{}", self.log()))?;
        self.wait_ready()
    }

    /// Puts another configuration in its place and tells the server by SIGHUP.
    pub(crate) fn reload(&self, configuration: &Configuration) -> Outcome {
        fs::write(self.folder.path().join("ringback.toml"), self.net.place(&configuration.0))?;
        self.process.signal("HUP")
    }

    /// Waits for a line of its output that holds `text`.
    pub(crate) fn says(&mut self, text: &str, within: Duration) -> Outcome<String> {
        self.process.line_with(text, within)
    }

    /// The password made at the first start for a user.
    pub(crate) fn password(&self, user: &str) -> Outcome<String> {
        let secrets = self.secrets()?;
        let password = secrets.get("users").and_then(|users| users.get(user)?.as_str());
        password.map(str::to_owned).ok_or_else(|| format!("no password for {user}").into())
    }

    /// The key of `/api/v1`.
    pub(crate) fn api_key(&self) -> Outcome<String> {
        let key = self.secrets()?.get("api_key").and_then(|key| key.as_str().map(str::to_owned));
        key.ok_or_else(|| "no api_key".into())
    }

    fn secrets(&self) -> Outcome<toml::Table> {
        Ok(fs::read_to_string(self.data().join("secrets.toml"))?.parse()?)
    }

    /// Its database.
    pub(crate) fn database(&self) -> PathBuf {
        self.data().join("ringback.db")
    }

    /// A folder for the files of this test.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the server wrote to its standard output and errors.
    pub(crate) fn log(&mut self) -> String {
        self.process.said().join("\n")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

fn spawn(folder: &Path) -> Outcome<Process> {
    let mut command = Command::new(binary());
    command.args(["serve", "--config", "ringback.toml", "--data", "data"]);
    Process::start("ringback serve", &mut command, folder)
}

/// The binary under test: the one built with the tests, or the one that RINGBACK_BINARY names.
pub(crate) fn binary() -> PathBuf {
    let other = std::env::var_os("RINGBACK_BINARY");
    other.map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_ringback")), PathBuf::from)
}

/// The status of `GET /health`.
pub(crate) fn health(address: SocketAddr) -> Outcome<u16> {
    let second = Duration::from_secs(1);
    let mut stream = TcpStream::connect_timeout(&address, second)?;
    stream.set_read_timeout(Some(second))?;
    write!(stream, "GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| format!("health said {answer:?}").into())
}
