//! `ringback`: reads its arguments, runs what they ask for, and turns an error into an exit code.
//!
//! Exit codes: 0 done; 1 it failed; 2 the configuration or the arguments are wrong.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ringback::node::command;

/// A self-hosted callback server for contact centres, speaking SIP.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file.
    #[arg(long, env = "RINGBACK_CONFIG", default_value = "config/ringback.toml", global = true)]
    config: PathBuf,
    /// The data folder: database and secrets; overrides the configuration.
    #[arg(long, env = "RINGBACK_DATA", global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server (this is also what happens without a command).
    Serve,
    /// Check a configuration file: print its flows as trees, or every error with line and remedy.
    Check {
        /// The file; without it the one that `serve` would read.
        file: Option<PathBuf>,
    },
    /// Play one callback from end to end on loopback, with a server, a caller, a trunk and an
    /// agent.
    Demo,
    /// Passwords and keys.
    #[command(subcommand)]
    Secrets(Secrets),
}

#[derive(Subcommand)]
enum Secrets {
    /// Print the passwords of agents and devices, to a terminal only.
    Show,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let data = arguments.data.as_deref();
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => command::serve(&arguments.config, data),
        Command::Check { file } => command::check(&file.unwrap_or(arguments.config)),
        Command::Demo => command::demo(),
        Command::Secrets(Secrets::Show) => command::show_secrets(&arguments.config, data),
    }
}
