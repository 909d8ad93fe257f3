//! The seeded simulator and the scenario texts: the queue behind its gate and its store, in a world
//! of telephones that fail.
//!
//! `cargo test --test simulation` runs `tests/scenarios/*.txt` and a hundred seeds.
//! `SIM_SEED_START=n SIM_SEEDS=m cargo sim` runs those seeds; 1,000 or more must take every row of
//! the state table. `SIM_LOG=1` prints a line per transition, `UPDATE_EXPECT=1` rewrites what the
//! scenarios expect.

#![expect(clippy::print_stdout, reason = "a test binary without a harness prints its own result")]
#![expect(clippy::wildcard_enum_match_arm, reason = "the world looks only at what concerns it")]

mod simulation {
    pub(crate) mod bench;
    pub(crate) mod call_in;
    pub(crate) mod checks;
    pub(crate) mod policy;
    pub(crate) mod questions;
    pub(crate) mod rules;
    pub(crate) mod run;
    pub(crate) mod scenario;
    pub(crate) mod shrink;
    pub(crate) mod swarm;
    pub(crate) mod text;
    pub(crate) mod world;
}

use std::process::ExitCode;

use simulation::{
    bench, call_in, checks, policy, questions, rules, run, scenario, swarm, text, world,
};

/// Seeds of a plain test run, and of a run that says nothing else.
const FEW: u64 = 100;
const MANY: u64 = 1_000;

fn main() -> ExitCode {
    let passed = match std::env::args().find(|word| word == "seeds" || word == "scenarios") {
        Some(word) if word == "seeds" => seeds(),
        Some(_) => summed(scenario::all()),
        None => everything(),
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

fn seeds() -> bool {
    let start = number("SIM_SEED_START").unwrap_or(0);
    let report = run::seeds(start, number("SIM_SEEDS").unwrap_or(MANY));
    report.explain();
    println!("{}", report.summary());
    report.passed()
}

fn everything() -> bool {
    let (mut passed, mut failed) = scenario::all();
    let start = number("SIM_SEED_START").unwrap_or(0);
    let report = run::seeds(start, number("SIM_SEEDS").unwrap_or(FEW));
    report.explain();
    println!("{}", report.summary());
    if report.passed() {
        passed += 1
    } else {
        failed.push("seeds".into())
    }
    summed((passed, failed))
}

fn summed((passed, failed): (usize, Vec<String>)) -> bool {
    for name in &failed {
        println!("FAILED {name}");
    }
    println!("simulation: {passed} passed, {} failed, 0 skipped", failed.len());
    failed.is_empty()
}
