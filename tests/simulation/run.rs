//! Runs seeds: each a phase of faults, then a kind world in which everybody must reach an outcome;
//! each twice, and both must give the same orders.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ringback::queue::interaction::ROWS;
use ringback::queue::invariants::runs;
use ringback::queue::{Queue, Stage, Transition};

use crate::bench::{Bench, Timed, Violation};
use crate::simulation::shrink;
use crate::swarm::START;
use crate::text::show_time;
use crate::world::World;

/// Steps of the phase of faults.
const STEPS: u64 = 3_000;
/// Steps in which a kind world must bring everybody to an outcome: so many, and so many for each.
const KIND_STEPS: usize = 500;
const KIND_STEPS_EACH: usize = 150;
/// How often every row of the state table must be taken in 2,000 seeds; in fewer, from so many on,
/// as much less often.
const TAKEN_MIN: u64 = 100;
const SEEDS_FOR_ONE: u64 = 20;
const ENFORCED_SEEDS: u64 = 1_000;
const THREADS: u64 = 2;

/// What a seed did before it failed, and how it failed.
pub(crate) struct Failure {
    /// The seed.
    pub(crate) seed: u64,
    /// The rule broken.
    pub(crate) violation: Violation,
    /// Everything that happened, to be cut down.
    pub(crate) inputs: Vec<Timed>,
}

/// What a number of seeds did.
#[derive(Default)]
pub(crate) struct Report {
    seeds: u64,
    events: u64,
    jumps: u64,
    taken: BTreeMap<&'static str, u64>,
    failures: Vec<Failure>,
}

/// Runs `count` seeds from `start` on.
pub(crate) fn seeds(start: u64, count: u64) -> Report {
    let next = AtomicU64::new(start);
    let report = Mutex::new(Report::default());
    std::panic::set_hook(Box::new(|_| {}));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= start + count {
                        return;
                    }
                    let one = seed_twice(seed);
                    let failed = !one.failures.is_empty();
                    if let Ok(mut report) = report.lock() {
                        report.add(one);
                    }
                    if failed {
                        // The rest would only repeat it.
                        next.store(start + count, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    _ = std::panic::take_hook();
    report.into_inner().unwrap_or_default()
}

impl Report {
    fn add(&mut self, one: Report) {
        self.seeds += one.seeds;
        self.events += one.events;
        self.jumps += one.jumps;
        for (row, count) in one.taken {
            *self.taken.entry(row).or_default() += count;
        }
        self.failures.extend(one.failures);
    }

    fn rows_taken(&self, least: u64) -> usize {
        let enough = |row: &&&str| self.taken.get(**row).copied().unwrap_or(0) >= least;
        ROWS.iter().filter(enough).count()
    }

    fn enforced(&self) -> u64 {
        if self.seeds < ENFORCED_SEEDS {
            return 1;
        }
        TAKEN_MIN.min(self.seeds / SEEDS_FOR_ONE)
    }

    /// No rule broken, at most half of the steps jumps, and with enough seeds every row taken.
    pub(crate) fn passed(&self) -> bool {
        let rows = self.seeds < ENFORCED_SEEDS || self.rows_taken(self.enforced()) == ROWS.len();
        self.failures.is_empty() && self.jumps * 2 <= self.events && rows
    }

    /// Prints the failure, cut down, and the rows that were not taken often enough.
    pub(crate) fn explain(&self) {
        for row in ROWS {
            let taken = self.taken.get(row).copied().unwrap_or(0);
            let wanted = self.enforced();
            if self.seeds >= ENFORCED_SEEDS && taken < wanted {
                println!("row {row} taken {taken} times, wanted {wanted}");
            }
        }
        let Some(failure) = self.failures.iter().min_by_key(|failure| failure.seed) else { return };
        println!("SIM_SEED_START={} SIM_SEEDS=1 cargo sim", failure.seed);
        println!("violation {}: {}", failure.violation.rule, failure.violation.text);
        if std::env::var_os("SIM_SHRINK").is_none_or(|value| value != "0") {
            println!("{}", shrink::shrunk(failure));
        }
    }

    /// The last line of a run.
    pub(crate) fn summary(&self) -> String {
        let rows = self.rows_taken(self.enforced());
        format!(
            "seeds {} events {} transitions {rows}/{} violations {}",
            self.seeds,
            self.events,
            ROWS.len(),
            self.failures.len()
        )
    }
}

/// A seed, twice; the second run is not checked again, only compared.
fn seed_twice(seed: u64) -> Report {
    let mut report = Report { seeds: 1, ..Report::default() };
    let mut inputs = Vec::new();
    let first = guarded(|| run(seed, true, &mut report, &mut inputs));
    let second = first.and_then(|first| {
        let second = guarded(|| run(seed, false, &mut Report::default(), &mut Vec::new()))?;
        let rule = "same_seed_same_effects";
        runs::same_seed_same_effects(first, second)
            .map_err(|broken| Violation { rule, text: broken.0 })
    });
    if let Err(violation) = second {
        report.failures.push(Failure { seed, violation, inputs });
    }
    report
}

/// A panic is a broken rule like any other.
pub(crate) fn guarded<T>(run: impl FnOnce() -> Result<T, Violation>) -> Result<T, Violation> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
        Err(Violation { rule: "no_panic", text: text.unwrap_or_default() })
    })
}

