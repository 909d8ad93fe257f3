//! baresip, unmodified, as the agent's phone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::database::Database;
use crate::process::{Process, need, until};
use crate::server::{Configuration, Net, Server};
use crate::sipp::{self, Sipp};
use crate::story::{SOON, caller_accepts, feature_code};
use crate::{Outcome, tone};

/// The seconds of tone that prove it.
const TONE_SECONDS: f64 = 2.0;

/// baresip registers as Ann and gets the callback; its recording holds the consumer's 440 Hz.
pub(crate) fn callback(net: Net) -> Outcome {
    sipp::needed()?;
    need("baresip")?;
    let server = Server::start(net, &Configuration::new())?;
    tone::self_check(server.folder())?;
    let database = Database::new(server.database())?;
    let phone = Phone::start("ann", 5060, &server, &database)?;
    caller_accepts(&server)?;
    database.wait_queued(SOON)?;
    tone::write_ulaw(&server.folder().join("tone.ulaw"), 440.0)?;
    let mut consumer = Sipp::new("trunk_speaks", net.trunk()).start(&server)?;
    feature_code(&server, "*46")?;
    phone.hears_tone()?;
    phone.hang_up()?;
    consumer.succeed()?;
    database.wait_completed("AGENT_CONNECTED", SOON)?;
    server.stop()
}

/// A registered phone that answers at once, says 600 Hz and records what it hears.
pub(crate) struct Phone {
    process: Process,
    home: PathBuf,
}

impl Phone {
    /// Starts the phone of an agent on a port, and waits until it is bound.
    pub(crate) fn start(
        agent: &str,
        port: u16,
        server: &Server,
        database: &Database,
    ) -> Outcome<Self> {
        let home = write_home(agent, port, server)?;
        let mut command = Command::new("baresip");
        command.arg("-f").arg(&home);
        let process = Process::start("baresip", &mut command, &home)?;
        until("baresip is bound", SOON, || Ok(database.bindings(agent)?.into_iter().next()))?;
        Ok(Self { process, home })
    }

    /// Waits until a recording holds 440 Hz for long enough.
    pub(crate) fn hears_tone(&self) -> Outcome {
        until("440 Hz in the recording", Duration::from_secs(40), || {
            let mut longest: f64 = 0.0;
            for file in recordings(&self.home)? {
                // It is still being written: its header may not be there yet.
                longest = longest.max(tone::seconds_of(&file, 440.0).unwrap_or(0.0));
            }
            Ok((longest >= TONE_SECONDS).then_some(()))
        })
    }

    /// Hangs up and ends.
    pub(crate) fn hang_up(&self) -> Outcome {
        self.process.signal("INT")
    }
}

/// What baresip decoded, one file a call.
fn recordings(home: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(home)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with("-dec.wav") {
            files.push(path);
        }
    }
    Ok(files)
}

/// The configuration folder of a phone.
fn write_home(agent: &str, port: u16, server: &Server) -> Outcome<PathBuf> {
    let home = server.folder().join(format!("baresip-{agent}"));
    fs::create_dir(&home)?;
    tone::write_wav(&home.join("tone.wav"), 600.0, 60)?;
    let (host, at) = (server.net.agent(), server.net.server());
    let password = server.password(agent)?;
    let account = format!("<sip:{agent}@{at}>;auth_pass={password};answermode=auto;regint=60\n");
    fs::write(home.join("accounts"), account)?;
    let modules = ["stdio", "g711", "aufile", "aubridge", "sndfile", "account", "menu"];
    let modules: Vec<_> = modules.iter().map(|name| format!("module {name}.so\n")).collect();
    let folder = home.display();
    let config = format!(
        "sip_listen {host}:{port}\nnet_interface {host}\nmodule_path /usr/lib/baresip/modules\n\
         audio_source aufile,{folder}/tone.wav\naudio_player aubridge,sink\n\
         audio_alert aubridge,sink\nsnd_path {folder}\ncall_max_calls 4\n{}",
        modules.concat()
    );
    fs::write(home.join("config"), config)?;
    Ok(home)
}
