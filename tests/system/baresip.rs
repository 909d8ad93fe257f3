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
use crate::{Outcome, ensure, tone};

/// The seconds of tone that prove it.
const TONE_SECONDS: f64 = 2.0;

/// baresip registers as Ann and gets the callback; its recording holds the consumer's 440 Hz.
pub(crate) fn callback(net: Net) -> Outcome {
    sipp::needed()?;
    need("baresip")?;
    let server = Server::start(net, &Configuration::new())?;
    tone::self_check(server.folder())?;
    let database = Database::new(server.database())?;
    let home = write_home(&server)?;
    let mut command = Command::new("baresip");
    command.arg("-f").arg(&home);
    let phone = Process::start("baresip", &mut command, &home)?;
    until("baresip is bound", SOON, || Ok(database.bindings("ann")?.into_iter().next()))?;
    caller_accepts(&server)?;
    database.wait_queued(SOON)?;
    tone::write_ulaw(&server.folder().join("tone.ulaw"), 440.0)?;
    let mut consumer = Sipp::new("trunk_speaks", net.trunk()).start(&server)?;
    feature_code(&server, "*46")?;
    let heard = until("440 Hz in the recording", Duration::from_secs(40), || {
        let mut longest: f64 = 0.0;
        for file in recordings(&home)? {
            // It is still being written: its header may not be there yet.
            longest = longest.max(tone::seconds_of(&file, 440.0).unwrap_or(0.0));
        }
        Ok((longest >= TONE_SECONDS).then_some(longest))
    })?;
    ensure(heard >= TONE_SECONDS, || format!("{heard} s of the tone"))?;
    phone.signal("INT")?;
    consumer.succeed()?;
    database.wait_completed("AGENT_CONNECTED", SOON)?;
    server.stop()
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

/// A configuration folder: says 600 Hz, records what it hears, answers at once.
fn write_home(server: &Server) -> Outcome<PathBuf> {
    let home = server.folder().join("baresip");
    fs::create_dir(&home)?;
    tone::write_wav(&home.join("tone.wav"), 600.0, 60)?;
    let (agent, at) = (server.net.agent(), server.net.server());
    let password = server.password("ann")?;
    let account = format!("<sip:ann@{at}>;auth_pass={password};answermode=auto;regint=60\n");
    fs::write(home.join("accounts"), account)?;
    let modules = ["stdio", "g711", "aufile", "aubridge", "sndfile", "account", "menu"];
    let modules: Vec<_> = modules.iter().map(|name| format!("module {name}.so\n")).collect();
    let folder = home.display();
    let config = format!(
        "sip_listen {agent}:5060\nnet_interface {agent}\nmodule_path /usr/lib/baresip/modules\n\
         audio_source aufile,{folder}/tone.wav\naudio_player aubridge,sink\n\
         audio_alert aubridge,sink\nsnd_path {folder}\ncall_max_calls 4\n{}",
        modules.concat()
    );
    fs::write(home.join("config"), config)?;
    Ok(home)
}
