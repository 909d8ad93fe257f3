//! What was on the wire, by tshark: kernel time stamps, nobody's own log.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{Process, need, need_root};
use crate::server::Net;
use crate::{Outcome, ensure};

/// A capture of all SIP of one test.
pub(crate) struct Capture {
    process: Process,
    file: PathBuf,
}

/// One SIP message.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    /// Seconds since 1970.
    pub at: f64,
    /// `address:port`.
    pub from: String,
    /// `address:port`.
    pub to: String,
    /// The method of a request, else empty.
    pub method: String,
}

/// Skips the test unless a capture can be made.
pub(crate) fn needed() -> Outcome {
    need("tshark")?;
    need_root("a capture on loopback")
}

impl Capture {
    /// Starts it; it captures when this returns.
    pub(crate) fn start(net: Net, folder: &Path) -> Outcome<Self> {
        let file = folder.join("capture.pcap");
        let filter = format!("udp port 5060 and host {}", net.server().ip());
        let mut command = Command::new("tshark");
        command.args(["-q", "-i", "lo", "-f", &filter, "-F", "pcap", "-w"]).arg(&file);
        let mut process = Process::start("tshark", &mut command, folder)?;
        process.line_with("Capturing on", Duration::from_secs(15))?;
        Ok(Self { process, file })
    }

    /// Ends it and reads what was captured.
    pub(crate) fn end(mut self) -> Outcome<Vec<Packet>> {
        self.process.signal("INT")?;
        self.process.end(Duration::from_secs(10))?;
        let fields =
            ["frame.time_epoch", "ip.src", "udp.srcport", "ip.dst", "udp.dstport", "sip.Method"];
        let mut command = Command::new("tshark");
        command.arg("-r").arg(&self.file).args(["-d", "udp.port==5060,sip", "-Y", "sip"]);
        command.args(["-T", "fields"]).args(fields.iter().flat_map(|field| ["-e", field]));
        let output = command.output()?;
        ensure(output.status.success(), || String::from_utf8_lossy(&output.stderr).into_owned())?;
        let text = String::from_utf8(output.stdout)?;
        text.lines().map(read_packet).collect()
    }
}

fn read_packet(line: &str) -> Outcome<Packet> {
    let mut fields = line.split('\t').map(str::to_owned);
    let mut next = || fields.next().ok_or_else(|| format!("too few fields: {line:?}"));
    let at = next()?.parse()?;
    let (from, from_port, to, to_port) = (next()?, next()?, next()?, next()?);
    let method = next()?;
    let (from, to) = (format!("{from}:{from_port}"), format!("{to}:{to_port}"));
    Ok(Packet { at, from, to, method })
}
