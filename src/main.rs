//! `ringback`: reads its arguments, runs what they ask for, and turns an error into an exit code.
//!
//! Exit codes: 0 done; 1 it failed; 2 the configuration or the arguments are wrong.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ringback::media::prompt::Language;
use ringback::node::{command, sounds};

/// A self-hosted callback server for contact centres, speaking SIP.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file.
    #[arg(long, env = "RINGBACK_CONFIG", default_value = sounds::DEFAULT_CONFIG, global = true)]
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
    /// The recordings: what there is, whether it is right, how it sounds.
    #[command(subcommand)]
    Sounds(Sounds),
}

#[derive(Subcommand)]
enum Secrets {
    /// Print the passwords of agents and devices, to a terminal only.
    Show,
}

#[derive(Subcommand)]
enum Sounds {
    /// Print every recording: its length, whose it is, what it says.
    List {
        /// One language only.
        #[arg(long, value_parser = sounds::language)]
        language: Option<Language>,
    },
    /// Check that all are there in every language, as loud as the others, and not cut off.
    Check,
    /// Hear a recording.
    Play {
        /// Its id, as `list` prints it: `en/welcome`, `moh/NAME`.
        id: String,
        /// Write it to this WAV file instead.
        #[arg(long)]
        output: Option<PathBuf>,
    },
    /// Hear a value as callers do.
    Say {
        /// The language.
        #[arg(value_parser = sounds::language)]
        language: Language,
        /// What the value is.
        kind: sounds::Kind,
        /// A number, `+14155550101`, a code, `2026-12-24`, `15:30`, `1h30m`.
        value: String,
        /// Write it to this WAV file instead.
        #[arg(long)]
        output: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let data = arguments.data.as_deref();
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => command::serve(&arguments.config, data),
        Command::Check { file } => command::check(&file.unwrap_or(arguments.config)),
        Command::Demo => command::demo(),
        Command::Secrets(Secrets::Show) => command::show_secrets(&arguments.config, data),
        Command::Sounds(Sounds::List { language }) => sounds::list(&arguments.config, language),
        Command::Sounds(Sounds::Check) => sounds::check(&arguments.config),
        Command::Sounds(Sounds::Play { id, output }) => {
            sounds::play(&arguments.config, &id, output.as_deref())
        }
        Command::Sounds(Sounds::Say { language, kind, value, output }) => {
            sounds::say(&arguments.config, (language, kind, &value), output.as_deref())
        }
    }
}