/// One run of one seed.
struct Run<'a> {
    seed: u64,
    log: bool,
    world: World,
    bench: Bench,
    report: &'a mut Report,
    inputs: &'a mut Vec<Timed>,
}

/// One run; returns the hash of every order made.
fn run(
    seed: u64,
    checked: bool,
    report: &mut Report,
    inputs: &mut Vec<Timed>,
) -> Result<u64, Violation> {
    let world = World::new(seed);
    let bench = Bench::new(world.settings(), checked);
    let log = checked && std::env::var_os("SIM_LOG").is_some();
    let mut run = Run { seed, log, world, bench, report, inputs };
    for _ in 0..STEPS {
        let timed = run.world.next(&run.bench);
        run.feed(timed)?;
    }
    run.report.jumps += run.world.jumps();
    for timed in run.world.turn_kind(&run.bench) {
        run.feed(timed)?;
    }
    let steps = KIND_STEPS + KIND_STEPS_EACH * run.bench.queue.interactions().count();
    for _ in 0..steps {
        if run.bench.queue.interactions().next().is_none() {
            break;
        }
        for timed in run.world.next_kind(&run.bench) {
            run.feed(timed)?;
        }
    }
    drained(&run.bench, steps)?;
    Ok(run.bench.hash.0)
}

impl Run<'_> {
    fn feed(&mut self, timed: Timed) -> Result<(), Violation> {
        self.inputs.push(timed.clone());
        let stepped = self.bench.step(timed)?;
        self.report.events += 1;
        for transition in &stepped.transitions {
            *self.report.taken.entry(transition.row).or_default() += 1;
            if self.log {
                println!("{}", log_line(self.seed, &self.bench.queue, transition));
            }
        }
        self.world.observe(&stepped);
        Ok(())
    }
}

fn drained(bench: &Bench, steps: usize) -> Result<(), Violation> {
    runs::drains(&bench.queue, steps)
        .map_err(|broken| Violation { rule: "drains", text: broken.0 })?;
    bench.finished()
}

/// Fixed columns: seed, time, interaction, letter of the stage, priority and arrival, agent, row.
fn log_line(seed: u64, queue: &Queue, transition: &Transition) -> String {
    let letter = match transition.stage {
        Stage::Scheduled => 'S',
        Stage::Virtual { .. } => 'V',
        Stage::Pushed => 'P',
        Stage::AwaitingCallIn => 'I',
        Stage::Lapsed => 'L',
        Stage::Dialing => 'D',
        Stage::Confirming => 'C',
        Stage::Waiting => 'W',
        Stage::Alerting(_) => 'A',
        Stage::Bridged(_) => 'B',
        Stage::Done(_) => '.',
    };
    let place = queue.interaction(transition.interaction).map(|interaction| interaction.place);
    let place = place.map_or_else(String::new, |place| {
        format!("{:+} {} {}", place.priority.0, show_time(place.arrival), place.sequence)
    });
    let agent = transition.agent.as_ref().map_or("-", |agent| agent.as_str());
    let (at, id, row) =
        (show_time(transition.at.max(START)), transition.interaction.0, transition.row);
    format!("{seed:>6} {at:>12} i{id:<6} {letter} {place:<24} {agent:<8} {row}")
}
