//! Cuts the inputs of a failing run down to those that matter (delta debugging after Zeller), and
//! prints them as a scenario text.

use std::fmt::Write as _;

use ringback::queue::Settings;

use crate::bench::{Bench, Timed, Violation};
use crate::policy;
use crate::run::{Failure, guarded};
use crate::text::{self, Names};
use crate::world::World;

/// Most inputs fed while cutting.
const FED_MAX: usize = 3_000_000;

fn breaks(settings: &Settings, inputs: &[Timed]) -> Option<(usize, Violation)> {
    let mut bench = Bench::new(settings.clone(), true);
    for (n, timed) in inputs.iter().enumerate() {
        if let Err(violation) = guarded(|| bench.step(timed.clone())) {
            return Some((n, violation));
        }
    }
    None
}

/// The shortest list found that breaks the same rule, as a scenario text.
pub(crate) fn shrunk(failure: &Failure) -> String {
    let settings = World::new(failure.seed).settings();
    let rule = failure.violation.rule;
    let mut fed = 0;
    let still = |inputs: &[Timed]| {
        breaks(&settings, inputs).filter(|(_, violation)| violation.rule == rule).map(|(n, _)| n)
    };
    let mut inputs = failure.inputs.clone();
    match still(&inputs) {
        Some(last) => inputs.truncate(last + 1),
        // Found by the whole run (it never ended, or differed), not by one input.
        None => return format!("not cut down: {rule} is seen only at the end of the run"),
    }
    let mut chunk = inputs.len() / 2;
    while chunk > 0 && fed < FED_MAX {
        let mut from = 0;
        while from < inputs.len() && fed < FED_MAX {
            let mut fewer = inputs.clone();
            fewer.drain(from..(from + chunk).min(inputs.len()));
            fed += fewer.len();
            match still(&fewer) {
                Some(last) => {
                    fewer.truncate(last + 1);
                    inputs = fewer;
                }
                None => from += chunk,
            }
        }
        chunk /= 2;
    }
    print(&settings, &inputs, &failure.violation)
}

fn print(settings: &Settings, inputs: &[Timed], violation: &Violation) -> String {
    let mut out = format!("# breaks {}: {}\n", violation.rule, violation.text);
    out.push_str(&policy::show_settings(settings));
    let (names, mut bench) = (Names::default(), Bench::new(settings.clone(), true));
    for timed in inputs {
        _ = writeln!(out, "{}", text::show_input(&names, timed));
        let Ok(stepped) = guarded(|| bench.step(timed.clone())) else { break };
        out.push_str(&text::show_step(&names, &stepped));
    }
    out
}
