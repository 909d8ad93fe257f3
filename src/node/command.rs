//! What the command line asks for. The only place that prints.
#![expect(clippy::print_stdout, reason = "the commands talk to the person who typed them")]

use std::io::{IsTerminal, stdout};
use std::path::Path;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use super::{NodeError, Server, demo, secrets};
use crate::calls::flow;
use crate::config::Config;
use crate::ident::Language;
use crate::media::sounds::Sounds;
use crate::observe::log;

/// Threads for the tasks of the node: the event loop, and everything beside it.
const WORKERS: usize = 2;
/// The configuration or the arguments are wrong.
pub(super) const WRONG_INPUT: u8 = 2;

/// `ringback serve`: runs until SIGTERM or SIGINT (drains; a second one ends it at once). SIGHUP
/// reads the configuration again.
pub fn serve(config: &Path, data: Option<&Path>) -> ExitCode {
    log::start("info");
    finish(run(|| serve_until_signalled(config, data)))
}

/// `ringback demo`: one callback from end to end on loopback, with a printed timeline.
pub fn demo() -> ExitCode {
    log::start("warn");
    match run(demo::run) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => finish(Err(error)),
    }
}

/// `ringback check FILE`: the flow trees, or every error.
pub fn check(file: &Path) -> ExitCode {
    match read(file) {
        Ok((config, _)) => {
            for entry in &config.calls.entries {
                println!("entry {} -> flow {}", entry.dnis.as_str(), entry.flow);
            }
            for (name, flow) in &config.calls.flows {
                println!("flow {name}\n{}", flow::tree(flow));
            }
            for warning in &config.warnings {
                println!("warning: {warning}");
            }
            println!("{}: no errors", file.display());
            ExitCode::SUCCESS
        }
        Err(error) => finish(Err(error)),
    }
}

/// `ringback secrets show`: passwords and keys, to a terminal only, so that they end in no log.
pub fn show_secrets(config: &Path, data: Option<&Path>) -> ExitCode {
    let data =
        match data.map_or_else(|| read(config).map(|(c, _)| c.data), |data| Ok(data.to_owned())) {
            Ok(data) => data,
            Err(error) => return finish(Err(error)),
        };
    let data = data.as_path();
    if !stdout().is_terminal() {
        let file = data.join(secrets::FILE);
        eprintln!("secrets are shown on a terminal only; read {}", file.display());
        return ExitCode::from(WRONG_INPUT);
    }
    let kept =
        super::operating_system_entropy().and_then(|mut entropy| secrets::read(data, &mut entropy));
    match kept {
        Ok(kept) => {
            println!("api_key = {}", kept.api_key.expose());
            println!("webhook_secret = {}", kept.webhook_secret.expose());
            for (section, secrets) in [("users", &kept.users), ("trunks", &kept.trunks)] {
                println!("[{section}]");
                for (name, secret) in secrets {
                    println!("{name} = {}", secret.expose());
                }
            }
            ExitCode::SUCCESS
        }
        Err(error) => finish(Err(error)),
    }
}

fn finish(result: Result<(), NodeError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // A line an error, as an editor reads them.
        Err(error @ (NodeError::Config(_) | NodeError::Sounds(_))) => {
            eprintln!("{error}");
            ExitCode::from(WRONG_INPUT)
        }
        Err(error @ (NodeError::Secrets { .. } | NodeError::File { .. })) => {
            eprintln!("ringback: {error}");
            ExitCode::from(WRONG_INPUT)
        }
        Err(error) => {
            eprintln!("ringback: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run<T, F: Future<Output = Result<T, NodeError>>>(
    work: impl FnOnce() -> F,
) -> Result<T, NodeError> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(WORKERS).enable_all();
    runtime.build()?.block_on(work())
}

/// Reads and checks a configuration file and the recordings that it names.
fn read(file: &Path) -> Result<(Config, Sounds), NodeError> {
    let text = text_of(file)?;
    // Of a text that is wrong all is said where it is parsed.
    let own = Config::sounds_folder(&text).unwrap_or_default();
    let sounds = Sounds::load(own.as_deref()).map_err(NodeError::Sounds)?;
    let exists = |language: &Language, id: &str| sounds.contains(language.as_str(), id);
    let config = Config::parse(&file.display().to_string(), &text, &exists);
    Ok((config.map_err(NodeError::Config)?, sounds))
}

fn text_of(file: &Path) -> Result<String, NodeError> {
    std::fs::read_to_string(file).map_err(|error| NodeError::File { path: file.to_owned(), error })
}

async fn serve_until_signalled(file: &Path, data: Option<&Path>) -> Result<(), NodeError> {
    let (config, sounds) = read(file)?;
    for warning in &config.warnings {
        warn!("{warning}");
    }
    let data = data.unwrap_or(&config.data).to_owned();
    let data = data.as_path();
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hang_up = signal(SignalKind::hangup())?;
    let what_to_dial = greeting(&config, data);
    let server = Server::start(config, sounds, data).await?;
    println!("{what_to_dial}\nready");
    let health = server.health();
    let mut ended = std::pin::pin!(ended(health));
    loop {
        tokio::select! {
            () = &mut ended => return server.ended().await,
            Some(()) = hang_up.recv() => reload(&server, file).await,
            Some(()) = terminate.recv() => break,
            Some(()) = interrupt.recv() => break,
        }
    }
    info!("draining: no new calls; a second signal ends at once");
    tokio::select! {
        stopped = server.stop() => stopped,
        () = again(&mut terminate, &mut interrupt) => Ok(()),
    }
}

/// Waits until the event loop is gone: it holds the other end.
async fn ended(mut health: tokio::sync::watch::Receiver<crate::api::health::Health>) {
    while health.changed().await.is_ok() {}
}

async fn again(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn reload(server: &Server, file: &Path) {
    match read(file) {
        Ok((config, sounds)) => match server.reload(config, sounds).await {
            Ok(()) => println!("reloaded"),
            Err(reason) => error!(%reason, "the configuration was not taken"),
        },
        Err(reason) => error!(%reason, "the configuration was not taken; nothing was changed"),
    }
}

/// What to dial, in the words of a person who sees this for the first time.
fn greeting(config: &Config, data: &Path) -> String {
    use std::fmt::Write;
    let sip = config.sip.listen;
    let mut text = format!("Ringback listens for SIP on {sip} (UDP).\n");
    let registers = config.agent_phones.iter().filter(|(_, phone)| phone.beyond.is_none());
    let registers: Vec<_> = registers.map(|(agent, _)| agent.as_str()).collect();
    // Writing to a String cannot fail.
    for entry in &config.calls.entries {
        let (dnis, flow) = (entry.dnis.as_str(), &entry.flow);
        let _ = writeln!(text, "  call      sip:{dnis}@{sip}  (flow {flow})");
    }
    if !registers.is_empty() {
        let _ = writeln!(text, "  agents    register as {} at {sip}", registers.join(", "));
    }
    for (agent, phone) in &config.agent_phones {
        if let Some((trunk, _)) = &phone.beyond {
            let _ = writeln!(text, "  agents    {agent} is called through {trunk}");
        }
    }
    let codes = "*45 log in or out, *46 ready or not, *47 end after-call work";
    let _ = writeln!(text, "  codes     {codes}");
    let _ = write!(
        text,
        "  passwords `ringback secrets show` prints those of {}/{}",
        data.display(),
        secrets::FILE
    );
    text
}
