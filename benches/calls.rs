//! CPU-seconds of the server per 1,000 calls: INVITE, 200, ACK, BYE from SIPp at 300 a second.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::cpu;

const CALLS: u32 = 6_000;
const RATE: u32 = 300;
/// CPU-seconds per 1,000 calls that we aim at.
const GOAL: f64 = 0.4;
/// Asterisk 22.10 on a machine of this kind: the better end of what was measured.
const ASTERISK: f64 = 1.25;

/// Prints the figure, or why it could not be taken.
pub(crate) fn run() {
    match measure() {
        Ok((seconds, failed)) => println!(
            "calls: {seconds:.2} CPU-s per 1,000 calls at {RATE}/s, {failed} of {CALLS} failed \
             (goal {GOAL}, ratio {:.2}; Asterisk 22: {ASTERISK}, ratio {:.2})",
            seconds / GOAL,
            seconds / ASTERISK
        ),
        Err(reason) => println!("calls: not measured: {reason}"),
    }
}

fn measure() -> Result<(f64, u32), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (sip, http, sipp) = (free()?, free()?, free()?);
    let config = folder.path().join("ringback.toml");
    let text = include_str!("calls.toml");
    let text = text.replace("{sip}", &sip.to_string()).replace("{http}", &http.to_string());
    fs::write(&config, text).map_err(|error| error.to_string())?;
    let server = Server::start(&config, folder.path())?;
    let before = cpu::of(server.0.id()).ok_or("the server is gone")?;
    let status = Command::new("sipp")
        .args(["-sn", "uac", "-m", &CALLS.to_string(), "-r", &RATE.to_string(), "-l", "3000"])
        .args(["-i", &sipp.ip().to_string(), "-p", &sipp.port().to_string(), "-s", "100"])
        .args(["-nostdin", "-timeout", "120s", "-trace_stat", "-stf", "calls.csv", "-fd", "1"])
        .arg(sip.to_string())
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("sipp cannot be started: {error}"))?;
    let spent = cpu::of(server.0.id()).ok_or("the server is gone")? - before;
    let failed = failed(&folder.path().join("calls.csv"))?;
    if !status.success() && failed == 0 {
        return Err(format!("sipp ended with {status}"));
    }
    Ok((spent.as_secs_f64() * 1_000.0 / f64::from(CALLS), failed))
}

/// SIPp's own count of failed calls: the last line's `FailedCall(C)`.
fn failed(csv: &Path) -> Result<u32, String> {
    let text = fs::read_to_string(csv).map_err(|error| error.to_string())?;
    let header = text.lines().next().ok_or("no statistics")?;
    let column = header.split(';').position(|name| name == "FailedCall(C)").ok_or("no column")?;
    let last = text.lines().next_back().ok_or("no statistics")?;
    last.split(';').nth(column).and_then(|n| n.parse().ok()).ok_or("no figure".to_owned())
}

fn free() -> Result<SocketAddr, String> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    socket.local_addr().map_err(|error| error.to_string())
}

/// The server as its users start it; ended with the figure.
struct Server(Child);

impl Server {
    fn start(config: &Path, data: &Path) -> Result<Self, String> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ringback"))
            .arg("serve")
            .arg("--config")
            .arg(config)
            .arg("--data")
            .arg(data.join("data"))
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let output = child.stdout.take().ok_or("no output")?;
        let server = Self(child);
        let mut lines = BufReader::new(output).lines();
        let ready = lines.any(|line| line.is_ok_and(|line| line == "ready"));
        if ready { Ok(server) } else { Err("the server did not become ready".into()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.0.id().to_string();
        // SIGTERM, so that it drains; killed if it does not.
        drop(Command::new("kill").arg(&pid).status());
        for _ in 0..50 {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
