//! `cargo bench`: what a CPU-second buys. Prints the machine, the version, and one line a figure
//! with its goal. `cargo bench -- sip|queue|pending|calls` runs one of them.
#![expect(clippy::print_stdout, reason = "the figures are what a bench is for")]

mod calls;
mod cpu;
mod pending;
mod queue;
mod sip;

use std::process::ExitCode;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let asked = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    println!("ringback {} on {}", env!("CARGO_PKG_VERSION"), cpu::machine());
    let mut met = true;
    if asked("sip") {
        sip::run();
    }
    if asked("queue") {
        queue::run();
    }
    if asked("pending") {
        met &= pending::run();
    }
    if asked("calls") {
        calls::run();
    }
    if met {
        ExitCode::SUCCESS
    } else {
        println!("a goal of the queue with many callbacks is missed");
        ExitCode::FAILURE
    }
}
