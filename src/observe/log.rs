//! The log: to stderr, INFO for changes of stage, WARN for what is worth an alarm.
//!
//! `RUST_LOG` sets the level (`info` unless said otherwise). Numbers, names and codes are redacted
//! by their types at every level.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging for the process. A second call changes nothing.
pub fn start(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let log = log.with_ansi(colours);
    // An error means that a logger is there already: the second call that changes nothing.
    drop(log.with_target(false).try_init());
}
